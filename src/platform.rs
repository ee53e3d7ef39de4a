//! What each ad platform wants.
//!
//! In: a platform's name. Out: [`Platform`], the set of rules by which identifiers are rendered
//! into the forms that are hashed. So far there is one set: the generic one.

use std::fmt;
use std::str::FromStr;

/// A destination's set of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Platform {
    /// One SHA-256 column for each field: e-mail trimmed and lower-cased, phone as E.164 with `+`,
    /// every other field in Meta's form.
    #[default]
    Generic,
}

impl Platform {
    /// Every platform that this version can serve.
    pub const ALL: &[Platform] = &[Platform::Generic];

    /// The name as it is written in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Platform::Generic => "generic",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(name: &str) -> Result<Platform, String> {
        let known = |platform: &&Platform| platform.name().eq_ignore_ascii_case(name);
        Platform::ALL.iter().find(known).copied().ok_or_else(|| {
            let names: Vec<_> = Platform::ALL.iter().map(|platform| platform.name()).collect();
            format!("this version serves: {}", names.join(", "))
        })
    }
}
