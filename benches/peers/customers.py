"""A made-up customer list, the same on every machine.

In: a path and a number of rows. Out: a CSV file with eight columns, about 80 bytes a row, and its
row count, size and SHA-256 as JSON next to it. Only `email` and `phone` are identifiers: matchkey
would take a `customer_id` for one too, hence `serial`. The same number of rows always gives the
same bytes: all chance comes from `getrandbits` with a fixed seed, which no Python version has
changed.

Nobody's data: e-mails are joined from short lists of names and a number; US phones have the
exchange 555, British and German ones are from the ranges that are kept free for fiction.
"""

import hashlib
import itertools
import json
import random
from pathlib import Path

SEED = 20_260_101
FIRST_SERIAL = 100_000
HEADER = "serial,email,phone,signup_date,plan,score,source,city_code\n"
ROWS_AT_ONCE = 20_000

FIRST = """james mary john linda robert anna peter sofia chris emma noah olivia liam ava lucas mia
    jean paul rosa marta ivan nina omar leila kenji yuki carlos elena hugo clara felix
    greta""".split()
LAST = """smith johnson brown garcia miller davis lopez wilson moore taylor thomas lee white harris
    clark lewis becker wagner martin bernard rossi russo silva costa novak kowalski jansen
    devries nielsen berg tanaka sato""".split()
DOMAINS = """gmail.com yahoo.com hotmail.com outlook.com icloud.com web.de example.com
    mail.example.org""".split()
AREAS = """201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231
    234 239 240 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308
    309 310 312 313 314 315 316 317 318 319 320 321 323 325 330 334 336 337 347 360 361 386 401
    402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 425 430 432 434 435 440 443 469
    470 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 540
    541 551 559 561 562 563""".split()

# How many of 1,024 rows have which notation; the rest of the rows have the last one.
EMAILS = (
    (700, "{}"),
    (112, "title"),
    (82, "upper"),
    (26, " {}"),
    (26, "{}  "),
    (36, "+tag"),
    (12, "n/a"),
    (4, "NULL"),
    (16, ""),
    (3, "no at"),
    (2, "two words"),
    (5, "{}"),
)
PHONES = (
    (292, "+1{a}555{n}"),
    (200, "({a}) 555-{n}"),
    (150, "{a}-555-{n}"),
    (90, "{a}.555.{n}"),
    (60, "{a}555{n}"),
    (30, "1 {a} 555 {n}"),
    (70, "+44 20 7946 0{k}"),
    (66, "+49 30 23125 {k}"),
    (44, ""),
    # From here on the naive rule and libphonenumber part ways.
    (4, "+44 (0)20 7946 0{k}"),
    (3, "011 44 20 7946 0{k}"),
    (3, "+45 32 {k} {k}"),
    (3, "{a}-555-{n} x12"),
    (3, "555-{n}"),
    (3, "0000000000"),
    (1, "1234567890"),
    (2, "{a}555{n}.0"),
)


def drawn(notations):
    """A table of 1,024 entries from which ten random bits draw one notation."""
    table = [notation for share, notation in notations for _ in range(share)]
    assert len(table) == 1024, len(table)
    return table


def emails():
    """For each notation of an e-mail a function of the address."""
    special = {
        "title": str.title,
        "upper": str.upper,
        "+tag": lambda address: address.replace("@", "+news@"),
        "no at": lambda address: address.replace("@", ".at."),
        "two words": lambda address: address.replace(".", " ", 1),
    }
    return [special.get(notation) or notation.format for notation in drawn(EMAILS)]


def lines(rows):
    """The rows of the list, many in one text."""
    bits = random.Random(SEED).getrandbits
    names = [f"{first}.{last}" for first in FIRST for last in LAST]
    spell = emails()
    dial = [notation.format for notation in drawn(PHONES)]
    areas = [AREAS[at % len(AREAS)] for at in range(128)]
    last_four = [f"{at % 10_000:04}" for at in range(1 << 14)]
    three = [f"{at % 1_000:03}" for at in range(1 << 10)]
    days = [f"20{10 + at // 336:02}-{at // 28 % 12 + 1:02}-{at % 28 + 1:02}" for at in range(4096)]
    tails = [
        f"{plan},{score},{source},{city}\n"
        for score in range(0, 1000, 4)
        for plan in ("gold", "basic", "free")
        for source in ("web", "store", "partner")
        for city in ("BER", "PAR", "NYC", "BOS")
    ]
    buffer = []
    for row in range(rows):
        x = bits(128)
        address = f"{names[x & 1023]}{x >> 10 & 0xFFFF}@{DOMAINS[x >> 26 & 7]}"
        phone = dial[x >> 29 & 1023](
            a=areas[x >> 39 & 127], n=last_four[x >> 46 & 16383], k=three[x >> 60 & 1023]
        )
        email = spell[x >> 70 & 1023](address)
        tail = tails[(x >> 92) % len(tails)]
        buffer.append(f"{FIRST_SERIAL + row},{email},{phone},{days[x >> 80 & 4095]},{tail}")
        if len(buffer) == ROWS_AT_ONCE:
            yield "".join(buffer)
            buffer.clear()
    yield "".join(buffer)


def write(path, rows):
    """Writes the list unless it is there already; answers its rows, bytes and SHA-256."""
    path = Path(path)
    facts_path = path.with_suffix(".json")
    if path.exists() and facts_path.exists():
        facts = json.loads(facts_path.read_text(encoding="ascii"))
        # A generator that was edited must not be hidden by a list of before.
        if facts.get("generator") == generator() and facts["bytes"] == path.stat().st_size:
            return facts
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for text in itertools.chain([HEADER], lines(rows)):
            file.write(text.encode("ascii"))
            digest.update(text.encode("ascii"))
    facts = {
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": digest.hexdigest(),
        "generator": generator(),
    }
    facts_path.write_text(json.dumps(facts) + "\n", encoding="ascii")
    return facts


def generator():
    """The digest of this file."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
