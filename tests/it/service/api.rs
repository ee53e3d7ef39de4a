//! The wire: shapes, parameters, errors, pages, versions, idempotency, files, parts.

use super::server::{Ask, Server, list};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SEED: [&str; 11] = [
    "created_at",
    "error_message",
    "id",
    "matched_rows",
    "name",
    "platform_audience_ids",
    "processed_rows",
    "progress_percent",
    "status",
    "total_rows",
    "updated_at",
];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn an_audience_goes_its_way() {
    let server = Server::start(&[]);
    let (usable, csv) = list(25_000);
    let file = server.upload("customers.csv", &csv);
    let id = server.create(&file);
    let stands = server.wait_final(&id);
    assert_eq!(keys(&stands), SEED);
    assert_eq!(stands["status"], "ready");
    assert_eq!(stands["error_message"], Value::Null);
    assert_eq!(stands["total_rows"], 25_000);
    assert_eq!(stands["processed_rows"], 25_000);
    assert_eq!(stands["matched_rows"], usable);
    assert_eq!(stands["progress_percent"], 100);
    assert_eq!(stands["platform_audience_ids"], json!([]));
    let text = server.get(&format!("/audiences?account_id={}", server.account.id)).text;
    assert!(text.contains("\"total_rows\":25000,"), "integers are written as such: {text}");
    // The outbox has every row once, in the order of the list.
    let outbox = server.outbox(&id);
    let names: Vec<&str> = outbox.keys().map(String::as_str).collect();
    let files = ["meta/000001.csv", "meta/000002.csv", "meta/000003.csv", "meta/manifest.json"];
    assert_eq!(names, files);
    let manifest: Value = serde_json::from_slice(&outbox["meta/manifest.json"]).unwrap();
    let ranges: Vec<(u64, u64)> =
        manifest["batches"].as_array().unwrap().iter().map(range).collect();
    assert_eq!(ranges, [(1, 10_000), (10_001, 20_000), (20_001, 25_000)]);
    let rows: u64 =
        manifest["batches"].as_array().unwrap().iter().map(|b| b["rows"].as_u64().unwrap()).sum();
    assert_eq!(rows, usable);
    let records: usize = files[..3]
        .iter()
        .map(|name| outbox[*name].iter().filter(|byte| **byte == b'\n').count() - 1)
        .sum();
    assert_eq!(records as u64, usable);
    // And the keys are those that the batch binary makes of the same list.
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.csv");
    let output = folder.path().join("meta.csv");
    std::fs::write(&input, &csv).unwrap();
    let hash = crate::process::command()
        .args(["hash", "-q", "--platform", "meta", "--map", "email=Email", "--map", "phone=Phone"])
        .args(["-o", output.to_str().unwrap(), input.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(hash.status.success(), "{}", String::from_utf8_lossy(&hash.stderr));
    let expected: Vec<u8> = std::fs::read(output).unwrap();
    let header = expected.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut joined = outbox[files[0]].clone();
    for name in &files[1..3] {
        joined.extend_from_slice(&outbox[*name][header..]);
    }
    assert!(joined == expected, "other keys than the binary's");
}

fn range(batch: &Value) -> (u64, u64) {
    (batch["first_row"].as_u64().unwrap(), batch["last_row"].as_u64().unwrap())
}

#[test]
fn a_merchant_is_told_what_is_wrong() {
    let server = Server::start(&[]);
    let fails = |name: &str, csv: &[u8], mapping: Value, text: &str| {
        let file = server.upload(name, csv);
        let mut body = server.new_audience(&file);
        body["column_mapping"] = mapping;
        let reply = server.post("/audiences", &body);
        assert_eq!(reply.status, 201, "{}", reply.text);
        let stands = server.wait_final(reply.json()["id"].as_str().unwrap());
        assert_eq!(stands["status"], "failed", "{stands}");
        let message = stands["error_message"].as_str().unwrap();
        assert!(message.contains(text), "{message}");
        assert_eq!(stands["matched_rows"], 0);
    };
    let email = json!({"email": "Email"});
    fails(
        "a.csv",
        b"Name,Contact\nMary,m@example.com\n",
        email.clone(),
        "No column named 'Email' in the file; its columns are: Name, Contact",
    );
    fails("a.csv", b"Email\n", email.clone(), "The file has no rows");
    fails("a.csv", b"", email.clone(), "empty");
    fails("a.csv", b"%PDF-1.7 whatever", email.clone(), "PDF");
    fails("a.csv", b"Email\nx\ny\n", email.clone(), "No row of the file can be used. 2 of 2 rows");
    fails("a.csv.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1], email, "gzip");
}

#[test]
fn a_platform_may_want_another_column() {
    let server = Server::start(&["--platform", "linkedin"]);
    let mut body = server.new_audience(&server.upload("a.csv", b"Phone\n+14155552671\n"));
    body["column_mapping"] = json!({"phone": "Phone"});
    let made = server.post("/audiences", &body).json();
    let stands = server.wait_final(made["id"].as_str().unwrap());
    let message = stands["error_message"].as_str().unwrap();
    assert!(message.starts_with("No column is mapped that the ad platforms match"), "{message}");
    assert!(message.contains("email") && !message.contains("--"), "{message}");
}

#[test]
fn the_header_is_the_line_with_the_mapped_names() {
    let server = Server::start(&[]);
    let list = |header: &str| {
        format!("Customers of May,,\n,,\n{header}\nx,a@example.com,\ny,b@example.com,\n")
    };
    for (header, name) in [
        ("Id,E-Mail Address ,Note", "e-mail address"),
        ("Id,4155550100,Note", "4155550100"),
        ("Id,contact@example.org,Note", "contact@example.org"),
        ("Id,\u{c9}l\u{e9}ctronique,Note", "\u{c9}l\u{e9}ctronique"),
    ] {
        let file = server.upload("a.csv", list(header).as_bytes());
        let mut body = server.new_audience(&file);
        body["column_mapping"] = json!({"email": name});
        let made = server.post("/audiences", &body).json();
        let stands = server.wait_final(made["id"].as_str().unwrap());
        let counts = (stands["total_rows"].as_u64(), stands["matched_rows"].as_u64());
        assert_eq!(counts, (Some(2), Some(2)), "{header}: {stands}");
    }
}

#[test]
fn only_mapped_columns_are_used() {
    let server = Server::start(&[]);
    let csv = b"Email,Phone,First Name\na@example.com,+14155552671,Mary\n,+14155552672,John\n";
    let file = server.upload("a.csv", csv);
    let mut body = server.new_audience(&file);
    body["column_mapping"] = json!({"email": "email"});
    let id = server.post("/audiences", &body).json()["id"].as_str().unwrap().to_owned();
    let stands = server.wait_final(&id);
    assert_eq!(
        (stands["total_rows"].as_u64(), stands["matched_rows"].as_u64()),
        (Some(2), Some(1))
    );
    let batch = String::from_utf8(server.outbox(&id)["meta/000001.csv"].clone()).unwrap();
    assert!(batch.starts_with("email\n"), "{batch}");
}

#[test]
fn lists_are_paged_newest_first() {
    let server = Server::start(&[]);
    let (_, csv) = list(10);
    let file = server.upload("a.csv", &csv);
    let mut made: Vec<String> = (0..45).map(|_| server.create(&file)).collect();
    made.reverse();
    let page = |after: Option<&str>, first: usize| {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let account = &server.account.id;
        server.get(&format!("/audiences?account_id={account}&first={first}{after}")).json()
    };
    let ids = |page: &Value| -> Vec<String> {
        let data = page["data"].as_array().unwrap().iter();
        data.map(|audience| audience["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = page(None, 20);
    assert_eq!(keys(&first["page_info"]).len(), 4);
    assert_eq!(first["page_info"]["has_next_page"], true);
    assert_eq!(first["page_info"]["has_previous_page"], false);
    let cursor = first["page_info"]["end_cursor"].as_str().unwrap().to_owned();
    // Neither a new one nor a deleted one moves what follows; the cursor's own may be gone.
    server.create(&file);
    assert_eq!(server.delete(&format!("/audiences/{}", made[19])).status, 200);
    let second = page(Some(&cursor), 20);
    let third = page(second["page_info"]["end_cursor"].as_str(), 20);
    let seen = [ids(&first), ids(&second), ids(&third)].concat();
    assert_eq!(seen, made);
    assert_eq!(third["page_info"]["end_cursor"], Value::Null);
    assert_eq!(third["page_info"]["has_previous_page"], true);
    assert_eq!(ids(&page(None, 1_000)).len(), 45, "more than 100 is 100");
    for odd in ["first=0", "first=-1", "first=x", "after=zzz", "after=0000000000000001"] {
        let path = format!("/audiences?account_id={}&{odd}", server.account.id);
        assert_eq!(server.get(&path).status, 400, "{odd}");
    }
    let only = format!("/audiences?account_id={}&audience_id={}", server.account.id, made[3]);
    assert_eq!(ids(&server.get(&only).json()), [made[3].clone()]);
    let none = format!("/audiences?account_id={}&audience_id=adaud_x", server.account.id);
    assert_eq!(server.get(&none).json()["data"], json!([]));
    assert_eq!(server.get("/audiences").code(), "parameter_missing");
}

#[test]
fn the_version_decides_the_shape() {
    let server = Server::start(&[]);
    let (_, csv) = list(10);
    let file = server.upload("a.csv", &csv);
    let id = server.create(&file);
    server.wait_final(&id);
    let asked = |prefix: &str, date: Option<&str>| {
        let path = format!("{prefix}/audiences?account_id={}", server.account.id);
        let headers: Vec<_> = date.map(|date| ("Api-Version-Date", date)).into_iter().collect();
        server.call_as(&server.account, "GET", &path, None, &headers)
    };
    for prefix in ["", "/api/v1"] {
        for date in [None, Some("2026-07-08")] {
            let audience = &asked(prefix, date).json()["data"][0];
            assert_eq!(keys(audience), SEED);
            assert!(audience["created_at"].is_u64());
        }
        for date in ["2026-07-08-1", "2026-07-20", "2026-09-15", "2026-10-15-1", "2026-11-17"] {
            let audience = &asked(prefix, Some(date)).json()["data"][0];
            assert_eq!(keys(audience).len(), 21, "{date}");
            let created = audience["created_at"].as_str().unwrap();
            assert!(created.ends_with('Z') && created.len() == 24, "{created}");
            assert_eq!(audience["audience_type"], "custom");
            assert_eq!(audience["source_type"], "csv_upload");
            assert_eq!(audience["match_rates"], json!([]));
            assert_eq!(audience["auto_refresh"], false);
            assert_eq!(audience["last_refreshed_at"], Value::Null);
        }
    }
    let refused = asked("", Some("2026-13-01"));
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("2026-07-08-1"), "{}", refused.text);
    let file_of = |date: &str| {
        let headers = [("Api-Version-Date", date)];
        server.call_as(&server.account, "GET", &format!("/files/{file}"), None, &headers).json()
    };
    assert_eq!(file_of("2026-07-20")["size"], csv.len().to_string());
    let native = file_of("2026-08-21-1");
    assert_eq!(native["size"], csv.len());
    assert_eq!(native["object"], "file");
    assert_eq!(native["visibility"], "public", "it was made in the earlier shape");
}

#[test]
fn wrong_requests_get_clear_answers() {
    let server = Server::start(&[]);
    let (_, csv) = list(10);
    let file = server.upload("a.csv", &csv);
    let with = |name: &str, value: Value| {
        let mut body = server.new_audience(&file);
        body[name] = value;
        server.post("/audiences", &body)
    };
    for (name, value, status, code) in [
        ("name", json!("  "), 400, "parameter_invalid"),
        ("name", json!(7), 400, "parameter_invalid"),
        ("name", Value::Null, 400, "parameter_missing"),
        ("account_id", Value::Null, 400, "parameter_missing"),
        ("account_id", json!("biz_0000000000000000000000"), 403, "account_not_allowed"),
        ("file_id", json!("file_0000000000000000000000"), 404, "not_found"),
        ("file_id", json!("../../etc/passwd"), 404, "not_found"),
        ("column_mapping", json!({}), 400, "parameter_invalid"),
        ("column_mapping", json!({"first_name": "Name"}), 400, "parameter_invalid"),
        ("column_mapping", json!({"email": "Email", "shoe": "x"}), 400, "parameter_invalid"),
        ("column_mapping", json!({"email": 7}), 400, "parameter_invalid"),
        ("column_mapping", json!("Email"), 400, "parameter_invalid"),
        ("audience_type", json!("lookalike"), 400, "parameter_invalid"),
        ("filters", json!({}), 400, "parameter_invalid"),
        ("engagement", json!({"platform": "meta"}), 400, "parameter_invalid"),
        ("audience_type", json!("custom"), 201, ""),
        ("unknown", json!("ignored"), 201, ""),
    ] {
        let reply = with(name, value);
        assert_eq!(reply.status, status, "{name}: {}", reply.text);
        if status != 201 {
            assert_eq!(reply.code(), code, "{name}");
            let error = &reply.json()["error"];
            assert!(error["type"].is_string() && error["message"].is_string());
        }
        assert_eq!(reply.headers["content-type"], "application/json");
    }
    let (pending, _) = server.new_file("b.csv");
    let reply = server.post("/audiences", &server.new_audience(&pending));
    assert_eq!((reply.status, reply.code().as_str()), (409, "file_not_ready"));
    assert_eq!(reply.headers["x-should-retry"], "false");
    let raw = |method: &str, path: &str, body: &[u8]| {
        let key = Some(server.account.key.as_str());
        server.ask(&Ask { method, path, key, headers: &[], body: Some(body.to_vec()) })
    };
    assert_eq!(raw("POST", "/audiences", b"{").code(), "invalid_json");
    assert_eq!(raw("POST", "/audiences", b"[]").code(), "invalid_json");
    assert_eq!(raw("POST", "/audiences", &[b' '; (1 << 20) + 1]).status, 413);
    assert_eq!(raw("POST", "/nothing", b"{}").status, 404);
    assert_eq!(raw("PUT", "/audiences", b"{}").status, 405);
    assert_eq!(server.get("/audiences/adaud_0000000000000000000000").status, 405);
    assert_eq!(server.delete("/audiences/adaud_0000000000000000000000").status, 404);
    assert_eq!(server.delete("/audiences/%2e%2e").status, 404);
    assert_eq!(server.get("/files/file_0000000000000000000000").status, 404);
}

#[test]
fn a_replay_is_the_same_to_the_byte() {
    let mut server = Server::start(&[]);
    let (_, csv) = list(10);
    let file = server.upload("a.csv", &csv);
    let body = server.new_audience(&file);
    let post = |server: &Server, path: &str, body: &Value, key: &str| {
        let headers = [("Idempotency-Key", key)];
        server.call_as(&server.account, "POST", path, Some(body), &headers)
    };
    let first = post(&server, "/audiences", &body, "one");
    assert_eq!(first.status, 201);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    server.wait_final(&id);
    server.kill();
    server.run(&[]);
    let again = post(&server, "/audiences", &body, "one");
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let mut other = body.clone();
    other["name"] = json!("Other");
    let mismatch = post(&server, "/audiences", &other, "one");
    assert_eq!((mismatch.status, mismatch.code().as_str()), (400, "idempotency_key_mismatch"));
    assert_eq!(post(&server, "/files", &body, "one").code(), "idempotency_key_mismatch");
    // Refusals are kept too: the second answer is the first one's, though it would now go well.
    let (late, url) = server.new_file("late.csv");
    let body = server.new_audience(&late);
    let refused = post(&server, "/audiences", &body, "two");
    assert_eq!(refused.status, 409);
    assert_eq!(server.put(&url, &csv).status, 200);
    let again = post(&server, "/audiences", &body, "two");
    assert_eq!((again.status, &again.text), (409, &refused.text));
    assert_eq!(post(&server, "/audiences", &body, "three").status, 201);
    assert_eq!(post(&server, "/audiences", &body, &"k".repeat(256)).status, 400);
    assert_eq!(post(&server, "/audiences", &body, &"k".repeat(255)).status, 201);
    // A key means nothing without a right key of an account, nor on other methods.
    let headers = [("Idempotency-Key", "four")];
    let anybody = Ask {
        method: "POST",
        path: "/audiences",
        key: None,
        headers: &headers,
        body: Some(body.to_string().into_bytes()),
    };
    assert_eq!(server.ask(&anybody).status, 401);
    assert_eq!(post(&server, "/audiences", &body, "four").status, 201);
    let path = format!("/audiences?account_id={}", server.account.id);
    let listed = server.call_as(&server.account, "GET", &path, None, &[("Idempotency-Key", "one")]);
    assert_eq!(listed.status, 200);
    assert!(!listed.headers.contains_key("idempotent-replayed"));
    let ids: BTreeSet<String> = server.get(&path).json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|audience| audience["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 4, "one for each key that succeeded");
}

#[test]
fn people_are_added_and_names_changed() {
    let server = Server::start(&[]);
    let (usable, csv) = list(100);
    let id = server.create(&server.upload("a.csv", &csv));
    let path = format!("/audiences/{id}");
    let more = server.upload("b.csv", &list(50).1);
    server.wait_final(&id);
    let added = server.post(&format!("{path}/add_people"), &json!({"file_id": more}));
    assert_eq!(added.status, 200, "{}", added.text);
    assert_eq!(added.json()["status"], "pending");
    assert_eq!(added.json()["total_rows"], 100);
    let stands = server.wait_final(&id);
    assert_eq!(stands["status"], "ready");
    assert_eq!(stands["total_rows"], 150);
    assert_eq!(stands["matched_rows"], usable + list(50).0);
    let manifest: Value =
        serde_json::from_slice(&server.outbox(&id)["meta/manifest.json"]).unwrap();
    let ranges: Vec<_> = manifest["batches"].as_array().unwrap().iter().map(range).collect();
    assert_eq!(ranges, [(1, 100), (101, 150)]);
    // A list of no use leaves what was there.
    let useless = server.upload("c.csv", b"Other\nx\n");
    server.post(&format!("{path}/add_people"), &json!({"file_id": useless}));
    let stands = server.wait_final(&id);
    assert_eq!(stands["status"], "partial");
    assert_eq!(stands["total_rows"], 150);
    let renamed = server.call("PATCH", &path, Some(&json!({"name": "New name"})));
    assert_eq!(renamed.json()["name"], "New name");
    let ignored = server.call("PATCH", &path, Some(&json!({"name": " "})));
    assert_eq!((ignored.status, ignored.json()["name"].as_str()), (200, Some("New name")));
    assert_eq!(server.call("PATCH", &path, Some(&json!({"filters": {}}))).status, 400);
    let slow = server.upload("d.csv", &list(200_000).1);
    server.post(&format!("{path}/add_people"), &json!({"file_id": slow}));
    let busy = server.post(&format!("{path}/add_people"), &json!({"file_id": more}));
    assert_eq!((busy.status, busy.code().as_str()), (409, "audience_not_ready"));
    let rejects = server.get(&format!("{path}/rejects")).json();
    assert!(rejects["summary"].as_str().unwrap().contains("rows not used: invalid_email"));
}

#[test]
fn rejects_say_where() {
    let server = Server::start(&[]);
    let csv = b"Email,Phone\na@example.com,\nbad,12\n,\n\"b@example.com\",\n";
    let id = server.create(&server.upload("a.csv", csv));
    server.wait_final(&id);
    let path = format!("/audiences/{id}/rejects");
    let rejects = server.get(&path).json();
    assert_eq!(rejects["total_rows"], 4);
    assert_eq!(rejects["matched_rows"], 2);
    assert_eq!(rejects["rejections"]["email"]["invalid_email:no_at"], 1);
    assert_eq!(rejects["rejections"]["row"]["no_identifier"], 1);
    assert_eq!(rejects["samples"][0]["line"], 3);
    let summary = rejects["summary"].as_str().unwrap();
    assert!(summary.starts_with("2 of 4 rows not used: "), "{summary}");
    assert!(summary.contains("invalid_email 1 (first line 3)"), "{summary}");
    let headers = [("Accept", "text/csv")];
    let csv = server.call_as(&server.account, "GET", &path, None, &headers);
    assert!(csv.headers["content-type"].starts_with("text/csv"));
    let records = crate::process::records(csv.text.as_bytes());
    assert_eq!(records[0].join(","), "input,row,line,byte_offset,field,reason");
    assert_eq!(records[1][1..], ["2", "3", "27", "email", "invalid_email:no_at"]);
    assert_eq!(records.len(), 5, "{}", csv.text);
}

#[test]
fn a_file_comes_in_parts() {
    let server = Server::start(&[]);
    let (usable, csv) = list(300_000);
    let part_bytes = 5 << 20;
    assert!(csv.len() > part_bytes);
    let native = [("Api-Version-Date", "2026-10-15-1")];
    let ask = |path: &str, body: &Value| {
        server.call_as(&server.account, "POST", path, Some(body), &native)
    };
    let make = json!({"filename": "a.csv", "multipart": true, "byte_size": csv.len()});
    let file = ask("/files", &make).json();
    assert_eq!(file["multipart_chunk_size"], part_bytes);
    assert_eq!(file.get("upload_url"), None);
    let id = file["id"].as_str().unwrap();
    let mut parts = Vec::new();
    for (part, bytes) in
        file["multipart_upload_urls"].as_array().unwrap().iter().zip(csv.chunks(part_bytes))
    {
        let url = part["url"].as_str().unwrap();
        assert_eq!(server.put(url, &bytes[1..]).status, 400, "a part has its size");
        let reply = server.put(url, bytes);
        assert_eq!(reply.status, 200, "{}", reply.text);
        // Once more is no harm: the last one counts.
        let etag = server.put(url, bytes).headers["etag"].clone();
        assert_eq!(etag, reply.headers["etag"]);
        parts.push(json!({"part_number": part["part_number"], "etag": etag}));
    }
    let path = format!("/files/{id}/complete");
    let complete = |parts: &[Value]| {
        let upload_id = &file["multipart_upload_id"];
        ask(&path, &json!({"multipart_upload_id": upload_id, "multipart_parts": parts}))
    };
    let mut wrong = parts.clone();
    wrong[0]["etag"] = json!("\"0\"");
    assert_eq!(complete(&wrong).status, 400);
    assert_eq!(complete(&parts[1..]).status, 400);
    wrong = parts.clone();
    wrong.reverse();
    assert_eq!(complete(&wrong).status, 400);
    let done = complete(&parts);
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.json()["size"], csv.len());
    assert_eq!(done.json()["upload_status"], "ready");
    let stands = server.wait_final(&server.create(id));
    assert_eq!(stands["matched_rows"], usable);
    for (name, body) in [
        ("byte_size", json!({"filename": "a", "multipart": true})),
        ("byte_size", json!({"filename": "a", "multipart": true, "byte_size": part_bytes})),
        ("filename", json!({"filename": ""})),
        ("visibility", json!({"filename": "a", "visibility": "secret"})),
    ] {
        let reply = ask("/files", &body);
        assert_eq!((reply.status, reply.json()["error"]["param"].as_str()), (400, Some(name)));
    }
}

#[test]
fn an_upload_address_is_good_for_its_file_only() {
    let server = Server::start(&["--public-url", "http://audiences.example.com/"]);
    let (_, csv) = list(10);
    let (id, url) = server.new_file("a.csv");
    let own = url.replace("http://audiences.example.com", &server.base);
    assert_ne!(own, url);
    let (other, _) = server.new_file("b.csv");
    for wrong in [
        own.replace("part=1", "part=2"),
        own.replace("expires=1", "expires=2"),
        own.replace(&id, &other),
        own.split("&signature").next().unwrap().to_owned(),
    ] {
        assert_eq!(server.put(&wrong, &csv).status, 403, "{wrong}");
    }
    assert_eq!(server.put(&own, &csv).status, 200);
    // Whoever missed the answer may send the same again; nobody may send anything else.
    assert_eq!(server.put(&own, &csv).status, 200);
    assert_eq!(server.put(&own, b"Email\n").code(), "file_exists");
    let listed = server.get("/files").json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let one = server.get(&format!("/files?file_ids={id}&file_ids=file_x")).json();
    assert_eq!(one["data"][0]["id"], id);
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
}

#[test]
fn platforms_and_countries_are_the_accounts() {
    let server = Server::start(&["--country", "DE", "--platform", "google,meta,uid2"]);
    let flags = ["--country", "US", "--platform", "tiktok"];
    let other = super::server::add_account(server.folder.path(), &flags);
    let csv = b"Email,Phone\n,(415) 555-2671\n,030 901820\nJane.Doe@gmail.com,\n";
    let id = server.create(&server.upload("a.csv", csv));
    assert_eq!(server.wait_final(&id)["status"], "ready");
    assert!(holds(&server.outbox(&id)["google/000001.csv"], "+4930901820"));
    assert!(!holds(&server.outbox(&id)["google/000001.csv"], "+14155552671"));
    let streams: BTreeSet<String> =
        server.outbox(&id).keys().map(|name| name.split('/').next().unwrap().to_owned()).collect();
    assert_eq!(Vec::from_iter(streams), ["google", "meta", "uid2", "uid2-phone"]);
    let file = server.call_as(&other, "POST", "/files", Some(&json!({"filename": "a"})), &[]);
    let file = file.json();
    server.put(file["upload_url"].as_str().unwrap(), csv);
    let mut body = server.new_audience(file["id"].as_str().unwrap());
    body["account_id"] = json!(other.id);
    let made = server.call_as(&other, "POST", "/audiences", Some(&body), &[]).json();
    let id = made["id"].as_str().unwrap();
    let path = format!("/audiences?account_id={}", other.id);
    let stands = || server.call_as(&other, "GET", &path, None, &[]).json()["data"][0].clone();
    while !super::server::is_final(&stands()) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let outbox = server.outbox(id);
    assert!(outbox.keys().all(|name| name.starts_with("tiktok")));
    let all: Vec<u8> = outbox.into_values().flatten().collect();
    assert!(holds(&all, "+14155552671") && !holds(&all, "+4930901820"));
}

/// True if the key of a value is there.
fn holds(file: &[u8], value: &str) -> bool {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(value);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    memchr::memmem::find(file, digits.as_bytes()).is_some()
}

#[test]
fn a_shape_may_be_said_for_all() {
    let shape = |wire: &str, date: &str| {
        let server = Server::start(&["--wire", wire]);
        let file = server.upload("a.csv", b"Email,Phone\na@example.com,\n");
        let id = server.create(&file);
        let headers = [("Api-Version-Date", date)];
        let path = format!("/audiences?account_id={}&audience_id={id}", server.account.id);
        let reply = server.call_as(&server.account, "GET", &path, None, &headers);
        keys(&reply.json()["data"][0]).len()
    };
    assert_eq!(shape("seed", "2026-10-15"), 11);
    assert_eq!(shape("dated", "2025-01-01"), 21);
}

#[test]
fn the_rate_is_limited_by_key_and_operation() {
    let server = Server::start(&["--rate-limit", "5"]);
    let path = format!("/audiences?account_id={}", server.account.id);
    let statuses: Vec<u16> = (0..8).map(|_| server.get(&path).status).collect();
    assert_eq!(statuses[..5], [200; 5]);
    assert!(statuses[5..].contains(&429), "{statuses:?}");
    let limited = (0..5).map(|_| server.get(&path)).find(|reply| reply.status == 429).unwrap();
    assert!(limited.headers["retry-after"].parse::<u64>().unwrap() >= 1);
    assert_eq!(limited.json()["error"]["type"], "rate_limit_exceeded");
    assert_eq!(server.get("/files").status, 200);
}

#[test]
fn an_operator_can_look() {
    let mut server = Server::start(&[]);
    server.wait_final(&server.create(&server.upload("a.csv", &list(10).1)));
    let anybody = |path| Ask { method: "GET", path, key: None, headers: &[], body: None };
    assert_eq!(server.ask(&anybody("/healthz")).status, 200);
    assert_eq!(server.ask(&anybody("/readyz")).status, 200);
    let metrics = server.ask(&anybody("/metrics"));
    let counted = "matchkey_requests_total{operation=\"create_audience\",status=\"201\"} 1";
    assert!(metrics.text.contains(counted), "{}", metrics.text);
    assert!(server.log().lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(server.terminate(), 0);
    assert!(server.log().contains("import over"));
}

#[test]
fn settings_come_from_flags_environment_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("matchkey.toml");
    std::fs::write(&config, "wire = \"dated\"\nrate_limit = 3\nplatform = \"tiktok\"\n").unwrap();
    let mut server = Server::prepare(&["--config", config.to_str().unwrap()]);
    server.run(&[("MATCHKEY_RATE_LIMIT", "100")]);
    let path = format!("/audiences?account_id={}", server.account.id);
    assert!((0..10).all(|_| server.get(&path).status == 200), "the environment goes before");
    let id = server.create(&server.upload("a.csv", b"Email,Phone\na@example.com,\n"));
    assert!(server.audience(&id).unwrap()["created_at"].is_string());
    std::fs::write(&config, "wires = 1\n").unwrap();
    let output = crate::process::run(&["serve", "--config", config.to_str().unwrap()]);
    assert_eq!(crate::process::code(&output), 2);
    assert!(crate::process::stderr(&output).contains("wires"), "the unknown key is named");
}
