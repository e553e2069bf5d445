//! Writes an archive. The same files make the same bytes.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::{MANIFEST, Manifest};

/// Where more effort saves little: libraries and programs.
const LEVEL: i32 = 9;

/// Writes the archive of a toolchain whose files are below `root`.
pub(crate) fn write(manifest: &Manifest, root: &Path, into: impl Write) -> io::Result<()> {
    let mut packed = zstd::Encoder::new(into, LEVEL)?;
    // The manifest has no hash of its own.
    packed.include_checksum(true)?;
    let mut tar = tar::Builder::new(packed);
    let text = manifest.write();
    let size = text.len() as u64;
    tar.append(&header(MANIFEST, size, false)?, &text[..])?;
    for entry in &manifest.files {
        let file = File::open(root.join(&entry.path))?;
        tar.append(&header(&entry.path, entry.size, entry.executable)?, file)?;
    }
    tar.into_inner()?.finish()?.flush()
}

/// Nobody's file, of no time.
fn header(path: &str, size: u64, executable: bool) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_size(size);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(header)
}
