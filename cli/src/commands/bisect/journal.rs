//! The log of a bisect with the settings it was begun with: what a resumed or replayed one needs.
//!
//! It is what `git bisect log` prints, so that git can replay it as well, below one remark with the settings.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::history::{HistoryError, io_error};

/// The journal's name in the workplace.
pub(super) const JOURNAL: &str = "bisect.log";
/// How the remark begins.
const REMARK: &str = "# farmbuild bisect: ";

/// What a bisect does at each commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) command: Vec<String>,
    pub(super) test: Option<String>,
    /// What doesn't build is bad, rather than to be skipped.
    pub(super) failure_is_bad: bool,
    /// The directory of a tree in which build and test run.
    pub(super) prefix: PathBuf,
    pub(super) worktree: Option<PathBuf>,
    pub(super) copy: Vec<PathBuf>,
    pub(super) clean: bool,
    pub(super) no_prebuild: bool,
}

/// The text of a journal.
pub(super) fn text(settings: &Settings, log: &str) -> String {
    // Strings and paths of the command line, which was UTF-8: nothing here can't be JSON.
    let settings = serde_json::to_string(settings).unwrap_or_default();
    format!("{REMARK}{settings}\n{log}\n")
}

/// The settings in a log; one of git's own has none.
pub(super) fn settings(text: &str) -> Option<Settings> {
    let remark = text.lines().find_map(|line| line.strip_prefix(REMARK))?;
    serde_json::from_str(remark).ok()
}

/// Writes a journal, all or nothing.
pub(super) fn write(file: &Path, text: &str) -> Result<(), HistoryError> {
    let mut new = file.to_owned().into_os_string();
    new.push(".new");
    let new = PathBuf::from(new);
    fs::write(&new, text).map_err(io_error("write", &new))?;
    fs::rename(&new, file).map_err(io_error("write", file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_back_from_a_journal() {
        let settings = Settings {
            command: vec!["make".into(), "A=b c'd\n".into()],
            test: Some("./t".into()),
            clean: true,
            ..Settings::default()
        };
        let text = text(&settings, "git bisect start '--no-checkout'\ngit bisect bad 1");
        assert_eq!(super::settings(&text).unwrap(), settings);
        assert!(text.ends_with("git bisect bad 1\n"));
        assert_eq!(super::settings("git bisect start\n"), None);
    }
}
