//! Whether a file was left alone since a moment, by its times and the clock of the file system.
//!
//! File systems stamp files with the kernel's coarse clock, which ticks every few milliseconds: two changes in one tick
//! can't be told apart.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::state::State;

/// Nanoseconds since 1970, as file systems count.
type Stamp = i128;

/// A tick of the slowest kernels, twice.
const TICK: Stamp = 20_000_000;
/// A file system that stamps whole seconds.
const COARSE: Stamp = 2_000_000_000;
/// What the clock may be off by after being slewed, and not set.
const DRIFT: Stamp = 100_000_000;

/// A moment by the file systems' clock and by one that nobody sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    real: Stamp,
    steady: Stamp,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let read = |clock| {
            let time = clock_gettime(clock);
            Stamp::from(time.tv_sec) * 1_000_000_000 + Stamp::from(time.tv_nsec)
        };
        Self { real: read(ClockId::RealtimeCoarse), steady: read(ClockId::Boottime) }
    }

    /// Whether the clock was set between `self` and now.
    pub(crate) fn clock_was_set_since(self) -> bool {
        let now = Self::now();
        ((now.real - self.real) - (now.steady - self.steady)).abs() > DRIFT
    }

    /// A moment, a few milliseconds later at most, that everything that was changed until now is surely before.
    pub(crate) async fn settled() -> Self {
        let began = Self::now();
        let mut now = began;
        // A clock that was set back isn't waited for.
        while now.real <= began.real && now.steady - began.steady < TICK {
            tokio::time::sleep(Duration::from_millis(1)).await;
            now = Self::now();
        }
        now
    }

    /// Whether a file's last change is surely before this moment.
    pub(crate) fn is_after(self, state: State) -> bool {
        let (changed, whole) = last_change(state);
        // In the tick of the moment itself it may have been before or after.
        if whole { changed + COARSE / 2 <= self.real } else { changed < self.real }
    }

    /// Whether a further change of a file would surely show in its times, if it came now or later.
    pub(crate) fn would_show_a_change(self, state: State) -> bool {
        let (changed, whole) = last_change(state);
        changed + if whole { COARSE } else { TICK } < self.real
    }
}

/// When a file was changed last, and whether its file system seems to count whole seconds.
fn last_change(state: State) -> (Stamp, bool) {
    let (seconds, nanoseconds) = state.changed;
    (Stamp::from(seconds) * 1_000_000_000 + Stamp::from(nanoseconds), nanoseconds == 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_has_just_been_written_is_not_trusted_yet() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1").unwrap();
        let state = State::of(file.path()).unwrap();
        assert!(!Moment::now().would_show_a_change(state));
        std::thread::sleep(std::time::Duration::from_millis(40));
        assert!(Moment::now().would_show_a_change(state));
    }

    #[test]
    fn a_file_written_after_a_moment_is_not_before_it() {
        let moment = Moment::now();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1").unwrap();
        assert!(!moment.is_after(State::of(file.path()).unwrap()));
        assert!(!moment.clock_was_set_since());
    }
}
