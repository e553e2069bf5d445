//! A host that takes jobs and says nothing more, as a stopped server does, at the pace of a real build.

use std::sync::Arc;

use farmbuild_core::scheduler::{HostSnapshot, HostState, Scheduler};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::makespan::Random;
use crate::simulated::{Host, Mode, farm, host, job, pass, places, seen, submit};

/// Builds 300 jobs of 0.2 to 2 s, 20 in flight, and calls `at_job` before each.
async fn build(scheduler: &Scheduler, at_job: impl Fn(usize)) -> f64 {
    let mut random = Random::new(7);
    let dash_j = Arc::new(Semaphore::new(20));
    let start = Instant::now();
    let mut running = Vec::new();
    for n in 0..300 {
        let token = Arc::clone(&dash_j).acquire_owned().await.unwrap();
        at_job(n);
        let (scheduler, size) = (scheduler.clone(), 0.2 + 1.8 * random.unit());
        running.push(tokio::spawn(async move {
            scheduler.run(job(size)).await;
            drop(token);
        }));
    }
    for job in running {
        job.await.unwrap();
    }
    start.elapsed().as_secs_f64()
}

fn four() -> Vec<Arc<Host>> {
    (0..4).map(|n| host(&format!("h{n}"), 4, 4, 1.0)).collect()
}

/// How much longer a build takes in which a host goes silent at this job, beyond what its missing slots cost.
async fn cost_of_silence(at: usize) -> f64 {
    let hosts = four();
    let (scheduler, _budget) = farm(&hosts.iter().collect::<Vec<_>>(), 0);
    let undisturbed = build(&scheduler, |_| ()).await;
    let stop = |n| {
        if n == at {
            hosts[1].set(Mode::Stopped);
        }
    };
    let disturbed = build(&scheduler, stop).await;
    let left = 1.0 - at as f64 / 300.0;
    disturbed - undisturbed * (1.0 + left / 3.0)
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stops_in_the_middle_of_a_build_costs_less_than_five_seconds() {
    for at in [40, 150, 250] {
        let cost = cost_of_silence(at).await;
        println!("stopped at job {at}: {cost:.2} s");
        assert!(cost < 5.0, "at {at}: {cost}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stops_at_the_end_of_a_build_costs_less_than_five_seconds() {
    for at in [285, 299] {
        let cost = cost_of_silence(at).await;
        println!("stopped at job {at}: {cost:.2} s");
        assert!(cost < 5.0, "at {at}: {cost}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_stopped_from_the_start_costs_less_than_five_seconds() {
    let hosts = four();
    let (scheduler, _budget) = farm(&hosts[1..].iter().collect::<Vec<_>>(), 0);
    let without = build(&scheduler, |_| ()).await;
    hosts[0].set(Mode::Stopped);
    let (scheduler, _budget) = farm(&hosts.iter().collect::<Vec<_>>(), 0);
    let with = build(&scheduler, |_| ()).await;
    println!("{without:.2} s without it, {with:.2} s with it");
    assert!(with < without + 5.0, "{with}, without it {without}");
}

/// A farm of two equal hosts whose speeds are known, one of which is stopped now.
async fn one_of_two_stopped() -> (Scheduler, Arc<Host>, Arc<Host>) {
    let (stops, works) = (host("stops", 2, 2, 1.0), host("works", 2, 2, 1.0));
    let (scheduler, _budget) = farm(&[&stops, &works], 0);
    places((0..12).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    stops.set(Mode::Stopped);
    (scheduler, stops, works)
}

#[tokio::test(start_paused = true)]
async fn a_silent_job_is_repeated_even_while_others_wait() {
    let (scheduler, _stops, _works) = one_of_two_stopped().await;
    let start = Instant::now();
    let first = (0..4).map(|_| submit(&scheduler, job(1.0))).collect();
    let _others: Vec<_> = (0..40).map(|_| submit(&scheduler, job(0.9))).collect();
    assert_eq!(places(first).await, vec!["works"; 4]);
    assert!(start.elapsed().as_secs_f64() < 6.0, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_silent_on_two_hosts_is_repeated_on_a_third() {
    let stop = [host("stops", 2, 2, 2.0), host("stops-too", 2, 2, 1.5)];
    let works = host("works", 2, 2, 1.0);
    let (scheduler, _budget) = farm(&[&stop[0], &stop[1], &works], 0);
    places((0..12).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    stop.iter().for_each(|host| host.set(Mode::Stopped));
    let start = Instant::now();
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["works"]);
    assert!(start.elapsed().as_secs_f64() < 10.0, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_job_goes_home_if_no_other_host_is_there() {
    let board = host("board", 2, 2, 1.0);
    let (scheduler, _budget) = farm(&[&board], 1);
    places((0..4).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    board.set(Mode::Stopped);
    let start = Instant::now();
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["home-is-free"]);
    assert!(start.elapsed().as_secs_f64() < 4.0, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_host_whose_jobs_others_answer_is_down() {
    let (scheduler, _stops, _works) = one_of_two_stopped().await;
    let jobs: Vec<_> = (0..12).map(|_| submit(&scheduler, job(1.0))).collect();
    let is_down = |host: &HostSnapshot| matches!(host.state, HostState::Down { .. });
    while !is_down(&seen(&scheduler, "stops")) {
        assert!(jobs.iter().any(|job| !job.is_finished()), "never down");
        pass(0.05).await;
    }
    pass(0.01).await;
    let seen = seen(&scheduler, "stops");
    assert_eq!(seen.running + seen.queued, 0, "all its jobs move at once");
    let HostState::Down { reason, .. } = seen.state else { panic!("{seen:?}") };
    assert_eq!(reason, "it takes jobs and doesn't answer");
}

#[tokio::test(start_paused = true)]
async fn while_it_only_answers_probes_it_gets_one_job_at_a_time() {
    let (scheduler, stops, _works) = one_of_two_stopped().await;
    places((0..12).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    let before = stops.started();
    places((0..100).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    // 50 s, in which it is left alone for 1, 2, 4, 8... s after each.
    assert!(stops.started() - before <= 5, "{}", stops.started() - before);
}

#[tokio::test(start_paused = true)]
async fn one_job_that_it_answers_makes_it_a_host_again() {
    let (scheduler, stops, _works) = one_of_two_stopped().await;
    places((0..12).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    stops.set(Mode::Works);
    pass(30.0).await;
    let places = places((0..20).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    assert!(places.iter().filter(|&place| place == "stops").count() >= 8, "{places:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_much_slower_than_all_others_is_not_lost_for_good() {
    let (slow, fast) = (host("slow", 4, 4, 0.1), host("fast", 4, 4, 1.0));
    let (scheduler, _budget) = farm(&[&slow, &fast], 0);
    let places = places((0..400).map(|_| submit(&scheduler, job(1.0))).collect()).await;
    let slow = places.iter().filter(|&place| place == "slow").count();
    assert!(slow >= 15, "{slow}");
    assert_eq!(seen(&scheduler, "slow").state, HostState::Up);
}
