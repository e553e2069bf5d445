//! What a file holds, by its hash: enough to compare, and the name under which a cache may have it.

use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::staging::StagedFile;

/// The blake3 of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

/// An output and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The output, absolute.
    pub path: PathBuf,
    /// What it holds.
    pub hash: ContentHash,
}

/// What an output that isn't in its place yet holds.
pub(in crate::pipeline) fn digest(staged: &mut StagedFile) -> io::Result<Content> {
    let path = staged.path().to_owned();
    let file = staged.file();
    file.rewind()?;
    Ok(Content { path, hash: of_reader(file)? })
}

/// What a file holds now.
pub(super) fn of_file(path: &Path) -> io::Result<ContentHash> {
    of_reader(&mut File::open(path)?)
}

pub(super) fn of_bytes(bytes: &[u8]) -> ContentHash {
    ContentHash(*blake3::hash(bytes).as_bytes())
}

fn of_reader(file: &mut File) -> io::Result<ContentHash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(ContentHash(*hasher.finalize().as_bytes()))
}

/// The hash of a text. A large one takes longer than a task may keep its thread.
pub(in crate::pipeline) async fn text_hash(text: Bytes) -> ContentHash {
    const AT_ONCE: usize = 256 << 10;
    if text.len() <= AT_ONCE {
        return of_bytes(&text);
    }
    let here = text.clone();
    let hash = tokio::task::spawn_blocking(move || of_bytes(&text)).await;
    hash.unwrap_or_else(|_| of_bytes(&here))
}
