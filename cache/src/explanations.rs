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

    /// What is known of the source at this absolute path; else of all sources whose paths end so, the newest first.
    pub(crate) fn of(&self, path: &Path) -> Vec<Why> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = known.peek(path) {
            return vec![why.clone()];
        }
        let end = path.strip_prefix("/").unwrap_or(path);
        let alike = known.iter().filter(|(source, _)| source.ends_with(end));
        alike.map(|(_, why)| why.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_found_by_its_path_or_the_end_of_it() {
        let all = Explanations::new();
        for source in ["/a/src/x.c", "/b/src/x.c", "/b/src/xx.c"] {
            all.note(source.into(), None, "compiled".to_owned(), Vec::new());
        }
        assert_eq!(all.of(Path::new("/a/src/x.c")).len(), 1);
        assert_eq!(all.of(Path::new("src/x.c")).len(), 2);
        assert!(all.of(Path::new("y.c")).is_empty());
    }
}
