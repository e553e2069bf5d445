//! Where things are: `<dir>/v1/<first byte in hex>/<the other 31 bytes in hex>.<suffix>`.
//!
//! Only names; nothing here touches a file. A change of any format gets a new `v<n>` beside the old one.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::id::{BlobId, Key};
use super::record::RecordKind;

/// How many directories the entries are spread over, by the first byte of their name.
pub(super) const SHARDS: usize = 256;

/// What every temporary file's name begins with.
pub(super) const TEMPORARY_PREFIX: &str = ".tmp-";

/// The lock file of a shard. It stays for good: two processes would otherwise lock two files of one name.
pub(super) const LOCK_NAME: &str = "lock";

/// How the content of a blob is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Encoding {
    /// As it is, without any header, so that it can be reflinked.
    Raw,
    /// One zstd frame that states the content's size, which `zstd -d` reads as well.
    Zstd,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum EntryKind {
    Blob(Encoding),
    Record(RecordKind),
}

impl EntryKind {
    const ALL: [Self; 2 + RecordKind::ALL.len()] = [
        Self::Blob(Encoding::Raw),
        Self::Blob(Encoding::Zstd),
        Self::Record(RecordKind::ALL[0]),
        Self::Record(RecordKind::ALL[1]),
        Self::Record(RecordKind::ALL[2]),
        Self::Record(RecordKind::ALL[3]),
        Self::Record(RecordKind::ALL[4]),
    ];

    fn suffix(self) -> &'static str {
        match self {
            Self::Blob(Encoding::Raw) => "raw",
            Self::Blob(Encoding::Zstd) => "zst",
            Self::Record(kind) => kind.suffix(),
        }
    }
}

/// One file of the cache that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) kind: EntryKind,
    pub(super) digest: [u8; 32],
}

impl Entry {
    pub(super) fn blob(id: &BlobId, encoding: Encoding) -> Self {
        Self { kind: EntryKind::Blob(encoding), digest: *id.as_bytes() }
    }

    pub(super) fn record(kind: RecordKind, key: &Key) -> Self {
        Self { kind: EntryKind::Record(kind), digest: *key.as_bytes() }
    }

    /// The entry that has this name in `shard`, if it is one of ours.
    pub(super) fn parse(shard: u8, name: &OsStr) -> Option<Self> {
        let (stem, suffix) = name.to_str()?.split_once('.')?;
        let kind = EntryKind::ALL.into_iter().find(|kind| kind.suffix() == suffix)?;
        let digest = *blake3::Hash::from_hex(format!("{shard:02x}{stem}")).ok()?.as_bytes();
        let entry = Self { kind, digest };
        // The parser takes capital letters too, which we never write.
        (*entry.name() == *name).then_some(entry)
    }

    pub(super) fn shard(&self) -> u8 {
        self.digest[0]
    }

    fn name(&self) -> String {
        let hex = blake3::Hash::from_bytes(self.digest).to_hex();
        format!("{}.{}", &hex[2..], self.kind.suffix())
    }
}

/// The paths below the cache's directory.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
    /// The directory of this version of the formats.
    pub(super) version: PathBuf,
}

impl Layout {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { version: dir.join("v1"), dir }
    }

    pub(super) fn shard(&self, shard: u8) -> PathBuf {
        self.version.join(format!("{shard:02x}"))
    }

    pub(super) fn entry(&self, entry: &Entry) -> PathBuf {
        self.shard(entry.shard()).join(entry.name())
    }

    pub(super) fn lock(&self, shard: u8) -> PathBuf {
        self.shard(shard).join(LOCK_NAME)
    }

    pub(super) fn sizes(&self) -> PathBuf {
        self.version.join("sizes")
    }

    pub(super) fn sizes_lock(&self) -> PathBuf {
        self.version.join("sizes.lock")
    }

    pub(super) fn limit(&self) -> PathBuf {
        self.dir.join("limit")
    }

    pub(super) fn tag(&self) -> PathBuf {
        self.dir.join("CACHEDIR.TAG")
    }

    /// Whether `name` belongs directly into the version's directory.
    pub(super) fn owns(&self, name: &OsStr) -> bool {
        let path = self.version.join(name);
        path == self.sizes()
            || path == self.sizes_lock()
            || (0..=u8::MAX).any(|shard| path == self.shard(shard))
    }
}

/// What a file of `length` bytes costs on the disk: whole blocks, and one for the name and the inode of an empty one.
pub(super) fn footprint(length: u64) -> u64 {
    const BLOCK: u64 = 4096;
    length.div_ceil(BLOCK).max(1).saturating_mul(BLOCK)
}

/// The directory that `path` is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_again_by_its_name() {
        for kind in EntryKind::ALL {
            let entry = Entry { kind, digest: *BlobId::of(b"x").as_bytes() };
            assert_eq!(Entry::parse(entry.shard(), OsStr::new(&entry.name())), Some(entry));
        }
    }

    #[test]
    fn every_kind_of_record_has_a_name_of_its_own() {
        for kind in RecordKind::ALL {
            assert!(EntryKind::ALL.contains(&EntryKind::Record(kind)));
        }
        let mut suffixes = EntryKind::ALL.map(EntryKind::suffix).to_vec();
        suffixes.sort_unstable();
        suffixes.dedup();
        assert_eq!(suffixes.len(), EntryKind::ALL.len());
    }

    #[test]
    fn other_names_are_foreign() {
        let name = Entry::blob(&BlobId::of(b"x"), Encoding::Raw).name();
        for other in [
            "lock",
            ".tmp-1-1",
            "notes.txt",
            "x.raw",
            &name.to_uppercase(),
            &name.replace("raw", "obj"),
            &format!("0{name}"),
            &format!("{name}.bak"),
        ] {
            assert_eq!(Entry::parse(0, OsStr::new(other)), None, "{other}");
        }
    }
}
