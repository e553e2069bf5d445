//! Length-prefixed frames: four bytes of length, little-endian, then the payload.
//!
//! Both a blocking form, for the wrapper (which has no runtime), and an async form, for the daemon. A reader never
//! allocates much of what a length announces before the bytes arrive.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest payload accepted, in bytes. An argv and an environment are at most a few MiB on Linux.
pub const MAX_PAYLOAD: u32 = 64 << 20;

/// What is allocated on the strength of a length alone: enough to take an ordinary job in one read.
const ON_TRUST: u64 = 64 << 10;

/// A frame that couldn't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The other side is gone, between two frames.
    #[error("the connection was closed")]
    Closed,
    /// The connection broke in the middle of a frame.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// A length over [`MAX_PAYLOAD`].
    #[error("a frame of {0} bytes is over the limit of {MAX_PAYLOAD}")]
    TooLong(u64),
    /// The payload isn't a message of the expected kind.
    #[error("a frame holds no valid message: {0}")]
    Malformed(#[from] postcard::Error),
}

/// Encodes `message` as one frame.
///
/// # Errors
/// [`FrameError::TooLong`] for a message over the limit.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = postcard::to_extend(message, vec![0; 4])?;
    let length = bytes.len() - 4;
    let prefix = u32::try_from(length).ok().filter(|n| *n <= MAX_PAYLOAD);
    let prefix = prefix.ok_or(FrameError::TooLong(length as u64))?;
    bytes[..4].copy_from_slice(&prefix.to_le_bytes());
    Ok(bytes)
}

fn payload_length(prefix: [u8; 4]) -> Result<u64, FrameError> {
    match u32::from_le_bytes(prefix) {
        length if length <= MAX_PAYLOAD => Ok(length.into()),
        length => Err(FrameError::TooLong(length.into())),
    }
}

/// Whether `error` is the end of the stream before the first byte of a frame.
fn closed_or_broken(error: io::Error) -> FrameError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Closed,
        _ => FrameError::Io(error),
    }
}

fn buffer(length: u64) -> Vec<u8> {
    // The cast keeps it: the smaller one fits.
    Vec::with_capacity(length.min(ON_TRUST) as usize)
}

fn whole<T: DeserializeOwned>(payload: &[u8], length: u64) -> Result<T, FrameError> {
    if (payload.len() as u64) < length {
        return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(postcard::from_bytes(payload)?)
}

/// Writes one message, blocking.
///
/// # Errors
/// If the stream fails or the message is too long.
pub fn write<T: Serialize>(stream: &mut impl Write, message: &T) -> Result<(), FrameError> {
    Ok(stream.write_all(&encode(message)?)?)
}

/// Reads one message, blocking.
///
/// # Errors
/// [`FrameError::Closed`] if the stream ended; else what is wrong with the frame.
pub fn read<T: DeserializeOwned>(stream: &mut impl Read) -> Result<T, FrameError> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).map_err(closed_or_broken)?;
    let length = payload_length(prefix)?;
    let mut payload = buffer(length);
    stream.take(length).read_to_end(&mut payload)?;
    whole(&payload, length)
}

/// Writes one message.
///
/// # Errors
/// If the stream fails or the message is too long.
pub async fn write_async<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), FrameError> {
    Ok(stream.write_all(&encode(message)?).await?)
}

/// Reads one message. Not cancel-safe: a dropped read loses the part of a frame it had.
///
/// # Errors
/// [`FrameError::Closed`] if the stream ended; else what is wrong with the frame.
pub async fn read_async<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<T, FrameError> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).await.map_err(closed_or_broken)?;
    let length = payload_length(prefix)?;
    let mut payload = buffer(length);
    stream.take(length).read_to_end(&mut payload).await?;
    whole(&payload, length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::message::{Reply, Request};

    #[test]
    fn a_message_survives_the_trip() {
        let bytes = encode(&Request::Status).unwrap();
        assert_eq!(read::<Request>(&mut bytes.as_slice()).unwrap(), Request::Status);
    }

    #[test]
    fn an_announced_length_over_the_limit_is_refused_before_reading() {
        let error = read::<Request>(&mut [0xff; 4].as_slice()).unwrap_err();
        assert!(matches!(error, FrameError::TooLong(0xffff_ffff)), "{error}");
    }

    #[test]
    fn an_end_between_frames_is_told_from_one_inside() {
        assert!(matches!(read::<Request>(&mut [].as_slice()), Err(FrameError::Closed)));
        assert!(matches!(read::<Request>(&mut [9, 0, 0, 0, 1].as_slice()), Err(FrameError::Io(_))));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_an_error_or_a_message_but_never_a_panic(bytes: Vec<u8>) {
            let mut framed = u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec();
            framed.extend(&bytes);
            let _ = read::<Request>(&mut framed.as_slice());
            let _ = read::<Reply>(&mut framed.as_slice());
            let _ = read::<Request>(&mut bytes.as_slice());
        }
    }
}
