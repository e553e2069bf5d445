//! Jobs that no build waits for: they take a slot that would stand idle, and give it up as soon as it is wanted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Scheduler;
use super::drive::Inner;
use super::farm::Farm;
use super::host::{Attempt, AttemptId};
use super::speed::work;
use super::vetting::{ToolchainKey, Vetting};
use crate::executor::{ExecError, Executor, Outcome};
use crate::job::SharedJob;

/// How often a job that is under way looks whether its slot is wanted.
const LOOK: Duration = Duration::from_millis(20);

/// What came of a job that no build waits for.
#[derive(Debug)]
pub enum Aside {
    /// A host compiled it.
    Done {
        /// The host.
        host: String,
        /// What it brought back.
        outcome: Outcome,
    },
    /// No host that may have it stands idle now.
    Nowhere,
    /// Its slot was wanted for a build's job.
    Interrupted,
    /// The host failed. Nothing was concluded from that: the next job of a build will see for itself.
    Failed(ExecError),
}

impl Scheduler {
    /// Runs `job` on a host that is idle and vetted for it, but not on `but`.
    ///
    /// Must be called within a Tokio runtime. Cancel-safe: dropping the future ends the job there.
    pub async fn run_aside(&self, job: SharedJob, but: &str) -> Aside {
        let key = self.inner.vetter.key(&job);
        let work = work(job.text.bytes.len());
        let taken = self.inner.look(|farm| farm.take_idle_slot(&key, work, but));
        let Some(Taken { id, host, executor, cancel }) = taken else { return Aside::Nowhere };
        let _slot = Slot { inner: &self.inner, id };
        let wanted = async {
            loop {
                tokio::time::sleep(LOOK).await;
                if self.inner.look(|farm| farm.wants_slots()) {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = cancel.notified() => Aside::Interrupted,
            result = executor.execute(job) => match result {
                Ok(outcome) => Aside::Done { host, outcome },
                Err(error) => Aside::Failed(error),
            },
            () = wanted => Aside::Interrupted,
        }
    }

    /// The executor of a host that is in the farm, whatever its state.
    #[must_use]
    pub fn executor(&self, host: &str) -> Option<Arc<dyn Executor>> {
        self.inner.look(|farm| {
            let found = farm.hosts.iter().find(|it| it.name == host && !it.retired);
            found.map(|host| Arc::clone(&host.executor))
        })
    }
}

struct Taken {
    id: AttemptId,
    host: String,
    executor: Arc<dyn Executor>,
    cancel: Arc<Notify>,
}

/// Gives the slot back.
struct Slot<'a> {
    inner: &'a Arc<Inner>,
    id: AttemptId,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.inner.event(|farm| {
            let now = Instant::now();
            let _ = farm.host_mut(self.id.host).and_then(|host| host.take(self.id, now));
            farm.forget_retired();
        });
    }
}

impl Farm {
    fn wants_slots(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes a slot of the fastest host that has one to spare. It counts as an attempt at a job that isn't there, which
    /// is what one looks like whose owner has gone.
    fn take_idle_slot(&mut self, key: &ToolchainKey, work: f64, but: &str) -> Option<Taken> {
        let key = *self.keys.get(key)?;
        if self.wants_slots() {
            return None;
        }
        let (mean, _) = self.mean_speed();
        let (id, ticket) = (self.number(), self.number());
        let idle = self.hosts.iter_mut().filter(|host| {
            host.is_usable()
                && host.name != but
                && matches!(host.vetting(key), Vetting::Good)
                && host.flight.len() < host.capacity.slots.min(host.limit())
        });
        let host = idle.max_by(|a, b| a.speed.expected(mean).total_cmp(&b.speed.expected(mean)))?;
        let (now, cancel) = (Instant::now(), Arc::new(Notify::new()));
        let id = AttemptId { host: host.id, number: id };
        host.flight.push(Attempt {
            id,
            ticket,
            work,
            key,
            small: false,
            sent: now,
            started: Some(now),
            silent_since: None,
            epoch: host.health.epoch,
            cancelled: false,
            cancel: Arc::clone(&cancel),
        });
        let (host, executor) = (host.name.clone(), Arc::clone(&host.executor));
        Some(Taken { id, host, executor, cancel })
    }
}
