//! Random failures, cancellations and changes of the farm, all at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Semaphore;

use farmbuild_core::budget::LocalBudget;
use farmbuild_core::executor::Executor;
use farmbuild_core::scheduler::{Scheduler, TrustAll};

use crate::makespan::Random;
use crate::simulated::{Host, Mode, entry, host, job, pass, settings, submit};

async fn storm(seed: u64) {
    let mut random = Random::new(seed);
    let hosts: Vec<Arc<Host>> = (0..6)
        .map(|n| host(&format!("h{n}"), 1 + n % 3, n % 4, if n % 2 == 0 { 1.0 } else { 2.0 }))
        .collect();
    let budget = LocalBudget::new(2);
    let scheduler = Scheduler::new(budget.clone(), Arc::new(TrustAll), settings());
    let mut owned = Vec::new();
    for _ in 0..400 {
        match random.next() % 8 {
            0 => {
                let mask = random.next();
                let chosen = hosts.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1);
                scheduler.set_hosts(chosen.map(|(_, host)| entry(host)));
            }
            1 | 2 => {
                let modes = [
                    Mode::Works,
                    Mode::Works,
                    Mode::Gone,
                    Mode::Breaks(Duration::from_millis(300)),
                    Mode::Refuses,
                    Mode::Silent,
                    Mode::Unwritable,
                ];
                let mode = modes[(random.next() % 7) as usize];
                hosts[(random.next() % 6) as usize].set(mode);
            }
            3 if !owned.is_empty() => {
                let at = random.next() as usize % owned.len();
                let cancelled: tokio::task::JoinHandle<_> = owned.swap_remove(at);
                cancelled.abort();
            }
            _ => owned.push(submit(&scheduler, job(random.unit() * 3.0))),
        }
        pass(random.unit() * 0.3).await;
    }
    // In the end everything works again, and what a silent host holds is repeated elsewhere.
    hosts.iter().for_each(|host| host.set(Mode::Works));
    scheduler.set_hosts(hosts.iter().map(entry));
    for job in owned {
        let verdict = tokio::time::timeout(Duration::from_secs(300), job).await;
        drop(verdict.expect("a job got no verdict").unwrap());
    }
    pass(0.01).await;
    for host in &hosts {
        assert_eq!(host.in_flight.load(Ordering::Relaxed), 0, "{}", host.host());
        let most = host.most_in_flight.load(Ordering::Relaxed);
        assert!(most <= host.capacity().in_flight(), "{}: {most}", host.host());
    }
    let snapshot = scheduler.snapshot();
    assert_eq!(snapshot.waiting, 0);
    assert!(snapshot.hosts.iter().all(|host| host.running + host.queued == 0));
    assert_eq!((budget.in_use(), budget.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn every_job_gets_one_verdict_and_nothing_leaks() {
    for seed in 0..30 {
        storm(seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn five_hundred_jobs_at_once_on_a_hundred_hosts_take_little_time_to_place() {
    let hosts: Vec<Arc<Host>> =
        (0..100).map(|n| host(&format!("h{n}"), 4, 1, 1.0 + (n % 3) as f64)).collect();
    let scheduler = Scheduler::new(LocalBudget::new(0), Arc::new(TrustAll), settings());
    scheduler.set_hosts(hosts.iter().map(entry));
    pass(0.1).await;
    let mut random = Random::new(3);
    let jobs: Vec<_> = (0..2500).map(|_| job(0.5 + random.unit())).collect();
    let dash_j = Arc::new(Semaphore::new(500));
    // Virtual time costs nothing: what is left is ours, the tasks and the simulation.
    let start = std::time::Instant::now();
    let mut running = Vec::new();
    for job in jobs {
        let token = Arc::clone(&dash_j).acquire_owned().await.unwrap();
        let scheduler = scheduler.clone();
        running.push(tokio::spawn(async move {
            scheduler.run(job).await;
            drop(token);
        }));
    }
    for job in running {
        job.await.unwrap();
    }
    // A job comes, its attempt ends, and it goes.
    let event = start.elapsed() / (2500 * 2);
    println!("500 jobs in flight on 100 hosts: {event:?} an event");
    // Without optimisation, on a busy machine; see docs/scheduler.md for what it should be.
    assert!(event < Duration::from_millis(5), "{event:?}");
}
