"""What the Python clients share: the tally of checks, made-up customer lists, the upload's PUT,
and the rules for an audience that is being watched.

In: the environment variables BASE_URL, ACCOUNT_ID, API_KEY, OTHER_ACCOUNT_ID and OTHER_API_KEY.
Out: one line on standard output for each failed check, a closing line `N passed, M failed`, and an
exit code that is not 0 when a check failed.

Every address is of a reserved domain and every phone number of the 555-01xx range.
"""

import contextlib
import csv
import datetime
import http.client
import io
import os
import random
import re
import sys
import time
import urllib.parse

BASE_URL = os.environ["BASE_URL"]
ACCOUNT = os.environ["ACCOUNT_ID"]
KEY = os.environ["API_KEY"]
OTHER_ACCOUNT = os.environ["OTHER_ACCOUNT_ID"]
OTHER_KEY = os.environ["OTHER_API_KEY"]

ORIGIN = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(BASE_URL))
WRONG_KEY = "no-such-key"
UNKNOWN_ACCOUNT = "biz_0000000000000000000000"
UNKNOWN_AUDIENCE = "adaud_0000000000000000000000"
UNKNOWN_FILE = "file_0000000000000000000000"

FINAL = ("ready", "partial", "failed")
STATUS_ORDER = {"pending": 0, "processing": 1, "syncing": 2, "ready": 3, "partial": 3, "failed": 3}
ISO_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")

# A debug build on a busy machine is slow; a test that waits longer than this has found a hang.
DEADLINE_SECONDS = 120


class Checks:
    """Counts checks; a part that raises counts as one failed check and the next part goes on."""

    def __init__(self, client):
        self.client = client
        self.passed = 0
        self.failed = 0
        self.where = ""

    def ok(self, what, condition, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            tail = f": {detail}" if detail != "" else ""
            print(f"{self.client}: {self.where}: {what}{tail}", flush=True)
        return bool(condition)

    def equal(self, what, got, want):
        return self.ok(what, got == want and type(got) is not bool or got is want,
                       f"got {got!r}, want {want!r}")

    def raises(self, what, kinds, call):
        """The error that `call` raised, or None; it must be one of `kinds`."""
        try:
            answer = call()
        except kinds as error:
            self.passed += 1
            return error
        except Exception as error:  # noqa: BLE001 - any other error is the finding
            self.ok(what, False, f"raised {type(error).__name__}: {str(error)[:300]}")
            return None
        self.ok(what, False, f"no error, answered {str(answer)[:300]}")
        return None

    @contextlib.contextmanager
    def part(self, name):
        self.where = name
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the other parts still have to run
            line = error.__traceback__
            while line.tb_next and line.tb_next.tb_frame.f_code.co_filename == sys.argv[0]:
                line = line.tb_next
            self.ok(f"broke off in line {line.tb_lineno}", False,
                    f"{type(error).__name__}: {str(error)[:400]}")

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed else 0)


class Customers:
    """A made-up list. `rows` are its records, `usable` those with a usable e-mail or phone when
    the country column is mapped, `usable_without_country` when it is not."""

    HEADER = ["Customer ID", "E-mail Address", "Phone Number", "First", "Last", "Country", "Spent",
              "Note"]
    MAPPING = {"email": "E-mail Address", "phone": "Phone Number", "first_name": "First",
               "last_name": "Last", "country": "Country"}
    AREA_CODES = [201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218,
                  219, 224, 225, 228, 229, 231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260,
                  262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307, 308, 309, 310, 312]

    def __init__(self, seed, rows, *, domain="example.com", line_end="\n", bom=False, padding=0):
        self.random = random.Random(seed)
        self.seed = seed
        self.serial = 0
        self.domain = domain
        self.rows = rows
        self.usable = 0
        self.usable_without_country = 0
        text = io.StringIO()
        writer = csv.writer(text, lineterminator=line_end)
        writer.writerow(self.HEADER)
        for number in range(rows):
            email, phone, country, usable, without = self.row()
            self.usable += usable
            self.usable_without_country += without
            note = "first line\nsecond line, \"quoted\"" if number % 97 == 5 else "x" * padding
            spent = ["12.50", "$1,200.00", "0", "", "99"][number % 5]
            writer.writerow([f"c-{number}", email, phone, "Ann", "Lee, Jr.", country, spent, note])
        self.bytes = (b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode()

    def email(self):
        self.serial += 1
        return f"user{self.seed}.{self.serial}@{self.domain}"

    def phone(self):
        self.serial += 1
        area = self.AREA_CODES[self.serial // 100 % len(self.AREA_CODES)]
        return area, self.serial % 100

    def row(self):
        """email, phone, country, usable with the country mapped, usable without it."""
        kind = self.random.randrange(11)
        if kind < 3:
            return self.email(), "", "US", 1, 1
        if kind == 3:
            area, line = self.phone()
            return self.email(), f"+1{area}55501{line:02}", "", 1, 1
        if kind == 4:
            area, line = self.phone()
            return "", f"+1 ({area}) 555-01{line:02}", "US", 1, 1
        if kind == 5:
            area, line = self.phone()
            return "not an address", f"+1 {area} 555 01{line:02}", "", 1, 1
        if kind == 6:
            area, line = self.phone()
            return "", f"({area}) 555-01{line:02}", "US", 1, 0
        if kind == 7:
            return f"  {self.email().upper()} ", "n/a", "US", 1, 1
        if kind == 8:
            return "not an address", "12", "US", 0, 0
        if kind == 9:
            return "two@@example.com", "", "US", 0, 0
        return "", "", "", 0, 0


def put(url, content, headers):
    """PUTs an upload as a client without a helper does: the given headers and no other."""
    parts = urllib.parse.urlsplit(url)
    kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}[parts.scheme]
    connection = kind(parts.hostname, parts.port, timeout=60)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("PUT", target, body=content,
                           headers={name: str(value) for name, value in headers.items()})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers
    finally:
        connection.close()


def put_file(checks, file, content):
    """PUTs `content` to a created file that is not a multipart upload."""
    checks.ok("upload_url is absolute", str(file.upload_url).startswith("http"), file.upload_url)
    checks.ok("upload_headers is an object", isinstance(file.upload_headers, dict),
              repr(file.upload_headers))
    status, headers = put(file.upload_url, content, file.upload_headers or {})
    checks.ok("the PUT is answered with 2xx", 200 <= status < 300, status)
    checks.ok("the PUT's answer has an ETag", headers.get("etag"))


def wait_file(checks, retrieve, file_id):
    """Polls a file until it is ready; the statuses must not go back."""
    order = {"pending": 0, "processing": 1, "ready": 2, "failed": 2}
    rank = 0
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        file = retrieve(file_id)
        now = order.get(file.upload_status, -1)
        if now < rank:
            checks.ok("upload_status does not go back", False, file.upload_status)
        rank = max(rank, now)
        if file.upload_status in ("ready", "failed"):
            checks.equal("upload_status", file.upload_status, "ready")
            return file
        if time.monotonic() > deadline:
            checks.ok("the file gets ready", False, file.upload_status)
            return file
        time.sleep(0.05)


def moment(value):
    """A timestamp of either shape as a number."""
    if isinstance(value, str):
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    return float(value)


def watch(checks, audience, read):
    """Polls `read` from `audience` on until the audience is final; checks every state on the way
    and answers the last one."""
    last = audience
    created = audience.created_at
    deadline = time.monotonic() + DEADLINE_SECONDS
    faults = set()
    while True:
        now = read(audience.id)
        if STATUS_ORDER.get(now.status, -1) < STATUS_ORDER.get(last.status, -1):
            faults.add(f"status went from {last.status} to {now.status}")
        for name in ("total_rows", "processed_rows", "matched_rows", "progress_percent"):
            if getattr(now, name) < getattr(last, name):
                faults.add(f"{name} went back")
        if moment(now.updated_at) < moment(last.updated_at):
            faults.add("updated_at went back")
        if now.created_at != created:
            faults.add("created_at changed")
        if moment(now.created_at) > moment(now.updated_at):
            faults.add("created_at is later than updated_at")
        if not 0 <= now.matched_rows <= now.processed_rows <= now.total_rows:
            faults.add(f"counters in disorder: {now.matched_rows} of {now.processed_rows} of "
                       f"{now.total_rows}")
        if not 0 <= now.progress_percent <= 100:
            faults.add(f"progress_percent {now.progress_percent}")
        if now.status not in FINAL and now.progress_percent >= 100:
            faults.add(f"progress 100 while {now.status}")
        early = STATUS_ORDER.get(now.status, 0) < STATUS_ORDER["syncing"]
        if early and now.matched_rows > audience.matched_rows:
            faults.add(f"matched_rows while {now.status}")
        if now.status == "syncing" and now.processed_rows != now.total_rows:
            faults.add("syncing with rows not processed")
        if (now.status in ("partial", "failed")) != bool(now.error_message):
            faults.add(f"error_message {now.error_message!r} at {now.status}")
        last = now
        if now.status in FINAL:
            break
        if time.monotonic() > deadline:
            faults.add(f"still {now.status} after {DEADLINE_SECONDS} s")
            break
        time.sleep(0.02)
    checks.ok("nothing goes back or contradicts itself while polling", not faults,
              "; ".join(sorted(faults)))
    return last


def check_ready(checks, audience, total, matched):
    """A finished upload of which every usable row was delivered."""
    checks.equal("status", audience.status, "ready")
    checks.equal("total_rows", audience.total_rows, total)
    checks.equal("processed_rows", audience.processed_rows, total)
    checks.equal("matched_rows", audience.matched_rows, matched)
    checks.equal("progress_percent", audience.progress_percent, 100)
    checks.equal("error_message", audience.error_message, None)
    checks.equal("platform_audience_ids", audience.platform_audience_ids, [])
    checks.ok("id", re.fullmatch(r"adaud_[0-9A-Za-z]{22}", audience.id), audience.id)


def check_error_body(checks, what, body, code=None, param=None):
    """The body of any error: {"error": {type, code, message, param}}."""
    error = body.get("error") if isinstance(body, dict) else None
    if not checks.ok(f"{what}: the body has an object `error`", isinstance(error, dict),
                     repr(body)[:300]):
        return
    checks.equal(f"{what}: the keys of `error`", sorted(error),
                 ["code", "message", "param", "type"])
    for name in ("type", "code", "message"):
        value = error.get(name)
        checks.ok(f"{what}: `{name}` is a text", isinstance(value, str) and value, repr(value))
    checks.ok(f"{what}: `param` is a text or null",
              error.get("param") is None or isinstance(error.get("param"), str))
    if code is not None:
        checks.equal(f"{what}: code", error.get("code"), code)
    if param is not None:
        checks.equal(f"{what}: param", error.get("param"), param)


def alike(first, second):
    """Two error bodies that differ at most in the ids of their messages."""
    blank = lambda body: re.sub(r"\b(biz|adaud|file)_[0-9A-Za-z]+", "ID", repr(body))  # noqa: E731
    return blank(first) == blank(second)
