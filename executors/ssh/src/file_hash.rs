//! The hashes of files, remembered as long as the files are as they were.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::content::ContentHash;

/// A file's state: what changes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A file's clock may not have moved on since it was last changed.
const SETTLED: Duration = Duration::from_secs(2);

/// For all hosts: they are sent the same crates.
static KNOWN: LazyLock<Mutex<HashMap<State, (ContentHash, u64)>>> = LazyLock::new(Mutex::default);

/// The hash and the size of a file's content. Blocks.
pub(crate) fn of(path: &Path) -> io::Result<(ContentHash, u64)> {
    let meta = fs::metadata(path)?;
    let state = State {
        device: meta.dev(),
        inode: meta.ino(),
        size: meta.size(),
        modified: (meta.mtime(), meta.mtime_nsec()),
        changed: (meta.ctime(), meta.ctime_nsec()),
    };
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().get(&state) {
        return Ok(*found);
    }
    let bytes = fs::read(path)?;
    let found = (ContentHash::of(&bytes), bytes.len() as u64);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let changed = Duration::from_secs(u64::try_from(meta.ctime()).unwrap_or(u64::MAX));
    if now.saturating_sub(changed) > SETTLED {
        let mut known = known();
        // Files come and go.
        if known.len() >= 1 << 16 {
            known.clear();
        }
        known.insert(state, found);
    }
    Ok(found)
}

/// The hashes and sizes of many files, in order, or the file that can't be read.
pub(crate) async fn of_all(
    paths: Vec<PathBuf>,
) -> Result<Vec<(PathBuf, ContentHash, u64)>, (PathBuf, io::Error)> {
    let hashed = tokio::task::spawn_blocking(move || {
        let one = |path: PathBuf| match of(&path) {
            Ok((hash, size)) => Ok((path, hash, size)),
            Err(error) => Err((path, error)),
        };
        paths.into_iter().map(one).collect()
    });
    hashed.await.unwrap_or_else(|error| Err((PathBuf::new(), io::Error::other(error))))
}
