//! What a person asks of the cache as a whole: how much is in it, is it sound, empty it.

use serde::Serialize;

use super::Store;
use super::error::StoreError;
use super::id::{BlobId, Key};
use super::layout::{Entry, EntryKind};
use super::shard::{self, Amount, Listing};

/// What the cache holds, as far as that is known without looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Blobs and records, in whole blocks of the disk.
    pub bytes: u64,
    /// How many there are.
    pub files: u64,
    /// The limit in force.
    pub max_size: u64,
    /// How many of the 256 directories were never counted; what was in them before isn't in the sums.
    pub uncounted_shards: u16,
}

/// What the cache holds, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ScannedUsage {
    /// Contents: objects and the like.
    pub blobs: Amount,
    /// What leads to them.
    pub records: Amount,
    /// Files that are being written, or were when their writer died.
    pub temporaries: Amount,
    /// What none of us has put there.
    pub foreign: Amount,
    /// The limit in force.
    pub max_size: u64,
}

/// The soundness of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// How many blobs and records were read.
    pub checked: u64,
    /// How many of them were damaged, and are removed now.
    pub damaged: u64,
    /// How much was read, in whole blocks of the disk.
    pub bytes: u64,
}

impl Store {
    /// What is in the cache, roughly, at the cost of one small file.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.sizes.load(&self.layout);
        let Amount { files, bytes } = self.sizes.total();
        let uncounted_shards = self.sizes.uncounted();
        Usage { bytes, files, max_size: self.max_size(), uncounted_shards }
    }

    /// What is in the cache, exactly, at the cost of a look at every file.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a directory can't be read.
    pub fn scan_usage(&self) -> Result<ScannedUsage, StoreError> {
        let mut usage = ScannedUsage { max_size: self.max_size(), ..ScannedUsage::default() };
        for shard in 0..=u8::MAX {
            let listing = self.list(shard)?;
            for entry in &listing.entries {
                match entry.what.kind {
                    EntryKind::Blob(_) => &mut usage.blobs,
                    EntryKind::Record(_) => &mut usage.records,
                }
                .add(entry.bytes);
            }
            listing.temporaries.iter().for_each(|file| usage.temporaries.add(file.bytes));
            listing.foreign.iter().for_each(|file| usage.foreign.add(file.bytes));
            self.sizes.counted(shard, listing.amount());
        }
        self.save_sizes(true);
        Ok(usage)
    }

    /// Reads everything and removes what is damaged. `progress` hears how many files of how many are done.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a directory can't be read.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport, StoreError> {
        let mut total = 0;
        for shard in 0..=u8::MAX {
            total += self.list(shard)?.amount().files;
        }
        let mut report = VerifyReport::default();
        progress(0, total);
        for shard in 0..=u8::MAX {
            for entry in self.list(shard)?.entries {
                report.checked += 1;
                report.bytes += entry.bytes;
                // What was evicted meanwhile isn't damaged.
                report.damaged += u64::from(self.is_sound(&entry.what) == Some(false));
                progress(report.checked, total.max(report.checked));
            }
        }
        Ok(report)
    }

    /// Removes all blobs and records; locks remain, and what is being written at this moment.
    ///
    /// # Errors
    /// [`StoreError::Io`] for the first file or directory that resisted; all others are gone.
    pub fn clear(&self) -> Result<Amount, StoreError> {
        let mut removed = Amount::default();
        let mut first_error = None;
        for shard in 0..=u8::MAX {
            let listing = match self.list(shard) {
                Ok(listing) => listing,
                Err(error) => {
                    first_error.get_or_insert(error);
                    continue;
                }
            };
            let mut left = Amount::default();
            for entry in &listing.entries {
                match shard::remove(&entry.path) {
                    Ok(()) => removed.add(entry.bytes),
                    Err(error) => {
                        left.add(entry.bytes);
                        first_error.get_or_insert(StoreError::io("remove", &entry.path)(error));
                    }
                }
            }
            for file in listing.abandoned().chain(&listing.foreign) {
                if let Err(error) = shard::remove(&file.path) {
                    first_error.get_or_insert(StoreError::io("remove", &file.path)(error));
                }
            }
            self.sizes.counted(shard, left);
        }
        self.hot().clear();
        self.save_sizes(true);
        first_error.map_or(Ok(removed), Err)
    }

    /// `None` if it is gone.
    fn is_sound(&self, entry: &Entry) -> Option<bool> {
        match entry.kind {
            EntryKind::Blob(encoding) => {
                self.verify_blob(&BlobId::from_bytes(entry.digest), encoding)
            }
            EntryKind::Record(kind) => self.verify_record(kind, &Key::from_bytes(entry.digest)),
        }
    }

    fn list(&self, shard: u8) -> Result<Listing, StoreError> {
        Listing::of_shard(&self.layout, shard)
            .map_err(StoreError::io("read", &self.layout.shard(shard)))
    }
}
