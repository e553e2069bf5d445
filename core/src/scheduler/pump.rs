//! After each event: sends waiting jobs to hosts, and lets free slots take over or repeat jobs of slower ones.
//!
//! Asks `placement` and `takeover` (pure) about the view, and does what they say.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::farm::{Effect, Farm, JobState, Key, Ticket};
use super::host::{Attempt, AttemptId, HostId};
use super::placement::{Placing, place, share_small_jobs, takes_small};
use super::takeover::{migrate, rescue, stuck};
use super::verdict::HomeReason;
use super::vetting::Vetting;
use super::view::View;

/// How many waiting jobs are planned for beyond those that can be sent at once.
const LOOK_AHEAD: usize = 32;

/// The shortest time between two looks that no event asked for.
const REST: Duration = Duration::from_millis(50);

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
        self.notice_silence(now);
        let home = self.settings.bring_home && self.budget.spare() > 0;
        let Some(mut view) = View::of(self, home, now) else { return };
        self.repeat_silent(&mut view);
        if self.crowd.goes_on(self.jobs.len()) || self.waiting.len() > LOOK_AHEAD {
            self.send_small(&mut view);
        }
        self.send_large(&mut view, now);
        self.rescue(&mut view);
    }

    /// Fills slots that are for small jobs, as long as there is no end in sight.
    fn send_small(&mut self, view: &mut View) {
        share_small_jobs(&mut view.hosts);
        let mut passed_over = 0;
        loop {
            let unknown = |host: usize| {
                let host = self.hosts.get(view.at[host]);
                host.is_some_and(|host| host.speed.known().is_none())
            };
            let Some(to) = takes_small(&view.hosts, self.waiting.len(), unknown) else { return };
            // The smallest jobs may be of a toolchain that isn't fit there.
            let (id, at) = (view.ids[to], view.at[to]);
            let first = self.waiting.iter().take(LOOK_AHEAD).find(|&&(_, ticket)| {
                let state = self.jobs.get(&ticket);
                state.is_some_and(|state| self.is_eligible(at, state.key, &state.failed))
            });
            match first.copied() {
                Some((work, ticket)) => {
                    view.take(to, f64::from_bits(work), true);
                    self.send(ticket, id, true);
                }
                None => view.hosts[to].quota = 0,
            }
            passed_over += 1;
            if passed_over > view.hosts.len() + LOOK_AHEAD {
                return;
            }
        }
    }

    /// Places waiting jobs, and those stuck on slow hosts, where they end first: the largest first.
    fn send_large(&mut self, view: &mut View, now: Instant) {
        let mut ahead = 0;
        // Toolchains that no host is fit for: looked up once, however many jobs wait for one.
        let mut nowhere = Vec::new();
        let mut stuck = stuck(&view.placed, view.horizon);
        for ticket in self.line(now) {
            let home = self.home_speed(view);
            if ahead >= LOOK_AHEAD || !view.has_room() && home.is_none() {
                break;
            }
            let Some(state) = self.jobs.get(&ticket) else { continue };
            let (key, work) = (state.key, state.work);
            if nowhere.contains(&key) {
                continue;
            }
            let failed = state.failed.clone();
            while let Some(larger) = stuck.pop_if(|&mut at| view.placed[at].work > work) {
                self.migrate(view, larger);
            }
            let eligible = |host: usize| self.is_eligible(view.at[host], key, &failed);
            match place(&mut view.hosts, home, work, eligible) {
                Placing::Send(host) => self.send(ticket, view.ids[host], false),
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

    /// Whether the host at this place may run jobs of this toolchain, and has not `failed` this one.
    pub(super) fn is_eligible(&self, at: usize, key: Key, failed: &[HostId]) -> bool {
        self.hosts.get(at).is_some_and(|host| {
            matches!(host.vetting(key), Vetting::Good) && !failed.contains(&host.id)
        })
    }

    /// Home's speed if a local slot is spare.
    fn home_speed(&self, view: &View) -> Option<f64> {
        let spare = self.settings.bring_home && self.budget.spare() > 0;
        spare.then(|| self.home.expected(view.mean))
    }

    fn bring_home(&mut self, ticket: Ticket) {
        if let Some(permit) = self.budget.try_acquire() {
            tracing::debug!(job = ticket, "brought home");
            self.send_home(ticket, HomeReason::HomeIsFree, Some(permit));
        }
    }

    pub(super) fn send(&mut self, ticket: Ticket, to: HostId, small: bool) {
        self.leave_line(ticket);
        let id = AttemptId { host: to, number: self.number() };
        let Some(state) = self.jobs.get_mut(&ticket) else { return };
        let at = self.hosts.binary_search_by_key(&to, |host| host.id);
        let Some(host) = at.ok().and_then(|at| self.hosts.get_mut(at)) else { return };
        let runs = host.flight.len() < host.capacity.slots;
        let now = Instant::now();
        let cancel = Arc::new(Notify::new());
        state.attempts.push(id);
        host.flight.push(Attempt {
            id,
            ticket,
            work: state.work,
            key: state.key,
            small,
            sent: now,
            started: runs.then_some(now),
            silent_since: None,
            epoch: host.health.epoch,
            cancelled: false,
            cancel: Arc::clone(&cancel),
        });
        tracing::debug!(job = ticket, host = host.name, work = state.work, small, runs, "sent");
        let (executor, job) = (Arc::clone(&host.executor), Arc::clone(&state.job));
        self.effects.push(Effect::Start { attempt: id, executor, job, cancel });
    }

    /// Starts a job that is stuck on a slow host again on a faster one, if one has a free slot.
    fn migrate(&mut self, view: &mut View, at: usize) {
        let (ticket, from) = view.tickets[at];
        let Some(state) = self.jobs.get(&ticket).filter(|state| state.attempts.len() == 1) else {
            return;
        };
        let eligible = |host: usize| {
            view.ids[host] != from && self.is_eligible(view.at[host], state.key, &state.failed)
        };
        let Some(host) = migrate(&mut view.hosts, view.placed[at], eligible) else { return };
        self.cancel_all(ticket);
        if let Some(state) = self.jobs.get_mut(&ticket) {
            state.moves += 1;
        }
        // Nothing is to be done about it any more.
        view.placed[at].finish = 0.0;
        self.send(ticket, view.ids[host], false);
    }

    /// Lets slots that nothing waits for take over or repeat jobs that would end later where they are.
    fn rescue(&mut self, view: &mut View) {
        let home = self.home_speed(view).map(|speed| (speed, self.budget.spare()));
        if view.placed.is_empty() || !view.has_free_slot() && home.is_none() {
            return;
        }
        let eligible = |at: usize, host: usize| {
            let (ticket, from) = view.tickets[at];
            let state = self.jobs.get(&ticket).filter(|state| state.attempts.len() == 1);
            let may = |job: &JobState| self.is_eligible(view.at[host], job.key, &job.failed);
            view.ids[host] != from && state.is_some_and(may)
        };
        for (at, host) in rescue(&mut view.hosts, home, &view.placed, eligible) {
            let ticket = view.tickets[at].0;
            if !view.placed[at].running {
                self.cancel_all(ticket);
            }
            match host {
                Some(host) => self.send(ticket, view.ids[host], false),
                None => {
                    self.wait_unless_placed(ticket);
                    self.bring_home(ticket);
                }
            }
        }
    }

    fn cancel_all(&mut self, ticket: Ticket) {
        let attempts = self.jobs.get(&ticket).map(|state| state.attempts.clone());
        attempts.into_iter().flatten().for_each(|attempt| self.cancel(attempt));
    }
}
