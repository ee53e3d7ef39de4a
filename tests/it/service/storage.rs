//! Failing disks, damaged uploads, panics: what was accepted is finished, others are unharmed.

use super::server::{Ask, DEADLINE, Server, is_final, list};
use matchkey::audience::fault::PLACES;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};

/// Places where a failure puts off, and does not end the process.
fn places() -> impl Iterator<Item = &'static str> {
    PLACES.iter().copied().filter(|place| *place != "store.commit")
}

/// Asks until the answer is not "try again"; how often it was not.
fn persist(server: &Server, ask: &Ask<'_>) -> (Value, u16, u32) {
    let start = Instant::now();
    let mut failed = 0;
    loop {
        let reply = server.ask(ask);
        if reply.status < 500 {
            let json = serde_json::from_str(&reply.text).unwrap_or(Value::Null);
            return (json, reply.status, failed);
        }
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert!(reply.headers.contains_key("retry-after"));
        failed += 1;
        assert!(start.elapsed() < DEADLINE, "{}", reply.text);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// From the upload to the end and the deletion, in spite of one fault.
fn go_through(server: &Server, csv: &[u8], key: &str) -> Value {
    let account = server.account.clone();
    let post = |path: &str, body: &Value| {
        let headers = [("Idempotency-Key", key)];
        let body = Some(body.to_string().into_bytes());
        let ask = Ask { method: "POST", path, key: Some(&account.key), headers: &headers, body };
        persist(server, &ask)
    };
    let (id, url) = server.new_file("a.csv");
    let body = Some(csv.to_vec());
    let put = Ask { method: "PUT", path: &url, key: None, headers: &[], body };
    let (_, status, _) = persist(server, &put);
    assert_eq!(status, 200);
    let (made, status, _) = post("/audiences", &server.new_audience(&id));
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    let stands = server.wait_final(id);
    let path = format!("/audiences/{id}");
    let key = Some(account.key.as_str());
    let ask = Ask { method: "DELETE", path: &path, key, headers: &[], body: None };
    let (_, status, failed) = persist(server, &ask);
    assert!(status == 200 || failed > 0, "{status}");
    let start = Instant::now();
    while !["uploads", "outbox"].iter().all(|part| server.files_in(part).is_empty()) {
        assert!(start.elapsed() < DEADLINE, "{}", server.events());
        std::thread::sleep(Duration::from_millis(5));
    }
    stands
}

fn with_fault(place: &str, action: &str, csv: &[u8]) -> (Server, Value, String) {
    let mut server = Server::prepare(&[]);
    let log = server.folder.path().join("faults.log");
    let fault = format!("{place}={action}");
    server
        .run(&[("MATCHKEY_FAULTS", fault.as_str()), ("MATCHKEY_FAULT_LOG", log.to_str().unwrap())]);
    let stands = go_through(&server, csv, "key");
    // What is local may be gone before the last places are passed.
    let start = Instant::now();
    let hits = || std::fs::read_to_string(&log).unwrap_or_default();
    while hits().is_empty() {
        assert!(start.elapsed() < DEADLINE, "{place} was not passed");
        std::thread::sleep(Duration::from_millis(3));
    }
    let hits = hits();
    (server, stands, hits)
}

#[test]
fn a_full_disk_at_each_place_puts_off_and_loses_nothing() {
    let (usable, csv) = list(3_000);
    for place in places() {
        for action in ["enospc", "eio"] {
            let (mut server, stands, hits) = with_fault(place, action, &csv);
            assert_eq!(hits.lines().collect::<Vec<_>>(), [place], "{action}");
            let end = (stands["status"].as_str().unwrap(), stands["matched_rows"].as_u64());
            assert_eq!(end, ("ready", Some(usable)), "{place} {action}: {}", server.events());
            assert!(server.is_alive());
        }
    }
}

#[test]
fn a_panic_ends_one_import_and_no_other() {
    let (usable, csv) = list(3_000);
    for place in places() {
        let (mut server, stands, hits) = with_fault(place, "panic", &csv);
        assert_eq!(hits.lines().collect::<Vec<_>>(), [place]);
        let status = stands["status"].as_str().unwrap();
        assert!(["ready", "failed", "partial"].contains(&status), "{place}: {stands}");
        assert!(server.is_alive());
        let again = go_through(&server, &csv, "other");
        assert_eq!(again["matched_rows"], usable, "{place}: the next one goes well");
    }
}

#[test]
fn a_disk_that_stays_full_holds_up_only_until_there_is_room() {
    let mut server = Server::prepare(&[]);
    // At every passage: as long as this process lives.
    server.run(&[("MATCHKEY_FAULTS", "stage.write=enospc@*")]);
    let (usable, csv) = list(3_000);
    let file = server.upload("a.csv", &csv);
    let id = server.create(&file);
    std::thread::sleep(Duration::from_millis(600));
    let stands = server.audience(&id).unwrap();
    assert_eq!(stands["status"], "processing");
    // Whoever has nothing to write is not held up.
    let useless = server.create(&server.upload("b.csv", b"Other\nx\n"));
    assert_eq!(server.wait_final(&useless)["status"], "failed");
    assert!(server.log().contains("import put off"));
    server.kill();
    server.run(&[]);
    assert_eq!(server.wait_final(&id)["matched_rows"], usable);
}

#[test]
fn a_key_is_free_again_where_nothing_came_of_it() {
    const ROUNDS: usize = 12;
    let mut server = Server::prepare(&[]);
    server.run(&[("MATCHKEY_FAULTS", "create.commit=enospc@1")]);
    let file = server.upload("a.csv", &list(10).1);
    let body = server.new_audience(&file);
    let headers = [("Idempotency-Key", "one")];
    let post =
        || server.call_as(&server.account, "POST", "/audiences", Some(&body), &headers).status;
    assert_eq!(post(), 503);
    assert_eq!(post(), 201);
    // Many at once with one key, often: one of them is carried out each time.
    for round in 0..ROUNDS {
        let key = format!("many {round}");
        let headers = [("Idempotency-Key", key.as_str())];
        let post = || server.call_as(&server.account, "POST", "/audiences", Some(&body), &headers);
        let replies: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..12).map(|_| scope.spawn(post)).collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status)));
        let made = replies.iter().filter(|reply| reply.status == 201);
        let ids: BTreeSet<_> = made.map(|reply| reply.json()["id"].to_string()).collect();
        assert_eq!(ids.len(), 1);
    }
    let path = format!("/audiences?account_id={}", server.account.id);
    assert_eq!(server.get(&path).json()["data"].as_array().unwrap().len(), 1 + ROUNDS);
}

#[test]
fn a_write_that_does_not_reach_the_disk_ends_the_process() {
    let (usable, csv) = list(30_000);
    for passage in [3, 6, 9, 12] {
        let mut server = Server::prepare(&[]);
        server.run(&[("MATCHKEY_FAULTS", &format!("store.commit=eio@{passage}"))]);
        let account = server.account.clone();
        // Nothing that was answered before is lost; what was not may be asked for again.
        let body = json!({"filename": "a.csv"}).to_string().into_bytes();
        let ask = Ask {
            method: "POST",
            path: "/files",
            key: Some(&account.key),
            headers: &[],
            body: Some(body),
        };
        let made = server.try_ask(&ask).filter(|reply| reply.status == 201);
        let sent = made.and_then(|made| {
            let url = made.json()["upload_url"].as_str().unwrap().to_owned();
            let body = Some(csv.clone());
            let put = Ask { method: "PUT", path: &url, key: None, headers: &[], body };
            server.try_ask(&put).filter(|reply| reply.status == 200).map(|_| made)
        });
        let accepted = sent.and_then(|made| {
            let body = server.new_audience(made.json()["id"].as_str().unwrap());
            let body = Some(body.to_string().into_bytes());
            let (path, key) = ("/audiences", Some(account.key.as_str()));
            let ask = Ask { method: "POST", path, key, headers: &[], body };
            server.try_ask(&ask).filter(|reply| reply.status == 201)
        });
        assert_eq!(server.wait_dead(), 1, "{}", server.events());
        server.run(&[]);
        if let Some(accepted) = accepted {
            let stands = server.wait_final(accepted.json()["id"].as_str().unwrap());
            assert_eq!(stands["matched_rows"], usable, "{passage}");
        }
    }
}

#[test]
fn a_damaged_upload_fails_as_a_whole() {
    let server = Server::start(&[]);
    let (usable, csv) = list(3_000);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&csv).unwrap();
    let packed = packer.finish().unwrap();
    let end = |bytes: &[u8]| {
        let id = server.create(&server.upload("a.csv.gz", bytes));
        let stands = server.wait_final(&id);
        (stands["status"].as_str().unwrap().to_owned(), stands["matched_rows"].as_u64().unwrap())
    };
    assert_eq!(end(&packed), ("ready".to_owned(), usable));
    for cut in [packed.len() - 1, packed.len() / 2, 11] {
        assert_eq!(end(&packed[..cut]), ("failed".to_owned(), 0), "cut at {cut}");
    }
    for place in (12..packed.len()).step_by(packed.len() / 12) {
        let mut flipped = packed.clone();
        flipped[place] ^= 4;
        assert_eq!(end(&flipped), ("failed".to_owned(), 0), "flipped at {place}");
    }
    assert!(
        server.files_in("outbox").iter().all(|path| !path.to_string_lossy().contains("staged"))
    );
}

#[test]
fn an_upload_that_ends_early_leaves_nothing() {
    use std::io::Read;
    let server = Server::start(&[]);
    let (id, url) = server.new_file("a.csv");
    let address = server.base.trim_start_matches("http://");
    let path = url.split_once(address).unwrap().1;
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000000\r\n\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&vec![b'x'; 600_000]).unwrap();
    let start = Instant::now();
    while server.files_in("uploads").is_empty() {
        assert!(start.elapsed() < DEADLINE);
        std::thread::sleep(Duration::from_millis(2));
    }
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer);
    while !server.files_in("uploads").is_empty() {
        assert!(start.elapsed() < DEADLINE);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(server.get(&format!("/files/{id}")).json()["upload_status"], "pending");
    assert_eq!(server.put(&url, &list(10).1).status, 200, "the address is still good");
}

#[test]
fn an_end_in_peace_loses_no_answer() {
    let mut server = Server::start(&[]);
    let (usable, csv) = list(100_000);
    let file = server.upload("a.csv", &csv);
    let id = server.create(&file);
    let start = Instant::now();
    assert_eq!(server.terminate(), 0);
    assert!(start.elapsed() < Duration::from_secs(10));
    server.run(&[]);
    let stands = server.wait_final(&id);
    assert!(is_final(&stands));
    assert_eq!(stands["matched_rows"], usable);
    assert_eq!(json!("ready"), stands["status"]);
}
