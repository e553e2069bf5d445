//! Records: small files named by a key, which change.
//!
//! Knows nothing of what a record says. A change reads, merges and writes under the lock of the shard, so that two
//! daemons lose nothing of each other; reading takes no lock, as a file is always whole.

use std::fs;

use serde::{Deserialize, Serialize};

use super::Store;
use super::entry_file::{self, Found, Stamp};
use super::error::StoreError;
use super::id::Key;
use super::layout::{Entry, footprint};
use super::lock::Lock;
use super::record_codec::{self, HEADER};
use super::writing;

/// Far more than any manifest needs; a longer file is none of ours.
const LONGEST: u64 = 64 << 20;

/// What a record is about; each kind has its own files and its own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RecordKind {
    /// The known results of a command line, and what each depends on.
    Manifest,
    /// What is known by the text of a translation unit.
    Text,
    /// What is known about a file or a toolchain.
    Facts,
    /// The command lines that a source was compiled by.
    Variants,
    /// Declarations that were compiled without a word.
    Declarations,
}

impl RecordKind {
    /// Every kind there is. (A new one also needs its line in `EntryKind::ALL`, which the compiler asks for.)
    pub const ALL: [Self; 5] =
        [Self::Manifest, Self::Text, Self::Facts, Self::Variants, Self::Declarations];

    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Text => "text",
            Self::Facts => "facts",
            Self::Variants => "variants",
            Self::Declarations => "declarations",
        }
    }

    /// The number in the file's header; never reused.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Manifest => 1,
            Self::Text => 2,
            Self::Facts => 3,
            Self::Variants => 4,
            Self::Declarations => 5,
        }
    }
}

impl Store {
    /// The record of this kind and key, if there is one and it is undamaged; a damaged one is removed.
    ///
    /// It may be older than what another process writes at this very moment.
    #[must_use]
    pub fn get_record(&self, kind: RecordKind, key: &Key) -> Option<Vec<u8>> {
        let path = self.layout.entry(&Entry::record(kind, key));
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            self.hot().remove(kind, key);
            return None;
        };
        let known = self.hot().get(kind, key, &Stamp::of(&metadata));
        let payload = match known {
            Some(payload) => payload,
            None => self.read_record(kind, key)?.payload,
        };
        if entry_file::mark_used(&path, &metadata)
            && let Ok(marked) = fs::symlink_metadata(&path)
        {
            self.hot().restamp(kind, key, Stamp::of(&marked));
        }
        Some(payload)
    }

    /// Changes a record: `update` gets what the disk has and returns what it shall have, or `None` to leave it.
    ///
    /// No other process changes records of the same shard meanwhile, so `update` should be quick, and must not call
    /// the store.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the lock can't be had within a second, [`StoreError::TooLarge`] for a record of more
    /// than 64 MiB or the whole cache, and [`StoreError::Io`]. The old record remains then.
    pub fn update_record(
        &self,
        kind: RecordKind,
        key: &Key,
        update: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let entry = Entry::record(kind, key);
        let path = self.layout.entry(&entry);
        let _lock = Lock::acquire(&self.layout, &self.layout.lock(entry.shard()))?;
        let old = self.read_record(kind, key);
        let Some(new) = update(old.as_ref().map(|old| &*old.payload)) else { return Ok(()) };
        let length = (HEADER + new.len()) as u64;
        let limit = LONGEST.min(self.max_size());
        if footprint(length) > limit {
            return Err(StoreError::TooLarge { size: length, limit });
        }
        let written = writing::write(&self.layout, &path, &record_codec::encode(kind, key, &new))?;
        match old {
            Some(old) => self.sizes.replaced(entry.shard(), old.length, length),
            None => self.sizes.added(entry.shard(), length),
        }
        self.hot().insert(kind, key, Stamp::of(&written), &new);
        Ok(())
    }

    /// What the disk has, which is then also in memory.
    fn read_record(&self, kind: RecordKind, key: &Key) -> Option<RecordOnDisk> {
        let entry = Entry::record(kind, key);
        let path = self.layout.entry(&entry);
        let (mut file, metadata) = match entry_file::open(&path) {
            Found::File(file, metadata) => (file, metadata),
            Found::Foreign => {
                self.discard(&entry, 0);
                return None;
            }
            Found::Nothing => return None,
        };
        let length = metadata.len();
        let payload = (length <= LONGEST)
            .then(|| entry_file::read(&mut file, length))
            .flatten()
            .and_then(|bytes| record_codec::decode(kind, key, bytes));
        let Some(payload) = payload else {
            self.hot().remove(kind, key);
            self.discard(&entry, length);
            return None;
        };
        self.hot().insert(kind, key, Stamp::of(&metadata), &payload);
        Some(RecordOnDisk { payload, length })
    }

    /// Whether the record is undamaged, unless it is gone; one that isn't is removed.
    pub(super) fn verify_record(&self, kind: RecordKind, key: &Key) -> Option<bool> {
        let path = self.layout.entry(&Entry::record(kind, key));
        fs::symlink_metadata(path).ok()?;
        Some(self.read_record(kind, key).is_some())
    }
}

struct RecordOnDisk {
    payload: Vec<u8>,
    /// The length of the file.
    length: u64,
}
