//! The upload files of the platforms: where each goes, and the parts of one over a limit.
//!
//! In: platforms, the columns of all inputs, the output path, rows. Out: files that appear at the
//! end, `PLATFORM.csv` in a folder or the path itself; over a limit `...-001.csv`, `...-002.csv`. A
//! platform with a file for each kind of identifier has `PLATFORM-email.csv` and so on.

use crate::args::{Format, HashArguments};
use crate::failure::{Failure, say};
use crate::input::Input;
use crate::target::{Sealed, Target};
use matchkey::platform::Encoding;
use matchkey::platform::upload::{Records, Upload};
use matchkey::{Columns, Options, Platform};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the output goes.
pub(crate) enum Destination {
    Stdout,
    File(PathBuf),
    Folder(PathBuf),
}

impl Destination {
    /// What the arguments mean.
    pub(crate) fn of(arguments: &HashArguments) -> Result<Destination, Failure> {
        let is_one = arguments.platform.len() == 1;
        let path = match &arguments.output {
            Some(path) if path.as_os_str() != "-" => path,
            _ if is_one => return Ok(Destination::Stdout),
            _ => return Err(Failure::Usage("several platforms need a folder: -o FOLDER".into())),
        };
        let is_named_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let is_folder = path.is_dir() || is_named_folder;
        if is_folder && arguments.platform == [Platform::Generic] {
            return Err(Failure::Usage(format!("{}: is a folder", path.display())));
        }
        match (is_folder, is_one, path.exists()) {
            (true, _, _) | (false, false, false) => Ok(Destination::Folder(path.clone())),
            (false, true, _) => Ok(Destination::File(path.clone())),
            (false, false, true) => {
                let text = format!("{}: several platforms need a folder", path.display());
                Err(Failure::Usage(text))
            }
        }
    }

    /// The path of the generic keys; `None` is standard output.
    pub(crate) fn generic_path(&self, format: Format) -> Option<PathBuf> {
        let extension = if format == Format::Csv { "csv" } else { "jsonl" };
        self.path(Platform::Generic, "", extension, true)
    }

    /// The path of one file of a platform; `None` is standard output. `is_only` says that the
    /// platform has no other.
    pub(crate) fn path(
        &self,
        platform: Platform,
        suffix: &str,
        extension: &str,
        is_only: bool,
    ) -> Option<PathBuf> {
        match self {
            Destination::Stdout => None,
            Destination::Folder(folder) => {
                Some(folder.join(format!("{platform}{suffix}.{extension}")))
            }
            Destination::File(path) if is_only => Some(path.clone()),
            Destination::File(path) => Some(with_suffix(path, suffix)),
        }
    }
}

/// `keys.csv` with `-email` becomes `keys-email.csv`.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(suffix);
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// The encoding that is chosen for a platform: for it alone, or for all that take it.
pub(crate) fn chosen_encoding(
    platform: Platform,
    arguments: &HashArguments,
) -> Result<Option<Encoding>, Failure> {
    let Some(choice) = arguments.key_encoding.iter().rfind(|choice| choice.is_for(platform)) else {
        return Ok(None);
    };
    let takes = |platform: &Platform| platform.spec().encodings.contains(&choice.of);
    match takes(&platform) {
        true => Ok(Some(choice.of)),
        false if choice.platform.is_none() && arguments.platform.iter().any(takes) => Ok(None),
        false => Err(Failure::Usage(format!("{platform} does not take {}", choice.of.name()))),
    }
}

/// The upload files of one platform.
pub(crate) struct Sheets {
    upload: Arc<Upload>,
    files: Vec<Sheet>,
}

/// One file, in parts if need be.
struct Sheet {
    /// None is standard output.
    path: Option<PathBuf>,
    header: Vec<u8>,
    target: Target,
    rows: u64,
    bytes: u64,
    parts: Vec<Sealed>,
    rows_max: u64,
    bytes_max: u64,
}

impl Sheets {
    /// Starts the files of a platform.
    pub(crate) fn start(
        platform: Platform,
        arguments: &HashArguments,
        options: &Options,
        inputs: &[Input],
        destination: &Destination,
    ) -> Result<Sheets, Failure> {
        let columns: Vec<&Columns> = inputs.iter().map(|input| &input.columns).collect();
        let encoding = chosen_encoding(platform, arguments)?;
        let upload = Upload::new(platform, options, &columns, encoding);
        let upload = upload.map_err(Failure::Usage)?;
        let is_only = upload.files().len() == 1;
        if matches!(destination, Destination::Stdout) && !is_only {
            let text = format!("{platform} has a file for each kind of identifier: -o FOLDER");
            return Err(Failure::Usage(text));
        }
        let spec = platform.spec();
        let least = |limits: [Option<u64>; 2]| limits.into_iter().flatten().min();
        let rows_max = least([spec.rows_max, arguments.max_file_rows]).unwrap_or(u64::MAX);
        let bytes_max = least([spec.bytes_max, arguments.max_file_bytes]).unwrap_or(u64::MAX);
        let mut files = Vec::new();
        for (suffix, extension, header) in upload.files() {
            let path = destination.path(platform, suffix, extension, is_only);
            let target = match &path {
                Some(path) => Target::create(path)?,
                None => Target::stdout()?,
            };
            let header = header.to_vec();
            let (rows, bytes, parts) = (0, 0, Vec::new());
            files.push(Sheet { path, header, target, rows, bytes, parts, rows_max, bytes_max });
        }
        Ok(Sheets { upload: Arc::new(upload), files })
    }

    /// What makes the records.
    pub(crate) fn upload(&self) -> &Arc<Upload> {
        &self.upload
    }

    /// Writes each file's records.
    pub(crate) fn take(&mut self, records: &[Records]) -> Result<(), Failure> {
        self.files.iter_mut().zip(records).try_for_each(|(sheet, records)| sheet.take(records))
    }

    /// Makes the files appear that have records; hands over their paths.
    pub(crate) fn finish(self, destination: &Destination) -> Result<Vec<PathBuf>, Failure> {
        let mut paths = Vec::new();
        for sheet in self.files {
            let base = sheet.path.clone().filter(|_| sheet.target.is_file());
            sheet.finish(&mut paths)?;
            for stale in base.map_or(Vec::new(), |base| Sheet::stale(&base, &paths)) {
                let name = stale.display().to_string();
                match destination {
                    // The names in the folder are ours.
                    Destination::Folder(_) => std::fs::remove_file(&stale)
                        .map_err(|error| Failure::writing(&name, &error))?,
                    _ => say(&format!("matchkey: {name} is left from another run")),
                }
            }
        }
        Ok(paths)
    }
}

impl Sheet {
    /// Writes records, at once where they have room in the part.
    fn take(&mut self, records: &Records) -> Result<(), Failure> {
        let (rows, bytes) = (records.iter().len() as u64, records.bytes().len() as u64);
        // A part that is new has its header still to come.
        let has_room = self.rows.saturating_add(rows) <= self.rows_max
            && self.bytes.saturating_add(bytes) + self.header.len() as u64 <= self.bytes_max;
        match has_room {
            true => self.write(records.bytes(), rows),
            false => records.iter().try_for_each(|record| {
                let is_over =
                    self.rows >= self.rows_max || self.bytes + record.len() as u64 > self.bytes_max;
                if is_over && self.rows > 0 {
                    self.start_part()?;
                }
                self.write(record, 1)
            }),
        }
    }

    fn write(&mut self, bytes: &[u8], rows: u64) -> Result<(), Failure> {
        if rows == 0 {
            return Ok(());
        }
        let head: &[u8] = if self.rows == 0 { &self.header } else { &[] };
        self.bytes += (head.len() + bytes.len()) as u64;
        self.rows += rows;
        let written = self.target.write_all(head);
        let written = written.and_then(|()| self.target.write_all(bytes));
        written.map_err(|error| self.target.failure(&error))
    }

    /// Puts the part aside and starts the next.
    fn start_part(&mut self) -> Result<(), Failure> {
        let Some(path) = self.path.as_deref().filter(|_| self.target.is_file()) else {
            let text = "the platform takes no larger file, and a pipe has no parts: -o FILE";
            return Err(Failure::Refused(text.into()));
        };
        let full = std::mem::replace(&mut self.target, Target::create(path)?);
        self.parts.extend(full.seal()?);
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    fn finish(mut self, paths: &mut Vec<PathBuf>) -> Result<(), Failure> {
        if self.parts.is_empty() {
            // A file without records does not appear.
            if self.rows > 0 {
                self.target.finish()?;
                paths.extend(self.path);
            }
            return Ok(());
        }
        self.parts.extend(self.target.seal()?);
        for (index, part) in self.parts.into_iter().enumerate() {
            let path = self.path.as_deref().unwrap_or(Path::new(""));
            let path = with_suffix(path, &format!("-{:03}", index + 1));
            let published = part.publish(Some(&path));
            published.map_err(|error| Failure::writing(&path.display().to_string(), &error))?;
            paths.push(path);
        }
        Ok(())
    }

    /// Files of an earlier run that stand beside those of this one and would be uploaded too.
    fn stale(base: &Path, written: &[PathBuf]) -> Vec<PathBuf> {
        let parts = (1..).map(|number| with_suffix(base, &format!("-{number:03}")));
        let parts = parts.take_while(|part| part.exists());
        let files = std::iter::once(base.to_owned()).chain(parts);
        files.filter(|file| file.exists() && !written.contains(file)).collect()
    }
}
