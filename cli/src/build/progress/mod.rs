//! What a build shows of itself while it runs.
//!
//! [`mod@line`] words it; [`fancy`] keeps it on the last row of a terminal, [`plain`] prints a line now and then, and
//! nothing at all is shown of a silent build. None of them touches what the build itself prints.

mod fancy;
mod line;
mod plain;

use std::env;
use std::io::{self, IsTerminal};

use farmbuild_core::protocol::message::Progress;

/// Shows progress.
pub(crate) trait View: Send {
    /// Something changed.
    fn show(&mut self, progress: &Progress);
    /// The build ended: leave the terminal as it was.
    fn finish(&mut self);
}

/// Which view a user asked for, by `FARMBUILD_PROGRESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Fancy,
    Plain,
    Silent,
}

/// The view for this terminal (or none) and this user.
pub(crate) fn view(silent: bool) -> Box<dyn View> {
    let terminal =
        io::stderr().is_terminal() && env::var_os("TERM").is_some_and(|term| term != "dumb");
    let asked = env::var("FARMBUILD_PROGRESS").ok();
    match choose(silent, terminal, asked.as_deref()) {
        Choice::Fancy => Box::new(fancy::Fancy::new()),
        Choice::Plain => Box::new(plain::Plain::new()),
        Choice::Silent => Box::new(Silent),
    }
}

/// Whether a user wants to see nothing at all, the summary included.
pub(crate) fn is_off(silent: bool) -> bool {
    choose(silent, false, env::var("FARMBUILD_PROGRESS").ok().as_deref()) == Choice::Silent
}

fn choose(silent: bool, terminal: bool, asked: Option<&str>) -> Choice {
    match asked {
        Some("off" | "0" | "none") => Choice::Silent,
        _ if silent => Choice::Silent,
        Some("plain") => Choice::Plain,
        _ if terminal => Choice::Fancy,
        _ => Choice::Plain,
    }
}

struct Silent;

impl View for Silent {
    fn show(&mut self, _: &Progress) {}
    fn finish(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_make_is_silent_even_on_a_terminal() {
        assert_eq!(choose(true, true, None), Choice::Silent);
        assert_eq!(choose(false, true, None), Choice::Fancy);
        assert_eq!(choose(false, false, None), Choice::Plain);
        assert_eq!(choose(false, true, Some("plain")), Choice::Plain);
        assert_eq!(choose(false, true, Some("off")), Choice::Silent);
    }
}
