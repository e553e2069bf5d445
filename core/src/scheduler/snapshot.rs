//! What people see of the farm: `farmbuild hosts`, `top` and `stats` show it.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::time::Instant;

use super::farm::Farm;
use super::health::State;
use super::host::Host;
use super::vetting::Vetting;

/// The farm at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Every host, in the order of the farm; removed ones at the end of their last job.
    pub hosts: Vec<HostSnapshot>,
    /// Jobs that wait for room on a host.
    pub waiting: usize,
    /// Jobs that the hosts which are up take: slots and queues.
    pub live_capacity: usize,
}

/// One host at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostSnapshot {
    /// Its name.
    pub host: String,
    /// Whether it takes jobs.
    #[serde(flatten)]
    pub state: HostState,
    /// Jobs it runs at a time.
    pub slots: usize,
    /// Jobs it is sent beyond these.
    pub queue: usize,
    /// Jobs it runs now, as far as can be told from here.
    pub running: usize,
    /// Jobs that wait for a slot there.
    pub queued: usize,
    /// Jobs it ended.
    pub done: u64,
    /// Bytes that were sent to it for them.
    pub sent: u64,
    /// Bytes that it sent for them.
    pub received: u64,
    /// Attempts it failed.
    pub failed: u64,
    /// Jobs it failed that had to run elsewhere.
    pub retried: u64,
    /// Bytes of preprocessed text per second and slot, once a job ended.
    pub speed: Option<f64>,
    /// Toolchains it is set aside for, and why.
    pub unfit: BTreeMap<String, String>,
}

/// Whether a host takes jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum HostState {
    /// It does.
    Up,
    /// Set aside, a probe is under way.
    Checking {
        /// Why it was set aside.
        reason: String,
    },
    /// Set aside.
    Down {
        /// Why.
        reason: String,
        /// When it is probed again, in milliseconds from now.
        next_probe_ms: u64,
    },
    /// Set aside because it gave wrong bytes; stays so until it is trusted again.
    Doubted {
        /// Which ones.
        reason: String,
    },
    /// Up, but every toolchain asked for so far is unfit there (see `unfit`).
    SetAside,
    /// Removed from the farm; its last jobs are still running.
    Leaving,
}

impl Farm {
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            hosts: self.hosts.iter().map(|host| self.host_snapshot(host)).collect(),
            waiting: self.waiting.len(),
            live_capacity: self.live_capacity(),
        }
    }

    fn host_snapshot(&self, host: &Host) -> HostSnapshot {
        let attempts = || host.flight.iter();
        let mut unfit = BTreeMap::new();
        for (toolchain, &key) in &self.keys {
            if let Vetting::Bad { reason, .. } = host.vetting(key) {
                unfit.insert(toolchain.0.clone(), reason.clone());
            }
        }
        HostSnapshot {
            host: host.name.clone(),
            state: state_of(host),
            slots: host.capacity.slots,
            queue: host.capacity.queue,
            running: attempts().filter(|attempt| attempt.started.is_some()).count(),
            queued: attempts().filter(|attempt| attempt.started.is_none()).count(),
            done: host.done,
            sent: host.sent,
            received: host.received,
            failed: host.failed,
            retried: host.retried,
            speed: host.speed.known(),
            unfit,
        }
    }
}

fn state_of(host: &Host) -> HostState {
    match &host.health.state {
        _ if host.retired => HostState::Leaving,
        State::Up if host.is_unfit() => HostState::SetAside,
        State::Up => HostState::Up,
        State::Checking { reason } => HostState::Checking { reason: reason.clone() },
        State::Doubted { reason } => HostState::Doubted { reason: reason.clone() },
        State::Down { reason, next_probe } => {
            let left = next_probe.saturating_duration_since(Instant::now());
            let next_probe_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            HostState::Down { reason: reason.clone(), next_probe_ms }
        }
    }
}
