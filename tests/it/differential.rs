//! The engine against the oracle, on generated lists, for every way of cutting and sharing out.

use crate::customers::{Shape, csv};
use crate::oracle::{self, OracleRow};
use matchkey::platform::Encoding;
use matchkey::{Cell, Counts, Engine, Identifier, Options, Row};
use std::io::{self, Read};

/// A reader that hands out a few bytes at a time.
pub(crate) struct Dribble {
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: usize,
    pub(crate) most: usize,
}

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Uneven bites, so that they never keep step with anything.
        let bite = 1 + (self.at * 7 + 3) % self.most;
        let bytes = bite.min(buffer.len()).min(self.bytes.len() - self.at);
        buffer[..bytes].copy_from_slice(&self.bytes[self.at..self.at + bytes]);
        self.at += bytes;
        Ok(bytes)
    }
}

/// The engine's rows in the oracle's terms, and the counters at the end.
pub(crate) fn engine_rows(
    input: &[u8],
    options: &Options,
    kept: usize,
    bite: usize,
) -> (Vec<OracleRow>, Counts) {
    let engine = Engine::new(options.clone()).unwrap();
    let reader = Dribble { bytes: input.to_vec(), at: 0, most: bite };
    let mut run = engine.run(reader).unwrap();
    let tally = run.tally();
    let mut rows = Vec::new();
    while let Some(batch) = run.next_batch().unwrap() {
        rows.extend(batch.rows().map(|row| in_oracle_terms(row, kept)));
        tally.delivered(batch.summary().usable_rows());
        let counts = tally.counts();
        assert!(counts.matched <= counts.processed && counts.processed <= counts.total);
        assert_eq!(counts.processed, rows.len() as u64);
    }
    assert_eq!(run.summary().total_rows(), rows.len() as u64);
    (rows, tally.counts())
}

fn in_oracle_terms(row: Row<'_>, kept: usize) -> OracleRow {
    let cell = |cell| match cell {
        Cell::Key(digest) => Some(digest.text(Encoding::Hex)),
        Cell::Plain(value) => Some(value.to_owned()),
        _ => None,
    };
    OracleRow {
        number: row.number(),
        byte: row.position().byte,
        line: row.position().line,
        problem: row.problem(),
        kept: (0..kept).map(|index| row.kept(index).to_vec()).collect(),
        cells: row.cells().map(|(_, each)| cell(each)).collect(),
        is_usable: row.is_usable(),
    }
}

/// Says where two lists of rows differ, without printing both.
pub(crate) fn assert_same(engine: &[OracleRow], oracle: &[OracleRow], what: &str) {
    for (left, right) in engine.iter().zip(oracle) {
        assert_eq!(left, right, "{what}: row {}", right.number);
    }
    assert_eq!(engine.len(), oracle.len(), "{what}");
}

fn used_of(input: &[u8], options: &Options) -> Vec<(Identifier, usize)> {
    let engine = Engine::new(options.clone()).unwrap();
    let source = engine.open(io::Cursor::new(input.to_vec())).unwrap();
    source.columns().used().iter().map(|c| (c.identifier(), c.index())).collect()
}

#[test]
fn engine_equals_oracle_on_every_shape() {
    for shape in [Shape::Lean, Shape::Wide, Shape::Quoted, Shape::Dirty, Shape::Mixed] {
        let input = csv(shape, 300, 7);
        let options = Options::new().country("US").keep("#1");
        let expected = oracle::rows(&input, &used_of(&input, &options), &[0], Some("US"), 1 << 20);
        assert_eq!(expected.len(), 300);
        for (threads, chunk_bytes, bite) in
            [(1, 256 << 10, 1 << 20), (2, 1_000, 64), (3, 1, 4_096), (8, 10_000, 1)]
        {
            let options = options.clone().threads(threads).chunk_bytes(chunk_bytes);
            let (rows, counts) = engine_rows(&input, &options, 1, bite);
            assert_same(&rows, &expected, &format!("{shape:?} {threads} {chunk_bytes} {bite}"));
            assert_eq!((counts.total, counts.processed), (300, 300));
            assert_eq!(counts.input_bytes, input.len() as u64);
        }
    }
}

/// A long quoted field, so that a chunk border falls on every offset around its quotes.
#[test]
fn quotes_may_stand_anywhere_at_a_chunk_border() {
    let row = "\"a \"\"b\"\"\r\n,c\",x@example.com\r\n";
    let input = format!("note,email\r\n{}", row.repeat(20));
    let used = [(Identifier::Email, 1)];
    let expected = oracle::rows(input.as_bytes(), &used, &[0], None, 1 << 20);
    assert_eq!(expected.len(), 20);
    assert_eq!(expected[0].kept[0], b"a \"b\"\r\n,c");
    for chunk_bytes in 1..=3 * row.len() {
        let options = Options::new().keep("note").threads(2).chunk_bytes(chunk_bytes);
        for bite in [1, 2, 3, 5, 1 << 20] {
            let (rows, _) = engine_rows(input.as_bytes(), &options, 1, bite);
            assert_same(&rows, &expected, &format!("chunk {chunk_bytes}, bite {bite}"));
        }
    }
}

#[test]
fn a_quoted_field_of_900_kb_spans_chunks() {
    let long = "line \"\"one\"\"\n,,".repeat(900 * 1024 / 15);
    let input = format!("email,note\na@x.org,\"{long}\"\nb@x.org,z\n");
    let expected = oracle::rows(input.as_bytes(), &[(Identifier::Email, 0)], &[1], None, 1 << 20);
    assert_eq!(expected.len(), 2);
    for (chunk_bytes, bite) in [(256 << 10, 1 << 20), (1, 4_096), (10_000, 10_000)] {
        let options = Options::new().keep("note").threads(2).chunk_bytes(chunk_bytes);
        let (rows, _) = engine_rows(input.as_bytes(), &options, 1, bite);
        assert_same(&rows, &expected, "long field");
    }
}
