//! What each shard holds, without looking: the last count, and what was written and removed since.
//!
//! Approximate on purpose. Two processes may count the same file twice, and a killed one forgets what it wrote last;
//! each shard is counted anew from time to time, which puts it right. The table is kept in a file, so that a new
//! process needn't count all. Knows no limits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::error::StoreError;
use super::layout::{Layout, SHARDS, footprint};
use super::lock::Lock;
use super::shard::Amount;
use super::sizes_file::{self, Row};
use super::writing;

/// How long a count is trusted.
const TRUSTED: Duration = Duration::from_secs(24 * 3600);

/// How often the file is written by processes that write all the time.
const SAVED_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, Default)]
struct Change {
    bytes: i64,
    files: i64,
    /// Whether this process counted the shard, so that its row is better than the file's.
    counted: bool,
}

#[derive(Debug)]
struct Table {
    rows: [Row; SHARDS],
    /// What the file doesn't know yet.
    changes: [Change; SHARDS],
    loaded: bool,
    changed: bool,
    saved: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Sizes(Mutex<Box<Table>>);

impl Sizes {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Box::new(Table {
            rows: [Row::default(); SHARDS],
            changes: [Change::default(); SHARDS],
            loaded: false,
            changed: false,
            saved: None,
        })))
    }

    /// A file of this length was written.
    pub(super) fn added(&self, shard: u8, length: u64) {
        self.change(shard, signed(footprint(length)), 1);
    }

    /// A file of this length was removed.
    pub(super) fn removed(&self, shard: u8, length: u64) {
        self.change(shard, -signed(footprint(length)), -1);
    }

    /// A file was written over another.
    pub(super) fn replaced(&self, shard: u8, old: u64, new: u64) {
        self.change(shard, signed(footprint(new)) - signed(footprint(old)), 0);
    }

    fn change(&self, shard: u8, bytes: i64, files: i64) {
        let mut table = self.table();
        let change = &mut table.changes[usize::from(shard)];
        change.bytes = change.bytes.saturating_add(bytes);
        change.files = change.files.saturating_add(files);
        table.changed = true;
    }

    /// The shard was just counted.
    pub(super) fn counted(&self, shard: u8, amount: Amount) {
        let mut table = self.table();
        let shard = usize::from(shard);
        table.rows[shard] = Row { bytes: amount.bytes, files: amount.files, counted: now() };
        table.changes[shard] = Change { counted: true, ..Change::default() };
        table.changed = true;
    }

    /// What all shards hold, roughly.
    pub(super) fn total(&self) -> Amount {
        let table = self.table();
        (0..SHARDS).map(|shard| table.amount(shard)).fold(Amount::default(), |sum, one| Amount {
            bytes: sum.bytes.saturating_add(one.bytes),
            files: sum.files.saturating_add(one.files),
        })
    }

    /// The shards that were never counted, or too long ago.
    pub(super) fn due(&self) -> Vec<u8> {
        let (table, now) = (self.table(), now());
        (0..=u8::MAX)
            .filter(|&shard| {
                let counted = table.rows[usize::from(shard)].counted;
                // A count in the future was made before the clock was set back.
                counted == 0 || now.checked_sub(counted).is_none_or(|age| age > micros(TRUSTED))
            })
            .collect()
    }

    /// All shards, the one whose count is the oldest first.
    pub(super) fn longest_uncounted_first(&self) -> Vec<u8> {
        let table = self.table();
        let mut shards: Vec<u8> = (0..=u8::MAX).collect();
        shards.sort_by_key(|&shard| table.rows[usize::from(shard)].counted);
        shards
    }

    /// How many shards were never counted.
    pub(super) fn uncounted(&self) -> u16 {
        self.table().rows.iter().map(|row| u16::from(row.counted == 0)).sum()
    }

    /// Takes the file into account, once.
    pub(super) fn load(&self, layout: &Layout) {
        let mut table = self.table();
        if !table.loaded {
            table.loaded = true;
            if let Some(rows) = sizes_file::read(&layout.sizes()) {
                table.adopt(&rows, false);
            }
        }
    }

    /// Writes the file if anything changed, not too often unless `now`. What others wrote meanwhile is merged.
    pub(super) fn save(&self, layout: &Layout, now: bool) -> Result<(), StoreError> {
        {
            let table = self.table();
            let recent = table.saved.is_some_and(|saved| saved.elapsed() < SAVED_EVERY);
            if !table.changed || (recent && !now) {
                return Ok(());
            }
        }
        // Nobody wrote anything yet, or someone removed the cache: counting mustn't bring it into being.
        if !layout.version.is_dir() {
            return Ok(());
        }
        // Waited for without holding up those who write.
        let _lock = Lock::acquire(layout, &layout.sizes_lock())?;
        let others = sizes_file::read(&layout.sizes()).unwrap_or([Row::default(); SHARDS]);
        let bytes = {
            let mut table = self.table();
            table.adopt(&others, true);
            table.loaded = true;
            table.changed = false;
            table.saved = Some(Instant::now());
            sizes_file::encode(&table.rows)
        };
        writing::write(layout, &layout.sizes(), &bytes).map(drop)
    }

    fn table(&self) -> MutexGuard<'_, Box<Table>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn amount(&self, shard: usize) -> Amount {
        let (row, change) = (&self.rows[shard], &self.changes[shard]);
        Amount {
            bytes: row.bytes.saturating_add_signed(change.bytes),
            files: row.files.saturating_add_signed(change.files),
        }
    }

    /// Takes the file's rows, but for shards that were counted here; with `settle`, own changes go into the rows.
    fn adopt(&mut self, others: &[Row; SHARDS], settle: bool) {
        for (shard, other) in others.iter().enumerate() {
            if !self.changes[shard].counted {
                self.rows[shard] = *other;
            }
            if settle {
                let Amount { bytes, files } = self.amount(shard);
                self.rows[shard] = Row { bytes, files, ..self.rows[shard] };
                self.changes[shard] = Change::default();
            }
        }
    }
}

fn now() -> u64 {
    // At least 1, as 0 is never.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| micros(since).max(1))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_two_processes_wrote_adds_up_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path().to_owned());
        fs::create_dir(&layout.version).unwrap();
        let (one, other) = (Sizes::new(), Sizes::new());
        one.counted(7, Amount { files: 2, bytes: 8192 });
        one.save(&layout, true).unwrap();
        one.added(7, 1);
        other.load(&layout);
        other.added(7, 1);
        one.save(&layout, true).unwrap();
        other.save(&layout, true).unwrap();
        let later = Sizes::new();
        later.load(&layout);
        assert_eq!(later.total(), Amount { files: 4, bytes: 4 * 4096 });
        assert_eq!(later.uncounted(), 255);
    }
}
