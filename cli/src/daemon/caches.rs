//! The caches in use, by their directory.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use farmbuild_cache::store::{Compression, StoreConfig};
use farmbuild_cache::{CompileCache, DeclarationTier};

use crate::farm::{CacheConfig, Share, cache_dir};

/// One percent.
const DEFAULT_VERIFY: u32 = 100;

fn of_ten_thousand(share: Share) -> u32 {
    // At most that.
    (share.get() * 10_000.0).round() as u32
}

/// All caches that jobs have asked for. One that nobody asks for any more costs little.
#[derive(Default)]
pub(crate) struct Caches {
    known: Mutex<HashMap<(PathBuf, CacheConfig), Arc<CompileCache>>>,
}

impl Caches {
    /// The cache for jobs of a farm in an environment; `None` if there is no place for one.
    pub(crate) fn choose(
        &self,
        config: &CacheConfig,
        env: &[(OsString, OsString)],
    ) -> Option<Arc<CompileCache>> {
        let dir = cache_dir(config, env)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (dir, config.clone());
        if let Some(cache) = known.get(&key) {
            return Some(Arc::clone(cache));
        }
        let tier = config.declarations.then(|| DeclarationTier {
            verify: config.verify.map_or(DEFAULT_VERIFY, of_ten_thousand),
        });
        let store = store_config(key.0.clone(), config);
        let cache = Arc::new(CompileCache::with_declarations(store, tier));
        known.insert(key, Arc::clone(&cache));
        Some(cache)
    }

    /// Waits until what was taken in is written.
    pub(crate) async fn settle(&self) {
        for cache in self.all() {
            cache.settle().await;
        }
    }

    /// Forgets every result with a file of one of these contents, in all caches: builds with different ones may have
    /// shared a farm.
    pub(crate) async fn forget(&self, contents: &[[u8; 32]]) {
        for cache in self.all() {
            let forgotten = cache.forget(contents).await;
            tracing::info!(forgotten, "results of a host in doubt are out of a cache");
        }
    }

    /// Jobs that declaration tiers didn't look at since this was last asked, by the reason's name.
    pub(crate) fn take_doubts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let doubts = self.all().into_iter().flat_map(|cache| cache.take_doubts());
        doubts.map(|(doubt, count)| (doubt.name(), count))
    }

    /// How often compilers read sources for what they say of new declarations since this was last asked.
    pub(crate) fn take_syntax_checks(&self) -> u64 {
        self.all().into_iter().map(|cache| cache.take_syntax_checks()).sum()
    }

    fn all(&self) -> Vec<Arc<CompileCache>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().cloned().collect()
    }
}

/// The store of a cache.
pub(crate) fn store_config(dir: PathBuf, config: &CacheConfig) -> StoreConfig {
    let compression = if config.uncompressed { Compression::None } else { Compression::Zstd };
    StoreConfig { dir, max_size: config.max_size, compression }
}
