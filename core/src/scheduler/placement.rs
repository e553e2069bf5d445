//! Which host a job should go to: pure functions over a view of the farm.
//!
//! Unaware of executors, health and vetting: a host that may not be used isn't in the view or isn't eligible. Times
//! are seconds from now; work is as in `speed`.

/// How many times its upload's length ahead of a slot falling free a job is sent to a host's queue: estimates are
/// estimates, and an upload should have ended when the slot falls free.
const AHEAD: f64 = 3.0;

/// Which part of the slots is for small jobs while a build goes on. A half does as well for boards alone, but where
/// home helps it is a little too much.
const SMALL: f64 = 0.4;

/// Ends that are this close are taken as equal: no estimate is better.
const EQUAL: f64 = 0.01;

/// One host that is up.
#[derive(Clone, Debug, Default)]
pub(super) struct HostView {
    pub(super) slots: usize,
    /// How many more jobs it may be sent.
    pub(super) room: usize,
    /// Work per second and slot.
    pub(super) speed: f64,
    /// Seconds to upload the source of one unit of work.
    pub(super) upload: f64,
    /// When each slot in use falls free, once everything sent (or planned) so far has run.
    pub(super) busy: Vec<f64>,
    /// Jobs sent beyond its slots.
    pub(super) queued: usize,
    /// Jobs that it was given for being small.
    pub(super) small: usize,
    /// How many such jobs it should have: see [`share_small_jobs`].
    pub(super) quota: usize,
}

impl HostView {
    pub(super) fn has_free_slot(&self) -> bool {
        self.busy.len() < self.slots
    }

    fn starts_in(&self) -> f64 {
        if self.has_free_slot() {
            return 0.0;
        }
        self.busy.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// When a job of this much work would end here.
    pub(super) fn finish(&self, work: f64) -> f64 {
        self.starts_in().max(self.upload * work) + work / self.speed
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

    /// Whether a job may be sent now: to a free slot, or to the queue if a slot falls free about when the job is there.
    fn takes_now(&self, work: f64) -> bool {
        self.room > 0
            && (self.has_free_slot()
                || self.starts_in() < AHEAD * self.upload * work && self.queued < self.slots)
    }

    /// Whether a job can start right now.
    pub(super) fn is_free(&self) -> bool {
        self.room > 0 && self.has_free_slot()
    }

    /// Free slots that are not meant for small jobs.
    fn free_for_large(&self) -> usize {
        let free = self.room.min(self.slots.saturating_sub(self.busy.len()));
        free.saturating_sub(self.quota.saturating_sub(self.small))
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
    let any_free = || (0..hosts.len()).any(|host| eligible(host) && hosts[host].is_free());
    if let Some(speed) = home
        && work / speed < finish
        && !any_free()
    {
        return Placing::Home;
    }
    let host = &mut hosts[best];
    let takes = host.takes_now(work);
    if takes {
        host.room -= 1;
        host.queued += usize::from(!host.has_free_slot());
    }
    host.add(work);
    if takes { Placing::Send(best) } else { Placing::Wait }
}

/// Gives the slowest of the slots to small jobs: sets each host's quota.
///
/// While a build goes on, its next jobs come as earlier ones end. Large jobs first everywhere would hold the small ones
/// back, and with them the jobs that are still to come, large ones among them; small jobs first everywhere would leave
/// the large ones for the end. So the fast slots take the largest and the slow ones the smallest.
pub(super) fn share_small_jobs(hosts: &mut [HostView]) {
    let mut order: Vec<usize> = (0..hosts.len()).collect();
    order.sort_by(|&a, &b| hosts[a].speed.total_cmp(&hosts[b].speed));
    let slots: usize = hosts.iter().map(|host| host.slots).sum();
    let mut left = (SMALL * slots as f64).round() as usize;
    for host in order {
        hosts[host].quota = left.min(hosts[host].slots);
        left -= hosts[host].quota;
    }
}

/// Which host should take the smallest of the `waiting` jobs now, if any: one that is `unknown` and idle, to learn
/// its speed soon, or one below its quota.
///
/// None does while the free slots that are left for large jobs would take all that wait.
pub(super) fn takes_small(
    hosts: &[HostView],
    waiting: usize,
    unknown: impl Fn(usize) -> bool,
) -> Option<usize> {
    if waiting <= hosts.iter().map(HostView::free_for_large).sum() {
        return None;
    }
    let takes = |&host: &usize| {
        let seen = &hosts[host];
        seen.is_free()
            && (if unknown(host) { seen.busy.is_empty() } else { seen.small < seen.quota })
    };
    (0..hosts.len()).filter(takes).max_by(|&a, &b| hosts[a].speed.total_cmp(&hosts[b].speed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(slots: usize, room: usize, speed: f64, busy: &[f64], queued: usize) -> HostView {
        HostView { slots, room, speed, busy: busy.to_vec(), queued, ..HostView::default() }
    }

    #[test]
    fn a_job_goes_where_it_ends_first() {
        let idle = host(2, 4, 1.0, &[], 0);
        let half = host(2, 3, 1.0, &[9.0], 0);
        let fast = host(2, 4, 2.0, &[], 0);
        let full_fast = HostView { upload: 0.05, ..host(1, 1, 4.0, &[1.0], 0) };
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
    fn a_job_is_sent_to_a_queue_as_long_ahead_as_its_upload_needs() {
        for (upload, free_in, expected) in [
            (0.0, 0.1, Placing::Wait),
            (0.01, 0.2, Placing::Send(0)),
            (0.01, 0.5, Placing::Wait),
            (0.1, 0.5, Placing::Send(0)),
        ] {
            let mut hosts = [HostView { upload, ..host(1, 1, 1.0, &[free_in], 0) }];
            assert_eq!(place(&mut hosts, None, 8.0, |_| true), expected, "{upload}, {free_in}");
        }
    }

    #[test]
    fn the_slowest_two_fifths_of_the_slots_are_for_small_jobs() {
        let table = [
            (vec![(4, 1.0), (4, 2.0)], vec![3, 0]),
            (vec![(4, 2.0), (2, 1.0)], vec![0, 2]),
            (vec![(4, 1.0), (4, 1.0), (4, 1.0)], vec![4, 1, 0]),
            (vec![(5, 1.0)], vec![2]),
            (vec![], vec![]),
        ];
        for (farm, expected) in table {
            let mut hosts: Vec<HostView> =
                farm.iter().map(|&(slots, speed)| host(slots, slots, speed, &[], 0)).collect();
            share_small_jobs(&mut hosts);
            let quotas: Vec<usize> = hosts.iter().map(|host| host.quota).collect();
            assert_eq!(quotas, expected, "{farm:?}");
        }
    }

    #[test]
    fn small_jobs_go_to_slow_slots_once_more_wait_than_the_fast_ones_take() {
        let mut hosts = [host(1, 1, 1.0, &[], 0), host(1, 1, 2.0, &[], 0)];
        share_small_jobs(&mut hosts);
        assert_eq!(takes_small(&hosts, 1, |_| false), None);
        assert_eq!(takes_small(&hosts, 2, |_| false), Some(0));
        hosts[0].small = 1;
        assert_eq!(takes_small(&hosts, 2, |_| false), None);
    }

    #[test]
    fn an_unknown_host_is_given_one_small_job_first() {
        let hosts = [host(2, 2, 1.0, &[], 0)];
        assert_eq!(takes_small(&hosts, 3, |_| true), Some(0));
        let hosts = [host(2, 1, 1.0, &[5.0], 0)];
        assert_eq!(takes_small(&hosts, 3, |_| true), None);
    }
}
