//! `matchkey hash`: customer lists in, match keys out.
//!
//! In: arguments. Out: one record for each row with a usable primary identifier, in input order;
//! rejects and a report where they are asked for. `row` counts over all inputs.

use crate::args::{HashArguments, engine};
use crate::failure::{Failure, grouped, say};
use crate::input::{Input, open_all};
use crate::layout::{Layout, Places, Records};
use crate::progress::Progress;
use crate::report::{Outcome, Rejects, recognition};
use crate::target::{Target, clean_up_on_signals};
use matchkey::{Batch, Counts, Engine, Options, Summary};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Runs the command.
pub(crate) fn run(arguments: &HashArguments) -> Result<(), Failure> {
    let start = Instant::now();
    check_paths(arguments)?;
    let engine = engine(options(arguments))?;
    let mut inputs = open_all(&engine, &arguments.inputs)?;
    if !arguments.quiet {
        for input in &inputs {
            say(&recognition(input));
        }
    }
    clean_up_on_signals();
    let layout = Layout::new(&arguments.keep, &inputs);
    let mut delivery = Delivery::start(arguments, &layout)?;
    let bytes: Option<u64> = inputs.iter().map(|input| input.bytes).sum();
    let progress = Progress::start(bytes, arguments.quiet);
    for input in &mut inputs {
        deliver(&engine, input, &layout, &mut delivery, &progress)?;
    }
    drop(progress);
    let outcome =
        Outcome { counts: delivery.counts, summary: delivery.summary, elapsed: start.elapsed() };
    let is_useful = outcome.counts.matched > 0;
    if is_useful {
        delivery.records.finish()?;
    }
    if let Some(rejects) = delivery.rejects {
        is_wanted(rejects.finish())?;
    }
    if let Some(mut target) = delivery.report {
        let report = outcome.report(arguments, &inputs);
        let written = writeln!(target, "{report:#}").map_err(|error| target.failure(&error));
        is_wanted(written.and_then(|()| target.finish()))?;
    }
    if !arguments.quiet {
        say(&outcome.summary());
    }
    match (is_useful, outcome.counts.total) {
        (true, _) => Ok(()),
        (false, 0) => Err(Failure::Refused("no row: only a header (no_rows)".into())),
        (false, total) => Err(Failure::Refused(format!(
            "no usable row among {}; no output was made. See why: --rejects FILE",
            grouped(total)
        ))),
    }
}

fn options(arguments: &HashArguments) -> Options {
    let options = arguments.reading.apply(arguments.rules.options());
    let mut options = options.platforms(arguments.platform.iter().copied());
    if arguments.rejects_values {
        options = options.keep_rejected();
    }
    arguments.keep.iter().fold(options, |options, header| options.keep(header))
}

/// Everything that is written, and what it adds up to.
struct Delivery {
    records: Records,
    rejects: Option<Rejects>,
    report: Option<Target>,
    kept: usize,
    counts: Counts,
    summary: Summary,
}

impl Delivery {
    fn start(arguments: &HashArguments, layout: &Layout) -> Result<Delivery, Failure> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(Target::create).transpose();
        let output = match create(&arguments.output)? {
            Some(target) => target,
            None => Target::stdout()?,
        };
        let rejects = match create(&arguments.rejects)? {
            Some(target) => Some(Rejects::start(target, arguments.rejects_values)?),
            None => None,
        };
        Ok(Delivery {
            records: Records::start(output, arguments.format, layout.names())?,
            rejects,
            report: create(&arguments.report)?,
            kept: arguments.keep.len(),
            counts: Counts::default(),
            summary: Summary::default(),
        })
    }

    /// Writes a batch; says how many records that made.
    fn take(
        &mut self,
        batch: &Batch,
        input: &str,
        rows_before: u64,
        places: &Places,
    ) -> Result<u64, Failure> {
        let mut written = 0;
        for row in batch.rows() {
            let number = rows_before + row.number();
            if row.is_usable() {
                self.records.write(number, self.kept, row, places)?;
                written += 1;
            }
            if let Some(rejects) = &mut self.rejects
                && !is_wanted(rejects.write(input, number, row))?
            {
                self.rejects = None;
            }
        }
        Ok(written)
    }
}

/// False if nobody reads this output any more. That ends the output, not the run: the keys are
/// what the run is for.
fn is_wanted(written: Result<(), Failure>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        Err(Failure::ClosedPipe) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Runs one input to its end.
fn deliver(
    engine: &Engine,
    input: &mut Input,
    layout: &Layout,
    delivery: &mut Delivery,
    progress: &Progress,
) -> Result<(), Failure> {
    let before = delivery.counts;
    let mut run = input.take(engine)?.run().map_err(|error| Failure::of(&input.name, &error))?;
    let tally = run.tally();
    let places = layout.places(run.columns());
    loop {
        let batch = run.next_batch().map_err(|error| Failure::of(&input.name, &error))?;
        let Some(batch) = batch else { break };
        let written = delivery.take(&batch, &input.name, before.total, &places)?;
        tally.delivered(written);
        let counts = tally.counts();
        progress.show(before.input_bytes + counts.input_bytes, before.processed + counts.processed);
    }
    let counts = tally.counts();
    delivery.counts = Counts {
        total: before.total + counts.total,
        processed: before.processed + counts.processed,
        matched: before.matched + counts.matched,
        input_bytes: before.input_bytes + counts.input_bytes,
    };
    delivery.summary.add(run.summary());
    Ok(())
}

/// Where a path leads, whether it is there yet or not.
fn place(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default();
    let resolved = path.canonicalize().or_else(|_| Ok(folder.canonicalize()?.join(name)));
    resolved.unwrap_or_else(|_: std::io::Error| path.to_owned())
}

/// A pipe, a device or standard output: several outputs may go there.
fn is_device(path: &Path) -> bool {
    path.as_os_str() == "-" || path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

/// Refuses outputs that would write over an input or over each other.
fn check_paths(arguments: &HashArguments) -> Result<(), Failure> {
    let outputs = [&arguments.output, &arguments.rejects, &arguments.report];
    let outputs: Vec<_> = outputs.into_iter().flatten().collect();
    for (index, output) in outputs.iter().enumerate() {
        let is_file = !is_device(output);
        let is_same =
            |other: &&&PathBuf| is_file && !is_device(other) && place(other) == place(output);
        if outputs[..index].iter().any(|other| is_same(&other)) {
            let text = format!("{}: named for two outputs", output.display());
            return Err(Failure::Usage(text));
        }
        if output.is_dir() {
            return Err(Failure::Usage(format!("{}: is a folder", output.display())));
        }
        let Ok(target) = output.metadata() else { continue };
        let is_target = |input: &&PathBuf| {
            let same = |m: std::fs::Metadata| (m.dev(), m.ino()) == (target.dev(), target.ino());
            let metadata = match input.as_os_str() == "-" {
                true => std::io::stdin()
                    .as_fd()
                    .try_clone_to_owned()
                    .and_then(|stdin| std::fs::File::from(stdin).metadata()),
                false => input.metadata(),
            };
            target.is_file() && metadata.is_ok_and(same)
        };
        if arguments.inputs.iter().any(|input| is_target(&input)) {
            let text = format!("{}: is an input as well as an output", output.display());
            return Err(Failure::Usage(text));
        }
    }
    Ok(())
}
