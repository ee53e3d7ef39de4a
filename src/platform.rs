//! What each ad platform wants.
//!
//! In: a platform's name. Out: [`Platform`]: the identifiers that it takes and their forms, as a
//! table for the engine ([`Rules`]), its upload files ([`upload`]), and where each rule comes from
//! ([`spec`]). One file for each platform; each rule cites its page and date and says which source
//! is followed where they disagree.

mod amazon;
mod criteo;
mod generic;
mod google;
mod linkedin;
mod meta;
mod microsoft;
mod openai;
mod pinterest;
mod reddit;
mod snapchat;
pub mod spec;
mod tiktok;
mod uid2;
pub mod upload;
mod x;

use crate::engine::Options;
use spec::{KeyRule, Spec};
use std::fmt;
use std::str::FromStr;

pub use crate::engine::{Encoding, Hash, Key, PrehashedAs, PrehashedForm, Rules, Sent};

/// A destination's set of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Platform {
    /// One SHA-256 column for each field: e-mail trimmed and lower-cased, phone as E.164 with `+`,
    /// every other field in Meta's form.
    #[default]
    Generic,
    /// Meta custom audiences.
    Meta,
    /// Google Customer Match.
    Google,
    /// TikTok custom audiences.
    TikTok,
    /// LinkedIn matched audiences.
    LinkedIn,
    /// Pinterest customer lists.
    Pinterest,
    /// Snapchat customer lists.
    Snapchat,
    /// X custom audiences.
    X,
    /// Reddit customer lists.
    Reddit,
    /// Microsoft Advertising customer match.
    Microsoft,
    /// Amazon Ads.
    Amazon,
    /// Unified ID 2.0.
    Uid2,
    /// European Unified ID.
    Euid,
    /// The Trade Desk.
    Ttd,
    /// OpenAI Ads custom audiences.
    OpenAi,
    /// Criteo contact lists.
    Criteo,
}

impl Platform {
    /// Every platform.
    pub const ALL: &[Platform] = &[
        Platform::Generic,
        Platform::Meta,
        Platform::Google,
        Platform::TikTok,
        Platform::LinkedIn,
        Platform::Pinterest,
        Platform::Snapchat,
        Platform::X,
        Platform::Reddit,
        Platform::Microsoft,
        Platform::Amazon,
        Platform::Uid2,
        Platform::Euid,
        Platform::Ttd,
        Platform::OpenAi,
        Platform::Criteo,
    ];

    /// The name as it is written in options, reports and file names.
    pub fn name(self) -> &'static str {
        match self {
            Platform::Generic => "generic",
            Platform::Meta => "meta",
            Platform::Google => "google",
            Platform::TikTok => "tiktok",
            Platform::LinkedIn => "linkedin",
            Platform::Pinterest => "pinterest",
            Platform::Snapchat => "snapchat",
            Platform::X => "x",
            Platform::Reddit => "reddit",
            Platform::Microsoft => "microsoft",
            Platform::Amazon => "amazon",
            Platform::Uid2 => "uid2",
            Platform::Euid => "euid",
            Platform::Ttd => "ttd",
            Platform::OpenAi => "openai",
            Platform::Criteo => "criteo",
        }
    }

    /// Everything it wants, with sources.
    pub fn spec(self) -> &'static Spec {
        match self {
            Platform::Generic => &generic::SPEC,
            Platform::Meta => &meta::SPEC,
            Platform::Google => &google::SPEC,
            Platform::TikTok => &tiktok::SPEC,
            Platform::LinkedIn => &linkedin::SPEC,
            Platform::Pinterest => &pinterest::SPEC,
            Platform::Snapchat => &snapchat::SPEC,
            Platform::X => &x::SPEC,
            Platform::Reddit => &reddit::SPEC,
            Platform::Microsoft => &microsoft::SPEC,
            Platform::Amazon => &amazon::SPEC,
            Platform::Uid2 | Platform::Euid => &uid2::SPEC,
            Platform::Ttd => &uid2::TRADE_DESK,
            Platform::OpenAi => &openai::SPEC,
            Platform::Criteo => &criteo::SPEC,
        }
    }

    /// The identifiers that it takes.
    pub fn keys(self) -> &'static [KeyRule] {
        self.spec().keys
    }

    /// Its table of forms, for the engine.
    pub fn rules(self) -> Rules {
        let keys = self.keys().iter().map(|rule| rule.key);
        Rules::new(self.name(), keys, self.spec().matches)
    }
}

impl Options {
    /// The platforms to make match keys for, in one pass. Default: [`Platform::Generic`].
    ///
    /// ```
    /// use matchkey::{Engine, Options, Platform};
    ///
    /// let options = Options::new().platforms([Platform::Meta, Platform::Google]);
    /// let mut run = Engine::new(options)?.run(&b"email\nJane.Doe@gmail.com\n"[..])?;
    /// let batch = run.next_batch()?.unwrap();
    /// let row = batch.rows().next().unwrap();
    /// // Two forms, since Google drops the dot: two candidates.
    /// assert_eq!(row.candidates().count(), 2);
    /// # Ok::<(), matchkey::Error>(())
    /// ```
    #[must_use]
    pub fn platforms(self, platforms: impl IntoIterator<Item = Platform>) -> Options {
        self.rules(platforms.into_iter().map(Platform::rules))
    }

    /// Hashes with another hash than SHA-256 whatever this platform, one of
    /// [`Options::platforms`], offers it for. The engine refuses a hash that is not offered.
    #[must_use]
    pub fn hash(self, platform: Platform, hash: Hash) -> Options {
        let takes = |rule: &KeyRule| rule.offered.contains(&hash);
        let is_default = hash == Hash::default();
        if !is_default && !platform.keys().iter().any(takes) {
            return self.refuse(format!("{platform} does not take {hash}"));
        }
        self.change_keys(platform.name(), |key| {
            let offers = |rule: &KeyRule| rule.key.identifier == key.identifier && takes(rule);
            if platform.keys().iter().any(offers) {
                key.sent = Sent::Hashed(hash);
                key.also = &[];
            }
        })
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
            format!("the platforms are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Identifier;

    #[test]
    fn every_rule_is_sourced_and_every_match_can_come_true() {
        for platform in Platform::ALL {
            assert_eq!(platform.name().parse(), Ok(*platform));
            let spec = platform.spec();
            let taken: Vec<Identifier> = spec.keys.iter().map(|rule| rule.key.identifier).collect();
            for rule in spec.keys {
                assert!(!rule.rule.is_empty() && !rule.source.page.is_empty());
                assert!(rule.source.date.starts_with("20"), "{platform} {:?}", rule.key);
            }
            for set in spec.matches {
                assert!(set.iter().all(|each| taken.contains(each)), "{platform} {set:?}");
            }
            let mut unique = taken.clone();
            unique.dedup();
            assert_eq!(unique, taken, "{platform}");
            assert!(!spec.encodings.is_empty());
        }
        assert_eq!(Platform::Generic.rules(), Rules::generic());
    }

    #[test]
    fn hashes_are_changed_where_they_are_offered() {
        let sent = |options: &Options| {
            let keys = options.rules[0].keys.iter().map(|key| (key.identifier, key.sent));
            keys.collect::<Vec<_>>()
        };
        let options =
            Options::new().platforms([Platform::TikTok]).hash(Platform::TikTok, Hash::Md5);
        assert_eq!(
            sent(&options),
            [
                (Identifier::Email, Sent::Hashed(Hash::Sha256)),
                (Identifier::Phone, Sent::Hashed(Hash::Sha256)),
                (Identifier::Madid, Sent::Hashed(Hash::Md5)),
            ]
        );
        let refused = |platform, hash| {
            let options = Options::new().platforms([Platform::Meta]).hash(platform, hash);
            crate::Engine::new(options).unwrap_err().to_string()
        };
        assert!(refused(Platform::Meta, Hash::Md5).contains("meta does not take md5"));
        assert!(refused(Platform::LinkedIn, Hash::Sha512).contains("linkedin is not among"));
    }
}
