//! What is known under a key: the results that a compile had, each with the files and variables that its sources read.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use farmbuild_core::job::Invocation;
use farmbuild_core::protocol::message::WhyChange;
use serde::{Deserialize, Serialize};

use super::dep_info::shown;
use crate::base::Base;
use crate::files::Files;
use crate::plan::variable;
use crate::source::ContentHash;
use crate::store::{BlobId, Key, RecordKind, Store, StoreError};
use crate::tier::change;

/// The oldest ones go first.
const MOST: usize = 32;

/// One result and what its sources read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) read: Read,
    pub(super) result: StoredCrate,
}

/// What a crate's sources, macros and link read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Read {
    pub(super) files: Vec<(Vec<u8>, ContentHash)>,
    /// Names that nothing was found under.
    pub(super) absent: Vec<Vec<u8>>,
    /// Each with the hash of its value, if it was set.
    pub(super) variables: Vec<(Vec<u8>, Option<Key>)>,
    /// What the package held, if macros may have read that.
    pub(super) package: Option<Key>,
}

/// A file of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredOutput {
    pub(super) name: Vec<u8>,
    pub(super) content: BlobId,
    /// It may be run, by whomever the umask lets.
    pub(super) is_program: bool,
}

/// What a compile wrote and printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredCrate {
    pub(super) outputs: Vec<StoredOutput>,
    pub(super) dep_info: BlobId,
    pub(super) stdout: Option<BlobId>,
    pub(super) stderr: Option<BlobId>,
    /// What the messages were made to look for; `None` if there are none.
    pub(super) looks: Option<String>,
    /// The directory of the outputs, as spelt.
    pub(super) out_dir: Vec<u8>,
    /// The directory of the outputs, absolute, if its name shows in the result otherwise than can be changed.
    pub(super) only_in: Option<Vec<u8>>,
    /// The base directory whose name shows in it.
    pub(super) base: Option<Vec<u8>>,
    pub(super) lines: u64,
}

/// The results under a key, the newest one last.
pub(super) fn entries(store: &Store, key: &Key) -> Vec<Entry> {
    let bytes = store.get_record(RecordKind::Manifest, key);
    bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default()
}

/// Adds a result, in the place of one that read the same.
pub(super) fn keep(store: &Store, key: &Key, entry: Entry) -> Result<(), StoreError> {
    store.update_record(RecordKind::Manifest, key, |old| {
        let mut entries: Vec<Entry> =
            old.and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or_default();
        let same = |it: &Entry| {
            let (one, other) = (&it.result, &entry.result);
            it.read == entry.read
                && one.looks == other.looks
                && one.only_in == other.only_in
                && one.base == other.base
        };
        entries.retain(|it| !same(it));
        entries.push(entry);
        if entries.len() > MOST {
            entries.remove(0);
        }
        postcard::to_allocvec(&entries).ok()
    })
}

impl StoredCrate {
    /// Whether it may be used for outputs in `out_dir`, below `base`, with messages of these looks.
    pub(super) fn suits(&self, out_dir: &Path, base: &Base, looks: &str) -> bool {
        let here = self.only_in.as_deref().is_none_or(|it| it == out_dir.as_os_str().as_bytes());
        let there = self.base.as_deref().is_none_or(|it| Some(it) == base.directory());
        here && there && self.looks.as_deref().is_none_or(|it| it == looks)
    }
}

impl Read {
    /// What has changed of it; nothing for a result that holds.
    pub(super) fn changes(
        &self,
        files: &Files,
        invocation: &Invocation,
        base: &Base,
    ) -> Vec<WhyChange> {
        let place = |name: &[u8]| base.place(&invocation.cwd, Path::new(OsStr::from_bytes(name)));
        let mut changes = Vec::new();
        for (name, then) in &self.variables {
            let now = variable(invocation, &shown(name)).map(|it| Key::of(it.as_bytes()));
            if now != *then {
                changes.push(change("variable", shown(name)));
            }
        }
        for (name, then) in &self.files {
            if files.hash(&place(name)) != Some(*then) {
                changes.push(change("file", shown(name)));
            }
        }
        for name in &self.absent {
            if fs::symlink_metadata(place(name)).is_ok() {
                changes.push(change("appeared", shown(name)));
            }
        }
        changes
    }
}
