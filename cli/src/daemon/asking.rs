//! A wrapper's connection, on which a job is answered.
//!
//! The hello goes out with the first answer: a wrapper that is woken for the hello alone has nothing to do but to wait on.

use farmbuild_core::protocol::frame::{self, FrameError};
use farmbuild_core::protocol::message::{Reply, WrapperNote};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{ReadHalf, WriteHalf};

use super::peer;
use crate::client::identity;

/// The wrapper that asked.
pub(crate) struct Asking {
    stream: UnixStream,
    greeted: bool,
}

/// What the wrapper is told by.
pub(crate) struct Telling<'a> {
    half: WriteHalf<'a>,
    greeted: &'a mut bool,
}

impl Asking {
    /// On a connection whose other side has said hello and asked, and has heard nothing yet.
    pub(crate) fn ungreeted(stream: UnixStream) -> Self {
        Self { stream, greeted: false }
    }

    /// Its two directions.
    pub(crate) fn split(&mut self) -> (ReadHalf<'_>, Telling<'_>) {
        let (reader, half) = self.stream.split();
        (reader, Telling { half, greeted: &mut self.greeted })
    }

    /// Tells it something.
    pub(crate) async fn tell(&mut self, reply: &Reply) -> Result<(), FrameError> {
        self.split().1.tell(reply).await
    }

    /// Waits for what it says. Not cancel-safe.
    pub(crate) async fn hear(&mut self) -> Result<WrapperNote, FrameError> {
        frame::read_async(&mut self.stream).await
    }

    /// Waits until it is gone.
    pub(crate) async fn closed(&mut self) {
        peer::closed(&mut self.stream).await;
    }

    /// Its process, while it surely waits for an answer.
    pub(crate) fn process(&self) -> std::io::Result<peer::Process> {
        peer::Process::of(&self.stream)
    }
}

impl Telling<'_> {
    /// Tells it something.
    pub(crate) async fn tell(&mut self, reply: &Reply) -> Result<(), FrameError> {
        let mut bytes = frame::encode(reply)?;
        if !*self.greeted {
            bytes.splice(..0, identity().hello());
        }
        self.half.write_all(&bytes).await?;
        *self.greeted = true;
        Ok(())
    }
}
