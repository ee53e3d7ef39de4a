//! Phone numbers: ours against another port of libphonenumber, on one thread and inside a worker.
//!
//! In: `testdata/vectors/phones_dev.csv`, as clean numbers and as a mix such as customer lists have
//! (96 % plain, 3 % with letters or extensions, 1 % not ASCII). Out: criterion's figures a number,
//! in CPU time of the thread; the ratio is what counts. Counts are checked.

use cpu_time::ThreadTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use matchkey::normalize::Country;
use matchkey::normalize::phone::Reader;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};
use std::hint::black_box;
use std::time::Duration;

/// CPU time of the thread that measures: what other processes do is of no matter.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = ThreadTime;
    type Value = Duration;

    fn start(&self) -> ThreadTime {
        ThreadTime::now()
    }

    fn end(&self, start: ThreadTime) -> Duration {
        start.elapsed()
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// A cell, its country, and whether libphonenumber calls it valid.
type Row = (Vec<u8>, String, bool);

fn rows() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/phones_dev.csv");
    let records = csv::Reader::from_path(path).into_iter().flat_map(|r| r.into_byte_records());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    records.flatten().map(|it| (it[0].to_vec(), text(&it[1]), &it[4] == b"1")).collect()
}

fn is_plain(cell: &[u8]) -> bool {
    cell.iter().all(|byte| byte.is_ascii_digit() || b" +-()./".contains(byte))
}

/// Valid numbers without letters.
fn clean() -> Vec<Row> {
    rows().into_iter().filter(|(cell, _, is_valid)| *is_valid && is_plain(cell)).collect()
}

/// What lists hold, in a fixed order.
fn mixed() -> Vec<Row> {
    let (plain, odd): (Vec<Row>, Vec<Row>) = rows().into_iter().partition(|row| is_plain(&row.0));
    let (ascii, other): (Vec<Row>, Vec<Row>) = odd.into_iter().partition(|row| row.0.is_ascii());
    let (mut ascii, mut other) = (ascii.into_iter(), other.into_iter());
    let of_hundred = |(index, row): (usize, Row)| match index % 100 {
        33 | 66 | 99 => ascii.next().unwrap_or(row),
        50 => other.next().unwrap_or(row),
        _ => row,
    };
    plain.into_iter().enumerate().map(of_hundred).collect()
}

/// Cells end to end, as they stand in a file.
struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    fn new(rows: &[Row]) -> Cells {
        let mut cells = Cells { text: String::new(), ends: Vec::new() };
        for (cell, ..) in rows {
            cells.text += &String::from_utf8_lossy(cell);
            cells.ends.push(cells.text.len());
        }
        cells
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| &self.text[std::mem::replace(&mut start, *end)..*end])
    }
}

fn ours(reader: &mut Reader, cells: &Cells, countries: &[Option<Country>]) -> usize {
    let rows = cells.iter().zip(countries);
    rows.filter(|(cell, country)| reader.read(cell.as_bytes(), **country).is_valid()).count()
}

fn theirs(cells: &Cells, regions: &[Option<Region>]) -> usize {
    let read = |(text, region): &(&str, &Option<Region>)| {
        let Ok(number) = PHONE_NUMBER_UTIL.parse(text, **region) else { return false };
        let _ = black_box(PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number));
        black_box(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164));
        PHONE_NUMBER_UTIL.is_valid_number(&number)
    };
    cells.iter().zip(regions).filter(read).count()
}

fn reading(criterion: &mut Criterion<CpuTime>) {
    for (name, rows) in [("clean", clean()), ("mixed", mixed())] {
        let expected = rows.iter().filter(|row| row.2).count();
        assert!(expected > rows.len() / 2);
        let country = |code: &str| Country::parse(code).filter(|_| code != "001");
        let cells = Cells::new(&rows);
        let countries: Vec<_> = rows.iter().map(|row| country(&row.1)).collect();
        let regions: Vec<_> = rows.iter().map(|row| Region::try_from(&*row.1).ok()).collect();
        let mut group = criterion.benchmark_group(format!("phones/{name}"));
        group.throughput(Throughput::Elements(rows.len() as u64));
        let mut reader = Reader::new();
        group.bench_function("matchkey", |bencher| {
            bencher.iter(|| assert_eq!(ours(&mut reader, &cells, &countries), expected));
        });
        if let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build() {
            group.bench_function("matchkey in a rayon worker", |bencher| {
                pool.install(|| {
                    let mut reader = Reader::new();
                    bencher.iter(|| assert_eq!(ours(&mut reader, &cells, &countries), expected));
                });
            });
        }
        group.bench_function("rlibphonenumber", |bencher| {
            bencher.iter(|| assert_eq!(theirs(&cells, &regions), expected));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = reading
}
criterion_main!(benches);
