//! `matchkey inspect`: what would happen to a list, without writing keys.
//!
//! In: one input. Out: dialect, encoding, the columns and why, the first rows' outcomes (masked),
//! and an estimate of the share of usable rows from a sample: a small file as a whole, the start of
//! standard input, pieces from all over a larger file (see `pieces.rs`).

use crate::args::{InspectArguments, engine};
use crate::failure::{Failure, grouped, percent};
use crate::input::{Input, open_all};
use crate::pieces::spread_pieces;
use crate::report::recognition;
use crate::target::Target;
use crate::verdict;
use matchkey::{Cell, Engine, Identifier, Row, Run, Summary, normalize};
use std::io::{Cursor, Write};

const FIRST_ROWS: usize = 5;
/// Up to this size a file is read as a whole.
const WHOLE_BYTES_MAX: u64 = 4 << 20;

/// Which rows a sample holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of them.
    Whole,
    /// Those at the start.
    Start,
    /// Some from all over the file.
    Spread,
}

/// What the sample showed.
struct Sample {
    rows: u64,
    extent: Extent,
    summary: Summary,
    first: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    if arguments.json {
        return verdict::run(arguments);
    }
    let options = arguments.reading.apply(arguments.rules.options()?)?.keep_rejected();
    let engine = engine(options.platforms(arguments.platform.iter().copied()))?;
    let mut inputs = open_all(&engine, std::slice::from_ref(&arguments.input))?;
    let Some(mut input) = inputs.pop() else { return Ok(()) };
    let sample = match spread_sample(arguments, &engine, &input)? {
        Some(sample) => sample,
        None => {
            let run = input.take(&engine)?.run();
            sample(run.map_err(|error| Failure::of(&input.name, &error))?, &input, Extent::Whole)?
        }
    };
    let mut out = Target::stdout()?;
    let text = describe(&input, &sample, &engine);
    out.write_all(text.as_bytes()).map_err(|error| out.failure(&error))?;
    out.finish()
}

/// A sample from all over a large file; `None` for a small file, for standard input, and where
/// rows are longer than a piece.
fn spread_sample(
    arguments: &InspectArguments,
    engine: &Engine,
    input: &Input,
) -> Result<Option<Sample>, Failure> {
    // Pieces are cut out of the file as it stands.
    let is_plain = input.scan.packing.is_none() && input.scan.encoding == "UTF-8";
    let Some(bytes) = input.bytes.filter(|bytes| *bytes > WHOLE_BYTES_MAX && is_plain) else {
        return Ok(None);
    };
    let list = spread_pieces(&arguments.input, input, bytes)
        .map_err(|error| Failure::Refused(format!("{}: {error}", input.name)))?;
    if list.len() as u64 == input.header_ends {
        return Ok(None);
    }
    let run = engine.run(Cursor::new(list));
    let run = run.map_err(|error| Failure::of(&input.name, &error))?;
    Ok(Some(sample(run, input, Extent::Spread)?).filter(|sample| sample.rows > 0))
}

/// Reads rows to the end; of what should be a whole list, until the sample is large enough.
fn sample(mut run: Run, input: &Input, mut extent: Extent) -> Result<Sample, Failure> {
    let mut first = Vec::new();
    while let Some(batch) = run.next_batch().map_err(|error| Failure::of(&input.name, &error))? {
        let wanted = FIRST_ROWS.saturating_sub(first.len());
        first.extend(batch.rows().take(wanted).map(|row| outcome(row, input)));
        let is_enough = run.tally().counts().input_bytes > WHOLE_BYTES_MAX;
        if is_enough && extent == Extent::Whole {
            extent = Extent::Start;
            break;
        }
    }
    let summary = run.summary().clone();
    Ok(Sample { rows: summary.total_rows(), extent, summary, first })
}

fn describe(input: &Input, sample: &Sample, engine: &Engine) -> String {
    let scan = &input.scan;
    let mark = if scan.has_byte_order_mark { ", with a byte order mark" } else { "" };
    let packing = scan.packing.map_or(String::new(), |packing| format!(", packed in {packing}"));
    let mut text = format!("{}\n", recognition(input));
    text +=
        &format!("{} columns, encoding {}{mark}{packing}, ", input.columns.width(), scan.encoding);
    text += &format!("quote {}, escape {}\n", byte(scan.dialect.quote), byte(scan.dialect.escape));
    for reason in &scan.reasons {
        text += &format!("  {reason}\n");
    }
    let country = engine.options().country_name().unwrap_or("none; see --country");
    text += &format!("default country: {country}\n");
    text += "\nfirst rows:\n";
    for line in &sample.first {
        text += &format!("{line}\n");
    }
    let usable = sample.summary.usable_rows();
    text += &match sample.extent {
        Extent::Whole => format!(
            "\nall {} rows read: {} usable ({})\n",
            grouped(sample.rows),
            grouped(usable),
            percent(usable, sample.rows)
        ),
        extent => {
            let (low, high) = interval(usable, sample.rows);
            format!(
                "\nestimate from {} rows {}: {} usable, {:.1} to {:.1} % with 95 % confidence\n",
                grouped(sample.rows),
                if extent == Extent::Spread { "spread over the file" } else { "at the start" },
                percent(usable, sample.rows),
                100.0 * low,
                100.0 * high
            )
        }
    };
    for (identifier, reason, count) in sample.summary.rejections() {
        let field = identifier.map_or("row", Identifier::name);
        text += &format!("  {field:<12} {reason:<32} {}\n", grouped(count));
    }
    text
}

/// A byte of the dialect, as people write it.
pub(crate) fn byte(byte: Option<u8>) -> String {
    match byte {
        None => "none".to_owned(),
        Some(b'\t') => "tab".to_owned(),
        Some(byte @ 0x21..=0x7e) => char::from(byte).to_string(),
        Some(byte) => format!("0x{byte:02x}"),
    }
}

/// Wilson's interval for a share, 95 %.
fn interval(part: u64, whole: u64) -> (f64, f64) {
    if whole == 0 {
        return (0.0, 1.0);
    }
    let (share, rows, z) = (part as f64 / whole as f64, whole as f64, 1.96_f64);
    let scale = 1.0 + z * z / rows;
    let center = (share + z * z / (2.0 * rows)) / scale;
    let spread = z * (share * (1.0 - share) / rows + z * z / (4.0 * rows * rows)).sqrt() / scale;
    ((center - spread).max(0.0), (center + spread).min(1.0))
}

/// A row's outcome without its content: the shape of a rejected cell is all that shows.
fn outcome(row: Row<'_>, input: &Input) -> String {
    let cells = row.cells().zip(input.columns.used()).enumerate();
    let cells = cells.map(|(index, ((identifier, cell), _))| match cell {
        Cell::Key(..) | Cell::Plain(_) => format!("{identifier} ok"),
        Cell::NotTaken => format!("{identifier} not taken"),
        Cell::Rejected(rejection) => {
            let shape = masked(row.rejected(index).unwrap_or_default());
            format!("{identifier} {} [{shape}]", rejection.reason(identifier))
        }
        _ => format!("{identifier} empty"),
    });
    let cells: Vec<_> = cells.collect();
    let verdict = match row.unusable() {
        None => "usable".into(),
        Some(reason) => format!("not usable, {reason}"),
    };
    format!("  row {} {verdict}: {}", row.number(), cells.join("; "))
}

/// The shape of a value: letters become x, digits 0.
fn masked(value: &[u8]) -> String {
    const SHOWN_MAX: usize = 40;
    let shape = normalize::text_of(value);
    let shape = shape.chars().take(SHOWN_MAX).map(|c| match c {
        _ if c.is_numeric() => '0',
        _ if c.is_alphabetic() => 'x',
        '@' | '.' | ' ' | '+' | '-' | '(' | ')' | '/' => c,
        _ => '?',
    });
    shape.collect()
}
