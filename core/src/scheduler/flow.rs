//! One job's way through the farm: it waits, is sent to a host, perhaps to a second one, and ends with one verdict.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::farm::{Effect, Farm, JobState, Ticket};
use super::host::{AttemptId, HostId};
use super::speed::work;
use super::verdict::{Fault, HomeReason, Verdict};
use super::vetting::ToolchainKey;
use crate::budget::LocalPermit;
use crate::executor::{ExecError, Outcome};
use crate::job::SharedJob;

/// How an attempt ended.
pub(super) enum Ended {
    Done(Outcome),
    Failed(ExecError),
    /// The executor's future was dropped at our word.
    Cancelled,
    /// The executor panicked, or its task was dropped by the runtime.
    Vanished,
}

/// What a job's owner is to do next.
pub(super) enum Next {
    Verdict(Verdict),
    Wait { wants_home: bool, check: Duration },
}

impl Farm {
    pub(super) fn add(&mut self, job: SharedJob, toolchain: ToolchainKey) -> (Ticket, Arc<Notify>) {
        let ticket = self.number();
        let next_key = self.keys.len();
        let key = *self.keys.entry(toolchain).or_insert(next_key);
        let wake = Arc::new(Notify::new());
        let state = JobState {
            key,
            work: work(job.size()),
            job,
            since: Instant::now(),
            failed: Vec::new(),
            faults: Vec::new(),
            attempts: Vec::new(),
            moves: 0,
            wants_home: None,
            verdict: None,
            wake: Arc::clone(&wake),
        };
        self.jobs.insert(ticket, state);
        self.crowd.came(self.jobs.len());
        self.wait_unless_placed(ticket);
        self.start_vetting(ticket);
        self.review(ticket);
        (ticket, wake)
    }

    /// The job's owner is gone, or has its verdict.
    pub(super) fn remove(&mut self, ticket: Ticket) {
        self.leave_line(ticket);
        let Some(state) = self.jobs.remove(&ticket) else { return };
        for attempt in state.attempts {
            self.cancel(attempt);
        }
        if let Some(verdict) = state.verdict {
            self.effects.push(Effect::Discard { _verdict: Box::new(verdict) });
        }
    }

    pub(super) fn next(&mut self, ticket: Ticket) -> Next {
        let (mean, _) = self.mean_speed();
        let Some(state) = self.jobs.get_mut(&ticket) else {
            return Next::Wait { wants_home: false, check: Duration::from_secs(1) };
        };
        if let Some(verdict) = state.verdict.take() {
            return Next::Verdict(verdict);
        }
        // Often enough to notice in time that it is overdue, seldom enough not to be felt.
        let expected = Duration::try_from_secs_f64(state.work / mean).unwrap_or(Duration::MAX);
        let check = (expected / 2).clamp(Duration::from_millis(250), Duration::from_secs(1));
        Next::Wait { wants_home: state.wants_home.is_some(), check }
    }

    /// A local slot was found for a job that wants home. `None`, if it has found a host meanwhile.
    pub(super) fn take_home(&mut self, ticket: Ticket, permit: LocalPermit) -> Option<LocalPermit> {
        match self.jobs.get(&ticket).and_then(|state| state.wants_home) {
            Some(reason) => {
                self.send_home(ticket, reason, Some(permit));
                None
            }
            None => Some(permit),
        }
    }

    pub(super) fn send_home(
        &mut self,
        ticket: Ticket,
        reason: HomeReason,
        permit: Option<LocalPermit>,
    ) {
        let Some(state) = self.jobs.get_mut(&ticket) else { return };
        let faults = std::mem::take(&mut state.faults);
        self.settle(ticket, Verdict::Home { reason, permit, faults });
    }

    fn settle(&mut self, ticket: Ticket, verdict: Verdict) {
        self.leave_line(ticket);
        let Some(state) = self.jobs.get_mut(&ticket) else { return };
        state.verdict = Some(verdict);
        state.wants_home = None;
        state.wake.notify_one();
        for attempt in std::mem::take(&mut state.attempts) {
            self.cancel(attempt);
        }
    }

    pub(super) fn leave_line(&mut self, ticket: Ticket) {
        if let Some(state) = self.jobs.get_mut(&ticket) {
            state.wants_home = None;
            self.waiting.remove(&(state.work.to_bits(), ticket));
            self.arrivals.remove(&ticket);
        }
    }

    /// Puts a job that is at no host (any more) in the line.
    pub(super) fn wait_unless_placed(&mut self, ticket: Ticket) {
        let Some(state) = self.jobs.get_mut(&ticket) else { return };
        if state.verdict.is_none() && state.attempts.is_empty() {
            self.waiting.insert((state.work.to_bits(), ticket));
            self.arrivals.insert(ticket);
        }
    }

    /// Ends an attempt; its room on the host comes back when its future is gone.
    pub(super) fn cancel(&mut self, id: AttemptId) {
        let attempt = self.host_mut(id.host).and_then(|host| host.attempt_mut(id));
        let Some(attempt) = attempt else { return };
        attempt.cancelled = true;
        attempt.cancel.notify_one();
        let ticket = attempt.ticket;
        if let Some(state) = self.jobs.get_mut(&ticket) {
            state.attempts.retain(|&other| other != id);
        }
    }

    /// An attempt's future is gone.
    pub(super) fn ended(&mut self, id: AttemptId, how: Ended) {
        let now = Instant::now();
        let at = self.hosts.binary_search_by_key(&id.host, |host| host.id);
        let Some(host) = at.ok().and_then(|at| self.hosts.get_mut(at)) else { return };
        let Some(attempt) = host.take(id, now) else { return };
        let (ticket, name) = (attempt.ticket, host.name.clone());
        if let Some(state) = self.jobs.get_mut(&ticket) {
            state.attempts.retain(|&other| other != id);
        }
        match how {
            Ended::Done(outcome) => {
                host.done += 1;
                host.sent += outcome.traffic.sent;
                host.received += outcome.traffic.received;
                host.answered(now);
                host.health.succeed(attempt.epoch);
                host.toolchain(attempt.key).refusals = 0;
                host.learn(&attempt, &outcome.traffic, now);
                let speed = host.speed.known();
                tracing::debug!(job = ticket, host = name, took = ?now - attempt.sent, speed, "done");
                let silent = self.silent_attempts(ticket);
                match self.jobs.get_mut(&ticket) {
                    Some(state) if state.verdict.is_none() => {
                        let faults = std::mem::take(&mut state.faults);
                        self.settle(ticket, Verdict::Done { host: name, outcome, faults });
                    }
                    // Outcomes own files: not to be dropped under the lock.
                    _ => self.effects.push(Effect::Discard {
                        _verdict: Box::new(Verdict::Done { host: name, outcome, faults: vec![] }),
                    }),
                }
                self.answered_elsewhere(silent, now);
            }
            Ended::Failed(error) => {
                let text = error.to_string();
                let (host, epoch) = (id.host, attempt.epoch);
                if !error.is_host_fault() {
                    if !attempt.cancelled {
                        let reason = match error {
                            ExecError::Input { .. } => HomeReason::InputUnreadable,
                            _ => HomeReason::OutputUnwritable,
                        };
                        self.send_home(ticket, reason, None);
                    }
                } else {
                    self.failed_on(ticket, host, name, text.clone());
                    if matches!(error, ExecError::Refused { .. }) {
                        self.refused(host, attempt.key, text);
                    } else {
                        self.failed_in(host, epoch, text);
                    }
                    self.after_failure(ticket);
                }
            }
            Ended::Vanished => {
                let text = "its executor panicked".to_owned();
                self.failed_on(ticket, id.host, name, text.clone());
                self.failed_in(id.host, attempt.epoch, text);
                self.after_failure(ticket);
            }
            Ended::Cancelled => {}
        }
        self.forget_retired();
    }

    /// Sets the host aside, unless it already was for the same breakdown.
    fn failed_in(&mut self, host: HostId, epoch: u64, reason: String) {
        if self.host(host).is_some_and(|host| host.health.epoch == epoch) {
            self.set_aside(host, reason);
        }
    }

    fn failed_on(&mut self, ticket: Ticket, id: HostId, name: String, error: String) {
        let Some(host) = self.host_mut(id) else { return };
        host.failed += 1;
        let Some(state) = self.jobs.get_mut(&ticket) else { return };
        if state.verdict.is_some() {
            return;
        }
        state.failed.push(id);
        state.faults.push(Fault { host: name, error });
        if let Some(host) = self.host_mut(id) {
            host.retried += 1;
        }
    }

    fn after_failure(&mut self, ticket: Ticket) {
        let only = self.only_host();
        let Some(state) = self.jobs.get_mut(&ticket) else { return };
        if state.verdict.is_some() || !state.attempts.is_empty() {
            return;
        }
        if only.is_some_and(|only| state.failed.contains(&only)) {
            // A farm behind one address: another try may well reach another board, once it is probed.
            state.failed.clear();
        }
        if state.faults.len() >= self.settings.attempts {
            self.send_home(ticket, HomeReason::AttemptsUsedUp, None);
            return;
        }
        self.wait_unless_placed(ticket);
        self.start_vetting(ticket);
        self.review(ticket);
    }
}
