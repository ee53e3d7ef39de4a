//! Whole runs: lists of several shapes through the engine, in rows and in bytes a second.
//!
//! In: seeded lists. Out: criterion's figures; every run's counters are checked against the list.
//! `threads` shows what the second core brings, `chunk` what the size of a chunk matters,
//! `platforms` what more platforms cost in the same pass, `damaged` what rows cost whose quotes do
//! not add up or that are ragged, beside the clean list; `packed` what unpacking costs.

mod customers;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use customers::{Shape, csv};
use matchkey::{Engine, Options, Platform};
use std::hint::black_box;
use std::io::{Cursor, Write};
use std::time::Duration;

const ROWS: usize = 20_000;
const SEED: u64 = 1;
const SHAPES: [Shape; 5] = [Shape::Lean, Shape::Wide, Shape::Quoted, Shape::Dirty, Shape::Mixed];

/// Runs a list to its end; the number of rows must be the list's, and so must the usable ones be
/// in every run.
fn run(engine: &Engine, list: &[u8], usable: Option<u64>) -> u64 {
    let checked = || -> Result<u64, matchkey::Error> {
        let mut run = engine.run(Cursor::new(list.to_vec()))?;
        while let Some(batch) = run.next_batch()? {
            black_box(batch.rows().flat_map(|row| row.candidates()).count());
        }
        assert_eq!(run.tally().counts().processed, ROWS as u64);
        Ok(run.summary().usable_rows())
    };
    let found = checked().unwrap_or_default();
    assert!(found > 0 && usable.is_none_or(|usable| usable == found));
    found
}

fn engine(options: Options) -> Option<Engine> {
    Engine::new(options.country("US")).ok()
}

fn shapes(criterion: &mut Criterion) {
    for unit in ["rows", "bytes"] {
        let mut group = criterion.benchmark_group(format!("shape/{unit}"));
        for shape in SHAPES {
            let list = csv(shape, ROWS, SEED);
            let Some(engine) = engine(Options::new()) else { continue };
            let usable = run(&engine, &list, None);
            group.throughput(match unit {
                "rows" => Throughput::Elements(ROWS as u64),
                _ => Throughput::Bytes(list.len() as u64),
            });
            group.bench_function(format!("{shape:?}"), |bencher| {
                bencher.iter(|| run(&engine, &list, Some(usable)));
            });
        }
    }
}

fn threads_and_chunks(criterion: &mut Criterion) {
    let list = csv(Shape::Mixed, ROWS, SEED);
    let mut bench = |group: &str, parameter: usize, options: Options| {
        let Some(engine) = engine(options) else { return };
        let usable = run(&engine, &list, None);
        let mut group = criterion.benchmark_group(group);
        group.throughput(Throughput::Elements(ROWS as u64));
        group.bench_function(BenchmarkId::from_parameter(parameter), |bencher| {
            bencher.iter(|| run(&engine, &list, Some(usable)));
        });
    };
    for threads in [1, 2] {
        bench("threads", threads, Options::new().threads(threads));
    }
    for chunk_bytes in [16 << 10, 64 << 10, 256 << 10, 1 << 20] {
        bench("chunk", chunk_bytes, Options::new().chunk_bytes(chunk_bytes));
    }
}

/// What three more platforms cost in the same pass.
fn platforms(criterion: &mut Criterion) {
    let list = csv(Shape::Mixed, ROWS, SEED);
    let mut group = criterion.benchmark_group("platforms");
    group.throughput(Throughput::Elements(ROWS as u64));
    let all = [Platform::Meta, Platform::Google, Platform::TikTok, Platform::Uid2];
    for platforms in [&all[..1], &all] {
        let options = Options::new().platforms(platforms.iter().copied());
        let Some(engine) = engine(options) else { continue };
        let usable = run(&engine, &list, None);
        group.bench_function(BenchmarkId::from_parameter(platforms.len()), |bencher| {
            bencher.iter(|| run(&engine, &list, Some(usable)));
        });
    }
}

/// The same rows, each damaged in one way.
fn damaged(criterion: &mut Criterion) {
    let clean = csv(Shape::Lean, ROWS, SEED);
    let each = |change: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut lines = clean.split_inclusive(|byte| *byte == b'\n');
        let header = lines.next().unwrap_or_default().to_vec();
        lines.fold(header, |mut list, line| {
            list.extend(change(line));
            list
        })
    };
    let mut group = criterion.benchmark_group("damaged");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, list) in [
        ("clean", clean.clone()),
        ("a quote opened in each row", each(&|line| [b"\"", line].concat())),
        ("text behind a quote in each row", each(&|line| [b"\"x\"y", line].concat())),
        ("each row too long", each(&|line| [line.trim_ascii_end(), b",1,2\n"].concat())),
    ] {
        let Some(engine) = engine(Options::new().allow_no_identifier()) else { continue };
        let usable = run(&engine, &list, None);
        group.bench_function(name, |bencher| {
            bencher.iter(|| run(&engine, &list, Some(usable)));
        });
    }
}

/// What unpacking costs.
fn packed(criterion: &mut Criterion) {
    let plain = csv(Shape::Mixed, ROWS, SEED);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let gzip = gzip.write_all(&plain).and_then(|()| gzip.finish()).unwrap_or_default();
    let zstd = zstd::encode_all(&plain[..], 3).unwrap_or_default();
    let mut group = criterion.benchmark_group("packed");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, list) in [("plain", plain), ("gzip", gzip), ("zstd", zstd)] {
        let Some(engine) = engine(Options::new()) else { continue };
        let usable = run(&engine, &list, None);
        group.bench_function(name, |bencher| {
            bencher.iter(|| run(&engine, &list, Some(usable)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = shapes, threads_and_chunks, platforms, damaged, packed
}
criterion_main!(benches);
