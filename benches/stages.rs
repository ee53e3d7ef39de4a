//! Each stage alone, on one thread, so that a whole run can be explained: cutting and reading
//! without identifiers to normalize, the `csv` crate by itself, each identifier's normalization,
//! SHA-256, writing records.
//!
//! In: seeded lists. Out: criterion's figures for each row or value; counts are checked.

mod customers;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use customers::{Shape, csv as list};
use matchkey::normalize::{Country, Normalizer, Outcome};
use matchkey::platform::Encoding;
use matchkey::{Digest, Engine, Form, Identifier, Options};
use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

const ROWS: usize = 20_000;
const SEED: u64 = 1;

/// The cells of one column of the mixed list.
fn column(header: &str) -> Vec<Vec<u8>> {
    let list = list(Shape::Mixed, ROWS, SEED);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&list[..]);
    let headers = reader.byte_headers().cloned().unwrap_or_default();
    let at = headers.iter().position(|name| name == header.as_bytes()).unwrap_or_default();
    let records = reader.byte_records().flatten();
    records.map(|record| record.get(at).unwrap_or_default().to_vec()).collect()
}

fn reading(criterion: &mut Criterion) {
    let list = list(Shape::Mixed, ROWS, SEED);
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("csv crate alone", |bencher| {
        bencher.iter(|| {
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&list[..]);
            let mut record = csv::ByteRecord::new();
            let mut rows = 0;
            while reader.read_byte_record(&mut record).unwrap_or(false) {
                rows += 1;
            }
            assert_eq!(rows, ROWS);
        });
    });
    // A column of blanks for the identifier: nothing to normalize, nothing to hash.
    let options = Options::new().threads(1).map(Identifier::Madid, "Notes");
    let mut options = options.map(Identifier::Email, "#13").map(Identifier::Phone, "#13");
    let others = Identifier::ALL.into_iter().filter(|field| *field <= Identifier::Ltv);
    for field in others.filter(|field| !field.is_primary()) {
        options = options.map(field, "#13");
    }
    if let Ok(engine) = Engine::new(options) {
        group.bench_function("cut, read, one column 13 times", |bencher| {
            bencher.iter(|| {
                let run = engine.run(Cursor::new(list.clone()));
                let counts = run.and_then(|mut run| {
                    while let Some(batch) = run.next_batch()? {
                        black_box(batch.len());
                    }
                    Ok(run.tally().counts())
                });
                assert_eq!(counts.map(|counts| counts.processed).ok(), Some(ROWS as u64));
            });
        });
    }
}

fn normalizing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalize");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (identifier, header) in [
        (Identifier::Email, "E-mail Address"),
        (Identifier::Phone, "Phone Number"),
        (Identifier::FirstName, "First Name"),
        (Identifier::City, "City"),
        (Identifier::State, "State"),
        (Identifier::Zip, "Postal Code"),
        (Identifier::Country, "Country"),
        (Identifier::Dob, "Date of Birth"),
        (Identifier::Gender, "Gender"),
    ] {
        let cells = column(header);
        let country = Country::parse("US");
        let mut normalizer = Normalizer::new(&Options::new());
        let mut out = Vec::new();
        let mut usable = || {
            out.clear();
            let mut usable = 0;
            for cell in &cells {
                let outcome =
                    normalizer.normalize(identifier, Form::Generic, cell, country, &mut out);
                let is_usable = matches!(outcome, Outcome::Usable | Outcome::Prehashed(_));
                usable += usize::from(is_usable);
            }
            usable
        };
        let expected = usable();
        assert!(expected > ROWS / 4, "{identifier}: {expected}");
        group.bench_function(identifier.name(), |bencher| {
            bencher.iter(|| assert_eq!(usable(), expected));
        });
    }
}

fn hashing(criterion: &mut Criterion) {
    let mut normalizer = Normalizer::new(&Options::new());
    let mut messages = Vec::new();
    for cell in column("E-mail Address") {
        let mut out = Vec::new();
        let outcome = normalizer.normalize(Identifier::Email, Form::Generic, &cell, None, &mut out);
        if outcome == Outcome::Usable {
            messages.push(out);
        }
    }
    assert!(messages.len() > ROWS / 2);
    let mut group = criterion.benchmark_group("hash");
    group.throughput(Throughput::Elements(messages.len() as u64));
    group.bench_function("SHA-256 of an e-mail", |bencher| {
        bencher.iter(|| {
            let hashed = messages.iter().fold(0, |hashed, message| {
                black_box(Digest::of(message));
                hashed + 1
            });
            assert_eq!(hashed, messages.len());
        });
    });
}

fn writing(criterion: &mut Criterion) {
    let digest = Digest::of(b"a message");
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("CSV record of a number and two keys", |bencher| {
        bencher.iter(|| {
            let mut writer = csv::Writer::from_writer(Vec::with_capacity(ROWS * 140));
            for row in 0..ROWS {
                let number = row.to_string();
                let (a, b) = (digest.text(Encoding::Hex), digest.text(Encoding::Hex));
                assert!(writer.write_record([number, a, b]).is_ok());
            }
            let bytes = writer.into_inner().map(|written| written.len());
            assert!(bytes.is_ok_and(|bytes| bytes > ROWS * 131));
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = reading, normalizing, hashing, writing
}
criterion_main!(benches);
