//! The scheduler's state: hosts, jobs and the attempts between them.
//!
//! Does nothing by itself: each event changes the state and leaves [`Effect`]s for `drive` to carry out once the
//! lock is released.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::HostEntry;
use super::crowd::Crowd;
use super::health::backoff;
use super::host::{AttemptId, Host, HostId};
use super::settings::Settings;
use super::speed::{GUESS, Speed, Uplink};
use super::verdict::{Fault, HomeReason, Verdict};
use super::vetting::{ToolchainKey, VetError, Vetting};
use crate::budget::LocalBudget;
use crate::executor::{Capacity, ExecError, Executor};
use crate::job::SharedJob;

/// A job's number in this scheduler.
pub(super) type Ticket = u64;
/// An index into `Farm::keys`.
pub(super) type Key = usize;

pub(super) struct JobState {
    pub(super) job: SharedJob,
    pub(super) key: Key,
    pub(super) work: f64,
    pub(super) since: Instant,
    /// Hosts that failed it.
    pub(super) failed: Vec<HostId>,
    pub(super) faults: Vec<Fault>,
    pub(super) attempts: Vec<AttemptId>,
    /// How often a faster host took it over while it was running.
    pub(super) moves: u8,
    /// Set while it would take any local slot, and why.
    pub(super) wants_home: Option<HomeReason>,
    pub(super) verdict: Option<Verdict>,
    pub(super) wake: Arc<Notify>,
}

/// What is to be done once the lock is released.
pub(super) enum Effect {
    Start {
        attempt: AttemptId,
        executor: Arc<dyn Executor>,
        job: SharedJob,
        cancel: Arc<Notify>,
    },
    Probe {
        host: HostId,
        executor: Arc<dyn Executor>,
        delay: Duration,
        epoch: u64,
    },
    Vet {
        host: HostId,
        key: Key,
        executor: Arc<dyn Executor>,
        job: SharedJob,
    },
    /// Not needed any more; dropped outside of the lock.
    Discard {
        _verdict: Box<Verdict>,
    },
    /// Gone with its host; foreign code too, so dropped outside of the lock.
    Forget {
        _executor: Arc<dyn Executor>,
    },
}

pub(super) struct Farm {
    pub(super) settings: Settings,
    pub(super) budget: LocalBudget,
    pub(super) hosts: Vec<Host>,
    pub(super) jobs: HashMap<Ticket, JobState>,
    /// Jobs at no host: the most work first (work is never negative, so its bits sort as it does).
    pub(super) waiting: BTreeSet<(u64, Ticket)>,
    /// The same in the order they came.
    pub(super) arrivals: BTreeSet<Ticket>,
    pub(super) keys: HashMap<ToolchainKey, Key>,
    pub(super) home: Speed,
    /// Hosts whose bytes are in doubt, by name, and why: in the farm or not.
    pub(super) doubts: HashMap<String, String>,
    /// Speeds of hosts that aren't in the farm (any more, or yet), by name.
    pub(super) remembered: HashMap<String, Speed>,
    pub(super) next: u64,
    pub(super) crowd: Crowd,
    pub(super) last_pump: Option<Instant>,
    /// When silent jobs were last looked for.
    pub(super) last_listened: Option<Instant>,
    pub(super) effects: Vec<Effect>,
}

impl Farm {
    pub(super) fn new(budget: LocalBudget, settings: Settings) -> Self {
        Self {
            settings,
            budget,
            hosts: Vec::new(),
            jobs: HashMap::new(),
            waiting: BTreeSet::new(),
            arrivals: BTreeSet::new(),
            keys: HashMap::new(),
            home: Speed::default(),
            doubts: HashMap::new(),
            remembered: HashMap::new(),
            next: 0,
            crowd: Crowd::default(),
            last_pump: None,
            last_listened: None,
            effects: Vec::new(),
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn host(&self, id: HostId) -> Option<&Host> {
        // Their numbers ascend.
        let at = self.hosts.binary_search_by_key(&id, |host| host.id).ok()?;
        self.hosts.get(at)
    }

    pub(super) fn host_mut(&mut self, id: HostId) -> Option<&mut Host> {
        let at = self.hosts.binary_search_by_key(&id, |host| host.id).ok()?;
        self.hosts.get_mut(at)
    }

    /// The mean speed of the hosts that are known, and whether any is.
    pub(super) fn mean_speed(&self) -> (f64, bool) {
        let known = self.hosts.iter().filter_map(|host| host.speed.known());
        let (sum, count) = known.fold((0.0, 0u32), |(sum, count), speed| (sum + speed, count + 1));
        if count == 0 { (GUESS, false) } else { (sum / f64::from(count), true) }
    }

    /// Jobs that the hosts which are up take: slots and queues.
    pub(super) fn live_capacity(&self) -> usize {
        let live = self.hosts.iter().filter(|host| host.is_usable() && !host.is_unfit());
        live.fold(0, |sum, host| sum.saturating_add(host.capacity.in_flight()))
    }

    /// Makes `entries` the farm. `capacities` and names were asked of the executors without the lock.
    pub(super) fn set_hosts(&mut self, entries: Vec<(HostEntry, String, Capacity)>) {
        let mut kept = Vec::new();
        for (entry, name, capacity) in entries {
            let same = self.hosts.iter_mut().find(|host| {
                host.name == name && host.key == entry.key && host.capacity == capacity
            });
            if let Some(host) = same {
                // One that comes back while its last jobs still run must not get its room twice.
                if std::mem::take(&mut host.retired) {
                    host.health.put_back();
                }
                kept.push(host.id);
                continue;
            }
            let id = self.number();
            let speed = self.remembered_speed(&name);
            let health = self.health_of_new(&name);
            kept.push(id);
            self.hosts.push(Host {
                id,
                executor: entry.executor,
                name,
                key: entry.key,
                capacity,
                health,
                speed,
                uplink: Uplink::default(),
                flight: Vec::new(),
                toolchains: Vec::new(),
                retired: false,
                done: 0,
                sent: 0,
                received: 0,
                failed: 0,
                unanswered: 0,
                last_answer: None,
                retried: 0,
            });
        }
        for host in &mut self.hosts {
            host.retired |= !kept.contains(&host.id);
        }
        self.forget_retired();
        self.review_waiting();
    }

    pub(super) fn forget_retired(&mut self) {
        for host in self.hosts.extract_if(.., |host| host.retired && host.flight.is_empty()) {
            self.remembered.insert(host.name, host.speed);
            self.effects.push(Effect::Forget { _executor: host.executor });
        }
    }

    /// The host failed: no more jobs for it, its queued ones move, and it is probed later.
    pub(super) fn set_aside(&mut self, id: HostId, reason: String) {
        let only = self.only_host() == Some(id);
        let Some(host) = self.hosts.iter_mut().find(|host| host.id == id) else { return };
        if !host.health.is_up() {
            return;
        }
        tracing::warn!(host = host.name, reason, "host set aside");
        let delay = host.health.fail(&host.name, reason, only, &self.settings);
        if !host.retired {
            let executor = Arc::clone(&host.executor);
            let epoch = host.health.epoch;
            self.effects.push(Effect::Probe { host: id, executor, delay, epoch });
        }
        let queued = host.flight.iter().filter(|a| a.started.is_none() && !a.cancelled);
        for (attempt, ticket) in queued.map(|a| (a.id, a.ticket)).collect::<Vec<_>>() {
            self.cancel(attempt);
            self.wait_unless_placed(ticket);
        }
        self.review_waiting();
    }

    /// Whether the prober of this breakdown should still probe; marks the host as being probed.
    pub(super) fn start_probe(&mut self, id: HostId, epoch: u64) -> bool {
        let Some(host) = self.host_mut(id) else { return false };
        let goes_on = !host.retired && !host.health.is_up() && host.health.epoch == epoch;
        if goes_on {
            host.health.start_probe();
        }
        goes_on
    }

    /// A probe ended. If it failed: when to probe again, and for which breakdown.
    pub(super) fn probed(
        &mut self,
        id: HostId,
        epoch: u64,
        result: Result<(), String>,
    ) -> Option<(Duration, u64)> {
        let host = self.hosts.iter_mut().find(|host| host.id == id && !host.retired)?;
        if host.health.is_up() || host.health.epoch != epoch {
            return None;
        }
        match result {
            Ok(()) => {
                tracing::info!(host = host.name, "host is back");
                host.health.put_back();
                self.review_waiting();
                None
            }
            Err(reason) => {
                let delay = host.health.fail(&host.name, reason, false, &self.settings);
                let again = (delay, host.health.epoch);
                self.review_waiting();
                Some(again)
            }
        }
    }

    /// Vetting ended.
    pub(super) fn vetted(&mut self, id: HostId, key: Key, result: Result<(), VetError>) {
        let mismatch = self.settings.recheck_mismatch;
        let Some(host) = self.host_mut(id) else { return };
        match result {
            Ok(()) => {
                let toolchain = host.toolchain(key);
                toolchain.vetting = Vetting::Good;
            }
            Err(VetError::Unfit(reason)) => {
                let again = Instant::now() + mismatch;
                host.toolchain(key).vetting = Vetting::Bad { reason, again };
            }
            Err(VetError::Unsuited(_)) => host.toolchain(key).vetting = Vetting::Unsuited,
            Err(VetError::Host(error @ ExecError::Refused { .. })) => {
                self.refused(id, key, error.to_string());
            }
            Err(VetError::Host(error)) => {
                host.toolchain(key).vetting = Vetting::Unknown;
                self.set_aside(id, error.to_string());
            }
        }
        self.review_waiting();
    }

    /// The host ran no compile for this toolchain, for a reason of its own: set aside for that one only.
    pub(super) fn refused(&mut self, id: HostId, key: Key, reason: String) {
        let Some(host) = self.hosts.iter_mut().find(|host| host.id == id) else { return };
        let name = host.name.clone();
        let toolchain = host.toolchain(key);
        if matches!(toolchain.vetting, Vetting::Bad { .. }) {
            return;
        }
        let delay = backoff(toolchain.refusals, &name, &self.settings);
        toolchain.refusals = toolchain.refusals.saturating_add(1);
        toolchain.vetting = Vetting::Bad { reason, again: Instant::now() + delay };
        self.review_waiting();
    }
}
