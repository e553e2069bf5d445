//! Builds the commits of a series, as many at the same time as there are slots, each slot with a tree of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::report::Report;
use crate::args::{EachArgs, Order};
use crate::history::HistoryError;
use crate::history::excerpt::{self, Excerpt};
use crate::history::recipe::{Build, Means};
use crate::history::repository::Commit;
use crate::history::stop::Stop;
use crate::history::tree::Tree;

/// What became of a commit.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) build: Build,
    /// The test's exit status, if there was one.
    pub(super) tested: Option<i32>,
    /// Why it failed, if it did, in the compiler's or the test's words.
    pub(super) failure: Option<Excerpt>,
    /// With the checkout.
    pub(super) took: Duration,
}

pub(super) struct Slots<'a> {
    means: Means<'a>,
    args: &'a EachArgs,
    series: &'a [Commit],
    report: &'a Report,
    state: Mutex<Progress>,
}

/// What slots tell each other.
#[derive(Default)]
struct Progress {
    /// Places in the order of building that were given out.
    begun: usize,
    /// The first place in that order that failed: nothing behind it is wanted any more.
    limit: Option<usize>,
    /// What is being built, by place.
    running: BTreeMap<usize, Stop>,
    /// By place in the series.
    outcomes: BTreeMap<usize, Outcome>,
    error: Option<HistoryError>,
}

impl<'a> Slots<'a> {
    pub(super) fn new(
        means: Means<'a>,
        args: &'a EachArgs,
        series: &'a [Commit],
        report: &'a Report,
    ) -> Self {
        Self { means, args, series, report, state: Mutex::default() }
    }

    /// Builds them; the outcomes by place in the series.
    pub(super) fn run(self) -> Result<BTreeMap<usize, Outcome>, HistoryError> {
        let slots = self.args.jobs.get().min(self.series.len());
        thread::scope(|scope| {
            for slot in 0..slots {
                let this = &self;
                scope.spawn(move || {
                    if let Err(error) = this.serve(slot) {
                        this.fail(error);
                    }
                });
            }
        });
        self.means.stop.check()?;
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.error.map_or(Ok(state.outcomes), Err)
    }

    fn state(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One slot: takes a commit after the other.
    fn serve(&self, slot: usize) -> Result<(), HistoryError> {
        let first = &self.series[0].id;
        // One after the other: git counts worktrees in the names that it gives them.
        let tree = {
            let _others_wait = self.state();
            Tree::add(self.means.repository, self.means.workplace, &slot.to_string(), first)
        };
        let mut tree = tree?;
        while let Some((place, stop)) = self.next() {
            let index = self.index(place);
            let outcome = self.outcome(&mut tree, &self.series[index], &stop);
            let mut state = self.state();
            state.running.remove(&place);
            match outcome {
                // Not wanted any more: something before it failed.
                Err(HistoryError::Stopped) if state.limit.is_some_and(|limit| limit < place) => {}
                Err(error) => return Err(error),
                Ok(outcome) => {
                    if outcome.failure.is_some() && !self.args.keep_going {
                        state.end_behind(place);
                    }
                    self.report.commit(state.outcomes.len() + 1, &self.series[index], &outcome);
                    state.outcomes.insert(index, outcome);
                }
            }
        }
        Ok(())
    }

    /// The next place in the order of building, and how to stop what is done there.
    fn next(&self) -> Option<(usize, Stop)> {
        let mut state = self.state();
        let place = state.begun;
        let wanted = place < self.series.len() && state.limit.is_none_or(|limit| place < limit);
        if !wanted || state.error.is_some() || self.means.stop.is_asked() {
            return None;
        }
        state.begun += 1;
        let stop = self.means.stop.apart();
        state.running.insert(place, stop.clone());
        Some((place, stop))
    }

    /// Where in the series a place in the order of building is.
    fn index(&self, place: usize) -> usize {
        match self.args.order {
            Order::Oldest => place,
            Order::Newest => self.series.len() - 1 - place,
        }
    }

    fn outcome(
        &self,
        tree: &mut Tree,
        commit: &Commit,
        stop: &Stop,
    ) -> Result<Outcome, HistoryError> {
        let start = Instant::now();
        let Means { workplace, recipe, .. } = self.means;
        self.report.doing(commit);
        let build = recipe.build(workplace, tree, &commit.id, false, stop)?;
        let mut failure = build.failure.clone();
        let mut tested = None;
        if let (None, Some(test)) = (&failure, &self.args.test) {
            let status = recipe.test(test, tree, &build.log, stop)?.status;
            tested = Some(status);
            failure = (status != 0).then(|| Excerpt {
                first_error: Some(format!("the test ended with status {status}")),
                text: excerpt::of(&build.log).text,
            });
        }
        Ok(Outcome { build, tested, failure, took: start.elapsed() })
    }

    /// Ends all slots with an error; the first one counts.
    fn fail(&self, error: HistoryError) {
        let mut state = self.state();
        for stop in state.running.values() {
            stop.ask();
        }
        if state.error.is_none() {
            state.error = Some(error);
        }
    }
}

impl Progress {
    /// Nothing behind `place` is wanted any more.
    fn end_behind(&mut self, place: usize) {
        self.limit = Some(self.limit.map_or(place, |limit| limit.min(place)));
        for (_, stop) in self.running.range(place..) {
            stop.ask();
        }
    }
}
