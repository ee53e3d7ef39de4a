//! What one account knows of another: nothing.

use super::server::{Account, Ask, Reply, Server, add_account, list};
use crate::process::{code, command, stderr, stdout};
use serde_json::{Value, json};
use std::time::Duration;

/// An answer without what tells two requests apart anyway.
fn told(reply: &Reply, id: &str) -> (u16, String) {
    (reply.status, reply.text.replace(id, "ID"))
}

#[test]
fn what_another_has_looks_like_what_there_is_not() {
    let server = Server::start(&[]);
    let other = add_account(server.folder.path(), &[]);
    let (_, csv) = list(30);
    let file = server.upload("a.csv", &csv);
    let ids: Vec<String> = (0..3).map(|_| server.create(&file)).collect();
    ids.iter().for_each(|id| drop(server.wait_final(id)));
    let listed = format!("/audiences?account_id={}&first=1", server.account.id);
    let cursor = server.get(&listed).json()["page_info"]["end_cursor"].as_str().unwrap().to_owned();
    let no_audience = "adaud_0123456789abcdefABCDEF";
    let no_file = "file_0123456789abcdefABCDEF";
    let no_account = "biz_0123456789abcdefABCDEF";
    let no_cursor = "0000000000000002".to_owned() + &"0".repeat(32);
    let ask = |method: &str, path: &str, body: Option<&Value>| {
        server.call_as(&other, method, path, body, &[])
    };
    let mut compared = 0;
    let mut same = |method: &str,
                    path: &dyn Fn(&str) -> String,
                    body: &dyn Fn(&str) -> Option<Value>,
                    theirs: &str,
                    none: &str| {
        let foreign = ask(method, &path(theirs), body(theirs).as_ref());
        let absent = ask(method, &path(none), body(none).as_ref());
        assert_eq!(told(&foreign, theirs), told(&absent, none), "{method} {}", path("ID"));
        compared += 1;
        foreign
    };
    let nothing: &dyn Fn(&str) -> Option<Value> = &|_| None;
    let audience = ids[0].as_str();
    let path = |id: &str| format!("/audiences/{id}");
    assert_eq!(same("DELETE", &path, nothing, audience, no_audience).status, 404);
    let name = |_: &str| Some(json!({"name": "Mine"}));
    assert_eq!(same("PATCH", &path, &name, audience, no_audience).status, 404);
    let more = |_: &str| Some(json!({"file_id": no_file}));
    let add = |id: &str| format!("/audiences/{id}/add_people");
    assert_eq!(same("POST", &add, &more, audience, no_audience).status, 404);
    let rejects = |id: &str| format!("/audiences/{id}/rejects");
    assert_eq!(same("GET", &rejects, nothing, audience, no_audience).status, 404);
    let one = |id: &str| format!("/files/{id}");
    assert_eq!(same("GET", &one, nothing, &file, no_file).status, 404);
    let complete = |id: &str| format!("/files/{id}/complete");
    let parts = |_: &str| Some(json!({"multipart_upload_id": "x", "multipart_parts": []}));
    assert_eq!(same("POST", &complete, &parts, &file, no_file).status, 404);
    let some = |id: &str| format!("/files?file_ids={id}");
    assert_eq!(same("GET", &some, nothing, &file, no_file).json()["data"], json!([]));
    let all = |id: &str| format!("/audiences?account_id={id}");
    assert_eq!(same("GET", &all, nothing, &server.account.id, no_account).status, 403);
    let only = |id: &str| format!("/audiences?account_id={}&audience_id={id}", other.id);
    assert_eq!(same("GET", &only, nothing, audience, no_audience).json()["data"], json!([]));
    let after = |cursor: &str| format!("/audiences?account_id={}&after={cursor}", other.id);
    assert_eq!(same("GET", &after, nothing, &cursor, &no_cursor).status, 400);
    let create: &dyn Fn(&str) -> String = &|_| "/audiences".to_owned();
    let of = |account: &str, file: &str| {
        let mut body = server.new_audience(file);
        body["account_id"] = json!(account);
        Some(body)
    };
    let foreign_file = |id: &str| of(&other.id, id);
    assert_eq!(same("POST", create, &foreign_file, &file, no_file).status, 404);
    let foreign_account = |id: &str| of(id, &file);
    assert_eq!(same("POST", create, &foreign_account, &server.account.id, no_account).status, 403);
    assert_eq!(compared, 12);
    // And nothing happened to what is theirs.
    let listed = format!("/audiences?account_id={}", server.account.id);
    let listed = server.get(&listed).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 3);
    assert!(listed["data"].as_array().unwrap().iter().all(|it| it["name"] == "Customers"));
    let own = format!("/audiences?account_id={}", other.id);
    assert_eq!(ask("GET", &own, None).json()["data"], json!([]));
}

#[test]
fn only_a_right_key_lets_in() {
    let server = Server::start(&[]);
    let path = format!("/audiences?account_id={}", server.account.id);
    let key = server.account.key.clone();
    let mut wrong = key.clone();
    let last = wrong.pop().unwrap();
    wrong.push(if last == 'a' { 'b' } else { 'a' });
    let with = |header: Option<&str>| {
        let headers: Vec<_> = header.map(|value| ("authorization", value)).into_iter().collect();
        let ask = Ask { method: "GET", path: &path, key: None, headers: &headers, body: None };
        server.ask(&ask)
    };
    assert_eq!(with(Some(&format!("Bearer {key}"))).status, 200);
    assert_eq!(with(Some(&format!("bearer  {key}"))).status, 200);
    let long = format!("Bearer {}", "x".repeat(10_000));
    let odd =
        [format!("Bearer {wrong}"), format!("Basic {key}"), key.clone(), "Bearer".to_owned(), long];
    for header in odd {
        let reply = with(Some(&header));
        assert_eq!(reply.status, 401);
        assert_eq!(reply.code(), "unauthorized");
        assert!(!reply.text.contains("apik_"));
    }
    assert_eq!(with(None).status, 401);
}

#[test]
fn keys_have_scopes_and_end_at_once() {
    let server = Server::start(&[]);
    let (_, csv) = list(10);
    let file = server.upload("a.csv", &csv);
    let run = |arguments: &[&str]| {
        let output = command().args(arguments).arg("--data").arg(server.folder.path()).output();
        let output = output.unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        serde_json::from_str::<Value>(&stdout(&output)).unwrap()
    };
    let add = |scope: &str| {
        let account = server.account.id.as_str();
        let key = run(&["key", "add", "--account", account, "--scope", scope, "--json"]);
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        (Account { id: account.to_owned(), key: text("api_key") }, text("key_id"))
    };
    let (reader, _) = add("audience:basic:read");
    let (writer, writer_id) = add("audience:update");
    let path = format!("/audiences?account_id={}", server.account.id);
    let body = server.new_audience(&file);
    let list = |by: &Account| server.call_as(by, "GET", &path, None, &[]);
    let create = |by: &Account| server.call_as(by, "POST", "/audiences", Some(&body), &[]);
    assert_eq!(list(&reader).status, 200);
    assert_eq!(create(&reader).code(), "insufficient_scope");
    assert_eq!(list(&writer).status, 403);
    assert_eq!(create(&writer).status, 201);
    let file = format!("/files/{file}");
    assert_eq!(server.call_as(&writer, "GET", &file, None, &[]).status, 200);
    run(&["key", "revoke", &writer_id, "--json"]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(create(&writer).status, 401);
    assert_eq!(list(&reader).status, 200);
    // What is not given stays.
    let account = server.account.id.as_str();
    run(&["account", "set", account, "--platform", "meta,google", "--json"]);
    run(&["account", "set", account, "--country", "DE", "--json"]);
    let accounts = run(&["account", "list", "--json"]);
    assert_eq!(accounts[0]["platforms"], json!(["meta", "google"]));
    assert_eq!(accounts[0]["country"], "DE");
    assert_eq!(accounts[0]["keys"].as_array().unwrap().len(), 2);
    let text = accounts.to_string();
    assert!(!text.contains(&server.account.key) && !text.contains("apik_"), "{text}");
}

#[test]
fn one_folder_has_one_server() {
    let mut server = Server::start(&[]);
    let second = command()
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(server.folder.path())
        .output()
        .unwrap();
    assert_eq!(code(&second), 1);
    assert!(stderr(&second).contains("another process works in this data folder"));
    // A process that is stopped still has it.
    let pid = rustix::process::Pid::from_raw(server.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let third = command()
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(server.folder.path())
        .output()
        .unwrap();
    assert_eq!(code(&third), 1);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    assert!(server.is_alive());
    server.kill();
    server.run(&[]);
}

#[test]
fn the_first_start_makes_an_account_once() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut child = command()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
        let pid = rustix::process::Pid::from_child(&child);
        let account = out.fill_buf().map(<[u8]>::to_vec);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut rest = String::from_utf8(account.unwrap()).unwrap();
        out.consume(rest.len());
        while out.read_line(&mut rest).unwrap() > 0 {}
        assert!(child.wait().unwrap().success());
        rest
    };
    // Without accounts the lines are there at once; with one the end of the process closes it.
    let first = std::thread::scope(|scope| scope.spawn(start).join().unwrap());
    assert!(first.contains("account biz_") && first.contains("api key apik_"), "{first}");
    let accounts =
        command().args(["account", "list", "--json", "--data"]).arg(folder.path()).output();
    let accounts: Value = serde_json::from_slice(&accounts.unwrap().stdout).unwrap();
    assert_eq!(accounts.as_array().unwrap().len(), 1);
    assert!(first.contains(accounts[0]["account_id"].as_str().unwrap()));
}

#[test]
fn ids_are_no_paths() {
    let server = Server::start(&[]);
    let (_, url) = server.new_file("a.csv");
    let signed = url.split_once('?').unwrap().1;
    let corpus = [
        "..",
        "../..",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..",
        "%00",
        "file_%00aaaaaaaaaaaaaaaaaaaaaa",
        "file_..%2f..%2f..%2f..%2fetc%2fpasswd",
        "file_aaaaaaaaaaaaaaaaaaaa%2e%2e",
        "%EF%BC%8E%EF%BC%8E%EF%BC%8F",
        "/etc/passwd",
        "%2fproc%2fself%2fenviron",
        "file_",
        "FILE_aaaaaaaaaaaaaaaaaaaaaa",
    ];
    for id in corpus {
        for path in [
            format!("/files/{id}"),
            format!("/audiences/{id}/rejects"),
            format!("/api/v1/audiences/{id}/rejects"),
        ] {
            let reply = server.get(&path);
            assert!([404, 405].contains(&reply.status), "{path}: {}", reply.status);
            assert!(!reply.text.contains("root:"));
        }
        let reply = server.put(&format!("{}/uploads/{id}?{signed}", server.base), b"x");
        assert!([403, 404, 405].contains(&reply.status), "{id}: {}", reply.status);
    }
    assert!(server.files_in("uploads").is_empty());
}
