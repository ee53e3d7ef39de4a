//! The data folder: what lies where, and files that are there for good.
//!
//! In: a path. Out: [`Folder`]. Folders have mode 0700 and files 0600 from the start. Names are
//! made of ids only. Nothing here is durable before it was synced, and said so.

use super::fault;
use super::id::{AudienceId, FileId};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Room for a few transactions.
const RESERVE_BYTES: u64 = 1 << 20;

/// A data folder.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// The right to run imports in a folder. Gone with the process, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, never read")] File);

impl Folder {
    /// Opens a folder, making what is missing.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    pub fn open(root: &Path) -> io::Result<Folder> {
        make_dir(root)?;
        let root = root.canonicalize()?;
        std::fs::set_permissions(&root, PermissionsExt::from_mode(0o700))?;
        for part in ["uploads", "outbox", "rejects"] {
            make_dir(&root.join(part))?;
        }
        Ok(Folder { root })
    }

    /// Takes the folder for this process; `None` if another one has it.
    pub(crate) fn lock(&self) -> io::Result<Option<Lock>> {
        let file = create(&self.root.join("serve.lock"), Existing::Keep)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Keeps some room, so that a deletion can go on record when nothing else fits any more.
    pub(crate) fn reserve(&self) -> io::Result<()> {
        let path = self.root.join("reserve");
        let is_there = path.metadata().is_ok_and(|reserve| reserve.len() == RESERVE_BYTES);
        if is_there || self.free_bytes()? < 8 * RESERVE_BYTES {
            return Ok(());
        }
        let zeros = vec![0; RESERVE_BYTES as usize];
        io::Write::write_all(&mut create(&path, Existing::Empty)?, &zeros)
    }

    /// Gives that room up; false if there is none.
    pub(crate) fn use_reserve(&self) -> bool {
        std::fs::remove_file(self.root.join("reserve")).is_ok()
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.root.join("matchkey.db")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// A part of an upload; the token tells attempts apart.
    pub(crate) fn part(&self, file: &FileId, number: u32, token: &str) -> PathBuf {
        self.uploads().join(format!("{file}.{number}.{token}"))
    }

    /// Everything of an audience that was made for a destination.
    pub fn outbox(&self, audience: &AudienceId) -> PathBuf {
        self.root.join("outbox").join(audience.as_str())
    }

    /// Batches that wait to be delivered.
    pub(crate) fn staged(&self, audience: &AudienceId) -> PathBuf {
        self.outbox(audience).join(".staged")
    }

    /// The rejects of an audience, as CSV.
    pub fn rejects(&self, audience: &AudienceId) -> PathBuf {
        self.root.join("rejects").join(format!("{audience}.csv"))
    }

    /// Removes every file of an audience.
    pub(crate) fn remove_audience(&self, audience: &AudienceId) -> io::Result<()> {
        let outbox = self.outbox(audience);
        // Under another name nothing new can come into it.
        let gone = self.root.join("outbox").join(format!(".gone-{audience}"));
        match std::fs::rename(&outbox, &gone) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                missing_is_fine(std::fs::remove_dir_all(&outbox))?;
            }
            renamed => renamed?,
        }
        missing_is_fine(std::fs::remove_dir_all(&gone))?;
        missing_is_fine(std::fs::remove_file(self.rejects(audience)))?;
        sync_dir(&self.root.join("outbox"))?;
        sync_dir(&self.root.join("rejects"))
    }

    /// Bytes that are free where the folder is.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Empty,
}

/// A file that only its owner may read. Links are not followed.
pub(crate) fn create(path: &Path, existing: Existing) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(existing == Existing::Empty)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

/// A folder that only its owner may look into.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes names in a folder durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a file anew and makes its content durable; its name is not yet.
pub(crate) fn write_synced(path: &Path, bytes: &[u8], places: [&'static str; 2]) -> io::Result<()> {
    fault::point(places[0])?;
    let mut file = create(path, Existing::Empty)?;
    io::Write::write_all(&mut file, bytes)?;
    fault::point(places[1])?;
    file.sync_all()
}

/// What is gone already need not be removed.
pub(crate) fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
