//! git's own bisection, in a worktree without files: which commit is next, and when it is over.
//!
//! Its state is that of `git bisect start --no-checkout`, private to the worktree. Knows nothing of builds.

use std::fs;
use std::path::Path;

use crate::history::git::{Answer, Git};
use crate::history::repository::Repository;
use crate::history::tree;
use crate::history::workplace::Workplace;
use crate::history::{HistoryError, io_error, shallow_hint};

/// The worktree's name.
const CONTROL: &str = "control";

/// What is known of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Bad,
    Skip,
}

/// Where a bisection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// This commit is to be tested.
    Testing { commit: String, left: Left },
    /// This is the first bad one.
    Found(String),
    /// One of these is, and none of them can be tested.
    OnlySkipped(Vec<String>),
}

/// What is left after the commit at hand, as far as git says (it doesn't of a merge base).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) revisions: Option<u64>,
    pub(super) steps: Option<u64>,
}

/// A bisection under way.
pub(super) struct Bisection {
    git: Git,
    shallow: bool,
    /// What it calls good and bad; a replayed one may have words of its own.
    good: String,
    bad: String,
}

impl Bisection {
    /// Starts one between commits.
    pub(super) fn start(
        repository: &Repository,
        workplace: &Workplace,
        bad: &str,
        good: &[String],
    ) -> Result<(Self, State), HistoryError> {
        let args = ["bisect", "start", "--no-checkout", bad];
        let args: Vec<&str> = args.into_iter().chain(good.iter().map(String::as_str)).collect();
        Self::begin(repository, workplace, bad, &args)
    }

    /// Goes on from a log.
    pub(super) fn replay(
        repository: &Repository,
        workplace: &Workplace,
        log: &str,
    ) -> Result<(Self, State), HistoryError> {
        let file = workplace.file("replayed.log");
        let text = without_checkout(log);
        fs::write(&file, text).map_err(io_error("write", &file))?;
        let head = repository.resolve("HEAD")?;
        Self::begin(repository, workplace, &head, &["bisect", "replay", &file.to_string_lossy()])
    }

    fn begin(
        repository: &Repository,
        workplace: &Workplace,
        head: &str,
        args: &[&str],
    ) -> Result<(Self, State), HistoryError> {
        let git = tree::add_control(repository, workplace, CONTROL, head)?;
        let shallow = repository.is_shallow();
        let mut bisection = Self { git, shallow, good: "good".into(), bad: "bad".into() };
        let answer = bisection.git.ask(args)?;
        if answer.status.success() {
            bisection.good = bisection.git.tell(["bisect", "terms", "--term-good"])?;
            bisection.bad = bisection.git.tell(["bisect", "terms", "--term-bad"])?;
        }
        let state = bisection.state(&answer, args)?;
        Ok((bisection, state))
    }

    /// Says what a commit is.
    pub(super) fn mark(&self, commit: &str, verdict: Verdict) -> Result<State, HistoryError> {
        let term = match verdict {
            Verdict::Good => &self.good,
            Verdict::Bad => &self.bad,
            Verdict::Skip => "skip",
        };
        let args = ["bisect", term, commit];
        self.state(&self.git.ask(args)?, &args)
    }

    /// What `git bisect log` prints.
    pub(super) fn log(&self) -> Result<String, HistoryError> {
        Ok(self.git.tell(["bisect", "log"])?)
    }

    /// The commits that come next if `commit` is good and if it is bad; none where that would be the end.
    pub(super) fn likely_next(&self, commit: &str) -> Result<Vec<String>, HistoryError> {
        let refs =
            self.git.tell(["for-each-ref", "--format=%(refname) %(objectname)", "refs/bisect/"])?;
        let refs: Vec<_> = refs.lines().filter_map(|line| line.split_once(' ')).collect();
        let named = |name: &str| {
            let prefix = format!("refs/bisect/{name}");
            let found = refs.iter().filter(move |(name, _)| name.starts_with(&prefix));
            found.map(|(_, id)| *id).collect::<Vec<_>>()
        };
        let good = named(&format!("{}-", self.good));
        let Some(bad) = refs.iter().find(|(name, _)| *name == format!("refs/bisect/{}", self.bad))
        else {
            return Ok(Vec::new());
        };
        let with_this: Vec<&str> = good.iter().copied().chain([commit]).collect();
        let mut next = Vec::new();
        for (bad, good) in [(bad.1, &with_this), (commit, &good)] {
            next.extend(self.middle(bad, good)?.filter(|id| id != commit && id != bad));
        }
        next.dedup();
        Ok(next)
    }

    /// The commit to test between these.
    fn middle(&self, bad: &str, good: &[&str]) -> Result<Option<String>, HistoryError> {
        // Not `--bisect`: that would read the present state as well.
        let args = ["rev-list", "--bisect-vars", bad, "--not"];
        let said = self.git.tell(args.iter().chain(good))?;
        let id = said.lines().find_map(|line| line.strip_prefix("bisect_rev="));
        Ok(id.map(|id| id.trim_matches('\'').to_owned()).filter(|id| !id.is_empty()))
    }

    fn state(&self, answer: &Answer, args: &[&str]) -> Result<State, HistoryError> {
        let log = self.git.ask(["bisect", "log"])?.out;
        let bad = &self.bad;
        if let Some(found) = commits(&log, &format!("# first {bad} commit: [")).pop() {
            return Ok(State::Found(found));
        }
        if log.lines().any(|line| line == "# only skipped commits left to test") {
            let possible = commits(&log, &format!("# possible first {bad} commit: ["));
            return Ok(State::OnlySkipped(possible));
        }
        if !answer.status.success() {
            let hint = shallow_hint(self.shallow);
            return Err(HistoryError::Said(format!("{}{hint}", answer.failure(args))));
        }
        let head = self.git.ask(["rev-parse", "--verify", "--quiet", "BISECT_HEAD"])?;
        if !head.status.success() {
            return Err(HistoryError::Said(
                "the bisect lacks a bad or a good commit: a log must name both".into(),
            ));
        }
        Ok(State::Testing { commit: head.out, left: Left::of(&answer.out) })
    }
}

impl Left {
    /// From `Bisecting: 3 revisions left to test after this (roughly 2 steps)`; of several such lines the last counts.
    fn of(said: &str) -> Self {
        let line = said.lines().rev().find(|line| line.starts_with("Bisecting: "));
        let number = |after: &str| {
            let (_, rest) = line?.split_once(after)?;
            rest.split(' ').next()?.parse().ok()
        };
        Self { revisions: number("Bisecting: "), steps: number("(roughly ") }
    }
}

/// The commits of a log's remarks that begin like this.
fn commits(log: &str, beginning: &str) -> Vec<String> {
    let found = log.lines().filter_map(|line| line.strip_prefix(beginning)?.split(']').next());
    found.map(str::to_owned).collect()
}

/// A log of any bisect, as one of a bisect without checkout.
fn without_checkout(log: &str) -> String {
    let line = |line: &str| match line.strip_prefix("git bisect start") {
        Some(rest) if !rest.contains("--no-checkout") => {
            format!("git bisect start '--no-checkout'{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    // The remarks of how it ended aren't written by a replay, and the commands are all that is needed.
    log.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

/// Whether a path holds a log at all.
pub(super) fn is_log(text: &str, path: &Path) -> Result<(), HistoryError> {
    if text.lines().any(|line| line.starts_with("git bisect start")) {
        return Ok(());
    }
    Err(HistoryError::Said(format!(
        "{} is no log of a bisect: it has no line `git bisect start ...`",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_read_from_gits_words() {
        let said = "Bisecting: 9 revisions left to test after this (roughly 3 steps)\n[12] x\n\
                    Bisecting: 1 revision left to test after this (roughly 1 step)\n[34] y";
        assert_eq!(Left::of(said), Left { revisions: Some(1), steps: Some(1) });
        let merge_base = "Bisecting: a merge base must be tested\n[12] x";
        assert_eq!(Left::of(merge_base), Left::default());
    }

    #[test]
    fn a_plain_log_is_replayed_without_checkout() {
        let log = "# bad: [1] x\ngit bisect start\ngit bisect bad 1\n";
        assert_eq!(without_checkout(log), "git bisect start '--no-checkout'\ngit bisect bad 1\n");
        let ours = "git bisect start '--no-checkout' '1' '2'\n";
        assert_eq!(without_checkout(ours), ours);
    }
}
