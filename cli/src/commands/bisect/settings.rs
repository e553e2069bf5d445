//! What a bisect begins with: its command line, the log it goes on from, or the journal of one that was killed.

use std::fs;

use super::bisection;
use super::journal::{self, JOURNAL, Settings};
use crate::args::{BisectArgs, BuildFailure};
use crate::history::repository::Repository;
use crate::history::workplace::Workplace;
use crate::history::{HistoryError, absolute, io_error};

/// Where it begins.
#[derive(Debug)]
pub(super) enum Beginning {
    Between { bad: String, good: Vec<String> },
    Log(String),
}

/// What can be told from the command line alone.
pub(super) fn check(args: &BisectArgs) -> Result<(), HistoryError> {
    if args.resume || args.replay.is_some() || (args.discard && is_bare(args)) {
        return Ok(());
    }
    let missing = match (&args.bad, args.good.is_empty()) {
        (None, true) => "name a commit that has the fault and one that doesn't",
        (None, false) => "name a commit that has the fault, with --bad",
        (Some(_), true) => "name a commit that doesn't have the fault yet, with --good",
        _ if args.command.is_empty() => "say how to build, after `--`",
        _ => return Ok(()),
    };
    Err(HistoryError::Said(format!(
        "{missing}, as in `farmbuild bisect --bad HEAD --good v1.0 -- make -j60`"
    )))
}

fn is_bare(args: &BisectArgs) -> bool {
    args.bad.is_none() && args.good.is_empty()
}

/// Decides where to begin; `None` if there is nothing to do but to clean up.
pub(super) fn begin(
    args: &BisectArgs,
    repository: &Repository,
    workplace: &Workplace,
) -> Result<Option<(Beginning, Settings)>, HistoryError> {
    let journal = fs::read_to_string(workplace.file(JOURNAL)).ok();
    if args.resume {
        let Some(text) = journal else {
            return Err(HistoryError::Said(
                "there is nothing to resume: no bisect was killed in this repository. One that was interrupted goes \
                 on with --replay FILE"
                    .into(),
            ));
        };
        let settings = merged(args, repository, journal::settings(&text))?;
        return Ok(Some((Beginning::Log(text), settings)));
    }
    if journal.is_some() && !args.discard {
        return Err(HistoryError::Said(
            "a bisect was killed in this repository: `farmbuild bisect --resume` goes on from it, --discard forgets it"
                .into(),
        ));
    }
    if let Some(file) = &args.replay {
        let text = fs::read_to_string(file).map_err(io_error("read", file))?;
        bisection::is_log(&text, file)?;
        let settings = merged(args, repository, journal::settings(&text))?;
        return Ok(Some((Beginning::Log(text), settings)));
    }
    let Some(bad) = &args.bad else { return Ok(None) };
    let bad = repository.resolve(bad)?;
    let good: Vec<String> =
        args.good.iter().map(|rev| repository.resolve(rev)).collect::<Result<_, _>>()?;
    if good.contains(&bad) {
        return Err(HistoryError::Said(format!(
            "{bad} can't be both good and bad: --good and --bad name the same commit"
        )));
    }
    Ok(Some((Beginning::Between { bad, good }, merged(args, repository, None)?)))
}

/// The settings of a log, with what the command line says instead.
fn merged(
    args: &BisectArgs,
    repository: &Repository,
    old: Option<Settings>,
) -> Result<Settings, HistoryError> {
    let fresh = old.is_none();
    let mut settings = old.unwrap_or_default();
    if fresh || !args.command.is_empty() {
        settings.command.clone_from(&args.command);
        settings.prefix = repository.prefix().to_owned();
    }
    if settings.command.is_empty() {
        return Err(HistoryError::Said(
            "the log doesn't say how to build: give the command after `--`, and the test with --test".into(),
        ));
    }
    if let Some(test) = &args.test {
        settings.test = Some(test.clone());
    }
    if fresh || args.build_failure.is_some() || args.test.is_some() {
        let default = if settings.test.is_some() { BuildFailure::Skip } else { BuildFailure::Bad };
        settings.failure_is_bad = args.build_failure.unwrap_or(default) == BuildFailure::Bad;
    }
    if let Some(directory) = &args.trees.worktree {
        settings.worktree = Some(absolute(directory)?);
    }
    if !args.trees.copy.is_empty() {
        settings.copy =
            args.trees.copy.iter().map(|file| absolute(file)).collect::<Result<_, _>>()?;
    }
    settings.clean |= args.trees.clean;
    settings.no_prebuild |= args.no_prebuild;
    Ok(settings)
}
