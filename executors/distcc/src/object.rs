//! Writes an arriving object into its staged file without holding a thread of the runtime for long.
//!
//! Cancel-safe: a staged file that is on a blocking thread when the future is dropped is dropped there, and leaves
//! nothing behind either.

use std::io::{self, Write};
use std::panic;

use farmbuild_core::staging::StagedFile;
use tokio::task;

use crate::lzo::{self, DecompressError};

/// How much of an object is held before it is written. Less is written at once: it only goes to memory.
pub(crate) const PIECE: usize = 256 * 1024;

/// Writes `piece` behind what is already there, and gives both back.
pub(crate) async fn append(
    mut staged: StagedFile,
    piece: Vec<u8>,
) -> io::Result<(StagedFile, Vec<u8>)> {
    run(piece.len(), move || {
        staged.file().write_all(&piece)?;
        Ok((staged, piece))
    })
    .await?
}

/// Decompresses `packed` into the file.
pub(crate) async fn unpack(
    mut staged: StagedFile,
    packed: Vec<u8>,
) -> Result<StagedFile, DecompressError> {
    run(packed.len(), move || {
        lzo::decompress(&packed, staged.file())?;
        Ok(staged)
    })
    .await?
}

/// Does `work` on `size` bytes here, or on a thread that may block.
async fn run<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    if size < PIECE {
        return Ok(work());
    }
    task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(payload) => panic::resume_unwind(payload),
        Err(_) => io::Error::other("the program is ending"),
    })
}
