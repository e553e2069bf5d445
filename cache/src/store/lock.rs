//! Exclusive locks between all processes that use a cache; waiting for one is bounded.
//!
//! Readers need none. `flock` belongs to the open file, so that it holds between threads as well and ends with its
//! process, however that dies.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use super::error::StoreError;
use super::layout::{Layout, directory_of};
use super::writing::create_directory;

/// Far longer than anyone needs a lock, and short beside the compile that is over by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the file `path`, which is made if need be.
    pub(super) fn acquire(layout: &Layout, path: &Path) -> Result<Self, StoreError> {
        let file = match open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_directory(layout, directory_of(path))?;
                open(path)
            }
            other => other,
        }
        .map_err(StoreError::io("open", path))?;
        let begun = Instant::now();
        // Asked again and again: a blocking flock can't be given a time limit without signals.
        let mut pause = Duration::from_micros(100);
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::WOULDBLOCK | Errno::INTR) if begun.elapsed() < PATIENCE => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(10));
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    return Err(StoreError::Busy { path: path.to_owned(), waited: PATIENCE });
                }
                Err(error) => return Err(StoreError::io("lock", path)(error.into())),
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
}
