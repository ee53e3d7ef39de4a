//! A run that goes on in the middle sees what one from the start sees, wherever it goes on.
//!
//! In: arbitrary and nasty lists, packed ones too. Out: for every place between two batches the
//! rows behind it, with their numbers and positions, as the whole run has them; counting alone
//! gives the same number; no batch has rows on both sides of a multiple.

use flate2::Compression;
use flate2::write::GzEncoder;
use matchkey::{Candidate, Checkpoint, Engine, Error, Options, Position, Run};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{Cursor, Write};

/// What tells one row from another.
type Seen = (Position, Option<String>, Vec<Candidate>);

/// Rows to the end, and the place behind each batch with the number of rows before it.
fn drain(mut run: Run, multiple: u64) -> Result<(Vec<Seen>, Vec<Checkpoint>), Error> {
    let (mut rows, mut ends) = (Vec::new(), Vec::new());
    while let Some(batch) = run.next_batch()? {
        for row in batch.rows() {
            let reason = row.unusable().map(std::borrow::Cow::into_owned);
            rows.push((row.position(), reason, row.candidates().collect()));
        }
        let numbers: Vec<u64> = batch.rows().map(|row| (row.number() - 1) / multiple).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] == pair[1]), "a batch crosses a multiple");
        let end = batch.end().unwrap();
        assert_eq!(end.to_string().parse(), Ok(end));
        ends.push(end);
    }
    Ok((rows, ends))
}

/// Goes on at each place, by jumping where that is possible and by skipping.
fn check(input: &[u8], options: &Options, multiple: u64) -> Result<(), TestCaseError> {
    let engine = Engine::new(options.clone().chunk_rows(multiple).threads(1)).unwrap();
    let open = || engine.open(Cursor::new(input.to_vec()));
    let Ok(source) = open() else { return Ok(()) };
    let Ok((rows, ends)) = drain(source.run().unwrap(), multiple) else { return Ok(()) };
    let (end, is_end) = open().unwrap().count(|| true).unwrap();
    prop_assert!(is_end);
    prop_assert_eq!(end.position().row, rows.len() as u64);
    for end in ends {
        let place = end.position();
        let expected = &rows[place.row as usize..];
        let mut ways = Vec::new();
        let mut skipping = open().unwrap();
        prop_assert!(skipping.skip_to(&end, || true).unwrap());
        ways.push(skipping);
        let mut jumping = open().unwrap();
        if jumping.is_plain() {
            let rest = input[(place.byte as usize).min(input.len())..].to_vec();
            jumping.jump_to(&end, Cursor::new(rest)).unwrap();
            ways.push(jumping);
        }
        for source in ways {
            let (behind, _) = drain(source.run().unwrap(), multiple).unwrap();
            prop_assert_eq!(&behind[..], expected, "{}", end);
        }
        let mut counting = open().unwrap();
        counting.skip_to(&end, || true).unwrap();
        let mut asked = 0;
        let (paused, is_end) = counting
            .count(|| {
                asked += 1;
                false
            })
            .unwrap();
        prop_assert!(asked <= 1 && (is_end || paused.position().byte > place.byte));
    }
    Ok(())
}

fn piece() -> impl Strategy<Value = &'static str> {
    let pieces = [
        "a@x.org",
        ",",
        ",",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "\"",
        "\"\"",
        "\"\n",
        ",\"",
        "long ".repeat(9).leak(),
        "+14155552671",
        "\u{e9}",
        "\n\n",
    ];
    proptest::sample::select(pieces.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_goes_on_anywhere(
        pieces in vec(piece(), 0..60),
        chunk_bytes in 1_usize..60,
        read_bytes in 1_usize..40,
        multiple in 1_u64..6,
        record_bytes_max in prop_oneof![Just(1_usize << 20), 10_usize..60],
        is_packed in any::<bool>(),
    ) {
        let text = format!("email,phone\n{}", pieces.concat());
        let mut input = text.into_bytes();
        if is_packed {
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(&input).unwrap();
            input = packer.finish().unwrap();
        }
        let options = Options::new()
            .chunk_bytes(chunk_bytes)
            .read_bytes(read_bytes)
            .record_bytes_max(record_bytes_max);
        check(&input, &options, multiple)?;
    }
}

#[test]
fn nasty_lists_are_gone_on_with() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lists");
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        for (chunk_bytes, multiple) in [(1, 1), (40, 2), (1 << 20, 3)] {
            let options = Options::new().chunk_bytes(chunk_bytes).read_bytes(7);
            check(&input, &options, multiple).unwrap();
            tried += 1;
        }
    }
    assert!(tried > 100);
}

#[test]
fn only_mapped_columns_are_used_where_that_is_asked() {
    let list = b"mail,email,phone\na@x.org,b@x.org,+14155552671\n";
    let options = Options::new().map(matchkey::Identifier::Email, "mail").mapped_only();
    let engine = Engine::new(options).unwrap();
    let source = engine.open(&list[..]).unwrap();
    let used: Vec<usize> = source.columns().used().iter().map(|column| column.index()).collect();
    assert_eq!(used, [0]);
    // Another set of options on the same threads.
    let other = engine.with_options(Options::new().map(matchkey::Identifier::Phone, "phone"));
    let source = other.unwrap().open(&list[..]).unwrap();
    assert!(source.columns().used().len() > 1);
}

#[test]
fn a_shorter_input_is_noticed() {
    let engine = Engine::new(Options::new().chunk_bytes(10)).unwrap();
    let list = b"email\na@x.org\nb@x.org\nc@x.org\n";
    let (_, ends) = drain(engine.run(&list[..]).unwrap(), 1 << 20).unwrap();
    let mut source = engine.open(&list[..14]).unwrap();
    let error = source.skip_to(ends.last().unwrap(), || true).unwrap_err();
    assert!(error.to_string().contains("shorter"), "{error}");
}

#[test]
fn odd_texts_are_no_checkpoints() {
    for text in ["", "1:2:3:4", "1:2:3:4:5", "-1:2:3:4:0", "1:2:3:4:0:0", "a:b:c:d:e"] {
        assert!(text.parse::<Checkpoint>().is_err(), "{text}");
    }
}
