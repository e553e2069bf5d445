//! Runs the system's git: the user's version and configuration, without hooks, and with words that can be read.
//!
//! Knows nothing of what is asked.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Settings that keep git from doing more than it is asked: the user's hooks are for their own checkouts, and a
/// file-system monitor or a garbage collection would outlive us.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "color.ui=false",
];

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    #[error("can't run git ({0}); install it, or see that it is in PATH")]
    Missing(io::Error),
    #[error("git {command} failed:\n{said}")]
    Failed { command: String, said: String },
}

/// git in one directory.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    directory: PathBuf,
    /// Variables that would lead it to another repository (a hook has them in its environment).
    foreign: Vec<String>,
}

/// What git said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    /// Without white space at its end.
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Git {
    /// The git that a user in `directory` means: their environment may name the repository.
    pub(crate) fn as_user(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), foreign: Vec::new() }
    }

    /// git in `directory`, whatever repository the environment names.
    pub(crate) fn at(&self, directory: &Path, foreign: &[String]) -> Self {
        Self { directory: directory.to_owned(), foreign: foreign.to_vec() }
    }

    /// Runs it, and takes any exit status for an answer.
    pub(crate) fn ask<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Answer, GitError> {
        let mut command = Command::new("git");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        for variable in &self.foreign {
            command.env_remove(variable);
        }
        // In a group of its own: Ctrl-C ends builds, and git is what cleans up after them.
        let output = command
            .args(args)
            .current_dir(&self.directory)
            .env("LC_ALL", "C")
            .env("GIT_PAGER", "cat")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .process_group(0)
            .output()
            .map_err(GitError::Missing)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Ok(Answer { status: output.status, out: text(&output.stdout), err: text(&output.stderr) })
    }

    /// Runs it; its standard output, if it succeeded.
    pub(crate) fn tell<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Result<String, GitError> {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let answer = self.ask(&args)?;
        if answer.status.success() { Ok(answer.out) } else { Err(answer.failure(&args)) }
    }
}

impl Answer {
    /// The answer as an error.
    pub(crate) fn failure<A: AsRef<OsStr>>(&self, args: &[A]) -> GitError {
        let words: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
        let said = if self.err.is_empty() { &self.out } else { &self.err };
        GitError::Failed { command: words.join(" "), said: said.clone() }
    }
}
