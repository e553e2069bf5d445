//! The archive of a toolchain: a tar file within zstd, the manifest first, then the files in its order.
//!
//! Only plain files, no links and no directories: whatever an archive says, what is unpacked are files of our own naming.

mod reader;
mod writer;

use std::io;

pub(crate) use reader::{Unpacked, manifest_of, unpack};
pub(crate) use writer::write;

use super::manifest::{Manifest, ManifestError};

/// The name of the first file.
const MANIFEST: &str = "manifest.json";

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("it is no archive of a toolchain: {0}")]
    Foreign(String),
    #[error("it is damaged: {0}; pack it again, or copy it again")]
    Damaged(String),
    /// The archive's own bytes can't be read, or it ends too early.
    #[error("it can't be read to its end: {0}")]
    Read(io::Error),
    #[error("it can't be unpacked here: {0}")]
    Write(io::Error),
}

#[cfg(test)]
mod tests;
