//! How much the cache may hold: what the caller says, else what `<dir>/limit` says, else ten gibibytes.
//!
//! The file is the number of bytes in decimal, and is followed while the store is open.

use std::fs::File;
use std::io::Read;
use std::sync::atomic::Ordering;

use super::error::StoreError;
use super::layout::Layout;
use super::{Store, writing};

/// The limit of a cache for which nobody has set one.
pub const DEFAULT_MAX_SIZE: u64 = 10 << 30;

impl Store {
    /// The limit that was set for this directory, if any.
    #[must_use]
    pub fn persisted_limit(&self) -> Option<u64> {
        read(&self.layout)
    }

    /// Sets the limit of this directory for all who don't set their own. [`Store::gc`] makes the cache obey at once,
    /// the upkeep of running daemons soon.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the file can't be written.
    pub fn set_persisted_limit(&self, bytes: u64) -> Result<(), StoreError> {
        let path = self.layout.limit();
        writing::write_outside(&self.layout, &path, format!("{bytes}\n").as_bytes())?;
        self.reload_limit();
        Ok(())
    }

    /// The limit in force, in bytes; with 0 nothing is kept.
    #[must_use]
    pub fn max_size(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn reload_limit(&self) {
        let limit = effective(self.configured_limit, &self.layout);
        self.limit.store(limit, Ordering::Relaxed);
    }
}

pub(super) fn effective(configured: Option<u64>, layout: &Layout) -> u64 {
    configured.or_else(|| read(layout)).unwrap_or(DEFAULT_MAX_SIZE)
}

fn read(layout: &Layout) -> Option<u64> {
    let mut text = String::new();
    File::open(layout.limit()).ok()?.take(64).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
