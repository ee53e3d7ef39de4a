//! The service as a process on loopback, and a client for it.
//!
//! In: a data folder, flags, faults. Out: [`Server`], which can be asked over HTTP, killed, started
//! again and looked into. What it logs is kept for the tests that read it.

use crate::process::command;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use ureq::http::{Method, Request};

/// Deadlines are upper bounds: nothing here takes near that long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// An account and its key.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) key: String,
}

/// A data folder, with or without a server in it.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) account: Account,
    pub(crate) base: String,
    child: Option<Child>,
    flags: Vec<String>,
    agent: ureq::Agent,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// A request.
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<Vec<u8>>,
}

impl Server {
    /// A new folder, an account, a running server.
    pub(crate) fn start(flags: &[&str]) -> Server {
        let mut server = Server::prepare(flags);
        server.run(&[]);
        server
    }

    /// A new folder with an account, and no server yet.
    pub(crate) fn prepare(flags: &[&str]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let account = add_account(folder.path(), &[]);
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(DEADLINE))
            .build();
        Server {
            folder,
            account,
            base: String::new(),
            child: None,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            agent: config.into(),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// Starts a server in the folder.
    pub(crate) fn run(&mut self, environment: &[(&str, &str)]) {
        let log = std::fs::File::options().append(true).create(true).open(self.log_path()).unwrap();
        let mut child = command()
            .arg("serve")
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(self.folder.path())
            .args(&self.flags)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        self.base = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        assert!(!self.base.is_empty(), "no server: {line:?}, {}", self.events());
        self.child = Some(child);
    }

    /// Everything that was logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// What was logged but for requests.
    pub(crate) fn events(&self) -> String {
        let log = self.log();
        let lines = log.lines().filter(|line| !line.contains("\"message\":\"request\""));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// True while the process is there.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Ends the process like a power cut.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    /// Waits for a process that ends by itself; its exit code.
    pub(crate) fn wait_dead(&mut self) -> i32 {
        let start = Instant::now();
        while self.is_alive() {
            assert!(start.elapsed() < DEADLINE, "still there: {}", self.events());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.take().unwrap().wait().unwrap().code().unwrap()
    }

    /// Asks the process to end; its exit code.
    pub(crate) fn terminate(&mut self) -> i32 {
        let mut child = self.child.take().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        child.wait().unwrap().code().unwrap()
    }

    /// One request; `None` if there was no whole answer.
    pub(crate) fn try_ask(&self, ask: &Ask<'_>) -> Option<Reply> {
        let url = match ask.path.starts_with("http") {
            true => ask.path.to_owned(),
            false => format!("{}{}", self.base, ask.path),
        };
        let method: Method = ask.method.parse().unwrap();
        let mut request = Request::builder().method(method).uri(url);
        if let Some(key) = ask.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        let sent = match &ask.body {
            Some(body) => self.agent.run(request.body(body.clone()).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = sent.ok()?;
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let status = response.status().as_u16();
        let mut text = String::new();
        response.body_mut().as_reader().read_to_string(&mut text).ok()?;
        Some(Reply { status, headers, text })
    }

    /// One request.
    pub(crate) fn ask(&self, ask: &Ask<'_>) -> Reply {
        self.try_ask(ask).unwrap_or_else(|| panic!("no answer to {} {}", ask.method, ask.path))
    }

    /// A request of the account's, with a JSON body if there is one.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.call_as(&self.account, method, path, body, &[])
    }

    pub(crate) fn call_as(
        &self,
        account: &Account,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let body = body.map(|body| body.to_string().into_bytes());
        self.ask(&Ask { method, path, key: Some(&account.key), headers, body })
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, None)
    }

    /// A new file that waits for its bytes: its id and the address for them.
    pub(crate) fn new_file(&self, name: &str) -> (String, String) {
        let reply = self.post("/files", &json!({"filename": name}));
        assert_eq!(reply.status, 201, "{}", reply.text);
        let file = reply.json();
        let text = |name: &str| file[name].as_str().unwrap().to_owned();
        (text("id"), text("upload_url"))
    }

    pub(crate) fn put(&self, url: &str, bytes: &[u8]) -> Reply {
        let body = Some(bytes.to_vec());
        self.ask(&Ask { method: "PUT", path: url, key: None, headers: &[], body })
    }

    /// A file with these bytes.
    pub(crate) fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let (id, url) = self.new_file(name);
        let reply = self.put(&url, bytes);
        assert_eq!(reply.status, 200, "{}", reply.text);
        id
    }

    /// The body of a request for an audience of this file.
    pub(crate) fn new_audience(&self, file: &str) -> Value {
        json!({
            "account_id": self.account.id,
            "name": "Customers",
            "column_mapping": {"email": "Email", "phone": "Phone"},
            "file_id": file,
        })
    }

    /// An audience of this file; its id.
    pub(crate) fn create(&self, file: &str) -> String {
        let reply = self.post("/audiences", &self.new_audience(file));
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// An audience as it stands; `None` if it is not listed.
    pub(crate) fn audience(&self, id: &str) -> Option<Value> {
        let path = format!("/audiences?account_id={}&audience_id={id}", self.account.id);
        let reply = self.get(&path);
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["data"].as_array().unwrap().first().cloned()
    }

    /// Waits for the end of an import. What is seen on the way is checked: nothing goes back.
    pub(crate) fn wait_final(&self, id: &str) -> Value {
        let start = Instant::now();
        let mut before: Option<Value> = None;
        loop {
            let stands = self.audience(id).unwrap();
            check_stand(&stands, before.as_ref());
            if is_final(&stands) {
                return stands;
            }
            assert!(start.elapsed() < DEADLINE, "{stands}\n{}", self.events());
            before = Some(stands);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Names of everything below a folder of the data folder.
    pub(crate) fn files_in(&self, part: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.folder.path().join(part), &mut found);
        found.sort();
        found
    }

    /// What is in an audience's outbox: relative name -> content. The batch ids of the manifest are
    /// left out: another audience has others.
    pub(crate) fn outbox(&self, id: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.folder.path().join("outbox").join(id);
        let mut found = Vec::new();
        walk(&root, &mut found);
        // What waits to be delivered is not there yet.
        found.retain(|path| !path.display().to_string().contains("/.staged"));
        let read = |path: PathBuf| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let mut bytes = std::fs::read(&path).unwrap();
            if name.ends_with("manifest.json") {
                let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
                for batch in manifest["batches"].as_array_mut().unwrap() {
                    batch.as_object_mut().unwrap().remove("batch_id").unwrap();
                }
                bytes = manifest.to_string().into_bytes();
            }
            (name, bytes)
        };
        found.into_iter().map(read).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Adds an account beside a server that may be running.
pub(crate) fn add_account(folder: &Path, flags: &[&str]) -> Account {
    let output = command()
        .args(["account", "add", "--json", "--data"])
        .arg(folder)
        .args(flags)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let added: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |name: &str| added[name].as_str().unwrap().to_owned();
    Account { id: text("account_id"), key: text("api_key") }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => walk(&path, found),
            false => found.push(path),
        }
    }
}

pub(crate) fn is_final(audience: &Value) -> bool {
    ["ready", "partial", "failed"].contains(&audience["status"].as_str().unwrap())
}

/// What always holds of an audience, and of two readings of it.
pub(crate) fn check_stand(stands: &Value, before: Option<&Value>) {
    const ORDER: [&str; 4] = ["pending", "processing", "syncing", "final"];
    const COUNTERS: [&str; 4] =
        ["processed_rows", "matched_rows", "progress_percent", "updated_at"];
    let place = |stands: &Value| {
        let status = stands["status"].as_str().unwrap();
        ORDER.iter().position(|name| *name == status).unwrap_or(3)
    };
    let number = |stands: &Value, name: &str| stands[name].as_u64().unwrap();
    let is_partial = ["partial", "failed"].contains(&stands["status"].as_str().unwrap());
    assert_eq!(stands["error_message"].is_string(), is_partial, "{stands}");
    let [matched, processed, total] =
        ["matched_rows", "processed_rows", "total_rows"].map(|name| number(stands, name));
    assert!(matched <= processed && processed <= total, "{stands}");
    assert!(number(stands, "progress_percent") < 100 || is_final(stands), "{stands}");
    // Before it is delivered, an import changes nothing of what was.
    let was = before.map_or(matched, |before| number(before, "matched_rows"));
    assert!(matched == was || place(stands) >= 2, "{stands}");
    assert!(processed == total || place(stands) < 2 || is_partial, "{stands}");
    if let Some(before) = before {
        assert!(place(before) <= place(stands), "{before} then {stands}");
        for name in COUNTERS {
            assert!(number(before, name) <= number(stands, name), "{before} then {stands}");
        }
        assert_eq!(before["created_at"], stands["created_at"]);
    }
}

/// A made-up list of so many rows: how many of them can be used, and the list. Every tenth row has
/// neither an e-mail nor a phone that can be used.
pub(crate) fn list(rows: usize) -> (u64, Vec<u8>) {
    let mut text = String::from("Name,Email,Phone\n");
    let mut usable = 0;
    for row in 0..rows {
        match row % 10 {
            3 => text += &format!("N{row},nobody,12\n"),
            7 => text += &format!("N{row},,+1415555{:04}\n", row % 10_000),
            _ => text += &format!("\"N{row}, Jr\",User{row}@Example.com,\n"),
        }
        usable += u64::from(row % 10 != 3);
    }
    (usable, text.into_bytes())
}
