//! Blobs: files named by the hash of their content, which never change.
//!
//! Knows nothing of what is in them. No byte of a blob leaves this module before the whole of it was checked against
//! its id. Blobs are copied or reflinked, never hard linked: a build that writes into its object would write into
//! the cache.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, Write};

use serde::Serialize;

use super::entry_file::{self, Found};
use super::error::StoreError;
use super::id::BlobId;
use super::layout::{Encoding, Entry, EntryKind, footprint};
use super::{Compression, Store, blob_codec, writing};

/// How much is copied at a time.
const CHUNK: usize = 128 << 10;

/// How a blob came into its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// The length of the content.
    pub bytes: u64,
    /// Whether the file shares its blocks with the cache.
    pub reflinked: bool,
}

impl Store {
    /// Keeps `bytes`. What is there already is only marked as used.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for more than the whole cache, and [`StoreError::Io`].
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId, StoreError> {
        let id = BlobId::of(bytes);
        if self.has_blob(&id, bytes.len() as u64) {
            return Ok(id);
        }
        let compressed = match self.compression {
            Compression::Zstd => blob_codec::compress(bytes),
            Compression::None => None,
        };
        let (encoding, stored) = match &compressed {
            Some(compressed) => (Encoding::Zstd, &**compressed),
            None => (Encoding::Raw, bytes),
        };
        let (size, limit) = (stored.len() as u64, self.max_size());
        if footprint(size) > limit {
            return Err(StoreError::TooLarge { size, limit });
        }
        let entry = Entry::blob(&id, encoding);
        writing::write(&self.layout, &self.layout.entry(&entry), stored)?;
        self.sizes.added(entry.shard(), size);
        Ok(id)
    }

    /// The content of a blob, if it is there and undamaged; a damaged one is removed.
    #[must_use]
    pub fn get_blob(&self, id: &BlobId) -> Option<Vec<u8>> {
        self.encodings().into_iter().find_map(|encoding| {
            let mut stored = self.open_blob(id, encoding)?;
            let content = stored.decode().filter(|content| BlobId::of(content) == *id);
            self.settle(&stored, content)
        })
    }

    /// Writes the content of a blob into `output`, whose own content is replaced, and says how; `None` is a miss, which
    /// leaves `output` empty. It must be open for reading as well; its position afterwards is unspecified.
    ///
    /// The content is checked as it is in `output`, where nothing else sees it if that has no name yet, as
    /// a staged file hasn't.
    ///
    /// # Errors
    /// [`StoreError::Output`] if `output` can't be written, which then has any content.
    pub fn place_blob(&self, id: &BlobId, output: &mut File) -> Result<Option<Placed>, StoreError> {
        for encoding in self.encodings() {
            let Some(mut stored) = self.open_blob(id, encoding) else { continue };
            empty(output).map_err(StoreError::Output)?;
            let placed = match encoding {
                Encoding::Raw => place_raw(&mut stored, id, output),
                Encoding::Zstd => place_decoded(&mut stored, id, output),
            }
            .map_err(StoreError::Output)?;
            if let Some(placed) = self.settle(&stored, placed) {
                return Ok(Some(placed));
            }
        }
        empty(output).map_err(StoreError::Output)?;
        Ok(None)
    }

    /// Whether `file`, which is read from its start, has the content of a blob that is there; marks it as used if so.
    /// Only a file of the right length is read as a whole.
    #[must_use]
    pub fn is_blob(&self, id: &BlobId, file: &mut File) -> bool {
        let Ok(length) = file.metadata().map(|metadata| metadata.len()) else { return false };
        self.encodings().into_iter().any(|encoding| {
            let Some(mut stored) = self.open_blob(id, encoding) else { return false };
            let same = stored.content_length() == Some(length) && hash(file) == Some(*id);
            same && self.settle(&stored, Some(())).is_some()
        })
    }

    /// Removes a blob, whether or not anything refers to it: what does is a miss from then on. Whether it was there.
    pub fn forget_blob(&self, id: &BlobId) -> bool {
        let mut was_there = false;
        for encoding in self.encodings() {
            let Some(stored) = self.open_blob(id, encoding) else { continue };
            match entry_file::remove(&self.layout.entry(&stored.entry)) {
                Ok(()) => {
                    self.sizes.removed(stored.entry.shard(), stored.length);
                    was_there = true;
                }
                Err(error) => tracing::warn!(%error, %id, "a blob can't be removed"),
            }
        }
        was_there
    }

    /// Whether the blob is there, going by its length; marks it as used.
    fn has_blob(&self, id: &BlobId, length: u64) -> bool {
        self.encodings().into_iter().any(|encoding| {
            self.open_blob(id, encoding).is_some_and(|stored| {
                let whole = match encoding {
                    Encoding::Raw => stored.length == length,
                    Encoding::Zstd => stored.length > 0,
                };
                whole && self.settle(&stored, Some(())).is_some()
            })
        })
    }

    /// Whether the blob's file is undamaged, unless it is gone; one that isn't is removed.
    pub(super) fn verify_blob(&self, id: &BlobId, encoding: Encoding) -> Option<bool> {
        let mut stored = self.open_blob(id, encoding)?;
        let sound = stored.decode().is_some_and(|content| BlobId::of(&content) == *id);
        if !sound {
            self.discard(&stored.entry, stored.length);
        }
        Some(sound)
    }

    /// The likelier encoding first.
    fn encodings(&self) -> [Encoding; 2] {
        match self.compression {
            Compression::Zstd => [Encoding::Zstd, Encoding::Raw],
            Compression::None => [Encoding::Raw, Encoding::Zstd],
        }
    }

    fn open_blob(&self, id: &BlobId, encoding: Encoding) -> Option<StoredBlob> {
        let entry = Entry::blob(id, encoding);
        let path = self.layout.entry(&entry);
        match entry_file::open(&path) {
            Found::File(file, metadata) => {
                let length = metadata.len();
                Some(StoredBlob { entry, file, length, metadata })
            }
            Found::Foreign => {
                self.discard(&entry, 0);
                None
            }
            Found::Nothing => None,
        }
    }

    /// Marks a blob that gave a result as used; removes one that didn't.
    fn settle<T>(&self, stored: &StoredBlob, result: Option<T>) -> Option<T> {
        let path = self.layout.entry(&stored.entry);
        match result {
            Some(_) => drop(entry_file::mark_used(&path, &stored.metadata)),
            None => self.discard(&stored.entry, stored.length),
        }
        result
    }
}

/// A blob's file, whose content is still to be checked.
struct StoredBlob {
    entry: Entry,
    file: File,
    length: u64,
    metadata: Metadata,
}

impl StoredBlob {
    /// The length of the content, not yet checked; to be asked before anything else is read.
    fn content_length(&mut self) -> Option<u64> {
        match self.entry.kind {
            EntryKind::Blob(Encoding::Zstd) => {
                let length = self.length.min(blob_codec::START);
                blob_codec::content_length(&entry_file::read(&mut self.file, length)?)
            }
            _ => Some(self.length),
        }
    }

    fn decode(&mut self) -> Option<Vec<u8>> {
        let stored = entry_file::read(&mut self.file, self.length)?;
        match self.entry.kind {
            EntryKind::Blob(Encoding::Zstd) => blob_codec::decompress(&stored),
            _ => Some(stored),
        }
    }
}

fn place_decoded(
    stored: &mut StoredBlob,
    id: &BlobId,
    output: &mut File,
) -> io::Result<Option<Placed>> {
    let Some(content) = stored.decode().filter(|content| BlobId::of(content) == *id) else {
        return Ok(None);
    };
    output.write_all(&content)?;
    Ok(Some(Placed { bytes: content.len() as u64, reflinked: false }))
}

/// Shares the blocks where the file system can, or copies; hashes what arrives on the way.
fn place_raw(
    stored: &mut StoredBlob,
    id: &BlobId,
    output: &mut File,
) -> io::Result<Option<Placed>> {
    let reflinked = rustix::fs::ioctl_ficlone(&*output, &stored.file).is_ok();
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = if reflinked {
            output.read(&mut chunk)?
        } else {
            match stored.file.read(&mut chunk) {
                Ok(count) => count,
                // The cache's disk is at fault, not the output's.
                Err(_) => return Ok(None),
            }
        };
        if count == 0 {
            break;
        }
        hasher.update(&chunk[..count]);
        bytes += count as u64;
        if !reflinked {
            output.write_all(&chunk[..count])?;
        }
    }
    Ok((BlobId::from(hasher.finalize()) == *id).then_some(Placed { bytes, reflinked }))
}

/// The hash of all that a file holds.
fn hash(file: &mut File) -> Option<BlobId> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).ok()?;
    Some(BlobId::from(hasher.finalize()))
}

fn empty(output: &mut File) -> io::Result<()> {
    // ext4 takes any file that is cut to nothing for one that is rewritten, and writes it to the disk when it is closed.
    if output.metadata()?.len() > 0 {
        output.set_len(0)?;
    }
    output.rewind()
}
