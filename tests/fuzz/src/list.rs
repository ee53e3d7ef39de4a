//! Coverage-guided fuzzing of a whole list: any bytes, read twice in different bites.
//!
//! In: a byte that chooses options, then the list. Out: a crash if anything panics, if the counts
//! disagree, or if threads, chunks or reads change what comes out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matchkey::{Engine, Header, Options};
use std::cell::LazyCell;
use std::io::{Cursor, Read};

/// Gives a few bytes at once.
struct Bites(Cursor<Vec<u8>>, usize);

impl Read for Bites {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

thread_local! {
    /// For each choice of options an engine with one thread and large chunks, and one with two
    /// threads and tiny ones. Starting threads for each input would take most of the time.
    static ENGINES: LazyCell<Vec<[Engine; 2]>> = LazyCell::new(|| {
        [Header::Auto, Header::Yes, Header::No]
            .into_iter()
            .flat_map(|header| {
                [1 << 20, 40].map(|record_bytes_max| {
                    let options = Options::new()
                        .country("US")
                        .header(header)
                        .record_bytes_max(record_bytes_max)
                        .allow_no_identifier()
                        .keep_records();
                    let small = options.clone().threads(2).chunk_bytes(7).read_bytes(3);
                    [options.threads(1), small].map(|options| Engine::new(options).unwrap())
                })
            })
            .collect()
    });
}

/// All that comes of a list.
type Outcome = (Vec<String>, Option<String>);

fn read(engine: &Engine, list: &[u8], bite: usize) -> Outcome {
    let code = |error: matchkey::Error| error.kind().code().to_owned();
    let mut run = match engine.run(Bites(Cursor::new(list.to_vec()), bite)) {
        Ok(run) => run,
        Err(error) => return (Vec::new(), Some(code(error))),
    };
    let mut rows = Vec::new();
    let error = loop {
        match run.next_batch() {
            Ok(Some(batch)) => {
                for row in batch.rows() {
                    let fields: Vec<&[u8]> = row.fields().collect();
                    let digests: Vec<_> = row.candidates().map(|it| it.digest).collect();
                    rows.push(format!(
                        "{:?} {fields:?} {digests:?} {:?}",
                        row.position(),
                        row.problem()
                    ));
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(code(error)),
        }
    };
    let counts = run.tally().counts();
    assert_eq!(counts.processed, rows.len() as u64);
    assert_eq!(counts.total, counts.processed);
    let summary = run.summary();
    assert_eq!(summary.total_rows(), counts.total);
    rows.extend(summary.samples().map(|sample| format!("{sample:?}")));
    (rows, error)
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, list)) = data.split_first() else { return };
    ENGINES.with(|engines| {
        let [large, small] = &engines[usize::from(*choice) % engines.len()];
        let bite = 1 + usize::from(*choice) % 13;
        let (one, other) = (read(large, list, usize::MAX), read(small, list, bite));
        assert_eq!(one.1, other.1);
        // How much of a damaged archive comes out before the damage is seen depends on the reads.
        if one.1.is_none() {
            assert_eq!(one.0, other.0);
        }
    });
});
