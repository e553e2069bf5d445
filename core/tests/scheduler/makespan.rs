//! How long a whole build takes, against the lower bound and against plain least connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use farmbuild_core::executor::Executor;
use farmbuild_core::scheduler::Verdict;

use crate::simulated::{Host, farm, host, job};

/// A small generator of pseudo-random numbers (xorshift64*), so that a seed is a build.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// 173 jobs of 5 s in the mean and at most about 20 s, in random order: what all files include, and a skewed rest.
fn build(seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let draw = |_| (0.45 - 0.55 * (1.0 - random.unit()).ln()).min(4.0);
    let sizes: Vec<f64> = (0..173).map(draw).collect();
    let scale = 5.0 * 173.0 / sizes.iter().sum::<f64>();
    sizes.into_iter().map(|size| size * scale).collect()
}

fn boards() -> Vec<Arc<Host>> {
    (0..10).map(|n| host(&format!("board{n}"), 4, 4, if n % 2 == 0 { 1.0 } else { 2.0 })).collect()
}

fn bound(sizes: &[f64], home: usize) -> f64 {
    let speed = 5.0 * 4.0 * 3.0 + home as f64 * 2.0;
    let longest = sizes.iter().copied().fold(0.0, f64::max);
    (sizes.iter().sum::<f64>() / speed).max(longest / 2.0)
}

/// The bound for whoever can't look into the future: job number n comes only when all but 59 of those before it have
/// ended, and these are at least the smallest.
fn bound_by_arrival(sizes: &[f64], home: usize) -> f64 {
    let speed = 5.0 * 4.0 * 3.0 + home as f64 * 2.0;
    let ends = (60..sizes.len()).map(|n| {
        let mut before = sizes[..n].to_vec();
        before.sort_by(f64::total_cmp);
        before[..n - 59].iter().sum::<f64>() / speed + sizes[n] / 2.0
    });
    ends.fold(bound(sizes, home), f64::max)
}

/// The makespan with 60 jobs in flight; local cores are of speed 2.
async fn ours(sizes: &[f64], home: usize) -> f64 {
    let boards = boards();
    let (scheduler, _budget) = farm(&boards.iter().collect::<Vec<_>>(), home);
    let dash_j = Arc::new(Semaphore::new(60));
    let start = Instant::now();
    let mut running = Vec::new();
    for &size in sizes {
        let token = Arc::clone(&dash_j).acquire_owned().await.unwrap();
        let scheduler = scheduler.clone();
        running.push(tokio::spawn(async move {
            let job = job(size);
            if let Verdict::Home { permit, .. } = scheduler.run(Arc::clone(&job)).await {
                let took = Duration::from_secs_f64(size / 2.0);
                tokio::time::sleep(took).await;
                scheduler.note_home(job.text.bytes.len(), took);
                drop(permit);
            }
            drop(token);
        }));
    }
    for job in running {
        job.await.unwrap();
    }
    start.elapsed().as_secs_f64()
}

/// The makespan when each job goes at once, and for good, to the board with the fewest connections.
async fn least_connections(sizes: &[f64]) -> f64 {
    let boards = boards();
    let dash_j = Arc::new(Semaphore::new(60));
    let start = Instant::now();
    let mut running = Vec::new();
    for &size in sizes {
        let token = Arc::clone(&dash_j).acquire_owned().await.unwrap();
        let in_flight = |board: &&Arc<Host>| Arc::strong_count(board);
        let board = Arc::clone(boards.iter().min_by_key(in_flight).unwrap());
        running.push(tokio::spawn(async move {
            board.execute(job(size)).await.unwrap();
            drop((board, token));
        }));
    }
    for job in running {
        job.await.unwrap();
    }
    start.elapsed().as_secs_f64()
}

async fn compare(home: usize) {
    let (mut worst, mut sum, mut sum_theirs) = (0.0, 0.0, 0.0);
    for seed in 0..20 {
        let sizes = build(seed);
        let bound = bound(&sizes, home);
        let online = bound_by_arrival(&sizes, home) / bound;
        let ours = ours(&sizes, home).await / bound;
        let theirs = least_connections(&sizes).await / bound;
        println!("home {home} seed {seed:2}: {bound:5.2} s, {online:.3}, {ours:.3}, {theirs:.3}");
        worst = f64::max(worst, ours);
        sum += ours / 20.0;
        sum_theirs += theirs / 20.0;
    }
    println!("home {home}: mean {sum:.3}, worst {worst:.3}; least connections {sum_theirs:.3}");
    assert!(sum <= 1.35 && worst <= 1.6, "mean {sum}, worst {worst}");
    assert!(sum < 0.85 * sum_theirs, "{sum}, least connections {sum_theirs}");
}

#[tokio::test(start_paused = true)]
async fn a_build_on_mixed_boards_ends_near_the_lower_bound() {
    compare(0).await;
}

#[tokio::test(start_paused = true)]
async fn spare_local_cores_shorten_it() {
    compare(2).await;
}
