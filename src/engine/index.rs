//! Plain lines, many at once: those without quotes and without bytes that may make them no rows.
//!
//! In: bytes from the start of a record on, the dialect. Out: [`plain_rows`], how many rows are to
//! be passed over at once; [`Lines`], where the fields of each line are. All else is left to
//! `chunk/scan.rs` and `record.rs`, which give the same for plain lines, one by one.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod blocks;
mod marks;

use super::dialect::{Dialect, behind_line_end, is_line_end};
use blocks::{BLOCK, Masks};
use marks::{Marks, RowCount};

/// The plain rows at the front of `bytes`, which is the start of a record; fewer than `rows_max`.
pub(crate) fn plain_rows(bytes: &[u8], dialect: Dialect, rows_max: u64) -> RowCount {
    const BLOCKS: usize = 32;
    let mut count = RowCount::default();
    let mut masks = [Masks::default(); BLOCKS];
    for part in bytes.chunks(BLOCKS * BLOCK) {
        if !count.add(blocks::fill(part, dialect.into(), &mut masks), rows_max) {
            break;
        }
    }
    count
}

/// How many fields the plain lines of a list have: what finding every field costs at the least, for
/// a bench to compare a run with. Lines with quotes are passed over.
///
/// ```
/// assert_eq!(matchkey::kernel::find_fields(b"a,b\n1,2\n3,\n", b','), 6);
/// ```
pub fn find_fields(list: &[u8], delimiter: u8) -> u64 {
    let dialect = Dialect { delimiter, ..Dialect::default() };
    let (mut lines, mut at, mut fields) = (Lines::default(), 0, 0);
    while at < list.len() {
        let end = match lines.plain(list, at, dialect) {
            Some(line) => {
                fields += line.marks.len() as u64 - 1;
                line.end
            }
            None => memchr::memchr2(b'\n', b'\r', &list[at..]).map_or(list.len(), |end| at + end),
        };
        at = behind_line_end(list, end);
    }
    fields
}

/// Bytes that are looked at together: they and what is found in them stay near the processor.
const WINDOW: usize = 8 << 10;

/// A plain line.
pub(crate) struct Line<'a> {
    /// The index that its marks are counted from.
    pub(crate) base: usize,
    /// What its fields are between; one more than the first is where the first field starts.
    pub(crate) marks: &'a [u32],
    /// The index behind its content.
    pub(crate) end: usize,
}

/// The lines of a part of a chunk.
#[derive(Default)]
pub(crate) struct Lines {
    /// Where the part starts, and where its last whole line ends.
    start: usize,
    end: usize,
    masks: Vec<Masks>,
    marks: Marks,
    /// How many lines of the part are behind.
    next: usize,
    /// Most lines up to here are not plain.
    idle_until: usize,
    /// No line is plain.
    #[cfg(test)]
    pub(crate) is_off: bool,
}

impl Lines {
    /// Forgets what is known: other bytes come.
    pub(crate) fn clear(&mut self) {
        (self.start, self.end, self.idle_until) = (0, 0, 0);
    }

    /// The line that starts at `at`, if it is plain. Lines are asked for in order; none is blank.
    pub(crate) fn plain(&mut self, bytes: &[u8], at: usize, dialect: Dialect) -> Option<Line<'_>> {
        #[cfg(test)]
        if self.is_off {
            return None;
        }
        if at >= self.end {
            if at < self.idle_until {
                return None;
            }
            self.look(&bytes[at..], at, dialect);
        }
        while let Some((marks, is_plain)) = self.marks.line(self.next) {
            let [before, .., end] = *marks else { return None };
            let start = self.start + before.wrapping_add(1) as usize;
            if start > at || (start == at && !is_plain) {
                return None;
            }
            self.next += 1;
            if start == at {
                return Some(Line { base: self.start, marks, end: self.start + end as usize });
            }
        }
        None
    }

    /// Finds the lines of the part at the front of `bytes`, of which a record starts at `start`.
    fn look(&mut self, bytes: &[u8], start: usize, dialect: Dialect) {
        let part = &bytes[..bytes.len().min(WINDOW)];
        self.masks.resize(WINDOW / BLOCK, Masks::default());
        self.marks.start(WINDOW);
        self.marks.add(blocks::fill(part, dialect.into(), &mut self.masks));
        if part.len() == bytes.len() && part.last().is_some_and(|byte| !is_line_end(*byte)) {
            self.marks.add_last(part.len() as u32);
        }
        self.next = 0;
        self.start = start;
        self.end = start + self.marks.end();
        if 2 * self.marks.special > self.marks.lines {
            self.idle_until = self.end + 7 * WINDOW;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::chunk::{Cutter, Sizes};
    use crate::engine::dialect::Dialect;
    use crate::engine::error::Position;
    use crate::engine::problem::RowProblem;
    use crate::engine::record::{Fields, records};
    use crate::engine::tally::Tally;
    use proptest::prelude::*;

    type Row = (Position, Option<RowProblem>, Vec<Vec<u8>>);

    /// The rows of each chunk, and where the chunk ends.
    fn read(
        bytes: &[u8],
        (dialect, width, passes_pairs): (Dialect, Option<usize>, bool),
        sizes: Sizes,
        is_stepwise: bool,
    ) -> Vec<(String, Vec<Row>)> {
        let reader = std::io::Cursor::new(bytes.to_vec());
        let mut cutter = Cutter::new(Box::new(reader), sizes, Tally::default());
        cutter.set_dialect(dialect);
        cutter.is_stepwise = is_stepwise;
        if passes_pairs {
            cutter.pass_over_pairs();
        }
        if let Some(width) = width {
            cutter.set_width(width, !passes_pairs);
        }
        let mut fields = Fields::default();
        fields.lines.is_off = is_stepwise;
        let mut chunks = Vec::new();
        while let Some(chunk) = cutter.next_chunk().unwrap() {
            let mut rows = Vec::new();
            records(&chunk, dialect, width, &mut fields, |record| {
                let cells = record.fields;
                let all: Vec<_> = cells.iter().map(<[u8]>::to_vec).collect();
                assert_eq!(cells.len(), all.len());
                assert_eq!(cells.get(all.len()), None);
                rows.push((record.position, record.problem, all));
            });
            assert_eq!(rows.len() as u64, chunk.rows);
            chunks.push((format!("{:?} {:?}", chunk.start, chunk.end), rows));
        }
        chunks
    }

    fn dialects() -> impl Strategy<Value = Dialect> {
        let delimiter = prop_oneof![3 => Just(b','), 1 => Just(b'\t'), 1 => Just(b';')];
        let quote = prop_oneof![3 => Just(Some(b'"')), 1 => Just(None), 1 => Just(Some(b'\''))];
        let escape = prop_oneof![3 => Just(None), 1 => Just(Some(b'\\'))];
        (delimiter, quote, escape).prop_map(|(delimiter, quote, escape)| Dialect {
            delimiter,
            quote,
            escape,
        })
    }

    fn sizes() -> impl Strategy<Value = Sizes> {
        let chunk_bytes = prop_oneof![1..40_usize, 40..20_000_usize];
        let chunk_rows = prop_oneof![1..9_u64, 9..500_u64, Just(u64::MAX)];
        let read_bytes = prop_oneof![1..9_usize, 9..20_000_usize];
        let record_bytes_max = prop_oneof![0..40_usize, 40..9_000_usize, Just(1 << 20)];
        (chunk_bytes, chunk_rows, read_bytes, record_bytes_max).prop_map(
            |(chunk_bytes, chunk_rows, read_bytes, record_bytes_max)| Sizes {
                chunk_bytes,
                chunk_rows,
                read_bytes,
                record_bytes_max,
            },
        )
    }

    /// Few kinds of pieces, each many times: plain lines among all that is not plain.
    fn lists() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => "[a-c,;\t\u{e9}]{0,40}(\n|\r\n|\r)",
            2 => "[ab,\"\r\n\\\\';\t\u{0}\u{1a}]{1,12}",
            1 => "(\"[ab,\n\r]{0,9}\",?){1,4}(\n|\r\n|\r)",
            1 => "a{60,70}(\n|\r\n|\r|,)",
            1 => "\u{0}{1,3}\n?|\u{1a}|\n|\r|\r\n",
        ];
        proptest::collection::vec((piece, 1..60_usize), 0..12).prop_map(|pieces| {
            pieces.into_iter().flat_map(|(piece, times)| piece.repeat(times).into_bytes()).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]
        #[test]
        fn many_at_once_are_the_same_as_one_by_one(
            list in lists(),
            dialect in dialects(),
            width in proptest::option::of(1..6_usize),
            passes_pairs in any::<bool>(),
            sizes in sizes(),
        ) {
            let how = (dialect, width, passes_pairs);
            let at_once = read(&list, how, sizes, false);
            prop_assert_eq!(at_once, read(&list, how, sizes, true));
        }
    }
}
