//! What `each` tells: a line for each commit on standard output, or an object a line for scripts.

use std::collections::BTreeMap;

use serde_json::json;

use super::slots::Outcome;
use crate::commands::commit_line::{self, Notices, Passing, complain, say};
use crate::history::HistoryError;
use crate::history::repository::{Commit, Repository};

pub(super) struct Report {
    json: bool,
    quiet: bool,
    verbose: bool,
    passing: Passing,
    notices: Notices,
}

impl Report {
    pub(super) fn new(json: bool, quiet: bool, verbose: bool) -> Self {
        let passing = Passing::new(json || quiet);
        Self { json, quiet, verbose, passing, notices: Notices::default() }
    }

    pub(super) fn error(&self, sentence: &str) {
        self.passing.clear();
        if self.json {
            say!("{}", json!({ "event": "error", "message": sentence }));
        }
        complain!("farmbuild: {sentence}");
    }

    pub(super) fn begins(&self, commits: usize) {
        if self.json {
            say!("{}", json!({ "event": "start", "commits": commits }));
        } else if !self.quiet {
            say!("{commits} commits to build.");
        }
    }

    /// A commit is being built, on a terminal.
    pub(super) fn doing(&self, commit: &Commit) {
        self.passing.show(&format!("building {} {}", commit.short, commit.subject));
    }

    /// A commit was built, as the one of this number.
    pub(super) fn commit(&self, number: usize, commit: &Commit, outcome: &Outcome) {
        self.passing.clear();
        let Outcome { build, tested, failure, took } = outcome;
        let first_error = failure.as_ref().and_then(|failure| failure.first_error.as_ref());
        let figures = build.figures.as_ref();
        if self.json {
            let value = json!({
                "event": "commit",
                "commit": commit.id,
                "subject": commit.subject,
                "ok": failure.is_none(),
                "built": build.failure.is_none(),
                "test_status": tested,
                "first_error": first_error,
                "compiled": figures.map(|it| it.compiled),
                "hits": figures.map(|it| it.hits),
                "seconds": took.as_secs_f64(),
            });
            say!("{value}");
            return;
        }
        self.notices.tell(figures);
        if self.verbose {
            say!("{}", build.output().trim_end());
        }
        if self.quiet {
            return;
        }
        let result = match (failure, tested) {
            (None, _) => "built",
            (Some(_), None) => "doesn't build",
            (Some(_), Some(_)) => "fails the test",
        };
        let beginning = commit_line::beginning(commit, result);
        say!("{number:>3}  {beginning}{}", commit_line::figures(figures, *took));
        if let Some(error) = first_error {
            say!("       {error}");
        }
    }

    /// All are built that were to be. Whether one of them failed.
    pub(super) fn ends(
        &self,
        repository: &Repository,
        series: &[Commit],
        outcomes: &BTreeMap<usize, Outcome>,
    ) -> Result<bool, HistoryError> {
        let failed: Vec<_> = outcomes.iter().filter(|(_, it)| it.failure.is_some()).collect();
        let (built, left) = (outcomes.len() - failed.len(), series.len() - outcomes.len());
        let first = failed.first().map(|(index, outcome)| (&series[**index], *outcome));
        let text = |outcome: &Outcome| {
            outcome.failure.as_ref().map(|failure| failure.text.clone()).unwrap_or_default()
        };
        if self.json {
            let first = first.map(|(commit, outcome)| {
                commit_line::json(repository, &commit.id).map(|mut value| {
                    value["error"] = text(outcome).into();
                    value
                })
            });
            let first = first.transpose()?;
            let value = json!({
                "event": "end", "built": built, "failed": failed.len(), "left_out": left, "first_failing": first,
            });
            say!("{value}");
            return Ok(!failed.is_empty());
        }
        if !self.quiet {
            let left = if left > 0 { format!(", {left} not built") } else { String::new() };
            say!("\n{built} of {} built, {} failed{left}.", series.len(), failed.len());
        }
        if let Some((commit, outcome)) = first {
            say!(
                "\nThe first one that fails is {}  {}\n{}",
                commit.id,
                commit.subject,
                text(outcome)
            );
        }
        Ok(!failed.is_empty())
    }
}
