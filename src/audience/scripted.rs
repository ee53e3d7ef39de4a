//! A destination that follows a script: the ad platform of the tests.
//!
//! In: a JSON file. Out: an outbox that refuses, fails, stalls and forgets to answer when the
//! script says so, and is strict: batches come in order, within an open session, with the content
//! and the number of records that they announce, and under one id each.
//!
//! ```json
//! {"batch_rows": 100, "audience_ids": true, "journal": "calls.jsonl",
//!  "retry_base_ms": 10, "retry_cap_ms": 50, "attempts": 8,
//!  "rules": [
//!   {"call": "send", "stream": "meta", "batch": 2, "do": "later", "times": 2, "after_ms": 30},
//!   {"call": "send", "batch": 3, "do": "fail", "reason": "no permission"},
//!   {"call": "send", "batch": 1, "do": "refuse", "records": [0, 7]},
//!   {"call": "send", "batch": 4, "do": "stall", "ms": 500},
//!   {"call": "send", "batch": 5, "do": "forget"},
//!   {"call": "create", "do": "later", "times": 1}]}
//! ```
//!
//! A rule is for a `call` (`create`, `open`, `send`, `close`, `delete`), where they are given for a
//! `stream` (`meta`) and a `batch`; the first that fits is followed. `later`: does not succeed now;
//! `fail`: never; `stall`: takes so long, then does not succeed; `forget`: is done, but the answer
//! is lost; `refuse`: the batch is taken without these records, from 0. `times`: how often, for
//! each audience and batch; without it `fail` and `refuse` are for ever, the others once.
//! `journal`: a file that gets a line for each call. All times are in milliseconds.

use super::destination::{Batch, Destination, Failure, Parcel, Receipt, Retry, Stream, Target};
use super::folder::Folder;
use super::id::AudienceId;
use super::outbox::Outbox;
use super::upload::hex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Call {
    Create,
    Open,
    Send,
    Close,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Later,
    Fail,
    Stall,
    Forget,
    Refuse,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    call: Call,
    stream: Option<String>,
    batch: Option<u64>,
    #[serde(rename = "do")]
    action: Action,
    times: Option<u64>,
    after_ms: Option<u64>,
    ms: Option<u64>,
    #[serde(default)]
    records: Vec<u64>,
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Script {
    batch_rows: Option<u64>,
    audience_ids: bool,
    retry_base_ms: Option<u64>,
    retry_cap_ms: Option<u64>,
    attempts: Option<u32>,
    journal: Option<PathBuf>,
    rules: Vec<Rule>,
}

/// One stream of an audience, as the other end knows it.
#[derive(Default)]
struct Known {
    ids: HashMap<u64, String>,
    /// The last batch of the session.
    last: u64,
    session: String,
}

/// A destination that follows a script.
pub struct Scripted {
    script: Script,
    outbox: Outbox,
    /// How often a rule was followed, by audience, stream and batch.
    followed: Mutex<HashMap<(usize, AudienceId, Stream, u64), u64>>,
    known: Mutex<HashMap<(AudienceId, Stream), Known>>,
}

impl Scripted {
    /// A destination that follows the script in this file and keeps what it takes in an outbox.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is no script.
    pub fn open(path: &Path, folder: Folder) -> Result<Scripted, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let script = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let outbox = Outbox::new(folder);
        Ok(Scripted { script, outbox, followed: Mutex::default(), known: Mutex::default() })
    }

    /// The rule for a call, if it is to be followed once more.
    fn rule(&self, call: Call, target: &Target, batch: u64) -> Option<&Rule> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = self.script.rules.iter().enumerate();
        let mut fitting = rules.filter(|(_, rule)| {
            rule.call == call
                && rule.stream.as_deref().is_none_or(|name| name == target.stream.name())
                && rule.batch.is_none_or(|number| number == batch)
        });
        fitting.find_map(|(index, rule)| {
            let key = (index, target.audience.clone(), target.stream.clone(), batch);
            let count = followed.entry(key).or_default();
            let is_lasting = matches!(rule.action, Action::Fail | Action::Refuse);
            let times = rule.times.unwrap_or(if is_lasting { u64::MAX } else { 1 });
            *count += 1;
            (*count <= times).then_some(rule)
        })
    }

    /// Follows the script for a call; `work` is what the call does.
    fn follow<T>(
        &self,
        call: Call,
        target: &Target,
        (batch, is_cancelled): (u64, &dyn Fn() -> bool),
        work: impl FnOnce(&[u64]) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let rule = self.rule(call, target, batch);
        let later = |rule: &Rule, reason: &str| Failure::Later {
            after: rule.after_ms.map(Duration::from_millis),
            reason: rule.reason.clone().unwrap_or_else(|| reason.to_owned()),
        };
        let result = match rule.map(|rule| (rule.action, rule)) {
            None => work(&[]),
            Some((Action::Refuse, rule)) => work(&rule.records),
            Some((Action::Later, rule)) => Err(later(rule, "busy")),
            Some((Action::Fail, rule)) => {
                let reason = rule.reason.clone().unwrap_or_else(|| "refused".to_owned());
                Err(Failure::Final { reason })
            }
            Some((Action::Stall, rule)) => {
                let end = Instant::now() + Duration::from_millis(rule.ms.unwrap_or(1_000));
                while Instant::now() < end && !is_cancelled() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(later(rule, "no answer"))
            }
            Some((Action::Forget, rule)) => {
                work(&[]).and_then(|_| Err(later(rule, "the answer was lost")))
            }
        };
        let outcome = match (&result, rule) {
            (Ok(_), _) => "done",
            (Err(_), Some(rule)) if rule.action == Action::Forget => "done, not answered",
            (Err(Failure::Later { .. }), _) => "later",
            (Err(_), _) => "failed",
        };
        self.note(call, target, batch, outcome)?;
        result
    }

    fn note(&self, call: Call, target: &Target, batch: u64, outcome: &str) -> std::io::Result<()> {
        let Some(path) = &self.script.journal else { return Ok(()) };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (target.audience.clone(), target.stream.clone());
        let id = known.get(&key).and_then(|known| known.ids.get(&batch));
        let line = serde_json::json!({
            "call": format!("{call:?}").to_lowercase(),
            "audience": target.audience.as_str(),
            "stream": target.stream.name(),
            "batch": batch,
            "batch_id": id,
            "outcome": outcome,
        });
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
        writeln!(file, "{line}")
    }

    /// What a strict platform holds a batch to.
    fn check(&self, target: &Target, parcel: &Parcel<'_>) -> Result<(), Failure> {
        let broken = |reason: &str| Err(Failure::Final { reason: format!("protocol: {reason}") });
        let bytes = std::fs::read(parcel.file)?;
        let batch = parcel.batch;
        if hex(&Sha256::digest(&bytes)) != batch.sha256 {
            return broken("the content is not what was announced");
        }
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        if lines != batch.records && lines != batch.records + 1 {
            return broken("other records than announced");
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry((target.audience.clone(), target.stream.clone())).or_default();
        if known.session != parcel.session {
            // A session of an earlier process goes on.
            known.session = parcel.session.to_owned();
            known.last = 0;
        }
        if batch.seq < known.last {
            return broken("batches out of order");
        }
        known.last = batch.seq;
        match known.ids.insert(batch.seq, batch.batch_id.clone()) {
            Some(before) if before != batch.batch_id => broken("two ids for one batch"),
            _ => Ok(()),
        }
    }
}

const NEVER: &dyn Fn() -> bool = &|| false;

impl Destination for Scripted {
    fn batch_rows_max(&self) -> u64 {
        self.script.batch_rows.unwrap_or(self.outbox.batch_rows_max()).max(1)
    }

    fn retry(&self) -> Retry {
        let default = Retry::default();
        let millis = |millis: Option<u64>, other| millis.map_or(other, Duration::from_millis);
        Retry {
            base: millis(self.script.retry_base_ms, default.base),
            cap: millis(self.script.retry_cap_ms, default.cap),
            attempts: self.script.attempts.unwrap_or(default.attempts),
        }
    }

    fn create(&self, target: &Target) -> Result<Option<String>, Failure> {
        self.follow(Call::Create, target, (0, NEVER), |_| {
            // The same for the same audience, however often it is made.
            let platform = target.stream.platform().map_or("", |platform| platform.name());
            let digest = Sha256::digest(format!("{}{platform}", target.audience));
            let digits = digest.iter().take(9).map(|byte| format!("{:02}", byte % 100));
            let id = format!("12{}", digits.collect::<String>());
            Ok(self.script.audience_ids.then_some(id))
        })
    }

    fn open(&self, target: &Target) -> Result<String, Failure> {
        self.follow(Call::Open, target, (0, NEVER), |_| self.outbox.open(target))
    }

    fn send(&self, target: &Target, parcel: &Parcel<'_>) -> Result<Receipt, Failure> {
        let batch = parcel.batch;
        self.check(target, parcel)?;
        self.follow(Call::Send, target, (batch.seq, parcel.is_cancelled), |refused| {
            self.outbox.send(target, parcel)?;
            let refused = refused.iter().copied().filter(|record| *record < batch.records);
            Ok(Receipt { refused: refused.collect() })
        })
    }

    fn close(&self, target: &Target, session: &str, taken: &[Batch]) -> Result<(), Failure> {
        self.follow(Call::Close, target, (0, NEVER), |_| self.outbox.close(target, session, taken))
    }

    fn delete(&self, target: &Target) -> Result<(), Failure> {
        self.follow(Call::Delete, target, (0, NEVER), |_| self.outbox.delete(target))
    }
}
