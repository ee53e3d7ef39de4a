//! Places where a run can be made to fail.
//!
//! In: the name of a place. Out: nothing happens, save in a build for tests (feature `testing`):
//! there `MATCHKEY_FAULTS=PLACE=ACTION[@N],...` lets the N-th passage (the first by default, every
//! one with `@*`) of a place `kill` the process, `panic`, fail with `enospc` or `eio`, or `stall`
//! for 100 ms; `MATCHKEY_FAULT_LOG` names a file that gets a line for each fault that came true.

/// Every place; behind the first in the order in which an audience passes them.
pub const PLACES: &[&str] = &[
    "store.commit",
    "upload.open",
    "upload.write",
    "upload.sync",
    "upload.commit",
    "upload.committed",
    "replay.begin",
    "replay.begun",
    "create.commit",
    "create.committed",
    "claim.commit",
    "count.start",
    "count.saved",
    "process.start",
    "process.batch",
    "stage.write",
    "stage.sync",
    "stage.commit",
    "stage.committed",
    "rejects.write",
    "rejects.sync",
    "syncing.commit",
    "connect.create",
    "connect.created",
    "connect.open",
    "connect.opened",
    "send.begin",
    "send.begun",
    "outbox.link",
    "outbox.sync",
    "send.taken",
    "send.commit",
    "send.committed",
    "close.begin",
    "manifest.write",
    "manifest.sync",
    "manifest.rename",
    "close.closed",
    "final.commit",
    "final.committed",
    "clean.staged",
    "delete.commit",
    "delete.committed",
    "delete.local",
    "delete.removed",
    "delete.platform",
    "delete.end",
    "retention.upload",
    "retention.commit",
];

#[cfg(feature = "testing")]
pub(crate) use scripted::point;

/// Passes a place.
#[cfg(not(feature = "testing"))]
#[inline]
pub(crate) fn point(place: &'static str) -> std::io::Result<()> {
    debug_assert!(PLACES.contains(&place));
    Ok(())
}

#[cfg(feature = "testing")]
mod scripted {
    use super::PLACES;
    use std::collections::HashMap;
    use std::io::{self, Write};
    use std::sync::{LazyLock, Mutex, PoisonError};
    use std::time::Duration;

    struct Fault {
        action: String,
        /// `None`: at each passage.
        passage: Option<u64>,
        passed: Mutex<u64>,
    }

    static FAULTS: LazyLock<HashMap<String, Fault>> = LazyLock::new(|| {
        let text = std::env::var("MATCHKEY_FAULTS").unwrap_or_default();
        let faults = text.split(',').filter_map(|fault| {
            let (place, action) = fault.split_once('=')?;
            let (action, passage) = action.split_once('@').unwrap_or((action, "1"));
            let passage = passage.parse().ok();
            let fault = Fault { action: action.to_owned(), passage, passed: Mutex::new(0) };
            Some((place.to_owned(), fault))
        });
        faults.collect()
    });

    /// Passes a place.
    pub(crate) fn point(place: &'static str) -> io::Result<()> {
        debug_assert!(PLACES.contains(&place), "{place}");
        let Some(fault) = FAULTS.get(place) else { return Ok(()) };
        let mut passed = fault.passed.lock().unwrap_or_else(PoisonError::into_inner);
        *passed += 1;
        if fault.passage.is_some_and(|passage| passage != *passed) {
            return Ok(());
        }
        drop(passed);
        log(place);
        match fault.action.as_str() {
            "kill" => {
                let own = rustix::process::getpid();
                let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
                std::thread::sleep(Duration::from_secs(60));
                Ok(())
            }
            #[expect(clippy::panic, reason = "that is what is asked for")]
            "panic" => panic!("injected at {place}"),
            "enospc" => Err(io::ErrorKind::StorageFull.into()),
            "eio" => Err(io::Error::other("injected")),
            "stall" => {
                std::thread::sleep(Duration::from_millis(100));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn log(place: &str) {
        let Some(path) = std::env::var_os("MATCHKEY_FAULT_LOG") else { return };
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        let _ = file.and_then(|mut file| writeln!(file, "{place}"));
    }
}
