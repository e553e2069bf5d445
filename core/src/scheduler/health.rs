//! Whether a host is up, and when one that failed is tried again.
//!
//! A circuit breaker: one failure sets the host aside; a probe that succeeds puts it back on probation, with less
//! room the more often it failed in a row; one job that succeeds ends the probation.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use super::settings::Settings;

/// How long jobs wait for a host that failed once before they look for another place.
const BLIP: Duration = Duration::from_secs(1);

/// How soon the farm's only host is probed after its first failure.
const AT_ONCE: Duration = Duration::from_millis(50);

/// The health of one host.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    pub(super) state: State,
    /// Failures since the last job that succeeded.
    pub(super) streak: u32,
    failed_at: Option<Instant>,
    /// It was silent: a probe that succeeds proves little, only a job does.
    pub(super) on_trial: bool,
    /// Which life of the host this is: failures of attempts from an earlier one say nothing about this one.
    pub(super) epoch: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) enum State {
    #[default]
    Up,
    /// Set aside until the next probe.
    Down { reason: String, next_probe: Instant },
    /// Set aside, a probe is under way.
    Checking { reason: String },
    /// Set aside for what it made: no probe tells whether it may be trusted again.
    Doubted { reason: String },
}

impl Health {
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    /// Whether what it makes is in doubt.
    pub(super) fn is_doubted(&self) -> bool {
        matches!(self.state, State::Doubted { .. })
    }

    /// Sets the host aside until [`Health::trust`].
    pub(super) fn doubt(&mut self, reason: String) {
        self.epoch += 1;
        self.state = State::Doubted { reason };
    }

    /// What it makes is right again; nothing else is known of it.
    pub(super) fn trust(&mut self) {
        if self.is_doubted() {
            self.state = State::Up;
        }
    }

    /// Whether it failed once, just now: the next probe may tell that it was nothing.
    pub(super) fn is_blip(&self) -> bool {
        let just_now = self.failed_at.is_some_and(|failed| failed.elapsed() < BLIP);
        !self.is_up() && !self.is_doubted() && self.streak == 1 && just_now
    }

    /// Sets the host aside, the `only` one of its farm or not; returns how long to leave it alone.
    pub(super) fn fail(
        &mut self,
        name: &str,
        reason: String,
        only: bool,
        settings: &Settings,
    ) -> Duration {
        let mut delay = backoff(self.streak, name, settings);
        if only && self.streak == 0 {
            delay = delay.min(AT_ONCE);
        }
        self.failed_at = Some(Instant::now());
        self.streak = self.streak.saturating_add(1);
        self.epoch += 1;
        self.state = State::Down { reason, next_probe: Instant::now() + delay };
        delay
    }

    /// The probe's time has come.
    pub(super) fn start_probe(&mut self) {
        if let State::Down { reason, .. } = &mut self.state {
            self.state = State::Checking { reason: std::mem::take(reason) };
        }
    }

    /// The probe succeeded, or the host is in the farm again.
    pub(super) fn put_back(&mut self) {
        if !self.is_doubted() {
            self.state = State::Up;
        }
    }

    /// A job of the life `epoch` succeeded.
    pub(super) fn succeed(&mut self, epoch: u64) {
        if epoch == self.epoch && self.is_up() {
            self.streak = 0;
            self.on_trial = false;
        }
    }

    /// The most jobs in flight for now: all of `slots + queue`, or on probation `slots`, half of it, a quarter...
    pub(super) fn limit(&self, slots: usize, queue: usize) -> usize {
        match self.streak {
            0 => slots.saturating_add(queue),
            streak => (slots >> (streak - 1).min(16)).max(1),
        }
    }
}

/// How long to wait after failure number `failures` (from 0) in a row: doubled each time up to a ceiling, less up to
/// a quarter.
pub(super) fn backoff(failures: u32, name: &str, settings: &Settings) -> Duration {
    let doubled = settings.backoff_first.saturating_mul(1 << failures.min(20));
    let delay = doubled.min(settings.backoff_most);
    let mut hasher = DefaultHasher::new();
    (settings.jitter_seed, name, failures).hash(&mut hasher);
    let fraction = (hasher.finish() % 1024) as f64 / 1024.0;
    delay.mul_f64(1.0 - 0.25 * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_its_ceiling_and_is_spread_by_at_most_a_quarter() {
        let settings = Settings::default();
        for (failures, seconds) in
            [(0, 0.5), (1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (4000, 30.0)]
        {
            let delay = backoff(failures, "neo4a", &settings).as_secs_f64();
            assert!(delay <= seconds && delay >= 0.75 * seconds, "{failures}: {delay}");
        }
    }

    #[test]
    fn probation_narrows_with_each_failure_in_a_row_and_ends_with_a_success() {
        let settings = Settings::default();
        let mut health = Health::default();
        let mut limits = vec![health.limit(4, 4)];
        for _ in 0..4 {
            health.fail("neo4a", "gone".to_owned(), false, &settings);
            health.put_back();
            limits.push(health.limit(4, 4));
        }
        health.succeed(health.epoch);
        limits.push(health.limit(4, 4));
        assert_eq!(limits, [8, 4, 2, 1, 1, 8]);
    }

    #[test]
    fn a_success_from_before_the_failure_ends_no_probation() {
        let mut health = Health::default();
        let before = health.epoch;
        health.fail("neo4a", "gone".to_owned(), false, &Settings::default());
        health.put_back();
        health.succeed(before);
        assert_eq!(health.streak, 1);
    }
}
