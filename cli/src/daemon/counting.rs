//! The counters of all builds, kept across daemons in a small file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use farmbuild_core::protocol::message::Counters;

use super::keeping;

/// Counters with a file behind them.
#[derive(Debug)]
pub(crate) struct Counting {
    file: PathBuf,
    counters: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counters: Counters,
    unsaved: bool,
}

impl Counting {
    /// Goes on from what `file` holds. A file that can't be understood counts as empty.
    pub(crate) fn load(file: &Path) -> Self {
        let state = State { counters: keeping::read(file).unwrap_or_default(), unsaved: false };
        Self { file: file.to_owned(), counters: Mutex::new(state) }
    }

    /// Counts something.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        let mut state = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state.counters);
        state.unsaved = true;
    }

    /// The counters, set to zero afterwards if `zero`.
    pub(crate) fn read(&self, zero: bool) -> Counters {
        let mut state = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if zero {
            state.unsaved = true;
            return std::mem::take(&mut state.counters);
        }
        state.counters.clone()
    }

    /// Writes the file if anything changed.
    pub(crate) fn save(&self) -> io::Result<()> {
        let counters = {
            let mut state = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::mem::take(&mut state.unsaved) {
                return Ok(());
            }
            state.counters.clone()
        };
        keeping::write(&self.file, &counters)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn counters_outlive_a_daemon() {
        let space = tempfile::tempdir().unwrap();
        let file = space.path().join("counters.json");
        let counting = Counting::load(&file);
        counting.count(|counters| counters.total += 3);
        counting.save().unwrap();
        assert_eq!(Counting::load(&file).read(false).total, 3);
    }

    #[test]
    fn a_damaged_file_counts_from_zero() {
        let space = tempfile::tempdir().unwrap();
        let file = space.path().join("counters.json");
        fs::write(&file, "{\"total\":").unwrap();
        assert_eq!(Counting::load(&file).read(false), Counters::default());
    }

    #[test]
    fn zeroing_returns_what_was_counted() {
        let space = tempfile::tempdir().unwrap();
        let counting = Counting::load(&space.path().join("counters.json"));
        counting.count(|counters| counters.total = 5);
        assert_eq!(counting.read(true).total, 5);
        assert_eq!(counting.read(false).total, 0);
    }
}
