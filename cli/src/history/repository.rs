//! The user's repository, which is only read.

use std::env;
use std::path::{Component, Path, PathBuf};

use super::git::Git;
use super::{HistoryError, io_error};

/// The repository that the user is in.
#[derive(Debug)]
pub(crate) struct Repository {
    /// git where the user is.
    git: Git,
    /// The git directory that all worktrees share.
    common: PathBuf,
    /// The user's tree; a bare repository has none.
    top: Option<PathBuf>,
    /// Where in it the user is.
    prefix: PathBuf,
    shallow: bool,
    /// The variables by which an environment names a repository.
    foreign: Vec<String>,
}

/// What people know a commit by.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) id: String,
    pub(crate) short: String,
    pub(crate) subject: String,
}

/// A file to copy into worktrees, as a path from the top and as it was given.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub(crate) source: PathBuf,
    pub(crate) place: PathBuf,
}

impl Repository {
    /// Finds it, as git does.
    pub(crate) fn find() -> Result<Self, HistoryError> {
        let directory = env::current_dir().map_err(io_error("find", Path::new(".")))?;
        let git = Git::as_user(&directory);
        let args = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
        let answer = git.ask(args)?;
        if !answer.status.success() {
            return Err(HistoryError::NoRepository { directory, said: answer.err });
        }
        let common = PathBuf::from(answer.out);
        let top = git.ask(["rev-parse", "--path-format=absolute", "--show-toplevel"])?;
        let top = top.status.success().then(|| PathBuf::from(top.out));
        let prefix = PathBuf::from(git.tell(["rev-parse", "--show-prefix"])?);
        let shallow = git.tell(["rev-parse", "--is-shallow-repository"])? == "true";
        let foreign = git.tell(["rev-parse", "--local-env-vars"])?;
        let foreign = foreign.lines().map(str::to_owned).collect();
        Ok(Self { git, common, top, prefix, shallow, foreign })
    }

    pub(crate) fn common(&self) -> &Path {
        &self.common
    }

    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    pub(crate) fn is_shallow(&self) -> bool {
        self.shallow
    }

    /// Variables to keep from whatever runs in another worktree.
    pub(crate) fn foreign(&self) -> &[String] {
        &self.foreign
    }

    /// git where the user is.
    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// git in a directory of this repository's common directory or of a worktree.
    pub(crate) fn git_at(&self, directory: &Path) -> Git {
        self.git.at(directory, &self.foreign)
    }

    /// The commit that `rev` means where the user is.
    pub(crate) fn resolve(&self, rev: &str) -> Result<String, HistoryError> {
        let wanted = format!("{rev}^{{commit}}");
        let answer = self.git.ask(["rev-parse", "--verify", "--end-of-options", &wanted])?;
        if answer.status.success() {
            // Before git 2.30 the option itself is repeated.
            return Ok(answer.out.lines().last().unwrap_or_default().to_owned());
        }
        Err(HistoryError::NoCommit { rev: rev.to_owned(), shallow: self.shallow })
    }

    pub(crate) fn commit(&self, id: &str) -> Result<Commit, HistoryError> {
        let said = self.git.tell(["show", "-s", "--no-show-signature", "--format=%h%x00%s", id])?;
        let (short, subject) = said.split_once('\0').unwrap_or((&said, ""));
        Ok(Commit { id: id.to_owned(), short: short.to_owned(), subject: subject.to_owned() })
    }

    /// A file of the user's tree, by the name they gave.
    pub(crate) fn extra(&self, name: &Path) -> Result<Extra, HistoryError> {
        let wrong = || HistoryError::Copy(name.to_owned());
        let top = self.top.as_deref().ok_or_else(wrong)?;
        let absolute = std::path::absolute(name).map_err(|_| wrong())?;
        // git's idea of the top has no symbolic links; that of the shell's `cd` may.
        let parent = absolute.parent().and_then(|parent| parent.canonicalize().ok());
        let source = parent.zip(absolute.file_name()).map(|(parent, name)| parent.join(name));
        let source = source.filter(|source| source.is_file()).ok_or_else(wrong)?;
        let place = source.strip_prefix(top).map_err(|_| wrong())?.to_owned();
        let is_plain = place.components().all(|part| matches!(part, Component::Normal(_)));
        if is_plain { Ok(Extra { source, place }) } else { Err(wrong()) }
    }
}
