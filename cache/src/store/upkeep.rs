//! Keeping the cache within its limit, in the background.
//!
//! What was used longest ago goes first, among a sample: some of the shards, with a few thousand files. As keys spread
//! evenly, the oldest of a sample are about the oldest of all, and a huge cache is never looked at as a whole; a small
//! one is its own sample. The next sample has other shards, until the first ones' turn comes again.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Store;
use super::layout::Entry;
use super::shard::{self, Amount, Listed, Listing};

/// How many files are compared by their age at a time.
const SAMPLE: usize = 4096;

/// What a run of the upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Upkeep {
    /// How many of the 256 directories were looked at.
    pub scanned_shards: u64,
    /// Blobs and records that went because there were too many.
    pub evicted: Amount,
    /// What dead processes had left.
    pub temporaries: Amount,
    /// What none of us has put there; only [`Store::gc`] removes it.
    pub foreign: Amount,
    /// Files and directories that couldn't be read or removed.
    pub failed: u64,
    /// Whether nothing remains to be done; otherwise time was up, or something failed.
    pub finished: bool,
}

impl Store {
    /// Does what is due, for about as long as `budget`: counts shards that weren't counted for a day, removes what
    /// dead processes left there, and evicts if the cache is over its limit. Costs next to nothing if nothing is due,
    /// so that it may be called after every job, but not in its way.
    pub fn maintain(&self, budget: Duration) -> Upkeep {
        let deadline = Instant::now().checked_add(budget);
        self.reload_limit();
        self.sizes.load(&self.layout);
        let mut upkeep = Upkeep::default();
        let mut due = self.sizes.due().into_iter();
        while !shard::is_over(deadline)
            && let Some(shard) = due.next()
        {
            self.scan(shard, false, &mut upkeep);
        }
        let shrunk = self.shrink(deadline, &mut upkeep);
        upkeep.finished = shrunk && due.len() == 0 && upkeep.failed == 0;
        self.save_sizes(upkeep.evicted.files > 0);
        upkeep
    }

    /// Does all that can be done, now and everywhere: as [`Store::maintain`], but every shard is counted, and foreign
    /// files are removed.
    pub fn gc(&self) -> Upkeep {
        self.reload_limit();
        self.sizes.load(&self.layout);
        let mut upkeep = Upkeep::default();
        for shard in 0..=u8::MAX {
            self.scan(shard, true, &mut upkeep);
        }
        match Listing::of_version(&self.layout) {
            Ok(listing) => clean(&listing, true, &mut upkeep),
            Err(_) => upkeep.failed += 1,
        }
        let shrunk = self.shrink(None, &mut upkeep);
        upkeep.finished = shrunk && upkeep.failed == 0;
        self.save_sizes(true);
        upkeep
    }

    /// Evicts until all is within the limit; says whether it is.
    fn shrink(&self, deadline: Option<Instant>, upkeep: &mut Upkeep) -> bool {
        let limit = self.max_size();
        let mut shards = self.sizes.longest_uncounted_first().into_iter();
        while self.sizes.total().bytes > limit {
            if shards.len() == 0 || shard::is_over(deadline) {
                return false;
            }
            let sample = self.sample(&mut shards, deadline, upkeep);
            // The total was a guess until now.
            let total = self.sizes.total().bytes;
            if total > limit {
                self.evict(sample, 0.9 * limit as f64 / total as f64, upkeep);
            }
        }
        true
    }

    /// The files of the next few shards, of one at least.
    fn sample(
        &self,
        shards: &mut impl Iterator<Item = u8>,
        deadline: Option<Instant>,
        upkeep: &mut Upkeep,
    ) -> Vec<Listed<Entry>> {
        let mut sample = Vec::new();
        for shard in shards {
            sample.extend(self.scan(shard, false, upkeep).unwrap_or_default().entries);
            if sample.len() >= SAMPLE || shard::is_over(deadline) {
                break;
            }
        }
        sample
    }

    /// Removes what was used longest ago until only this share of the sample is left, some room for new files
    /// included. Not stopped by the time: a short one would never get further than to a sample.
    fn evict(&self, mut sample: Vec<Listed<Entry>>, share: f64, upkeep: &mut Upkeep) {
        sample.sort_by_key(|entry| entry.used);
        let mut left = shard::amount(&sample).bytes;
        let target = (left as f64 * share) as u64;
        for entry in sample {
            if left <= target {
                break;
            }
            left -= entry.bytes;
            match shard::remove(&entry.path) {
                Ok(()) => {
                    upkeep.evicted.add(entry.bytes);
                    self.sizes.removed(entry.what.shard(), entry.bytes);
                }
                Err(error) => {
                    tracing::debug!(path = %entry.path.display(), %error, "can't evict");
                    upkeep.failed += 1;
                }
            }
        }
    }

    /// Counts a shard, and cleans it.
    fn scan(&self, shard: u8, with_foreign: bool, upkeep: &mut Upkeep) -> Option<Listing> {
        upkeep.scanned_shards += 1;
        let Ok(listing) = Listing::of_shard(&self.layout, shard) else {
            upkeep.failed += 1;
            return None;
        };
        clean(&listing, with_foreign, upkeep);
        self.sizes.counted(shard, listing.amount());
        Some(listing)
    }

    pub(super) fn save_sizes(&self, now: bool) {
        if let Err(error) = self.sizes.save(&self.layout, now) {
            tracing::debug!(%error, "the sizes of the cache's shards aren't kept");
        }
    }
}

/// Removes what no entry is.
fn clean(listing: &Listing, with_foreign: bool, upkeep: &mut Upkeep) {
    remove_all(listing.abandoned(), &mut upkeep.temporaries, &mut upkeep.failed);
    if with_foreign {
        remove_all(listing.foreign.iter(), &mut upkeep.foreign, &mut upkeep.failed);
    }
}

fn remove_all<'a>(
    files: impl Iterator<Item = &'a Listed<()>>,
    removed: &mut Amount,
    failed: &mut u64,
) {
    for file in files {
        match shard::remove(&file.path) {
            Ok(()) => removed.add(file.bytes),
            Err(_) => *failed += 1,
        }
    }
}
