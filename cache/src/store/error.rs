//! Why the store couldn't keep something. Reads never fail: what can't be read is a miss.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

/// Why the store couldn't do what it was asked; the job goes on without its cache.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system refused.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "write", "lock", ...
        action: &'static str,
        /// The file or directory in question.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another process held the lock of the shard for too long.
    #[error("{} is still locked by someone else after {waited:?}", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// More than the whole cache may hold.
    #[error("{size} bytes are more than the cache may hold ({limit})")]
    TooLarge {
        /// How much it was.
        size: u64,
        /// How much there may be.
        limit: u64,
    },
    /// The caller's output file takes no more.
    #[error("can't write the output: {0}")]
    Output(#[source] io::Error),
}

impl StoreError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
