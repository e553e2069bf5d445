//! Compiles a sample again, and says who was wrong if the bytes differ.

use std::sync::Arc;
use std::time::Duration;

use super::content::{Content, ContentHash};
use super::overseer::{Count, Overseer};
use super::queue::Sample;
use super::reference::Reference;
use crate::budget::Use;
use crate::executor::{Executor, Outcome};
use crate::job::{Invocation, SharedJob};
use crate::pipeline::Pipeline;
use crate::pipeline::placing::{Finishing, finish_outcome};
use crate::scheduler::Aside;

/// How long to wait before looking for an idle slot again.
const REST: Duration = Duration::from_millis(50);

/// How often a sample may lose its slot to a build's job.
const INTERRUPTIONS: usize = 3;

const CHANGING: &str = "some jobs come out different each time, here too, so that compiling them twice tells nothing of \
                        hosts; -frandom-seed=$@ makes compiles with -flto, -gsplit-dwarf or --coverage come out alike";

/// Whose bytes were wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    First,
    Second,
    /// Nobody's, as far as can be told.
    Nobody,
}

/// Whose bytes were wrong, of two that differ, given what two compiles here made. This machine is right if it agrees
/// with itself and with one of the two; otherwise the job doesn't make the same bytes each time, or nothing can be told.
fn blame<T: PartialEq>(first: &T, second: &T, here: [&T; 2]) -> Blame {
    match here {
        [a, b] if a != b => Blame::Nobody,
        [a, _] if a == second => Blame::First,
        [a, _] if a == first => Blame::Second,
        _ => Blame::Nobody,
    }
}

/// What came of compiling a sample again.
enum Elsewhere {
    /// Who made what; nobody's name stands for this machine.
    Made(Option<String>, Vec<ContentHash>),
    /// It isn't worth more, or failed.
    Lost,
    /// There is something more urgent to do.
    Postponed,
}

/// Contents without their places.
fn hashes(contents: &[Content]) -> Vec<ContentHash> {
    contents.iter().map(|it| it.hash).collect()
}

impl Pipeline {
    /// Compiles a sample again, and acts upon what comes of it.
    pub(super) async fn judge(self: &Arc<Self>, sample: Sample, overseer: &Arc<dyn Overseer>) {
        let build = sample.build;
        let (other, second) = match self.compile_elsewhere(&sample).await {
            Elsewhere::Made(other, second) => (other, second),
            Elsewhere::Lost => return overseer.count(build, Count::Dropped),
            Elsewhere::Postponed => {
                return self.sampling.state().queue.put_back(sample);
            }
        };
        let first = hashes(&sample.contents);
        if first == second {
            overseer.count(build, Count::Agreed);
            let mut state = self.sampling.state();
            if let Some(ledger) = state.ledgers.get_mut(&sample.host) {
                ledger.found_right(sample.number);
            }
            return;
        }
        let _acting = self.sampling.act();
        overseer.count(build, Count::Differed);
        let file = sample.job.object.display().to_string();
        let by = other.clone().unwrap_or_else(|| "this machine".to_owned());
        tracing::warn!(file, host = sample.host, by, "a job compiled twice came out different");
        let once = match &other {
            None => Some(second.clone()),
            Some(_) => self.compile_here(&sample.job, &sample.finishing).await,
        };
        let again = self.compile_here(&sample.job, &sample.finishing).await;
        let steady = once == again;
        let blamed = match (&once, &again) {
            (Some(once), Some(again)) => blame(&first, &second, [once, again]),
            _ => Blame::Nobody,
        };
        match (blamed, other) {
            (Blame::First, _) => self.set_aside_for_bytes(&sample.host, file),
            (Blame::Second, Some(other)) => self.set_aside_for_bytes(&other, file),
            _ => {
                overseer.count(build, Count::Undecided);
                let sentence = if steady {
                    let host = &sample.host;
                    format!(
                        "{file} came out in three ways: by {host}, by {by} and here; nobody is blamed"
                    )
                } else {
                    // The same for all such jobs of a build.
                    CHANGING.to_owned()
                };
                overseer.notice(build, sentence);
            }
        }
    }

    /// Compiles a sample where a slot is idle: on another host, or else here. Waits for one.
    async fn compile_elsewhere(&self, sample: &Sample) -> Elsewhere {
        let as_made = |host, made: Option<_>| match made {
            Some(made) => Elsewhere::Made(host, made),
            None => Elsewhere::Lost,
        };
        let mut interruptions = 0;
        loop {
            if self.sampling.state().doubts.contains_key(&sample.host) {
                // All that it made is looked at anyway.
                return Elsewhere::Lost;
            }
            if self.sampling.state().queue.has_redo() {
                return Elsewhere::Postponed;
            }
            match self.scheduler.run_aside(Arc::clone(&sample.job), &sample.host).await {
                Aside::Done { host, outcome } => {
                    let made = made(outcome, &sample.finishing, &sample.job).await;
                    return as_made(Some(host), made);
                }
                Aside::Failed(error) => {
                    tracing::debug!(%error, "a sample failed");
                    return Elsewhere::Lost;
                }
                Aside::Interrupted => interruptions += 1,
                Aside::Nowhere => {
                    let permit = if sample.alone { None } else { self.budget.try_acquire() };
                    if let Some(_permit) = permit {
                        let job = Arc::clone(&sample.job);
                        return as_made(None, self.run_here(job, &sample.finishing).await);
                    }
                }
            }
            if interruptions > INTERRUPTIONS {
                return Elsewhere::Lost;
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Compiles a job here, as soon as local CPU allows.
    pub(super) async fn compile_here(
        &self,
        job: &SharedJob,
        finishing: &Arc<Finishing>,
    ) -> Option<Vec<ContentHash>> {
        let _permit = self.budget.acquire(Use::Compile).await;
        self.run_here(Arc::clone(job), finishing).await
    }

    async fn run_here(
        &self,
        job: SharedJob,
        finishing: &Arc<Finishing>,
    ) -> Option<Vec<ContentHash>> {
        let invocation = self.canaries.invocation_of(&job.toolchain)?;
        let outcome = self.reference(invocation).execute(Arc::clone(&job)).await;
        let outcome = outcome.inspect_err(|error| tracing::debug!(%error, "a sample failed here"));
        made(outcome.ok()?, finishing, &job).await
    }

    /// This machine as a host.
    pub(super) fn reference(&self, invocation: Invocation) -> Reference {
        Reference::new(&self.home, invocation)
    }
}

/// What a compile made, after what every output goes through; its files are gone then.
pub(super) async fn made(
    outcome: Outcome,
    finishing: &Arc<Finishing>,
    job: &SharedJob,
) -> Option<Vec<ContentHash>> {
    match finish_outcome(outcome, finishing, &job.object, true).await {
        Ok(finished) => Some(hashes(&finished.contents)),
        Err(stay) => {
            tracing::debug!(%stay, "a sample came to nothing");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_right_when_it_agrees_with_itself_and_with_one_of_the_two() {
        assert_eq!(blame(&'x', &'y', ['y', 'y'].each_ref()), Blame::First);
        assert_eq!(blame(&'x', &'y', ['x', 'x'].each_ref()), Blame::Second);
    }

    #[test]
    fn nobody_is_to_blame_for_a_job_that_makes_other_bytes_each_time() {
        assert_eq!(blame(&'x', &'y', ['y', 'z'].each_ref()), Blame::Nobody);
        assert_eq!(blame(&'x', &'y', ['v', 'w'].each_ref()), Blame::Nobody);
    }

    #[test]
    fn nobody_is_to_blame_where_this_machine_stands_alone() {
        assert_eq!(blame(&'x', &'y', ['z', 'z'].each_ref()), Blame::Nobody);
    }
}
