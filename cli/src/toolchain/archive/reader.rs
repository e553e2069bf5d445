//! Reads an archive, which may be any file.
//!
//! Memory is bounded whatever it says: headers are taken as they are, without the extensions in which a name can be of any
//! length; zstd's window has a limit; files go to the disk piece by piece, and never more of them than the manifest announced.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::super::manifest::LONGEST;
use super::{ArchiveError, MANIFEST, Manifest};

/// The largest window of zstd that is taken, as a power of two: 32 MiB.
const WINDOW: u32 = 25;
const PIECE: usize = 64 * 1024;
/// The most that follows the last file: tar programs fill blocks of 10 KiB.
const REST: u64 = 1 << 20;

/// What was in an archive, found sound.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) manifest: Manifest,
    /// The manifest's files, in its order, under names of our own.
    pub(crate) files: Vec<PathBuf>,
}

type Tar<R> = tar::Archive<zstd::Decoder<'static, BufReader<R>>>;

/// The manifest of an archive, and nothing else of it.
pub(crate) fn manifest_of(archive: impl Read) -> Result<Manifest, ArchiveError> {
    let mut tar = open(archive)?;
    let mut entries = tar.entries().map_err(ArchiveError::Read)?.raw(true);
    read_manifest(&mut entries)
}

/// Unpacks an archive into `directory` and checks every file.
pub(crate) fn unpack(archive: impl Read, directory: &Path) -> Result<Unpacked, ArchiveError> {
    let mut tar = open(archive)?;
    let mut entries = tar.entries().map_err(ArchiveError::Read)?.raw(true);
    let manifest = read_manifest(&mut entries)?;
    let mut files = Vec::with_capacity(manifest.files.len());
    for (number, expected) in manifest.files.iter().enumerate() {
        let damaged = |what: &str| ArchiveError::Damaged(format!("{} {what}", expected.path));
        let mut entry =
            entries.next().ok_or_else(|| damaged("is missing"))?.map_err(ArchiveError::Read)?;
        if !is_plain(&entry, &expected.path) {
            return Err(damaged("isn't where it belongs"));
        }
        if entry.size() != expected.size {
            return Err(damaged("hasn't the length that the manifest says"));
        }
        let path = directory.join(number.to_string());
        let mut file = File::create_new(&path).map_err(ArchiveError::Write)?;
        if copy(&mut entry, &mut file)? != (expected.size, expected.blake3.clone()) {
            return Err(damaged("isn't what the manifest says"));
        }
        files.push(path);
    }
    if entries.next().is_some() {
        let what = "it has more in it than its manifest says".to_owned();
        return Err(ArchiveError::Damaged(what));
    }
    // zstd compares its checksum at the very end, behind what fills the last block of tar.
    let rest = io::copy(&mut tar.into_inner().take(REST + 1), &mut io::sink());
    match rest.map_err(ArchiveError::Read)? {
        0..=REST => Ok(Unpacked { manifest, files }),
        _ => Err(ArchiveError::Damaged("it goes on behind its end".to_owned())),
    }
}

fn open<R: Read>(archive: R) -> Result<Tar<R>, ArchiveError> {
    let mut unpacked = zstd::Decoder::new(archive).map_err(ArchiveError::Read)?;
    unpacked.window_log_max(WINDOW).map_err(ArchiveError::Read)?;
    Ok(tar::Archive::new(unpacked))
}

fn read_manifest<R: Read>(entries: &mut tar::Entries<'_, R>) -> Result<Manifest, ArchiveError> {
    let foreign = |what: &str| ArchiveError::Foreign(what.to_owned());
    let entry = match entries.next() {
        Some(Ok(entry)) => entry,
        // Nothing was recognised so far: it isn't damage.
        Some(Err(error)) => return Err(ArchiveError::Foreign(error.to_string())),
        None => return Err(foreign("there is nothing in it")),
    };
    if !is_plain(&entry, MANIFEST) {
        return Err(foreign("it doesn't begin with a manifest"));
    }
    if entry.size() > LONGEST {
        return Err(foreign("its manifest is too long"));
    }
    let mut text = Vec::new();
    entry.take(LONGEST).read_to_end(&mut text).map_err(ArchiveError::Read)?;
    Ok(Manifest::read(&text)?)
}

fn is_plain<R: Read>(entry: &tar::Entry<'_, R>, path: &str) -> bool {
    entry.header().entry_type() == tar::EntryType::Regular
        && *entry.path_bytes() == *path.as_bytes()
}

/// Copies a file piece by piece; its length and hash.
fn copy(from: &mut impl Read, into: &mut impl Write) -> Result<(u64, String), ArchiveError> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE];
    loop {
        let count = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ArchiveError::Read(error)),
        };
        hasher.update(&piece[..count]);
        into.write_all(&piece[..count]).map_err(ArchiveError::Write)?;
    }
    Ok((hasher.count(), hasher.finalize().to_hex().to_string()))
}
