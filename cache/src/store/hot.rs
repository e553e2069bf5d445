//! The records that were used last, in memory, so that a hit costs one `stat` instead of an open and a read.
//!
//! Bounded in bytes. Whether one still is what the disk has is for the caller to ask, by its stamp.

use lru::LruCache;

use super::entry_file::Stamp;
use super::id::Key;
use super::record::RecordKind;

/// Callers keep what they decode; this is for what they ask for now and then.
const CAPACITY: usize = 4 << 20;

/// What an entry costs beside its payload, roughly.
const OVERHEAD: usize = 160;

#[derive(Debug)]
pub(super) struct HotRecords {
    records: LruCache<(RecordKind, Key), (Stamp, Vec<u8>)>,
    /// The sum of all costs.
    bytes: usize,
}

impl Default for HotRecords {
    fn default() -> Self {
        Self { records: LruCache::unbounded(), bytes: 0 }
    }
}

impl HotRecords {
    /// The payload, if it was read from a file with this stamp.
    pub(super) fn get(&mut self, kind: RecordKind, key: &Key, stamp: &Stamp) -> Option<Vec<u8>> {
        let (known, payload) = self.records.get(&(kind, *key))?;
        (known == stamp).then(|| payload.clone())
    }

    pub(super) fn insert(&mut self, kind: RecordKind, key: &Key, stamp: Stamp, payload: &[u8]) {
        self.remove(kind, key);
        // A giant would push all others out.
        if cost(payload) > CAPACITY / 16 {
            return;
        }
        self.bytes += cost(payload);
        self.records.put((kind, *key), (stamp, payload.to_vec()));
        while self.bytes > CAPACITY {
            let Some((_, (_, payload))) = self.records.pop_lru() else { break };
            self.bytes -= cost(&payload);
        }
    }

    /// Takes note that the file's time, and nothing else, has changed.
    pub(super) fn restamp(&mut self, kind: RecordKind, key: &Key, stamp: Stamp) {
        if let Some((known, _)) = self.records.peek_mut(&(kind, *key))
            && known.is_same_file(&stamp)
        {
            *known = stamp;
        }
    }

    pub(super) fn remove(&mut self, kind: RecordKind, key: &Key) {
        if let Some((_, payload)) = self.records.pop(&(kind, *key)) {
            self.bytes -= cost(&payload);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn cost(payload: &[u8]) -> usize {
    payload.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn stamp() -> Stamp {
        Stamp::of(&fs::metadata(".").unwrap())
    }

    #[test]
    fn memory_is_bounded_and_the_last_used_stay() {
        let mut hot = HotRecords::default();
        let keys: Vec<Key> = (0..64_u8).map(|i| Key::of(&[i])).collect();
        let payload = vec![0; CAPACITY / 32];
        for key in &keys {
            hot.insert(RecordKind::Manifest, key, stamp(), &payload);
            assert!(hot.bytes <= CAPACITY);
            assert!(hot.get(RecordKind::Manifest, &keys[0], &stamp()).is_some());
        }
        assert!(hot.get(RecordKind::Manifest, &keys[1], &stamp()).is_none());
        assert!(hot.get(RecordKind::Manifest, &keys[63], &stamp()).is_some());
    }

    #[test]
    fn a_replaced_record_is_counted_once() {
        let mut hot = HotRecords::default();
        for _ in 0..3 {
            hot.insert(RecordKind::Text, &Key::of(b"k"), stamp(), b"payload");
        }
        assert_eq!(hot.bytes, cost(b"payload"));
        hot.remove(RecordKind::Text, &Key::of(b"k"));
        assert_eq!(hot.bytes, 0);
    }
}
