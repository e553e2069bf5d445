//! A base directory, by whose name results don't differ (`[cache] base_dirs`): in keys and manifests a mark stands for it.
//!
//! The compile maps the name away in what it writes, by the compiler's own `-ffile-prefix-map`. Where the name shows all
//! the same, the result is for this directory alone.

use std::path::{Path, PathBuf};

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What stands for the directory. No path of a build begins so.
const MARK: &[u8] = b"\x01base";

/// The base directory of a job, if it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Base(Option<Vec<u8>>);

impl Base {
    pub(crate) fn new(directory: Option<&Path>) -> Self {
        Self(directory.map(|directory| directory.as_os_str().as_bytes().to_vec()))
    }

    /// The directory, if there is one.
    pub(crate) fn directory(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }

    /// A text with the mark wherever the directory is named.
    pub(crate) fn marked(&self, text: &[u8]) -> Vec<u8> {
        let Some(base) = &self.0 else { return text.to_vec() };
        let mut marked = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = memchr::memmem::find(rest, base) {
            let behind = &rest[at + base.len()..];
            // `/w/linux` isn't named by `/w/linux-next`.
            let ends = behind.first().is_none_or(|byte| b"/=:,;\"'".contains(byte));
            marked.extend_from_slice(&rest[..at]);
            marked.extend_from_slice(if ends { MARK } else { base });
            rest = behind;
        }
        marked.extend_from_slice(rest);
        marked
    }

    /// A file's name as manifests have it.
    pub(crate) fn spelled(&self, path: &Path) -> PathBuf {
        let below =
            self.0.as_deref().and_then(|base| path.strip_prefix(OsStr::from_bytes(base)).ok());
        match below {
            Some(rest) => Path::new(OsStr::from_bytes(MARK)).join(rest),
            None => path.to_owned(),
        }
    }

    /// Where a file of a manifest is.
    pub(crate) fn place(&self, cwd: &Path, spelled: &Path) -> PathBuf {
        match spelled.strip_prefix(OsStr::from_bytes(MARK)) {
            // Of another job's base, when there is none here: nowhere.
            Ok(rest) => Path::new(OsStr::from_bytes(self.0.as_deref().unwrap_or(MARK))).join(rest),
            Err(_) => cwd.join(spelled),
        }
    }

    /// Whether some bytes name the directory.
    pub(crate) fn shows_in(&self, bytes: &[u8]) -> bool {
        self.0.as_deref().is_some_and(|base| memchr::memmem::find(bytes, base).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_marked_where_it_is_named_in_full() {
        let base = Base::new(Some(Path::new("/w/linux")));
        assert_eq!(base.marked(b"-I/w/linux/include"), b"-I\x01base/include");
        assert_eq!(base.marked(b"-ffile-prefix-map=/w/linux=."), b"-ffile-prefix-map=\x01base=.");
        assert_eq!(base.marked(b"/w/linux-next/a"), b"/w/linux-next/a");
    }

    #[test]
    fn a_file_below_it_is_found_in_another_directory() {
        let (one, two) = (Base::new(Some(Path::new("/one"))), Base::new(Some(Path::new("/two"))));
        let spelled = one.spelled(Path::new("/one/a/b.h"));
        assert_eq!(two.place(Path::new("/two/x"), &spelled), Path::new("/two/a/b.h"));
        assert_eq!(two.place(Path::new("/two/x"), Path::new("b.h")), Path::new("/two/x/b.h"));
    }
}
