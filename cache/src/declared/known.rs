//! Which declarations each compiler has taken without a word, by its flags.
//!
//! In memory, with the store behind: read when flags are met first, written when enough has come together. What is
//! lost in between is compiled once more.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::declarations::Id;
use crate::digest::Digest;
use crate::store::{Key, RecordKind, Store, StoreError};

/// Records for the declarations of one set of flags, by their first bits.
const SHARDS: u8 = 16;
/// New ones that wait to be written.
const WAITING: usize = 4000;
/// Compiles whose new ones wait at most.
const COMPILES: usize = 64;
/// More in one record are forgotten: they are a sixteenth of all.
const MOST: usize = 1 << 18;

/// Known declarations by flags.
#[derive(Default)]
pub(crate) struct Known {
    all: Mutex<HashMap<Key, Set>>,
}

#[derive(Default)]
struct Set {
    ids: HashSet<Id>,
    new: Vec<Id>,
    compiles: usize,
}

impl Known {
    fn set<'a>(
        all: &'a mut MutexGuard<'_, HashMap<Key, Set>>,
        store: &Store,
        flags: &Key,
    ) -> &'a mut Set {
        all.entry(*flags).or_insert_with(|| {
            let ids = (0..SHARDS).flat_map(|shard| read(store, flags, shard));
            Set { ids: ids.collect(), ..Set::default() }
        })
    }

    /// Those of some declarations that aren't known.
    pub(crate) fn unknown(&self, store: &Store, flags: &Key, ids: &[Id]) -> Vec<Id> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let set = Self::set(&mut all, store, flags);
        ids.iter().filter(|id| !set.ids.contains(id)).copied().collect()
    }

    /// Adds those of a text that was compiled without a word.
    pub(crate) fn add(&self, store: &Store, flags: &Key, ids: &[Id]) -> Result<(), StoreError> {
        let due = {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            let set = Self::set(&mut all, store, flags);
            for id in ids {
                if set.ids.insert(*id) {
                    set.new.push(*id);
                }
            }
            set.compiles += 1;
            let due = set.new.len() > WAITING || (set.compiles > COMPILES && !set.new.is_empty());
            due.then(|| set.take())
        };
        due.map_or(Ok(()), |new| write(store, flags, &new))
    }

    /// Writes what waits.
    pub(crate) fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let waiting: Vec<_> = {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter_mut().map(|(flags, set)| (*flags, set.take())).collect()
        };
        waiting.iter().try_for_each(|(flags, new)| write(store, flags, new))
    }
}

impl Set {
    fn take(&mut self) -> Vec<Id> {
        self.compiles = 0;
        std::mem::take(&mut self.new)
    }
}

fn key(flags: &Key, shard: u8) -> Key {
    let mut digest = Digest::new("farmbuild known declarations 2");
    digest.bytes("flags", flags.as_bytes());
    digest.bytes("shard", &[shard]);
    digest.key()
}

fn shard(id: &Id) -> u8 {
    id.0[0] % SHARDS
}

fn read(store: &Store, flags: &Key, shard: u8) -> Vec<Id> {
    let bytes = store.get_record(RecordKind::Declarations, &key(flags, shard));
    bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default()
}

fn write(store: &Store, flags: &Key, new: &[Id]) -> Result<(), StoreError> {
    for number in 0..SHARDS {
        let new: Vec<Id> = new.iter().copied().filter(|id| shard(id) == number).collect();
        if new.is_empty() {
            continue;
        }
        store.update_record(RecordKind::Declarations, &key(flags, number), |old| {
            let old: Option<Vec<Id>> = old.and_then(|old| postcard::from_bytes(old).ok());
            let mut all: Vec<Id> = old.unwrap_or_default();
            if all.len() + new.len() > MOST {
                all.clear();
            }
            all.extend(&new);
            all.sort_unstable();
            all.dedup();
            postcard::to_allocvec(&all).ok()
        })?;
    }
    Ok(())
}
