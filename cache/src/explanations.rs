//! The last lookup of each source, for `farmbuild why`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use farmbuild_core::protocol::message::{Why, WhyChange};
use lru::LruCache;

/// Sources whose last lookup is remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

/// The last lookups by source.
pub(crate) struct Explanations {
    known: Mutex<LruCache<PathBuf, Why>>,
}

impl Explanations {
    pub(crate) fn new() -> Self {
        Self { known: Mutex::new(LruCache::new(MOST)) }
    }

    /// Notes what came of a lookup of `source`.
    pub(crate) fn note(
        &self,
        source: PathBuf,
        tier: Option<&str>,
        verdict: String,
        changes: Vec<WhyChange>,
    ) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        let tier = tier.map(str::to_owned);
        let why = Why { source: source.clone().into(), at, tier, verdict, changes };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).put(source, why);
    }

    /// What is known of the source at this absolute path, or of all sources whose path ends so.
    pub(crate) fn of(&self, path: &Path) -> Vec<Why> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.peek(path) {
            Some(why) => vec![why.clone()],
            None => Vec::new(),
        }
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self) -> Vec<Why> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(_, why)| why.clone()).collect()
    }
}
