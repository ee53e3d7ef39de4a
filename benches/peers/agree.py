"""Says whether the keys of a peer are those of matchkey.

In: the paths of the list, of matchkey's keys and of a peer's keys, which may be in another order
and may be of the first rows only, and how many rows the list has. Out: one JSON object: rows
compared, whether the peer keeps their order, for each identifier the keys that agree, the cells
without a key on either side, and the disagreements by category; `errors` counts those that no
known difference of the rules explains, and `examples` names their rows, never a cell's content.
Exit 0; 1 if a file is no file of keys.
"""

import csv
import json
import mmap
import re
import sys
from array import array
from collections import Counter

EXAMPLES = 5
HEADER = b"row,email_sha256,phone_sha256"
# Where to strip what is no digit, and to put 1 before ten of them, is right.
NAIVE_IS_RIGHT = re.compile(
    r"\+1\d{10}|\(\d{3}\) \d{3}-\d{4}|\d{3}-\d{3}-\d{4}|\d{3}\.\d{3}\.\d{4}|\d{10}"
    r"|1 \d{3} \d{3} \d{4}|\+44 20 \d{4} \d{4}|\+49 30 \d{8}"
)


def email_category(cell, ours, theirs):
    """Why two keys of an e-mail differ; None if nothing explains it."""
    text = cell.strip()
    local, at, domain = text.partition("@")
    is_address = local and at and "." in domain and "@" not in domain and " " not in text
    if theirs and not ours and not is_address:
        return "no address: refused by matchkey, hashed by the peer"
    return None


def phone_category(cell, ours, theirs):
    """Why two keys of a phone differ; None if nothing explains it."""
    digits = re.sub("[^0-9]", "", cell)
    if theirs and not ours:
        if len(set(digits)) == 1 or digits == "1234567890":
            return "filler: refused by matchkey, hashed by the peer"
        if len(digits) < 10:
            return "too short: refused by matchkey, hashed by the peer"
        if not cell.startswith("+") and cell.endswith(".0"):
            return "a spreadsheet's .0: refused by matchkey, hashed with its zero by the peer"
        return None
    if not (ours and theirs) or NAIVE_IS_RIGHT.fullmatch(cell):
        return None
    if "(0)" in cell:
        return "trunk zero in brackets: dropped by matchkey, kept by the peer"
    if cell.startswith("011 "):
        return "dialled from the US (011): read by matchkey, kept by the peer"
    if " x" in cell:
        return "extension: dropped by matchkey, joined to the number by the peer"
    if cell.startswith("+") and len(digits) == 10:
        return "ten digits with their own calling code: the peer puts a 1 before them"
    return None


class Keys:
    """A file of keys, its records found by the number of their row in whatever order."""

    def __init__(self, path, rows):
        with open(path, "rb") as file:
            self.text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # Offset 0 is the header's: no record is there.
        self.offsets = array("Q", bytes(8 * (rows + 1)))
        self.header = self.text.readline()
        self.count = last = 0
        self.in_order = True
        at = self.text.tell()
        for line in iter(self.text.readline, b""):
            row = int(line[: line.index(b",")])
            if not 1 <= row <= rows or self.offsets[row]:
                raise SystemExit(f"row {row}: not in the list, or written twice")
            self.offsets[row] = at
            at += len(line)
            self.in_order &= row > last
            last = row
            self.count += 1

    def record(self, row):
        """The keys of a row, None if it was not written."""
        if not self.offsets[row]:
            return None
        self.text.seek(self.offsets[row])
        fields = self.text.readline().decode("ascii").rstrip("\r\n").split(",")
        return [field.strip('"') for field in fields]


def compare(list_path, our_path, their_path, rows):
    """Walks over the list; answers what main() prints."""
    ours, theirs = Keys(our_path, rows), Keys(their_path, rows)
    if not ours.header.rstrip() == theirs.header.rstrip() == HEADER:
        raise SystemExit("unexpected header in a file of keys")
    compared = errors = without_record = 0
    agreed, empty, categories, examples = Counter(), Counter(), Counter(), []
    with open(list_path, newline="", encoding="ascii") as file:
        cells = csv.reader(file)
        next(cells)
        for number, row in enumerate(cells, 1):
            their = theirs.record(number)
            if their is None:
                break
            compared += 1
            # matchkey writes no record for a row that has no key.
            record = ours.record(number)
            if record is None:
                record = ["", "", ""]
                without_record += 1
            for at, name in ((1, "email"), (2, "phone")):
                if record[at] == their[at]:
                    (agreed if record[at] else empty)[name] += 1
                    continue
                categorize = email_category if name == "email" else phone_category
                category = categorize(row[at], record[at], their[at])
                if category is None:
                    errors += 1
                    if len(examples) < EXAMPLES:
                        examples.append(f"{name} of row {number}")
                categories[f"{name}, {category or 'UNEXPLAINED'}"] += 1
    # A record that is missing in the midst would hide all that follow.
    if compared != theirs.count:
        raise SystemExit(f"row {compared + 1}: the peer has no record of it, but of later rows")
    return {
        "rows": compared,
        "in_order": theirs.in_order,
        "agreed": dict(agreed),
        "without_key": dict(empty),
        "rows_not_written": without_record,
        "differences": dict(sorted(categories.items())),
        "errors": errors,
        "examples": examples,
    }


if __name__ == "__main__":
    *paths, total = sys.argv[1:]
    print(json.dumps(compare(*paths, int(total))))
