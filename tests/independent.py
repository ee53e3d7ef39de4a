#!/usr/bin/env python3
"""An independent computation of what `matchkey hash --platform generic` must write.

In: a CSV file, the headers of its e-mail, phone, country and kept columns, and the binary. The
binary is run on the file; then the file is read again here, row by row, with Python's csv,
hashlib and unicodedata and the package `phonenumbers` (any of 9.0.33 to 9.0.43), by the written
rules and without any code of the engine. The engine's `countries.csv` is read as data.

Out: the differences on standard output, as row numbers and reasons, never a cell's content, and a
closing line with the number of rows compared. Compared are the columns `row`, kept, e-mail and
phone of every record in order; the counters of the report; that each row not written has exactly
one whole-row record among the rejects; and that the SHA-256 of the empty string is nowhere but in
kept columns. Exit 0 when all is equal, 1 on any difference, 2 on wrong usage.

    pip install phonenumbers==9.0.33
    python3 tests/independent.py --binary target/release/matchkey testdata/customers.csv \\
        --email "E-mail Address" --phone "Phone Number" --country-column Country --country US \\
        --keep "Customer ID"

Not covered: malformed quotes, records over the size limit, delimiters other than the comma,
columns of advertising ids. Name every e-mail, phone and country column of the file: one that the
binary recognizes unasked is reported as a difference.
"""

import argparse
import csv
import functools
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path

import phonenumbers

COUNTRIES = Path(__file__).parent.parent / "src/engine/normalize/countries.csv"
REJECTS_HEADER = ["input", "row", "line", "byte_offset", "field", "reason"]
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
SHOWN = 20


def spans(*pairs):
    """The characters of inclusive ranges of code points."""
    return "".join(chr(c) for first, last in pairs for c in range(first, last + 1))


WHITE_SPACE = spans(
    (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
)
MARKS = spans(
    (0xFEFF, 0xFEFF), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0xAD, 0xAD),
)
TRIMMED = WHITE_SPACE + MARKS + "\0"
WITHOUT_MARKS = dict.fromkeys(map(ord, MARKS + spans((0x2066, 0x2069))))
NULL_TOKENS = {
    "", "-", "--", "n/a", "#n/a", "#ref!", "(null)", "\\n", "na", "null", "none", "nan", "nil",
    "undefined", ".", "?", "unknown",
}


def decode(raw):
    """The text of a cell's bytes, and whether they are UTF-8 (else they are Windows-1252)."""
    try:
        return raw.decode("utf-8"), True
    except UnicodeDecodeError:
        # As browsers read it: the five bytes that the code page leaves open are C1 controls.
        return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in raw), False


def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def clean_identifier(text):
    """The cleaned cell of an e-mail or phone column, and its key if that needs no rule."""
    text = unicodedata.normalize("NFC", text.strip(TRIMMED).translate(WITHOUT_MARKS))
    if text.lower() in NULL_TOKENS:
        return None, None
    if len(text) == 64 and set(text) <= set("0123456789abcdefABCDEF"):
        return None, text.lower() if text.lower() != EMPTY_SHA256 else None
    return text, None


def email_key(raw):
    """The match key of an e-mail cell, None if it has none."""
    text, is_utf8 = decode(raw)
    text, key = clean_identifier(text)
    if text is None or not is_utf8:
        return key if is_utf8 else None
    if any(c in WHITE_SPACE or unicodedata.category(c) == "Cc" for c in text):
        return None
    local, *domains = text.split("@")
    if len(domains) != 1 or not local:
        return None
    domain = domains[0].removesuffix(".")
    return sha256(f"{local}@{domain}".lower()) if "." in domain else None


def fold(text):
    """Lower-case ASCII words parted by one space, as the names of `countries.csv` are written."""
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c)).lower().replace("&", "and")
    kept = (c if c in "abcdefghijklmnopqrstuvwxyz0123456789" else " " for c in text)
    return " ".join("".join(kept).split())


def read_countries(path):
    """Maps alpha-2, alpha-3, `uk` and the English names, folded, to the region."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    regions = {fold(name): line["alpha2"] for line in lines for name in line["names"].split("|")}
    for line in lines:
        regions |= {fold(line[code]): line["alpha2"] for code in ("alpha2", "alpha3")}
    return regions | {"uk": "GB"}


@functools.lru_cache(maxsize=1 << 16)
def phone_number(text, region):
    """The usable number in E.164, None if there is none."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if len(e164) > 1 + 15:
        return None
    if len(set(phonenumbers.national_significant_number(number))) == 1:
        return None
    digits = "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())
    if digits == "1234567890" and "+" not in text and "\uff0b" not in text:
        return None
    return e164


def phone_key(raw, region):
    """The match key of a phone cell, None if it has none."""
    text, key = clean_identifier(decode(raw)[0])
    if text is None:
        return key
    e164 = phone_number(text, region)
    return e164 and sha256(e164)


def records(path):
    """The records of a CSV file, one character U+0000 to U+00FF a byte; empty lines are none."""
    with open(path, "rb") as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        for record in csv.reader(io.TextIOWrapper(file, encoding="latin-1", newline="")):
            if record:
                yield record


def in_bytes(name):
    """A header of the command line in the notation of `records`."""
    return name.encode("utf-8", "surrogateescape").decode("latin-1")


def expected_rows(args):
    """For each data row the record due, None where none must be written."""
    regions = read_countries(COUNTRIES)
    rows = records(args.file)
    header = next(rows, [])
    emails, phones, kept, countries = (
        [header.index(in_bytes(name)) for name in names]
        for names in (args.email, args.phone, args.keep, args.country_column)
    )
    for row, fields in enumerate(rows, 1):
        fields += [""] * (len(header) - len(fields))
        raw = [field.encode("latin-1") for field in fields]
        region = args.country
        for at in countries:
            region = regions.get(fold(decode(raw[at])[0]), args.country)
        keys = [email_key(raw[at]) for at in emails]
        keys += [phone_key(raw[at], region) for at in phones]
        record = [str(row), *(fields[at] for at in kept), *(key or "" for key in keys)]
        yield record if any(keys) else None


class Differences:
    """Counts what differs and prints the first of it."""

    count = 0

    def add(self, text):
        self.count += 1
        if self.count <= SHOWN:
            print(text)


def output_records(path, args, found):
    """The records of the output: row number and compared columns. Checks header and order."""
    names = ["row", *map(in_bytes, args.keep)]
    for field, headers in (("email", args.email), ("phone", args.phone)):
        names += [f"{field}{'' if n == 1 else f'_{n}'}_sha256" for n, _ in enumerate(headers, 1)]
    rows = records(path) if path.exists() else iter(())
    header = next(rows, names)
    if header[: len(names)] != names:
        found.add("output: the header is not the expected one")
    asked = names + ["country_sha256"] * len(args.country_column)
    for name in header[len(names) :]:
        if name not in asked and name.startswith(("email_", "phone_", "madid_", "country_")):
            found.add(f"output: a column {name} that was not asked for")
    last = 0
    for record in rows:
        if not record[0].isdecimal() or int(record[0]) <= last:
            found.add(f"output: no ascending row number after row {last}")
            continue
        last = int(record[0])
        if len(record) != len(header):
            found.add(f"row {last}: {len(record)} columns under a header of {len(header)}")
        if EMPTY_SHA256 in record[1 + len(args.keep) :]:
            found.add(f"row {last}: the SHA-256 of the empty string")
        yield last, record[: len(names)]


def compare_record(row, kept, due, got, found):
    """Notes each column in which two records of the same row differ."""
    for at, (a, b) in enumerate(zip(due, got, strict=False)):
        if a != b:
            got_key = ("another" if a else "a key") if b else "none"
            keys = f"expected {'a key' if a else 'none'}, got {got_key}"
            found.add(f"row {row}: column {at + 1}: {'not as kept' if at <= kept else keys}")


def compare_rows(args, output, rejected, found):
    """Compares row by row; answers how many rows there are and how many are written."""
    outputs = output_records(output, args, found)
    total = written = 0
    got = next(outputs, None)
    for total, due in enumerate(expected_rows(args), 1):
        is_written = got is not None and got[0] == total
        if is_written and due:
            compare_record(total, len(args.keep), due, got[1], found)
        elif is_written or due:
            found.add(f"row {total}: " + ("not written although usable" if due else "written "
                                          "without a usable e-mail or phone"))
        if rejected is not None and rejected.pop(total, 0) != (not is_written):
            found.add(f"row {total}: " + ("written and rejected" if is_written else "not exactly "
                                          "one record about it among the rejects"))
        if is_written:
            written += 1
            got = next(outputs, None)
    while got is not None:
        found.add(f"row {got[0]}: written, but the file has {total} rows")
        got = next(outputs, None)
    for row in rejected or ():
        found.add(f"rejects: row {row}, but the file has {total} rows")
    return total, written


def read_rejects(path, found):
    """How many records about the whole row each row has."""
    rows = records(path) if path.exists() else iter(())
    if next(rows, None) != REJECTS_HEADER:
        found.add("rejects: missing, or the header is not the expected one")
    whole = Counter()
    for record in rows:
        if EMPTY_SHA256 in record:
            found.add("rejects: the SHA-256 of the empty string")
        if record[4] == "":
            whole[int(record[1])] += 1
    return whole


def compare_report(path, total, written, found):
    text = path.read_text(encoding="utf-8") if path.exists() else "{}"
    if EMPTY_SHA256 in text:
        found.add("report: the SHA-256 of the empty string")
    report = json.loads(text)
    due = {"total_rows": total, "processed_rows": total, "matched_rows": written}
    for name, value in due.items():
        if report.get(name) != value:
            found.add(f"report: {name} is {report.get(name)}, expected {value}")


def run(args, folder):
    """Runs the binary; answers its exit status and the paths of output, report and rejects."""
    paths = [folder / name for name in ("keys.csv", "report.json", "rejects.csv")]
    command = [args.binary, "hash", args.file, "--platform", "generic", "--quiet"]
    for flag, path in zip(("-o", "--report", "--rejects"), paths, strict=True):
        command += [flag, str(path)]
    fields = {"email": args.email, "phone": args.phone, "country": args.country_column}
    for field, headers in fields.items():
        for header in headers:
            command += ["--map", f"{field}={header}"]
    for header in args.keep:
        command += ["--keep", header]
    if args.country:
        command += ["--country", args.country]
    return subprocess.run(command + args.option, check=False).returncode, *paths


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--binary", required=True, help="the matchkey binary")
    for name in ("email", "phone", "country-column", "keep"):
        parser.add_argument(f"--{name}", metavar="HEADER", action="append", default=[])
    parser.add_argument("--country", metavar="CC", help="the default country")
    parser.add_argument("--option", metavar="OPTION", action="append", default=[],
                        help="one more argument for the binary, e.g. --option=--threads=2")
    args = parser.parse_args()
    if not args.email + args.phone or len(args.country_column) > 1:
        parser.error("name at least one --email or --phone, and at most one --country-column")
    header = next(records(args.file), [])
    for name in args.email + args.phone + args.country_column + args.keep:
        if in_bytes(name) not in header:
            parser.error(f"no column {name!r} in the header of the file")
    return args


def main():
    csv.field_size_limit(1 << 30)
    args = parse_arguments()
    found = Differences()
    with tempfile.TemporaryDirectory() as folder:
        status, output, report, rejects = run(args, Path(folder))
        rejected = read_rejects(rejects, found) if status == 0 else None
        total, written = compare_rows(args, output, rejected, found)
        if status == 0:
            compare_report(report, total, written, found)
        if status != (0 if written else 1):
            found.add(f"the binary left with {status}, {written} rows written")
    if found.count > SHOWN:
        print(f"... and {found.count - SHOWN} more")
    verdict = f"{found.count} differences" if found.count else "all equal"
    print(f"{total} rows compared, {written} written: {verdict}")
    return 1 if found.count else 0


if __name__ == "__main__":
    sys.exit(main())
