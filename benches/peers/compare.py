#!/usr/bin/env python3
"""Measures matchkey and its peers on one list, and says whether their keys agree.

In: options; the project around this file. Everything made on the way (the list, the environment
of the peers, the files of keys) is under `target/peers/`. Out: tables on stdout, with `--record`
also as `records/YYYY-MM-DD.md` and `.json`, or with `-2`, ... if that is there. Exit 0; 1 if a tool
fails or a key differs without a known reason; 2 on wrong usage.

Each run is a process of its own, timed by `measure.py` from its start to its end and charged with
what the kernel says of it.
"""

import argparse
import datetime
import filecmp
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import customers

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WORK = ROOT / "target" / "peers"
RECORDS = HERE / "records"
REQUIREMENTS = HERE / "requirements.txt"

THREADS = 2
ROWS, ROUNDS = 5_000_000, 5
SMOKE_ROWS = 20_000
# Plain Python would take most of the time of a comparison.
PYTHON_SHARE = 10
MIB = 1 << 20

OURS, UNSYNCED = "matchkey", "matchkey > file"
# For each peer the packages that it needs, its script in `tools/`, and what that is told.
PEERS = {
    "DuckDB": (("duckdb",), "duckdb_keys.py"),
    "DuckDB, ordered": (("duckdb",), "duckdb_keys.py", "ordered"),
    "Polars": (("polars", "polars-hash"), "polars_keys.py"),
    "ClickHouse": (("chdb", "chdb-core"), "chdb_keys.py"),
    "ClickHouse, ordered": (("chdb", "chdb-core"), "chdb_keys.py", "ordered"),
    "Python": ((), "python_keys.py"),
}
CAVEATS = """
- One list, one shape: 8 short columns, two identifiers, clean CSV. Other lists give other ratios.
- The peers are charged with their start (see the table), which weighs less the longer the list.
- matchkey does more for a phone (libphonenumber's rules), for an e-mail (shape, Unicode) and for
  a row (counts, reasons, recovery of broken quotes). A user who needs none of that pays for it.
- matchkey with `-o` waits until the file is on the disk; no peer does. `matchkey > file` does not
  wait either: its wall time is the one to compare.
- The peers also read Parquet, join and aggregate, and may be there already.
""".strip()


def say(text):
    print(text, file=sys.stderr, flush=True)


def build():
    """Builds the binary; answers its path."""
    command = "cargo build --release --no-default-features --features cli --bin matchkey --quiet"
    say("building matchkey")
    subprocess.run(command.split(), cwd=ROOT, check=True)
    return TARGET.absolute() / "release" / "matchkey"


def pins():
    """The pinned requirement of each package."""
    lines = REQUIREMENTS.read_text(encoding="ascii").splitlines()
    return {line.split("==")[0]: line for line in lines if "==" in line}


def environment(may_skip):
    """Makes the virtual environment; answers its Python and the peers that it can run."""
    text = REQUIREMENTS.read_text(encoding="ascii") + sys.version
    folder = WORK / f"venv-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if not python.exists():
        say("making the environment of the peers")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    peers = []
    for peer, (packages, *_) in PEERS.items():
        wanted = [pins()[package] for package in packages]
        done = folder / f"has-{'-'.join(packages)}"
        if wanted and not done.exists():
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            status = subprocess.run(pip + wanted, check=False).returncode
            if status and not may_skip:
                raise SystemExit(f"{peer} cannot be installed: {', '.join(wanted)}")
            if status:
                say(f"skipped, as it cannot be installed: {peer}")
                continue
            done.touch()
        peers.append(peer)
    return python, peers


def commands(binary, python):
    """For each tool a function of the list and the output: the command, and where stdout goes."""
    hash_it = [binary, "hash", "--platform", "generic", "--country", "US", "--quiet"]
    hash_it += ["--threads", str(THREADS)]

    def script(name, *words):
        path = HERE / "tools" / name
        return lambda source, output: ([python, path, source, output, *words], None)

    tools = {
        OURS: lambda source, output: ([*hash_it, source, "-o", output], None),
        UNSYNCED: lambda source, output: ([*hash_it, source], output),
    }
    return tools | {peer: script(*words) for peer, (_, *words) in PEERS.items()}


def run(command, stdout):
    """Runs a command to its end; answers wall seconds, CPU seconds and peak MiB."""
    environ = os.environ | {"POLARS_MAX_THREADS": str(THREADS)}
    call = [sys.executable, "-I", "-S", HERE / "measure.py", stdout or os.devnull, *command]
    done = subprocess.run(call, env=environ, check=True, stdout=subprocess.PIPE)
    wall, cpu, peak, status = done.stdout.split()
    if int(status):
        names = " ".join(Path(part).name for part in command[:2])
        raise SystemExit(f"exit status {int(status)}: {names}")
    return {"wall": float(wall), "cpu": float(cpu), "peak": int(peak) / MIB}


def measure(tools, lists, rounds, outputs):
    """Runs every tool once a round, another first in each; answers the runs of each tool."""
    runs = {name: [] for name in tools}
    names = list(tools)
    for at in range(rounds):
        first = at % len(names)
        for name in names[first:] + names[:first]:
            outputs[name].unlink(missing_ok=True)
            # What another tool wrote must not be written to the disk at this one's cost.
            os.sync()
            rows, path = lists[name]
            figures = run(*tools[name](path, outputs[name]))
            runs[name].append(figures | {"rows": rows})
            say(
                f"round {at + 1}/{rounds}  {name:20} {figures['wall']:7.2f} s wall "
                f"{figures['cpu']:7.2f} s CPU {figures['peak']:7.0f} MiB"
            )
    return runs


def agreement(peers, lists, outputs):
    """What `agree.py` says of each peer."""
    if not filecmp.cmp(outputs[OURS], outputs[UNSYNCED], shallow=False):
        raise SystemExit("matchkey writes other keys to stdout than to a file")
    found = {}
    for peer in peers:
        say(f"comparing the keys of {peer}")
        rows, path = lists[OURS]
        command = [sys.executable, HERE / "agree.py", path, outputs[OURS], outputs[peer], str(rows)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        found[peer] = json.loads(done.stdout)
        if found[peer]["rows"] != lists[peer][0]:
            raise SystemExit(f"{peer} wrote {found[peer]['rows']} of {lists[peer][0]} rows")
    return found


def spread(values, form):
    """The median, and the least and the greatest if there are several."""
    values = list(values)
    text = format(statistics.median(values), form)
    if len(values) == 1:
        return text
    return f"{text} ({format(min(values), form)}..{format(max(values), form)})"


def per_million(figures, what):
    return figures[what] * 1e6 / figures["rows"]


def ratios(runs, peer, base, what):
    """A peer's cost to that of `base`, row for row, round by round."""
    pairs = zip(runs[peer], runs[base], strict=True)
    if what == "peak":
        return [a[what] / b[what] for a, b in pairs]
    return [per_million(a, what) / per_million(b, what) for a, b in pairs]


def table(header, lines):
    """A Markdown table; all columns but the first are numbers."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def cost_table(runs, less):
    header = ["tool", "rows", "wall s", "CPU s", "CPU s per 1 M rows", "less the start"]
    header += ["rows/s", "peak MiB"]
    lines = []
    for name, done in runs.items():
        rows = done[0]["rows"]
        lines.append([
            name,
            f"{rows:,}",
            spread((figures["wall"] for figures in done), ".2f"),
            spread((figures["cpu"] for figures in done), ".2f"),
            spread((per_million(figures, "cpu") for figures in done), ".3f"),
            spread((per_million(figures, "cpu") for figures in less[name]), ".3f"),
            f"{statistics.median(rows / figures['wall'] for figures in done):,.0f}",
            spread((figures["peak"] for figures in done), ".0f"),
        ])
    return table(header, lines)


def start_table(starts):
    lines = [
        [name] + [spread((figures[what] for figures in done), form)
                  for what, form in (("wall", ".3f"), ("cpu", ".3f"), ("peak", ".0f"))]
        for name, done in starts.items()
    ]
    return table(["tool", "wall s", "CPU s", "peak MiB"], lines)


def without_start(runs, starts):
    """The runs with the CPU time of a list of one row taken off: what a longer list tends to."""
    less = {}
    for name, done in runs.items():
        start = statistics.median(figures["cpu"] for figures in starts[name])
        less[name] = [figures | {"cpu": figures["cpu"] - start} for figures in done]
    return less


def ratio_table(runs, less, peers):
    header = ["peer", "CPU", "CPU, less the start", "wall", "wall, to `matchkey > file`"]
    header.append("peak memory")
    lines = []
    for peer in peers:
        pairs = [(runs, OURS, "cpu"), (less, OURS, "cpu"), (runs, OURS, "wall")]
        pairs += [(runs, UNSYNCED, "wall"), (runs, OURS, "peak")]
        lines.append([peer] + [spread(ratios(of, peer, *pair), ".2f") for of, *pair in pairs])
    return table(header, lines)


def agreement_table(found):
    header = ["peer", "rows", "e-mail keys equal", "phone keys equal", "neither has a key"]
    header += ["known differences", "errors", "order of the list"]
    lines = []
    for peer, result in found.items():
        different = sum(result["differences"].values()) - result["errors"]
        numbers = [result["rows"], *(result["agreed"].get(f, 0) for f in ("email", "phone"))]
        numbers += [sum(result["without_key"].values()), different, result["errors"]]
        order = "kept" if result["in_order"] else "any"
        lines.append([peer, *(f"{number:,}" for number in numbers), order])
    return table(header, lines)


def difference_table(found):
    """All peers follow one rule, so those that read the same rows differ in the same cells."""
    categories = sorted({name for result in found.values() for name in result["differences"]})
    lines = [
        [category] + [f"{result['differences'].get(category, 0):,}" for result in found.values()]
        for category in categories
    ]
    return table(["difference, cells", *found], lines)


def against_us(runs, less, peers):
    """Where a peer is cheaper than matchkey, by the medians of the ratios."""
    lines = []
    for peer in peers:
        for of, base, what, words in (
            (runs, OURS, "cpu", "CPU time"),
            (less, OURS, "cpu", "CPU time, less the start of both"),
            (runs, UNSYNCED, "wall", "wall time (to `matchkey > file`)"),
            (runs, OURS, "peak", "peak memory"),
        ):
            ratio = statistics.median(ratios(of, peer, base, what))
            if ratio < 1:
                lines.append(f"- {peer} takes {ratio:.2f} times our {words}.")
    return "\n".join(lines) or "- In no measure of this table is a peer cheaper."


def first_line(*command):
    try:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip().partition("\n")[0]


def processor():
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else "unknown"


def versions(binary, peers):
    wanted = {OURS: f"{first_line(binary, '--version')}, {first_line('rustc', '--version')}"}
    for peer in (peer for peer in peers if len(PEERS[peer]) == 2):
        names = [pins()[package].replace("==", " ") for package in PEERS[peer][0]]
        wanted[peer] = ", ".join(names) or f"Python {sys.version.split()[0]}"
    return wanted


def document(facts, runs, starts, found, peers):
    """The whole result as Markdown."""
    less = without_start(runs, starts)
    return "\n\n".join([
        f"# matchkey and its peers, {facts['date']}",
        "\n".join([
            f"- List: {facts['rows']:,} rows, {facts['bytes']:,} bytes, SHA-256 "
            f"`{facts['sha256'][:16]}`",
            f"- Processor: {facts['processor']}, {facts['cores']} cores, {THREADS} threads for "
            f"each tool (Python: 1); load before the first run {facts['load']:.2f}",
            f"- Commit: {facts['commit']}",
            *(f"- {name}: {version}" for name, version in facts["versions"].items()),
        ]),
        f"## Cost\n\nRounds: {facts['rounds']}; the median (least..greatest). Python reads the "
        f"first {facts['python_rows']:,} rows.",
        cost_table(runs, less),
        "## Ratios to matchkey\n\nRow for row, within one round; above 1 the peer costs more.",
        ratio_table(runs, less, peers),
        "## The start alone\n\nA list of one row; part of all figures above.",
        start_table(starts),
        "## Keys",
        agreement_table(found),
        difference_table(found),
        "## What speaks against us",
        against_us(runs, less, peers) + "\n" + CAVEATS,
    ]) + "\n"


def parse_arguments():
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, help=f"rows of the list, {ROWS:,} unless told")
    parser.add_argument("--rounds", type=int, help=f"runs of each tool, {ROUNDS} unless told")
    parser.add_argument("--record", action="store_true", help="write records/YYYY-MM-DD.md")
    parser.add_argument("--binary", type=Path, help="matchkey, if it is not to be built")
    parser.add_argument("--smoke", action="store_true",
                        help=f"{SMOKE_ROWS:,} rows, one round; skips peers that do not install")
    args = parser.parse_args()
    if args.smoke and args.record:
        parser.error("--smoke measures nothing that is worth a record")
    args.rows = args.rows or (SMOKE_ROWS if args.smoke else ROWS)
    args.rounds = args.rounds or (1 if args.smoke else ROUNDS)
    if args.rows < PYTHON_SHARE or args.rounds < 1:
        parser.error(f"at least {PYTHON_SHARE} rows and one round")
    return args


def main():
    args = parse_arguments()
    WORK.mkdir(parents=True, exist_ok=True)
    binary = args.binary.absolute() if args.binary else build()
    python, peers = environment(may_skip=args.smoke)
    names = [OURS, UNSYNCED, *peers]
    tools = commands(binary, python)
    tools = {name: tools[name] for name in names}

    say("writing the lists")
    python_rows = args.rows if args.smoke else args.rows // PYTHON_SHARE
    paths = {rows: WORK / f"customers-{rows}.csv" for rows in (1, python_rows, args.rows)}
    written = {rows: customers.write(path, rows) for rows, path in paths.items()}
    lists = {name: (args.rows, paths[args.rows]) for name in names}
    lists["Python"] = (python_rows, paths[python_rows])
    outputs = {name: WORK / f"keys-{at}.csv" for at, name in enumerate(names)}
    facts = {
        "date": datetime.date.today().isoformat(),
        **{name: written[args.rows][name] for name in ("rows", "bytes", "sha256")},
        "python_rows": python_rows,
        "rounds": args.rounds,
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "commit": first_line("git", "describe", "--always", "--dirty", "--abbrev=10"),
        "versions": versions(binary, peers),
    }

    one = dict.fromkeys(names, (1, paths[1]))
    # The first start reads the programs themselves from the disk.
    measure(tools, one, 1, outputs)
    starts = measure(tools, one, args.rounds, outputs)
    runs = measure(tools, lists, args.rounds, outputs)
    found = agreement(peers, lists, outputs)
    for path in outputs.values():
        path.unlink(missing_ok=True)

    text = document(facts, runs, starts, found, peers)
    print(text, end="")
    if args.record:
        RECORDS.mkdir(exist_ok=True)
        names = (f"{facts['date']}{mark}.md" for mark in ["", *(f"-{n}" for n in range(2, 100))])
        # A record that is there stays.
        path = next(path for path in map(RECORDS.joinpath, names) if not path.exists())
        path.write_text(text, encoding="utf-8")
        figures = {"facts": facts, "runs": runs, "starts": starts, "keys": found}
        path.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", "ascii")
    errors = {peer: result for peer, result in found.items() if result["errors"]}
    for peer, result in errors.items():
        say(f"{peer}: {result['errors']} keys differ without a known reason: "
            f"{', '.join(result['examples'])}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
