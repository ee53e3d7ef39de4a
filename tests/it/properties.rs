//! Properties on arbitrary input: the engine equals the oracle, the plain reader equals the `csv`
//! crate, single values behave.

use crate::differential::{assert_same, engine_rows};
use crate::oracle;
use matchkey::normalize::phone::reference::Reference;
use matchkey::normalize::{Country, Hints, Normalizer, Outcome, phone, text_of};
use matchkey::platform::Sent;
use matchkey::platform::spec::KeyRule;
use matchkey::{Cell, Digest, Engine, Form, Header, Identifier, Options, Platform};
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

/// Pieces that readers of phone numbers stumble over.
fn phone_piece() -> impl Strategy<Value = String> {
    const ODD: [&str; 13] = [
        "+|00|011| |-|(|)|.|/|~|*|[|]|x|X|0|1",
        "ext|ext.|extn|int|#|,|,,|;|;ext=|;isub=|tel:|\\|a|B|Q",
        "\u{a0}|\u{ff0b}|\u{301}|\u{30fc}",
        "extensio\u{301}n|\u{130}nt|\u{ff11}|\u{661}|\u{2013}|\u{200b}|\u{ff58}",
        "\u{434}\u{43e}\u{431}|\u{131}|\u{130}|\u{17f}|\u{1d7ce}",
        ";phone-context=|;phone-context=+44|example.com",
        "44",
        "49",
        "1",
        "39",
        "7",
        "55",
        "52",
    ];
    let odd: Vec<String> = ODD.iter().flat_map(|line| line.split('|')).map(str::to_owned).collect();
    prop_oneof![
        4 => "[0-9]{1,5}",
        1 => "[0-9]{9,12}",
        3 => proptest::sample::select(odd),
    ]
}

/// Nothing about the input is left to be found out.
fn exactly(options: Options) -> Options {
    let quote = Some(b'"');
    options.header(Header::Yes).delimiter(b',').quote(quote).encoding("utf-8")
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
        let options = exactly(Options::new())
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
            let held = oracle::Held { bytes_max: usize::MAX, width: None };
            let Some((record, end)) = oracle::plain_record(body, at, held) else {
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
    fn every_platform_gets_what_single_values_give(
        body in body(),
        threads in 1_usize..4,
        chunk_bytes in 1_usize..100,
    ) {
        let mut input = b"email,phone,first_name,zip,country,dob,ltv\n".to_vec();
        input.extend(body);
        let options = exactly(Options::new())
            .country("US")
            .threads(threads)
            .chunk_bytes(chunk_bytes)
            .platforms(Platform::ALL.iter().copied());
        let engine = Engine::new(options.clone()).unwrap();
        let mut run = engine.run(std::io::Cursor::new(input.clone())).unwrap();
        let columns = run.columns().clone();
        let mut normalizer = Normalizer::new(&options);
        let plain = oracle::records(&input);
        let mut seen = 0;
        while let Some(batch) = run.next_batch().unwrap() {
            for row in batch.rows() {
                let record = &plain[row.number() as usize - 1];
                // What is used of a row that is too long is not for single cells to say.
                if record.len() > columns.width() {
                    seen += 1;
                    continue;
                }
                let cell = |index: usize| record.get(index).cloned().unwrap_or_default();
                let country = Country::from_cell(&cell(4)).or(Country::parse("US"));
                for (index, column) in columns.used().iter().enumerate() {
                    let hints = Hints::from(country).date_order(column.date_order());
                    if column.identifier() == Identifier::Ltv {
                        continue;
                    }
                    for (place, platform) in Platform::ALL.iter().enumerate() {
                        let taken = |rule: &&KeyRule| rule.key.identifier == column.identifier();
                        let rule = platform.keys().iter().find(taken);
                        let ours = row.cell_for(place, index);
                        let Some(rule) = rule else {
                            prop_assert!(ours == Cell::NotTaken);
                            continue;
                        };
                        let (key, mut out) = (rule.key, Vec::new());
                        let raw = cell(column.index());
                        let identifier = key.identifier;
                        let outcome =
                            normalizer.normalize(identifier, key.form, &raw, hints, &mut out);
                        let is_same = match (outcome, key.sent) {
                            (Outcome::Usable, Sent::Hashed(hash)) => {
                                ours == Cell::Key(Digest::with(hash, &out))
                            }
                            (Outcome::Usable, _) => {
                                ours == Cell::Plain(std::str::from_utf8(&out).unwrap())
                            }
                            (Outcome::Empty, _) => ours == Cell::Empty,
                            (Outcome::Rejected(why), _) => ours == Cell::Rejected(why),
                            _ => true,
                        };
                        prop_assert!(is_same, "row {} {platform} {identifier}", row.number());
                    }
                }
                seen += 1;
            }
        }
        prop_assert_eq!(seen, plain.len());
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
        let mut normalizer = Normalizer::new(&Options::new());
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
        let mut normalizer = Normalizer::new(&Options::new());
        for form in Form::ALL {
            let (mut once, mut twice) = (Vec::new(), Vec::new());
            let mut normalize = |raw: &[u8], out: &mut Vec<u8>| {
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
    fn the_fast_phone_path_equals_the_plain_one(
        pieces in vec(phone_piece(), 1..16),
        region in 0..300_usize,
    ) {
        let text = pieces.concat();
        let plain = &mut Reference::new(phone::territories());
        let countries: Vec<String> =
            phone::territories().into_iter().map(|it| it.id).filter(|id| id != "001").collect();
        let country = countries.get(region).map(String::as_str);
        let fast = phone::read(&text, country.and_then(Country::parse));
        prop_assert_eq!(fast, plain.read(&text, country));
    }

    #[test]
    fn the_fast_phone_path_reads_any_bytes(
        before in vec(any::<u8>(), 0..3),
        pieces in vec(prop_oneof![
            6 => "[0-9]{1,4}".prop_map(String::into_bytes),
            2 => "[-+ ()./x]".prop_map(String::into_bytes),
            1 => vec(any::<u8>(), 1..3),
        ], 0..12),
        country in prop_oneof![Just("GB"), Just("US"), Just("DE"), Just("AR"), Just("IT")],
    ) {
        let bytes = [before, pieces.concat()].concat();
        let text = text_of(&bytes);
        let fast = phone::read_bytes(&bytes, Country::parse(country));
        prop_assert_eq!(fast, Reference::new(phone::territories()).read(&text, Some(country)));
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
