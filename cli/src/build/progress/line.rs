//! The words of a progress line.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{Duration, Instant};

use farmbuild_core::protocol::message::Progress;

/// The time over which lines a second are counted.
const WINDOW: Duration = Duration::from_secs(5);

/// Words progress; remembers the last seconds for the rate.
#[derive(Debug, Default)]
pub(super) struct Wording {
    seen: VecDeque<(Instant, u64)>,
}

impl Wording {
    /// One line, without its end.
    pub(super) fn line(&mut self, progress: &Progress, now: Instant) -> String {
        let rate = self.rate(progress.lines, now);
        let mut text =
            format!("farmbuild: {} done, {} in flight", progress.done, progress.in_flight);
        let busy: Vec<_> = progress.hosts.iter().filter(|(_, jobs)| *jobs > 0).collect();
        let home = (progress.at_home > 0).then_some(("home", progress.at_home));
        let shares: Vec<String> =
            (busy.iter().map(|(name, jobs)| (name.as_str(), *jobs)).chain(home))
                .map(|(name, jobs)| format!("{name} {jobs}"))
                .collect();
        // Writing to a String can't fail.
        if !shares.is_empty() {
            let _ = write!(text, " ({})", shares.join(", "));
        }
        if rate > 0.0 {
            let _ = write!(text, ", {} lines/s", short(rate));
        }
        if !progress.down.is_empty() {
            let _ = write!(text, ", down: {}", progress.down.join(", "));
        }
        text
    }

    fn rate(&mut self, lines: u64, now: Instant) -> f64 {
        self.seen.push_back((now, lines));
        while self.seen.len() > 2 && self.seen.front().is_some_and(|(then, _)| now - *then > WINDOW)
        {
            self.seen.pop_front();
        }
        let Some((then, before)) = self.seen.front() else { return 0.0 };
        let seconds = (now - *then).as_secs_f64();
        if seconds < 0.5 { 0.0 } else { lines.saturating_sub(*before) as f64 / seconds }
    }
}

/// A number with three digits or so: `950`, `12.3 k`, `1.2 M`.
pub(crate) fn short(number: f64) -> String {
    match number {
        n if n < 1000.0 => format!("{n:.0}"),
        n if n < 1_000_000.0 => format!("{:.1} k", n / 1000.0),
        n => format!("{:.1} M", n / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_busy_hosts_and_the_ones_that_are_down() {
        let progress = Progress {
            done: 7,
            in_flight: 5,
            at_home: 1,
            lines: 0,
            hosts: vec![("a".into(), 4), ("b".into(), 0)],
            down: vec!["c".into()],
            capacity: 8,
        };
        let line = Wording::default().line(&progress, Instant::now());
        assert_eq!(line, "farmbuild: 7 done, 5 in flight (a 4, home 1), down: c");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut wording, start) = (Wording::default(), Instant::now());
        wording.line(&Progress::default(), start);
        let later = Progress { lines: 24_600, ..Progress::default() };
        let line = wording.line(&later, start + Duration::from_secs(2));
        assert!(line.ends_with("12.3 k lines/s"), "{line}");
    }
}
