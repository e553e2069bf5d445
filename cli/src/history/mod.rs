//! Builds of commits: what `bisect` and `each` have in common.
//!
//! From git to a result: [`git`] runs the system's git, [`repository`] is the user's, which is only read; [`workplace`] is the
//! directory in it that is ours, and [`tree`] a worktree there. A [`recipe`] builds a commit in a tree: it starts a
//! [`leash`]ed process through [`run`], with its output in a log of which [`excerpt`] finds the telling lines, until
//! it ends or [`stop`] says so. Knows nothing of the order in which commits are built.

pub(crate) mod excerpt;
pub(crate) mod git;
pub(crate) mod leash;
pub(crate) mod recipe;
pub(crate) mod repository;
mod run;
pub(crate) mod stop;
pub(crate) mod tree;
pub(crate) mod workplace;

use std::io;
use std::path::{Path, PathBuf};

use git::GitError;

/// Why a commit's build came to no result, good or bad.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("can't {doing} {}: {source}", .path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("can't start {what}: {source}")]
    Start { what: String, source: io::Error },
    #[error("{} is no git repository: {said}", .directory.display())]
    NoRepository { directory: PathBuf, said: String },
    #[error("there is no commit {rev:?} here{}", shallow_hint(*.shallow))]
    NoCommit { rev: String, shallow: bool },
    #[error(
        "another `farmbuild {verb}` is at work in this repository; wait for it or end it (its directory is {})",
        .directory.display()
    )]
    Busy { verb: &'static str, directory: PathBuf },
    #[error("{} is there already; remove it, or name another directory with --worktree", .0.display())]
    TreeThere(PathBuf),
    #[error(
        "--copy {}: there is no such file in your tree, or it isn't below it; name one relative to where you are",
        .0.display()
    )]
    Copy(PathBuf),
    #[error("stopped")]
    Stopped,
    /// Something that only one command can say.
    #[error("{0}")]
    Said(String),
}

/// What to do about a history that ends early.
pub(crate) fn shallow_hint(shallow: bool) -> &'static str {
    if shallow {
        "; this clone is shallow: `git fetch --unshallow` brings the rest of its history"
    } else {
        ""
    }
}

/// Names the path that an error is about.
pub(crate) fn io_error(
    doing: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> HistoryError + use<> {
    let path = path.to_owned();
    move |source| HistoryError::Io { doing, path, source }
}

/// A path that means the same from anywhere.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, HistoryError> {
    std::path::absolute(path).map_err(io_error("find", path))
}
