//! What a platform's file says: keys, what makes a row matched, upload files, sources.
//!
//! In: nothing; these are the types of the tables beside this file. Out: [`Spec`], from which the
//! engine's [`Rules`](crate::platform::Rules), the upload files and the texts of `matchkey
//! platforms` and `matchkey explain` come.

use crate::engine::{Encoding, Form, Hash, Identifier, Key, Sent};
use std::fmt;

/// Where a rule comes from, from the best to the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Trust {
    /// The platform's own documentation.
    Documented,
    /// The platform's own code, executed.
    Code,
    /// Somebody else's connector.
    Connector,
    /// Somebody else's text.
    Secondary,
    /// What practitioners know, without a text at hand.
    Unwritten,
    /// The platform says nothing: our choice.
    Ours,
}

impl Trust {
    /// True if it rests on what others say of the platform.
    pub fn is_second_hand(self) -> bool {
        matches!(self, Trust::Connector | Trust::Secondary | Trust::Unwritten)
    }

    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Trust::Documented => "the platform's documentation",
            Trust::Code => "the platform's own code",
            Trust::Connector => "second-hand: a connector's code",
            Trust::Secondary => "second-hand: another party's text",
            Trust::Unwritten => "second-hand: no text at hand",
            Trust::Ours => "our choice: the platform says nothing",
        }
    }
}

/// The page or code that a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The page, or the package and its version.
    pub page: &'static str,
    /// When it was read or executed.
    pub date: &'static str,
    /// How good a source it is.
    pub trust: Trust,
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}; {})", self.page, self.date, self.trust.words())
    }
}

pub(super) const fn documented(page: &'static str, date: &'static str) -> Citation {
    Citation { page, date, trust: Trust::Documented }
}

pub(super) const fn code(page: &'static str, date: &'static str) -> Citation {
    Citation { page, date, trust: Trust::Code }
}

pub(super) const fn connector(page: &'static str, date: &'static str) -> Citation {
    Citation { page, date, trust: Trust::Connector }
}

pub(super) const fn secondary(page: &'static str, date: &'static str) -> Citation {
    Citation { page, date, trust: Trust::Secondary }
}

pub(super) const fn unwritten(page: &'static str, date: &'static str) -> Citation {
    Citation { page, date, trust: Trust::Unwritten }
}

pub(super) const OURS: Citation =
    Citation { page: "no page gives it", date: "2026-11", trust: Trust::Ours };

/// One identifier that a platform takes, and why so.
#[derive(Clone, Copy, Debug)]
pub struct KeyRule {
    /// The identifier, its form, how it is sent by default.
    pub key: Key,
    /// Other hashes that the platform offers for it.
    pub offered: &'static [Hash],
    /// The rule in words.
    pub rule: &'static str,
    /// Where it comes from.
    pub source: Citation,
}

pub(super) const fn hashed(
    identifier: Identifier,
    form: Form,
    rule: &'static str,
    source: Citation,
) -> KeyRule {
    let key = Key { identifier, form, sent: Sent::Hashed(Hash::Sha256), also: &[] };
    KeyRule { key, offered: &[], rule, source }
}

pub(super) const fn plain(
    identifier: Identifier,
    form: Form,
    rule: &'static str,
    source: Citation,
) -> KeyRule {
    KeyRule {
        key: Key { identifier, form, sent: Sent::Plain, also: &[] },
        offered: &[],
        rule,
        source,
    }
}

impl KeyRule {
    pub(super) const fn or(mut self, offered: &'static [Hash]) -> KeyRule {
        self.offered = offered;
        self
    }

    pub(super) const fn also(mut self, also: &'static [Hash]) -> KeyRule {
        self.key.also = also;
        self
    }
}

/// A column of an upload file.
#[derive(Clone, Copy, Debug)]
pub struct SheetColumn {
    /// Its header.
    pub header: &'static str,
    /// What is in it; nothing of ours in some columns of a template.
    pub identifier: Option<Identifier>,
    /// True if second and third columns of the identifier stand beside it under the same header;
    /// else a second or third primary identifier makes a record of its own.
    pub repeats: bool,
    /// True if it stands there only where the input has something for it, even in a template.
    pub is_optional: bool,
    /// Set if only digests of this hash go there.
    pub hash: Option<Hash>,
}

pub(super) const fn column(header: &'static str, identifier: Identifier) -> SheetColumn {
    SheetColumn {
        header,
        identifier: Some(identifier),
        repeats: false,
        is_optional: false,
        hash: None,
    }
}

pub(super) const fn columns(header: &'static str, identifier: Identifier) -> SheetColumn {
    SheetColumn {
        header,
        identifier: Some(identifier),
        repeats: true,
        is_optional: false,
        hash: None,
    }
}

pub(super) const fn columns_of(
    header: &'static str,
    identifier: Identifier,
    hash: Hash,
) -> SheetColumn {
    let hash = Some(hash);
    SheetColumn { header, identifier: Some(identifier), repeats: true, is_optional: false, hash }
}

pub(super) const fn optional(header: &'static str, identifier: Identifier) -> SheetColumn {
    SheetColumn {
        header,
        identifier: Some(identifier),
        repeats: false,
        is_optional: true,
        hash: None,
    }
}

pub(super) const fn unused(header: &'static str) -> SheetColumn {
    SheetColumn { header, identifier: None, repeats: false, is_optional: false, hash: None }
}

/// How an upload file is laid out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Layout {
    /// A record for each matched row.
    Table {
        /// In this order.
        columns: &'static [SheetColumn],
        /// True if columns that the input has nothing for stand there all the same.
        is_template: bool,
        /// Columns that are left blank unless all of them are usable.
        together: &'static [Identifier],
    },
    /// An identifier on each line, of one kind.
    Lines {
        /// The kind.
        identifier: Identifier,
        /// The first line, if there is one.
        header: Option<&'static str>,
    },
    /// A record for each identifier, which says its kind.
    Items {
        /// The header's fields.
        header: &'static [&'static str],
        /// The kinds' names.
        kinds: &'static [(Identifier, &'static str)],
    },
}

/// A file that the platform's own upload screen takes.
#[derive(Clone, Copy, Debug)]
pub struct FileSpec {
    /// What is put behind the platform's name, if it has several files.
    pub suffix: &'static str,
    /// `csv` or `txt`.
    pub extension: &'static str,
    /// What is in it.
    pub layout: Layout,
    /// Where the layout comes from.
    pub source: Citation,
}

/// A file of one kind of identifier, one on each line, without a header.
pub(super) const fn lines(
    suffix: &'static str,
    extension: &'static str,
    identifier: Identifier,
    source: Citation,
) -> FileSpec {
    FileSpec { suffix, extension, layout: Layout::Lines { identifier, header: None }, source }
}

/// Everything a platform wants.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The identifiers that are taken.
    pub keys: &'static [KeyRule],
    /// A row is matched if all identifiers of one of these sets are usable.
    pub matches: &'static [&'static [Identifier]],
    /// How digests may be spelled; the first is the default.
    pub encodings: &'static [Encoding],
    /// The files.
    pub files: &'static [FileSpec],
    /// The most records in a file, its header not counted.
    pub rows_max: Option<u64>,
    /// The most bytes in a file.
    pub bytes_max: Option<u64>,
    /// Where the limits come from; what else to know.
    pub notes: &'static str,
}
