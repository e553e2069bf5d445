//! Which host gets a job, and when one moves.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use farmbuild_core::budget::LocalBudget;
use farmbuild_core::scheduler::{HostState, Scheduler};
use tokio::time::Instant;

use crate::simulated::{
    Canary, Mode, entry, far_host, farm, host, job, job_for, pass, places, seen, settings, submit,
};

#[tokio::test(start_paused = true)]
async fn hosts_are_loaded_in_proportion_to_their_slots() {
    let (small, large) = (host("small", 2, 0, 1.0), host("large", 6, 0, 1.0));
    let (scheduler, _budget) = farm(&[&small, &large], 0);
    places(vec![submit(&scheduler, job(0.1))]).await;
    let before = (small.started(), large.started());
    let _jobs: Vec<_> = (0..4).map(|_| submit(&scheduler, job(5.0))).collect();
    pass(0.1).await;
    assert_eq!((small.started() - before.0, large.started() - before.1), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn no_more_than_slots_and_queue_are_in_flight() {
    let board = host("board", 2, 3, 1.0);
    let (scheduler, _budget) = farm(&[&board], 0);
    places((0..30).map(|_| submit(&scheduler, job(0.3))).collect()).await;
    assert!(board.most_in_flight.load(Ordering::Relaxed) <= 5);
}

#[tokio::test(start_paused = true)]
async fn once_known_the_faster_host_comes_first() {
    let (slow, fast) = (host("slow", 1, 0, 1.0), host("fast", 1, 0, 4.0));
    let (scheduler, _budget) = farm(&[&slow, &fast], 0);
    places((0..10).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["fast"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_job_on_a_slow_host_is_repeated_on_a_fast_one() {
    let (slow, fast) = (host("slow", 1, 0, 0.1), host("fast", 1, 0, 2.0));
    let (scheduler, _budget) = farm(&[&slow, &fast], 0);
    let start = Instant::now();
    let jobs = (0..6).map(|_| submit(&scheduler, job(2.0))).collect();
    assert_eq!(places(jobs).await, vec!["fast"; 6]);
    assert!(start.elapsed().as_secs_f64() < 8.0, "{:?}", start.elapsed());
    assert_eq!(slow.in_flight.load(Ordering::Relaxed), 0, "the loser is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_host_added_takes_waiting_jobs_at_once() {
    let (a, b) = (host("a", 1, 0, 1.0), host("b", 2, 0, 1.0));
    let (scheduler, _budget) = farm(&[&a], 0);
    let _jobs: Vec<_> = (0..5).map(|_| submit(&scheduler, job(5.0))).collect();
    pass(1.0).await;
    scheduler.set_hosts([entry(&a), entry(&b)]);
    pass(0.1).await;
    assert_eq!((a.started(), b.started()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_host_removed_ends_its_jobs_and_gets_no_more() {
    let (a, b) = (host("a", 1, 0, 1.0), host("b", 1, 0, 1.0));
    let (scheduler, _budget) = farm(&[&a, &b], 0);
    let jobs: Vec<_> = (0..6).map(|_| submit(&scheduler, job(1.0))).collect();
    pass(0.1).await;
    scheduler.set_hosts([entry(&b)]);
    assert_eq!(seen(&scheduler, "a").state, HostState::Leaving);
    let places = places(jobs).await;
    assert_eq!(places.iter().filter(|&place| place == "a").count(), 1);
    assert_eq!(scheduler.snapshot().hosts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_job_frees_its_slot() {
    let board = host("board", 1, 0, 1.0);
    let (scheduler, _budget) = farm(&[&board], 0);
    let first = submit(&scheduler, job(50.0));
    pass(0.1).await;
    let second = submit(&scheduler, job(1.0));
    first.abort();
    let start = Instant::now();
    assert_eq!(places(vec![second]).await, ["board"]);
    assert!(start.elapsed().as_secs_f64() < 1.1);
}

#[tokio::test(start_paused = true)]
async fn live_capacity_follows_the_farm() {
    let (a, b) = (host("a", 2, 1, 1.0), host("b", 4, 2, 1.0));
    let (scheduler, _budget) = farm(&[&a, &b], 0);
    let capacity = scheduler.watch_capacity();
    assert_eq!(*capacity.borrow(), 9);
    b.set(Mode::Gone);
    places((0..6).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    assert_eq!(*capacity.borrow(), 3);
    b.set(Mode::Works);
    pass(1.0).await;
    assert_eq!(*capacity.borrow(), 9);
}

#[tokio::test(start_paused = true)]
async fn each_host_is_vetted_once_per_toolchain_and_an_unfit_one_gets_no_such_job() {
    let (good, bad) = (host("good", 2, 0, 1.0), host("bad", 2, 0, 1.0));
    let canary = Arc::new(Canary::new(&["bad"]));
    let scheduler = Scheduler::new(LocalBudget::new(0), canary.clone(), settings());
    scheduler.set_hosts([entry(&good), entry(&bad)]);
    let jobs = (0..8).map(|_| submit(&scheduler, job(1.0))).collect();
    assert_eq!(places(jobs).await, vec!["good"; 8]);
    let bad = seen(&scheduler, "bad");
    assert_eq!(bad.state, HostState::SetAside);
    assert_eq!(bad.unfit["gcc"], "its objects differ");
    let others = (0..4).map(|_| submit(&scheduler, job_for("clang", 1.0))).collect();
    assert!(places(others).await.contains(&"bad".to_owned()));
    assert_eq!(canary.asked.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn the_queue_hides_uploads_behind_compiles() {
    let board = far_host("board", 2, 2, 1.0, 0.5);
    let (scheduler, _budget) = farm(&[&board], 0);
    places(vec![submit(&scheduler, job(1.0))]).await;
    let start = Instant::now();
    places((0..20).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    // 10 s of compiling, 15 s if each slot waited for each upload.
    assert!(start.elapsed().as_secs_f64() < 11.5, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn jobs_wait_for_the_choice_rather_than_in_a_queue_near_by() {
    let board = host("board", 2, 4, 1.0);
    let (scheduler, _budget) = farm(&[&board], 0);
    let _jobs: Vec<_> = (0..6).map(|_| submit(&scheduler, job(5.0))).collect();
    pass(1.0).await;
    assert_eq!((board.started(), scheduler.snapshot().waiting), (2, 4));
}

#[tokio::test(start_paused = true)]
async fn a_long_job_on_a_slow_host_moves_to_a_fast_slot_while_others_wait() {
    let (slow, fast) = (host("slow", 1, 0, 1.0), host("fast", 1, 0, 4.0));
    let (scheduler, _budget) = farm(&[&slow], 0);
    scheduler.set_speed("slow", 100_000.0);
    scheduler.set_speed("fast", 400_000.0);
    let long = submit(&scheduler, job(40.0));
    pass(1.0).await;
    scheduler.set_hosts([entry(&slow), entry(&fast)]);
    let _short: Vec<_> = (0..4).map(|_| submit(&scheduler, job(0.5))).collect();
    let start = Instant::now();
    assert_eq!(places(vec![long]).await, ["fast"]);
    assert!(start.elapsed().as_secs_f64() < 11.0, "{:?}", start.elapsed());
    assert_eq!(slow.in_flight.load(Ordering::Relaxed), 0, "the slow attempt is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_returns_to_the_farm_is_as_fast_as_it_was() {
    let (a, b) = (host("a", 1, 0, 1.0), host("b", 1, 0, 2.0));
    let (scheduler, _budget) = farm(&[&a, &b], 0);
    places((0..6).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    let before = scheduler.speeds();
    scheduler.set_hosts([entry(&a)]);
    pass(0.1).await;
    assert_eq!(scheduler.snapshot().hosts.len(), 1);
    assert_eq!(scheduler.speeds(), before);
    scheduler.set_hosts([entry(&a), entry(&b)]);
    assert_eq!(scheduler.speeds(), before);
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_speed_from_an_earlier_life_counts_from_the_first_job_on() {
    let (slow, fast) = (host("slow", 1, 0, 1.0), host("fast", 1, 0, 2.0));
    let (scheduler, _budget) = farm(&[&slow], 0);
    scheduler.set_speed("slow", 100_000.0);
    scheduler.set_speed("fast", 200_000.0);
    scheduler.set_speed("odd", f64::NAN);
    scheduler.set_hosts([entry(&slow), entry(&fast)]);
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["fast"]);
    assert!(!scheduler.speeds().contains_key("odd"));
}
