//! `matchkey hash`: customer lists in, match keys out.
//!
//! In: arguments. Out: for each platform the records of the rows that it can match, in input order;
//! rejects and a report where they are asked for. `row` counts over all inputs.

use crate::args::{Format, HashArguments, engine};
use crate::failure::{Failure, grouped, say};
use crate::input::{Input, open_all};
use crate::layout::{Layout, Places, Spelling};
use crate::progress::Progress;
use crate::report::{Outcome, Rejects, recognition};
use crate::sheets::{Destination, Sheets, chosen_encoding};
use crate::target::{Folder, Target, clean_up_on_signals};
use matchkey::platform::upload::{self, Records, Upload};
use matchkey::platform::{Encoding, Hash};
use matchkey::{Batch, Columns, Counts, Engine, Options, Platform, Summary};
use std::collections::BTreeSet;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Runs the command.
pub(crate) fn run(arguments: &HashArguments) -> Result<(), Failure> {
    let start = Instant::now();
    let destination = Destination::of(arguments)?;
    check_generic(arguments)?;
    check_paths(arguments, &destination)?;
    let engine = engine(options(arguments)?)?;
    let mut inputs = open_all(&engine, &arguments.inputs)?;
    if !arguments.quiet {
        for input in &inputs {
            say(&recognition(input));
        }
    }
    clean_up_on_signals();
    // Dropped last, when nothing unfinished is in it any more.
    let _folder = match &destination {
        Destination::Folder(path) => Folder::open(path)?,
        _ => None,
    };
    let mut delivery = Delivery::start(arguments, engine.options(), &inputs, &destination)?;
    let bytes: Option<u64> = inputs.iter().map(|input| input.bytes).sum();
    let progress = Progress::start(bytes, arguments.quiet);
    for input in &mut inputs {
        deliver(&engine, input, &mut delivery, &progress)?;
    }
    drop(progress);
    let counts = delivery.counts;
    let summary = std::mem::take(&mut delivery.summary);
    let mut outcome = Outcome { counts, summary, files: Vec::new(), elapsed: start.elapsed() };
    let is_useful = outcome.counts.matched > 0;
    if is_useful {
        if let Some(generic) = delivery.generic
            && outcome.matched(arguments, Platform::Generic) > 0
        {
            generic.stream.finish()?;
            outcome.files.extend(destination.generic_path(arguments.format));
        }
        for sheets in delivery.sheets {
            outcome.files.extend(sheets.finish(&destination)?);
        }
    }
    if let Some((_, stream)) = delivery.rejects {
        is_wanted(stream.finish())?;
    }
    outcome.elapsed = start.elapsed();
    if let Some(mut target) = delivery.report {
        let report = outcome.report(arguments, &engine, &inputs);
        let written = writeln!(target, "{report:#}").map_err(|error| target.failure(&error));
        is_wanted(written.and_then(|()| target.finish()))?;
    }
    if !arguments.quiet {
        say(&outcome.summary(arguments));
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

/// Up to so many platforms chunks have their usual size; beyond that this one.
const PLATFORMS_FEW: usize = 4;
const CHUNK_BYTES_MANY: usize = 64 << 10;

fn options(arguments: &HashArguments) -> Result<Options, Failure> {
    let options = arguments.reading.apply(arguments.rules.options()?)?;
    let mut options = options.platforms(arguments.platform.iter().copied());
    // What is written of the chunks in flight is in memory, for each platform.
    let is_much = arguments.platform.len() > PLATFORMS_FEW;
    if is_much && arguments.reading.chunk_bytes.is_none() {
        options = options.chunk_bytes(CHUNK_BYTES_MANY).read_bytes(CHUNK_BYTES_MANY);
    }
    for choice in &arguments.hash {
        let offers = |platform: &&Platform| {
            let mut keys = platform.keys().iter();
            choice.of == Hash::default() || keys.any(|rule| rule.offered.contains(&choice.of))
        };
        let mut chosen: Vec<Platform> = match choice.platform {
            Some(platform) => vec![platform],
            None => arguments.platform.iter().filter(offers).copied().collect(),
        };
        if chosen.is_empty() {
            // It will say that it does not take it.
            chosen.extend(arguments.platform.first());
        }
        for platform in chosen {
            options = options.hash(platform, choice.of);
        }
    }
    if arguments.rejects_values {
        options = options.keep_rejected();
    }
    Ok(arguments.keep.iter().fold(options, |options, header| options.keep(header)))
}

/// Kept columns and JSON lines are the generic platform's own.
fn check_generic(arguments: &HashArguments) -> Result<(), Failure> {
    let is_generic = arguments.platform.contains(&Platform::Generic);
    let option = match (arguments.keep.is_empty(), arguments.format) {
        (false, _) => "--keep",
        (true, Format::Jsonl) => "--format jsonl",
        (true, Format::Csv) if arguments.rules.phone_alternates => "--phone-alternates",
        (true, Format::Csv) => return Ok(()),
    };
    match is_generic {
        true => Ok(()),
        false => Err(Failure::Usage(format!("{option} is for the platform generic only"))),
    }
}

/// Everything that is written, and what it adds up to.
struct Delivery {
    generic: Option<Generic>,
    sheets: Vec<Sheets>,
    rejects: Option<(Rejects, Stream)>,
    report: Option<Target>,
    counts: Counts,
    summary: Summary,
}

/// The generic keys.
struct Generic {
    layout: Layout,
    spelling: Arc<Spelling>,
    stream: Stream,
}

/// Blocks behind a header.
struct Stream {
    target: Target,
    /// It waits for the first record: a list without usable rows makes no output.
    header: Vec<u8>,
}

impl Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        let header = std::mem::take(&mut self.header);
        let written = self.target.write_all(&header).and_then(|()| self.target.write_all(bytes));
        written.map_err(|error| self.target.failure(&error))
    }

    /// Makes the file appear, with its header if with nothing else.
    fn finish(mut self) -> Result<(), Failure> {
        let written = self.target.write_all(&self.header);
        written.map_err(|error| self.target.failure(&error))?;
        self.target.finish()
    }
}

impl Delivery {
    fn start(
        arguments: &HashArguments,
        options: &Options,
        inputs: &[Input],
        destination: &Destination,
    ) -> Result<Delivery, Failure> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(Target::create).transpose();
        let mut generic = None;
        let mut sheets = Vec::new();
        for (index, platform) in arguments.platform.iter().copied().enumerate() {
            if platform != Platform::Generic {
                sheets.push(Sheets::start(platform, arguments, options, inputs, destination)?);
                continue;
            }
            let encoding = chosen_encoding(platform, arguments)?.unwrap_or(Encoding::Hex);
            let has_alternates = arguments.rules.phone_alternates;
            let layout = Layout::new(&arguments.keep, inputs, index, encoding, has_alternates);
            let target = match destination.generic_path(arguments.format) {
                Some(path) => Target::create(&path)?,
                None => Target::stdout()?,
            };
            let spelling = Spelling::new(arguments.format, arguments.keep.len(), layout.names())?;
            let stream = Stream { target, header: spelling.header() };
            generic = Some(Generic { layout, spelling: Arc::new(spelling), stream });
        }
        let rejects = create(&arguments.rejects)?.map(|target| {
            let rejects = Rejects { has_values: arguments.rejects_values };
            (rejects, Stream { target, header: rejects.header() })
        });
        let report = create(&arguments.report)?;
        let (counts, summary) = (Counts::default(), Summary::default());
        Ok(Delivery { generic, sheets, rejects, report, counts, summary })
    }

    /// What the workers have to do for an input with these columns.
    fn render(&self, columns: &Columns, input: &str) -> Render {
        let sheets = self.sheets.iter().map(|sheets| {
            let upload = Arc::clone(sheets.upload());
            let places = upload.places(columns);
            (upload, places)
        });
        let generic = self
            .generic
            .as_ref()
            .map(|generic| (generic.layout.places(columns), Arc::clone(&generic.spelling)));
        Render {
            generic,
            sheets: sheets.collect(),
            rejects: self.rejects.as_ref().map(|(rejects, _)| *rejects),
            input: input.to_owned(),
            rows_before: self.counts.total,
        }
    }

    /// Writes what was made of a batch.
    fn take(&mut self, rendered: &Rendered) -> Result<(), Failure> {
        if let Some(generic) = &mut self.generic {
            generic.stream.write(&rendered.generic)?;
        }
        for (sheets, records) in self.sheets.iter_mut().zip(&rendered.sheets) {
            sheets.take(records)?;
        }
        if let Some((_, stream)) = &mut self.rejects
            && !is_wanted(stream.write(&rendered.rejects))?
        {
            self.rejects = None;
        }
        Ok(())
    }
}

/// Turns batches into the bytes that are written, on the workers' threads.
struct Render {
    generic: Option<(Places, Arc<Spelling>)>,
    sheets: Vec<(Arc<Upload>, upload::Places)>,
    rejects: Option<Rejects>,
    input: String,
    rows_before: u64,
}

/// A batch's share of each output.
#[derive(Default)]
struct Rendered {
    generic: Vec<u8>,
    /// For each platform each file's.
    sheets: Vec<Vec<Records>>,
    rejects: Vec<u8>,
}

impl Render {
    fn run(&self, batch: &Batch<Rendered>, made: &mut Rendered) {
        let Rendered { generic, sheets, rejects } = made;
        generic.clear();
        rejects.clear();
        sheets.resize_with(self.sheets.len(), Vec::new);
        for ((upload, _), records) in self.sheets.iter().zip(&mut *sheets) {
            records.resize_with(upload.files().len(), Records::default);
            records.iter_mut().for_each(Records::clear);
        }
        // One output after the other: each is written from its front to its end.
        if let Some((places, spelling)) = &self.generic {
            for row in batch.rows().filter(|row| places.takes(*row)) {
                spelling.write(self.rows_before + row.number(), row, places, generic);
            }
        }
        for ((upload, places), records) in self.sheets.iter().zip(sheets) {
            batch.rows().for_each(|row| upload.write(row, places, records));
        }
        if let Some(wanted) = &self.rejects {
            for row in batch.rows() {
                wanted.write(&self.input, self.rows_before + row.number(), row, rejects);
            }
        }
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
    delivery: &mut Delivery,
    progress: &Progress,
) -> Result<(), Failure> {
    let before = delivery.counts;
    let source = input.take(engine)?;
    let render = delivery.render(source.columns(), &input.name);
    let run = source.run_with(move |batch, made| render.run(batch, made));
    let mut run = run.map_err(|error| Failure::of(&input.name, &error))?;
    let tally = run.tally();
    loop {
        let batch = run.next_batch().map_err(|error| Failure::of(&input.name, &error))?;
        let Some(batch) = batch else { break };
        delivery.take(batch.made())?;
        tally.delivered(batch.summary().usable_rows());
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
fn check_paths(arguments: &HashArguments, destination: &Destination) -> Result<(), Failure> {
    let mut outputs: Vec<PathBuf> =
        [&arguments.rejects, &arguments.report].into_iter().flatten().cloned().collect();
    match destination {
        Destination::Stdout => outputs.extend(arguments.output.clone()),
        Destination::File(path) => outputs.push(path.clone()),
        Destination::Folder(_) => {}
    }
    let mut made = BTreeSet::new();
    for platform in &arguments.platform {
        let files = platform.spec().files.iter().map(|file| (file.suffix, file.extension));
        for (suffix, extension) in files.chain([("", "csv"), ("", "jsonl")]) {
            if !suffix.is_empty() || matches!(destination, Destination::Folder(_)) {
                made.extend(destination.path(*platform, suffix, extension, false));
            }
        }
    }
    // A part of an upload file may not be another output.
    if let Destination::File(path) = destination {
        made.insert(path.clone());
    }
    let is_part_of = |output: &PathBuf| made.iter().any(|base| is_part(output, base));
    if let Some(output) = outputs.iter().find(|output| is_part_of(output)) {
        return Err(Failure::Usage(format!("{}: named for two outputs", output.display())));
    }
    if let Destination::File(path) = destination {
        made.remove(path);
    }
    outputs.extend(made);
    for (index, output) in outputs.iter().enumerate() {
        let is_file = !is_device(output);
        let is_same =
            |other: &&PathBuf| is_file && !is_device(other) && place(other) == place(output);
        if outputs[..index].iter().any(|other| is_same(&other)) {
            let text = format!("{}: named for two outputs", output.display());
            return Err(Failure::Usage(text));
        }
        if output.is_dir() {
            return Err(Failure::Usage(format!("{}: is a folder", output.display())));
        }
        if arguments.inputs.iter().any(|input| is_same_file(input, output)) {
            let text = format!("{}: is an input as well as an output", output.display());
            return Err(Failure::Usage(text));
        }
    }
    Ok(())
}

/// True if an input is the file at this path, or one of the parts that it may be split into.
fn is_same_file(input: &Path, output: &Path) -> bool {
    if is_part(input, output) {
        return true;
    }
    let Ok(target) = output.metadata() else { return false };
    let metadata = match input.as_os_str() == "-" {
        true => std::io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .and_then(|stdin| std::fs::File::from(stdin).metadata()),
        false => input.metadata(),
    };
    let same = |m: std::fs::Metadata| (m.dev(), m.ino()) == (target.dev(), target.ino());
    target.is_file() && metadata.is_ok_and(same)
}

/// `meta-001.csv` is a part of `meta.csv`.
fn is_part(input: &Path, output: &Path) -> bool {
    let stems = [input, output].map(|path| path.file_stem().unwrap_or_default().to_string_lossy());
    let number = stems[0].strip_prefix(&*stems[1]).and_then(|rest| rest.strip_prefix('-'));
    let is_number = |text: &str| text.len() >= 3 && text.bytes().all(|b| b.is_ascii_digit());
    let base = input.with_file_name(output.file_name().unwrap_or_default());
    number.is_some_and(is_number)
        && input.extension() == output.extension()
        && place(&base) == place(output)
}
