//! When a job is compiled on this machine.

use std::sync::Arc;
use std::time::Duration;

use farmbuild_core::budget::LocalBudget;
use farmbuild_core::scheduler::{HomeReason, Scheduler, Verdict};
use tokio::time::Instant;

use crate::simulated::{
    Canary, Mode, entry, farm, host, job, pass, place, places, settings, submit,
};

#[tokio::test(start_paused = true)]
async fn without_hosts_every_job_stays_home() {
    let (scheduler, _budget) = farm(&[], 2);
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["no-hosts"]);
}

#[tokio::test(start_paused = true)]
async fn a_spare_local_slot_takes_a_job_only_when_every_board_is_full() {
    let board = host("board", 1, 0, 1.0);
    let (scheduler, budget) = farm(&[&board], 1);
    let first = submit(&scheduler, job(5.0));
    pass(0.1).await;
    assert_eq!((board.started(), budget.in_use()), (1, 0));
    let verdict = scheduler.run(job(1.0)).await;
    let Verdict::Home { reason: HomeReason::HomeIsFree, permit: Some(_permit), .. } = &verdict
    else {
        panic!("{verdict:?}")
    };
    assert_eq!(budget.in_use(), 1);
    drop(verdict);
    assert_eq!(places(vec![first]).await, ["board"]);
}

#[tokio::test(start_paused = true)]
async fn a_local_slot_that_falls_idle_takes_a_waiting_job() {
    let board = host("board", 1, 0, 1.0);
    let (scheduler, budget) = farm(&[&board], 1);
    let busy = budget.try_acquire();
    let _first = submit(&scheduler, job(50.0));
    pass(0.1).await;
    let second = submit(&scheduler, job(1.0));
    pass(0.1).await;
    drop(busy);
    assert_eq!(places(vec![second]).await, ["home-is-free"]);
}

#[tokio::test(start_paused = true)]
async fn a_home_known_to_be_slow_takes_nothing_a_board_ends_sooner() {
    let board = host("board", 1, 0, 1.0);
    let (scheduler, _budget) = farm(&[&board], 1);
    places(vec![submit(&scheduler, job(1.0))]).await;
    for _ in 0..20 {
        scheduler.note_home(job(1.0).text.bytes.len(), Duration::from_secs(20));
    }
    let jobs = (0..4).map(|_| submit(&scheduler, job(1.0))).collect();
    assert_eq!(places(jobs).await, vec!["board"; 4]);
}

#[tokio::test(start_paused = true)]
async fn with_every_host_down_jobs_wait_for_a_local_slot_or_a_host_that_comes_back() {
    let board = host("board", 4, 0, 1.0);
    board.set(Mode::Gone);
    let (scheduler, _budget) = farm(&[&board], 1);
    let first = scheduler.run(job(1.0)).await;
    assert_eq!(place(&first), "all-hosts-down");
    drop(first);
    let at_home = scheduler.run(job(1.0)).await;
    assert_eq!(place(&at_home), "all-hosts-down");
    let waits = submit(&scheduler, job(1.0));
    pass(0.1).await;
    board.set(Mode::Works);
    assert_eq!(places(vec![waits]).await, ["board"]);
    drop(at_home);
}

#[tokio::test(start_paused = true)]
async fn without_a_fit_host_jobs_go_home_by_name() {
    let board = host("board", 1, 0, 1.0);
    let canary = Arc::new(Canary::new(&["board"]));
    let scheduler = Scheduler::new(LocalBudget::new(0), canary, settings());
    scheduler.set_hosts([entry(&board)]);
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["no-host-has-compiler"]);
}

#[tokio::test(start_paused = true)]
async fn jobs_wait_for_vetting_only_so_long() {
    let board = host("board", 1, 0, 1.0);
    let canary = Canary { takes: Duration::from_secs(20), ..Canary::new(&[]) };
    let scheduler = Scheduler::new(LocalBudget::new(1), Arc::new(canary), settings());
    scheduler.set_hosts([entry(&board)]);
    let start = Instant::now();
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["no-host-vetted"]);
    assert!(start.elapsed() < Duration::from_secs(7));
}
