//! The files of crates: which ones a directory holds, and how one names another.
//!
//! A crate's metadata lists all that it uses, with the ends of their file names, such as `-0123456789abcdef`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Whether a file is a dynamic library.
#[must_use]
pub fn is_dynamic(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "so")
}

/// The crates' files in a directory.
#[must_use]
pub fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let crates = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let ends = [&b".rlib"[..], b".rmeta", b".so"].iter().any(|end| name.ends_with(end));
        name.starts_with(b"lib") && ends
    });
    crates.map(|entry| entry.path()).collect()
}

/// The number at the end of a crate's file name.
#[must_use]
pub fn end_of(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.as_encoded_bytes();
    number(stem.get(stem.len().checked_sub(17)?..)?)
}

/// `-0123456789abcdef` as a number.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(b"-").filter(|digits| digits.len() == 16)?;
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

/// All that looks like the end of a crate's file name in some metadata.
#[must_use]
pub fn ends(bytes: &[u8]) -> BTreeSet<u64> {
    memchr::memchr_iter(b'-', bytes).filter_map(|at| number(bytes.get(at..at + 17)?)).collect()
}

/// Whether a dynamic library holds procedural macros.
#[must_use]
pub fn is_macro(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"__rustc_proc_macro_decls_").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_crates_names_are_found_in_metadata() {
        let bytes = b"\x11-0123456789abcdef\xc1x-00000000000000ff-0123456789ABCDEF-1";
        assert_eq!(ends(bytes).into_iter().collect::<Vec<_>>(), [0xff, 0x0123_4567_89ab_cdef]);
        assert_eq!(end_of(Path::new("/d/libx-00000000000000ff.rlib")), Some(0xff));
        assert_eq!(end_of(Path::new("/d/libx.rlib")), None);
    }
}
