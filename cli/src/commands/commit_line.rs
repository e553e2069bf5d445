//! How `bisect` and `each` word a commit and its build.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::termios::tcgetwinsize;
use serde_json::{Value, json};

use crate::history::HistoryError;
use crate::history::recipe::Figures;
use crate::history::repository::{Commit, Repository};

/// Prints a line. Unlike `println!` it outlives whoever was reading: worktrees are still to be removed.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

/// Likewise, on standard error.
macro_rules! complain {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

pub(super) use {complain, say};

/// As wide as the longest result.
const RESULT: usize = 22;

/// A commit's name, result and subject, to be followed by figures.
pub(super) fn beginning(commit: &Commit, result: &str) -> String {
    format!("{}  {result:<RESULT$}  {}  ", commit.short, commit.subject)
}

/// `(12 compiled, 30 hits, 3.2 s)`.
pub(super) fn figures(figures: Option<&Figures>, took: Duration) -> String {
    let took = time(took.as_secs_f64());
    match figures {
        Some(Figures { compiled, hits, .. }) => {
            format!("({compiled} compiled, {hits} hits, {took})")
        }
        None => format!("({took})"),
    }
}

/// `3.2 s`, `4 min`, `2 h 05 min`.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 100.0 => format!("{seconds:.1} s"),
        seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
        seconds => {
            let minutes = (seconds / 60.0).round();
            format!("{:.0} h {:02.0} min", (minutes / 60.0).floor(), minutes % 60.0)
        }
    }
}

/// What scripts are told of a commit that is to blame.
pub(super) fn json(repository: &Repository, id: &str) -> Result<Value, HistoryError> {
    let git = repository.git();
    let format = "--format=%an <%ae>%x00%aI%x00%s%x00%B";
    let said = git.tell(["show", "-s", "--no-show-signature", format, id])?;
    let mut parts = said.splitn(4, '\0');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (author, date, subject, message) = (part(), part(), part(), part());
    let files = [
        "show",
        "--format=",
        "--no-show-signature",
        "--name-only",
        "-m",
        "--first-parent",
        "-z",
        id,
    ];
    let files = git.tell(files)?;
    let files: Vec<&str> = files.split('\0').filter(|name| !name.is_empty()).collect();
    Ok(json!({
        "commit": id, "author": author, "date": date, "subject": subject, "message": message, "files": files,
    }))
}

/// Notices of builds, each told once.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<BTreeSet<String>>);

impl Notices {
    pub(super) fn tell(&self, figures: Option<&Figures>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for notice in figures.iter().flat_map(|figures| &figures.notices) {
            if told.insert(notice.clone()) {
                complain!("farmbuild: {notice}");
            }
        }
    }
}

/// A line on a terminal that says what is being done and goes when it is done; elsewhere nothing.
#[derive(Debug)]
pub(super) struct Passing {
    shown: bool,
}

impl Passing {
    pub(super) fn new(silent: bool) -> Self {
        Self { shown: !silent && io::stderr().is_terminal() }
    }

    pub(super) fn show(&self, text: &str) {
        if self.shown {
            let width = tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col));
            let fitting: String = text.chars().take(width.saturating_sub(1)).collect();
            // A terminal that is gone is no error.
            let _ = write!(io::stderr(), "\r\x1b[2K{fitting}");
        }
    }

    pub(super) fn clear(&self) {
        self.show("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_they_are_long() {
        let rows = [
            (3.21, "3.2 s"),
            (99.0, "99.0 s"),
            (240.0, "4 min"),
            (7500.0, "2 h 05 min"),
            (7199.0, "2 h 00 min"),
        ];
        for (seconds, words) in rows {
            assert_eq!(time(seconds), words);
        }
    }
}
