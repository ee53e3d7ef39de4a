//! Rows as the records of a platform's own upload files.
//!
//! In: the platform, the columns of all inputs, rows. Out: for each file its header and its
//! records, as bytes. The caller writes them where they belong and starts a new part where a limit
//! is reached ([`Spec::rows_max`](super::spec::Spec), [`Spec::bytes_max`](super::spec::Spec)).

mod writer;

use super::Platform;
use super::spec::{FileSpec, Layout, SheetColumn};
use crate::engine::{Columns, Encoding, Hash, Identifier, Options, Row, Sent};
use std::collections::BTreeSet;
use std::fmt;
use writer::Writer;
pub use writer::csv_field;

/// The most columns of one identifier.
const ORDINALS: usize = 3;

/// One platform's upload files for a list.
#[derive(Debug)]
pub struct Upload {
    platform: Platform,
    index: usize,
    encoding: Encoding,
    files: Vec<File>,
}

/// One file.
#[derive(Debug)]
struct File {
    spec: &'static FileSpec,
    header: Vec<u8>,
    columns: Vec<FileColumn>,
}

/// A column of a file, or for files without columns the kinds of its records.
#[derive(Debug)]
struct FileColumn {
    identifier: Option<Identifier>,
    /// Set where each column of the input has its own.
    ordinal: Option<usize>,
    /// Set where only digests of this hash belong.
    hash: Option<Hash>,
}

/// Where one input has what the files want.
#[derive(Debug)]
pub struct Places(Vec<FilePlaces>);

/// Where an input has what one file wants.
#[derive(Debug)]
struct FilePlaces {
    /// For each column.
    slots: Vec<[Option<usize>; ORDINALS]>,
    /// The most records that a row can have.
    records_max: usize,
    /// Where a row has one record of a table, and each column one slot and nothing to be asked:
    /// the slots, and whether what stands there is worth a record. Where lines have one slot: it.
    simple: Option<Vec<(Option<usize>, bool)>>,
}

/// Records for one file.
#[derive(Default)]
pub struct Records {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Records {
    /// All records' bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Each record's bytes, its line end included.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| &self.bytes[std::mem::replace(&mut start, *end)..*end])
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// What was appended to the bytes is a record.
    fn close(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

impl fmt::Debug for Records {
    /// Without the records: they are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({})", self.ends.len())
    }
}

impl Upload {
    /// The files of a platform for inputs with these columns. `encoding` is the spelling of
    /// digests; `None` is the platform's default.
    ///
    /// # Errors
    ///
    /// If the options do not name the platform, or it does not take the encoding.
    pub fn new(
        platform: Platform,
        options: &Options,
        inputs: &[&Columns],
        encoding: Option<Encoding>,
    ) -> Result<Upload, String> {
        let spec = platform.spec();
        let mut names = options.rules.iter().map(|rules| rules.name);
        let index = names
            .position(|name| name == platform.name())
            .ok_or_else(|| format!("{platform} is not among the platforms"))?;
        let encoding = encoding.unwrap_or(spec.encodings[0]);
        if !spec.encodings.contains(&encoding) {
            return Err(format!("{platform} does not take {}", encoding.name()));
        }
        let used = inputs.iter().flat_map(|columns| columns.used());
        let fields: BTreeSet<_> = used.map(|c| (c.identifier(), c.ordinal())).collect();
        let keys = &options.rules[index].keys;
        let hash_of = |identifier| {
            let key = keys.iter().find(|key| key.identifier == identifier);
            match key.map(|key| key.sent) {
                Some(Sent::Hashed(hash)) => hash,
                _ => Hash::default(),
            }
        };
        let holds = |identifier, hash| {
            let used = inputs.iter().flat_map(|columns| columns.used());
            let mut used = used.filter(|column| column.identifier() == identifier);
            hash_of(identifier) == hash || used.any(|column| column.holds(hash))
        };
        let files = spec.files.iter().filter_map(|file| File::plan(file, &fields, &holds));
        Ok(Upload { platform, index, encoding, files: files.collect() })
    }

    /// The platform.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// Each file: what is put behind the platform's name, the extension, and the header with its
    /// line end, empty where there is none. Files that the inputs have nothing for are left out.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&'static str, &'static str, &[u8])> {
        self.files.iter().map(|file| (file.spec.suffix, file.spec.extension, &file.header[..]))
    }

    /// Where an input has what the files want.
    pub fn places(&self, columns: &Columns) -> Places {
        let slots = |column: &FileColumn| {
            let slot = |ordinal| {
                columns.plan().slot(
                    self.index,
                    column.identifier?,
                    column.ordinal.unwrap_or(ordinal),
                )
            };
            match column.ordinal {
                Some(ordinal) => [slot(ordinal), None, None],
                None => [slot(1), slot(2), slot(3)],
            }
        };
        let of_file = |file: &File| {
            let slots: Vec<_> = file.columns.iter().map(slots).collect();
            let several = slots.iter().map(|slots| slots.iter().flatten().count());
            let records_max = several.max().unwrap_or(0).max(1);
            let is_simple = records_max == 1 && file.is_simple(&slots);
            let simple = is_simple.then(|| {
                let is_own = |column: &FileColumn| {
                    column.identifier.is_some_and(|identifier| !identifier.is_attribute())
                };
                let simple = file.columns.iter().zip(&slots);
                let slot = |slots: &[_; ORDINALS]| slots.iter().copied().find_map(|slot| slot);
                simple.map(|(column, slots)| (slot(slots), is_own(column))).collect()
            });
            FilePlaces { slots, records_max, simple }
        };
        Places(self.files.iter().map(of_file).collect())
    }

    /// Appends the records of a row to each file's, if the platform can match it.
    ///
    /// # Panics
    ///
    /// If there are fewer `records` than files.
    pub fn write(&self, row: Row<'_>, places: &Places, records: &mut [Records]) {
        if !row.is_matched(self.index) {
            return;
        }
        for (index, (file, places)) in self.files.iter().zip(&places.0).enumerate() {
            let mut writer = Writer { row, encoding: self.encoding, out: &mut records[index] };
            match file.spec.layout {
                Layout::Table { together, .. } => match &places.simple {
                    Some(columns) => writer.simple_table(columns),
                    None => writer.table(&file.columns, places, together),
                },
                Layout::Lines { .. } => match places.simple.as_deref() {
                    Some([(Some(slot), _)]) => writer.line(*slot),
                    _ => places.slots.iter().for_each(|slots| writer.lines(slots)),
                },
                Layout::Items { kinds, .. } => {
                    for ((_, kind), slots) in kinds.iter().zip(&places.slots) {
                        writer.items(kind, slots);
                    }
                }
            }
        }
    }
}

impl File {
    /// True for a table in which nothing but a slot decides what stands in a column, and for lines.
    fn is_simple(&self, slots: &[[Option<usize>; ORDINALS]]) -> bool {
        let together = match self.spec.layout {
            Layout::Table { together, .. } => together,
            Layout::Lines { .. } => return true,
            Layout::Items { .. } => return false,
        };
        let is_simple = |(column, slots): (&FileColumn, &[Option<usize>; ORDINALS])| {
            let is_together = column.identifier.is_some_and(|it| together.contains(&it));
            column.hash.is_none() && (!is_together || slots.iter().all(Option::is_none))
        };
        self.columns.iter().zip(slots).all(is_simple)
    }

    /// The file for these fields; `None` if they have nothing for it.
    fn plan(
        spec: &'static FileSpec,
        fields: &BTreeSet<(Identifier, usize)>,
        holds: &impl Fn(Identifier, Hash) -> bool,
    ) -> Option<File> {
        let has = |identifier| fields.contains(&(identifier, 1));
        let mut headers = Vec::new();
        let mut planned = Vec::new();
        let mut add = |header: Option<&str>, identifier, ordinal, hash| {
            headers.extend(header.map(str::to_owned));
            planned.push(FileColumn { identifier, ordinal, hash });
        };
        match spec.layout {
            Layout::Table { columns, is_template, .. } => {
                for column in columns {
                    let is_held = |hash| column.identifier.is_some_and(|it| holds(it, hash));
                    if column.hash.is_some_and(|hash| !is_held(hash)) {
                        continue;
                    }
                    let found = column.identifier.is_some_and(has);
                    let stands = found || (is_template && !column.is_optional);
                    let ordinals = ordinals(column, fields).max(usize::from(stands));
                    for ordinal in 1..=ordinals {
                        let ordinal = column.repeats.then_some(ordinal);
                        add(Some(column.header), column.identifier, ordinal, column.hash);
                    }
                }
            }
            Layout::Lines { identifier, header } => {
                add(header, Some(identifier), None, None);
            }
            Layout::Items { header, kinds } => {
                headers.extend(header.iter().map(|name| (*name).to_owned()));
                let kinds = kinds.iter().map(|(kind, _)| Some(*kind));
                planned.extend(kinds.map(|identifier| FileColumn {
                    identifier,
                    ordinal: None,
                    hash: None,
                }));
            }
        }
        let mut header = Vec::new();
        if !headers.is_empty() {
            for (index, name) in headers.iter().enumerate() {
                if index > 0 {
                    header.push(b',');
                }
                csv_field(name.as_bytes(), &mut header);
            }
            header.push(b'\n');
        }
        let is_wanted = planned
            .iter()
            .any(|column| column.identifier.is_some_and(|each| !each.is_attribute() && has(each)));
        is_wanted.then_some(File { spec, header, columns: planned })
    }
}

/// How many columns a table has for a column's identifier.
fn ordinals(column: &SheetColumn, fields: &BTreeSet<(Identifier, usize)>) -> usize {
    let Some(identifier) = column.identifier else { return 0 };
    let most = if column.repeats { ORDINALS } else { 1 };
    (1..=most).filter(|ordinal| fields.contains(&(identifier, *ordinal))).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use proptest::prelude::*;

    /// What each file of a platform has of a list. `is_general`: no table counts as a simple one.
    fn written(platform: Platform, list: &str, is_general: bool) -> Vec<(Vec<u8>, usize)> {
        let options = Options::new().platforms([platform]).country("US").allow_no_identifier();
        let engine = Engine::new(options.threads(1)).unwrap();
        let mut run = engine.run(std::io::Cursor::new(list.to_owned())).unwrap();
        let upload = Upload::new(platform, engine.options(), &[run.columns()], None).unwrap();
        let mut places = upload.places(run.columns());
        for file in places.0.iter_mut().filter(|_| is_general) {
            file.simple = None;
        }
        let mut records: Vec<_> = upload.files().map(|_| Records::default()).collect();
        while let Some(batch) = run.next_batch().unwrap() {
            batch.rows().for_each(|row| upload.write(row, &places, &mut records));
        }
        records.into_iter().map(|it| (it.bytes().to_vec(), it.iter().len())).collect()
    }

    proptest! {
        #[test]
        fn simple_tables_are_written_as_any_other(
            columns in proptest::sample::subsequence(
                vec!["email", "phone", "fn", "ln", "zip", "country", "ltv", "madid", "email 2"],
                1..9,
            ),
            cells in proptest::collection::vec(
                "(a@x\\.org|B\\.c@gmail\\.com|4155552671|Ann|US|94105|12\\.5|-|)",
                1..40,
            ),
            platform in proptest::sample::select(Platform::ALL.to_vec()),
        ) {
            let rows = cells.chunks(columns.len()).map(|cells| cells.join(","));
            let list = [columns.join(",")].into_iter().chain(rows).collect::<Vec<_>>().join("\n");
            // The generic platform has no upload files.
            if platform != Platform::Generic {
                prop_assert_eq!(
                    written(platform, &list, false),
                    written(platform, &list, true)
                );
            }
        }

        #[test]
        fn fields_are_written_as_the_csv_crate_does(
            fields in proptest::collection::vec("[a-c\",;\r\n \u{e9}]{0,6}", 2..5),
        ) {
            let mut bytes = Vec::new();
            for (index, field) in fields.iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                csv_field(field.as_bytes(), &mut bytes);
            }
            bytes.push(b'\n');
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&fields).unwrap();
            prop_assert_eq!(bytes, writer.into_inner().unwrap());
        }
    }
}
