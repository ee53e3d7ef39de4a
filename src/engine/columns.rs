//! Header -> which column holds which identifier.
//!
//! In: the header's fields and the options. Out: [`Columns`], which says for each column that
//! is used why it is used. A mapping that the caller gives always wins over recognition.

use super::dialect::Dialect;
use super::digest::Hash;
use super::error::{Error, ErrorKind};
use super::headers::{display_name, fold, recognize, shown};
use super::identifier::Identifier;
use super::options::Options;
use super::plan::Plan;
use super::record::{Cells, each_record};
use super::rules::Rules;
use super::sniff::is_email;
use crate::normalize::date::DateOrder;
use crate::normalize::sample::ColumnSample;
use crate::normalize::{Country, Hints, phone, text};

/// A column that holds an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    identifier: Identifier,
    ordinal: usize,
    index: usize,
    header: String,
    origin: Origin,
    date_order: Option<DateOrder>,
    decimal_mark: Option<u8>,
    holds_md5: bool,
}

/// Why a column is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The options map it.
    Mapped,
    /// Its header is a known spelling.
    Recognized,
    /// Its cells look like it: so many percent of so many in a sample.
    Content {
        /// Cells that look like it, in percent.
        percent: u8,
        /// Cells that hold anything.
        cells: usize,
    },
}

impl Column {
    /// What the column holds.
    pub fn identifier(&self) -> Identifier {
        self.identifier
    }

    /// 1 for the first column of its identifier, 2 for the second, 3 for the third.
    pub fn ordinal(&self) -> usize {
        self.ordinal
    }

    /// The column's place in the input, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The column's header, or `column N` where that does not look like a name.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Why it is used.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The order of its dates, if it was found from a sample.
    pub fn date_order(&self) -> Option<DateOrder> {
        self.date_order
    }

    /// True if a sample of it holds digests of this hash.
    pub(crate) fn holds(&self, hash: Hash) -> bool {
        hash == Hash::Md5 && self.holds_md5
    }

    /// What is known of the cells of this column in a row of these countries.
    pub(crate) fn hints(&self, country: Option<Country>, place: Option<Country>) -> Hints {
        Hints { country, place, date_order: self.date_order, decimal_mark: self.decimal_mark }
    }
}

/// The columns of one input that are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    used: Vec<Column>,
    kept: Vec<usize>,
    names: Vec<String>,
    surplus: Vec<String>,
    width: usize,
    is_named: bool,
    /// The header's cells as they stand.
    header: Vec<Vec<u8>>,
    plan: Plan,
}

/// Longer cells are no phones.
const PHONE_BYTES_MAX: usize = 40;

/// Columns of one identifier that are used at most.
pub(crate) const ORDINALS_MAX: usize = 3;

impl Columns {
    /// The columns that hold identifiers, in the order of the output.
    pub fn used(&self) -> &[Column] {
        &self.used
    }

    /// The input's place, from 0, of each kept column, in the order of the options.
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// The display name of every column of the input.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Headers that were recognized but not used, since their identifier has three already.
    pub fn surplus(&self) -> &[String] {
        &self.surplus
    }

    /// How many columns the header has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// True if some column holds a primary identifier.
    pub(crate) fn has_primary(&self) -> bool {
        self.used.iter().any(|column| column.identifier.is_primary())
    }

    /// True if what was taken for a header is a row: no name in it is known or mapped, and where
    /// other rows have e-mails or phones it has nothing, something with an `@`, or digits.
    pub(crate) fn is_row(&self, header: Cells<'_>) -> bool {
        const DIGITS_MIN: usize = 7;
        let is_content = |column: &Column| matches!(column.origin, Origin::Content { .. });
        let is_value = |column: &Column| {
            let cell = header.get(column.index).unwrap_or_default();
            let digits = cell.iter().filter(|byte| byte.is_ascii_digit()).count();
            cell.is_empty() || cell.contains(&b'@') || digits >= DIGITS_MIN
        };
        !self.used.is_empty()
            && self.used.iter().all(is_content)
            && self.kept.is_empty()
            && self.used.iter().any(is_value)
    }

    /// True if a record is the header once more.
    #[inline]
    pub(crate) fn is_header(&self, record: Cells<'_>) -> bool {
        let first = self.used.first().map_or(0, |column| column.index);
        let is_as_long = record.get(first).map(<[u8]>::len) == self.header.get(first).map(Vec::len);
        let is_same = |index: usize| record.get(index) == self.header.get(index).map(Vec::as_slice);
        self.is_named && is_as_long && (0..self.width).all(is_same)
    }

    /// True if there is a header.
    pub(crate) fn is_named(&self) -> bool {
        self.is_named
    }

    /// The slots that each used column is written to, and for which platform.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// True if cells alone do not say how some column is to be read.
    pub(crate) fn needs_sample(&self, options: &Options) -> bool {
        let is_open = |column: &Column| match column.identifier {
            Identifier::Dob => options.date_order.is_none(),
            Identifier::Ltv => true,
            identifier => options.rules.iter().any(|rules| rules.takes_other_digests(identifier)),
        };
        self.used.iter().any(is_open)
    }

    /// Learns from the records of a sample.
    pub(crate) fn learn(&mut self, sample: &[u8], dialect: Dialect, options: &Options) {
        let mut samples: Vec<_> = self.used.iter().map(|_| ColumnSample::default()).collect();
        each_record(sample, dialect, |record| {
            for (column, sample) in self.used.iter().zip(&mut samples) {
                let cell = record.get(column.index).unwrap_or_default();
                sample.add(column.identifier, cell, options.today);
            }
            true
        });
        for (column, sample) in self.used.iter_mut().zip(&samples) {
            column.date_order = sample.date_order();
            column.decimal_mark = sample.decimal_mark();
            column.holds_md5 = sample.holds_md5();
        }
    }

    /// Finds the columns of an input whose first record has these fields.
    /// `is_named`: it is a header. The sample are the records behind it.
    pub(crate) fn find(
        fields: Cells<'_>,
        is_named: bool,
        (sample, dialect): (&[u8], Dialect),
        options: &Options,
    ) -> Result<Columns, Error> {
        if fields.len() > options.columns_max {
            let text = format!(
                "the header has {} columns, more than the {} allowed; is the delimiter right?",
                fields.len(),
                options.columns_max
            );
            return Err(Error::new(ErrorKind::TooManyColumns, text));
        }
        let headers: Vec<String> = fields
            .iter()
            .map(|field| if is_named { text::lossless(field).into_owned() } else { String::new() })
            .collect();
        let names: Vec<String> =
            headers.iter().enumerate().map(|(i, header)| display_name(i, header)).collect();
        let mut columns = Columns {
            used: Vec::new(),
            kept: Vec::new(),
            names,
            surplus: Vec::new(),
            width: headers.len(),
            is_named,
            header: fields.iter().map(<[u8]>::to_vec).filter(|_| is_named).collect(),
            plan: Plan::default(),
        };
        for header in &options.kept {
            let index = columns.locate(&headers, header, "--keep")?;
            columns.kept.push(index);
        }
        columns.add_mapped(&headers, options)?;
        if !options.mapped_only {
            columns.add_recognized(&headers, options);
        }
        let has_mail = columns.used.iter().any(|column| column.identifier == Identifier::Email);
        if !has_mail && !options.mapped_only {
            columns.add_by_content(sample, dialect, options);
        }
        columns.used.sort_by_key(|column| (column.identifier, column.ordinal));
        columns.plan = Plan::new(&columns.used, &options.rules, options.phone_alternates);
        let has_all = columns.used.iter().fold(0, |bits, column| bits | column.identifier.bit());
        let is_matched = options.rules.iter().any(|rules| rules.is_matched(has_all));
        if !is_matched && options.needs_identifier {
            return Err(columns.no_identifier(options));
        }
        Ok(columns)
    }

    fn add_mapped(&mut self, headers: &[String], options: &Options) -> Result<(), Error> {
        for (identifier, header) in &options.mapped {
            let index = self.locate(headers, header, &format!("--map {identifier}="))?;
            let is_it = |c: &Column| c.identifier == *identifier && c.index == index;
            if self.used.iter().any(is_it) {
                let text = format!("{identifier} is mapped to one column twice");
                return Err(Error::new(ErrorKind::Options, text));
            }
            if !self.add(*identifier, index, Origin::Mapped) {
                let text = format!("{identifier} is mapped to more than {ORDINALS_MAX} columns");
                return Err(Error::new(ErrorKind::Options, text));
            }
        }
        Ok(())
    }

    fn add_recognized(&mut self, headers: &[String], options: &Options) {
        let is_mapped = |identifier| options.mapped.iter().any(|(mapped, _)| *mapped == identifier);
        for (index, header) in headers.iter().enumerate() {
            let Some(identifier) = recognize(header) else { continue };
            let taken = self.used.iter().any(|column| column.index == index);
            if is_mapped(identifier) || taken {
                continue;
            }
            if !self.add(identifier, index, Origin::Recognized) {
                self.surplus.push(self.names[index].clone());
            }
        }
    }

    /// Columns whose names say nothing, by what their cells look like.
    fn add_by_content(&mut self, sample: &[u8], dialect: Dialect, options: &Options) {
        const PERCENT_MIN: usize = 70;
        let mut phones = phone::Reader::with(options.phone_metadata.clone());
        let country = options.country.as_deref().and_then(Country::parse);
        // Digits alone may be anything; a header that says nothing does not say phone.
        let country = country.filter(|_| !self.is_named);
        // For each column: cells that hold anything, e-mails, phones.
        let mut counts = vec![(0, 0, 0); self.width];
        each_record(sample, dialect, |record| {
            for (cell, (filled, emails, valid)) in record.iter().zip(&mut counts) {
                // A quote that is lost is no part of it.
                let cell = cell.trim_ascii();
                let cell = cell.strip_prefix(b"\"").unwrap_or(cell);
                *filled += usize::from(!cell.is_empty());
                *emails += usize::from(is_email(cell));
                let is_short = cell.len() <= PHONE_BYTES_MAX;
                *valid += usize::from(is_short && phones.read(cell, country).is_valid());
            }
            true
        });
        let is_mapped = |identifier| options.mapped.iter().any(|(mapped, _)| *mapped == identifier);
        // Where phones are named, no other column holds them.
        let is_named = |identifier| self.used.iter().any(|column| column.identifier == identifier);
        let has_phone = is_named(Identifier::Phone);
        for (index, (filled, emails, valid)) in counts.into_iter().enumerate() {
            let (identifier, count) = match emails >= valid {
                true => (Identifier::Email, emails),
                false => (Identifier::Phone, valid),
            };
            let is_taken = self.used.iter().any(|column| column.index == index)
                || (identifier == Identifier::Phone && has_phone);
            if count > 0
                && 100 * count >= PERCENT_MIN * filled
                && !is_taken
                && !is_mapped(identifier)
            {
                let percent = (100 * count / filled) as u8;
                self.add(identifier, index, Origin::Content { percent, cells: filled });
            }
        }
    }

    fn add(&mut self, identifier: Identifier, index: usize, origin: Origin) -> bool {
        let same = self.used.iter().filter(|column| column.identifier == identifier).count();
        if same == ORDINALS_MAX {
            return false;
        }
        let header = self.names[index].clone();
        self.used.push(Column {
            identifier,
            ordinal: same + 1,
            index,
            header,
            origin,
            date_order: None,
            decimal_mark: None,
            holds_md5: false,
        });
        true
    }

    /// The place of the column that an option names: exactly, else by number, else trimmed and
    /// folded if that fits one column only.
    fn locate(&self, headers: &[String], wanted: &str, option: &str) -> Result<usize, Error> {
        let exact = headers.iter().position(|header| header == wanted && !wanted.is_empty());
        if let Some(index) = exact {
            return Ok(index);
        }
        let number = wanted.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
        match number {
            Some(number) if (1..=headers.len()).contains(&number) => return Ok(number - 1),
            _ => {}
        }
        let folded = fold(wanted);
        let alike = headers.iter().enumerate().filter(|(_, header)| fold(header) == folded);
        let alike: Vec<usize> = alike.map(|(index, _)| index).collect();
        if let (false, [index]) = (folded.is_empty(), &alike[..]) {
            return Ok(*index);
        }
        Err(self.not_found(headers.len(), wanted, option, alike.len() > 1))
    }

    fn not_found(&self, width: usize, wanted: &str, option: &str, is_twice: bool) -> Error {
        let name = shown(wanted).unwrap_or_else(|| "(a name not shown)".into());
        let text = match self.is_named {
            true => format!(
                "{option}{}{name}: there is no such column, or more than one; the columns are: {}",
                if option.ends_with('=') { "" } else { " " },
                self.listing()
            ),
            false => format!(
                "without a header columns are named by number, such as #1; this input has {width}"
            ),
        };
        let told = match (self.is_named, is_twice) {
            (true, false) if self.names.iter().all(|name| name.trim().is_empty()) => {
                format!("No column named '{name}' in the file; its first line is no text")
            }
            (true, false) => {
                format!("No column named '{name}' in the file; its columns are: {}", self.listing())
            }
            (true, true) => format!(
                "More than one column of the file may be meant by '{name}'; its columns are: {}",
                self.listing()
            ),
            (false, _) => {
                format!("No column named '{name}' in the file; it does not start with a header")
            }
        };
        Error::new(ErrorKind::ColumnNotFound, text).told(told)
    }

    fn no_identifier(&self, options: &Options) -> Error {
        let named = Identifier::ALL
            .into_iter()
            .filter(|each| options.rules.iter().any(|rules| rules.is_matched(each.bit())));
        let maps: Vec<_> = named.map(|each| format!("--map {each}=HEADER")).collect();
        let text = format!(
            "no column for {}; the columns are: {}. Name it, or its number (#N): {}",
            wanted(&options.rules),
            self.listing(),
            maps.join(" or ")
        );
        let told = format!(
            "No column is mapped that the ad platforms match people by: {}",
            wanted(&options.rules)
        );
        Error::new(ErrorKind::NoIdentifierColumn, text).told(told)
    }

    fn listing(&self) -> String {
        const SHOWN_MAX: usize = 20;
        let shown: Vec<_> = self.names.iter().take(SHOWN_MAX).map(String::as_str).collect();
        let more = match self.names.len().saturating_sub(SHOWN_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", shown.join(", "))
    }
}

/// What these platforms match a person by, in words.
fn wanted(rules: &[Rules]) -> String {
    let mut sets: Vec<String> = Vec::new();
    for set in rules.iter().flat_map(|rules| &rules.matches) {
        let named = Identifier::ALL.into_iter().filter(|each| set & each.bit() != 0);
        let names: Vec<_> = named.map(Identifier::name).collect();
        let names = names.join(" + ");
        if !sets.contains(&names) {
            sets.push(names);
        }
    }
    sets.join(", or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::Fields;

    fn find(headers: &[&str], options: &Options) -> Result<Columns, Error> {
        let line = headers.join("\u{1f}");
        let dialect = Dialect { delimiter: 0x1f, quote: None, escape: None };
        let mut fields = Fields::default();
        crate::engine::record::split(line.as_bytes(), 0, dialect, &mut fields);
        let cells = Cells::new(line.as_bytes(), &fields);
        Columns::find(cells, true, (b"", dialect), options)
    }

    fn found(headers: &[&str], options: &Options) -> Vec<(Identifier, usize, usize)> {
        let columns = find(headers, options).unwrap();
        columns.used().iter().map(|c| (c.identifier(), c.ordinal(), c.index())).collect()
    }

    #[test]
    fn a_mapping_wins_and_three_columns_are_the_most() {
        let headers = ["email", "Contact", "email 2", "phone"];
        let options = Options::new().map(Identifier::Email, "Contact");
        assert_eq!(
            found(&headers, &options),
            [(Identifier::Email, 1, 1), (Identifier::Phone, 1, 3)]
        );
        let options = Options::new();
        let headers = ["email", "email", "email 2", "email 3"];
        assert_eq!(found(&headers, &options).len(), 3);
        assert_eq!(find(&headers, &options).unwrap().surplus(), ["email 3"]);
    }

    #[test]
    fn a_column_may_be_named_by_number() {
        let options = Options::new().map(Identifier::Email, "#2").keep("#1");
        let columns = find(&["2", "y"], &options).unwrap();
        assert_eq!(columns.used()[0].index(), 1);
        assert_eq!(columns.kept(), [0]);
    }

    #[test]
    fn errors_list_headers_but_never_data() {
        let error = find(&["Name", "jane@example.com", "+1 415 555 2671"], &Options::new());
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoIdentifierColumn);
        let text = error.to_string();
        assert!(text.contains("Name, column 2, column 3"), "{text}");
        assert!(text.contains("--map email=HEADER"), "{text}");
        let options = Options::new().keep("Id");
        let text = find(&["email"], &options).unwrap_err().to_string();
        assert!(text.starts_with("--keep Id: there is no such column"), "{text}");
    }
}
