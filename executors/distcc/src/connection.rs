//! A connection to a server, and the clock that watches whether anything moves on it.
//!
//! Knows bytes only, no packets.

use std::io;
use std::time::Duration;

use bytes::Buf;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::Address;

/// A board that lost its power says nothing: the kernel asks after this long, then this often, this many times.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_COUNT: u32 = 3;

/// Why a connection came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The system says so.
    Io(io::Error),
    /// The other side ended it in an orderly way, too early.
    Closed,
    /// Nothing moved for this long.
    Stalled(Duration),
}

/// Connects to the first of the host's addresses that answers.
pub(crate) async fn connect(address: &Address, patience: Duration) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let stream = timeout(patience, connecting).await.map_err(|_| {
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer from {address} within {} s", patience.as_secs_f32()),
        )
    })??;
    // The request's last bytes mustn't wait for an acknowledgement.
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(&stream, KEEPALIVE_COUNT)?;
    Ok(stream)
}

/// Sends all of `bytes`, gathered from where they are; gives up when nothing moves for `patience`.
pub(crate) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: impl Buf,
    patience: Duration,
) -> Result<(), Failure> {
    while bytes.has_remaining() {
        match timeout(patience, stream.write_buf(&mut bytes)).await {
            Ok(Ok(0)) => return Err(Failure::Io(io::ErrorKind::WriteZero.into())),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(Failure::Io(error)),
            Err(_) => return Err(Failure::Stalled(patience)),
        }
    }
    Ok(())
}

/// The receiving half: counts what arrives, and gives up when nothing does.
#[derive(Debug)]
pub(crate) struct Incoming<R> {
    inner: R,
    /// Bytes received so far.
    pub(crate) received: u64,
    /// How long silence may last now.
    pub(crate) patience: Duration,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    /// Watches `inner`.
    pub(crate) fn new(inner: R, patience: Duration) -> Self {
        Self { inner, received: 0, patience }
    }

    /// Appends exactly `length` bytes to `into`, whose room grows only as they arrive.
    pub(crate) async fn append(
        &mut self,
        length: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        /// The most room made ahead.
        const AHEAD: usize = 64 * 1024;
        let end = into.len().saturating_add(length);
        while into.len() < end {
            let left = end - into.len();
            into.reserve(left.min(AHEAD));
            let mut limited = (&mut self.inner).take(left as u64);
            match timeout(self.patience, limited.read_buf(into)).await {
                Ok(Ok(0)) => return Err(Failure::Closed),
                Ok(Ok(count)) => self.received += count as u64,
                Ok(Err(error)) => return Err(Failure::Io(error)),
                Err(_) => return Err(Failure::Stalled(self.patience)),
            }
        }
        Ok(())
    }
}
