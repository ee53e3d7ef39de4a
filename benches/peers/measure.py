"""Runs one command and says what it took.

In: the path that gets its stdout, and the command. Out: one line on stdout: wall seconds, CPU
seconds (user and system), peak memory in bytes, exit status.

The kernel counts the memory of the starting process as the new one's peak until it has more of
its own. So this is a program of its own, with next to nothing imported, to be started with
`python3 -I -S`: its dozen MiB are the least that can be measured.
"""

import os
import sys
import time


def main():
    sink, *command = sys.argv[1:]
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, sink, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=files)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    peak = usage.ru_maxrss * unit
    print(wall, usage.ru_utime + usage.ru_stime, peak, os.waitstatus_to_exitcode(status))


main()
