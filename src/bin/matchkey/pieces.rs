//! Pieces of a large file, spread evenly, that together read like a small list.
//!
//! In: a file whose header has been read. Out: the header and, from 32 places, whole records.
//! Where a piece starts inside a record, and whether inside quotes, is not known: of its first
//! line starts the one is taken from which the records have as many fields as the header.

use crate::input::Input;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const PIECES: u64 = 32;
const PIECE_BYTES: u64 = 64 << 10;
/// Line starts that are tried, and records that are looked at from each.
const STARTS_MAX: usize = 50;
const RECORDS_MAX: usize = 10;

/// The header of a file of this size, and its pieces.
pub(crate) fn spread_pieces(path: &Path, input: &Input, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut list = Vec::new();
    (&mut file).take(input.header_ends).read_to_end(&mut list)?;
    let stride = (bytes - input.header_ends) / PIECES;
    for piece in 0..PIECES {
        file.seek(SeekFrom::Start(input.header_ends + piece * stride))?;
        let mut window = Vec::new();
        (&mut file).take(PIECE_BYTES.min(stride)).read_to_end(&mut window)?;
        let starts = match piece {
            0 => vec![0],
            _ => line_starts(&window),
        };
        list.extend_from_slice(whole_records(&window, &starts, input));
    }
    Ok(list)
}

/// Where lines start, the first one, which may be half, left out.
fn line_starts(window: &[u8]) -> Vec<usize> {
    let ends = memchr::memchr2_iter(b'\n', b'\r', window).map(|at| at + 1);
    ends.filter(|end| window.get(*end) != Some(&b'\n')).take(STARTS_MAX).collect()
}

/// The whole records from the best of these starts on.
fn whole_records<'a>(window: &'a [u8], starts: &[usize], input: &Input) -> &'a [u8] {
    let fits = |start: &usize| {
        let mut reader = reader(&window[*start..], input);
        let records = reader.byte_records().take(RECORDS_MAX).flatten();
        records.filter(|record| record.len() == input.columns.width()).count()
    };
    // The first of the best: max_by_key would take the last.
    let best = starts.iter().rev().max_by_key(|start| fits(start));
    let Some(&start) = best else { return &[] };
    let mut reader = reader(&window[start..], input);
    let mut record = csv::ByteRecord::new();
    let mut last = 0;
    // The last record may be half: it ends where that one starts.
    loop {
        let at = reader.position().byte() as usize;
        match reader.read_byte_record(&mut record) {
            Ok(true) => last = at,
            _ => return &window[start..start + last],
        }
    }
}

fn reader<'a>(bytes: &'a [u8], input: &Input) -> csv::Reader<&'a [u8]> {
    let mut builder = csv::ReaderBuilder::new();
    let dialect = input.scan.dialect;
    builder.delimiter(dialect.delimiter).has_headers(false).flexible(true);
    builder.quoting(dialect.quote.is_some()).quote(dialect.quote.unwrap_or(b'"'));
    builder.escape(dialect.escape).double_quote(dialect.escape.is_none());
    builder.from_reader(bytes)
}
