//! A worktree of ours, in which one commit after another is checked out and built.
//!
//! Knows git, not builds. Removing it is the workplace's business.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::git::Git;
use super::repository::{Extra, Repository};
use super::workplace::Workplace;
use super::{HistoryError, io_error};

/// A worktree.
#[derive(Debug)]
pub(crate) struct Tree {
    path: PathBuf,
    git: Git,
    name: String,
    /// The commit whose files it has; none before the first one.
    at: Option<String>,
    /// A build in it was cut short in a way that may have left half a file.
    torn: bool,
}

impl Tree {
    /// Adds a worktree without files.
    pub(crate) fn add(
        repository: &Repository,
        workplace: &Workplace,
        name: &str,
        commit: &str,
    ) -> Result<Self, HistoryError> {
        let path = workplace.claim_tree(repository, name)?;
        let git = add_worktree(repository, &path, commit)?;
        Ok(Self { path, git, name: name.to_owned(), at: None, torn: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn tear(&mut self) {
        self.torn = true;
    }

    /// How many files differ between what is here and a commit; `None` if nothing is here.
    pub(crate) fn distance(&self, commit: &str) -> Option<usize> {
        let at = self.at.as_deref()?;
        let args = ["diff", "--name-only", "--no-ext-diff", "--ignore-submodules=all", at, commit];
        // A tree that can't be compared is as far away as can be.
        self.git.tell(args).ok().map(|names| names.lines().count())
    }

    /// Puts a commit's files here, and `extras` beside them. What builds left stays, unless `clean`.
    ///
    /// The answer is what git has to say if the commit's submodules can't be had: that commit can't be built.
    pub(crate) fn checkout(
        &mut self,
        commit: &str,
        clean: bool,
        extras: &[Extra],
    ) -> Result<Option<String>, HistoryError> {
        let fresh = self.at.is_none() || self.torn || clean;
        self.git.tell(["checkout", "--quiet", "--force", "--detach", commit])?;
        self.at = Some(commit.to_owned());
        if fresh {
            self.git.tell(["clean", "-ffdxq"])?;
            self.torn = false;
            for extra in extras {
                let place = self.path.join(&extra.place);
                if let Some(parent) = place.parent() {
                    fs::create_dir_all(parent).map_err(io_error("make", parent))?;
                }
                fs::copy(&extra.source, &place).map_err(io_error("copy", &extra.source))?;
            }
        }
        if !self.path.join(".gitmodules").exists() {
            return Ok(None);
        }
        // Without --init: that would write into the user's configuration.
        let update = ["submodule", "--quiet", "update", "--recursive", "--force"];
        let answer = self.git.ask(update)?;
        Ok((!answer.status.success()).then_some(answer.err))
    }
}

/// Adds a worktree that never gets files, for the state that git keeps in it; git there.
pub(crate) fn add_control(
    repository: &Repository,
    workplace: &Workplace,
    name: &str,
    commit: &str,
) -> Result<Git, HistoryError> {
    let path = workplace.claim_own_tree(repository, name)?;
    add_worktree(repository, &path, commit)
}

fn add_worktree(repository: &Repository, path: &Path, commit: &str) -> Result<Git, HistoryError> {
    let args = ["worktree", "add", "--quiet", "--detach", "--no-checkout"].map(OsStr::new);
    let args = args.into_iter().chain([path.as_os_str(), commit.as_ref()]);
    repository.git_at(repository.common()).tell(args)?;
    Ok(repository.git_at(path))
}
