"""The keys of a list by plain Python: csv and hashlib, one thread.

In: the paths of the list and of the file to write. Out: that file, `row,email_sha256,phone_sha256`.

Tried: str.translate with a table is faster than re.sub for the phones; writing joined lines is
faster than csv.writer, and no field of ours needs quotes.
"""

import csv
import sys
from hashlib import sha256

NULLS = {"", "n/a", "na", "null", "none", "-"}
NO_DIGITS = {code: None for code in range(128) if not chr(code).isdigit()}
ROWS_AT_ONCE = 10_000


def email_key(text):
    email = text.strip().lower()
    return "" if email in NULLS else sha256(email.encode()).hexdigest()


def phone_key(text):
    digits = text.translate(NO_DIGITS)
    if not digits:
        return ""
    prefix = "+1" if len(digits) == 10 else "+"
    return sha256((prefix + digits).encode()).hexdigest()


def main():
    source, output = sys.argv[1:]
    with open(source, newline="") as rows, open(output, "w", buffering=1 << 20) as keys:
        keys.write("row,email_sha256,phone_sha256\n")
        reader = csv.reader(rows)
        next(reader)
        lines = []
        for row, fields in enumerate(reader, 1):
            lines.append(f"{row},{email_key(fields[1])},{phone_key(fields[2])}\n")
            if len(lines) == ROWS_AT_ONCE:
                keys.write("".join(lines))
                lines.clear()
        keys.write("".join(lines))


main()
