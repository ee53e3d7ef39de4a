//! Where match keys go: the border to an ad platform.
//!
//! In: an audience to be made, batches to be taken. Out: [`Destination`], which says what became of
//! each. Whoever delivers knows no more of it than this: an audience is made at the platform, a
//! session is opened, batches are sent in order, each under an id that never changes, the session
//! is closed; deletion goes the same way. Every call may be repeated: an answer can be lost.

use super::id::AudienceId;
use crate::Platform;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// A file of a platform's that an audience's keys go into: most platforms have one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(String);

impl Stream {
    /// The stream of a platform's file with this suffix (`""`, `-phone`).
    pub fn new(platform: Platform, suffix: &str) -> Stream {
        Stream(format!("{platform}{suffix}"))
    }

    /// `meta`, `uid2-phone`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The platform.
    pub fn platform(&self) -> Option<Platform> {
        self.0.split('-').next().and_then(|name| name.parse().ok())
    }
}

impl From<String> for Stream {
    fn from(name: String) -> Stream {
        Stream(name)
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The audience that is delivered to, at one platform.
#[derive(Clone, Debug)]
pub struct Target {
    /// Ours.
    pub audience: AudienceId,
    /// The platform's file.
    pub stream: Stream,
    /// What the platform calls it, once it was made there.
    pub external_id: Option<String>,
    /// 1 for the list that made it, one more for each list of added people.
    pub generation: u32,
}

/// Rows from one to another, fixed before anything is sent, and their records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// From 1, over all generations.
    pub seq: u64,
    /// Made of the audience, the stream, the place and the content: the same at every attempt.
    pub batch_id: String,
    /// The first row of its range; rows count over all files of the audience, from 1.
    pub first_row: u64,
    /// The last row of its range.
    pub last_row: u64,
    /// Rows of the range that have records.
    pub rows: u64,
    /// Records; a row may have several.
    pub records: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// `csv` or `txt`.
    pub extension: String,
}

impl Batch {
    /// `000001.csv`.
    pub fn file_name(&self) -> String {
        format!("{:06}.{}", self.seq, self.extension)
    }
}

/// A batch on its way.
#[derive(Clone)]
pub struct Parcel<'a> {
    /// What it is.
    pub batch: &'a Batch,
    /// The session, as [`Destination::open`] named it.
    pub session: &'a str,
    /// A file in the shape of the platform's upload file.
    pub file: &'a Path,
    /// True once a deletion or a shutdown wants this call to end: it has to, within half a second.
    pub is_cancelled: &'a dyn Fn() -> bool,
}

/// What a destination made of a batch that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Records that it refused, from 0.
    pub refused: Vec<u64>,
}

/// Why a call did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// Not now: too many calls, a fault at the other end, no or half an answer. What was sent may
    /// have been taken.
    Later {
        /// How long the platform asks to wait.
        after: Option<Duration>,
        /// For the log and, if it never succeeds, the merchant. Never with content.
        reason: String,
    },
    /// Never: refused, no permission.
    Final {
        /// For the merchant. Never with content.
        reason: String,
    },
    /// Our own storage failed.
    Storage(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Storage(error)
    }
}

/// When a call that failed for a while is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The longest wait before the second attempt; it doubles from then on.
    pub base: Duration,
    /// The longest wait of all, unless the platform asks for more.
    pub cap: Duration,
    /// Attempts in all.
    pub attempts: u32,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { base: Duration::from_secs(1), cap: Duration::from_secs(300), attempts: 8 }
    }
}

impl Retry {
    /// How long to wait after so many attempts, from 1; `None` if there were enough. `share` is a
    /// random number from 0 to 1: waits of many are spread over the whole time.
    pub fn wait(&self, attempts: u32, after: Option<Duration>, share: f64) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let doubled = self.base.saturating_mul(1 << (attempts.clamp(1, 16) - 1));
        let own = doubled.min(self.cap).mul_f64(share.clamp(0.0, 1.0));
        Some(own.max(after.unwrap_or_default()))
    }
}

/// An ad platform's side of an import, or what stands in for it. Calls block; none is made from an
/// async context.
pub trait Destination: Send + Sync {
    /// A batch is made of so many rows at most.
    fn batch_rows_max(&self) -> u64;

    /// When calls are made again.
    fn retry(&self) -> Retry {
        Retry::default()
    }

    /// Makes the audience at the platform, once however often it is called for one target. The
    /// platform's name for it, if it has names.
    ///
    /// # Errors
    ///
    /// See [`Failure`]; so for all that follow.
    fn create(&self, target: &Target) -> Result<Option<String>, Failure>;

    /// Opens a session for the batches of one generation. Its name is durable before a batch goes.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    fn open(&self, target: &Target) -> Result<String, Failure>;

    /// Sends a batch. One that was taken before is not taken twice.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    fn send(&self, target: &Target, parcel: &Parcel<'_>) -> Result<Receipt, Failure>;

    /// Ends a session, when each of its batches was taken or given up; `taken` are the audience's
    /// batches of this stream that were taken, of all generations.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    fn close(&self, target: &Target, session: &str, taken: &[Batch]) -> Result<(), Failure>;

    /// Deletes the audience at the platform, if it is there. Files of ours are gone already.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    fn delete(&self, target: &Target) -> Result<(), Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_cap_and_end() {
        let retry = Retry::default();
        let wait = |attempts| retry.wait(attempts, None, 1.0).map(|wait| wait.as_secs());
        let waits: Vec<_> = (1..=8).map(wait).collect();
        let expected = [Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), Some(64), None];
        assert_eq!(waits, expected);
        let asked = retry.wait(1, Some(Duration::from_secs(600)), 0.5);
        assert_eq!(asked, Some(Duration::from_secs(600)));
        let long = Retry { attempts: 99, ..retry };
        assert_eq!(long.wait(50, None, 1.0), Some(Duration::from_secs(300)));
    }

    #[test]
    fn streams_know_their_platform() {
        assert_eq!(Stream::new(Platform::Google, "-madid").platform(), Some(Platform::Google));
        assert_eq!(Stream::new(Platform::Meta, "").name(), "meta");
    }
}
