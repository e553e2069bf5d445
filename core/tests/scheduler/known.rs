//! What is known to have gone wrong in other distributed compilers, and must not here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::simulated::{Mode, farm, host, job, pass, places, seen, submit};

/// distcc 325, 475.
#[tokio::test(start_paused = true)]
async fn idle_slots_never_wait_on_a_host_that_is_down() {
    let (dead, alive) = (host("dead", 4, 4, 1.0), host("alive", 4, 4, 1.0));
    dead.set(Mode::Gone);
    let (scheduler, _budget) = farm(&[&dead, &alive], 0);
    let start = Instant::now();
    let jobs = (0..40).map(|_| submit(&scheduler, job(1.0))).collect();
    assert_eq!(places(jobs).await, vec!["alive"; 40]);
    assert!(start.elapsed() < Duration::from_millis(10_100), "{:?}", start.elapsed());
    assert!(dead.started() <= 8, "{}", dead.started());
}

/// distcc 325, 475, for a host that is silent rather than gone.
#[tokio::test(start_paused = true)]
async fn idle_slots_take_over_from_a_host_that_went_silent() {
    let (silent, alive) = (host("silent", 4, 4, 1.0), host("alive", 4, 4, 1.0));
    let (scheduler, _budget) = farm(&[&silent, &alive], 0);
    places((0..16).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    silent.set(Mode::Silent);
    let start = Instant::now();
    let jobs = (0..16).map(|_| submit(&scheduler, job(1.0))).collect();
    assert_eq!(places(jobs).await, vec!["alive"; 16]);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

/// icecream 619: out of memory there, the answer comes after a minute.
#[tokio::test(start_paused = true)]
async fn a_server_that_fails_after_a_minute_costs_seconds() {
    let (oom, alive) = (host("oom", 4, 4, 1.0), host("alive", 4, 4, 1.0));
    oom.set(Mode::Breaks(Duration::from_secs(60)));
    let (scheduler, _budget) = farm(&[&oom, &alive], 0);
    let start = Instant::now();
    let jobs = (0..40).map(|_| submit(&scheduler, job(1.0))).collect();
    assert_eq!(places(jobs).await, vec!["alive"; 40]);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

/// icecream 556.
#[tokio::test(start_paused = true)]
async fn dozens_of_waiters_never_stall_beside_an_idle_host() {
    let (a, b) = (host("a", 2, 2, 1.0), host("b", 2, 2, 1.0));
    let (scheduler, _budget) = farm(&[&a, &b], 0);
    let jobs: Vec<_> = (0..80).map(|_| submit(&scheduler, job(1.0))).collect();
    let mut idle = 0;
    while jobs.iter().any(|job| !job.is_finished()) {
        pass(0.1).await;
        if seen(&scheduler, "b").failed > 0 {
            b.set(Mode::Works);
            break;
        }
        let waiting = scheduler.snapshot().waiting;
        let in_flight = |name| {
            let seen = seen(&scheduler, name);
            seen.running + seen.queued
        };
        idle = if waiting > 0 && in_flight("a").min(in_flight("b")) < 2 { idle + 1 } else { 0 };
        assert_eq!(idle, 0);
        // One of them breaks down for a while, with everybody waiting.
        if b.started() == 10 {
            b.set(Mode::Gone);
        }
    }
    let places = places(jobs).await;
    assert!(places.iter().filter(|&place| place == "b").count() > 20, "{places:?}");
}

/// sccache 523.
#[tokio::test(start_paused = true)]
async fn after_an_error_on_one_of_two_servers_both_get_jobs_again() {
    let (a, b) = (host("a", 2, 2, 1.0), host("b", 2, 2, 1.0));
    b.set(Mode::Breaks(Duration::from_millis(10)));
    let (scheduler, _budget) = farm(&[&a, &b], 0);
    places((0..4).map(|_| submit(&scheduler, job(0.2))).collect()).await;
    b.set(Mode::Works);
    pass(1.0).await;
    let before = b.started();
    let jobs = (0..40).map(|_| submit(&scheduler, job(0.2))).collect();
    let places = places(jobs).await;
    assert!(b.started() > before + 15, "{places:?}");
    assert!(places.iter().any(|place| place == "a"));
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_panics_is_a_host_that_failed() {
    let (bad, good) = (host("bad", 2, 0, 4.0), host("good", 2, 0, 1.0));
    bad.set(Mode::Panics);
    let (scheduler, _budget) = farm(&[&bad, &good], 0);
    let jobs = (0..4).map(|_| submit(&scheduler, job(1.0))).collect();
    assert_eq!(places(jobs).await, vec!["good"; 4]);
    assert!(seen(&scheduler, "bad").failed > 0);
    assert_eq!(bad.in_flight.load(Ordering::Relaxed), 0);
    drop(Arc::clone(&bad));
}
