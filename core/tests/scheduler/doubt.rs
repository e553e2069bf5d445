//! Hosts whose bytes are in doubt, and jobs that no build waits for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use farmbuild_core::scheduler::{Aside, HostState, Scheduler};

use crate::simulated::{Host, Mode, entry, farm, host, job, pass, places, seen, submit};

/// Starts a job that no build waits for.
fn aside(scheduler: &Scheduler, seconds: f64, but: &'static str) -> tokio::task::JoinHandle<Aside> {
    let scheduler = scheduler.clone();
    tokio::spawn(async move { scheduler.run_aside(job(seconds), but).await })
}

/// A farm whose hosts have compiled something, so that they are vetted.
async fn used_farm(hosts: &[&Arc<Host>]) -> Scheduler {
    let (scheduler, _budget) = farm(hosts, 0);
    places((0..4 * hosts.len()).map(|_| submit(&scheduler, job(0.5))).collect()).await;
    scheduler
}

#[tokio::test(start_paused = true)]
async fn all_jobs_of_a_host_in_doubt_start_again_elsewhere() {
    let (wrong, good) = (host("wrong", 2, 2, 4.0), host("good", 2, 2, 1.0));
    let (scheduler, _budget) = farm(&[&wrong, &good], 0);
    let jobs = (0..6).map(|_| submit(&scheduler, job(2.0))).collect();
    pass(0.1).await;
    assert!(wrong.in_flight.load(Ordering::Relaxed) > 0);
    scheduler.doubt("wrong", "different bytes for a.o");
    assert_eq!(places(jobs).await, ["good"; 6]);
    assert_eq!(wrong.in_flight.load(Ordering::Relaxed), 0);
    let reason = "different bytes for a.o".to_owned();
    assert_eq!(seen(&scheduler, "wrong").state, HostState::Doubted { reason });
}

#[tokio::test(start_paused = true)]
async fn neither_time_nor_an_edit_of_the_farm_takes_a_host_in_doubt_back() {
    let (wrong, good) = (host("wrong", 2, 2, 4.0), host("good", 2, 2, 1.0));
    let (scheduler, _budget) = farm(&[&wrong, &good], 0);
    scheduler.doubt("wrong", "different bytes");
    pass(4000.0).await;
    scheduler.set_hosts([entry(&good)]);
    let changed = host("wrong", 4, 4, 4.0);
    scheduler.set_hosts([entry(&changed), entry(&good)]);
    places((0..4).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    assert_eq!((wrong.started(), changed.started()), (0, 0));
    assert_eq!(wrong.probes.load(Ordering::Relaxed), 0);

    scheduler.trust("wrong");
    assert_eq!(seen(&scheduler, "wrong").state, HostState::Up);
    places((0..8).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    assert!(changed.started() > 0);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_down_when_it_came_to_be_in_doubt_stays_aside_after_its_probe() {
    let (wrong, good) = (host("wrong", 1, 0, 4.0), host("good", 1, 0, 1.0));
    let (scheduler, _budget) = farm(&[&wrong, &good], 0);
    wrong.set(Mode::Gone);
    places((0..2).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    scheduler.doubt("wrong", "different bytes");
    wrong.set(Mode::Works);
    pass(100.0).await;
    assert!(matches!(seen(&scheduler, "wrong").state, HostState::Doubted { .. }));
}

#[tokio::test(start_paused = true)]
async fn with_every_host_in_doubt_jobs_go_home_for_that_reason() {
    let wrong = host("wrong", 2, 2, 1.0);
    let (scheduler, _budget) = farm(&[&wrong], 1);
    scheduler.doubt("wrong", "different bytes");
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["hosts-in-doubt"]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_nobody_waits_for_runs_on_an_idle_host_that_is_not_left_out() {
    let (fast, slow) = (host("fast", 2, 0, 4.0), host("slow", 2, 0, 1.0));
    let scheduler = used_farm(&[&fast, &slow]).await;
    let done = scheduler.run_aside(job(1.0), "fast").await;
    assert!(matches!(&done, Aside::Done { host, .. } if host == "slow"), "{done:?}");
    let done = scheduler.run_aside(job(1.0), "neither").await;
    assert!(matches!(&done, Aside::Done { host, .. } if host == "fast"), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn it_runs_on_no_host_that_is_busy_in_doubt_or_not_vetted() {
    let board = host("board", 1, 1, 1.0);
    let (scheduler, _budget) = farm(&[&board], 0);
    assert!(matches!(scheduler.run_aside(job(1.0), "").await, Aside::Nowhere), "not vetted");
    let running = submit(&scheduler, job(1.0));
    pass(0.5).await;
    assert!(matches!(scheduler.run_aside(job(1.0), "").await, Aside::Nowhere), "busy");
    running.await.unwrap();
    scheduler.doubt("board", "different bytes");
    assert!(matches!(scheduler.run_aside(job(1.0), "").await, Aside::Nowhere), "in doubt");
}

#[tokio::test(start_paused = true)]
async fn it_gives_its_slot_up_as_soon_as_a_job_waits() {
    let board = host("board", 1, 0, 1.0);
    let scheduler = used_farm(&[&board]).await;
    let sample = aside(&scheduler, 10.0, "");
    pass(0.1).await;
    assert_eq!(seen(&scheduler, "board").running, 1);
    let start = tokio::time::Instant::now();
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["board"]);
    assert!(start.elapsed().as_secs_f64() < 1.2, "{:?}", start.elapsed());
    assert!(matches!(sample.await.unwrap(), Aside::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn its_slot_is_free_again_when_it_has_ended_or_is_dropped() {
    let board = host("board", 1, 0, 1.0);
    let scheduler = used_farm(&[&board]).await;
    assert!(matches!(scheduler.run_aside(job(1.0), "").await, Aside::Done { .. }));
    assert_eq!(seen(&scheduler, "board").running, 0);
    let sample = aside(&scheduler, 10.0, "");
    pass(0.1).await;
    sample.abort();
    pass(0.1).await;
    assert_eq!(seen(&scheduler, "board").running, 0);
    assert_eq!(seen(&scheduler, "board").done, 4, "samples aren't counted");
}
