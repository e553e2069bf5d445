//! An entry's file as it is found: opened with care, aged, removed.
//!
//! Knows nothing of what is in it. Whatever may lie at the path (a pipe, a link, a directory) neither blocks nor
//! leads elsewhere.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

/// How exactly the order of use is known; hits within it cost no write to the inode.
const RECENT: Duration = Duration::from_secs(60);

/// What is at a path.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// Something that no entry can be.
    Foreign,
    File(File, Metadata),
}

pub(super) fn open(path: &Path) -> Found {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => match file.metadata() {
            Ok(metadata) if metadata.is_file() => Found::File(file, metadata),
            Ok(_) => Found::Foreign,
            Err(_) => Found::Nothing,
        },
        // A symbolic link, or a socket.
        Err(error)
            if matches!(
                rustix::io::Errno::from_io_error(&error),
                Some(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO)
            ) =>
        {
            Found::Foreign
        }
        Err(_) => Found::Nothing,
    }
}

/// The first `length` bytes of a file, if it has as many; no more is allocated.
pub(super) fn read(file: &mut File, length: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = usize::try_from(length).ok()?;
    bytes.try_reserve_exact(length).ok()?;
    bytes.resize(length, 0);
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Marks an entry as used now, unless that is known already; says whether it had to. One that can't be marked (on a
/// read-only file system) only leaves a little earlier.
pub(super) fn mark_used(path: &Path, metadata: &Metadata) -> bool {
    let known = match metadata.modified().map(|modified| modified.elapsed()) {
        Ok(Ok(age)) => age < RECENT,
        // Written before the clock was set back.
        Ok(Err(ahead)) => ahead.duration() < RECENT,
        Err(_) => true,
    };
    !known && set_used_now(path)
}

pub(super) fn set_used_now(path: &Path) -> bool {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

/// Removes whatever is at `path`.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// What tells one state of a file from another: every write gives it a new inode. Should an inode's number come back
/// within the clock's grain, with the same length, then a stale record is read, which is at worst a missed hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { inode: metadata.ino(), length: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Whether the two differ in nothing but the time.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.inode, self.length) == (other.inode, other.length)
    }
}
