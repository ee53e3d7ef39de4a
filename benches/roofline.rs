//! Where a run's CPU time goes: each stage alone, at the least it costs, beside the whole.
//!
//! In: a seeded list of eight short columns (`ROWS` sets how many rows; with `--test` few), the
//! binary. Out: for each stage its nanoseconds a row and its share of the run, file to file; what
//! is not explained by any; what more threads would bring. Counts are checked, times are not.
//!
//! The stages are what nothing can be left out of: reading the file, finding every field, making
//! e-mails and phones canonical (through the public interface), SHA-256, spelling the keys, taking
//! the records over from the thread that made them, writing them. CPU times of one thread each; the
//! least of several passes.

#![allow(clippy::print_stdout, reason = "it is there to print")]

mod customers;

use cpu_time::ThreadTime;
use customers::{Shape, write_csv};
use matchkey::kernel::{Kernel, digest_many, find_fields};
use matchkey::normalize::{Country, Normalizer, Outcome};
use matchkey::platform::Encoding;
use matchkey::{Digest, Engine, Form, Identifier, Options};
use rustix::fs::OFlags;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

const SEED: u64 = 1;
const PASSES: usize = 5;
const THREADS: usize = 2;
const BLOCK: usize = 256 << 10;

type Outcomes<T> = Result<T, Box<dyn Error>>;

/// One stage: its name, and its nanoseconds a row.
type Stage = (&'static str, f64);

fn main() -> Outcomes<()> {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let rows = match std::env::var("ROWS") {
        Ok(rows) => rows.parse()?,
        Err(_) if is_test => 20_000,
        Err(_) => 2_000_000,
    };
    let folder = tempfile::tempdir_in(std::env::temp_dir())?;
    let path = folder.path().join("list.csv");
    let mut file = BufWriter::new(File::create(&path)?);
    write_csv(&mut file, Shape::Slim, rows, SEED)?;
    file.into_inner()?.sync_all()?;
    let bench = Bench { rows, path: &path, list: std::fs::read(&path)? };
    println!("{rows} rows of {} bytes, 8 columns", bench.list.len() / rows);
    let [reading, cutting] = bench.serial()?;
    let mut stages = vec![("read the file", reading), ("find every field", bench.fields()?)];
    let (messages, normalizing) = bench.normalize()?;
    stages.extend(normalizing);
    let (digests, hashing) = bench.hash(&messages)?;
    stages.push(hashing);
    stages.extend(bench.spell(&digests, folder.path())?);
    let whole = bench.whole(folder.path())?;
    let writing = stages.iter().rev().take(2).map(|(_, time)| time).sum();
    report(&stages, &whole, [reading + cutting, writing]);
    Ok(())
}

/// A list, in a file and in memory.
struct Bench<'a> {
    rows: usize,
    path: &'a Path,
    list: Vec<u8>,
}

/// Canonical identifiers, end to end, and where each ends.
#[derive(Default)]
struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Bench<'_> {
    /// The least CPU time of a piece of work, in nanoseconds a row.
    fn least(&self, mut work: impl FnMut() -> Outcomes<()>) -> Outcomes<f64> {
        let mut least = f64::INFINITY;
        for _ in 0..PASSES {
            let start = ThreadTime::try_now()?;
            work()?;
            least = least.min(start.try_elapsed()?.as_nanos() as f64 / self.rows as f64);
        }
        Ok(least)
    }

    /// Reading alone; cutting and counting alone, which is all that one thread has to do.
    fn serial(&self) -> Outcomes<[f64; 2]> {
        let mut block = vec![0; BLOCK];
        let reading = self.least(|| {
            let (mut file, mut bytes) = (File::open(self.path)?, 0);
            loop {
                match file.read(&mut block)? {
                    0 => break,
                    read => bytes += read,
                }
            }
            assert_eq!(bytes, self.list.len());
            Ok(())
        })?;
        let engine = Engine::new(Options::new().threads(1))?;
        let both = self.least(|| {
            let (end, is_end) = engine.open(File::open(self.path)?)?.count(|| true)?;
            assert!(is_end && end.position().row == self.rows as u64);
            Ok(())
        })?;
        Ok([reading, (both - reading).max(0.0)])
    }

    fn fields(&self) -> Outcomes<f64> {
        self.least(|| {
            let fields = find_fields(&self.list, b',');
            assert_eq!(fields, 8 * (self.rows as u64 + 1));
            Ok(())
        })
    }

    fn normalize(&self) -> Outcomes<(Messages, [Stage; 2])> {
        let mut normalizer = Normalizer::new(&Options::new());
        let country = Country::parse("US");
        let mut all = Messages::default();
        let mut stage = |name, identifier, header: &str| -> Outcomes<Stage> {
            let cells = self.column(header)?;
            let mut found = Messages::default();
            let time = self.least(|| {
                found.bytes.clear();
                found.ends.clear();
                let mut start = 0;
                for end in &cells.ends {
                    let cell = &cells.bytes[start..*end];
                    let (form, out) = (Form::Generic, &mut found.bytes);
                    if normalizer.normalize(identifier, form, cell, country, out) == Outcome::Usable
                    {
                        found.ends.push(found.bytes.len());
                    }
                    start = *end;
                }
                Ok(())
            })?;
            assert!(found.ends.len() > self.rows / 2, "{identifier}");
            let before = all.bytes.len();
            all.bytes.extend_from_slice(&found.bytes);
            all.ends.extend(found.ends.iter().map(|end| before + end));
            Ok((name, time))
        };
        let stages = [
            stage("make e-mails canonical", Identifier::Email, "Email")?,
            stage("make phones canonical", Identifier::Phone, "Phone")?,
        ];
        Ok((all, stages))
    }

    /// The cells of one column.
    fn column(&self, header: &str) -> Outcomes<Messages> {
        let mut reader = csv::Reader::from_reader(&self.list[..]);
        let at = reader.byte_headers()?.iter().position(|name| name == header.as_bytes());
        let at = at.ok_or("no such column")?;
        let mut cells = Messages::default();
        for record in reader.byte_records() {
            cells.bytes.extend_from_slice(record?.get(at).unwrap_or_default());
            cells.ends.push(cells.bytes.len());
        }
        assert_eq!(cells.ends.len(), self.rows);
        Ok(cells)
    }

    fn hash(&self, messages: &Messages) -> Outcomes<(Vec<[u8; 32]>, Stage)> {
        const BATCH: usize = 6_400;
        let kernel = Kernel::Auto.detect().ok_or("no kernel")?;
        let (mut digests, mut all) = (Vec::new(), Vec::new());
        let time = self.least(|| {
            all.clear();
            let mut start = 0;
            for ends in messages.ends.chunks(BATCH) {
                let end = ends.last().copied().unwrap_or(start);
                let own: Vec<usize> = ends.iter().map(|end| end - start).collect();
                digest_many(kernel, &messages.bytes[start..end], &own, &mut digests);
                all.extend_from_slice(black_box(&digests));
                start = end;
            }
            Ok(())
        })?;
        assert_eq!(all.len(), messages.ends.len());
        assert_eq!(&all[0], Digest::of(&messages.bytes[..messages.ends[0]]).as_bytes());
        Ok((all, ("SHA-256", time)))
    }

    /// Spelling the keys, copying what they and the row numbers take, and writing that.
    fn spell(&self, digests: &[[u8; 32]], folder: &Path) -> Outcomes<[Stage; 3]> {
        let key = Digest::of(b"a key");
        let mut block = Vec::with_capacity(BLOCK + 100);
        let spelling = self.least(|| {
            for _ in digests {
                if block.len() >= BLOCK {
                    black_box(&block);
                    block.clear();
                }
                black_box(key).write(Encoding::Hex, &mut block);
            }
            Ok(())
        })?;
        // `row,` and the keys, each with its comma or line end.
        let bytes = digests.len() * 65 + self.rows * 8;
        let taking = self.taking_over(bytes)?;
        let writing = self.writing(bytes, &folder.join("written"))?;
        Ok([
            ("spell the keys", spelling),
            ("take the records over", taking),
            ("write the file", writing),
        ])
    }

    /// A copy of what another thread has just made: it is far from this one's processor.
    fn taking_over(&self, bytes: usize) -> Outcomes<f64> {
        const IN_FLIGHT: usize = 3;
        let mut to = vec![0; BLOCK];
        self.least(|| {
            let (made, arrived) = std::sync::mpsc::sync_channel::<Vec<u8>>(IN_FLIGHT);
            let (used, spare) = std::sync::mpsc::channel();
            let blocks = bytes / BLOCK;
            let maker = std::thread::spawn(move || {
                for number in 0..blocks {
                    let mut block: Vec<u8> = spare.try_recv().unwrap_or_default();
                    block.clear();
                    block.resize(BLOCK, number as u8);
                    if made.send(block).is_err() {
                        return;
                    }
                }
            });
            let mut taken = 0;
            for block in arrived {
                to.copy_from_slice(&block);
                black_box(&to);
                taken += 1;
                // The maker may have made its last.
                let _ = used.send(block);
            }
            assert!(taken == blocks && maker.join().is_ok());
            Ok(())
        })
    }

    /// The cheaper of two ways: through the page cache, and past it.
    fn writing(&self, bytes: usize, path: &Path) -> Outcomes<f64> {
        const ALIGNMENT: usize = 4 << 10;
        const DIRECT: usize = 1 << 20;
        let memory = vec![b'x'; DIRECT + ALIGNMENT];
        let from = &memory[memory.as_ptr().align_offset(ALIGNMENT)..][..DIRECT];
        let write = |flags: OFlags| {
            self.least(|| {
                let mut options = OpenOptions::new();
                options.write(true).create(true).truncate(true);
                let mut file = options.custom_flags(flags.bits() as i32).open(path)?;
                for _ in 0..bytes / DIRECT {
                    file.write_all(from)?;
                }
                file.sync_all()?;
                std::fs::remove_file(path)?;
                Ok(())
            })
        };
        let cached = write(OFlags::empty())?;
        // Not every file system has the other way.
        Ok(write(OFlags::DIRECT).map_or(cached, |direct| direct.min(cached)))
    }

    /// The binary, from file to file: CPU and wall time in nanoseconds a row, by threads.
    fn whole(&self, folder: &Path) -> Outcomes<Vec<(usize, f64, f64)>> {
        let mut whole = Vec::new();
        for threads in 1..=THREADS {
            let (mut cpu, mut wall) = (f64::INFINITY, f64::INFINITY);
            for _ in 0..PASSES {
                let keys = folder.join("keys.csv");
                let before = of_children()?;
                let start = std::time::Instant::now();
                let status = Command::new(env!("CARGO_BIN_EXE_matchkey"))
                    .args(["hash", "--country", "US", "--quiet", "--threads"])
                    .arg(threads.to_string())
                    .arg(self.path)
                    .arg("-o")
                    .arg(&keys)
                    .status()?;
                let elapsed = start.elapsed().as_nanos() as f64;
                assert!(status.success());
                cpu = cpu.min((of_children()? - before) / self.rows as f64);
                wall = wall.min(elapsed / self.rows as f64);
                let records = std::fs::read(&keys)?;
                let lines = memchr::memchr_iter(b'\n', &records).count();
                assert!(lines > self.rows * 9 / 10 && lines <= self.rows + 1);
                std::fs::remove_file(&keys)?;
            }
            whole.push((threads, cpu, wall));
        }
        Ok(whole)
    }
}

/// The CPU time of all processes that were waited for, in nanoseconds; counted in hundredths of a
/// second.
fn of_children() -> Outcomes<f64> {
    const TICK_NANOS: f64 = 1e7;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // proc(5): cutime and cstime are the 16th and 17th field; the name is the second.
    let ticks: Vec<f64> = fields.skip(13).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() * TICK_NANOS)
}

fn report(stages: &[Stage], whole: &[(usize, f64, f64)], serial: [f64; 2]) {
    let Some(&(threads, cpu, wall)) = whole.last() else { return };
    let sum: f64 = stages.iter().map(|(_, time)| time).sum();
    println!("\n{:<26} {:>8} {:>8}", "stage alone, one thread", "ns/row", "share");
    for (name, time) in stages {
        println!("{name:<26} {time:>8.1} {:>7.1} %", 100.0 * time / cpu);
    }
    println!("{:<26} {sum:>8.1} {:>7.1} %", "all of them", 100.0 * sum / cpu);
    println!("{:<26} {:>8.1} {:>7.1} %", "not explained", cpu - sum, 100.0 * (cpu - sum) / cpu);
    for (threads, cpu, wall) in whole {
        println!("\nfile to file, {threads} threads: CPU {cpu:.1} ns/row, wall {wall:.1} ns/row");
    }
    println!("the run's CPU time is {:.2} times the sum of its stages", cpu / sum);
    if let [(_, _, one), .., (_, _, more)] = whole {
        println!("{threads} threads take {:.2} times less wall time than one", one / more);
    }
    // The reader and the writer work beside the workers: neither can be spread.
    let [reader, writer] = serial;
    println!(
        "\nserial, each on a thread of its own: read and cut {reader:.1} ns/row, take over and \
         write {writer:.1} ns/row"
    );
    let (limit, spread) = (reader.max(writer), (cpu - reader - writer).max(0.0));
    for threads in [2.0, 8.0, 32.0, 64.0_f64] {
        // Fewer cores than threads: the two share them with the workers.
        let time = limit.max((spread + reader + writer) / threads);
        let rate = 1e3 / time;
        let bound = if time > limit { "the workers" } else { "the serial part" };
        println!("{threads:>3} cores: at most {rate:.1} M rows/s, bound by {bound}");
    }
    println!("here, {threads} cores: {:.1} M rows/s", 1e3 / wall);
    println!("counting ahead: {:.1} % of the run's CPU time", 100.0 * reader / cpu);
}
