"""Drives the audience server through the Python SDK whop-sdk 0.0.41, unmodified.

In: what common.py reads from the environment.
Out: one line for each failed check, then `N passed, M failed`; exit code 1 on a failure.

This SDK asks for the version 2026-07-08-1 and does not validate what it is sent, so the types are
checked here: ISO timestamps, and a file whose `size` is a text.
"""

import time

import whop_sdk
from whop_sdk import Whop

from common import (ACCOUNT, BASE_URL, ISO_UTC, KEY, OTHER_ACCOUNT, OTHER_KEY, UNKNOWN_ACCOUNT,
                    UNKNOWN_AUDIENCE, UNKNOWN_FILE, WRONG_KEY, Checks, Customers, alike,
                    check_error_body, check_ready, put, put_file, wait_file, watch)

checks = Checks("python-old")
client = Whop(api_key=KEY, base_url=BASE_URL)
# A conflict is retried by default, which only makes an expected one slow.
hasty = client.with_options(max_retries=0)
other = Whop(api_key=OTHER_KEY, base_url=BASE_URL, max_retries=0)

MAPPING = Customers.MAPPING


def upload(content, filename="customers.csv", by=client):
    created = by.files.create(filename=filename)
    put_file(checks, created, content)
    return wait_file(checks, by.files.retrieve, created.id)


def read(audience_id):
    page = client.audiences.list(account_id=ACCOUNT, audience_id=audience_id)
    if [audience.id for audience in page.data] != [audience_id]:
        raise AssertionError(f"List with audience_id answered {len(page.data)} audiences")
    return page.data[0]


def create(name, file_id, mapping=None, by=client, account=ACCOUNT, **more):
    return by.audiences.create(account_id=account, name=name, file_id=file_id,
                               column_mapping=MAPPING if mapping is None else mapping, **more)


with checks.part("version"):
    # The shapes below follow from the version that the SDK itself sends.
    checks.equal("the SDK's version", client.default_headers["Api-Version-Date"], "2026-07-08-1")

with checks.part("files"):
    created = client.files.create(filename="customers.csv")
    checks.ok("id", created.id.startswith("file_"), created.id)
    checks.equal("filename", created.filename, "customers.csv")
    checks.equal("upload_status", created.upload_status, "pending")
    checks.equal("size before the upload", created.size, None)
    checks.equal("url before the upload", created.url, None)
    checks.equal("visibility", created.visibility, "public")
    pending = client.files.retrieve(created.id)
    checks.equal("upload_status of a file without bytes", pending.upload_status, "pending")
    checks.ok("upload_url only on create", not (pending.to_dict().get("upload_url")))
    customers = Customers(41, 3000, line_end="\r\n")
    put_file(checks, created, customers.bytes)
    file = wait_file(checks, client.files.retrieve, created.id)
    checks.equal("size is a text", file.size, str(len(customers.bytes)))
    checks.equal("url stays null", file.url, None)
    checks.ok("legacy file shape", "object" not in file.to_dict(), sorted(file.to_dict()))
    private = client.files.create(filename="private.csv", visibility="private")
    checks.equal("visibility is echoed", private.visibility, "private")
    missing = checks.raises("unknown file", whop_sdk.NotFoundError,
                            lambda: client.files.retrieve(UNKNOWN_FILE))
    foreign = checks.raises("another key's file", whop_sdk.NotFoundError,
                            lambda: other.files.retrieve(file.id))
    if missing and foreign:
        check_error_body(checks, "unknown file", missing.body)
        checks.ok("an unknown and a foreign file answer alike", alike(missing.body, foreign.body),
                  f"{missing.body} {foreign.body}")

with checks.part("whole flow"):
    raw = client.audiences.with_raw_response.create(
        account_id=ACCOUNT, name="Past purchasers", file_id=file.id, column_mapping=MAPPING)
    checks.equal("create answers 201", raw.http_response.status_code, 201)
    audience = raw.parse()
    checks.equal("name", audience.name, "Past purchasers")
    checks.ok("created_at is ISO", ISO_UTC.fullmatch(str(audience.created_at)), audience.created_at)
    last = watch(checks, audience, read)
    check_ready(checks, last, customers.rows, customers.usable)
    checks.ok("updated_at is ISO", ISO_UTC.fullmatch(str(last.updated_at)), last.updated_at)
    checks.equal("match_rates", last.match_rates, [])

with checks.part("mapping without a country"):
    audience = create("No country", file.id, {"email": "E-mail Address", "phone": "Phone Number"})
    last = watch(checks, audience, read)
    check_ready(checks, last, customers.rows, customers.usable_without_country)

with checks.part("a mapped column that is not there"):
    try:
        audience = create("Missing column", file.id, {"email": "Correo"})
    except (whop_sdk.BadRequestError, whop_sdk.ConflictError,
            whop_sdk.UnprocessableEntityError) as error:
        message = str(error.body)
    else:
        last = watch(checks, audience, read)
        checks.equal("status", last.status, "failed")
        checks.equal("matched_rows", last.matched_rows, 0)
        message = last.error_message or ""
    checks.ok("the message names the column", "Correo" in message, message)
    checks.ok("the message lists the file's columns",
              "E-mail Address" in message and "Phone Number" in message, message)

with checks.part("files without a usable row"):
    for title, content in (
            ("header only", b"email,phone\n"),
            ("empty", b""),
            ("junk only", b"email,phone\nnot an address,12\nn/a,\n")):
        if title == "empty":
            # An empty file may as well be refused at the upload.
            start = client.files.create(filename="empty.csv")
            status, _ = put(start.upload_url, content, start.upload_headers or {})
            if status >= 400:
                continue
            lone = client.files.retrieve(start.id)
            if lone.upload_status == "failed":
                continue
            lone = wait_file(checks, client.files.retrieve, start.id)
        else:
            lone = upload(content, "lone.csv")
        try:
            last = watch(checks, create(title, lone.id, {"email": "email", "phone": "phone"}), read)
        except whop_sdk.BadRequestError:
            continue
        checks.equal(f"{title}: status", last.status, "failed")
        checks.ok(f"{title}: error_message is a sentence", len(last.error_message or "") > 10,
                  last.error_message)
        checks.equal(f"{title}: matched_rows", last.matched_rows, 0)

with checks.part("create refused"):
    empty = client.files.create(filename="never-sent.csv")
    error = checks.raises("file not ready", whop_sdk.ConflictError,
                          lambda: create("Too early", empty.id, by=hasty))
    if error:
        check_error_body(checks, "file not ready", error.body, code="file_not_ready")
    missing = checks.raises("unknown file", whop_sdk.NotFoundError,
                            lambda: create("x", UNKNOWN_FILE, by=hasty))
    refused = (
        ("unknown mapping key", {"mapping": {"email": "E-mail Address", "shoe_size": "Note"}}),
        ("neither email nor phone", {"mapping": {"first_name": "First"}}),
        ("empty mapping", {"mapping": {}}),
        ("mapping value is a number", {"mapping": {"email": 5}}),
        ("blank name", {"name": "  "}),
        ("empty name", {"name": ""}),
    )
    for title, change in refused:
        arguments = {"name": "x", "file_id": file.id, **change}
        error = checks.raises(title, whop_sdk.BadRequestError, lambda a=arguments: create(**a))
        if error:
            check_error_body(checks, title, error.body)
    checks.raises("filters", whop_sdk.BadRequestError, lambda: create(
        "x", file.id, extra_body={"source_type": "people_filter", "filters": {"os": "iOS"}}))
    audience = create("Unknown keys are ignored", file.id,
                      extra_body={"audience_type": "custom", "favourite_colour": "blue"})
    checks.equal("name", audience.name, "Unknown keys are ignored")

with checks.part("keys and accounts"):
    stranger = Whop(api_key=WRONG_KEY, base_url=BASE_URL)
    for title, call in (
            ("list", lambda: stranger.audiences.list(account_id=ACCOUNT)),
            ("create", lambda: create("x", file.id, by=stranger)),
            ("delete", lambda: stranger.audiences.delete(UNKNOWN_AUDIENCE)),
            ("create a file", lambda: stranger.files.create(filename="x.csv"))):
        error = checks.raises(f"wrong key, {title}", whop_sdk.AuthenticationError, call)
        if error:
            check_error_body(checks, f"wrong key, {title}", error.body)
    denied = checks.raises("foreign account, list", whop_sdk.PermissionDeniedError,
                           lambda: client.audiences.list(account_id=OTHER_ACCOUNT))
    unknown = checks.raises("unknown account, list", whop_sdk.PermissionDeniedError,
                            lambda: client.audiences.list(account_id=UNKNOWN_ACCOUNT))
    if denied and unknown:
        check_error_body(checks, "foreign account", denied.body)
        checks.ok("a foreign and an unknown account answer alike", alike(denied.body, unknown.body),
                  f"{denied.body} {unknown.body}")
    checks.raises("foreign account, create", whop_sdk.PermissionDeniedError,
                  lambda: create("x", file.id, account=OTHER_ACCOUNT))

with checks.part("tenants do not see each other"):
    mine = create("Mine", file.id)
    checks.equal("a foreign audience_id is filtered out",
                 other.audiences.list(account_id=OTHER_ACCOUNT, audience_id=mine.id).data, [])
    checks.ok("a foreign audience is not listed",
              mine.id not in [a.id for a in other.audiences.list(account_id=OTHER_ACCOUNT)])
    foreign = checks.raises("delete a foreign audience", whop_sdk.NotFoundError,
                            lambda: other.audiences.delete(mine.id))
    missing = checks.raises("delete an unknown audience", whop_sdk.NotFoundError,
                            lambda: other.audiences.delete(UNKNOWN_AUDIENCE))
    if foreign and missing:
        checks.ok("both answer alike", alike(foreign.body, missing.body),
                  f"{foreign.body} {missing.body}")
    foreign = checks.raises("create with a foreign file", whop_sdk.NotFoundError,
                            lambda: create("x", file.id, by=other, account=OTHER_ACCOUNT))
    missing = checks.raises("create with an unknown file", whop_sdk.NotFoundError,
                            lambda: create("x", UNKNOWN_FILE, by=other, account=OTHER_ACCOUNT))
    if foreign and missing:
        checks.ok("both files answer alike", alike(foreign.body, missing.body),
                  f"{foreign.body} {missing.body}")
    checks.equal("the audience is still there", read(mine.id).id, mine.id)

with checks.part("list"):
    checks.equal("an unknown audience_id",
                 client.audiences.list(account_id=ACCOUNT, audience_id=UNKNOWN_AUDIENCE).data, [])
    small = upload(Customers(7, 20).bytes, "small.csv")
    ids = [create(f"Audience {number}", small.id).id for number in range(27)]
    page = client.audiences.list(account_id=ACCOUNT)
    checks.equal("default page", len(page.data), 20)
    checks.equal("newest first", [a.id for a in page.data], ids[:6:-1])
    page = client.audiences.list(account_id=ACCOUNT, first=4)
    checks.equal("first=4", [a.id for a in page.data], ids[:-5:-1])
    cursor = page.page_info.end_cursor
    checks.ok("end_cursor", cursor, repr(cursor))
    late = create("Comes in between", small.id)
    after = client.audiences.list(account_id=ACCOUNT, first=4, after=cursor)
    checks.equal("the next page is stable under inserts", [a.id for a in after.data],
                 ids[-5:-9:-1])
    client.audiences.delete(ids[-4])
    after = client.audiences.list(account_id=ACCOUNT, first=4, after=cursor)
    checks.equal("the cursor of a deleted audience keeps working", [a.id for a in after.data],
                 ids[-5:-9:-1])
    seen = [a.id for a in client.audiences.list(account_id=ACCOUNT, first=5)]
    checks.equal("the auto-pager sees each audience once", len(seen), len(set(seen)))
    want = [late.id] + [i for i in reversed(ids) if i != ids[-4]]
    checks.equal("the auto-pager's order", seen[:len(want)], want)
    whole = client.audiences.list(account_id=ACCOUNT, first=100)
    checks.equal("one page of 100 has the same", [a.id for a in whole.data], seen)
    checks.equal("first over 100 is capped",
                 len(client.audiences.list(account_id=ACCOUNT, first=1000).data), len(seen))
    for first in (0, -1):
        checks.raises(f"first={first}", whop_sdk.BadRequestError,
                      lambda f=first: client.audiences.list(account_id=ACCOUNT, first=f))
    garbled = checks.raises("an unreadable cursor", whop_sdk.BadRequestError,
                            lambda: client.audiences.list(account_id=ACCOUNT, after="garbled"))
    foreign = checks.raises("a foreign cursor", whop_sdk.BadRequestError,
                            lambda: other.audiences.list(account_id=OTHER_ACCOUNT, after=cursor))
    if garbled and foreign:
        checks.ok("both answer alike", alike(garbled.body, foreign.body),
                  f"{garbled.body} {foreign.body}")

with checks.part("delete"):
    raw = client.audiences.with_raw_response.delete(late.id)
    checks.equal("status code", raw.http_response.status_code, 200)
    checks.equal("body", raw.http_response.json(), {"success": True})
    checks.equal("success", raw.parse().success, True)
    checks.equal("gone from List at once",
                 client.audiences.list(account_id=ACCOUNT, audience_id=late.id).data, [])
    checks.raises("a second delete", whop_sdk.NotFoundError,
                  lambda: client.audiences.delete(late.id))
    busy = upload(Customers(8, 60_000).bytes, "busy.csv")
    audience = create("Deleted at work", busy.id)
    checks.equal("delete while it is processed", client.audiences.delete(audience.id).success, True)
    for _ in range(3):
        checks.equal("stays gone",
                     client.audiences.list(account_id=ACCOUNT, audience_id=audience.id).data, [])
        time.sleep(0.2)
    checks.raises("delete again", whop_sdk.NotFoundError,
                  lambda: client.audiences.delete(audience.id))

with checks.part("idempotency"):
    key = {"extra_headers": {"Idempotency-Key": "python-old-1"}}
    first = create("Once", small.id, **key)
    raw = client.audiences.with_raw_response.create(
        account_id=ACCOUNT, name="Once", file_id=small.id, column_mapping=MAPPING, **key)
    again = raw.parse()
    checks.equal("the same audience", again.id, first.id)
    checks.equal("the same answer", again.to_dict(), first.to_dict())
    checks.equal("the replay's status", raw.http_response.status_code, 201)
    checks.equal("Idempotent-Replayed", raw.headers.get("Idempotent-Replayed"), "true")
    names = [a.name for a in client.audiences.list(account_id=ACCOUNT, first=100)]
    checks.equal("audiences made", names.count("Once"), 1)
    error = checks.raises("another body", whop_sdk.BadRequestError,
                          lambda: create("Twice", small.id, **key))
    if error:
        check_error_body(checks, "another body", error.body, code="idempotency_key_mismatch")
    refusal = {"extra_headers": {"Idempotency-Key": "python-old-2"}}
    one = checks.raises("a refusal", whop_sdk.BadRequestError,
                        lambda: create(" ", small.id, **refusal))
    two = checks.raises("the refusal again", whop_sdk.BadRequestError,
                        lambda: create(" ", small.id, **refusal))
    if one and two:
        replayed = two.response.headers.get("Idempotent-Replayed")
        checks.equal("a refusal is replayed", replayed, "true")
        checks.equal("byte for byte", two.response.content, one.response.content)
    checks.raises("a key over 255 bytes", whop_sdk.BadRequestError, lambda: create(
        "Long", small.id, extra_headers={"Idempotency-Key": "k" * 256}))
    theirs = other.files.create(filename="x.csv", **key)
    checks.ok("keys belong to their caller", theirs.id.startswith("file_"))
    one = client.files.create(filename="y.csv", extra_headers={"Idempotency-Key": "python-old-3"})
    two = client.files.create(filename="y.csv", extra_headers={"Idempotency-Key": "python-old-3"})
    checks.equal("files.create too", two.id, one.id)
    checks.equal("ignored on GET", client.files.retrieve(one.id, **key).id, one.id)
    checks.equal("ignored on DELETE", client.audiences.delete(first.id, **key).success, True)

with checks.part("clearing up"):
    for audience in client.audiences.list(account_id=ACCOUNT, first=100):
        client.audiences.delete(audience.id)
    checks.equal("nothing is left", client.audiences.list(account_id=ACCOUNT).data, [])

checks.close()
