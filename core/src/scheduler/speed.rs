//! How fast a host is, learnt from the jobs it ran.
//!
//! Unaware of hosts and queues: it is told how much work took how long in a slot. Work is bytes of preprocessed
//! text plus a constant for starting a compiler.

use std::time::Duration;

/// The work of starting a compiler, in bytes of text.
const START: f64 = 16384.0;

/// What a host is taken for while nothing is known of any: bytes of text per second and slot.
pub(super) const GUESS: f64 = 1_000_000.0;

/// How much older samples weigh when a new one comes.
const KEEP: f64 = 0.92;

/// How much of the whole farm's mean is mixed into a host's own samples: as much as this many typical jobs.
const MIX: f64 = 0.3;

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
}

impl Speed {
    /// Some work took this long, from its start in a slot to its end.
    pub(super) fn note(&mut self, work: f64, took: Duration) {
        self.work = self.work * KEEP + work;
        self.seconds = self.seconds * KEEP + took.as_secs_f64().max(1e-6);
        self.samples = self.samples * KEEP + 1.0;
    }

    /// What is known, if anything.
    pub(super) fn known(&self) -> Option<f64> {
        (self.samples > 0.0).then(|| self.work / self.seconds)
    }

    /// The best estimate, in work per second and slot: its own samples, the farm's mean while they are few, and
    /// the time by which running jobs are `overdue` against it, which shows a slow host before its first job ends.
    pub(super) fn estimate(&self, mean: f64, overdue: Duration) -> f64 {
        let typical = if self.samples > 0.0 { self.work / self.samples } else { mean };
        let mixed = MIX * typical;
        (self.work + mixed) / (self.seconds + mixed / mean + overdue.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_unknown_host_is_as_fast_as_the_mean() {
        let speed = Speed::default();
        assert!((speed.estimate(5000.0, Duration::ZERO) - 5000.0).abs() < 1e-6);
    }

    #[test]
    fn samples_win_over_the_mean() {
        let mut speed = Speed::default();
        for _ in 0..20 {
            speed.note(2_000_000.0, SECOND);
        }
        let estimate = speed.estimate(1_000_000.0, Duration::ZERO);
        assert!((1_900_000.0..2_000_000.0).contains(&estimate), "{estimate}");
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
        let speed = Speed::default();
        assert!(speed.estimate(1_000_000.0, SECOND) < 500_000.0);
    }
}
