//! One host of the farm and the attempts in flight there.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::farm::{Key, Ticket};
use super::health::Health;
use super::speed::{Speed, Uplink};
use super::vetting::{Toolchain, Vetting};
use crate::executor::{Capacity, Executor, Traffic};

/// A host; one that was replaced gets a new number.
pub(super) type HostId = u64;

/// One try to run a job on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttemptId {
    pub(super) host: HostId,
    pub(super) number: u64,
}

pub(super) struct Host {
    pub(super) id: HostId,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) name: String,
    pub(super) key: String,
    pub(super) capacity: Capacity,
    pub(super) health: Health,
    pub(super) speed: Speed,
    pub(super) uplink: Uplink,
    /// Attempts in the order they were sent; the first `slots` of them run, as far as can be told from here.
    pub(super) flight: Vec<Attempt>,
    pub(super) toolchains: Vec<Toolchain>,
    /// No longer in the farm; kept until its last attempt ends.
    pub(super) retired: bool,
    pub(super) done: u64,
    /// Bytes that went to it and came from it, for the jobs that it ended.
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) failed: u64,
    /// Jobs in a row that were silent here and answered elsewhere.
    pub(super) unanswered: u32,
    pub(super) last_answer: Option<Instant>,
    pub(super) retried: u64,
}

impl Host {
    pub(super) fn is_usable(&self) -> bool {
        !self.retired && self.health.is_up()
    }

    pub(super) fn vetting(&self, key: Key) -> &Vetting {
        self.toolchains.get(key).map_or(&Vetting::Unknown, |toolchain| &toolchain.vetting)
    }

    pub(super) fn toolchain(&mut self, key: Key) -> &mut Toolchain {
        if self.toolchains.len() <= key {
            self.toolchains.resize_with(key + 1, Toolchain::default);
        }
        &mut self.toolchains[key]
    }

    /// Whether any toolchain is fit here.
    pub(super) fn is_fit(&self) -> bool {
        self.toolchains.iter().any(|toolchain| matches!(toolchain.vetting, Vetting::Good))
    }

    /// Whether every toolchain asked for so far is unfit here.
    pub(super) fn is_unfit(&self) -> bool {
        let bad = |t: &Toolchain| matches!(t.vetting, Vetting::Bad { .. });
        !self.is_fit() && self.toolchains.iter().any(bad)
    }

    pub(super) fn attempt(&self, id: AttemptId) -> Option<&Attempt> {
        self.flight.iter().find(|attempt| attempt.id == id)
    }

    pub(super) fn attempt_mut(&mut self, id: AttemptId) -> Option<&mut Attempt> {
        self.flight.iter_mut().find(|attempt| attempt.id == id)
    }

    /// An attempt came to its end here: what it tells of the host's speed and of the way to it.
    pub(super) fn learn(&mut self, attempt: &Attempt, traffic: &Traffic, now: Instant) {
        // A host that answers out of turn tells nothing of its speed, but then it wasn't reckoned as running.
        let Some(started) = attempt.started else { return };
        let mut took = now - started;
        // Sent to a free slot: its upload was neither held up nor hidden by other jobs.
        if started == attempt.sent {
            let upload = traffic.upload.min(took);
            self.uplink.note(attempt.work, upload);
            took -= upload;
        }
        self.speed.note(attempt.work, took);
    }

    /// Takes an attempt that ended out; the next in the queue is reckoned to run from now on.
    pub(super) fn take(&mut self, id: AttemptId, now: Instant) -> Option<Attempt> {
        let at = self.flight.iter().position(|attempt| attempt.id == id)?;
        let attempt = self.flight.remove(at);
        for next in self.flight.iter_mut().take(self.capacity.slots) {
            next.started.get_or_insert(now);
        }
        Some(attempt)
    }
}

pub(super) struct Attempt {
    pub(super) id: AttemptId,
    pub(super) ticket: Ticket,
    pub(super) work: f64,
    pub(super) key: Key,
    /// Whether it was chosen for being small.
    pub(super) small: bool,
    pub(super) sent: Instant,
    /// When it got a slot; `None` while it is queued there.
    pub(super) started: Option<Instant>,
    /// Since when it has been silent for longer than can be expected.
    pub(super) silent_since: Option<Instant>,
    pub(super) epoch: u64,
    pub(super) cancelled: bool,
    pub(super) cancel: Arc<Notify>,
}
