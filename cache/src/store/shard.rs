//! One shard's directory: what is in it, and since when it wasn't used.
//!
//! Knows no limits; what may stay is the caller's decision.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::entry_file;
use super::layout::{Entry, LOCK_NAME, Layout, TEMPORARY_PREFIX, footprint};

/// Nobody writes one file for so long: whoever began it is dead.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A number of files and what they cost on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many files.
    pub files: u64,
    /// Their size on the disk, in whole blocks.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// A file of a shard.
#[derive(Debug)]
pub(super) struct Listed<T> {
    pub(super) what: T,
    pub(super) path: PathBuf,
    /// What it costs on the disk.
    pub(super) bytes: u64,
    /// When it was last used; never in the future.
    pub(super) used: SystemTime,
}

/// All that is in a shard, but its lock.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) entries: Vec<Listed<Entry>>,
    /// Files that are being written, or never will be any more.
    pub(super) temporaries: Vec<Listed<()>>,
    /// What none of us has put there.
    pub(super) foreign: Vec<Listed<()>>,
}

impl Listing {
    pub(super) fn of_shard(layout: &Layout, shard: u8) -> io::Result<Self> {
        let mut listing = Self::default();
        each_file(&layout.shard(shard), |name, file| {
            if let Some(entry) = Entry::parse(shard, name).filter(|_| !file.what) {
                listing.entries.push(file.about(entry));
            } else if name != LOCK_NAME {
                listing.other(name, file);
            }
        })?;
        Ok(listing)
    }

    /// The same of the version's directory, which has no entries.
    pub(super) fn of_version(layout: &Layout) -> io::Result<Self> {
        let mut listing = Self::default();
        each_file(&layout.version, |name, file| {
            if !layout.owns(name) {
                listing.other(name, file);
            }
        })?;
        Ok(listing)
    }

    fn other(&mut self, name: &std::ffi::OsStr, file: Listed<bool>) {
        let temporary = name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes());
        if temporary { &mut self.temporaries } else { &mut self.foreign }.push(file.about(()));
    }

    pub(super) fn amount(&self) -> Amount {
        amount(&self.entries)
    }

    /// The temporary files whose writers are dead.
    pub(super) fn abandoned(&self) -> impl Iterator<Item = &Listed<()>> {
        let now = SystemTime::now();
        self.temporaries
            .iter()
            .filter(move |file| now.duration_since(file.used).is_ok_and(|age| age > ABANDONED))
    }
}

pub(super) fn amount<T>(files: &[Listed<T>]) -> Amount {
    let mut amount = Amount::default();
    files.iter().for_each(|file| amount.add(file.bytes));
    amount
}

/// Removes a file that someone else may have removed already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match entry_file::remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

impl<T> Listed<T> {
    fn about<U>(self, what: U) -> Listed<U> {
        Listed { what, path: self.path, bytes: self.bytes, used: self.used }
    }
}

/// Calls `f` with each file's name, and whether it is something else than a file.
fn each_file(
    directory: &Path,
    mut f: impl FnMut(&std::ffi::OsStr, Listed<bool>),
) -> io::Result<()> {
    let files = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let now = SystemTime::now();
    for file in files {
        let file = file?;
        let path = file.path();
        // It may be gone by now.
        let Ok(metadata) = file.metadata() else { continue };
        let mut used = metadata.modified().unwrap_or(now);
        if used > now {
            // The clock was set back. Such a file counts as used now, and from now on it ages as all others do; it
            // would otherwise outlive all that is used until the clock has caught up.
            entry_file::set_used_now(&path);
            used = now;
        }
        let bytes = footprint(metadata.len());
        f(&file.file_name(), Listed { what: !metadata.is_file(), path, bytes, used });
    }
    Ok(())
}
