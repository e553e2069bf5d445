//! The manifests and facts in the store, with those in memory that were used last.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::file_set::FileSet;
use crate::files::Files;
use crate::job::Job;
use crate::manifest::Manifest;
use crate::source::{ContentHash, Facts};
use crate::store::{Key, RecordKind, Store, StoreError};

/// Bytes of decoded manifests that are kept in memory: a build in turn over more than fit would find none.
const MOST_BYTES: usize = 32 << 20;

/// Manifests by key. One in memory may be older than the store's, if another daemon wrote that: a result is missed then,
/// and never a wrong one found.
pub(crate) struct Manifests {
    hot: Mutex<Hot>,
    /// Contents whose facts were written.
    with_facts: Mutex<LruCache<ContentHash, ()>>,
}

/// A manifest in memory.
pub(crate) struct HotManifest {
    pub(crate) manifest: Manifest,
    /// The files of its states, for the jobs of one directory.
    files: Mutex<Option<(PathBuf, Arc<FileSet>)>>,
}

impl HotManifest {
    fn new(manifest: Manifest) -> Arc<Self> {
        Arc::new(Self { manifest, files: Mutex::default() })
    }

    /// The file of each state, for a job.
    pub(crate) fn files(&self, files: &Files, job: &Job) -> Arc<FileSet> {
        let cwd = &job.question.invocation.cwd;
        let mut known = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        // The base directory follows from this one.
        if let Some((_, prepared)) = known.as_ref().filter(|(then, _)| then == cwd) {
            return Arc::clone(prepared);
        }
        let paths = self.manifest.state_paths().map(|path| path.map(|path| job.place(path)));
        let prepared = Arc::new(FileSet::new(files, paths));
        *known = Some((cwd.clone(), Arc::clone(&prepared)));
        prepared
    }
}

struct Hot {
    by_key: LruCache<Key, (Arc<HotManifest>, usize)>,
    bytes: usize,
}

impl Manifests {
    pub(crate) fn new() -> Self {
        const MOST_FACTS: NonZeroUsize = NonZeroUsize::new(50_000).unwrap();
        Self {
            hot: Mutex::new(Hot { by_key: LruCache::unbounded(), bytes: 0 }),
            with_facts: Mutex::new(LruCache::new(MOST_FACTS)),
        }
    }

    fn hot(&self) -> MutexGuard<'_, Hot> {
        // Whole at any time.
        self.hot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A manifest, if there is one.
    pub(crate) fn get(&self, store: &Store, key: &Key) -> Option<Arc<HotManifest>> {
        if let Some((manifest, _)) = self.hot().by_key.get(key) {
            return Some(Arc::clone(manifest));
        }
        let bytes = store.get_record(RecordKind::Manifest, key)?;
        let manifest = HotManifest::new(Manifest::decode(&bytes)?);
        self.put(*key, &manifest);
        Some(manifest)
    }

    /// Changes a manifest, in the store and in memory.
    pub(crate) fn update(
        &self,
        store: &Store,
        key: &Key,
        change: impl FnOnce(&mut Manifest),
    ) -> Result<(), StoreError> {
        let mut newest = None;
        store.update_record(RecordKind::Manifest, key, |old| {
            let mut manifest = old.and_then(Manifest::decode).unwrap_or_default();
            change(&mut manifest);
            let bytes = manifest.encode();
            newest = Some(manifest);
            Some(bytes)
        })?;
        if let Some(manifest) = newest {
            self.put(*key, &HotManifest::new(manifest));
        }
        Ok(())
    }

    fn put(&self, key: Key, manifest: &Arc<HotManifest>) {
        let weight = manifest.manifest.weight();
        let mut hot = self.hot();
        if let Some((_, (_, old))) = hot.by_key.push(key, (Arc::clone(manifest), weight)) {
            hot.bytes -= old;
        }
        hot.bytes += weight;
        while hot.bytes > MOST_BYTES
            && hot.by_key.len() > 1
            && let Some((_, (_, old))) = hot.by_key.pop_lru()
        {
            hot.bytes -= old;
        }
    }

    /// The facts of a content that was seen once.
    pub(crate) fn stored_facts(
        &self,
        store: &Store,
        files: &Files,
        hash: ContentHash,
    ) -> Option<Arc<Facts>> {
        if let Some(facts) = files.known_facts(hash) {
            return Some(facts);
        }
        let bytes = store.get_record(RecordKind::Facts, &Key::from_bytes(hash.0))?;
        let facts: Arc<Facts> = Arc::new(postcard::from_bytes(&bytes).ok()?);
        if facts.raw != hash {
            return None;
        }
        files.remember(&facts);
        Some(facts)
    }

    /// Whether this process has kept the facts of a content.
    pub(crate) fn facts_are_kept(&self, hash: ContentHash) -> bool {
        self.with_facts.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).is_some()
    }

    /// Keeps the facts of a header, so that a later change of it can be judged.
    pub(crate) fn keep_facts(&self, store: &Store, facts: &Facts) -> Result<(), StoreError> {
        store.update_record(RecordKind::Facts, &Key::from_bytes(facts.raw.0), |old| match old {
            Some(_) => None,
            None => postcard::to_allocvec(facts).ok(),
        })?;
        self.with_facts.lock().unwrap_or_else(PoisonError::into_inner).put(facts.raw, ());
        Ok(())
    }
}
