//! What a caller may choose. In: chained setters. Out: one value that library, flags and report
//! share.

use super::identifier::Identifier;
use super::rules::{Key, PrehashedAs, PrehashedForm, Rules};
use super::sha256::Kernel;
use crate::normalize::date::{Date, DateOrder};
use crate::normalize::phone::Metadata;
use encoding_rs::Encoding;

/// When a phone number is usable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PhonePolicy {
    /// libphonenumber calls it possible for its country (reason exactly `IS_POSSIBLE`).
    #[default]
    Possible,
    /// libphonenumber also calls it valid: its range is assigned.
    Valid,
}

/// What becomes of phone placeholders such as `0000000000` or `1234567890`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placeholders {
    /// They are unusable.
    #[default]
    Reject,
    /// They are treated like any other number.
    Keep,
}

/// Whether a record names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Header {
    /// The first of the first 21 lines that has known or mapped names; what stands before it is
    /// passed over. Otherwise the first record, unless it holds an e-mail, a `+` number or a
    /// digest.
    #[default]
    Auto,
    /// The first record is the header.
    Yes,
    /// There is none: the first record is row 1, columns are addressed as `#1`, `#2`, ...
    No,
}

/// Everything that decides what an [`Engine`](crate::Engine) makes of an input.
///
/// ```
/// use matchkey::{Identifier, Options};
///
/// let options = Options::new().country("us").map(Identifier::Email, "Contact").keep("id");
/// assert_eq!(options, options.clone());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub(crate) country: Option<String>,
    pub(crate) rules: Vec<Rules>,
    /// What cannot be met, said when the engine is made.
    pub(crate) refused: Option<String>,
    pub(crate) mapped: Vec<(Identifier, String)>,
    pub(crate) kept: Vec<String>,
    pub(crate) keeps_rejected: bool,
    pub(crate) keeps_records: bool,
    pub(crate) needs_identifier: bool,
    pub(crate) mapped_only: bool,
    pub(crate) chunk_rows: u64,
    pub(crate) phone_policy: PhonePolicy,
    pub(crate) placeholders: Placeholders,
    pub(crate) prehashed_as: PrehashedAs,
    pub(crate) phone_metadata: Metadata,
    pub(crate) phone_alternates: bool,
    pub(crate) date_order: Option<DateOrder>,
    pub(crate) today: Option<Date>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) quote: Option<Option<u8>>,
    pub(crate) escape: Option<u8>,
    pub(crate) header: Header,
    pub(crate) encoding: Option<&'static Encoding>,
    pub(crate) skipped_lines: u64,
    pub(crate) ratio_max: u64,
    pub(crate) rows_max: u64,
    pub(crate) threads: usize,
    pub(crate) kernel: Kernel,
    pub(crate) thread_name: String,
    pub(crate) chunk_bytes: usize,
    pub(crate) read_bytes: usize,
    pub(crate) record_bytes_max: usize,
    pub(crate) header_bytes_max: usize,
    pub(crate) columns_max: usize,
    /// False only where tests compare the general way.
    pub(crate) reads_plain: bool,
    #[cfg(test)]
    pub(crate) panic_at_row: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            country: None,
            rules: vec![Rules::generic()],
            refused: None,
            mapped: Vec::new(),
            kept: Vec::new(),
            keeps_rejected: false,
            keeps_records: false,
            needs_identifier: true,
            mapped_only: false,
            chunk_rows: u64::MAX,
            phone_policy: PhonePolicy::default(),
            placeholders: Placeholders::default(),
            prehashed_as: PrehashedAs::default(),
            phone_metadata: Metadata::built_in(),
            phone_alternates: false,
            date_order: None,
            today: None,
            delimiter: None,
            quote: None,
            escape: None,
            header: Header::default(),
            encoding: None,
            skipped_lines: 0,
            ratio_max: 1_000,
            rows_max: u64::MAX,
            threads: 0,
            kernel: Kernel::default(),
            thread_name: "matchkey".into(),
            chunk_bytes: 256 << 10,
            read_bytes: 256 << 10,
            record_bytes_max: 1 << 20,
            header_bytes_max: 1 << 20,
            columns_max: 16_384,
            reads_plain: true,
            #[cfg(test)]
            panic_at_row: None,
        }
    }
}

impl Options {
    /// The defaults: generic platform, recognized columns, no default country, all cores.
    pub fn new() -> Options {
        Options::default()
    }

    /// The country of rows that name none: alpha-2, alpha-3 or an English name. Without it only
    /// phone numbers that start with `+` can be read in such rows.
    #[must_use]
    pub fn country(mut self, country: impl Into<String>) -> Options {
        self.country = Some(country.into());
        self
    }

    /// The default country, as it was given.
    pub fn country_name(&self) -> Option<&str> {
        self.country.as_deref()
    }

    /// The destinations to make match keys for, by their tables of forms. See
    /// [`Options::platforms`].
    #[must_use]
    pub fn rules(mut self, rules: impl IntoIterator<Item = Rules>) -> Options {
        self.rules = rules.into_iter().collect();
        self
    }

    /// Reads `identifier` from the column with this header, or from column N for `#N` (from 1).
    /// May be called up to three times for one identifier. An identifier that is mapped is not
    /// looked for in other headers.
    #[must_use]
    pub fn map(mut self, identifier: Identifier, header: impl Into<String>) -> Options {
        self.mapped.push((identifier, header.into()));
        self
    }

    /// Uses the columns that are mapped and no other, whatever their headers or cells say.
    #[must_use]
    pub fn mapped_only(mut self) -> Options {
        self.mapped_only = true;
        self
    }

    /// Carries the column with this header (or `#N`) through, so that rows can be joined back.
    #[must_use]
    pub fn keep(mut self, header: impl Into<String>) -> Options {
        self.kept.push(header.into());
        self
    }

    /// Keeps the content of unusable cells, for [`Row::rejected`](crate::Row::rejected). It is
    /// personal data: only for a person who looks for what is wrong.
    #[must_use]
    pub fn keep_rejected(mut self) -> Options {
        self.keeps_rejected = true;
        self
    }

    /// Keeps every field of every row, for [`Row::fields`](crate::Row::fields). It is personal
    /// data: only for a person who looks at a list, and for tests.
    #[must_use]
    pub fn keep_records(mut self) -> Options {
        self.keeps_records = true;
        self
    }

    /// Counts the rows of an input too in which no column holds a primary identifier. Default:
    /// such an input is refused ([`ErrorKind::NoIdentifierColumn`](crate::ErrorKind)).
    #[must_use]
    pub fn allow_no_identifier(mut self) -> Options {
        self.needs_identifier = false;
        self
    }

    /// When a phone number is usable. Default: [`PhonePolicy::Possible`].
    #[must_use]
    pub fn phone_policy(mut self, policy: PhonePolicy) -> Options {
        self.phone_policy = policy;
        self
    }

    /// What becomes of phone placeholders. Default: [`Placeholders::Reject`].
    #[must_use]
    pub fn placeholders(mut self, placeholders: Placeholders) -> Options {
        self.placeholders = placeholders;
        self
    }

    /// What was hashed where cells of this identifier, e-mail or phone, hold digests already.
    /// Default: an e-mail's digest counts as [`PrehashedForm::Plain`]; a phone's is known to no
    /// platform but the generic one.
    #[must_use]
    pub fn prehashed_as(mut self, identifier: Identifier, form: PrehashedForm) -> Options {
        match self.prehashed_as.with(identifier, form) {
            Some(prehashed_as) => self.prehashed_as = prehashed_as,
            None => return self.refuse(format!("no {identifier} is hashed as {}", form.name())),
        }
        self
    }

    /// Adds to the generic platform's phone keys a second one where people mean another number than
    /// the one that libphonenumber reads: see [`Form::Alternate`](crate::Form::Alternate).
    #[must_use]
    pub fn phone_alternates(mut self) -> Options {
        self.phone_alternates = true;
        self
    }

    /// Newer phone metadata than what is built in. Default: [`Metadata::built_in`].
    #[must_use]
    pub fn phone_metadata(mut self, metadata: Metadata) -> Options {
        self.phone_metadata = metadata;
        self
    }

    /// The phone metadata that numbers are read with.
    pub fn metadata(&self) -> &Metadata {
        &self.phone_metadata
    }

    /// The version of the phone metadata that numbers are read with.
    pub fn phone_metadata_version(&self) -> &str {
        self.phone_metadata.version()
    }

    /// The order that dates of birth have in every input. Default: found for each column from a
    /// sample of it; a date that may be read in two ways is unusable where nothing is found.
    #[must_use]
    pub fn date_order(mut self, order: DateOrder) -> Options {
        self.date_order = Some(order);
        self
    }

    /// Today's date: nobody is born later, and years of two digits need it. Default: neither is
    /// looked at. The engine reads no clock.
    #[must_use]
    pub fn today(mut self, today: Date) -> Options {
        self.today = Some(today);
        self
    }

    /// The delimiter. Default: found from the first 64 KiB.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Options {
        self.delimiter = Some(delimiter);
        self
    }

    /// The quote character; `None` where quotes mean nothing. Default: `"`, or `'` where most of
    /// the first cells are in those.
    #[must_use]
    pub fn quote(mut self, quote: Option<u8>) -> Options {
        self.quote = Some(quote);
        self
    }

    /// Inside quotes the character behind it is taken as it is. Default: none, a quote is written
    /// twice; or `\` where it stands before quotes inside fields, no quote is written twice, and
    /// [`Options::quote`] is not given.
    #[must_use]
    pub fn escape(mut self, escape: u8) -> Options {
        self.escape = Some(escape);
        self
    }

    /// The encoding of inputs without a byte order mark, by its label (WHATWG Encoding Standard):
    /// `windows-1252`, `shift_jis`, ... Default: found from the first bytes; see README.
    #[must_use]
    pub fn encoding(mut self, label: &str) -> Options {
        match Encoding::for_label_no_replacement(label.as_bytes()) {
            Some(encoding) => self.encoding = Some(encoding),
            None => return self.refuse(format!("no encoding is called {label:?}")),
        }
        self
    }

    /// Physical lines at the start of an input that are passed over, whatever they hold. Default 0.
    #[must_use]
    pub fn skip_lines(mut self, lines: u64) -> Options {
        self.skipped_lines = lines;
        self
    }

    /// How many bytes may come out of each byte of a packed input, once 64 MiB came out of it.
    /// Default 1,000. No more than 1 TiB ever comes out.
    #[must_use]
    pub fn ratio_max(mut self, ratio: u64) -> Options {
        self.ratio_max = ratio;
        self
    }

    /// The most rows of an input. Default: no limit.
    #[must_use]
    pub fn rows_max(mut self, rows: u64) -> Options {
        self.rows_max = rows;
        self
    }

    /// Whether a record names the columns. Default: [`Header::Auto`].
    #[must_use]
    pub fn header(mut self, header: Header) -> Options {
        self.header = header;
        self
    }

    /// Worker threads; 0 is one for each core, the default. The output never depends on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Options {
        self.threads = threads;
        self
    }

    /// How SHA-256 is computed. Default: [`Kernel::Auto`], which takes the SHA instructions where
    /// the processor has them, otherwise AVX-512, otherwise portable code: two interleaved streams
    /// of the former were measured to be fastest. The output never depends on it.
    #[must_use]
    pub fn kernel(mut self, kernel: Kernel) -> Options {
        self.kernel = kernel;
        self
    }

    /// What the names of all threads start with. Default `matchkey`: `matchkey-reader`,
    /// `matchkey-0`, ...
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Options {
        self.thread_name = name.into();
        self
    }

    /// About how many bytes a worker gets at once, at least 1. Default 256 KiB. The output never
    /// depends on it.
    #[must_use]
    pub fn chunk_bytes(mut self, bytes: usize) -> Options {
        self.chunk_bytes = bytes;
        self
    }

    /// No [`Batch`](crate::Batch) has rows on both sides of a multiple of this number, at least 1:
    /// who delivers so many rows at a time can go on at [`Batch::end`](crate::Batch::end). Default:
    /// batches end anywhere. The output never depends on it.
    #[must_use]
    pub fn chunk_rows(mut self, rows: u64) -> Options {
        self.chunk_rows = rows;
        self
    }

    /// How many bytes to ask the reader for at once, at least 1. Default 256 KiB. The output never
    /// depends on it.
    #[must_use]
    pub fn read_bytes(mut self, bytes: usize) -> Options {
        self.read_bytes = bytes;
        self
    }

    /// The longest record, line end not counted. Default 1 MiB.
    #[must_use]
    pub fn record_bytes_max(mut self, bytes: usize) -> Options {
        self.record_bytes_max = bytes;
        self
    }

    /// The longest header, line end not counted. Default 1 MiB.
    #[must_use]
    pub fn header_bytes_max(mut self, bytes: usize) -> Options {
        self.header_bytes_max = bytes;
        self
    }

    /// The most columns a header may have. Default 16,384.
    #[must_use]
    pub fn columns_max(mut self, columns: usize) -> Options {
        self.columns_max = columns;
        self
    }

    /// Why the dialect that is asked for cannot be.
    pub(crate) fn dialect_refusal(&self) -> Option<&'static str> {
        let quote = self.quote.unwrap_or(Some(b'"'));
        let is_odd = |byte: Option<u8>| matches!(byte, Some(b'\r' | b'\n' | 0x80..));
        if is_odd(self.delimiter) || is_odd(quote) || is_odd(self.escape) {
            Some("delimiter, quote and escape must each be one ASCII character, and no line end")
        } else if self.delimiter.is_some() && [quote, self.escape].contains(&self.delimiter) {
            Some("the delimiter must differ from the quote and the escape")
        } else {
            None
        }
    }

    /// What cannot be met: the engine will say so when it is made.
    pub(crate) fn refuse(mut self, text: String) -> Options {
        self.refused = Some(text);
        self
    }

    /// Changes the keys of the destination of this name.
    pub(crate) fn change_keys(mut self, name: &str, change: impl FnMut(&mut Key)) -> Options {
        match self.rules.iter_mut().find(|rules| rules.name == name) {
            Some(rules) => {
                rules.keys.iter_mut().for_each(change);
                self
            }
            None => self.refuse(format!("{name} is not among the platforms")),
        }
    }

    /// Every cell goes the general way.
    #[cfg(test)]
    pub(crate) fn general(mut self) -> Options {
        self.reads_plain = false;
        self
    }

    /// Panics a worker on this row, to test what happens then.
    #[cfg(test)]
    pub(crate) fn panic_at_row(mut self, row: u64) -> Options {
        self.panic_at_row = Some(row);
        self
    }
}
