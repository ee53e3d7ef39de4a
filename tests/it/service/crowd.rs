//! Many at once, slow ones, too large ones.

use super::server::{Ask, DEADLINE, Server, list};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn many_small_audiences_are_all_made_exactly() {
    const CLIENTS: usize = 20;
    const AUDIENCES: usize = 200;
    let server = Server::start(&[]);
    let made = AtomicUsize::new(0);
    let (usable, csv) = list(100);
    // A long import is at work all the while, and holds nobody up.
    let long = server.create(&server.upload("long.csv", &list(400_000).1));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while made.fetch_add(1, Ordering::Relaxed) < AUDIENCES {
                    let id = server.create(&server.upload("a.csv", &csv));
                    let stands = server.wait_final(&id);
                    assert_eq!(stands["status"], "ready");
                    assert_eq!(stands["matched_rows"], usable);
                }
            });
        }
    });
    assert_eq!(server.wait_final(&long)["status"], "ready");
}

/// What is left of a connection after this: `None` while it is open.
fn rest(mut socket: &TcpStream, wait: Duration) -> Option<Vec<u8>> {
    socket.set_read_timeout(Some(wait)).unwrap();
    let mut text = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return Some(text),
            Ok(read) => text.extend_from_slice(&buffer[..read]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::ConnectionReset) => {
                return Some(text);
            }
            Err(_) => return None,
        }
    }
}

#[test]
fn slow_clients_are_cut_off_and_hold_nobody_up() {
    let server = Server::start(&["--max-connections-per-client", "2000"]);
    let address = server.base.trim_start_matches("http://").to_owned();
    let (_, url) = server.new_file("a.csv");
    let path = url.split_once(&address).unwrap().1.to_owned();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000\r\n\r\nab");
    let starts: [&[u8]; 4] =
        [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nx: ", head.as_bytes()];
    let mut sockets = Vec::new();
    for start in starts {
        for _ in 0..100 {
            let mut socket = TcpStream::connect(&address).unwrap();
            socket.write_all(start).unwrap();
            sockets.push(socket);
        }
    }
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    // One kind drips: a byte now and then buys no time.
    while begun.elapsed() < Duration::from_secs(16) {
        for socket in sockets.iter_mut().skip(200).take(100) {
            let _ = socket.write_all(b"x");
        }
        let asked = Instant::now();
        let anybody = Ask { method: "GET", path: "/healthz", key: None, headers: &[], body: None };
        assert_eq!(server.ask(&anybody).status, 200);
        slowest = slowest.max(asked.elapsed());
        std::thread::sleep(Duration::from_millis(250));
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    for (index, socket) in sockets.iter().enumerate() {
        let closed = rest(socket, Duration::from_secs(15));
        assert!(closed.is_some(), "connection {index} is still open");
    }
    assert_eq!(server.put(&url, b"Email\n").status, 200, "the address is still good");
}

#[test]
fn too_many_connections_of_one_client_make_room_or_come_back() {
    let server = Server::start(&["--max-connections-per-client", "4"]);
    let address = server.base.trim_start_matches("http://").to_owned();
    // Idle ones make room for the next.
    let idle: Vec<_> = (0..10).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let path = format!("/audiences?account_id={}", server.account.id);
    assert_eq!(server.get(&path).status, 200);
    assert!(rest(&idle[0], Duration::from_secs(15)).is_some());
    drop(idle);
    // Those at work do not: the fifth is told to come back.
    let (_, url) = server.new_file("a.csv");
    let path = url.split_once(&address).unwrap().1.to_owned();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000\r\n\r\nab");
    let mut busy = Vec::new();
    let start = Instant::now();
    loop {
        let mut socket = TcpStream::connect(&address).unwrap();
        socket.write_all(head.as_bytes()).unwrap();
        if let Some(text) = rest(&socket, Duration::from_millis(200)) {
            let text = String::from_utf8_lossy(&text).into_owned();
            if text.starts_with("HTTP/1.1 503 ") {
                assert!(text.contains("retry-after: 1"), "{text}");
                break;
            }
        }
        busy.push(socket);
        assert!(start.elapsed() < DEADLINE);
    }
}

#[test]
fn a_large_upload_is_refused_before_it_is_read() {
    let server = Server::start(&["--max-upload-bytes", "100000"]);
    let address = server.base.trim_start_matches("http://").to_owned();
    let refused = |head: &str, sent: &[u8]| {
        let (_, url) = server.new_file("a.csv");
        let path = url.split_once(&address).unwrap().1.to_owned();
        let mut socket = TcpStream::connect(&address).unwrap();
        let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\n{head}\r\n");
        socket.write_all(head.as_bytes()).unwrap();
        // The rest is never sent: the answer does not wait for it.
        let _ = socket.write_all(sent);
        let text = rest(&socket, Duration::from_secs(20)).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
        assert!(text.contains("payload_too_large"), "{text}");
    };
    refused("content-length: 100001\r\n", b"");
    let mut chunks = Vec::new();
    for _ in 0..3 {
        chunks.extend_from_slice(b"c350\r\n");
        chunks.extend_from_slice(&[b'x'; 0xc350]);
        chunks.extend_from_slice(b"\r\n");
    }
    refused("transfer-encoding: chunked\r\n", &chunks);
    let (_, url) = server.new_file("b.csv");
    assert_eq!(server.put(&url, &[b'x'; 100_000]).status, 200, "the limit itself is taken");
    let start = Instant::now();
    while server.files_in("uploads").len() != 1 {
        assert!(start.elapsed() < DEADLINE, "{:?}", server.files_in("uploads"));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_account_has_so_much_space() {
    let server = Server::start(&["--max-account-bytes", "1000"]);
    let (_, one) = server.new_file("a.csv");
    let (_, two) = server.new_file("b.csv");
    assert_eq!(server.put(&one, &[b'x'; 700]).status, 200);
    assert_eq!(server.put(&two, &[b'x'; 400]).status, 413);
    assert_eq!(server.put(&two, &[b'x'; 300]).status, 200);
}

#[test]
fn what_comes_at_once_does_not_take_more_space() {
    let server = Server::start(&["--max-account-bytes", "1000"]);
    let urls: Vec<String> = (0..8).map(|_| server.new_file("a.csv").1).collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sent: Vec<_> =
            urls.iter().map(|url| scope.spawn(|| server.put(url, &[b'x'; 400]).status)).collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 2, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 413].contains(status)), "{statuses:?}");
}

#[test]
fn clients_that_do_not_read_hold_nobody_up() {
    let mut server = Server::start(&["--max-connections-per-client", "2000"]);
    // Rejects that are longer than what the system keeps for a client.
    let csv = format!("Email,Phone\n{}", "nobody,12\n".repeat(150_000) + "a@example.com,\n");
    let id = server.create(&server.upload("a.csv", csv.as_bytes()));
    server.wait_final(&id);
    let address = server.base.trim_start_matches("http://").to_owned();
    let head = format!(
        "GET /audiences/{id}/rejects HTTP/1.1\r\nhost: {address}\r\naccept: text/csv\r\n\
         authorization: Bearer {}\r\n\r\n",
        server.account.key
    );
    let mut sockets = Vec::new();
    for _ in 0..700 {
        let mut socket = TcpStream::connect(&address).unwrap();
        socket.write_all(head.as_bytes()).unwrap();
        sockets.push(socket);
    }
    std::thread::sleep(Duration::from_millis(500));
    let path = format!("/audiences?account_id={}", server.account.id);
    let asked = Instant::now();
    assert_eq!(server.get(&path).status, 200);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    // Nor do they keep it from its end.
    let asked = Instant::now();
    assert_eq!(server.terminate(), 0);
    assert!(asked.elapsed() < Duration::from_secs(11), "{:?}", asked.elapsed());
}

#[test]
fn odd_requests_get_answers() {
    let mut server = Server::start(&[]);
    let key = server.account.key.clone();
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];
    let paths = [
        "/audiences",
        "/audiences?account_id=%ff&first=%00&after=%F0%9F%98%80",
        "/audiences?account_id[]=1&account_id=&first=99999999999999999999999",
        "/audiences/%00",
        "/audiences/adaud_aaaaaaaaaaaaaaaaaaaaaa/add_people",
        "/audiences//rejects",
        "/api/v1/audiences/../files",
        "/files?file_ids=%27%3B--",
        "/files/file_aaaaaaaaaaaaaaaaaaaaaa/complete",
        "/uploads/file_aaaaaaaaaaaaaaaaaaaaaa?part=4294967296&expires=-1&signature=%00",
        "/uploads/x?part=1&expires=9223372036854775807&signature=00000000000000000000000000000000",
        "/metrics",
        "/",
    ];
    let bodies: [&[u8]; 8] = [
        b"",
        b"null",
        b"{\"name\":\"\\ud800\"}",
        b"{\"account_id\":{},\"name\":[],\"file_id\":1e999}",
        b"\xff\xfe\x00",
        b"{\"filename\":\"\\u0000\",\"byte_size\":-1,\"multipart\":\"x\"}",
        b"{\"multipart_parts\":[{\"part_number\":1e300,\"etag\":null}],\"multipart_upload_id\":1}",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    ];
    let versions = ["2026-10-15", "9999-99-99", "\u{e9}", ""];
    for _ in 0..600 {
        let headers = [
            ("Api-Version-Date", versions[random(4)]),
            ("Idempotency-Key", ["", "k", "\t"][random(3)]),
        ];
        let ask = Ask {
            method: methods[random(methods.len())],
            path: paths[random(paths.len())],
            key: (random(8) > 0).then_some(key.as_str()),
            headers: &headers[..random(3)],
            body: (random(2) > 0).then(|| bodies[random(bodies.len())].to_vec()),
        };
        let (method, path) = (ask.method, ask.path);
        // A client of its own may refuse to send something; a server never answers with its fault.
        if let Some(reply) = server.try_ask(&ask) {
            assert!(reply.status < 500, "{method} {path}: {} {}", reply.status, reply.text);
        }
    }
    let address = server.base.trim_start_matches("http://");
    for head in ["", "host: a\r\nhost: b\r\n"] {
        let mut socket = TcpStream::connect(address).unwrap();
        let text = format!("GET /healthz HTTP/1.1\r\n{head}connection: close\r\n\r\n");
        socket.write_all(text.as_bytes()).unwrap();
        let answer = rest(&socket, Duration::from_secs(20)).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{head}");
    }
    assert!(server.is_alive());
    assert!(!server.log().contains("panic"), "{}", server.events());
}
