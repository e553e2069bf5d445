//! What a host's failure does to it and to its jobs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use farmbuild_core::scheduler::{HostState, Verdict};

use crate::simulated::{Mode, farm, host, job, pass, places, seen, submit};

#[tokio::test(start_paused = true)]
async fn a_failed_job_runs_elsewhere_and_says_where_it_failed() {
    let (bad, good) = (host("bad", 4, 0, 1.0), host("good", 1, 0, 1.0));
    bad.set(Mode::Gone);
    let (scheduler, _budget) = farm(&[&bad, &good], 0);
    let Verdict::Done { host, faults, .. } = scheduler.run(job(1.0)).await else {
        panic!("went home")
    };
    assert_eq!(host, "good");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].host, "bad");
    assert!(faults[0].error.contains("can't be reached"), "{}", faults[0].error);
    assert_eq!(seen(&scheduler, "bad").retried, 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_failed_on_three_hosts_goes_home() {
    let hosts: Vec<_> = (0..5).map(|n| host(&format!("h{n}"), 1, 0, 1.0)).collect();
    hosts.iter().for_each(|host| host.set(Mode::Gone));
    let (scheduler, _budget) = farm(&hosts.iter().collect::<Vec<_>>(), 0);
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["attempts-used-up"]);
    assert_eq!(hosts.iter().map(|host| host.started()).sum::<usize>(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_gone_is_probed_less_and_less_often() {
    let board = host("board", 1, 0, 1.0);
    board.set(Mode::Gone);
    let (scheduler, _budget) = farm(&[&board], 1);
    places(vec![submit(&scheduler, job(1.0))]).await;
    assert!(matches!(seen(&scheduler, "board").state, HostState::Down { .. }));
    pass(30.0).await;
    let first = board.probes.load(Ordering::Relaxed);
    pass(300.0).await;
    let later = board.probes.load(Ordering::Relaxed) - first;
    assert!((4..=8).contains(&first), "{first}");
    assert!((9..=16).contains(&later), "{later}");
    board.set(Mode::Works);
    pass(31.0).await;
    assert_eq!(seen(&scheduler, "board").state, HostState::Up);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_answers_probes_and_breaks_jobs_gets_fewer_and_fewer() {
    let (flaky, good) = (host("flaky", 4, 4, 8.0), host("good", 2, 2, 1.0));
    flaky.set(Mode::Breaks(Duration::from_millis(10)));
    let (scheduler, _budget) = farm(&[&flaky, &good], 0);
    let jobs = (0..120).map(|_| submit(&scheduler, job(1.0))).collect();
    assert_eq!(places(jobs).await, vec!["good"; 120]);
    assert!(flaky.started() < 25, "{}", flaky.started());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_sets_the_host_aside_for_that_compiler_only() {
    let (without, with) = (host("without", 2, 0, 1.0), host("with", 2, 0, 1.0));
    without.set(Mode::Refuses);
    let (scheduler, _budget) = farm(&[&without, &with], 0);
    places((0..4).map(|_| submit(&scheduler, job(0.5))).collect()).await;
    let host = seen(&scheduler, "without");
    assert_eq!(host.state, HostState::SetAside);
    assert!(host.unfit[""].contains("no such compiler"));
    without.set(Mode::Works);
    pass(2.0).await;
    places((0..8).map(|_| submit(&scheduler, job(0.5))).collect()).await;
    assert!(seen(&scheduler, "without").done > 0, "it is asked again later");
}

#[tokio::test(start_paused = true)]
async fn an_output_that_cannot_be_written_here_is_no_fault_of_the_host() {
    let board = host("board", 1, 0, 1.0);
    board.set(Mode::Unwritable);
    let (scheduler, _budget) = farm(&[&board], 0);
    assert_eq!(places(vec![submit(&scheduler, job(1.0))]).await, ["output-unwritable"]);
    assert_eq!(seen(&scheduler, "board").state, HostState::Up);
}

#[tokio::test(start_paused = true)]
async fn a_job_has_another_try_at_the_only_host_once_that_answers_a_probe() {
    let proxy = host("proxy", 2, 0, 1.0);
    proxy.set(Mode::Breaks(Duration::from_millis(10)));
    let (scheduler, _budget) = farm(&[&proxy], 1);
    let first = submit(&scheduler, job(1.0));
    pass(0.02).await;
    proxy.set(Mode::Works);
    let verdict = first.await.unwrap();
    let Verdict::Done { host, faults, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!((host.as_str(), faults.len()), ("proxy", 1));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_the_only_host_failed_again_after_its_probe_goes_home() {
    let proxy = host("proxy", 2, 0, 1.0);
    proxy.set(Mode::Breaks(Duration::from_millis(10)));
    let (scheduler, _budget) = farm(&[&proxy], 0);
    let verdict = scheduler.run(job(1.0)).await;
    let Verdict::Home { reason, faults, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(faults.len(), proxy.started());
    assert_eq!((reason.name(), faults.len()), ("all-hosts-down", 2));
}
