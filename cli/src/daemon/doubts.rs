//! Hosts in doubt, as one daemon leaves them to the next: a board that made wrong bytes isn't right again because a daemon
//! has ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use farmbuild_core::pipeline::sampling::Doubt;
use serde::{Deserialize, Serialize};

/// By farm, as it is named to people, and by host.
pub(crate) type Doubts = BTreeMap<String, BTreeMap<String, KeptDoubt>>;

/// Why a host is in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptDoubt {
    file: String,
    /// In seconds since 1970.
    at: u64,
    /// Objects that nobody looked at, for people to read.
    unchecked: Vec<String>,
}

impl KeptDoubt {
    pub(super) fn of(doubt: &Doubt) -> Self {
        let lossy = |path: &PathBuf| path.to_string_lossy().into_owned();
        Self {
            file: doubt.file.clone(),
            at: doubt.at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            unchecked: doubt.unchecked.iter().map(lossy).collect(),
        }
    }

    pub(super) fn restored(&self) -> Doubt {
        Doubt {
            file: self.file.clone(),
            // A file may say anything.
            at: UNIX_EPOCH.checked_add(Duration::from_secs(self.at)).unwrap_or(UNIX_EPOCH),
            redone: Vec::new(),
            unchecked: self.unchecked.iter().map(PathBuf::from).collect(),
        }
    }
}
