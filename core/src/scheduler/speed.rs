//! How fast a host is, learnt from the jobs it ran.
//!
//! Unaware of hosts and queues: it is told how much work took how long in a slot. Work is bytes of preprocessed
//! text plus a constant for starting a compiler.

use std::time::Duration;

/// The work of starting a compiler, in bytes of text.
const START: f64 = 16384.0;

/// What a host is taken for while nothing is known of any: bytes of text per second and slot.
pub(super) const GUESS: f64 = 1_000_000.0;

/// A source of the usual size.
const TYPICAL: f64 = 524_288.0;

/// How much older samples weigh when a new one comes.
const KEEP: f64 = 0.92;

/// How much of the whole farm's mean is mixed into a host's own samples: as much as this many typical jobs.
const MIX: f64 = 0.3;

/// Every so many idle seconds samples lose half their weight. A host that was slow for its first few jobs gets its chance
/// again within minutes; a board that is known well keeps its place between two builds.
const HALF_LIFE: u64 = 120;

/// How much work a source of `bytes` is.
pub(super) fn work(bytes: usize) -> f64 {
    bytes as f64 + START
}

/// A moving mean of work per second and slot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Speed {
    work: f64,
    seconds: f64,
    samples: f64,
    /// Jobs that had not ended after so long when they were given up, since the last one that did.
    lost: (f64, f64),
}

impl Speed {
    /// What was known of a host earlier: as good as a few jobs.
    pub(super) fn remembered(work_per_second: f64) -> Self {
        let samples = 2.0;
        let work = samples * TYPICAL;
        Self { work, seconds: work / work_per_second, samples, lost: (0.0, 0.0) }
    }

    /// Some work took this long, from its start in a slot to its end.
    pub(super) fn note(&mut self, work: f64, took: Duration) {
        self.work = self.work * KEEP + work;
        self.seconds = self.seconds * KEEP + took.as_secs_f64().max(1e-6);
        self.samples = self.samples * KEEP + 1.0;
        self.lost = (0.0, 0.0);
    }

    /// A job was given up, or ended elsewhere, after it had run for so long.
    pub(super) fn note_lost(&mut self, work: f64, after: Duration) {
        self.lost.0 += work;
        self.lost.1 += after.as_secs_f64();
    }

    /// The same after so long without a sample: nearer to the mean.
    pub(super) fn aged(self, idle: Duration) -> Self {
        let halvings = i32::try_from(idle.as_secs() / HALF_LIFE).unwrap_or(i32::MAX);
        let keep = 0.5_f64.powi(halvings.min(20));
        Self {
            work: self.work * keep,
            seconds: self.seconds * keep,
            samples: self.samples * keep,
            lost: (self.lost.0 * keep, self.lost.1 * keep),
        }
    }

    /// What is known, if anything.
    pub(super) fn known(&self) -> Option<f64> {
        (self.samples > 0.0).then(|| self.work / self.seconds)
    }

    /// What jobs that ended tell, in work per second and slot; the farm's mean is mixed in while they are few.
    pub(super) fn expected(&self, mean: f64) -> f64 {
        let (work, seconds) = self.mixed(mean);
        work / seconds
    }

    /// The best estimate: what is [expected](Self::expected), less for jobs that should have ended.
    ///
    /// `unfinished` jobs run there now: each is its work and for how long. One that is late counts as if it ended
    /// now, which shows a slow host before its first job ends.
    pub(super) fn estimate(
        &self,
        mean: f64,
        unfinished: impl IntoIterator<Item = (f64, f64)>,
    ) -> f64 {
        let mixed = self.mixed(mean);
        let expected = mixed.0 / mixed.1;
        let all = unfinished.into_iter().chain([self.lost]);
        let late = all.filter(|&(work, elapsed)| elapsed > work / expected);
        let (work, seconds) = late.fold(mixed, |sum, one| (sum.0 + one.0, sum.1 + one.1));
        work / seconds
    }

    fn mixed(&self, mean: f64) -> (f64, f64) {
        let typical = if self.samples > 0.0 { self.work / self.samples } else { mean };
        let mixed = MIX * typical;
        (self.work + mixed, self.seconds + mixed / mean)
    }
}

/// How long a host's uploads take: a moving mean of seconds per unit of work.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uplink {
    work: f64,
    seconds: f64,
}

impl Uplink {
    /// A source of this much work was sent within `took`.
    pub(super) fn note(&mut self, work: f64, took: Duration) {
        self.work = self.work * KEEP + work;
        self.seconds = self.seconds * KEEP + took.as_secs_f64();
    }

    /// Seconds that the upload of one unit of work takes; 0 while nothing is known.
    pub(super) fn seconds_per_work(&self) -> f64 {
        if self.work > 0.0 { self.seconds / self.work } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_unknown_host_is_as_fast_as_the_mean() {
        let speed = Speed::default();
        assert!((speed.expected(5000.0) - 5000.0).abs() < 1e-6);
    }

    #[test]
    fn samples_win_over_the_mean() {
        let mut speed = Speed::default();
        for _ in 0..20 {
            speed.note(2_000_000.0, SECOND);
        }
        let estimate = speed.expected(1_000_000.0);
        assert!((1_900_000.0..2_000_000.0).contains(&estimate), "{estimate}");
    }

    #[test]
    fn a_slow_host_that_was_idle_for_long_is_as_fast_as_the_mean() {
        let mut speed = Speed::default();
        for _ in 0..20 {
            speed.note(100_000.0, SECOND);
        }
        let after = |seconds| speed.aged(Duration::from_secs(seconds)).expected(1_000_000.0);
        assert!(after(0) < 110_000.0, "{}", after(0));
        assert!(after(120) < 120_000.0, "{}", after(120));
        assert!((150_000.0..900_000.0).contains(&after(900)), "{}", after(900));
        assert!((999_000.0..=1_000_000.0).contains(&after(86400)), "{}", after(86400));
    }

    #[test]
    fn a_host_that_gets_slower_is_noticed_within_some_jobs() {
        let mut speed = Speed::default();
        for seconds in [1; 30].into_iter().chain([4; 15]) {
            speed.note(1_000_000.0, SECOND * seconds);
        }
        assert!(speed.known().unwrap() < 400_000.0);
    }

    #[test]
    fn an_overdue_job_slows_the_estimate_before_any_sample() {
        let estimate = |elapsed| Speed::default().estimate(1_000_000.0, [(1_000_000.0, elapsed)]);
        assert!((estimate(0.9) - 1_000_000.0).abs() < 1.0);
        assert!(estimate(3.0) < 500_000.0);
    }

    #[test]
    fn a_lost_job_slows_the_estimate_until_another_one_ends() {
        let mut speed = Speed::default();
        speed.note_lost(1_000_000.0, 4 * SECOND);
        assert!(speed.estimate(1_000_000.0, []) < 500_000.0);
        assert!((speed.expected(1_000_000.0) - 1_000_000.0).abs() < 1.0);
        speed.note(1_000_000.0, SECOND);
        assert!((speed.estimate(1_000_000.0, []) - 1_000_000.0).abs() < 1.0);
    }
}
