//! The directory in the git directory that is ours: held by one command at a time, and gone when it is done.
//!
//! Worktrees, logs and journals are in it, or, if the user wants the worktrees elsewhere, a note of where. Knows nothing of
//! what they are used for.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::repository::Repository;
use super::{HistoryError, io_error};

/// The file that says what was made, one path after another, each with a zero byte at its end; written before it is made.
const MADE: &str = "made";

/// Our directory, and the right to use it.
#[derive(Debug)]
pub(crate) struct Workplace {
    directory: PathBuf,
    /// Where worktrees go.
    trees: PathBuf,
    _lock: File,
}

impl Workplace {
    /// Claims the directory of a verb, whatever an earlier command may have left in it.
    pub(crate) fn claim(repository: &Repository, verb: &'static str) -> Result<Self, HistoryError> {
        let directory = repository.common().join("farmbuild").join(verb);
        let opened = |error| io_error("use", &directory)(error);
        let lock = loop {
            fs::create_dir_all(&directory).map_err(opened)?;
            let lock = match File::open(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(opened)?,
            };
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(HistoryError::Busy { verb, directory });
                }
                other => other.map_err(|error| opened(error.into()))?,
            }
            // The one who held it before may have removed it between our opening and locking it.
            let same = |now: fs::Metadata| lock.metadata().is_ok_and(|it| it.ino() == now.ino());
            if fs::metadata(&directory).is_ok_and(same) {
                break lock;
            }
        };
        let trees = directory.clone();
        Ok(Self { directory, trees, _lock: lock })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where a worktree of this name goes. It is removed at the end, so there must be none yet.
    pub(crate) fn claim_tree(
        &self,
        repository: &Repository,
        name: &str,
    ) -> Result<PathBuf, HistoryError> {
        self.claim_path(repository, self.trees.join(name))
    }

    /// Likewise, but always in our own directory: a worktree that nobody builds in.
    pub(crate) fn claim_own_tree(
        &self,
        repository: &Repository,
        name: &str,
    ) -> Result<PathBuf, HistoryError> {
        self.claim_path(repository, self.file(name))
    }

    fn claim_path(&self, repository: &Repository, path: PathBuf) -> Result<PathBuf, HistoryError> {
        if path.symlink_metadata().is_ok() || is_worktree(repository, &path)? {
            return Err(HistoryError::TreeThere(path));
        }
        self.note(&path)?;
        Ok(path)
    }

    /// From now on worktrees go to `directory`.
    pub(crate) fn put_trees_in(&mut self, directory: &Path) -> Result<(), HistoryError> {
        let made = !directory.exists();
        fs::create_dir_all(directory).map_err(io_error("make", directory))?;
        let directory = directory.canonicalize().map_err(io_error("find", directory))?;
        if made {
            self.note(&directory)?;
        }
        self.trees = directory;
        Ok(())
    }

    /// Writes down that we make this.
    fn note(&self, path: &Path) -> Result<(), HistoryError> {
        let list = self.file(MADE);
        let mut line = path.as_os_str().as_bytes().to_vec();
        line.push(0);
        let file = File::options().create(true).append(true).open(&list);
        file.and_then(|mut file| file.write_all(&line)).map_err(io_error("write", &list))
    }

    /// Removes every worktree of ours, and every file but `kept`.
    pub(crate) fn clear(
        &mut self,
        repository: &Repository,
        kept: Option<&str>,
    ) -> Result<(), HistoryError> {
        let made = fs::read(self.file(MADE)).unwrap_or_default();
        let made = made.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        // The last one first: what was made inside of another is gone before that.
        let made: Vec<_> = made.map(|path| Path::new(OsStr::from_bytes(path))).collect();
        for path in made.into_iter().rev() {
            remove_worktree(repository, path)?;
        }
        self.trees.clone_from(&self.directory);
        for entry in fs::read_dir(&self.directory).map_err(io_error("read", &self.directory))? {
            let entry = entry.map_err(io_error("read", &self.directory))?;
            if kept.is_some_and(|kept| entry.file_name() == kept) {
                continue;
            }
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory {
                remove_directory(&entry.path())?;
            } else {
                fs::remove_file(entry.path()).map_err(io_error("remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    /// Removes everything.
    pub(crate) fn leave(mut self, repository: &Repository) -> Result<(), HistoryError> {
        self.clear(repository, None)?;
        remove_directory(&self.directory)?;
        // The other verb may be at work.
        let _ = self.directory.parent().map(fs::remove_dir);
        Ok(())
    }
}

fn is_worktree(repository: &Repository, path: &Path) -> Result<bool, HistoryError> {
    let listed =
        repository.git_at(repository.common()).tell(["worktree", "list", "--porcelain"])?;
    let mut worktrees = listed.lines().filter_map(|line| line.strip_prefix("worktree "));
    Ok(worktrees.any(|worktree| Path::new(worktree) == path))
}

/// Removes a worktree, or a directory that we made for some; one that others use by now stays.
fn remove_worktree(repository: &Repository, path: &Path) -> Result<(), HistoryError> {
    if is_worktree(repository, path)? {
        remove_directory(path)?;
        let command = ["worktree", "remove", "--force", "--force"].map(OsStr::new);
        let command = command.into_iter().chain([path.as_os_str()]);
        repository.git_at(repository.common()).tell(command)?;
    } else if path.join(".git").is_file() {
        // Made and no longer registered, or not yet.
        remove_directory(path)?;
    } else {
        let _ = fs::remove_dir(path);
    }
    Ok(())
}

/// Removes a directory that may be gone already, and in which a build may have made others read-only.
fn remove_directory(path: &Path) -> Result<(), HistoryError> {
    let removed = fs::remove_dir_all(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        io::ErrorKind::PermissionDenied | io::ErrorKind::DirectoryNotEmpty => {
            make_writable(path);
            fs::remove_dir_all(path)
        }
        _ => Err(error),
    });
    removed.map_err(io_error("remove", path))
}

/// As far as it can be done: whoever removes says what couldn't be.
fn make_writable(directory: &Path) {
    let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}
