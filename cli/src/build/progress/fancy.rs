//! Progress on the last row of a terminal, below a scroll region in which the build prints as it always did.
//!
//! Standard error of the build stays the terminal itself (compilers colour their messages), so the row is kept free
//! by the terminal rather than by a pipe in between: `DECSTBM` sets the region, `DECSC`/`DECRC` save and restore the
//! cursor (ECMA-48 and the VT100's manual; every terminal in use knows them).

use std::io::{self, Write};
use std::time::{Duration, Instant};

use farmbuild_core::protocol::message::Progress;
use rustix::termios::tcgetwinsize;

use super::View;
use super::line::Wording;

/// The shortest time between two drawings.
const INTERVAL: Duration = Duration::from_millis(100);
/// Fewer rows than this are left to the build.
const FEWEST_ROWS: u16 = 4;

pub(super) struct Fancy {
    wording: Wording,
    /// The rows of the terminal for which the region is set.
    rows: Option<u16>,
    drawn: Option<Instant>,
}

impl Fancy {
    pub(super) fn new() -> Self {
        Self { wording: Wording::default(), rows: None, drawn: None }
    }

    /// Keeps the last row free, also after the window changed its size.
    fn reserve(&mut self, rows: u16) -> String {
        if self.rows == Some(rows) {
            return String::new();
        }
        self.rows = Some(rows);
        // One line feed scrolls what is on the last row out of it; the cursor goes up with it.
        format!("\n\x1b7\x1b[1;{}r\x1b8\x1b[1A", rows - 1)
    }
}

impl View for Fancy {
    fn show(&mut self, progress: &Progress) {
        let now = Instant::now();
        let line = self.wording.line(progress, now);
        if self.drawn.is_some_and(|drawn| now - drawn < INTERVAL) {
            return;
        }
        self.drawn = Some(now);
        let Ok(size) = tcgetwinsize(io::stderr()) else { return };
        if size.ws_row < FEWEST_ROWS || size.ws_col == 0 {
            return;
        }
        let fitting: String = line.chars().take(usize::from(size.ws_col)).collect();
        let reserve = self.reserve(size.ws_row);
        write_at_once(&format!("{reserve}\x1b7\x1b[{};1H\x1b[2K{fitting}\x1b8", size.ws_row));
    }

    fn finish(&mut self) {
        if let Some(rows) = self.rows.take() {
            write_at_once(&format!("\x1b7\x1b[r\x1b[{rows};1H\x1b[2K\x1b8"));
        }
    }
}

impl Drop for Fancy {
    fn drop(&mut self) {
        self.finish();
    }
}

/// One write, so that the build's own output doesn't come in between. A terminal that is gone is no error.
fn write_at_once(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_set_again_when_the_window_changes() {
        let mut view = Fancy { wording: Wording::default(), rows: None, drawn: None };
        assert!(view.reserve(24).contains("\x1b[1;23r"));
        assert_eq!(view.reserve(24), "");
        assert!(view.reserve(30).contains("\x1b[1;29r"));
        view.rows = None;
    }
}
