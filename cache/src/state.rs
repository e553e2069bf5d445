//! What `stat` tells of a file: as long as it stays the same, so does the content.

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, statat};

/// A file's state; another one means that it has to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// When anything of it was changed last, in seconds and nanoseconds since 1970. Nobody can set this: a copy that kept
    /// an old `mtime` shows here.
    pub(crate) changed: (i64, i64),
    is_file: bool,
}

impl State {
    /// The state of what is at `path` below `directory`, links followed; `None` if nothing is.
    pub(crate) fn at(directory: BorrowedFd<'_>, path: &CStr) -> Option<Self> {
        let it = statat(directory, path, AtFlags::empty()).ok()?;
        // The types of these fields differ from one architecture to the next.
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
        Some(Self {
            device: it.st_dev as u64,
            inode: it.st_ino as u64,
            size: it.st_size as u64,
            modified: (it.st_mtime as i64, it.st_mtime_nsec as i64),
            changed: (it.st_ctime as i64, it.st_ctime_nsec as i64),
            is_file: FileType::from_raw_mode(it.st_mode).is_file(),
        })
    }

    /// Likewise, by a name that may hold any bytes.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        Self::at(CWD, &name(path)?)
    }

    /// Whether it is a regular file.
    pub(crate) fn is_file(self) -> bool {
        self.is_file
    }
}

/// A path for the system; `None` if it holds a NUL.
pub(crate) fn name(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_bytes()).ok()
}
