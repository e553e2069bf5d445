//! The process at the other end of a connection: whose it is, and when it ends.

use std::io;
use std::os::fd::AsFd;

use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;

/// Whether the other end runs as the same user as this daemon.
pub(crate) fn is_ours(stream: impl AsFd) -> io::Result<bool> {
    Ok(socket_peercred(stream)?.uid == geteuid())
}

/// Becomes ready when a process ends, whatever program it has become by then.
#[derive(Debug)]
pub(crate) struct Process(AsyncFd<std::os::fd::OwnedFd>);

impl Process {
    /// The process at the other end of `stream`, while it is surely alive because it waits for an answer.
    pub(crate) fn of(stream: &UnixStream) -> io::Result<Self> {
        let pid = stream.peer_cred()?.pid().and_then(|pid| u32::try_from(pid).ok());
        Self::with_number(pid.ok_or(io::ErrorKind::NotFound)?)
    }

    /// The process with this number, while it is surely alive.
    #[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
    pub(crate) fn with_number(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        let process = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        // SAFETY: an `OwnedFd` always gives the same descriptor, and keeps it open for as long as it is registered.
        Ok(Self(unsafe { AsyncFd::register(process) }?))
    }

    /// Asks it to end, if it hasn't.
    pub(crate) fn terminate(&self) {
        // A process that has ended needs no signal.
        let _ = pidfd_send_signal(self.0.get_ref(), Signal::TERM);
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) {
        // An error here would mean that it can't be watched any more: as good as its end.
        let _ = self.0.readable().await;
    }
}

/// Waits until the other end closes the connection (or says what it has no business to say).
pub(crate) async fn closed(reader: &mut (impl AsyncRead + Unpin)) {
    let _ = reader.read_u8().await;
}
