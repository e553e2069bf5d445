//! The cache on the disk: blobs named by their content, records named by a key, and no more than they may take.
//!
//! Knows nothing of jobs or compilers, only bytes. All of it blocks, so that async callers use a thread for it. It
//! trusts no file that it reads: each one checks itself, and one that is damaged, cut short or not ours is a miss and
//! is removed. Hence nothing is ever synced, opening never scans, and a process may die at any point.
//!
//! - [`BlobId`] and [`Key`]: the names; `layout`: where things are; `writing`: how a file appears, whole;
//! - `blob` and `record`: the two sorts of entries, each with its codec; `entry_file`, `lock`, `hot`: what they need;
//! - `sizes`: how much there is, roughly; `shard` and `upkeep`: what goes when that is too much;
//! - `limit` and `inventory`: what people ask and set.

mod blob;
mod blob_codec;
mod entry_file;
mod error;
mod hot;
mod id;
mod inventory;
mod layout;
mod limit;
mod lock;
mod record;
mod record_codec;
mod shard;
mod sizes;
mod sizes_file;
mod upkeep;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use blob::Placed;
pub use error::StoreError;
pub use id::{BlobId, Key};
pub use inventory::{ScannedUsage, Usage, VerifyReport};
pub use limit::DEFAULT_MAX_SIZE;
pub use record::RecordKind;
pub use shard::Amount;
pub use upkeep::Upkeep;

use hot::HotRecords;
use layout::{Entry, Layout};
use sizes::Sizes;

/// How new blobs are stored; all are read, whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Compressed, if that saves room: a third of the disk for some time at every hit.
    #[default]
    Zstd,
    /// As they are, so that a hit costs neither time nor room where the file system can share blocks (Btrfs, XFS).
    None,
}

/// Where a store is and how it behaves.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The directory, which is made when something is written first.
    pub dir: PathBuf,
    /// The limit in bytes; `None` is the one set for the directory, or [`DEFAULT_MAX_SIZE`].
    pub max_size: Option<u64>,
    /// How new blobs are stored.
    pub compression: Compression,
}

/// A compile cache's directory. Many threads and processes may use one at the same time.
///
/// Reads never fail: in a directory that is missing or can't be read, all are misses. Writes into one that can't be
/// written are errors, and leave nothing half-written.
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    compression: Compression,
    configured_limit: Option<u64>,
    /// The limit in force.
    limit: AtomicU64,
    sizes: Sizes,
    hot: Mutex<HotRecords>,
}

impl Store {
    /// Opens a store. Reads one tiny file at most, and makes none.
    #[must_use]
    pub fn open(config: StoreConfig) -> Self {
        let StoreConfig { dir, max_size, compression } = config;
        let layout = Layout::new(dir);
        Self {
            limit: AtomicU64::new(limit::effective(max_size, &layout)),
            configured_limit: max_size,
            layout,
            compression,
            sizes: Sizes::new(),
            hot: Mutex::default(),
        }
    }

    /// The directory it was opened with.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.layout.dir
    }

    fn hot(&self) -> MutexGuard<'_, HotRecords> {
        self.hot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes an entry that can't be used, whose file has this length.
    fn discard(&self, entry: &Entry, length: u64) {
        let path = self.layout.entry(entry);
        tracing::warn!(path = %path.display(), "removing a damaged entry of the cache");
        match entry_file::remove(&path) {
            Ok(()) => self.sizes.removed(entry.shard(), length),
            Err(error) => tracing::debug!(%error, "it can't be removed"),
        }
    }
}

impl Drop for Store {
    /// Keeps what is known of the sizes for the next process.
    fn drop(&mut self) {
        self.save_sizes(true);
    }
}
