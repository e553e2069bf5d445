//! How a commit is built and tested, and what came of it.
//!
//! Knows trees and processes; not why this commit and not another.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::Refusal;
use farmbuild_core::protocol::message::{Counters, Summary};

use super::excerpt::{self, Excerpt};
use super::repository::{Extra, Repository};
use super::run::{self, Task};
use super::stop::Stop;
use super::tree::Tree;
use super::workplace::Workplace;
use super::{HistoryError, io_error};

/// How often a build is run again that a host gave wrong objects.
const RETRIES: usize = 2;

/// What is done with every commit.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) farm: Option<PathBuf>,
    /// The build's command.
    pub(crate) command: Vec<String>,
    /// The directory of a tree to run it in.
    pub(crate) prefix: PathBuf,
    pub(crate) clean: bool,
    pub(crate) extras: Vec<Extra>,
    /// Variables that would lead git in builds and tests to the user's own tree.
    pub(crate) foreign: Vec<String>,
}

/// What commits are built with and where, until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) workplace: &'a Workplace,
    pub(crate) recipe: &'a Recipe,
    pub(crate) stop: &'a Stop,
}

/// A commit's build that came to an end of its own.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    /// Why it failed, if it did.
    pub(crate) failure: Option<Excerpt>,
    /// None if there was no daemon to count.
    pub(crate) figures: Option<Figures>,
    /// What it printed.
    pub(crate) log: PathBuf,
}

/// The numbers of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Files that were compiled, here or on the farm.
    pub(crate) compiled: u64,
    /// Files that came from the cache.
    pub(crate) hits: u64,
    /// Things to say once.
    pub(crate) notices: Vec<String>,
}

/// A test's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tested {
    /// Its exit status; that of a shell if a signal ended it.
    pub(crate) status: i32,
}

impl Recipe {
    /// Builds a commit in a tree. An error if it comes to no end, [`HistoryError::Stopped`] among them.
    pub(crate) fn build(
        &self,
        workplace: &Workplace,
        tree: &mut Tree,
        commit: &str,
        low_priority: bool,
        stop: &Stop,
    ) -> Result<Build, HistoryError> {
        stop.check()?;
        let log = log_of(workplace, tree)?;
        let no_build = |why: String| {
            let failure = Excerpt { first_error: why.lines().last().map(str::to_owned), text: why };
            Ok(Build { failure: Some(failure), figures: None, log: log.clone() })
        };
        if let Some(why) = tree.checkout(commit, self.clean, &self.extras)? {
            return no_build(why);
        }
        let directory = self.directory(tree);
        if !directory.is_dir() {
            return no_build(format!("it has no directory {}", self.prefix.display()));
        }
        stop.check()?;
        let words: Vec<&OsStr> = self.command.iter().map(OsStr::new).collect();
        let summary = workplace.file(&format!("{}.summary", tree.name()));
        let task = Task {
            what: "the build",
            words: &words,
            farm: self.farm.as_deref(),
            directory: &directory,
            without: &self.foreign,
            log: &log,
            summary: Some(&summary),
            low_priority,
        };
        let mut ended = run::run(&task, stop)?;
        let mut figures = ended.counted().map(Figures::of);
        // A board was wrong, not the commit: what it made is right by now, and the rest is made of that.
        for _ in 0..RETRIES {
            let untrusted = ended.untrusted();
            if ended.stopped || untrusted.is_empty() {
                break;
            }
            for wrong in untrusted.iter().filter(|it| it.left.is_some()) {
                // The build makes again what is gone.
                if wrong.path.starts_with(tree.path()) {
                    let _ = fs::remove_file(&wrong.path);
                }
            }
            ended = run::run(&task, stop)?;
            figures =
                figures.into_iter().chain(ended.counted().map(Figures::of)).reduce(Figures::and);
        }
        if ended.stopped {
            // make and its like undo what they were at when they may end by themselves.
            if ended.summary.is_none() {
                tree.tear();
            }
            return Err(HistoryError::Stopped);
        }
        let failure = (!ended.status.success()).then(|| excerpt::of(&log));
        Ok(Build { failure, figures, log })
    }

    /// Where in a tree it happens.
    fn directory(&self, tree: &Tree) -> PathBuf {
        // A joined empty path would leave a slash at the end, and that in the objects.
        tree.path().join(&self.prefix).components().collect()
    }

    /// Runs a test on what was built in a tree.
    pub(crate) fn test(
        &self,
        test: &str,
        tree: &Tree,
        log: &Path,
        stop: &Stop,
    ) -> Result<Tested, HistoryError> {
        stop.check()?;
        let directory = self.directory(tree);
        let words = ["sh", "-c", test].map(OsStr::new);
        let task = Task {
            what: "the test",
            words: &words,
            farm: None,
            directory: &directory,
            without: &self.foreign,
            log,
            summary: None,
            low_priority: false,
        };
        let ended = run::run(&task, stop)?;
        if ended.stopped {
            return Err(HistoryError::Stopped);
        }
        // The leash passes signals on as a shell does; none is left but one that was meant for the leash itself.
        Ok(Tested { status: ended.status.code().unwrap_or(128 + 9) })
    }
}

/// A tree's log, emptied.
fn log_of(workplace: &Workplace, tree: &Tree) -> Result<PathBuf, HistoryError> {
    let log = workplace.file(&format!("{}.log", tree.name()));
    File::create(&log).map_err(io_error("write", &log))?;
    Ok(log)
}

impl Build {
    /// All that it printed, and the test after it.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Figures {
    fn of(summary: &Summary) -> Self {
        let Counters { hit, remote, local, .. } = &summary.counters;
        let compiled_here = local.iter().filter(|(reason, _)| !compiles_nothing(reason));
        let compiled = remote.values().chain(compiled_here.map(|(_, number)| number)).sum();
        Self { compiled, hits: hit.values().sum(), notices: summary.notices.clone() }
    }

    /// Those of a build and of the same build run again.
    fn and(self, again: Self) -> Self {
        Self {
            compiled: self.compiled + again.compiled,
            hits: self.hits + again.hits,
            notices: [self.notices, again.notices].concat(),
        }
    }
}

/// Whether a job that stayed home for this reason made no object.
fn compiles_nothing(reason: &str) -> bool {
    const NOTHING: [Refusal; 5] = [
        Refusal::Probe,
        Refusal::PreprocessOnly,
        Refusal::SyntaxOnly,
        Refusal::Link,
        Refusal::NoSource,
    ];
    NOTHING.iter().any(|refusal| refusal.name() == reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_count_compiles_wherever_they_ran_and_nothing_else() {
        let mut summary = Summary::default();
        summary.counters.remote = [("a".into(), 3), ("b".into(), 2)].into();
        summary.counters.local =
            [("no-hosts".into(), 4), ("link".into(), 8), ("probe".into(), 16)].into();
        summary.counters.hit = [("direct".into(), 32)].into();
        let figures = Figures::of(&summary);
        assert_eq!((figures.compiled, figures.hits), (9, 32));
    }
}
