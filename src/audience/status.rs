//! Where an audience stands.
//!
//! In: a name. Out: [`Status`], and which may follow which. Only `import.rs` changes one.

use std::fmt;
use std::str::FromStr;

/// The state of an audience's import, in the order in which they are passed through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Accepted; nothing has been read yet.
    Pending,
    /// The file is counted, then read.
    Processing,
    /// Match keys are being delivered.
    Syncing,
    /// Everything usable was delivered.
    Ready,
    /// Something failed for good, and something was delivered.
    Partial,
    /// Nothing was delivered.
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 6] = [
        Status::Pending,
        Status::Processing,
        Status::Syncing,
        Status::Ready,
        Status::Partial,
        Status::Failed,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Processing => "processing",
            Status::Syncing => "syncing",
            Status::Ready => "ready",
            Status::Partial => "partial",
            Status::Failed => "failed",
        }
    }

    /// True if the import is over. Only added people lead on from here.
    pub fn is_final(self) -> bool {
        self >= Status::Ready
    }

    /// True if the one may follow the other within an import; each may follow itself.
    pub fn may_become(self, next: Status) -> bool {
        self == next || (!self.is_final() && self < next)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(name: &str) -> Result<Status, String> {
        let known = Status::ALL.into_iter().find(|status| status.name() == name);
        known.ok_or_else(|| "no such status".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_never_goes_back() {
        for from in Status::ALL {
            assert_eq!(from.name().parse(), Ok(from));
            for to in Status::ALL {
                let is_later = from < to && !from.is_final();
                assert_eq!(from.may_become(to), from == to || is_later, "{from} {to}");
            }
        }
    }
}
