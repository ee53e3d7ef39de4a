//! A destination that refuses, fails, stalls and forgets, by a script.

use super::server::{DEADLINE, Server, list};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// 25 rows, in batches of 10: 9, 9 and 4 of them can be used.
const ROWS: usize = 25;

struct Scripted {
    server: Server,
    scripts: TempDir,
}

fn start(rules: Value, flags: &[&str]) -> Scripted {
    let scripts = tempfile::tempdir().unwrap();
    let script = json!({
        "batch_rows": 10,
        "retry_base_ms": 5,
        "retry_cap_ms": 40,
        "attempts": 4,
        "journal": scripts.path().join("calls.jsonl"),
        "rules": rules,
    });
    let path = scripts.path().join("script.json");
    std::fs::write(&path, script.to_string()).unwrap();
    let destination = format!("scripted:{}", path.display());
    let flags = [&["--destination", destination.as_str()], flags].concat();
    Scripted { server: Server::start(&flags), scripts }
}

impl Scripted {
    fn create(&self) -> String {
        let file = self.server.upload("a.csv", &list(ROWS).1);
        self.server.create(&file)
    }

    fn end(&self) -> Value {
        self.server.wait_final(&self.create())
    }

    fn calls(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.scripts.path().join("calls.jsonl"));
        let lines = text.unwrap_or_default();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn count(&self, call: &str, batch: u64) -> usize {
        let is_it = |it: &&Value| it["call"] == call && it["batch"] == batch;
        self.calls().iter().filter(is_it).count()
    }
}

fn rows(audience: &Value) -> (&str, u64) {
    (audience["status"].as_str().unwrap(), audience["matched_rows"].as_u64().unwrap())
}

#[test]
fn the_list_is_what_these_tests_think() {
    let scripted = start(json!([]), &[]);
    assert_eq!(rows(&scripted.end()), ("ready", 22));
    assert_eq!(scripted.count("send", 3), 1);
    assert_eq!(scripted.count("close", 0), 1);
}

#[test]
fn a_batch_that_fails_for_good_makes_it_partial() {
    let rules = json!([{"call": "send", "batch": 2, "do": "fail", "reason": "no permission"}]);
    let scripted = start(rules, &[]);
    let id = scripted.create();
    let end = scripted.server.wait_final(&id);
    assert_eq!(rows(&end), ("partial", 13));
    let message = end["error_message"].as_str().unwrap();
    assert!(message.starts_with("1 of 3 batches, with 9 rows, could not be"), "{message}");
    assert_eq!(end["progress_percent"], 100);
    assert_eq!(scripted.count("send", 2), 1, "what is final is not tried again");
    let outbox = scripted.server.outbox(&id);
    assert!(!outbox.contains_key("meta/000002.csv"), "what was not taken is not kept");
    let manifest: Value = serde_json::from_slice(&outbox["meta/manifest.json"]).unwrap();
    assert_eq!(manifest["batches"].as_array().unwrap().len(), 2);
}

#[test]
fn nothing_delivered_is_failed() {
    let end = start(json!([{"call": "send", "do": "fail"}]), &[]).end();
    assert_eq!(rows(&end), ("failed", 0));
    let scripted = start(json!([{"call": "create", "do": "fail", "reason": "token expired"}]), &[]);
    let end = scripted.end();
    assert_eq!(rows(&end), ("failed", 0));
    assert!(end["error_message"].as_str().unwrap().contains("token expired"), "{end}");
    let end = start(json!([{"call": "open", "do": "later", "times": 99}]), &[]).end();
    assert_eq!(rows(&end), ("failed", 0));
}

#[test]
fn what_fails_for_a_while_is_tried_again() {
    let rules = json!([
        {"call": "create", "do": "later", "times": 2},
        {"call": "open", "do": "later", "after_ms": 20},
        {"call": "send", "batch": 1, "do": "later", "times": 3},
        {"call": "send", "batch": 3, "do": "stall", "ms": 30},
        {"call": "close", "do": "later"},
    ]);
    let scripted = start(rules, &[]);
    assert_eq!(rows(&scripted.end()), ("ready", 22));
    assert_eq!(scripted.count("create", 0), 3);
    assert_eq!(scripted.count("send", 1), 4);
    assert_eq!(scripted.count("send", 3), 2);
    assert_eq!(scripted.count("close", 0), 2);
}

#[test]
fn retries_have_an_end() {
    let rules = json!([{"call": "send", "batch": 1, "do": "later", "times": 99}]);
    let scripted = start(rules, &[]);
    assert_eq!(rows(&scripted.end()), ("partial", 13));
    assert_eq!(scripted.count("send", 1), 4);
}

#[test]
fn a_platform_that_asks_for_time_gets_it() {
    // Longer than our own longest wait, while another platform is due at once.
    let rules = json!([
        {"call": "send", "stream": "google", "batch": 1, "do": "later", "after_ms": 900},
        {"call": "send", "stream": "meta", "do": "later", "times": 3},
    ]);
    let scripted = start(rules, &["--platform", "meta,google"]);
    let begun = Instant::now();
    assert_eq!(rows(&scripted.end()), ("ready", 22));
    assert!(begun.elapsed() >= Duration::from_millis(900));
    let is_it = |call: &&Value| call["call"] == "send" && call["stream"] == "google";
    assert_eq!(scripted.calls().iter().filter(is_it).count(), 4, "nobody asked before it was due");
}

#[test]
fn slow_deliveries_of_one_account_hold_up_no_other() {
    let rules = json!([{"call": "send", "stream": "meta", "do": "stall", "ms": 20_000}]);
    let scripted = start(rules, &[]);
    let server = &scripted.server;
    let file = server.upload("a.csv", &list(ROWS).1);
    let slow: Vec<String> = (0..12).map(|_| server.create(&file)).collect();
    // Their platform answers at once.
    let other = super::server::add_account(server.folder.path(), &["--platform", "tiktok"]);
    let call = |method: &str, path: &str, body: Option<&Value>| {
        server.call_as(&other, method, path, body, &[]).json()
    };
    let made = call("POST", "/files", Some(&json!({"filename": "b.csv"})));
    server.put(made["upload_url"].as_str().unwrap(), b"Email,Phone\na@example.com,\n");
    let mut body = server.new_audience(made["id"].as_str().unwrap());
    body["account_id"] = json!(other.id);
    let begun = Instant::now();
    call("POST", "/audiences", Some(&body));
    let path = format!("/audiences?account_id={}", other.id);
    while !super::server::is_final(&call("GET", &path, None)["data"][0]) {
        assert!(begun.elapsed() < Duration::from_secs(10), "held up");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(call("GET", &path, None)["data"][0]["status"], "ready");
    for id in slow {
        assert_eq!(server.delete(&format!("/audiences/{id}")).status, 200);
    }
}

#[test]
fn what_was_lost_before_is_still_lost() {
    let rules = json!([{"call": "send", "batch": 2, "do": "fail"}]);
    let scripted = start(rules, &[]);
    let server = &scripted.server;
    let id = scripted.create();
    assert_eq!(rows(&server.wait_final(&id)), ("partial", 13));
    let more = server.upload("b.csv", b"Email,Phone\nb@example.com,\n");
    let path = format!("/audiences/{id}/add_people");
    assert_eq!(server.post(&path, &json!({"file_id": more})).status, 200);
    assert_eq!(rows(&server.wait_final(&id)), ("partial", 14));
}

#[test]
fn a_lost_answer_is_asked_for_under_the_same_id() {
    let rules = json!([
        {"call": "create", "do": "forget"},
        {"call": "send", "do": "forget"},
        {"call": "close", "do": "forget"},
    ]);
    let scripted = start(rules, &[]);
    let id = scripted.create();
    assert_eq!(rows(&scripted.server.wait_final(&id)), ("ready", 22));
    let mut ids: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for call in scripted.calls().iter().filter(|call| call["call"] == "send") {
        let batch_id = call["batch_id"].as_str().unwrap().to_owned();
        ids.entry(call["batch"].as_u64().unwrap()).or_default().insert(batch_id);
    }
    assert_eq!(ids.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
    assert_eq!(ids.values().flatten().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(scripted.count("send", 1), 2);
    assert_eq!(scripted.server.outbox(&id).len(), 4, "no batch is there twice");
}

#[test]
fn refused_rows_are_subtracted() {
    let rules = json!([{"call": "send", "batch": 2, "do": "refuse", "records": [0, 8, 99]}]);
    let end = start(rules, &[]).end();
    assert_eq!(rows(&end), ("ready", 20));
    assert_eq!(end["processed_rows"], 25);
}

#[test]
fn a_row_counts_once_for_all_platforms() {
    let flags = ["--platform", "meta,tiktok,google"];
    let scripted = start(json!([]), &flags);
    assert_eq!(rows(&scripted.end()), ("ready", 22));
    // One platform fails: the others have the rows.
    let rules = json!([{"call": "open", "stream": "meta", "do": "fail", "reason": "closed"}]);
    let end = start(rules, &flags).end();
    assert_eq!(rows(&end), ("partial", 22));
    assert!(end["error_message"].as_str().unwrap().contains("meta: closed"), "{end}");
    // Two refuse different rows, and one the same rows as another.
    let all: Vec<u64> = (0..10).collect();
    let rules = json!([
        {"call": "send", "stream": "meta", "batch": 1, "do": "refuse", "records": all},
        {"call": "send", "stream": "google", "batch": 1, "do": "refuse", "records": [0, 1]},
        {"call": "send", "stream": "tiktok", "batch": 1, "do": "refuse", "records": [1, 2]},
    ]);
    assert_eq!(rows(&start(rules, &flags).end()), ("ready", 21));
}

#[test]
fn a_platforms_name_for_it_is_shown() {
    let scripts = tempfile::tempdir().unwrap();
    let path = scripts.path().join("script.json");
    std::fs::write(&path, json!({"audience_ids": true}).to_string()).unwrap();
    let flags = ["--destination", &format!("scripted:{}", path.display()), "--platform", "meta,x"];
    let server = Server::start(&flags);
    let id = server.create(&server.upload("a.csv", &list(ROWS).1));
    let ids = server.wait_final(&id)["platform_audience_ids"].clone();
    let ids = ids.as_array().unwrap();
    assert!(ids.len() == 2 && ids.iter().all(Value::is_string) && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn a_deletion_ends_a_delivery_that_stalls() {
    let rules = json!([
        {"call": "send", "batch": 2, "do": "stall", "ms": 600_000},
        {"call": "delete", "do": "later", "times": 2},
    ]);
    let scripted = start(rules, &[]);
    let server = &scripted.server;
    let id = scripted.create();
    let start = Instant::now();
    while server.audience(&id).unwrap()["matched_rows"] != 9 {
        assert!(start.elapsed() < DEADLINE);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.delete(&format!("/audiences/{id}")).status, 200);
    let asked = Instant::now();
    assert_eq!(server.audience(&id), None);
    let left = || [server.files_in("outbox"), server.files_in("uploads")].concat();
    while !left().is_empty() {
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", left());
        std::thread::sleep(Duration::from_millis(5));
    }
    // The platform is asked until it has deleted it.
    while scripted.count("delete", 0) < 3 {
        assert!(asked.elapsed() < DEADLINE, "{:?}", scripted.calls());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.delete(&format!("/audiences/{id}")).status, 404);
}

#[test]
fn a_deletion_comes_through_at_any_moment() {
    let server = Server::start(&[]);
    let (_, csv) = list(100_000);
    for wait in [0, 1, 3, 10, 30, 60, 100, 200] {
        let id = server.create(&server.upload("a.csv", &csv));
        std::thread::sleep(Duration::from_millis(wait));
        assert_eq!(server.delete(&format!("/audiences/{id}")).status, 200);
        assert_eq!(server.audience(&id), None);
        let asked = Instant::now();
        let left = || ["outbox", "uploads", "rejects"].map(|part| server.files_in(part)).concat();
        while !left().is_empty() {
            assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", left());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    // One file may feed several: it stays for the other.
    let file = server.upload("a.csv", &csv);
    let (one, other) = (server.create(&file), server.create(&file));
    assert_eq!(server.delete(&format!("/audiences/{one}")).status, 200);
    assert_eq!(server.wait_final(&other)["status"], "ready");
}
