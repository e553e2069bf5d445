//! An output file that appears whole and at once, or not at all.
//!
//! While it is written the file has no name (`O_TMPFILE`), so that even a killed process leaves nothing behind.
//! File systems without unnamed files (some network ones) get a hidden temporary name, removed on drop.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

/// A file on its way to `path`: write to [`StagedFile::file`], then [`StagedFile::commit`].
#[derive(Debug)]
pub struct StagedFile {
    file: File,
    path: PathBuf,
    /// The temporary name, where the file has one.
    temporary: Option<PathBuf>,
}

impl StagedFile {
    /// Starts an output for `path`, in the same directory. Its mode will be `0666` without `umask`, as a
    /// compiler's output has.
    ///
    /// # Errors
    /// Whatever the file system says to a new file in that directory.
    pub fn create(path: &Path, umask: u32) -> io::Result<Self> {
        let mode = Mode::from_raw_mode(0o666 & !umask);
        let unnamed = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let (file, temporary) = match rustix::fs::open(directory_of(path), unnamed, mode) {
            Ok(fd) => (File::from(fd), None),
            Err(
                rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL,
            ) => {
                let name = temporary_name(path);
                let file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .mode(mode.bits())
                    .open(&name)?;
                (file, Some(name))
            }
            Err(error) => return Err(error.into()),
        };
        // The process's own umask may hide bits that the job's doesn't.
        rustix::fs::fchmod(&file, mode)?;
        Ok(Self { file, path: path.to_owned(), temporary })
    }

    /// Starts an output for `path` with what is in the file `from`.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn copy(from: &Path, path: &Path, umask: u32) -> io::Result<Self> {
        let mut staged = Self::create(path, umask)?;
        io::copy(&mut File::open(from)?, staged.file())?;
        Ok(staged)
    }

    /// The file, for writing (and reading back).
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// All that was written, read back from the start.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn read_back(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Replaces all that was written.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn rewrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(bytes)
    }

    /// Where the file belongs.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file in its place, over whatever was there.
    ///
    /// # Errors
    /// Whatever the file system says to the link or the rename; nothing is left behind then.
    pub fn commit(mut self) -> io::Result<()> {
        let name = match self.temporary.take() {
            Some(name) => name,
            None => {
                let link = |name: &Path| self.link(name);
                // What is there is removed first, as a compiler does it: some file systems (ext4) write a file that is
                // renamed over another one to the disk at once.
                for _ in 0..2 {
                    match link(&self.path) {
                        Ok(()) => return Ok(()),
                        Err(rustix::io::Errno::EXIST) => drop(fs::remove_file(&self.path)),
                        Err(error) => return Err(error.into()),
                    }
                }
                // A directory, or somebody else who writes there.
                let name = temporary_name(&self.path);
                link(&name)?;
                name
            }
        };
        fs::rename(&name, &self.path).inspect_err(|_| drop(fs::remove_file(&name)))
    }

    /// Puts the file in the place of another one, so that there is one of the two at any moment.
    ///
    /// # Errors
    /// Whatever the file system says; nothing is left behind then.
    pub fn replace(mut self) -> io::Result<()> {
        let name = match self.temporary.take() {
            Some(name) => name,
            None => {
                let name = temporary_name(&self.path);
                self.link(&name)?;
                name
            }
        };
        fs::rename(&name, &self.path).inspect_err(|_| drop(fs::remove_file(&name)))
    }

    fn link(&self, name: &Path) -> rustix::io::Result<()> {
        let fd = format!("/proc/self/fd/{}", self.file.as_fd().as_raw_fd());
        rustix::fs::linkat(CWD, &fd, CWD, name, AtFlags::SYMLINK_FOLLOW)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Some(name) = &self.temporary {
            // Nothing better to do in a drop; the name tells its owner where it came from.
            drop(fs::remove_file(name));
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A hidden name beside `path` that nobody else uses; short, so that a long `path` doesn't make it too long.
fn temporary_name(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut name = OsString::from(format!(".fb-{}-{number}-", process::id()));
    let base = path.file_name().unwrap_or_default().as_bytes();
    name.push(std::ffi::OsStr::from_bytes(&base[base.len().saturating_sub(64)..]));
    directory_of(path).join(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(directory: &Path) -> Vec<OsString> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_committed_file_replaces_the_old_one_and_follows_the_umask() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.o");
        fs::write(&path, "old").unwrap();
        let mut staged = StagedFile::create(&path, 0o027).unwrap();
        staged.file().write_all(b"new").unwrap();
        staged.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(directory.path()), ["a.o"]);
    }

    #[test]
    fn a_dropped_file_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let mut staged = StagedFile::create(&directory.path().join("a.o"), 0o022).unwrap();
        staged.file().write_all(b"half").unwrap();
        drop(staged);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_missing_directory_is_an_error_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let error = StagedFile::create(&directory.path().join("no/a.o"), 0o022).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
