//! Files that appear under their names only when they are complete.
//!
//! In: a path, or none for standard output. Out: [`Target`], a writer. A new file is written
//! beside its target with mode 0600 and renamed at the end; on an error or a signal it is
//! removed. Pipes and devices are written straight through.

use crate::blocks::Blocks;
use crate::failure::Failure;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::{NamedTempFile, TempPath};

/// What has to be removed if a signal ends the process.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Where output goes.
pub(crate) struct Target {
    name: String,
    sink: Sink,
    blocks: Blocks,
}

enum Sink {
    Straight,
    Beside { file: NamedTempFile, path: PathBuf },
}

impl Target {
    /// Standard output.
    pub(crate) fn stdout() -> Result<Target, Failure> {
        let name = "standard output".to_owned();
        let file = io::stdout().as_fd().try_clone_to_owned();
        let file = file.map_err(|error| Failure::writing(&name, &error))?;
        Ok(Target { name, sink: Sink::Straight, blocks: Blocks::new(File::from(file), false) })
    }

    /// A file, pipe or device; `-` is standard output.
    pub(crate) fn create(path: &Path) -> Result<Target, Failure> {
        if path.as_os_str() == "-" {
            return Target::stdout();
        }
        let name = path.display().to_string();
        // The name of the file beside the target says nothing to the person: only the kind does.
        let opened = open(path).map_err(|error| Failure::writing(&name, &error.kind().into()))?;
        let (sink, blocks) = opened;
        Ok(Target { name, sink, blocks })
    }

    /// The failure that an error of this target is.
    pub(crate) fn failure(&self, error: &io::Error) -> Failure {
        Failure::writing(&self.name, error)
    }

    /// True if the file will appear under its name at the end: it is no pipe and no device.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.sink, Sink::Beside { .. })
    }

    /// Makes the file appear under its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let name = self.name.clone();
        match self.seal()? {
            Some(sealed) => sealed.publish(None).map_err(|error| Failure::writing(&name, &error)),
            None => Ok(()),
        }
    }

    /// Writes out what is left, and closes the file without making it appear; `None` for pipes
    /// and devices.
    pub(crate) fn seal(mut self) -> Result<Option<Sealed>, Failure> {
        let name = self.name.clone();
        let failed = |error: &io::Error| Failure::writing(&name, error);
        self.blocks.flush().map_err(|error| failed(&error))?;
        match self.sink {
            Sink::Straight => Ok(None),
            Sink::Beside { file, path } => {
                file.as_file().sync_all().map_err(|error| failed(&error))?;
                Ok(Some(Sealed { file: file.into_temp_path(), path }))
            }
        }
    }
}

/// A file that is complete and waits for its name.
pub(crate) struct Sealed {
    file: TempPath,
    path: PathBuf,
}

impl Sealed {
    /// Makes the file appear, under another name beside it if one is given.
    pub(crate) fn publish(self, name: Option<&Path>) -> io::Result<()> {
        let unfinished = self.file.to_path_buf();
        self.file.persist(name.unwrap_or(&self.path)).map_err(|error| error.error)?;
        forget(&unfinished);
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.blocks.write(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.blocks.flush()
    }
}

fn open(path: &Path) -> io::Result<(Sink, Blocks)> {
    // A link is followed: the file it names is the one to replace.
    let path = match (path.canonicalize(), path.read_link()) {
        (Ok(path), _) => path,
        (Err(_), Ok(link)) => path.parent().unwrap_or(path).join(link),
        (Err(_), Err(_)) => path.to_owned(),
    };
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        let file = OpenOptions::new().write(true).open(path)?;
        return Ok((Sink::Straight, Blocks::new(file, false)));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let file = tempfile::Builder::new().prefix(".matchkey-").suffix(".part").tempfile_in(folder)?;
    unfinished().push(file.path().to_owned());
    let blocks = Blocks::new(file.as_file().try_clone()?, true);
    Ok((Sink::Beside { file, path }, blocks))
}

fn unfinished() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Folders that were made for the output.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn folders() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder for several files. One that was made here is gone again if nothing comes into it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder; only its owner may look into one that is made.
    pub(crate) fn open(path: &Path) -> Result<Option<Folder>, Failure> {
        if path.is_dir() {
            return Ok(None);
        }
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| Failure::writing(&path.display().to_string(), &error))?;
        folders().push(path.to_owned());
        Ok(Some(Folder(path.to_owned())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
        folders().retain(|folder| *folder != self.0);
    }
}

fn forget(path: &Path) {
    unfinished().retain(|other| other != path);
}

/// Ends the process with 130 on SIGINT, SIGTERM and SIGHUP, with no unfinished file left.
pub(crate) fn clean_up_on_signals() {
    let handled = ctrlc::set_handler(|| {
        for path in unfinished().iter() {
            let _ = std::fs::remove_file(path);
        }
        // Only a folder that was made for the output, and only while nothing is in it.
        for folder in folders().iter() {
            let _ = std::fs::remove_dir(folder);
        }
        #[expect(
            clippy::exit,
            reason = "a signal ends the process, whatever the main thread does"
        )]
        std::process::exit(130);
    });
    // Without a handler the signals still end the process; only the file beside stays.
    let _ = handled;
}
