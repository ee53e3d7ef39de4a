//! The inputs of a command: several files are one list.
//!
//! In: paths, `-` for standard input. Out: [`Input`]s whose headers have been read. A plain file
//! among several is opened again when its turn comes, so that any number of files can be read.

use crate::failure::Failure;
use matchkey::{Columns, Engine, Scan, Source};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// One input whose header has been read.
pub(crate) struct Input {
    /// The path as it was given.
    pub(crate) name: String,
    pub(crate) columns: Columns,
    pub(crate) scan: Scan,
    /// The bytes before the first row.
    pub(crate) header_ends: u64,
    /// Its size, where that is known.
    pub(crate) bytes: Option<u64>,
    origin: Origin,
}

enum Origin {
    Open(Box<Source>),
    Closed(PathBuf),
    Taken,
}

/// Opens every input and reads its header.
pub(crate) fn open_all(engine: &Engine, paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let stdins = paths.iter().filter(|path| path.as_os_str() == "-").count();
    if stdins > 1 {
        return Err(Failure::Usage("standard input (-) can be read once only".into()));
    }
    paths.iter().map(|path| open(engine, path, paths.len() > 1)).collect()
}

fn open(engine: &Engine, path: &Path, is_one_of_several: bool) -> Result<Input, Failure> {
    let name = path.display().to_string();
    let (source, bytes) = source(engine, path, &name)?;
    Ok(Input {
        columns: source.columns().clone(),
        scan: source.scan().clone(),
        header_ends: source.header_bytes(),
        bytes,
        origin: match bytes {
            Some(_) if is_one_of_several => Origin::Closed(path.to_owned()),
            _ => Origin::Open(Box::new(source)),
        },
        name,
    })
}

impl Input {
    /// The source, opened again if need be. An input can be read once.
    pub(crate) fn take(&mut self, engine: &Engine) -> Result<Source, Failure> {
        match std::mem::replace(&mut self.origin, Origin::Taken) {
            Origin::Open(source) => Ok(*source),
            Origin::Closed(path) => {
                let (source, _) = source(engine, &path, &self.name)?;
                if *source.columns() != self.columns {
                    let text = format!("{}: its header changed while it was read", self.name);
                    return Err(Failure::Refused(text));
                }
                Ok(source)
            }
            Origin::Taken => Err(Failure::Refused(format!("{}: read already", self.name))),
        }
    }
}

/// Opens a path and reads its header; with the size, if it is a plain file.
fn source(engine: &Engine, path: &Path, name: &str) -> Result<(Source, Option<u64>), Failure> {
    let failed = |error: io::Error| Failure::Refused(format!("{name}: {error}"));
    let opened = if path.as_os_str() == "-" {
        (engine.open(io::stdin()), None)
    } else {
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Failure::Refused(format!("{name}: is a folder")));
        }
        (engine.open(file), metadata.is_file().then_some(metadata.len()))
    };
    Ok((opened.0.map_err(|error| Failure::of(name, &error))?, opened.1))
}
