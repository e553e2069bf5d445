//! Which host a job should go to: pure functions over a view of the farm.
//!
//! Unaware of executors, health and vetting: a host that may not be used isn't in the view or isn't eligible. Times
//! are seconds from now; work is as in `speed`.

/// How far ahead of a slot falling free a job is sent to a host's queue, so that its upload overlaps.
const AHEAD: f64 = 0.5;

/// Ends that are this close are taken as equal: no estimate is better.
const EQUAL: f64 = 0.01;

/// What moving a job costs, at least: its upload is done again.
const MOVE: f64 = 0.05;

/// One host that is up.
#[derive(Clone, Debug)]
pub(super) struct HostView {
    pub(super) slots: usize,
    /// How many more jobs it may be sent.
    pub(super) room: usize,
    /// Work per second and slot.
    pub(super) speed: f64,
    /// When each slot in use falls free, once everything sent (or planned) so far has run.
    pub(super) busy: Vec<f64>,
    /// Jobs sent beyond its slots.
    pub(super) queued: usize,
}

impl HostView {
    fn has_free_slot(&self) -> bool {
        self.busy.len() < self.slots
    }

    fn starts_in(&self) -> f64 {
        if self.has_free_slot() {
            return 0.0;
        }
        self.busy.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn finish(&self, work: f64) -> f64 {
        self.starts_in() + work / self.speed
    }

    /// Reckons with one more job; returns when it ends.
    pub(super) fn add(&mut self, work: f64) -> f64 {
        let finish = self.finish(work);
        if self.has_free_slot() {
            self.busy.push(finish);
        } else if let Some(first) = self.busy.iter_mut().min_by(|a, b| a.total_cmp(b)) {
            *first = finish;
        }
        finish
    }

    /// Whether a job may be sent now: to a free slot, or to the queue if that one is (nearly) empty or about to be.
    fn takes_now(&self) -> bool {
        self.room > 0
            && (self.has_free_slot()
                || self.queued < self.slots.div_ceil(4)
                || self.starts_in() < AHEAD && self.queued < self.slots)
    }

    fn load(&self) -> f64 {
        (self.busy.len() + self.queued) as f64 / self.slots.max(1) as f64
    }
}

/// What to do with a waiting job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placing {
    /// Send it to this host now.
    Send(usize),
    /// Compile it on a spare slot of this machine.
    Home,
    /// Let it wait: a host will have room in time.
    Wait,
    /// No host may run it.
    Nowhere,
}

/// Places one job of this much `work`, and reckons with it in `hosts` even if it is to wait.
///
/// The host that ends it first wins, the least loaded one among equals; home is asked only if no eligible board has
/// a free slot.
pub(super) fn place(
    hosts: &mut [HostView],
    home: Option<f64>,
    work: f64,
    eligible: impl Fn(usize) -> bool,
) -> Placing {
    let best = (0..hosts.len())
        .filter(|&host| eligible(host) && hosts[host].slots > 0)
        .map(|host| (host, (hosts[host].finish(work) / EQUAL).round(), hosts[host].load()))
        .min_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)));
    let Some((best, ..)) = best else { return Placing::Nowhere };
    let finish = hosts[best].finish(work);
    let any_free = || {
        (0..hosts.len())
            .any(|host| eligible(host) && hosts[host].has_free_slot() && hosts[host].room > 0)
    };
    if let Some(speed) = home
        && work / speed < finish
        && !any_free()
    {
        return Placing::Home;
    }
    let host = &mut hosts[best];
    let takes = host.takes_now();
    if takes {
        host.room -= 1;
        host.queued += usize::from(!host.has_free_slot());
    }
    host.add(work);
    if takes { Placing::Send(best) } else { Placing::Wait }
}

/// A job that is at a host and might end sooner elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    /// When it is expected to end where it is.
    pub(super) finish: f64,
    pub(super) work: f64,
    /// Whether it has a slot there; one that has is duplicated rather than moved.
    pub(super) running: bool,
}

/// Which of the jobs at hosts a free slot should take over or repeat: pairs of an index into `placed` and a host, or
/// no host for home.
///
/// The job that ends last comes first, and gets the fastest free slot.
pub(super) fn rescue(
    hosts: &mut [HostView],
    home: Option<(f64, usize)>,
    placed: &[Placed],
    eligible: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, Option<usize>)> {
    let is_free = |host: &HostView| host.room > 0 && host.has_free_slot();
    let mut free: Vec<usize> = (0..hosts.len()).filter(|&host| is_free(&hosts[host])).collect();
    free.sort_by(|&a, &b| hosts[b].speed.total_cmp(&hosts[a].speed));
    let (home_speed, mut home_slots) = home.unwrap_or((0.0, 0));
    if free.is_empty() && home_slots == 0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_by(|&a, &b| placed[b].finish.total_cmp(&placed[a].finish));
    let mut moves = Vec::new();
    for job in order {
        let Placed { finish, work, running } = placed[job];
        let gains = |speed: f64| {
            let fresh = work / speed;
            let margin = if running { 0.2 * fresh } else { 0.1 * fresh };
            fresh + margin + MOVE < finish
        };
        let taker = free.iter().position(|&host| eligible(job, host));
        if let Some(position) = taker {
            let host = free[position];
            if gains(hosts[host].speed) {
                hosts[host].room -= 1;
                hosts[host].add(work);
                if !is_free(&hosts[host]) {
                    free.remove(position);
                }
                moves.push((job, Some(host)));
            }
        } else if !running && home_slots > 0 && gains(home_speed) {
            home_slots -= 1;
            moves.push((job, None));
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(slots: usize, room: usize, speed: f64, busy: &[f64], queued: usize) -> HostView {
        HostView { slots, room, speed, busy: busy.to_vec(), queued }
    }

    #[test]
    fn a_job_goes_where_it_ends_first() {
        let idle = host(2, 4, 1.0, &[], 0);
        let half = host(2, 3, 1.0, &[9.0], 0);
        let fast = host(2, 4, 2.0, &[], 0);
        let full_fast = host(1, 1, 4.0, &[1.0], 0);
        let crowded_fast = host(1, 0, 4.0, &[1.0], 1);
        let table: &[(&str, &[&HostView], Option<f64>, Placing)] = &[
            ("no host", &[], None, Placing::Nowhere),
            ("the less loaded of equals", &[&half, &idle], None, Placing::Send(1)),
            ("the faster of idle ones", &[&idle, &fast], None, Placing::Send(1)),
            ("a fast queue before a slow slot", &[&idle, &full_fast], None, Placing::Send(1)),
            ("waiting for the fast one pays", &[&idle, &crowded_fast], None, Placing::Wait),
            ("a free board before home", &[&idle], Some(100.0), Placing::Send(0)),
            ("home when boards are full", &[&crowded_fast], Some(10.0), Placing::Home),
            ("not home when it is too slow", &[&crowded_fast], Some(1.0), Placing::Wait),
        ];
        for (name, hosts, home, expected) in table {
            let mut hosts: Vec<HostView> = hosts.iter().map(|&host| host.clone()).collect();
            assert_eq!(place(&mut hosts, *home, 8.0, |_| true), *expected, "{name}");
        }
    }

    #[test]
    fn a_host_that_is_not_eligible_is_passed_over() {
        let mut hosts = [host(4, 8, 9.0, &[], 0), host(4, 8, 1.0, &[], 0)];
        assert_eq!(place(&mut hosts, None, 8.0, |host| host == 1), Placing::Send(1));
        assert_eq!(place(&mut hosts, None, 8.0, |_| false), Placing::Nowhere);
    }

    #[test]
    fn a_free_slot_takes_over_the_job_that_ends_last() {
        let mut hosts = [host(1, 1, 1.0, &[], 0)];
        let placed = [
            Placed { finish: 6.0, work: 1.0, running: false },
            Placed { finish: 9.0, work: 1.0, running: false },
        ];
        assert_eq!(rescue(&mut hosts, None, &placed, |_, _| true), [(1, Some(0))]);
    }

    #[test]
    fn nothing_moves_where_nothing_is_gained() {
        let mut hosts = [host(1, 1, 1.0, &[], 0)];
        let placed = [Placed { finish: 5.0, work: 4.9, running: true }];
        assert!(rescue(&mut hosts, None, &placed, |_, _| true).is_empty());
    }

    #[test]
    fn home_takes_over_queued_jobs_and_repeats_no_running_ones() {
        let placed = [
            Placed { finish: 9.0, work: 1.0, running: true },
            Placed { finish: 8.0, work: 1.0, running: false },
            Placed { finish: 7.0, work: 1.0, running: false },
        ];
        assert_eq!(rescue(&mut [], Some((1.0, 1)), &placed, |_, _| true), [(1, None)]);
    }
}
