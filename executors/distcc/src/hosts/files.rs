//! Finds and reads host files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{HostList, HostListError, parse};

/// A host file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HostFileError {
    /// It is there and can't be read.
    #[error("can't read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no host list.
    #[error("{}: {source}", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: HostListError,
    },
}

/// Where distcc looks for host files, in its order: `$DISTCC_DIR/hosts` (`~/.distcc/hosts` if there is no such
/// variable), then `distcc/hosts` in the system's configuration directory, usually `/etc`.
#[must_use]
pub fn default_files(
    distcc_dir: Option<&Path>,
    home: Option<&Path>,
    system: &Path,
) -> Vec<PathBuf> {
    let own = match (distcc_dir, home) {
        (Some(directory), _) => Some(directory.join("hosts")),
        (None, Some(home)) => Some(home.join(".distcc/hosts")),
        (None, None) => None,
    };
    own.into_iter().chain([system.join("distcc/hosts")]).collect()
}

/// Reads the first of `files` that exists. `None` if none does.
///
/// # Errors
/// [`HostFileError`] if it can't be read (bytes that aren't UTF-8 included) or parsed. The next file isn't tried
/// then: its hosts would be a surprise.
pub fn read_first(
    files: impl IntoIterator<Item = PathBuf>,
) -> Result<Option<(PathBuf, HostList)>, HostFileError> {
    for path in files {
        match fs::read_to_string(&path) {
            Ok(text) => {
                return match parse(&text) {
                    Ok(list) => Ok(Some((path, list))),
                    Err(source) => Err(HostFileError::Parse { path, source }),
                };
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            Err(source) => return Err(HostFileError::Read { path, source }),
        }
    }
    Ok(None)
}
