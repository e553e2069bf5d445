//! Finds boards that compile wrongly now and then, as overclocked ones and those with bad memory do: a canary passes there.
//!
//! A share of the jobs that a host compiled is compiled again elsewhere, when a slot stands idle. If the bytes differ, this
//! machine says whose are right. The host that was wrong is set aside, and what it made since it was last found right is
//! made again. `choice` says which jobs, `ledger` remembers what came from whom, `judge` compares, `redo` puts right,
//! `reference` compiles as hosts do but here, and `burn_in` asks one host at full load.

pub mod burn_in;
mod choice;
mod content;
mod judge;
mod ledger;
mod moment;
mod ordeal;
mod overseer;
mod queue;
mod redo;
mod reference;
mod sources;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

pub use self::content::{Content, ContentHash};
pub use self::overseer::{Count, Finding, Found, Overseer};

pub(super) use self::content::{digest, text_hash};
pub(super) use self::ledger::Delivery;

use self::choice::{Chooser, repeats};
use self::ledger::Ledger;
use self::queue::{Queue, Sample, Work};
use super::Pipeline;
use super::placing::Finishing;
use crate::job::SharedJob;

/// The share of a host's jobs that are compiled twice, unless told otherwise.
pub const DEFAULT_SHARE: f64 = 0.01;

/// Paths that are remembered of a host in doubt, for people.
const MOST_PATHS: usize = 100;

/// Why a host is in doubt, and what became of what it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The file whose bytes were wrong, or what stands for one.
    pub file: String,
    /// When that was found.
    pub at: SystemTime,
    /// Objects of running builds that were wrong, and were made again here.
    pub redone: Vec<PathBuf>,
    /// Objects that it made since it was last found right and that weren't looked at: their builds had ended, or it
    /// couldn't be done.
    pub unchecked: Vec<PathBuf>,
}

/// What is known of hosts by what they made. One for each pipeline.
pub(super) struct Sampling {
    state: Mutex<State>,
    /// Something is in the queue.
    queued: Notify,
    /// Differences that are being acted upon.
    acting: AtomicUsize,
}

struct State {
    chooser: Chooser,
    shares: HashMap<String, f64>,
    ledgers: HashMap<String, Ledger>,
    queue: Queue,
    doubts: BTreeMap<String, Doubt>,
    /// Samples that are being compiled again.
    in_hand: usize,
}

/// A difference is being acted upon for as long as this lives.
pub(super) struct Acting(Arc<Sampling>);

impl Default for Sampling {
    fn default() -> Self {
        let state = State {
            chooser: Chooser::default(),
            shares: HashMap::new(),
            ledgers: HashMap::new(),
            queue: Queue::default(),
            doubts: BTreeMap::new(),
            in_hand: 0,
        };
        Self { state: Mutex::new(state), queued: Notify::new(), acting: AtomicUsize::new(0) }
    }
}

impl Sampling {
    fn state(&self) -> MutexGuard<'_, State> {
        // Lists and numbers, whole after each statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is remembered what `host` makes.
    pub(super) fn watches(&self, host: &str) -> bool {
        self.state().shares.get(host).is_some_and(|share| *share > 0.0)
    }

    fn act(self: &Arc<Self>) -> Acting {
        self.acting.fetch_add(1, Ordering::AcqRel);
        Acting(Arc::clone(self))
    }

    /// A host made something, and it is in its place. Returns how many samples aren't going to be compiled again for lack
    /// of room.
    pub(super) fn delivered(
        &self,
        host: &str,
        delivery: Delivery,
        job: SharedJob,
        finishing: &Arc<Finishing>,
        alone: bool,
    ) -> u64 {
        let mut state = self.state();
        let State { chooser, shares, ledgers, queue, doubts, in_hand: _ } = &mut *state;
        let (contents, build) = (delivery.contents.clone(), delivery.build);
        let number = ledgers.entry(host.to_owned()).or_default().add(delivery);
        let dropped = if doubts.contains_key(host) {
            // It was on its way when its host was found wrong.
            queue.push_redo(host.to_owned());
            0
        } else if repeats(&job.compiler, &job.args)
            && chooser.chooses(shares.get(host).copied().unwrap_or_default(), job.id)
        {
            let (host, finishing) = (host.to_owned(), Arc::clone(finishing));
            queue.push(Sample { host, number, job, finishing, contents, build, alone })
        } else {
            0
        };
        drop(state);
        self.queued.notify_one();
        dropped
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.0.acting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Pipeline {
    /// Says which share of each host's jobs is compiled twice; 0 for a host that isn't named. Nothing is until
    /// [`Pipeline::look_after_samples`] runs.
    pub fn set_shares(&self, shares: impl IntoIterator<Item = (String, f64)>) {
        self.sampling.state().shares = shares.into_iter().collect();
    }

    /// Chooses samples as any other pipeline with this seed does.
    pub fn seed_samples(&self, seed: u64) {
        self.sampling.state().chooser = Chooser::new(seed);
    }

    /// The hosts that are set aside for what they made.
    #[must_use]
    pub fn doubts(&self) -> BTreeMap<String, Doubt> {
        self.sampling.state().doubts.clone()
    }

    /// Samples that wait for an idle slot or are being compiled again.
    #[must_use]
    pub fn waiting_samples(&self) -> usize {
        let state = self.sampling.state();
        state.queue.len() + state.in_hand
    }

    /// Whether a difference was found that isn't dealt with yet.
    #[must_use]
    pub fn is_acting_upon_a_difference(&self) -> bool {
        self.sampling.acting.load(Ordering::Acquire) > 0 || self.sampling.state().queue.has_redo()
    }

    /// Compiles samples again, and acts upon differences. Never ends; to be run once for each pipeline.
    pub async fn look_after_samples(self: Arc<Self>, overseer: Arc<dyn Overseer>) {
        loop {
            let queued = self.sampling.queued.notified();
            // From before it is out of the queue: the end of a build may look at any moment.
            let acting = self.sampling.act();
            let next = {
                let mut state = self.sampling.state();
                let next = state.queue.pop();
                state.in_hand = usize::from(matches!(next, Some(Work::Sample(_))));
                next
            };
            match next {
                Some(Work::Redo(host)) => {
                    self.redo(&host, &overseer).await;
                    drop(acting);
                }
                Some(Work::Sample(sample)) => {
                    drop(acting);
                    self.judge(sample, &overseer).await;
                }
                None => {
                    drop(acting);
                    queued.await;
                }
            }
        }
    }

    /// Sets a host aside for what it made, at once; its recent objects are made again by whoever looks after samples.
    pub(super) fn set_aside_for_bytes(&self, host: &str, file: String) {
        let doubt =
            Doubt { file, at: SystemTime::now(), redone: Vec::new(), unchecked: Vec::new() };
        let reason = doubt.to_string();
        {
            let mut state = self.sampling.state();
            state.doubts.entry(host.to_owned()).or_insert(doubt);
            state.queue.push_redo(host.to_owned());
        }
        self.scheduler.doubt(host, &reason);
        self.sampling.queued.notify_one();
    }

    /// Sets a host aside that was in doubt before there was this pipeline. What it made is nobody's concern any more.
    ///
    /// Must be called within a Tokio runtime.
    pub fn keep_in_doubt(&self, host: &str, doubt: Doubt) {
        let reason = doubt.to_string();
        self.sampling.state().doubts.insert(host.to_owned(), doubt);
        self.scheduler.doubt(host, &reason);
    }

    /// Gives a host jobs again that was set aside for what it made.
    pub fn trust(&self, host: &str) {
        self.sampling.state().doubts.remove(host);
        self.scheduler.trust(host);
    }
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "different bytes for {}, at {}", self.file, moment::Utc(self.at))
    }
}
