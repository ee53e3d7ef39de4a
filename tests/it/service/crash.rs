//! Whatever ends the process, the end is the same.
//!
//! An undisturbed run says what the end is: every counter, every file of the outbox. Then the
//! process is killed, at random and at each fault point, and started again. The client does what
//! clients do: it asks again.

use super::server::{Ask, DEADLINE, Reply, Server, check_stand, is_final, list};
use matchkey::audience::fault::PLACES;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// An import's end: what may differ between two runs is left out.
#[derive(Debug, PartialEq)]
struct End {
    stands: Value,
    outbox: BTreeMap<String, Vec<u8>>,
    rejects: String,
}

/// A client that goes on until it has its answer, starting the server again where it is gone.
struct Client {
    server: Server,
    restarts: u32,
    before: Option<Value>,
    /// When the process is to be killed.
    kill_at: Option<Instant>,
}

impl Client {
    fn new(server: Server) -> Client {
        Client { server, restarts: 0, before: None, kill_at: None }
    }

    /// Starts the server again if it is gone; kills it if it is time.
    fn tend(&mut self) {
        if self.kill_at.is_some_and(|at| at <= Instant::now()) {
            self.server.kill();
            self.kill_at = None;
        }
        if !self.server.is_alive() {
            self.server.kill();
            self.server.run(&[]);
            self.restarts += 1;
        }
    }

    /// Asks until there is an answer that is not "try again".
    fn ask(&mut self, method: &str, path: &str, body: Option<&[u8]>, key: &str) -> Reply {
        let start = Instant::now();
        loop {
            self.tend();
            let account = self.server.account.clone();
            // Addresses outlive the process; its port does not.
            let path = match path.split_once("/api/v1/") {
                Some((_, rest)) => format!("/api/v1/{rest}"),
                None => path.to_owned(),
            };
            let is_upload = path.contains("/uploads/");
            // Rejects are asked for as a file.
            let headers = [("Accept", "text/csv"), ("Idempotency-Key", key)];
            let ask = Ask {
                method,
                path: &path,
                key: (!is_upload).then_some(account.key.as_str()),
                headers: if key.is_empty() { &headers[..1] } else { &headers },
                body: body.map(<[u8]>::to_vec),
            };
            match self.server.try_ask(&ask) {
                Some(reply) if reply.status < 500 => return reply,
                _ => assert!(start.elapsed() < DEADLINE, "{method} {path}"),
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn json(&mut self, method: &str, path: &str, body: &Value, key: &str) -> Reply {
        self.ask(method, path, Some(body.to_string().as_bytes()), key)
    }

    /// From the upload to the end.
    fn import(&mut self, csv: &[u8]) -> (String, End) {
        let made = self.json("POST", "/files", &json!({"filename": "a.csv"}), "file").json();
        let url = made["upload_url"].as_str().unwrap().to_owned();
        let sent = self.ask("PUT", &url, Some(csv), "");
        assert_eq!(sent.status, 200, "{}", sent.text);
        let body = self.server.new_audience(made["id"].as_str().unwrap());
        let made = self.json("POST", "/audiences", &body, "audience");
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/audiences?account_id={}", self.server.account.id);
        let start = Instant::now();
        let mut stands = loop {
            let listed = self.ask("GET", &path, None, "").json();
            let all = listed["data"].as_array().unwrap();
            assert_eq!(all.len(), 1, "a lost answer makes no second audience");
            check_stand(&all[0], self.before.as_ref());
            self.before = Some(all[0].clone());
            if is_final(&all[0]) {
                break all[0].clone();
            }
            assert!(start.elapsed() < DEADLINE, "{listed}\n{}", self.server.events());
            std::thread::sleep(Duration::from_millis(2));
        };
        let object = stands.as_object_mut().unwrap();
        for name in ["id", "created_at", "updated_at", "platform_audience_ids"] {
            object.remove(name).unwrap();
        }
        let rejects = self.ask("GET", &format!("/audiences/{id}/rejects"), None, "").text;
        // The name of the file is its id.
        let rejects = rejects.lines().map(|line| line.split_once(',').unwrap().1.to_owned() + "\n");
        let outbox = self.server.outbox(&id);
        (id, End { stands, outbox, rejects: rejects.collect() })
    }

    /// Deletes it; nothing of it is left.
    fn delete(&mut self, id: &str) {
        let reply = self.ask("DELETE", &format!("/audiences/{id}"), None, "");
        // A lost answer makes the second deletion a 404.
        assert!([200, 404].contains(&reply.status), "{}", reply.text);
        let start = Instant::now();
        loop {
            self.tend();
            let path = format!("/audiences?account_id={}", self.server.account.id);
            assert_eq!(self.ask("GET", &path, None, "").json()["data"], json!([]));
            let left: Vec<_> = ["uploads", "outbox", "rejects"]
                .iter()
                .flat_map(|part| self.server.files_in(part))
                .collect();
            if left.is_empty() {
                break;
            }
            assert!(start.elapsed() < DEADLINE, "left: {left:?}\n{}", self.server.events());
            std::thread::sleep(Duration::from_millis(3));
        }
    }
}

/// A script that only makes batches small.
fn script(folder: &Path, rows: u64) -> String {
    let path = folder.join("script.json");
    std::fs::write(&path, json!({"batch_rows": rows, "retry_base_ms": 5}).to_string()).unwrap();
    format!("scripted:{}", path.display())
}

/// A new folder whose batches have so many rows.
fn prepare(scripts: &Path, rows: u64) -> Server {
    Server::prepare(&["--destination", &script(scripts, rows), "--platform", "meta,google"])
}

fn undisturbed(scripts: &Path, rows: u64, csv: &[u8]) -> (End, Duration) {
    let mut server = prepare(scripts, rows);
    server.run(&[]);
    let mut client = Client::new(server);
    let start = Instant::now();
    let (id, end) = client.import(csv);
    let took = start.elapsed();
    client.delete(&id);
    assert_eq!(client.restarts, 0);
    (end, took)
}

/// A small step of an even spread; tests need no better one.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn a_kill_at_any_moment_changes_nothing() {
    let scripts = tempfile::tempdir().unwrap();
    let (usable, csv) = list(60_000);
    let (expected, took) = undisturbed(scripts.path(), 1_000, &csv);
    assert_eq!(expected.stands["matched_rows"], usable);
    let kills = std::env::var("MATCHKEY_KILLS").ok().and_then(|kills| kills.parse().ok());
    let seed = std::env::var("MATCHKEY_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut state: u64 = seed.unwrap_or(20_261_127);
    let mut restarts = 0;
    for round in 0..kills.unwrap_or(20) {
        let mut server = prepare(scripts.path(), 1_000);
        server.run(&[]);
        let mut client = Client::new(server);
        let span = u64::try_from(took.as_micros()).unwrap();
        client.kill_at = Some(Instant::now() + Duration::from_micros(random(&mut state) % span));
        let (id, end) = client.import(&csv);
        assert!(end == expected, "round {round}: {:?} {:?}", end.stands, expected.stands);
        client.kill_at = Some(Instant::now() + Duration::from_micros(random(&mut state) % 3_000));
        client.delete(&id);
        restarts += client.restarts;
    }
    assert!(restarts >= kills.unwrap_or(20), "only {restarts} kills came true");
}

#[test]
fn a_kill_at_each_fault_point_changes_nothing() {
    let scripts = tempfile::tempdir().unwrap();
    let (_, csv) = list(3_000);
    let (expected, _) = undisturbed(scripts.path(), 500, &csv);
    for place in PLACES {
        let mut server = prepare(scripts.path(), 500);
        let log = server.folder.path().join("faults.log");
        // This one is passed at the start too.
        let passage = if *place == "store.commit" { 9 } else { 1 };
        let fault = format!("{place}=kill@{passage}");
        let environment =
            [("MATCHKEY_FAULTS", fault.as_str()), ("MATCHKEY_FAULT_LOG", log.to_str().unwrap())];
        server.run(&environment);
        let mut client = Client::new(server);
        let (id, end) = client.import(&csv);
        assert!(end == expected, "{place}: {:?}", end.stands);
        client.delete(&id);
        // What is local may be gone before the last places are passed.
        let start = Instant::now();
        let hits = || std::fs::read_to_string(&log).unwrap_or_default();
        while hits().is_empty() || client.restarts == 0 {
            assert!(start.elapsed() < DEADLINE, "{place} was not passed");
            std::thread::sleep(Duration::from_millis(3));
            client.tend();
        }
        let hits = hits();
        assert_eq!(hits.lines().collect::<Vec<_>>(), [*place], "the fault came true once");
        assert_eq!(client.restarts, 1, "{place}");
    }
}

#[test]
fn work_on_record_is_not_done_again() {
    let scripts = tempfile::tempdir().unwrap();
    let journal = scripts.path().join("calls.jsonl");
    let path = scripts.path().join("script.json");
    // The last batch stalls, so that the kill finds all others taken.
    let script = json!({
        "batch_rows": 500, "retry_base_ms": 5, "journal": journal,
        "rules": [{"call": "send", "batch": 8, "do": "stall", "ms": 60_000}],
    });
    std::fs::write(&path, script.to_string()).unwrap();
    let server = Server::start(&["--destination", &format!("scripted:{}", path.display())]);
    let mut client = Client::new(server);
    let (usable, csv) = list(4_000);
    let file = client.server.upload("a.csv", &csv);
    let id = client.server.create(&file);
    let start = Instant::now();
    while client.server.audience(&id).unwrap()["matched_rows"].as_u64().unwrap() < usable - 450 {
        assert!(start.elapsed() < DEADLINE, "{}", client.server.events());
        std::thread::sleep(Duration::from_millis(5));
    }
    client.server.kill();
    let script = json!({"batch_rows": 500, "journal": journal});
    std::fs::write(&path, script.to_string()).unwrap();
    client.server.run(&[]);
    assert_eq!(client.server.wait_final(&id)["matched_rows"], usable);
    let calls = std::fs::read_to_string(journal).unwrap();
    let sent = calls.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sent: Vec<u64> = sent
        .filter(|call| call["call"] == "send")
        .map(|call| call["batch"].as_u64().unwrap())
        .collect();
    assert_eq!(sent, [1, 2, 3, 4, 5, 6, 7, 8], "each was sent once");
}
