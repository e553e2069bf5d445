//! The farm as `placement` sees it: estimates of when slots fall free and when jobs end.

use std::time::Duration;

use tokio::time::Instant;

use super::farm::{Farm, Ticket};
use super::host::{Host, HostId};
use super::placement::HostView;
use super::takeover::Placed;

/// A running job is overdue when it took this much longer than expected, and this many seconds.
const OVERDUE: (f64, f64) = (1.5, 0.2);

/// How much of its speed a host on trial is trusted to have.
const TRIAL: f64 = 0.25;

/// The usable hosts, and the jobs in flight.
pub(super) struct View {
    pub(super) hosts: Vec<HostView>,
    /// The number of each, ascending.
    pub(super) ids: Vec<HostId>,
    /// The place of each among the farm's hosts.
    pub(super) at: Vec<usize>,
    /// Jobs with one attempt, and for each its ticket and host.
    pub(super) placed: Vec<Placed>,
    pub(super) tickets: Vec<(Ticket, HostId)>,
    pub(super) mean: f64,
    /// In how many seconds all that is known could be done.
    pub(super) horizon: f64,
}

impl View {
    /// `None` if there is nothing to decide: no host takes a job now, and nor does home.
    pub(super) fn of(farm: &Farm, home: bool, now: Instant) -> Option<Self> {
        let takes = |host: &Host| {
            let (flight, slots) = (host.flight.len(), host.capacity.slots);
            let may = host.is_usable() && (flight < slots || host.uplink.seconds_per_work() > 0.0);
            may && flight < host.limit()
        };
        if !home && !farm.hosts.iter().any(takes) {
            return None;
        }
        let (mean, known) = farm.mean_speed();
        let hosts = farm.hosts.len();
        let mut view = Self {
            hosts: Vec::with_capacity(hosts),
            ids: Vec::with_capacity(hosts),
            at: Vec::with_capacity(hosts),
            placed: vec![],
            tickets: vec![],
            mean,
            horizon: 0.0,
        };
        let mut work: f64 = farm.waiting.iter().map(|&(bits, _)| f64::from_bits(bits)).sum();
        for (at, host) in farm.hosts.iter().enumerate() {
            if host.flight.is_empty() && !host.is_usable() {
                continue;
            }
            let seen = view.add_attempts(farm, host, known, now);
            work += seen.busy.iter().sum::<f64>() * seen.speed;
            if host.is_usable() && host.is_fit() {
                view.hosts.push(seen);
                view.ids.push(host.id);
                view.at.push(at);
            }
        }
        let speed: f64 = view.hosts.iter().map(|host| host.slots as f64 * host.speed).sum();
        view.horizon = if known && speed > 0.0 { work / speed } else { f64::INFINITY };
        Some(view)
    }

    fn add_attempts(&mut self, farm: &Farm, host: &Host, known: bool, now: Instant) -> HostView {
        let elapsed = |started: Instant| (now - started).as_secs_f64();
        let unfinished =
            host.flight.iter().filter(|_| known).filter_map(|attempt| {
                attempt.started.map(|started| (attempt.work, elapsed(started)))
            });
        let idle = host.last_answer.map_or(Duration::ZERO, |last| now - last);
        let speed = host.speed.aged(idle).estimate(self.mean, unfinished);
        // One that has to prove itself should get what matters least.
        let speed = if host.health.on_trial { TRIAL * speed } else { speed };
        let mut seen = HostView {
            slots: host.capacity.slots,
            room: host.limit().saturating_sub(host.flight.len()),
            speed,
            upload: host.uplink.seconds_per_work(),
            busy: Vec::with_capacity(host.capacity.slots),
            queued: 0,
            small: host.flight.iter().filter(|attempt| attempt.small).count(),
            quota: 0,
        };
        let patience = farm.settings.unknown_patience.as_secs_f64();
        for attempt in &host.flight {
            let mut overdue = false;
            let finish = match attempt.started {
                // Its slot falls free as soon as its future is gone.
                _ if attempt.cancelled => {
                    seen.busy.push(0.01);
                    continue;
                }
                Some(started) => {
                    let elapsed = elapsed(started);
                    let expected = attempt.work / speed;
                    overdue = elapsed > expected;
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
            let state = farm.jobs.get(&attempt.ticket).filter(|state| state.attempts.len() == 1);
            if let Some(state) = state {
                let lost = !host.health.is_up();
                self.placed.push(Placed {
                    finish: if lost { f64::MAX } else { finish },
                    work: attempt.work,
                    running: attempt.started.is_some(),
                    overdue,
                    moves: state.moves,
                });
                self.tickets.push((attempt.ticket, host.id));
            }
        }
        seen
    }

    /// Reckons with one more job on a host, in a free slot.
    pub(super) fn take(&mut self, host: usize, work: f64, small: bool) {
        let host = &mut self.hosts[host];
        host.room = host.room.saturating_sub(1);
        host.small += usize::from(small);
        host.add(work);
    }

    pub(super) fn has_room(&self) -> bool {
        self.hosts.iter().any(|host| host.room > 0)
    }

    pub(super) fn has_free_slot(&self) -> bool {
        self.hosts.iter().any(HostView::is_free)
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
