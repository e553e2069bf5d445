//! What was found in files that had to be read as a whole, remembered by their content.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::reason::Reason;
use crate::source::ContentHash;

/// Findings by content. Bounded; what falls out is looked for again.
pub(crate) struct ByContent<V> {
    known: Mutex<LruCache<ContentHash, Arc<V>>>,
}

impl<V> Default for ByContent<V> {
    fn default() -> Self {
        const MOST: NonZeroUsize = NonZeroUsize::new(8192).unwrap();
        Self { known: Mutex::new(LruCache::new(MOST)) }
    }
}

impl<V> ByContent<V> {
    /// What `look` finds in the file at `path`, whose content's hash is `hash`.
    pub(crate) fn get(
        &self,
        path: &Path,
        hash: ContentHash,
        look: impl FnOnce(&[u8]) -> V,
    ) -> Result<Arc<V>, Reason> {
        // Whole at any time.
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(&hash) {
            return Ok(Arc::clone(found));
        }
        let bytes = fs::read(path).map_err(|_| Reason::OddInput)?;
        if ContentHash::of(&bytes) != hash {
            return Err(Reason::ChangedMeanwhile);
        }
        let found = Arc::new(look(&bytes));
        known().put(hash, Arc::clone(&found));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_looked_into_once_and_never_taken_for_another() {
        let space = tempfile::tempdir().unwrap();
        let path = space.path().join("a.o");
        let known = ByContent::default();
        let hash = ContentHash::of(b"one");
        fs::write(&path, "one").unwrap();
        assert_eq!(*known.get(&path, hash, <[u8]>::len).unwrap(), 3);
        fs::write(&path, "other").unwrap();
        assert_eq!(*known.get(&path, hash, |_| unreachable!()).unwrap(), 3);
        let missed = known.get(&path, ContentHash::of(b"two"), <[u8]>::len);
        assert_eq!(missed.unwrap_err(), Reason::ChangedMeanwhile);
    }
}
