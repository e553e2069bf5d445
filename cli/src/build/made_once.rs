//! Directories that are made once and never changed: builds that need the same one share it, also one that is in use.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;

/// The directory below `parent` that is named by a hash of its `content`; made by `fill` where it isn't there yet, and
/// there as a whole or not at all.
pub(super) fn directory(
    parent: &Path,
    content: &impl Hash,
    fill: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let name = format!("{:016x}", hasher.finish());
    let directory = parent.join(&name);
    if directory.is_dir() {
        return Ok(directory);
    }
    let unfinished = parent.join(format!(".{name}-{}", process::id()));
    DirBuilder::new().recursive(true).mode(0o700).create(&unfinished)?;
    fill(&unfinished)?;
    match fs::rename(&unfinished, &directory) {
        // Another build made the same one meanwhile.
        Err(_) if directory.is_dir() => fs::remove_dir_all(&unfinished).map(|()| directory),
        other => other.map(|()| directory),
    }
}
