//! Carries out what the farm's state decides: the tasks that run attempts, probes and vetting, and the lock.
//!
//! Foreign code (executors, vetters) runs in tasks of its own and never under the lock; a panic in it ends its task
//! and is the host's failure.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::farm::{Effect, Farm, Key, Ticket};
use super::flow::Ended;
use super::host::{AttemptId, HostId};
use super::settings::Settings;
use super::vetting::{VetError, Vetter};
use crate::budget::LocalBudget;
use crate::executor::{ExecError, Executor};
use crate::job::SharedJob;

pub(super) struct Inner {
    farm: Mutex<Farm>,
    pub(super) budget: LocalBudget,
    pub(super) vetter: Arc<dyn Vetter>,
    pub(super) capacity: watch::Sender<usize>,
    settings: Settings,
    budget_watcher: OnceLock<AbortHandle>,
}

impl Inner {
    pub(super) fn new(budget: LocalBudget, vetter: Arc<dyn Vetter>, settings: Settings) -> Self {
        Self {
            farm: Mutex::new(Farm::new(budget.clone(), settings.clone())),
            budget,
            vetter,
            capacity: watch::Sender::new(0),
            settings,
            budget_watcher: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Farm> {
        // No foreign code runs under this lock; were there a bug of ours, other jobs should still go on.
        self.farm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened: changes the state and sends what can be sent now.
    pub(super) fn event<R>(self: &Arc<Self>, change: impl FnOnce(&mut Farm) -> R) -> R {
        self.look(|farm| {
            let result = change(farm);
            farm.pump();
            result
        })
    }

    /// Looks at the state, or changes what concerns one job only.
    pub(super) fn look<R>(self: &Arc<Self>, change: impl FnOnce(&mut Farm) -> R) -> R {
        let mut farm = self.lock();
        let result = change(&mut farm);
        let effects = std::mem::take(&mut farm.effects);
        let live = farm.live_capacity();
        // Under the lock, so that no older figure overwrites a newer one; it wakes, and calls nobody.
        self.capacity.send_if_modified(|capacity| std::mem::replace(capacity, live) != live);
        drop(farm);
        for effect in effects {
            self.carry_out(effect);
        }
        result
    }

    fn carry_out(self: &Arc<Self>, effect: Effect) {
        let task = match effect {
            Effect::Start { attempt, executor, job, cancel } => {
                let guard =
                    AttemptGuard { inner: Arc::clone(self), attempt, how: Some(Ended::Vanished) };
                Task::Attempt(guard, executor, job, cancel)
            }
            Effect::Probe { host, executor, delay, epoch } => {
                Task::Probe((host, epoch), executor, delay)
            }
            Effect::Vet { host, key, executor, job } => Task::Vet(host, key, executor, job),
            Effect::Discard { .. } | Effect::Forget { .. } => return,
        };
        // Without a runtime (it is being shut down) there is nobody left to tell.
        let Ok(runtime) = Handle::try_current() else { return };
        let inner = Arc::downgrade(self);
        match task {
            Task::Attempt(guard, executor, job, cancel) => {
                drop(runtime.spawn(attempt(guard, executor, job, cancel)));
            }
            Task::Probe(breakdown, executor, delay) => {
                let limit = self.settings.probe_timeout;
                drop(runtime.spawn(probe(inner, breakdown, executor, delay, limit)));
            }
            Task::Vet(host, key, executor, job) => {
                let (vetter, limit) = (Arc::clone(&self.vetter), self.settings.vet_timeout);
                drop(runtime.spawn(vet(inner, host, key, executor, job, vetter, limit)));
            }
        }
    }

    /// Looks again whenever a local slot falls idle, from the first job on.
    pub(super) fn watch_budget(self: Arc<Self>) {
        if !self.settings.bring_home {
            return;
        }
        self.budget_watcher.get_or_init(|| {
            let mut idle = self.budget.watch_idle();
            let inner = Arc::downgrade(&self);
            let watcher = tokio::spawn(async move {
                while idle.changed().await.is_ok() {
                    let Some(inner) = inner.upgrade() else { return };
                    inner.event(|_| ());
                }
            });
            watcher.abort_handle()
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(watcher) = self.budget_watcher.get() {
            watcher.abort();
        }
    }
}

enum Task {
    Attempt(AttemptGuard, Arc<dyn Executor>, SharedJob, Arc<Notify>),
    Probe((HostId, u64), Arc<dyn Executor>, Duration),
    Vet(HostId, Key, Arc<dyn Executor>, SharedJob),
}

/// Takes a job out of the farm when its owner is done with it or gone.
pub(super) struct JobGuard<'a> {
    pub(super) inner: &'a Arc<Inner>,
    pub(super) ticket: Ticket,
}

impl Drop for JobGuard<'_> {
    fn drop(&mut self) {
        // Not an event: room comes back only when the attempts' futures are gone.
        self.inner.look(|farm| farm.remove(self.ticket));
    }
}

/// Gives a host its room back when an attempt's future is gone, however it went.
struct AttemptGuard {
    inner: Arc<Inner>,
    attempt: AttemptId,
    how: Option<Ended>,
}

impl Drop for AttemptGuard {
    fn drop(&mut self) {
        if let Some(how) = self.how.take() {
            self.inner.event(|farm| farm.ended(self.attempt, how));
        }
    }
}

async fn attempt(
    mut guard: AttemptGuard,
    executor: Arc<dyn Executor>,
    job: SharedJob,
    cancel: Arc<Notify>,
) {
    let how = tokio::select! {
        biased;
        () = cancel.notified() => Ended::Cancelled,
        result = executor.execute(job) => match result {
            Ok(outcome) => Ended::Done(outcome),
            Err(error) => Ended::Failed(error),
        },
    };
    guard.how = Some(how);
}

/// Probes a host that failed until it answers; another breakdown has another prober.
async fn probe(
    inner: Weak<Inner>,
    (host, mut epoch): (HostId, u64),
    executor: Arc<dyn Executor>,
    mut delay: Duration,
    limit: Duration,
) {
    loop {
        tokio::time::sleep(delay).await;
        let goes_on =
            inner.upgrade().is_some_and(|inner| inner.look(|farm| farm.start_probe(host, epoch)));
        if !goes_on {
            return;
        }
        let probed = Arc::clone(&executor);
        let result = match bounded(limit, async move { probed.probe().await }).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(why) => Err(format!("its probe {why}")),
        };
        let Some(inner) = inner.upgrade() else { return };
        match inner.event(|farm| farm.probed(host, epoch, result)) {
            Some(again) => (delay, epoch) = again,
            None => return,
        }
    }
}

async fn vet(
    inner: Weak<Inner>,
    host: HostId,
    key: Key,
    executor: Arc<dyn Executor>,
    job: SharedJob,
    vetter: Arc<dyn Vetter>,
    limit: Duration,
) {
    let name = executor.host().to_owned();
    let asked = async move { vetter.vet(executor.as_ref(), &job).await };
    let result = match bounded(limit, asked).await {
        Ok(result) => result,
        Err(Unanswered::TooSlow) => Err(VetError::Host(ExecError::Stalled {
            host: name,
            during: "being vetted",
            after: limit,
        })),
        Err(Unanswered::Panicked) => Err(VetError::Host(ExecError::Protocol {
            host: name,
            detail: "vetting it panicked".to_owned(),
        })),
    };
    if let Some(inner) = inner.upgrade() {
        inner.event(|farm| farm.vetted(host, key, result));
    }
}

#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("took too long")]
    TooSlow,
    #[error("panicked")]
    Panicked,
}

/// Runs foreign code in a task of its own, so that its panic is only its own, and for so long.
async fn bounded<T: Send + 'static>(
    limit: Duration,
    question: impl Future<Output = T> + Send + 'static,
) -> Result<T, Unanswered> {
    match tokio::spawn(tokio::time::timeout(limit, question)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Unanswered::TooSlow),
        Err(_) => Err(Unanswered::Panicked),
    }
}
