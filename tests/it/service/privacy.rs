//! Personal data is where it belongs and nowhere else, and goes when it is no longer needed.

use super::server::{DEADLINE, Server};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// E-mails and phones that stand nowhere else in the world.
fn canaries() -> Vec<(String, String)> {
    (0..200)
        .map(|n| (format!("canary{n}.x7q@example.com"), format!("+1415555{:04}", 2_000 + n)))
        .collect()
}

/// A list with usable, unusable and odd rows, all of them with canaries.
fn list() -> String {
    let mut text = String::from("Email,Phone,Country,First Name\n");
    for (index, (email, phone)) in canaries().iter().enumerate() {
        text += &match index % 5 {
            0 => format!("{email},{phone},US,Canary\n"),
            1 => format!("{},{},US,Canary\n", email.replace('@', ""), &phone[..9]),
            2 => format!("\"{email},{phone},US,\"Canary\n"),
            3 => format!("{email},{phone},US,Canary,{email}\n"),
            _ => format!("{email}\n"),
        };
    }
    text
}

/// Everything that would give a canary away: itself, its digits, its hash as digits and as bytes.
fn needles() -> Vec<Vec<u8>> {
    let mut needles = vec![b"x7q".to_vec(), b"canary1".to_vec()];
    for (email, phone) in canaries() {
        for text in [email.as_str(), phone.as_str(), phone.trim_start_matches('+')] {
            let digest = Sha256::digest(text);
            needles
                .push(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into());
            needles.push(digest.to_vec());
        }
        needles.push(phone.as_bytes()[2..].to_vec());
    }
    needles
}

fn holds(bytes: &[u8], needles: &[Vec<u8>]) -> bool {
    needles.iter().any(|needle| memchr::memmem::find(bytes, needle).is_some())
}

fn everything(folder: &Path, found: &mut Vec<(String, Vec<u8>, u32)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // A file may be gone by now.
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        let name = path.display().to_string();
        match metadata.is_dir() {
            true => {
                found.push((name, Vec::new(), mode | 0o1000));
                everything(&path, found);
            }
            false => found.push((name, std::fs::read(&path).unwrap_or_default(), mode)),
        }
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn no_canary_is_where_it_does_not_belong() {
    let mut server = Server::prepare(&["--log", "debug", "--keep-uploads-seconds", "2"]);
    server.run(&[("RUST_BACKTRACE", "1")]);
    let csv = list();
    let file = server.upload("customers.csv", csv.as_bytes());
    let mut body = server.new_audience(&file);
    body["column_mapping"] = json!({
        "email": "Email", "phone": "Phone", "country": "Country", "first_name": "First Name",
    });
    let id = server.post("/audiences", &body).json()["id"].as_str().unwrap().to_owned();
    let stands = server.wait_final(&id);
    assert_eq!(stands["status"], "ready", "{stands}");
    // Canaries where people put them by mistake.
    let (email, phone) = &canaries()[7];
    for mapping in [json!({"email": email}), json!({"phone": phone})] {
        let file = server.upload("b.csv", format!("{email},{phone}\nx,y\n").as_bytes());
        let mut body = server.new_audience(&file);
        body["column_mapping"] = mapping;
        let made = server.post("/audiences", &body).json();
        let stands = server.wait_final(made["id"].as_str().unwrap());
        assert_eq!(stands["status"], "failed");
        assert!(!holds(stands.to_string().as_bytes(), &needles()), "{stands}");
    }
    server.get(&format!("/audiences/{email}?email={email}"));
    server.get(&format!("/files/{phone}"));
    server.post("/nothing", &json!({"email": email}));
    let headers = [("Accept", "text/csv")];
    let path = format!("/audiences/{id}/rejects");
    let rejects = server.call_as(&server.account, "GET", &path, None, &headers).text;
    assert!(rejects.lines().count() > 40, "{rejects}");
    let metrics = server.get("/metrics").text;
    for text in [&rejects, &metrics, &server.get(&path).text, &server.log()] {
        assert!(!holds(text.as_bytes(), &needles()), "{text}");
    }
    // On disk only in the uploads and the outbox; every file is its owner's alone.
    let mut found = Vec::new();
    everything(server.folder.path(), &mut found);
    let mut in_outbox = 0;
    for (name, bytes, mode) in &found {
        let is_ours = !name.ends_with("server.log");
        let expected = if mode & 0o1000 != 0 { 0o1700 } else { 0o600 };
        assert!(!is_ours || *mode == expected, "{name}: {mode:o}");
        let may_hold = name.contains("/uploads/") || name.contains("/outbox/");
        // Header names that look like data are kept with the mapping, as the merchant gave them.
        let is_database = name.contains("matchkey.db");
        let own: &[Vec<u8>] = &needles()[..];
        let hashes: Vec<Vec<u8>> = own.iter().filter(|it| it.len() >= 32).cloned().collect();
        match is_database {
            true => assert!(!holds(bytes, &hashes), "{name}"),
            false => assert!(may_hold || !holds(bytes, own), "{name}"),
        }
        in_outbox += usize::from(name.contains("/outbox/") && holds(bytes, own));
    }
    assert_eq!(in_outbox, 1, "the test finds what is there");
    // The raw upload goes soon after its last use; a later use is refused.
    wait_for("uploads stay", || server.files_in("uploads").is_empty());
    let late = server.post("/audiences", &server.new_audience(&file));
    assert_eq!((late.status, late.code().as_str()), (409, "file_gone"));
    assert_eq!(server.get(&format!("/files/{file}")).json()["size"], csv.len().to_string());
    // After the deletion nothing of it is anywhere.
    assert_eq!(server.delete(&format!("/audiences/{id}")).status, 200);
    wait_for("the outbox stays", || server.files_in("outbox").is_empty());
    assert_eq!(server.terminate(), 0);
    let mut left = Vec::new();
    everything(server.folder.path(), &mut left);
    let hashes: Vec<Vec<u8>> = needles().into_iter().filter(|it| it.len() >= 32).collect();
    for (name, bytes, _) in &left {
        assert!(!holds(bytes, &hashes), "{name}");
    }
}

#[test]
fn what_nobody_uses_goes() {
    let server = Server::start(&["--keep-unused-seconds", "1", "--keep-rejects-seconds", "1"]);
    let used = server.upload("a.csv", b"Email,Phone\na@example.com,\nbad,\n");
    let unused = server.upload("b.csv", b"Email\n");
    let id = server.create(&used);
    server.wait_final(&id);
    assert_eq!(server.files_in("rejects").len(), 1);
    wait_for("rejects stay", || server.files_in("rejects").is_empty());
    wait_for("unused uploads stay", || server.files_in("uploads").len() == 1);
    let late = server.post("/audiences", &server.new_audience(&unused));
    assert_eq!(late.code(), "file_gone");
    // The counts stay, and people may be added all the same.
    let rejects = server.get(&format!("/audiences/{id}/rejects")).json();
    assert_eq!(rejects["rejections"]["email"]["invalid_email:no_at"], 1);
    let more = server.upload("c.csv", b"Email,Phone\nb@example.com,\nworse,\n");
    let path = format!("/audiences/{id}/add_people");
    assert_eq!(server.post(&path, &json!({"file_id": more})).status, 200);
    let stands = server.wait_final(&id);
    assert_eq!(stands["matched_rows"], 2);
    let rejects = server.get(&format!("/audiences/{id}/rejects")).json();
    assert_eq!(rejects["rejections"]["email"]["invalid_email:no_at"], 2);
}

#[test]
fn the_process_keeps_its_memory_to_itself() {
    let server = Server::start(&[]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().nth(4) == Some("0"), "{core}");
    let text = Value::from(server.account.key.clone());
    assert!(!server.log().contains(text.as_str().unwrap()));
}
