//! Hosts in doubt, as one daemon tells them to people and leaves them to the next: a board that made wrong bytes isn't right
//! again because a daemon has ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use farmbuild_core::pipeline::sampling::Doubt;
use farmbuild_core::protocol::message::DoubtReport;

/// By farm, as it is named to people, and by host.
pub(crate) type Doubts = BTreeMap<String, BTreeMap<String, DoubtReport>>;

/// A doubt for people. Their paths are text: other bytes can't be sent, and would keep all else from being so.
pub(super) fn report(doubt: &Doubt) -> DoubtReport {
    let lossy = |paths: &[PathBuf]| -> Vec<PathBuf> {
        paths.iter().map(|path| path.to_string_lossy().into_owned().into()).collect()
    };
    DoubtReport {
        file: doubt.file.clone(),
        at: doubt.at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        redone: lossy(&doubt.redone),
        unchecked: lossy(&doubt.unchecked),
    }
}

/// The doubt that an earlier daemon had.
pub(super) fn restored(kept: &DoubtReport) -> Doubt {
    let DoubtReport { file, at, redone, unchecked } = kept.clone();
    // A file may say anything.
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(at)).unwrap_or(UNIX_EPOCH);
    Doubt { file, at, redone, unchecked }
}
