//! Progress where there is no terminal: a whole line on standard error now and then, for logs.

use std::time::{Duration, Instant};

use farmbuild_core::protocol::message::Progress;

use super::View;
use super::line::Wording;

/// The time between two lines. A log should say that a build lives, not drown in it.
const INTERVAL: Duration = Duration::from_secs(10);

pub(super) struct Plain {
    wording: Wording,
    last: Instant,
}

impl Plain {
    pub(super) fn new() -> Self {
        Self { wording: Wording::default(), last: Instant::now() }
    }
}

impl View for Plain {
    fn show(&mut self, progress: &Progress) {
        let now = Instant::now();
        let line = self.wording.line(progress, now);
        if now - self.last >= INTERVAL {
            self.last = now;
            eprintln!("{line}");
        }
    }

    fn finish(&mut self) {}
}
