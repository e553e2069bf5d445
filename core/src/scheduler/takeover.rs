//! When a job that is at a host should go on at another one: pure functions over a view of the farm.
//!
//! Unaware of why hosts differ; what may be wrong with a host that says nothing is `silence`'s.

use super::placement::HostView;

/// What moving a job costs, at least: its upload is done again.
const MOVE: f64 = 0.05;

/// How often a running job is moved at most.
const MOVES: u8 = 2;

/// A running job is stuck if it would end later than this many times what is needed for all that is known.
const HORIZON: f64 = 2.0;

/// By which part of a fresh run a move must pay: estimates are estimates.
const GAIN: f64 = 0.25;

/// A job that is at a host and might end sooner elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    /// When it is expected to end where it is.
    pub(super) finish: f64,
    pub(super) work: f64,
    /// Whether it has a slot there.
    pub(super) running: bool,
    /// Whether it should have ended already: then its end is anyone's guess.
    pub(super) overdue: bool,
    /// How often it was moved already while it was running.
    pub(super) moves: u8,
}

/// Which jobs are running where they hold the build up: those that won't end within twice the `horizon`, in which
/// everything that is known could be done. The least work first.
pub(super) fn stuck(placed: &[Placed], horizon: f64) -> Vec<usize> {
    let holds_up = |job: &Placed| {
        job.running && !job.overdue && job.moves < MOVES && job.finish > HORIZON * horizon
    };
    let mut stuck: Vec<usize> = (0..placed.len()).filter(|&at| holds_up(&placed[at])).collect();
    stuck.sort_by(|&a, &b| placed[a].work.total_cmp(&placed[b].work));
    stuck
}

/// The free slot that a running job should start again on, if that ends it clearly sooner.
///
/// If another host will have such a slot first, that one is reckoned with in `hosts`, and the job stays for now.
pub(super) fn migrate(
    hosts: &mut [HostView],
    job: Placed,
    eligible: impl Fn(usize) -> bool,
) -> Option<usize> {
    let best = (0..hosts.len())
        .filter(|&host| eligible(host) && hosts[host].slots > 0 && hosts[host].room > 0)
        .min_by(|&a, &b| hosts[a].finish(job.work).total_cmp(&hosts[b].finish(job.work)))?;
    let host = &mut hosts[best];
    if host.finish(job.work) + GAIN * job.work / host.speed + MOVE >= job.finish {
        return None;
    }
    let free = host.has_free_slot();
    host.room -= usize::from(free);
    host.add(job.work);
    free.then_some(best)
}

/// The free slot that would end a job of this much work first.
pub(super) fn soonest_free(
    hosts: &[HostView],
    work: f64,
    eligible: impl Fn(usize) -> bool,
) -> Option<usize> {
    let free = (0..hosts.len()).filter(|&host| hosts[host].is_free() && eligible(host));
    free.min_by(|&a, &b| hosts[a].finish(work).total_cmp(&hosts[b].finish(work)))
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
    let mut free: Vec<usize> = (0..hosts.len()).filter(|&host| hosts[host].is_free()).collect();
    free.sort_by(|&a, &b| hosts[b].speed.total_cmp(&hosts[a].speed));
    let (home_speed, mut home_slots) = home.unwrap_or((0.0, 0));
    if free.is_empty() && home_slots == 0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_by(|&a, &b| placed[b].finish.total_cmp(&placed[a].finish));
    let mut moves = Vec::new();
    for job in order {
        let Placed { finish, work, running, .. } = placed[job];
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
                if !hosts[host].is_free() {
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

    fn host(slots: usize, room: usize, speed: f64, busy: &[f64]) -> HostView {
        HostView { slots, room, speed, busy: busy.to_vec(), ..HostView::default() }
    }

    #[test]
    fn a_job_is_stuck_if_it_ends_long_after_all_else_could() {
        let job = Placed { finish: 9.0, work: 9.0, running: true, moves: 0, overdue: false };
        let table = [
            ("long after", job, 1),
            ("soon after", Placed { finish: 5.0, ..job }, 0),
            ("not started", Placed { running: false, ..job }, 0),
            ("overdue", Placed { overdue: true, ..job }, 0),
            ("moved often enough", Placed { moves: MOVES, ..job }, 0),
        ];
        for (name, job, expected) in table {
            assert_eq!(stuck(&[job], 3.0).len(), expected, "{name}");
        }
    }

    #[test]
    fn a_stuck_job_moves_to_a_free_slot_that_ends_it_clearly_sooner() {
        let job = Placed { finish: 9.0, work: 10.0, running: true, moves: 0, overdue: false };
        let table: &[(&str, HostView, Option<usize>)] = &[
            ("much faster", host(1, 1, 2.0, &[]), Some(0)),
            ("a little faster", host(1, 1, 1.3, &[]), None),
            ("faster, not free yet", host(1, 1, 2.0, &[1.0]), None),
            ("faster, no room", host(1, 0, 2.0, &[]), None),
        ];
        for (name, host, expected) in table {
            assert_eq!(migrate(&mut [host.clone()], job, |_| true), *expected, "{name}");
        }
    }

    #[test]
    fn a_free_slot_takes_over_the_job_that_ends_last() {
        let mut hosts = [host(1, 1, 1.0, &[])];
        let placed = [
            Placed { finish: 6.0, work: 1.0, running: false, moves: 0, overdue: false },
            Placed { finish: 9.0, work: 1.0, running: false, moves: 0, overdue: false },
        ];
        assert_eq!(rescue(&mut hosts, None, &placed, |_, _| true), [(1, Some(0))]);
    }

    #[test]
    fn nothing_moves_where_nothing_is_gained() {
        let mut hosts = [host(1, 1, 1.0, &[])];
        let placed = [Placed { finish: 5.0, work: 4.9, running: true, moves: 0, overdue: false }];
        assert!(rescue(&mut hosts, None, &placed, |_, _| true).is_empty());
    }

    #[test]
    fn home_takes_over_queued_jobs_and_repeats_no_running_ones() {
        let placed = [
            Placed { finish: 9.0, work: 1.0, running: true, moves: 0, overdue: false },
            Placed { finish: 8.0, work: 1.0, running: false, moves: 0, overdue: false },
            Placed { finish: 7.0, work: 1.0, running: false, moves: 0, overdue: false },
        ];
        assert_eq!(rescue(&mut [], Some((1.0, 1)), &placed, |_, _| true), [(1, None)]);
    }
}
