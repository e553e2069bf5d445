//! The bytes of a pool: taking and putting tokens without ever blocking. Knows no counts and no clients.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// A pool opened for ourselves.
///
/// Always by path (a fifo's, or `/proc/self/fd/N` for a pipe), never by duplicating a descriptor: that gives an open
/// file description of its own, so that our `O_NONBLOCK` isn't forced on clients that expect to block.
#[derive(Debug)]
pub(super) struct Channel {
    fd: OwnedFd,
}

impl Channel {
    /// Opens the pipe or fifo at `path`; never blocks, as both ends are opened at once.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        // Looked at before it is opened: opening a device may have effects of its own.
        if !is_pipe(rustix::fs::stat(path)?.st_mode) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a pipe"));
        }
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        if !is_pipe(rustix::fs::fstat(&fd)?.st_mode) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a pipe"));
        }
        Ok(Self { fd })
    }

    /// Takes one token if one is there.
    pub(super) fn try_take(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        match rustix::io::retry_on_intr(|| rustix::io::read(&self.fd, &mut byte)) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(Some(byte[0])),
            Err(Errno::AGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts tokens in and says how many there was room for.
    pub(super) fn put(&self, tokens: &[u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < tokens.len() {
            match rustix::io::retry_on_intr(|| rustix::io::write(&self.fd, &tokens[done..])) {
                Ok(n) => done += n,
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    /// How many tokens nobody holds at this moment.
    pub(super) fn available(&self) -> io::Result<usize> {
        let bytes = rustix::io::ioctl_fionread(&self.fd)?;
        Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// What `/proc/PID/fd/N` links to in a process that has this pool open.
    pub(super) fn link(&self) -> io::Result<OsString> {
        let path = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        Ok(std::fs::read_link(path)?.into_os_string())
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn is_pipe(mode: rustix::fs::RawMode) -> bool {
    FileType::from_raw_mode(mode) == FileType::Fifo
}
