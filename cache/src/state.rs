//! What `stat` tells of a file: as long as it stays the same, so does the content.

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, makedev, statat};

/// The null device's numbers, from Linux' `Documentation/admin-guide/devices.txt`.
const NULL: (u32, u32) = (1, 3);

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
    has_content: bool,
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
            has_content: match FileType::from_raw_mode(it.st_mode) {
                FileType::RegularFile => true,
                FileType::CharacterDevice => it.st_rdev == makedev(NULL.0, NULL.1),
                _ => false,
            },
        })
    }

    /// Likewise, by a name that may hold any bytes.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        Self::at(CWD, &name(path)?)
    }

    /// Whether what is read from it stays the same as long as its state does: of a regular file, and of the null device,
    /// which makefiles compile to learn of an option whether the compiler knows it.
    pub(crate) fn has_content(self) -> bool {
        self.has_content
    }
}

/// A path for the system; `None` if it holds a NUL.
pub(crate) fn name(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_bytes()).ok()
}
