//! A file that appears under its name whole, or not at all.
//!
//! It is written under a temporary name in the same directory and then renamed. Nothing is synced to the disk: after
//! a power cut a file may be short or full of zeros, but every file of the cache checks itself when it is read, and a
//! lost entry only costs a compile.
//!
//! Files are made `0600` and directories `0700` (the umask may take more away): objects of a private tree must not
//! become readable through the cache, and nobody else may put objects into it.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::StoreError;
use super::layout::{Layout, TEMPORARY_PREFIX, directory_of};

/// For backup programs, see <https://bford.info/cachedir/>.
const TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory is a cache of farmbuild; backups may leave it out.\n";

/// Puts a file with `content` at `path`, a shard's entry; says what is there now.
pub(super) fn write(layout: &Layout, path: &Path, content: &[u8]) -> Result<Metadata, StoreError> {
    write_by_way_of(directory_of(path), layout, path, content)
}

/// The same for a file outside the shards, whose temporary file is among the version's.
pub(super) fn write_outside(
    layout: &Layout,
    path: &Path,
    content: &[u8],
) -> Result<Metadata, StoreError> {
    write_by_way_of(&layout.version, layout, path, content)
}

fn write_by_way_of(
    directory: &Path,
    layout: &Layout,
    path: &Path,
    content: &[u8],
) -> Result<Metadata, StoreError> {
    let (mut file, temporary) = match create_temporary(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_directory(layout, directory)?;
            create_temporary(directory)
        }
        other => other,
    }
    .map_err(StoreError::io("create", path))?;
    file.write_all(content)
        .and_then(|()| file.metadata())
        .and_then(|metadata| fs::rename(&temporary, path).map(|()| metadata))
        .map_err(|error| {
            // The eviction of the shard takes what can't be removed now.
            drop(fs::remove_file(&temporary));
            StoreError::io("write", path)(error)
        })
}

fn create_temporary(directory: &Path) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("{TEMPORARY_PREFIX}{}-{number}", process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            // Left by a dead process that had our number, or by one on another machine.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (file, path)),
        }
    }
}

/// Makes `directory`, a shard or the version's, and all that is missing above it.
pub(super) fn create_directory(layout: &Layout, directory: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(StoreError::io("create", directory))?;
    let tag = layout.tag();
    match fs::symlink_metadata(&tag) {
        Ok(_) => Ok(()),
        Err(_) => write_outside(layout, &tag, TAG).map(drop),
    }
}
