"""Drives the audience server through the Python SDK whop-sdk 2.6.0, unmodified.

In: what common.py reads from the environment.
Out: one line for each failed check, then `N passed, M failed`; exit code 1 on a failure.

This SDK asks for the version 2026-10-15-1 and refuses an answer that misses a field or has the
wrong type, so an answer that comes back at all has the dated audience and the native file.
"""

import threading
import time

from whop_sdk import (AudienceEngagementRule_FacebookPage, BadRequestError, ConflictError,
                      NotFoundError, UnauthorizedError, Whop)
from whop_sdk.audiences import (CreateAudiencesRequestColumnMapping as Mapping,
                                CreateAudiencesRequestEngagement as Engagement)
from whop_sdk.core.api_error import ApiError
from whop_sdk.environment import WhopEnvironment
from whop_sdk.files import CompleteFilesRequestMultipartPartsItem as Part

from common import (ACCOUNT, BASE_URL, ISO_UTC, KEY, OTHER_ACCOUNT, OTHER_KEY, STATUS_ORDER,
                    UNKNOWN_ACCOUNT, UNKNOWN_AUDIENCE, UNKNOWN_FILE, WRONG_KEY, Checks, Customers,
                    alike, check_error_body, check_ready, put, put_file, wait_file, watch)

checks = Checks("python-new")
environment = WhopEnvironment(api=BASE_URL, vault=BASE_URL)
client = Whop(environment=environment, token=KEY)
other = Whop(environment=environment, token=OTHER_KEY)
# This SDK retries every conflict, which only makes an expected one slow, or turns it into success.
ONCE = {"max_retries": 0}

FULL = Mapping(**Customers.MAPPING)
PLAIN = Mapping(email="E-mail Address", phone="Phone Number")


def upload(content, filename="customers.csv"):
    created = client.files.create(filename=filename)
    put_file(checks, created, content)
    return wait_file(checks, client.files.retrieve, created.id)


def listed(by=client, account=ACCOUNT, **query):
    return by.audiences.list(account_id=account, **query)


def read(audience_id):
    items = listed(audience_id=audience_id).items
    if [audience.id for audience in items] != [audience_id]:
        raise AssertionError(f"List with audience_id answered {len(items)} audiences")
    return items[0]


def create(name, file_id, mapping=FULL, by=client, account=ACCOUNT, **more):
    return by.audiences.create(account_id=account, name=name, file_id=file_id,
                               column_mapping=mapping, **more)


def status_of(what, want, call):
    """The error of a call for which this SDK has no class of its own."""
    error = checks.raises(what, ApiError, call)
    if error:
        checks.equal(f"{what}: status code", error.status_code, want)
        check_error_body(checks, what, error.body)
    return error


with checks.part("files"):
    created = client.files.create(filename="customers.csv")
    checks.ok("id", created.id.startswith("file_"), created.id)
    checks.equal("object", created.object, "file")
    checks.ok("created_at is ISO", ISO_UTC.fullmatch(created.created_at), created.created_at)
    checks.equal("filename", created.filename, "customers.csv")
    checks.equal("upload_status", created.upload_status, "pending")
    checks.equal("visibility", created.visibility, "private")
    checks.equal("size before the upload", created.size, None)
    checks.equal("url", created.url, None)
    checks.equal("multipart_upload_urls of a single upload", created.multipart_upload_urls, None)
    customers = Customers(26, 3000, bom=True)
    put_file(checks, created, customers.bytes)
    file = wait_file(checks, client.files.retrieve, created.id)
    raw = client.files.with_raw_response.retrieve(created.id).response.json()
    checks.ok("size is an integer on the wire",
              type(raw["size"]) is int and raw["size"] == len(customers.bytes), repr(raw["size"]))
    checks.equal("url stays null", file.url, None)
    checks.equal("removed_by_moderation", file.removed_by_moderation, False)
    second = client.files.create(filename="second.csv", visibility="public", byte_size=12)
    checks.equal("visibility is echoed", second.visibility, "public")
    missing = checks.raises("unknown file", NotFoundError,
                            lambda: client.files.retrieve(UNKNOWN_FILE))
    foreign = checks.raises("another key's file", NotFoundError,
                            lambda: other.files.retrieve(file.id))
    if missing and foreign:
        check_error_body(checks, "unknown file", missing.body)
        checks.ok("an unknown and a foreign file answer alike", alike(missing.body, foreign.body),
                  f"{missing.body} {foreign.body}")
    theirs = other.files.create(filename="theirs.csv")
    found = client.files.list(file_ids=[file.id, theirs.id, second.id, UNKNOWN_FILE])
    checks.equal("List Files: own files, newest first", [f.id for f in found],
                 [second.id, file.id])

with checks.part("multipart upload"):
    big = Customers(27, 150_000, padding=40)
    size = len(big.bytes)
    created = client.files.create(filename="big.csv", multipart=True, byte_size=size)
    chunk = created.multipart_chunk_size or 0
    checks.ok("multipart_chunk_size is 5 MB", chunk in (5_000_000, 5 * 1024 * 1024), chunk)
    urls = created.multipart_upload_urls or []
    checks.equal("part numbers", [u.part_number for u in urls],
                 list(range(1, -(-size // chunk) + 1)))
    checks.equal("upload_url of a multipart upload", created.upload_url, None)
    checks.ok("multipart_upload_id", created.multipart_upload_id)
    parts = []
    # Parts may come in any order.
    for part in reversed(urls):
        start = (part.part_number - 1) * chunk
        status, headers = put(part.url, big.bytes[start:start + chunk],
                              created.upload_headers or {})
        checks.ok(f"PUT of part {part.part_number}", 200 <= status < 300, status)
        parts.insert(0, Part(part_number=part.part_number, etag=headers["etag"]))
    checks.equal("upload_status before complete",
                 client.files.retrieve(created.id).upload_status, "pending")
    upload_id = created.multipart_upload_id

    def complete(parts, by=client, file_id=created.id, upload_id=upload_id):
        return by.files.complete(file_id, multipart_upload_id=upload_id, multipart_parts=parts,
                                 request_options=ONCE)

    checks.raises("complete without a part", BadRequestError, lambda: complete(parts[:-1]))
    checks.raises("complete with a wrong ETag", BadRequestError, lambda: complete(
        parts[:-1] + [Part(part_number=len(parts), etag='"0123456789abcdef"')]))
    checks.raises("complete with another upload's id", (BadRequestError, NotFoundError),
                  lambda: complete(parts, upload_id="other"))
    checks.raises("complete an unknown file", NotFoundError,
                  lambda: complete(parts, file_id=UNKNOWN_FILE))
    checks.raises("complete a foreign file", NotFoundError, lambda: complete(parts, by=other))
    done = complete(parts)
    checks.ok("upload_status after complete", done.upload_status in ("processing", "ready"),
              done.upload_status)
    big_file = wait_file(checks, client.files.retrieve, created.id)
    checks.equal("size", big_file.size, size)
    checks.raises("byte_size is required", BadRequestError,
                  lambda: client.files.create(filename="x.csv", multipart=True))
    checks.raises("a multipart upload is larger than 5 MB", BadRequestError,
                  lambda: client.files.create(filename="x.csv", multipart=True, byte_size=1000))

with checks.part("whole flow"):
    raw = client.audiences.with_raw_response.create(
        account_id=ACCOUNT, name="Past purchasers", file_id=file.id, column_mapping=FULL,
        audience_type="custom")
    checks.equal("create answers 201", raw.status_code, 201)
    audience = raw.data
    checks.equal("name", audience.name, "Past purchasers")
    last = watch(checks, audience, read)
    check_ready(checks, last, customers.rows, customers.usable)
    checks.ok("created_at is ISO", ISO_UTC.fullmatch(last.created_at), last.created_at)
    checks.ok("updated_at is ISO", ISO_UTC.fullmatch(last.updated_at), last.updated_at)
    for name, want in (("match_rates", []), ("audience_type", "custom"),
                       ("source_type", "csv_upload"), ("auto_refresh", False), ("filters", None),
                       ("last_refreshed_at", None), ("engagement", None),
                       ("lookalike_ratio", None), ("lookalike_starting_ratio", None),
                       ("source_audience_id", None)):
        checks.equal(name, getattr(last, name), want)

with checks.part("a mapped column that is not there"):
    try:
        audience = create("Missing column", file.id, Mapping(email="E-mail Address", phone="Tel"))
    except ApiError as error:
        checks.ok("status code", error.status_code in (400, 409, 422), error.status_code)
        message = str(error.body)
    else:
        last = watch(checks, audience, read)
        checks.equal("status", last.status, "failed")
        message = last.error_message or ""
    checks.ok("the message names the column", "Tel" in message, message)
    checks.ok("the message lists the file's columns",
              "E-mail Address" in message and "Country" in message, message)

with checks.part("lifetime values"):
    last = watch(checks, create("Values", file.id, Mapping(email="E-mail Address", ltv="Spent")),
                 read)
    checks.equal("status", last.status, "ready")
    checks.equal("processed_rows", last.processed_rows, customers.rows)
    checks.ok("matched_rows", 0 < last.matched_rows < customers.usable, last.matched_rows)

with checks.part("create refused"):
    empty = client.files.create(filename="never-sent.csv")
    error = checks.raises("file not ready", ConflictError,
                          lambda: create("Too early", empty.id, request_options=ONCE))
    if error:
        check_error_body(checks, "file not ready", error.body, code="file_not_ready")
    status_of("unknown file", 404, lambda: create("x", UNKNOWN_FILE))
    facebook = Engagement(platform="meta", include=[AudienceEngagementRule_FacebookPage(
        event="engaged", external_account_id="sacc_0", retention_days=30)])
    for title, change in (
            ("unknown mapping key", {"mapping": Mapping(email="E-mail Address", shoe_size="Note")}),
            ("neither email nor phone", {"mapping": Mapping(first_name="First")}),
            ("blank name", {"name": " "}),
            ("people filters", {"source_type": "people_filter", "filters": {"os": "iOS"}}),
            ("engagement", {"source_type": "engagement", "engagement": facebook})):
        arguments = {"name": "x", "file_id": file.id, **change}
        error = checks.raises(title, BadRequestError, lambda a=arguments: create(**a))
        if error:
            check_error_body(checks, title, error.body)
    for title, left_out in (("no name", "name"), ("no mapping", "column_mapping"),
                            ("no file", "file_id")):
        arguments = {"account_id": ACCOUNT, "name": "x", "file_id": file.id,
                     "column_mapping": FULL}
        del arguments[left_out]
        error = checks.raises(title, BadRequestError,
                              lambda a=arguments: client.audiences.create(**a))
        if error:
            check_error_body(checks, title, error.body, code="parameter_missing", param=left_out)

with checks.part("keys and accounts"):
    stranger = Whop(environment=environment, token=WRONG_KEY)
    for title, call in (
            ("list", lambda: listed(by=stranger)),
            ("create", lambda: create("x", file.id, by=stranger)),
            ("update", lambda: stranger.audiences.update(UNKNOWN_AUDIENCE, name="x")),
            ("add_people", lambda: stranger.audiences.add_people(UNKNOWN_AUDIENCE,
                                                                 file_id=file.id)),
            ("retrieve a file", lambda: stranger.files.retrieve(file.id))):
        error = checks.raises(f"wrong key, {title}", UnauthorizedError, call)
        if error:
            check_error_body(checks, f"wrong key, {title}", error.body)
    status_of("wrong key, delete", 401, lambda: stranger.audiences.delete(UNKNOWN_AUDIENCE))
    denied = status_of("foreign account, list", 403, lambda: listed(account=OTHER_ACCOUNT))
    unknown = status_of("unknown account, list", 403, lambda: listed(account=UNKNOWN_ACCOUNT))
    if denied and unknown:
        checks.ok("a foreign and an unknown account answer alike", alike(denied.body, unknown.body),
                  f"{denied.body} {unknown.body}")
    status_of("foreign account, create", 403,
              lambda: create("x", file.id, account=OTHER_ACCOUNT))

with checks.part("update"):
    audience = create("Old name", file.id)
    renamed = client.audiences.update(audience.id, name="New name")
    checks.equal("the answer has the new name", renamed.name, "New name")
    checks.equal("so has List", read(audience.id).name, "New name")
    checks.equal("a blank name is ignored", client.audiences.update(audience.id, name=" ").name,
                 "New name")
    checks.equal("nothing to change", client.audiences.update(audience.id).name, "New name")
    checks.raises("filters of an uploaded list", ApiError,
                  lambda: client.audiences.update(audience.id, filters={"os": "iOS"}))
    missing = status_of("an unknown audience", 404,
                        lambda: client.audiences.update(UNKNOWN_AUDIENCE, name="x"))
    foreign = status_of("a foreign audience", 404,
                        lambda: other.audiences.update(audience.id, name="Stolen"))
    if missing and foreign:
        checks.ok("both answer alike", alike(missing.body, foreign.body),
                  f"{missing.body} {foreign.body}")
    checks.equal("the name stays", read(audience.id).name, "New name")

with checks.part("add_people"):
    base = Customers(28, 500)
    more = Customers(29, 700, domain="example.org")
    base_file = upload(base.bytes)
    more_file = upload(more.bytes)
    audience = watch(checks, create("Growing", base_file.id), read)
    check_ready(checks, audience, base.rows, base.usable)
    accepted = client.audiences.add_people(audience.id, file_id=more_file.id)
    checks.equal("the same audience", accepted.id, audience.id)
    checks.equal("created_at stays", accepted.created_at, audience.created_at)
    checks.ok("counters do not fall", accepted.total_rows >= audience.total_rows
              and accepted.processed_rows >= audience.processed_rows
              and accepted.matched_rows >= audience.matched_rows, accepted)
    last = watch(checks, accepted, read)
    check_ready(checks, last, base.rows + more.rows, base.usable + more.usable)
    status_of("an unknown audience", 404, lambda: client.audiences.add_people(
        UNKNOWN_AUDIENCE, file_id=more_file.id))
    status_of("a foreign audience", 404, lambda: other.audiences.add_people(
        audience.id, file_id=more_file.id))
    status_of("an unknown file", 404, lambda: client.audiences.add_people(
        audience.id, file_id=UNKNOWN_FILE))
    status_of("a foreign file", 404, lambda: client.audiences.add_people(
        audience.id, file_id=theirs.id))
    error = checks.raises("a file that is not ready", ConflictError,
                          lambda: client.audiences.add_people(audience.id, file_id=empty.id,
                                                              request_options=ONCE))
    if error:
        check_error_body(checks, "a file that is not ready", error.body, code="file_not_ready")
    checks.equal("a refusal leaves the audience alone", read(audience.id), last)

with checks.part("a long import"):
    audience = create("Long", big_file.id, PLAIN)
    if checks.ok("is not final at once", STATUS_ORDER[audience.status] < 3, audience.status):
        error = checks.raises("add_people while it is not final", ConflictError,
                              lambda: client.audiences.add_people(
                                  audience.id, file_id=more_file.id, request_options=ONCE))
        if error:
            check_error_body(checks, "add_people while it is not final", error.body)
    checks.equal("update while it is processed",
                 client.audiences.update(audience.id, name="Longer").name, "Longer")
    last = watch(checks, audience, read)
    check_ready(checks, last, big.rows, big.usable_without_country)
    checks.equal("the name stays", last.name, "Longer")

with checks.part("tenants do not see each other"):
    mine = create("Mine", file.id)
    checks.equal("a foreign audience_id is filtered out",
                 listed(by=other, account=OTHER_ACCOUNT, audience_id=mine.id).items, [])
    foreign = status_of("delete a foreign audience", 404, lambda: other.audiences.delete(mine.id))
    missing = status_of("delete an unknown audience", 404,
                        lambda: other.audiences.delete(UNKNOWN_AUDIENCE))
    if foreign and missing:
        checks.ok("both answer alike", alike(foreign.body, missing.body),
                  f"{foreign.body} {missing.body}")
    status_of("create with a foreign file", 404,
              lambda: create("x", file.id, by=other, account=OTHER_ACCOUNT))
    checks.equal("the audience is still there", read(mine.id).id, mine.id)

with checks.part("list"):
    small = upload(Customers(7, 20).bytes, "small.csv")
    ids = [create(f"Audience {number}", small.id).id for number in range(26)]
    pager = listed()
    checks.equal("default page", len(pager.items), 20)
    checks.equal("newest first", [a.id for a in pager.items], ids[:5:-1])
    info = pager.response.page_info
    checks.equal("has_next_page on the first page", info.has_next_page, True)
    checks.equal("has_previous_page on the first page", info.has_previous_page, False)
    checks.ok("cursors on the first page", info.end_cursor and info.start_cursor, info)
    seen = [a.id for a in listed(first=7)]
    checks.equal("the auto-pager sees each audience once", len(seen), len(set(seen)))
    checks.equal("the auto-pager's order", seen[:26], ids[::-1])
    pages = list(listed(first=7).iter_pages())
    checks.equal("pages", len(pages), -(-len(seen) // 7))
    info = pages[-1].response.page_info
    checks.equal("has_next_page on the last page", info.has_next_page, False)
    checks.equal("has_previous_page on the last page", info.has_previous_page, True)
    checks.equal("end_cursor on the last page", info.end_cursor, None)
    checks.equal("an unknown audience_id", listed(audience_id=UNKNOWN_AUDIENCE).items, [])
    checks.equal("audience_type=lookalike", listed(audience_type="lookalike").items, [])
    checks.equal("audience_type=custom", len(listed(audience_type="custom").items), 20)
    checks.equal("source_type=people_filter", listed(source_type="people_filter").items, [])
    checks.equal("source_type=csv_upload", len(listed(source_type="csv_upload").items), 20)
    status_of("first=0", 400, lambda: listed(first=0))
    status_of("an unreadable cursor", 400, lambda: listed(after="garbled"))
    status_of("a foreign cursor", 400, lambda: listed(
        by=other, account=OTHER_ACCOUNT, after=pager.response.page_info.end_cursor))

with checks.part("delete"):
    raw = client.audiences.with_raw_response.delete(ids[0])
    checks.equal("status code", raw.status_code, 200)
    checks.equal("success", raw.data.success, True)
    checks.equal("gone from List at once", listed(audience_id=ids[0]).items, [])
    status_of("a second delete", 404, lambda: client.audiences.delete(ids[0]))
    status_of("update after delete", 404, lambda: client.audiences.update(ids[0], name="x"))
    status_of("add_people after delete", 404,
              lambda: client.audiences.add_people(ids[0], file_id=small.id))

with checks.part("idempotency"):
    # A key set on the client goes with every call; all but POST have to ignore it.
    keyed = Whop(environment=environment, token=KEY, idempotency_key="python-new-1")
    first = create("Once", small.id, by=keyed)
    raw = keyed.audiences.with_raw_response.create(
        account_id=ACCOUNT, name="Once", file_id=small.id, column_mapping=FULL)
    checks.equal("the same audience", raw.data.id, first.id)
    checks.equal("the same answer", raw.data, first)
    checks.equal("the replay's status", raw.status_code, 201)
    checks.equal("Idempotent-Replayed", raw.headers.get("idempotent-replayed"), "true")
    checks.equal("ignored on GET", [a.id for a in listed(by=keyed, audience_id=first.id).items],
                 [first.id])
    error = checks.raises("another body", BadRequestError,
                          lambda: create("Twice", small.id, by=keyed))
    if error:
        check_error_body(checks, "another body", error.body, code="idempotency_key_mismatch")
    error = checks.raises("another path", BadRequestError,
                          lambda: keyed.files.create(filename="x.csv"))
    if error:
        check_error_body(checks, "another path", error.body, code="idempotency_key_mismatch")
    names = [a.name for a in listed(first=100)]
    checks.equal("audiences made", names.count("Once"), 1)
    checks.equal("ignored on PATCH", keyed.audiences.update(first.id, name="Once more").name,
                 "Once more")
    checks.equal("ignored on DELETE", keyed.audiences.delete(first.id).success, True)
    options = {"additional_headers": {"Idempotency-Key": "python-new-2"}}
    growing = watch(checks, create("Grows once", base_file.id), read)
    one = client.audiences.add_people(growing.id, file_id=more_file.id, request_options=options)
    two = client.audiences.add_people(growing.id, file_id=more_file.id, request_options=options)
    checks.equal("add_people twice, one answer", two, one)
    last = watch(checks, one, read)
    checks.equal("add_people twice, one file added", last.total_rows, base.rows + more.rows)
    # Ten at once: one is carried out, the others replay it or are told to wait.
    answers = []
    options = {"additional_headers": {"Idempotency-Key": "python-new-3"}}

    def race():
        try:
            answers.append(create("Raced", small.id, request_options={**options, **ONCE}).id)
        except ConflictError as error:
            answers.append(error.body["error"]["code"])

    threads = [threading.Thread(target=race) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [a.id for a in listed(first=100) if a.name == "Raced"]
    checks.equal("audiences made in a race", len(made), 1)
    strange = set(answers) - set(made) - {"idempotency_request_in_progress"}
    checks.ok("answers in a race", len(answers) == 10 and not strange, sorted(strange))

with checks.part("clearing up"):
    for audience in listed(first=100):
        client.audiences.delete(audience.id)
    time.sleep(0.1)
    checks.equal("nothing is left", listed().items, [])

checks.close()
