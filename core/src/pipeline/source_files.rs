//! What is known of the source and header files that preprocessed texts were made of.
//!
//! A few pragmas vanish in preprocessing and can be seen in the files only. Each file is read once for each of its
//! states; a text costs one `stat` for each of its files.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::fidelity::{self, Hazard};

/// A file's state; another one means that it has to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// Answers by file.
#[derive(Debug, Default)]
pub(super) struct SourceFiles {
    known: Mutex<HashMap<PathBuf, (State, Option<Hazard>)>>,
}

impl SourceFiles {
    /// The hazard in a file that `text` was made of, where relative names start from `cwd`.
    pub(super) fn hazard(&self, text: &[u8], cwd: &Path) -> Option<Hazard> {
        fidelity::sources(text).find_map(|name| self.hazard_in(&cwd.join(OsStr::from_bytes(name))))
    }

    fn hazard_in(&self, path: &Path) -> Option<Hazard> {
        // `<built-in>` and other names of no file have none; a file that is gone by now was never one of these either.
        let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let modified = (meta.mtime(), meta.mtime_nsec());
        let state = State { inode: meta.ino(), size: meta.size(), modified };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        if let Some((_, hazard)) = known.filter(|(then, _)| *then == state) {
            return hazard;
        }
        let hazard = fidelity::source_hazard(&fs::read(path).ok()?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path.to_owned(), (state, hazard));
        hazard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pragma_that_vanishes_is_found_in_its_header_also_after_an_edit() {
        let space = tempfile::tempdir().unwrap();
        let (files, text) = (SourceFiles::default(), b"# 1 \"a.c\"\n# 1 \"b.h\" 1\nint b;\n");
        fs::write(space.path().join("b.h"), "int b;\n").unwrap();
        assert_eq!(files.hazard(text, space.path()), None);
        fs::write(space.path().join("b.h"), "#pragma message \"b\"\nint b;\n").unwrap();
        assert!(files.hazard(text, space.path()).is_some());
    }
}
