//! Properties on arbitrary input: the engine equals the oracle, the plain reader equals the `csv`
//! crate, single values behave.

use crate::differential::{assert_same, engine_rows};
use crate::oracle;
use matchkey::normalize::{Country, Normalizer, Outcome, phone};
use matchkey::{Form, Identifier, Options};
use proptest::collection::vec;
use proptest::prelude::*;

/// Pieces that CSV readers stumble over.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => Just(b",".to_vec()),
        4 => Just(b"\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        5 => Just(b"\"".to_vec()),
        2 => Just(b"\"\"".to_vec()),
        2 => Just(b"a@x.org".to_vec()),
        2 => Just(b"+1 415 555 2671".to_vec()),
        1 => Just(b"\xef\xbb\xbf".to_vec()),
        1 => Just(b"US".to_vec()),
        1 => vec(any::<u8>(), 0..4),
        1 => "[a-z ]{0,8}".prop_map(String::into_bytes),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..80).prop_map(|pieces| pieces.concat())
}

/// More cases than usual; `PROPTEST_CASES` asks for still more.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(600), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn engine_equals_oracle(
        body in body(),
        chunk_bytes in 1_usize..100,
        threads in 1_usize..4,
        bite in 1_usize..50,
        record_bytes_max in prop_oneof![Just(1_usize << 20), 1_usize..60],
    ) {
        let mut input = b"email,note,phone,country\n".to_vec();
        input.extend(body);
        let used = [(Identifier::Email, 0), (Identifier::Phone, 2), (Identifier::Country, 3)];
        let expected = oracle::rows(&input, &used, &[1], Some("GB"), record_bytes_max);
        let options = Options::new()
            .country("GB")
            .keep("note")
            .threads(threads)
            .chunk_bytes(chunk_bytes)
            .record_bytes_max(record_bytes_max);
        let (rows, counts) = engine_rows(&input, &options, 1, bite);
        assert_same(&rows, &expected, "arbitrary");
        prop_assert_eq!(counts.total, expected.len() as u64);
        prop_assert_eq!(counts.processed, counts.total);
    }

    #[test]
    fn the_plain_reader_equals_the_csv_crate_where_quotes_are_closed(body in body()) {
        let mut at = 0;
        let mut plain = Vec::new();
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
        loop {
            at += body[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let Some((record, end)) = oracle::plain_record(body, at, usize::MAX, None) else {
                break;
            };
            if record.problem.is_some() {
                return Ok(());
            }
            plain.push(record.fields);
            at = end;
        }
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
        let fields = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
        let read: Vec<Vec<Vec<u8>>> =
            reader.byte_records().map(|record| fields(record.unwrap())).collect();
        // A lone byte order mark behind blank lines is the crate's to drop, ours to keep.
        if !body.starts_with(b"\xef\xbb\xbf") {
            prop_assert_eq!(plain, read);
        }
    }

    #[test]
    fn no_value_panics_and_rejected_values_leave_nothing(
        raw in prop_oneof![vec(any::<u8>(), 0..80), ".{0,40}".prop_map(String::into_bytes)],
        which in 0..Identifier::ALL.len(),
        form in 0..Form::ALL.len(),
        country in prop_oneof![Just(None), Just(Some("US")), Just(Some("GB")), Just(Some("IT"))],
    ) {
        let identifier = Identifier::ALL[which];
        let country = country.and_then(Country::parse);
        let normalizer = Normalizer::new(&Options::new());
        let mut out = b"kept".to_vec();
        let outcome = normalizer.normalize(identifier, Form::ALL[form], &raw, country, &mut out);
        match outcome {
            Outcome::Usable => prop_assert!(out.len() > 4),
            _ => prop_assert_eq!(&out[..], b"kept"),
        }
    }

    #[test]
    fn a_canonical_email_is_its_own_canonical_form(
        dirt in "[ \u{a0}\u{200b}]{0,2}",
        local in "[A-Za-z\u{c0}-\u{17f}.+]{1,8}",
        domain in "[A-Za-z\u{c0}-\u{17f}]{1,6}\\.[a-z]{2,4}\\.?",
    ) {
        let raw = format!("{dirt}{local}@{domain}");
        let normalizer = Normalizer::new(&Options::new());
        for form in Form::ALL {
            let (mut once, mut twice) = (Vec::new(), Vec::new());
            let normalize = |raw: &[u8], out: &mut Vec<u8>| {
                normalizer.normalize(Identifier::Email, form, raw, None, out)
            };
            let outcome = normalize(raw.as_bytes(), &mut once);
            prop_assert!(form != Form::Generic || outcome == Outcome::Usable);
            if outcome == Outcome::Usable {
                normalize(&once, &mut twice);
                prop_assert_eq!(once, twice, "{:?}", form);
            }
        }
    }

    #[test]
    fn an_e164_number_is_its_own_canonical_form(
        raw in "[+]?[0-9 ()./-]{4,18}",
        country in prop_oneof![Just("US"), Just("DE"), Just("IT"), Just("BR")],
    ) {
        let country = Country::parse(country);
        let first = phone::read(&raw, country);
        if first.is_valid() {
            prop_assert_eq!(phone::read(first.e164(), None), first);
        }
    }
}
