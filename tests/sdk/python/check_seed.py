"""Drives the audience server by plain HTTP with Python's standard library alone.

In: what common.py reads from the environment.
Out: one line for each failed check, then `N passed, M failed`; exit code 1 on a failure.

The first documented contract has no SDK: no Api-Version-Date header, exactly eleven attributes,
timestamps as whole seconds. What an SDK hides is checked here too: the types in the JSON text, the
headers, the shapes of the other versions, and the errors of malformed requests.
"""

import http.client
import json
import time
import types
import urllib.parse

from common import (ACCOUNT, BASE_URL, ISO_UTC, KEY, ORIGIN, OTHER_ACCOUNT, UNKNOWN_ACCOUNT,
                    UNKNOWN_AUDIENCE, UNKNOWN_FILE, Checks, Customers, check_error_body,
                    check_ready, put, put_file, wait_file, watch)

checks = Checks("seed")
MAPPING = Customers.MAPPING
SEED_KEYS = sorted(["created_at", "error_message", "id", "matched_rows", "name",
                    "platform_audience_ids", "processed_rows", "progress_percent", "status",
                    "total_rows", "updated_at"])
DATED_KEYS = sorted(SEED_KEYS + ["match_rates", "audience_type", "lookalike_ratio",
                                 "lookalike_starting_ratio", "source_audience_id", "source_type",
                                 "auto_refresh", "filters", "last_refreshed_at", "engagement"])
LEGACY_FILE = {"id", "filename", "content_type", "size", "upload_status", "url", "visibility"}
NATIVE_FILE = LEGACY_FILE | {"object", "created_at", "removed_by_moderation"}
COUNTERS = ("total_rows", "processed_rows", "matched_rows", "progress_percent")

base = urllib.parse.urlsplit(BASE_URL)
connection = http.client.HTTPConnection(base.hostname, base.port, timeout=60)


class Answer:
    """Status, headers and text of an answer; `json` keeps the number types of the text."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()
        self.json = json.loads(self.text) if self.text else None

    def __str__(self):
        return f"{self.status} {self.text[:200]}"


def call(method, path, body=None, *, query=None, key=KEY, version=None, prefix=base.path,
         headers=None):
    """One request on the one connection that all requests share."""
    target = prefix + path + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
    sent = dict(headers or {})
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    if version is not None:
        sent["Api-Version-Date"] = version
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
        body = body if isinstance(body, (str, bytes)) else json.dumps(body)
    try:
        connection.request(method, target, body=body, headers=sent)
        answer = Answer(connection.getresponse())
    except (OSError, http.client.HTTPException) as error:
        checks.ok(f"{method} {path}: the connection is kept, or its end announced", False, error)
        connection.close()
        connection.request(method, target, body=body, headers=sent)
        answer = Answer(connection.getresponse())
    kind = answer.headers.get_content_type()
    checks.ok(f"{method} {path}: content-type", kind == "application/json", kind)
    checks.ok(f"{method} {path}: never 204", answer.status != 204)
    return answer


def refused(what, status, answer, code=None, param=None):
    if checks.equal(f"{what}: status", answer.status, status):
        check_error_body(checks, what, answer.json, code, param)
    return answer


def create_body(file, **change):
    """The body of a create; a member that is changed to `...` is left out."""
    body = {"account_id": ACCOUNT, "name": "Past purchasers", "column_mapping": MAPPING,
            "file_id": file, **change}
    return {name: value for name, value in body.items() if value is not ...}


def as_object(values):
    return types.SimpleNamespace(**values)


def create(file_id, **change):
    answer = call("POST", "/audiences", create_body(file_id, **change))
    checks.equal("create answers 201", answer.status, 201)
    return answer.json


def listed(**query):
    return call("GET", "/audiences", query={"account_id": ACCOUNT, **query})


def read(audience_id):
    found = listed(audience_id=audience_id).json["data"]
    if [audience["id"] for audience in found] != [audience_id]:
        raise AssertionError(f"List with audience_id answered {len(found)} audiences")
    check_seed_shape(found[0])
    return as_object(found[0])


def check_seed_shape(audience):
    checks.equal("exactly the eleven attributes", sorted(audience), SEED_KEYS)
    for name in COUNTERS + ("created_at", "updated_at"):
        checks.ok(f"{name} is an integer in the text", type(audience.get(name)) is int,
                  repr(audience.get(name)))
    seconds = audience.get("created_at")
    checks.ok("created_at is in seconds", isinstance(seconds, int)
              and abs(time.time() - seconds) < 24 * 3600, seconds)
    ids = audience.get("platform_audience_ids")
    checks.ok("platform_audience_ids is an array of texts",
              isinstance(ids, list) and all(isinstance(i, str) for i in ids), ids)


def upload(content, version=None):
    created = call("POST", "/files", {"filename": "customers.csv"}, version=version)
    checks.ok("create a file answers 2xx", 200 <= created.status < 300, created)
    put_file(checks, as_object(created.json), content)
    wait_file(checks, lambda file_id: as_object(call("GET", f"/files/{file_id}").json),
              created.json["id"])
    return created.json["id"]


with checks.part("files"):
    customers = Customers(1, 2000)
    file_id = upload(customers.bytes)
    size = len(customers.bytes)
    for version, keys, want in ((None, LEGACY_FILE, str(size)),
                                ("2026-07-08-1", LEGACY_FILE, str(size)),
                                ("2026-08-21", LEGACY_FILE, str(size)),
                                ("2026-08-21-1", NATIVE_FILE, size),
                                ("2026-10-15-1", NATIVE_FILE, size)):
        file = call("GET", f"/files/{file_id}", version=version).json
        checks.ok(f"{version}: size", file.get("size") == want
                  and type(file.get("size")) is type(want), repr(file.get("size")))
        checks.ok(f"{version}: keys", keys <= set(file), sorted(keys - set(file)))
        checks.equal(f"{version}: object only in the native shape", "object" in file,
                     keys is NATIVE_FILE)
        checks.equal(f"{version}: url", file.get("url", "missing"), None)
        checks.equal(f"{version}: upload_status", file.get("upload_status"), "ready")
    for version, want in ((None, "public"), ("2026-10-15-1", "private")):
        file = call("POST", "/files", {"filename": "x.csv"}, version=version).json
        checks.equal(f"{version}: default visibility", file.get("visibility"), want)
        checks.equal(f"{version}: size before the upload", file.get("size", "missing"), None)
    checks.ok("upload_url is under the address that was asked",
              file["upload_url"].startswith(ORIGIN), file["upload_url"])
    bent = file["upload_url"][:-4] + ("AAAA" if file["upload_url"][-4:] != "AAAA" else "BBBB")
    status, _ = put(bent, b"email\na@example.com\n", file["upload_headers"])
    checks.ok("a bent upload_url is refused", 400 <= status < 500, status)
    refused("a file without a name", 400, call("POST", "/files", {}), "parameter_missing",
            "filename")
    refused("an unknown file", 404, call("GET", f"/files/{UNKNOWN_FILE}"))

with checks.part("whole flow"):
    first = create(file_id)
    check_seed_shape(first)
    checks.ok("status of a new audience", first["status"] not in ("partial", "failed"))
    last = watch(checks, as_object(first), read)
    check_ready(checks, last, customers.rows, customers.usable)
    without_prefix = call("GET", "/audiences", query={"account_id": ACCOUNT}, prefix="")
    checks.equal("the same without the prefix", without_prefix.json, listed().json)

with checks.part("routes without the prefix"):
    file = call("POST", "/files", {"filename": "y.csv"}, prefix="").json
    put_file(checks, as_object(file), customers.bytes)
    wait_file(checks, lambda i: as_object(call("GET", f"/files/{i}", prefix="").json), file["id"])
    made = call("POST", "/audiences", create_body(file["id"]), prefix="")
    checks.equal("create", made.status, 201)
    gone = call("DELETE", f"/audiences/{made.json['id']}", prefix="")
    checks.equal("delete", (gone.status, gone.json), (200, {"success": True}))
    refused("deleted there, gone here", 404, call("DELETE", f"/audiences/{made.json['id']}"))

with checks.part("a mapped column that is not there"):
    answer = call("POST", "/audiences", create_body(file_id, column_mapping={"email": "Correo"}))
    if answer.status in (400, 409, 422):
        message = answer.json["error"]["message"]
    else:
        checks.equal("create answers 201", answer.status, 201)
        last = watch(checks, as_object(answer.json), read)
        checks.equal("status", last.status, "failed")
        message = last.error_message or ""
    checks.ok("the message names the column and lists the file's",
              "Correo" in message and "E-mail Address" in message, message)

with checks.part("versions"):
    for version, shape in ((None, "seed"), ("2025-01-01", "seed"), ("2026-07-08", "seed"),
                           ("2026-07-08-1", "dated"), ("2026-07-20", "dated"),
                           ("2026-08-21", "dated"), ("2026-08-21-1", "dated"),
                           ("2026-09-15", "dated"), ("2026-10-15-1", "dated"),
                           ("2026-11-17", "dated"), ("2099-01-01", "dated")):
        answer = call("GET", "/audiences", query={"account_id": ACCOUNT, "first": 1},
                      version=version)
        if not checks.equal(f"{version}: status", answer.status, 200):
            continue
        audience = answer.json["data"][0]
        want = SEED_KEYS if shape == "seed" else DATED_KEYS
        checks.equal(f"{version}: attributes", sorted(audience), want)
        for name in ("created_at", "updated_at"):
            value = audience[name]
            checks.ok(f"{version}: {name}", type(value) is int if shape == "seed"
                      else isinstance(value, str) and ISO_UTC.fullmatch(value), repr(value))
        for name in COUNTERS:
            checks.ok(f"{version}: {name} is an integer in the text",
                      type(audience[name]) is int, repr(audience[name]))
        if shape == "dated":
            known = {"audience_type": "custom", "source_type": "csv_upload", "auto_refresh": False,
                     "match_rates": [], "lookalike_ratio": None, "lookalike_starting_ratio": None,
                     "source_audience_id": None, "filters": None, "last_refreshed_at": None,
                     "engagement": None}
            for name, value in known.items():
                checks.ok(f"{version}: {name}", audience.get(name, "missing") == value
                          and type(audience.get(name)) is type(value), audience.get(name))
    for version in ("yesterday", "2026-7-8", "20260708", "2026-13-01", "2026-07-08-",
                    "2026-07-08-x", "2026-07-08-1-1"):
        answer = refused(f"version {version}", 400, call(
            "GET", "/audiences", query={"account_id": ACCOUNT}, version=version))
        checks.ok(f"version {version}: the message lists the versions",
                  "2026-10-15-1" in answer.text and "2026-07-08-1" in answer.text, answer)
    answer = call("POST", "/audiences", create_body(file_id), version="2026-10-15-1")
    checks.equal("create in the dated shape", sorted(answer.json), DATED_KEYS)

with checks.part("list"):
    ids = [create(file_id, name=f"Audience {number}")["id"] for number in range(25)]
    page = listed()
    checks.equal("keys", sorted(page.json), ["data", "page_info"])
    checks.equal("default page", len(page.json["data"]), 20)
    checks.equal("newest first", [a["id"] for a in page.json["data"]], ids[:4:-1])
    seen, after, pages = [], {}, 0
    while pages < 50:
        page = listed(first=6, **after).json
        pages += 1
        info = page["page_info"]
        checks.equal("the four keys of page_info", sorted(info),
                     ["end_cursor", "has_next_page", "has_previous_page", "start_cursor"])
        seen += [a["id"] for a in page["data"]]
        checks.equal("has_previous_page", info["has_previous_page"], pages > 1)
        checks.ok("has_next_page is a boolean", type(info["has_next_page"]) is bool)
        checks.equal("end_cursor is there while there is more",
                     isinstance(info["end_cursor"], str), info["has_next_page"])
        if info["end_cursor"] is None:
            break
        after = {"after": info["end_cursor"]}
    checks.equal("end_cursor is null on the last page", info["end_cursor"], None)
    checks.equal("each audience once", len(seen), len(set(seen)))
    checks.equal("order", seen[:25], ids[::-1])
    exact = listed(first=len(seen)).json["page_info"]
    checks.equal("a page that holds just all is the last",
                 (exact["end_cursor"], exact["has_next_page"]), (None, False))
    none = listed(audience_id=UNKNOWN_AUDIENCE)
    checks.equal("no audience: data", none.json["data"], [])
    checks.equal("no audience: page_info", none.json["page_info"],
                 {"end_cursor": None, "start_cursor": None, "has_next_page": False,
                  "has_previous_page": False})
    checks.equal("unknown parameters are ignored", listed(colour="blue", first=3).status, 200)
    checks.equal("first=101 is capped", listed(first=101).status, 200)
    for first in ("0", "-1", "abc", "1.5"):
        refused(f"first={first}", 400, listed(first=first), param="first")
    refused("after=garbled", 400, listed(after="garbled"), param="after")
    refused("no account_id", 400, call("GET", "/audiences"), "parameter_missing", "account_id")

with checks.part("create refused"):
    for what, body, code, param in (
            ("malformed JSON", "{\"account_id\": ", "invalid_json", None),
            ("not an object", "[]", None, None),
            ("no body", "", None, None),
            ("no account", create_body(file_id, account_id=...), "parameter_missing", "account_id"),
            ("no name", create_body(file_id, name=...), "parameter_missing", "name"),
            ("blank name", create_body(file_id, name=" \t"), None, "name"),
            ("a name of another type", create_body(file_id, name=7), None, "name"),
            ("no mapping", create_body(file_id, column_mapping=...), "parameter_missing",
             "column_mapping"),
            ("empty mapping", create_body(file_id, column_mapping={}), None, None),
            ("neither email nor phone", create_body(file_id, column_mapping={"country": "Country"}),
             None, None),
            ("unknown mapping key", create_body(file_id, column_mapping={
                "email": "E-mail Address", "shoe_size": "Note"}), None, None),
            ("no file", create_body(file_id, file_id=...), "parameter_missing", "file_id"),
            ("people filters", create_body(file_id, source_type="people_filter", filters={}),
             None, None),
            ("a bad audience_type", create_body(file_id, audience_type="strange"), None, None)):
        refused(what, 400, call("POST", "/audiences", body), code, param)
    refused("unknown file", 404, call("POST", "/audiences", create_body(UNKNOWN_FILE)))
    refused("foreign account", 403, call("POST", "/audiences", create_body(
        file_id, account_id=OTHER_ACCOUNT)))
    refused("unknown account", 403, call("POST", "/audiences", create_body(
        file_id, account_id=UNKNOWN_ACCOUNT)))
    pending = call("POST", "/files", {"filename": "z.csv"}).json
    refused("file not ready", 409, call("POST", "/audiences", create_body(pending["id"])),
            "file_not_ready")
    odd = create(file_id, name="K\u00e4ufer \u2713", favourite="blue")
    checks.equal("a name beyond ASCII", odd["name"], "K\u00e4ufer \u2713")

with checks.part("keys"):
    for what, headers in (("no key", {}), ("wrong key", {"Authorization": "Bearer nothing"}),
                          ("another scheme", {"Authorization": "Basic bm9uZTpub25l"}),
                          ("empty key", {"Authorization": "Bearer "})):
        for method, path, body in (("GET", "/audiences", None),
                                   ("POST", "/audiences", create_body(file_id)),
                                   ("DELETE", f"/audiences/{UNKNOWN_AUDIENCE}", None),
                                   ("GET", f"/files/{file_id}", None),
                                   ("POST", "/files", {"filename": "x.csv"})):
            refused(f"{what}, {method} {path}", 401,
                    call(method, path, body, key=None, headers=headers))

with checks.part("routes and headers"):
    refused("unknown route", 404, call("GET", "/audience"))
    refused("unknown route without the prefix", 404, call("GET", "/nothing", prefix=""))
    extra = {"X-Whop-App-Id": "app_x", "X-Stainless-Lang": "js", "X-Fern-Language": "Python",
             "api_key": "x", "Accept-Language": "*", "Sec-Fetch-Mode": "cors"}
    checks.equal("extra headers are ignored", call(
        "GET", "/audiences", query={"account_id": ACCOUNT}, headers=extra).status, 200)
    gone = call("DELETE", f"/audiences/{ids[0]}", headers={"Content-Type": "application/json"})
    checks.equal("DELETE with a content-type and no body", (gone.status, gone.json),
                 (200, {"success": True}))
    refused("a second delete", 404, call("DELETE", f"/audiences/{ids[0]}"))
    checks.equal("gone from List", listed(audience_id=ids[0]).json["data"], [])

with checks.part("a body that comes after its refusal"):
    # SDKs send headers and body apart: a server that refuses in between has to take the body all
    # the same, or to say that it will not go on with this connection.
    refusal = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for what, method, path, headers, status in (
            ("no key", "POST", "/files", {"Authorization": "Bearer x"}, 401),
            ("unknown route", "POST", "/nothing", {}, 404),
            ("malformed version", "POST", "/audiences", {"Api-Version-Date": "x"}, 400),
            ("long idempotency key", "POST", "/files", {"Idempotency-Key": "k" * 256}, 400)):
        late = http.client.HTTPConnection(base.hostname, base.port, timeout=10)
        late.connect()
        body = json.dumps({"filename": "x" * 5000}).encode()
        late.putrequest(method, base.path + path)
        for name, value in {**refusal, **headers, "Content-Length": len(body)}.items():
            late.putheader(name, value)
        late.endheaders()
        time.sleep(0.2)
        late.send(body)
        response = late.getresponse()
        response.read()
        checks.equal(f"{what}: status", response.status, status)
        if not response.will_close:
            try:
                late.request("GET", f"{base.path}/files/{file_id}", headers=refusal)
                checks.equal(f"{what}: the next request", late.getresponse().status, 200)
            except (OSError, http.client.HTTPException) as error:
                checks.ok(f"{what}: the connection is kept, or its end announced", False, error)
        late.close()

with checks.part("idempotency"):
    key = {"Idempotency-Key": "seed-1"}
    body = create_body(file_id, name="Once")
    one = call("POST", "/audiences", body, headers=key)
    two = call("POST", "/audiences", body, headers=key)
    checks.equal("byte for byte", two.text, one.text)
    checks.equal("status", two.status, one.status)
    checks.equal("no Idempotent-Replayed at first", one.headers.get("Idempotent-Replayed"), None)
    checks.equal("Idempotent-Replayed", two.headers.get("Idempotent-Replayed"), "true")
    refused("another version", 400, call("POST", "/audiences", body, headers=key,
                                         version="2026-10-15-1"), "idempotency_key_mismatch")
    refused("another query", 400, call("POST", "/audiences", body, headers=key,
                                       query={"x": "y"}), "idempotency_key_mismatch")
    answer = call("POST", "/files", {"filename": "x.csv"}, headers={"Idempotency-Key": "k" * 255})
    checks.equal("255 bytes are fine", answer.status // 100, 2)
    refused("256 bytes are not", 400, call("POST", "/files", {"filename": "x.csv"},
                                           headers={"Idempotency-Key": "k" * 256}))
    # A refused key must not use up the idempotency key.
    key = {"Idempotency-Key": "seed-2"}
    refused("without a key", 401, call("POST", "/files", {"filename": "x.csv"}, key=None,
                                       headers=key))
    checks.equal("a 401 is not kept", call("POST", "/files", {"filename": "x.csv"},
                                           headers=key).status // 100, 2)

with checks.part("clearing up"):
    for audience in listed(first=100).json["data"]:
        call("DELETE", f"/audiences/{audience['id']}")
    checks.equal("nothing is left", listed().json["data"], [])

checks.close()
