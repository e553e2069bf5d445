//! Hosts that say nothing: a stopped server still takes connections, and no executor can tell it from a slow compile.
//!
//! A job that is silent for much longer than its size lets one expect is repeated elsewhere at once. Until its host
//! answers something, that one gets no more than one job; the second time that another attempt wins, it is down.

use std::time::Duration;

use tokio::time::Instant;

use super::farm::{Farm, Ticket};
use super::host::{Attempt, AttemptId, Host, HostId};
use super::takeover::soonest_free;
use super::verdict::HomeReason;
use super::view::View;

/// A running job is silent once it took this many times what was expected, and this many seconds.
const SILENT: (f64, f64) = (3.0, 1.5);

/// The shortest time between two looks.
const REST: Duration = Duration::from_millis(50);

/// The most attempts at one job, all of them silent.
const ATTEMPTS: usize = 4;

/// How many jobs in a row may be answered by others only, before a host counts as down.
const UNANSWERED: u32 = 2;

impl Host {
    /// It answered, whatever it was.
    pub(super) fn answered(&mut self, now: Instant) {
        self.unanswered = 0;
        self.last_answer = Some(now);
    }

    /// Whether a job is silent there and nothing has been heard from the host since.
    pub(super) fn is_suspect(&self) -> bool {
        let unheard = |since: Instant| self.last_answer.is_none_or(|answer| answer < since);
        let silent =
            |attempt: &Attempt| !attempt.cancelled && attempt.silent_since.is_some_and(unheard);
        self.unanswered > 0 || self.flight.iter().any(silent)
    }

    /// The most jobs in flight for now.
    pub(super) fn limit(&self) -> usize {
        if self.is_suspect() || self.health.on_trial {
            1
        } else {
            self.health.limit(self.capacity.slots, self.capacity.queue)
        }
    }
}

impl Farm {
    /// Marks the attempts that are silent by now, and takes back what is queued behind them.
    pub(super) fn notice_silence(&mut self, now: Instant) {
        if self.last_listened.is_some_and(|last| now - last < REST) {
            return;
        }
        self.last_listened = Some(now);
        let (mean, known) = self.mean_speed();
        let mut queued = Vec::new();
        for host in &mut self.hosts {
            let speed = host.speed.expected(mean);
            // A host that is merely slow, and was taken for silent, gets twice as long each time.
            let factor = SILENT.0 * f64::from(1 << host.health.streak.saturating_sub(1).min(10));
            let mut noticed = false;
            for attempt in &mut host.flight {
                let Some(started) = attempt.started else { continue };
                let limit = if known {
                    (factor * attempt.work / speed).max(SILENT.1)
                } else {
                    self.settings.unknown_patience.as_secs_f64()
                };
                if attempt.silent_since.is_none() && (now - started).as_secs_f64() > limit {
                    attempt.silent_since = Some(now);
                    noticed = !attempt.cancelled;
                }
            }
            if noticed {
                tracing::debug!(host = host.name, "silent for longer than expected");
                let waits = host.flight.iter().filter(|a| a.started.is_none() && !a.cancelled);
                queued.extend(waits.map(|attempt| (attempt.id, attempt.ticket)));
            }
        }
        for (attempt, ticket) in queued {
            self.cancel(attempt);
            self.wait_unless_placed(ticket);
        }
    }

    /// The jobs of which no attempt gives hope: all are silent.
    pub(super) fn unanswered_jobs(&self) -> Vec<Ticket> {
        let silent = self.hosts.iter().flat_map(|host| {
            let silent = host.flight.iter().filter(|a| a.silent_since.is_some() && !a.cancelled);
            silent.map(|attempt| attempt.ticket)
        });
        let mut tickets: Vec<Ticket> = silent.collect();
        tickets.sort_unstable();
        tickets.dedup();
        let attempts = |ticket| self.jobs.get(&ticket).map_or(0, |job| job.attempts.len());
        tickets.retain(|&ticket| self.silent_attempts(ticket).len() == attempts(ticket));
        tickets
    }

    /// The job's attempts that are silent.
    pub(super) fn silent_attempts(&self, ticket: Ticket) -> Vec<AttemptId> {
        let attempts = self.jobs.get(&ticket).map_or(&[][..], |state| &state.attempts);
        let is_silent = |id: &&AttemptId| {
            let attempt = self.host(id.host).and_then(|host| host.attempt(**id));
            attempt.is_some_and(|attempt| attempt.silent_since.is_some())
        };
        attempts.iter().filter(is_silent).copied().collect()
    }

    /// The job of these silent attempts ended elsewhere: their hosts have less credit.
    pub(super) fn answered_elsewhere(&mut self, silent: Vec<AttemptId>, now: Instant) {
        for id in silent {
            let Some(host) = self.host_mut(id.host) else { continue };
            if let Some((work, Some(started))) = host.attempt(id).map(|a| (a.work, a.started)) {
                host.speed.note_lost(work, now - started);
            }
            host.unanswered += 1;
            if host.unanswered >= UNANSWERED || host.health.on_trial {
                self.set_aside_silent(id.host);
            }
        }
    }

    /// Sets a silent host aside; all its jobs move at once.
    fn set_aside_silent(&mut self, id: HostId) {
        let Some(host) = self.host_mut(id) else { return };
        if !host.health.is_up() {
            return;
        }
        let reason = "it takes jobs and doesn't answer".to_owned();
        host.unanswered = 0;
        host.health.on_trial = true;
        let attempts: Vec<_> = host.flight.iter().map(|a| (a.id, a.ticket)).collect();
        self.set_aside(id, reason);
        for (attempt, ticket) in attempts {
            self.cancel(attempt);
            self.wait_unless_placed(ticket);
        }
        self.review_waiting();
    }

    /// Repeats silent jobs, even while others wait: on a free slot, or at home.
    pub(super) fn repeat_silent(&mut self, view: &mut View) {
        for ticket in self.unanswered_jobs() {
            let Some(state) = self.jobs.get(&ticket) else { continue };
            let (key, work, attempts) = (state.key, state.work, state.attempts.len());
            let not_there: Vec<HostId> =
                state.failed.iter().copied().chain(state.attempts.iter().map(|a| a.host)).collect();
            let eligible = |host: usize| self.is_eligible(view.at[host], key, &not_there);
            match soonest_free(&view.hosts, work, eligible) {
                Some(host) if attempts < ATTEMPTS => {
                    view.take(host, work, false);
                    self.send(ticket, view.ids[host], false);
                }
                _ if self.settings.bring_home => {
                    if let Some(permit) = self.budget.try_acquire() {
                        let silent = self.silent_attempts(ticket);
                        self.send_home(ticket, HomeReason::HomeIsFree, Some(permit));
                        self.answered_elsewhere(silent, Instant::now());
                    }
                }
                _ => {}
            }
        }
    }
}
