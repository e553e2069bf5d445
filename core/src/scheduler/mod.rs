//! Runs remote jobs over the hosts of a farm: which host, when, and what if it fails.
//!
//! Knows executors only by their trait, and nothing of transports, caches or builds. The rules are in
//! `docs/scheduler.md`. In here: `farm` is the state, `flow` a job's way through it, `standing` why one waits or goes
//! home. `pump` asks `placement` and `takeover` (pure) about a `view` of the estimates of `speed` and `crowd`; `health`,
//! `silence` and `vetting` say which hosts may be used, `doubt` which give wrong bytes; `aside` runs what no build waits
//! for; `drive` owns the tasks.

mod aside;
mod crowd;
mod doubt;
mod drive;
mod farm;
mod flow;
mod health;
mod host;
mod memory;
mod placement;
mod pump;
mod settings;
mod silence;
mod snapshot;
mod speed;
mod standing;
mod takeover;
mod verdict;
mod vetting;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use self::aside::Aside;
use self::drive::{Inner, JobGuard};
use self::flow::Next;
pub use self::settings::Settings;
pub use self::snapshot::{HostSnapshot, HostState, Snapshot};
pub use self::verdict::{Fault, HomeReason, Verdict};
pub use self::vetting::{ToolchainKey, TrustAll, VetError, Vetter};
use crate::budget::{LocalBudget, Use};
use crate::executor::Executor;
use crate::job::SharedJob;

/// One host of the farm.
#[derive(Clone)]
pub struct HostEntry {
    /// What runs jobs there.
    pub executor: Arc<dyn Executor>,
    /// Everything in the configuration that makes it this host (address, transport, compression...): while it, the
    /// name and the capacity stay the same, the host keeps its state and its first executor.
    pub key: String,
}

impl HostEntry {
    /// A host behind `executor`, the same one as long as `key` stays the same.
    pub fn new(executor: Arc<dyn Executor>, key: impl Into<String>) -> Self {
        Self { executor, key: key.into() }
    }
}

/// Runs jobs over the hosts of a farm. Cheap to clone; clones share one farm.
#[derive(Clone)]
pub struct Scheduler {
    inner: Arc<Inner>,
}

impl Scheduler {
    /// A scheduler without hosts, which brings jobs home on `budget`.
    #[must_use]
    pub fn new(budget: LocalBudget, vetter: Arc<dyn Vetter>, settings: Settings) -> Self {
        Self { inner: Arc::new(Inner::new(budget, vetter, settings)) }
    }

    /// Makes `hosts` the farm, while jobs run. New hosts get waiting jobs at once, hosts no longer there get no more
    /// (their last jobs end there), changed ones are replaced. Two entries that are alike are one host.
    ///
    /// Must be called within a Tokio runtime.
    pub fn set_hosts(&self, hosts: impl IntoIterator<Item = HostEntry>) {
        let asked = hosts.into_iter().map(|entry| {
            let (name, capacity) = (entry.executor.host().to_owned(), entry.executor.capacity());
            (entry, name, capacity)
        });
        let asked = asked.collect();
        self.inner.event(|farm| farm.set_hosts(asked));
    }

    /// Runs `job` on some host, or says that it is to be compiled at home.
    ///
    /// Must be called within a Tokio runtime. Cancel-safe: dropping the future ends the job wherever it is.
    pub async fn run(&self, job: SharedJob) -> Verdict {
        Arc::clone(&self.inner).watch_budget();
        let key = self.inner.vetter.key(&job);
        let (ticket, wake) = self.inner.event(|farm| farm.add(job, key));
        let _guard = JobGuard { inner: &self.inner, ticket };
        // Kept over turns of the loop: dropping it would lose its place in the line.
        let mut home = None;
        loop {
            let (wants_home, check) = match self.inner.look(|farm| farm.next(ticket)) {
                // Set aside for wrong bytes while this was on its way here.
                Next::Verdict(Verdict::Done { host, faults, .. }) if self.is_doubted(&host) => {
                    let reason = HomeReason::HostsInDoubt;
                    return Verdict::Home { reason, permit: None, faults };
                }
                Next::Verdict(verdict) => return verdict,
                Next::Wait { wants_home, check } => (wants_home, check),
            };
            if !wants_home {
                home = None;
            } else if home.is_none() {
                home = Some(Box::pin(self.inner.budget.acquire(Use::Compile)));
            }
            let permit = async {
                match &mut home {
                    Some(acquire) => acquire.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wake.notified() => {}
                permit = permit => {
                    home = None;
                    drop(self.inner.event(|farm| farm.take_home(ticket, permit)));
                }
                () = tokio::time::sleep(check) => self.inner.look(|farm| farm.tick(ticket)),
            }
        }
    }

    /// A local compile of `bytes` of preprocessed text took this long: teaches the scheduler how fast home is.
    pub fn note_home(&self, bytes: usize, took: Duration) {
        self.inner.look(|farm| farm.home.note(speed::work(bytes), took));
    }

    /// What is known of the hosts' speeds, by name, in bytes of preprocessed text per second and slot; of those that
    /// have left the farm too.
    #[must_use]
    pub fn speeds(&self) -> BTreeMap<String, f64> {
        self.inner.look(|farm| farm.speeds())
    }

    /// Says how fast a host was in an earlier life of the scheduler, in the unit of [`Scheduler::speeds`]: taken for
    /// true until it has ended some jobs, also if it comes to the farm only later. What was learnt since wins.
    pub fn set_speed(&self, host: &str, bytes_per_second: f64) {
        self.inner.look(|farm| farm.set_speed(host, bytes_per_second));
    }

    /// The farm as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.inner.look(|farm| farm.snapshot())
    }

    /// How many jobs the live hosts take (slots and queues), as it changes.
    #[must_use]
    pub fn watch_capacity(&self) -> watch::Receiver<usize> {
        self.inner.capacity.subscribe()
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("farm", &self.snapshot()).finish()
    }
}
