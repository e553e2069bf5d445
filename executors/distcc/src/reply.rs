//! What a server answers: `DONE`, `STAT`, `SERR`, `SOUT` and `DOTO`, in this order, each checked as it arrives.
//!
//! Nothing a server announces is believed: room is made for what has arrived, diagnostics end at
//! [`DIAGNOSTICS_LIMIT`], and an object goes to its file piece by piece. Knows neither hosts nor sockets.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use farmbuild_core::staging::StagedFile;
use tokio::io::AsyncRead;

use crate::connection::{Failure, Incoming};
use crate::executor::Compression;
use crate::lzo::{self, DecompressError};
use crate::object::{self, PIECE};
use crate::packet::{HEADER, PacketError, Token, parse};
use crate::verdict::{Verdict, judge};

/// The most bytes of standard output, and of standard error, that are held for one job, compressed or not. A reply with
/// more is refused, not cut: the job then runs at home, where everything is printed.
pub const DIAGNOSTICS_LIMIT: usize = 32 * 1024 * 1024;

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) verdict: Verdict,
    pub(crate) stdout: Bytes,
    pub(crate) stderr: Bytes,
    /// Present after a successful compile.
    pub(crate) object: Option<StagedFile>,
}

/// Why there is no reply.
#[derive(Debug)]
pub(crate) enum ReplyError {
    /// The connection failed while waiting for the compile: not a byte had come.
    Unanswered(Failure),
    /// It failed in the middle of the reply.
    Cut(Failure),
    /// The reply is none.
    Packet(PacketError),
    /// The object can't be written here.
    Output(io::Error),
}

impl From<PacketError> for ReplyError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

/// How a reply is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    /// The request's.
    pub(crate) compression: Compression,
    /// How long silence may last once the reply has begun.
    pub(crate) patience: Duration,
    /// Where the object belongs.
    pub(crate) object: &'a Path,
    /// Its file mode creation mask.
    pub(crate) umask: u32,
}

/// Reads one reply. `incoming`'s patience at first is that for the compile.
pub(crate) async fn read<R: AsyncRead + Unpin>(
    incoming: &mut Incoming<R>,
    expected: Expected<'_>,
) -> Result<Reply, ReplyError> {
    let mut first = Vec::with_capacity(HEADER);
    incoming.append(1, &mut first).await.map_err(ReplyError::Unanswered)?;
    incoming.patience = expected.patience;
    let version = finish_head(incoming, first, Token::DONE).await?;
    let sent = expected.compression.version();
    if version != sent {
        return Err(PacketError::Version { sent, found: version }.into());
    }
    let wait = head(incoming, Token::STAT).await?;
    let stderr = diagnostics(incoming, Token::SERR, "standard error", expected.compression).await?;
    let stdout =
        diagnostics(incoming, Token::SOUT, "standard output", expected.compression).await?;
    let mut reply = Reply {
        verdict: judge(wait, &stdout, &stderr)?,
        stdout: stdout.into(),
        stderr: stderr.into(),
        object: None,
    };
    if reply.verdict == Verdict::SUCCESS {
        reply.object = object(incoming, expected).await?;
        if reply.object.is_none() {
            reply.verdict = Verdict::HostFault(
                "it sent an empty object for a successful compile; is its disk full?".to_owned(),
            );
        }
    }
    // After a failed compile the protocol has an empty object. Whatever it is, nobody needs it.
    Ok(reply)
}

async fn head<R: AsyncRead + Unpin>(
    incoming: &mut Incoming<R>,
    token: Token,
) -> Result<u32, ReplyError> {
    finish_head(incoming, Vec::with_capacity(HEADER), token).await
}

async fn finish_head<R: AsyncRead + Unpin>(
    incoming: &mut Incoming<R>,
    mut begun: Vec<u8>,
    token: Token,
) -> Result<u32, ReplyError> {
    incoming.append(HEADER - begun.len(), &mut begun).await.map_err(ReplyError::Cut)?;
    let mut header = [0; HEADER];
    header.copy_from_slice(&begun);
    Ok(parse(&header, token)?)
}

async fn diagnostics<R: AsyncRead + Unpin>(
    incoming: &mut Incoming<R>,
    token: Token,
    what: &'static str,
    compression: Compression,
) -> Result<Vec<u8>, ReplyError> {
    let too_long = PacketError::TooLong { what, limit: DIAGNOSTICS_LIMIT };
    let length = head(incoming, token).await? as usize;
    if length > DIAGNOSTICS_LIMIT {
        return Err(too_long.into());
    }
    let mut bytes = Vec::new();
    incoming.append(length, &mut bytes).await.map_err(ReplyError::Cut)?;
    if bytes.is_empty() || compression == Compression::None {
        return Ok(bytes);
    }
    let mut text = Limited { bytes: Vec::new() };
    match lzo::decompress(&bytes, &mut text) {
        Ok(()) => Ok(text.bytes),
        Err(DecompressError::Corrupt(source)) => Err(PacketError::Corrupt { what, source }.into()),
        Err(DecompressError::Write(_)) => Err(too_long.into()),
    }
}

/// The object, unless it is empty.
async fn object<R: AsyncRead + Unpin>(
    incoming: &mut Incoming<R>,
    expected: Expected<'_>,
) -> Result<Option<StagedFile>, ReplyError> {
    let mut left = head(incoming, Token::DOTO).await? as usize;
    if left == 0 {
        return Ok(None);
    }
    let mut staged =
        StagedFile::create(expected.object, expected.umask).map_err(ReplyError::Output)?;
    let mut bytes = Vec::new();
    if expected.compression == Compression::Lzo {
        incoming.append(left, &mut bytes).await.map_err(ReplyError::Cut)?;
        return match object::unpack(staged, bytes).await {
            Ok(staged) => Ok(Some(staged)),
            Err(DecompressError::Write(error)) => Err(ReplyError::Output(error)),
            Err(DecompressError::Corrupt(source)) => {
                Err(PacketError::Corrupt { what: "the object", source }.into())
            }
        };
    }
    while left > 0 {
        let piece = left.min(PIECE);
        incoming.append(piece, &mut bytes).await.map_err(ReplyError::Cut)?;
        left -= piece;
        (staged, bytes) = object::append(staged, bytes).await.map_err(ReplyError::Output)?;
        bytes.clear();
    }
    Ok(Some(staged))
}

/// Bytes up to [`DIAGNOSTICS_LIMIT`]: what is compressed may be much longer than it was on the wire.
struct Limited {
    bytes: Vec<u8>,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > DIAGNOSTICS_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
