//! What a bisect tells: lines for people on standard output, or an object a line for scripts.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::bisection::{Left, State, Verdict};
use crate::commands::commit_line::{self, Notices, Passing, complain, say};
use crate::history::HistoryError;
use crate::history::recipe::Build;
use crate::history::repository::{Commit, Repository};

/// One commit, judged.
pub(super) struct Step {
    pub(super) commit: Commit,
    pub(super) verdict: Verdict,
    pub(super) build: Build,
    /// It was built ahead.
    pub(super) ahead: bool,
    /// The test's exit status, if there was a test.
    pub(super) tested: Option<i32>,
    /// From one verdict to the next.
    pub(super) took: Duration,
}

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

    pub(super) fn begins(&self, left: Left) {
        let Left { revisions, steps } = left;
        if self.json {
            say!(
                "{}",
                json!({ "event": "start", "revisions_left": revisions, "steps_left": steps })
            );
        } else if let (false, Some(steps)) = (self.quiet, steps) {
            // git's steps are those after the one at hand.
            say!("Bisecting: roughly {}.", many(steps + 1, "step"));
        }
    }

    /// What is being done, on a terminal.
    pub(super) fn doing(&self, verb: &str, commit: &Commit) {
        self.passing.show(&format!("{verb} {} {}", commit.short, commit.subject));
    }

    /// The step of this number is done; so far all of them took `elapsed`.
    pub(super) fn step(&self, number: u32, step: &Step, state: &State, elapsed: Duration) {
        self.passing.clear();
        let left = match state {
            State::Testing { left, .. } => *left,
            State::Found(_) | State::OnlySkipped(_) => Left { revisions: Some(0), steps: None },
        };
        let over = !matches!(state, State::Testing { .. });
        // git's steps are those after the next one.
        let steps = if over { Some(0) } else { left.steps.map(|steps| steps + 1) };
        let seconds = steps.map(|steps| elapsed.as_secs_f64() / f64::from(number) * steps as f64);
        if self.json {
            say!("{}", step_json(step, left.revisions, steps, seconds));
            return;
        }
        self.notices.tell(step.build.figures.as_ref());
        if self.verbose {
            say!("{}", step.build.output().trim_end());
        }
        if self.quiet {
            return;
        }
        let mut line =
            format!("{number:>2}  {}", commit_line::beginning(&step.commit, &verdict(step)));
        line.push_str(&commit_line::figures(step.build.figures.as_ref(), step.took));
        if step.ahead {
            line.push_str(", built ahead");
        }
        if let (Some(steps @ 1..), Some(seconds)) = (steps, seconds) {
            line.push_str(&format!(
                "; roughly {} left, {}",
                many(steps, "step"),
                commit_line::time(seconds)
            ));
        }
        say!("{line}");
        if let Some(error) = step.build.failure.as_ref().and_then(|it| it.first_error.as_ref()) {
            say!("      {error}");
        }
        if let Some(status @ (126 | 127)) = step.tested {
            say!("      the test ended with status {status}, as a shell does that can't run it");
        }
    }

    pub(super) fn found(
        &self,
        repository: &Repository,
        id: &str,
        log: &str,
    ) -> Result<(), HistoryError> {
        let git = repository.git();
        if self.json {
            let mut value = commit_line::json(repository, id)?;
            value["event"] = "culprit".into();
            value["log"] = log.into();
            say!("{value}");
            return Ok(());
        }
        let args = ["log", "-1", "--no-show-signature", "--no-decorate", "--format=medium"];
        let files = ["--stat", "--summary", "-m", "--first-parent", id];
        let entry = git.tell(args.iter().chain(&files))?;
        say!("\n{id} is the first bad commit\n{entry}\n\nThe log (git bisect log):\n{log}");
        Ok(())
    }

    pub(super) fn only_skipped(&self, commits: &[Commit], log: &str) {
        if self.json {
            let ids: Vec<_> = commits.iter().map(|commit| &commit.id).collect();
            say!("{}", json!({ "event": "only-skipped", "candidates": ids, "log": log }));
            return;
        }
        say!("\nOnly skipped commits are left. The first bad commit is one of these:");
        for commit in commits {
            say!("  {}  {}", commit.id, commit.subject);
        }
        say!("\nThe log (git bisect log):\n{log}");
    }

    /// It ends before it is done; `text` is the journal so far.
    pub(super) fn interrupted(&self, text: &str, file: Option<&Path>, by_signal: bool) {
        self.passing.clear();
        if self.json {
            say!("{}", json!({ "event": "interrupted", "log": text }));
            return;
        }
        let how = if by_signal { "interrupted" } else { "ended early" };
        if let Some(file) = file {
            let file = file.display();
            complain!("farmbuild: {how}; `farmbuild bisect --replay {file}` goes on.");
        } else {
            complain!(
                "farmbuild: {how}; save the lines below, and `farmbuild bisect --replay FILE` goes on."
            );
            say!("{}", text.trim_end());
        }
    }
}

fn verdict(step: &Step) -> String {
    let failed = step.build.failure.is_some();
    let words = match (step.verdict, failed) {
        (Verdict::Good, _) => "good",
        (Verdict::Bad, false) => "bad",
        (Verdict::Bad, true) => "doesn't build: bad",
        (Verdict::Skip, false) => "skipped by the test",
        (Verdict::Skip, true) => "doesn't build: skipped",
    };
    words.to_owned()
}

fn many(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn step_json(
    step: &Step,
    revisions: Option<u64>,
    steps: Option<u64>,
    seconds: Option<f64>,
) -> Value {
    let Step { commit, verdict, build, ahead, tested, took } = step;
    let figures = build.figures.as_ref();
    json!({
        "event": "step",
        "commit": commit.id,
        "subject": commit.subject,
        "result": match verdict {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::Skip => "skip",
        },
        "built": build.failure.is_none(),
        "built_ahead": ahead,
        "first_error": build.failure.as_ref().and_then(|it| it.first_error.as_ref()),
        "test_status": tested,
        "compiled": figures.map(|it| it.compiled),
        "hits": figures.map(|it| it.hits),
        "seconds": took.as_secs_f64(),
        "revisions_left": revisions,
        "steps_left": steps,
        "seconds_left": seconds,
    })
}
