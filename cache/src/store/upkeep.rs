//! Keeping the cache within its limit, in the background.
//!
//! The limit holds for the whole cache; a shard's quota, an even share of it, only decides which shard gives way.
//! Keys spread evenly, so evicting the longest unused of the fullest shards comes close to doing so over all, and
//! never needs to look at more than one directory at a time. A shard may exceed its quota while others have room:
//! one huge object isn't thrown out because of where its hash has put it.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Store;
use super::layout::SHARDS;
use super::shard::{self, Amount, Listed, Listing};

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

    /// Evicts from the fullest shards until all is within the limit; says whether it is.
    fn shrink(&self, deadline: Option<Instant>, upkeep: &mut Upkeep) -> bool {
        let limit = self.max_size();
        // A tenth of the shard at once, so that the next is far off.
        let target = limit / SHARDS as u64 / 10 * 9;
        let mut tried = [false; SHARDS];
        while self.sizes.total().bytes > limit {
            let fullest = (0..=u8::MAX)
                .filter(|&shard| !tried[usize::from(shard)])
                .max_by_key(|&shard| self.sizes.of(shard).bytes);
            let Some(fullest) = fullest.filter(|_| !shard::is_over(deadline)) else { return false };
            tried[usize::from(fullest)] = true;
            let Some(mut listing) = self.scan(fullest, false, upkeep) else { continue };
            // Its size was a guess until now.
            if self.sizes.total().bytes <= limit {
                break;
            }
            let before = listing.amount();
            let (evicted, failed) = listing.evict(target, deadline);
            upkeep.evicted.files += evicted.files;
            upkeep.evicted.bytes += evicted.bytes;
            upkeep.failed += failed;
            let left =
                Amount { files: before.files - evicted.files, bytes: before.bytes - evicted.bytes };
            self.sizes.counted(fullest, left);
        }
        true
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
