//! After each event: sends waiting jobs to hosts, and lets free slots take over or repeat jobs of slower ones.
//!
//! Builds the view that `placement` decides on, and does what that says.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::farm::{Attempt, Effect, Farm, Host, HostId, Ticket};
use super::placement::{HostView, Placed, Placing, place, rescue};
use super::verdict::HomeReason;
use super::vetting::Vetting;

/// How many waiting jobs are planned for beyond those that can be sent at once.
const LOOK_AHEAD: usize = 32;

/// The shortest time between two looks that no event asked for.
const REST: Duration = Duration::from_millis(50);

/// A running job is overdue when it took this much longer than expected, and this many seconds.
const OVERDUE: (f64, f64) = (1.5, 0.2);

impl Farm {
    /// A look that no event asked for.
    pub(super) fn tick(&mut self, ticket: Ticket) {
        self.review(ticket);
        if self.last_pump.is_none_or(|last| last.elapsed() >= REST) {
            self.pump();
        }
    }

    /// Sends what can be sent. To be called after every event.
    pub(super) fn pump(&mut self) {
        let now = Instant::now();
        self.last_pump = Some(now);
        if self.jobs.is_empty() {
            return;
        }
        let mut view = View::of(self, now);
        self.send_waiting(&mut view, now);
        self.rescue(&mut view);
    }

    fn send_waiting(&mut self, view: &mut View, now: Instant) {
        let mut ahead = 0;
        // Toolchains that no host is fit for: looked up once, however many jobs wait for one.
        let mut nowhere = Vec::new();
        for ticket in self.line(now) {
            if ahead >= LOOK_AHEAD || !view.has_room() && self.home_speed(view).is_none() {
                break;
            }
            let home = self.home_speed(view);
            let Some(state) = self.jobs.get(&ticket) else { continue };
            let (key, work) = (state.key, state.work);
            if nowhere.contains(&key) {
                continue;
            }
            let failed = state.failed.clone();
            let eligible = |host: usize| self.is_eligible(view.ids[host], key, &failed);
            match place(&mut view.hosts, home, work, eligible) {
                Placing::Send(host) => self.send(ticket, view.ids[host]),
                Placing::Home => self.bring_home(ticket),
                Placing::Wait => ahead += 1,
                Placing::Nowhere if failed.is_empty() => nowhere.push(key),
                Placing::Nowhere => {}
            }
        }
    }

    /// The waiting jobs: those out of patience as they came, then the most work first.
    fn line(&self, now: Instant) -> Vec<Ticket> {
        let impatient = |ticket: &&Ticket| {
            let since = self.jobs.get(ticket).map(|state| state.since);
            since.is_some_and(|since| now - since >= self.settings.patience)
        };
        let mut line: Vec<Ticket> = self.arrivals.iter().take_while(impatient).copied().collect();
        let first = line.len();
        for &(_, ticket) in self.waiting.iter().rev() {
            if !line[..first].contains(&ticket) {
                line.push(ticket);
            }
        }
        line
    }

    fn is_eligible(&self, id: HostId, key: usize, failed: &[HostId]) -> bool {
        // Views hold usable hosts in the order of `self.hosts`, whose numbers ascend.
        let host = self.hosts.binary_search_by_key(&id, |host| host.id);
        host.is_ok_and(|at| matches!(self.hosts[at].vetting(key), Vetting::Good))
            && !failed.contains(&id)
    }

    /// Home's speed if a local slot is spare.
    fn home_speed(&self, view: &View) -> Option<f64> {
        let spare = self.settings.bring_home && self.budget.spare() > 0;
        spare.then(|| self.home.estimate(view.mean, Duration::ZERO))
    }

    fn bring_home(&mut self, ticket: Ticket) {
        if let Some(permit) = self.budget.try_acquire() {
            self.send_home(ticket, HomeReason::HomeIsFree, Some(permit));
        }
    }

    fn send(&mut self, ticket: Ticket, to: HostId) {
        self.leave_line(ticket);
        let id = self.number();
        let Some(state) = self.jobs.get_mut(&ticket) else { return };
        let Some(host) = self.hosts.iter_mut().find(|host| host.id == to) else { return };
        let runs = host.flight.len() < host.capacity.slots;
        let cancel = Arc::new(Notify::new());
        host.flight.push(id);
        state.attempts.push(id);
        self.attempts.insert(
            id,
            Attempt {
                ticket,
                host: to,
                work: state.work,
                key: state.key,
                started: runs.then(Instant::now),
                epoch: host.health.epoch,
                cancelled: false,
                cancel: Arc::clone(&cancel),
            },
        );
        let (executor, job) = (Arc::clone(&host.executor), Arc::clone(&state.job));
        self.effects.push(Effect::Start { attempt: id, executor, job, cancel });
    }

    /// Lets slots that nothing waits for take over or repeat jobs that would end later where they are.
    fn rescue(&mut self, view: &mut View) {
        let home = self.home_speed(view).map(|speed| (speed, self.budget.spare()));
        if view.placed.is_empty() || !view.has_free_slot() && home.is_none() {
            return;
        }
        let tickets = view.tickets.clone();
        let eligible = |at: usize, host: usize| {
            let state = self.jobs.get(&tickets[at].0);
            state.is_some_and(|state| {
                let (to, key) = (view.ids[host], state.key);
                to != tickets[at].1 && self.is_eligible(to, key, &state.failed)
            })
        };
        for (at, host) in rescue(&mut view.hosts, home, &view.placed, eligible) {
            let ticket = tickets[at].0;
            if !view.placed[at].running {
                let attempts = self.jobs.get(&ticket).map(|state| state.attempts.clone());
                attempts.into_iter().flatten().for_each(|attempt| self.cancel(attempt));
            }
            match host {
                Some(host) => self.send(ticket, view.ids[host]),
                None => {
                    self.wait_unless_placed(ticket);
                    self.bring_home(ticket);
                }
            }
        }
    }
}

/// The farm as `placement` sees it.
struct View {
    hosts: Vec<HostView>,
    ids: Vec<HostId>,
    /// Jobs with one attempt, and for each its ticket and host.
    placed: Vec<Placed>,
    tickets: Vec<(Ticket, HostId)>,
    mean: f64,
}

impl View {
    fn of(farm: &Farm, now: Instant) -> Self {
        let (mean, any_known) = farm.mean_speed();
        let mut view = Self { hosts: vec![], ids: vec![], placed: vec![], tickets: vec![], mean };
        for host in farm.hosts.iter().filter(|host| !host.flight.is_empty() || host.is_usable()) {
            let seen = view.add_attempts(farm, host, any_known, now);
            if host.is_usable() && host.is_fit() {
                view.hosts.push(seen);
                view.ids.push(host.id);
            }
        }
        view
    }

    fn add_attempts(&mut self, farm: &Farm, host: &Host, known: bool, now: Instant) -> HostView {
        let flight = || host.flight.iter().filter_map(|id| farm.attempts.get(id));
        let overdue = |attempt: &Attempt| match attempt.started {
            Some(started) if known => {
                (now - started).as_secs_f64() - OVERDUE.0 * attempt.work / self.mean
            }
            _ => 0.0,
        };
        let overdue: f64 = flight().map(|attempt| overdue(attempt).max(0.0)).sum();
        let overdue = Duration::try_from_secs_f64(overdue).unwrap_or(Duration::MAX);
        let speed = host.speed.estimate(self.mean, overdue);
        let limit = host.health.limit(host.capacity.slots, host.capacity.queue);
        let mut seen = HostView {
            slots: host.capacity.slots,
            room: limit.saturating_sub(host.flight.len()),
            speed,
            busy: Vec::new(),
            queued: 0,
        };
        let patience = farm.settings.unknown_patience.as_secs_f64();
        for attempt in flight() {
            let finish = match attempt.started {
                // Its slot falls free as soon as its future is gone.
                _ if attempt.cancelled => {
                    seen.busy.push(0.01);
                    continue;
                }
                Some(started) => {
                    let elapsed = (now - started).as_secs_f64();
                    let expected = attempt.work / speed;
                    if known {
                        seen.busy.push(remaining(elapsed, expected));
                        remaining(elapsed, expected)
                    } else {
                        // All that is known is how long it has been running.
                        seen.busy.push(elapsed.max(expected - elapsed));
                        if elapsed > patience { f64::MAX } else { 0.0 }
                    }
                }
                None => {
                    seen.queued += 1;
                    seen.add(attempt.work)
                }
            };
            let single =
                farm.jobs.get(&attempt.ticket).is_some_and(|state| state.attempts.len() == 1);
            if single {
                let lost = !host.health.is_up();
                self.placed.push(Placed {
                    finish: if lost { f64::MAX } else { finish },
                    work: attempt.work,
                    running: attempt.started.is_some(),
                });
                self.tickets.push((attempt.ticket, host.id));
            }
        }
        seen
    }

    fn has_room(&self) -> bool {
        self.hosts.iter().any(|host| host.room > 0)
    }

    fn has_free_slot(&self) -> bool {
        self.hosts.iter().any(|host| host.room > 0 && host.busy.len() < host.slots)
    }
}

/// How much longer a job will run, expected to take `expected` in all. One that is overdue is taken to be halfway:
/// the longer it is silent, the less is hoped of it.
fn remaining(elapsed: f64, expected: f64) -> f64 {
    if elapsed > OVERDUE.0 * expected + OVERDUE.1 {
        elapsed
    } else {
        (expected - elapsed).max(0.1 * expected)
    }
}
