//! Each stage alone, on one thread, so that a whole run can be explained: cutting and reading
//! without identifiers to normalize, the `csv` crate by itself, each identifier's normalization,
//! SHA-256, writing records.
//!
//! In: seeded lists. Out: criterion's figures for each row or value; counts are checked.

mod customers;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use customers::{Shape, csv as list};
use matchkey::kernel::{Kernel, digest_many};
use matchkey::normalize::{Country, Normalizer, Outcome};
use matchkey::platform::Encoding;
use matchkey::{Digest, Engine, Form, Identifier, Options};
use sha2::{Digest as _, Sha256};
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

/// Messages of 20 to 55 bytes, as keys of people mostly are, end to end, and where each ends.
fn messages() -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends, mut state) = (Vec::new(), Vec::new(), SEED);
    for _ in 0..ROWS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let length = 20 + (state >> 33) as usize % 36;
        bytes.extend((0..length).map(|at| b'a' + (state >> at & 15) as u8));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

#[allow(clippy::print_stderr, reason = "what is not measured is said")]
fn hashing(criterion: &mut Criterion) {
    let (bytes, ends) = messages();
    let one_by_one = |digests: &mut Vec<[u8; 32]>| {
        digests.clear();
        let mut start = 0;
        for &end in &ends {
            digests.push(Sha256::digest(&bytes[start..end]).into());
            start = end;
        }
    };
    let (mut expected, mut digests) = (Vec::new(), Vec::new());
    one_by_one(&mut expected);
    let mut group = criterion.benchmark_group("SHA-256 of 20 to 55 bytes");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("sha2, one at a time", |bencher| {
        bencher.iter(|| one_by_one(black_box(&mut digests)));
    });
    for kernel in Kernel::ALL {
        let Some(detected) = kernel.detect() else {
            eprintln!("{kernel}: this processor cannot run it");
            continue;
        };
        digest_many(detected, &bytes, &ends, &mut digests);
        assert!(digests == expected, "{kernel}");
        group.bench_function(kernel.name(), |bencher| {
            bencher.iter(|| digest_many(detected, &bytes, &ends, black_box(&mut digests)));
        });
    }
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
