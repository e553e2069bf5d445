//! One connection to the daemon: hello, a request, replies.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use farmbuild_core::protocol::frame::{self, FrameError};
use farmbuild_core::protocol::hello::Identity;
use farmbuild_core::protocol::message::{BuildNote, Reply, Request, WrapperNote};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use super::identity;
use super::runtime_dir::RuntimeDir;

/// Why the daemon couldn't be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("there is no daemon: {0}")]
    NoDaemon(io::Error),
    #[error("the daemon is of another build of farmbuild")]
    OtherBuild,
    #[error("the daemon's socket belongs to somebody else")]
    NotOurs,
    #[error("the daemon can't be asked: {0}")]
    Broken(#[from] FrameError),
}

/// A connection on which one request was sent.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
}

impl Connection {
    /// Sends `request` to the daemon that is there.
    pub(crate) fn ask(runtime: &RuntimeDir, request: &Request) -> Result<Self, ConnectError> {
        // One write for hello and request, one wake-up of the daemon.
        let mut bytes = identity().hello().to_vec();
        bytes.extend(frame::encode(request)?);
        let mut stream = connect(runtime)?;
        let sent = stream.write_all(&bytes);
        match Identity::read(&mut stream) {
            Ok(there) if there == identity() => sent.map_err(FrameError::from)?,
            Ok(_) => return Err(ConnectError::OtherBuild),
            // It went away between accept and hello: as if it hadn't been there.
            Err(error) => return Err(ConnectError::NoDaemon(error)),
        }
        Ok(Self { stream })
    }

    /// The connection that the front left to this process, which it has become: a request was sent on it, hellos were
    /// exchanged. `None` if there is no such descriptor.
    #[expect(unsafe_code, reason = "a descriptor that comes by its number")]
    pub(crate) fn inherited(descriptor: i32) -> Option<Self> {
        let of_standard_stream = descriptor <= 2;
        if of_standard_stream || !Path::new(&format!("/proc/self/fd/{descriptor}")).exists() {
            return None;
        }
        // SAFETY: it is open, and nothing in this process, which has just begun, knows of it.
        let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
        fcntl_setfd(&socket, FdFlags::CLOEXEC).ok()?;
        Some(Self { stream: socket.into() })
    }

    /// Asks a daemon of whatever build to give up its socket; returns when it has.
    pub(crate) fn retire(runtime: &RuntimeDir) -> Result<(), ConnectError> {
        let mut stream = connect(runtime)?;
        stream.write_all(&Identity::RETIRE.hello()).map_err(FrameError::from)?;
        Identity::read(&mut stream).map_err(FrameError::from)?;
        Ok(())
    }

    /// Waits for the next reply.
    pub(crate) fn reply(&mut self) -> Result<Reply, FrameError> {
        frame::read(&mut self.stream)
    }

    /// Says something about the build that this connection holds open.
    pub(crate) fn note(&self, note: BuildNote) -> Result<(), FrameError> {
        frame::write(&mut &self.stream, &note)
    }

    /// Says something about the compiler that runs for this connection's job.
    pub(crate) fn tell(&self, note: &WrapperNote) -> Result<(), FrameError> {
        frame::write(&mut &self.stream, note)
    }

    /// A second handle, so that one thread reads while another writes.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { stream: self.stream.try_clone()? })
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn connect(runtime: &RuntimeDir) -> Result<UnixStream, ConnectError> {
    let stream = UnixStream::connect(runtime.socket()).map_err(ConnectError::NoDaemon)?;
    let peer = socket_peercred(&stream).map_err(|error| ConnectError::NoDaemon(error.into()))?;
    if peer.uid == geteuid() { Ok(stream) } else { Err(ConnectError::NotOurs) }
}
