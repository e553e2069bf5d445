//! One shell on a board that runs jobs, one after the other, over a session of its own on the board's connection.
//!
//! A job costs one exchange: no new session, no login shell. Dropped in the middle of a job, a worker is killed there with
//! its compiler; dropped between two jobs, it ends by itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use farmbuild_core::executor::ExecError;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::process::ChildStdout;
use tokio::time::timeout;

use crate::client::Client;
use crate::keeper::{Greeted, Keeper, greet, refusal};
use crate::lines::{Failure, Incoming};
use crate::reply::{Answer, AnswerError, parse};
use crate::scripts;
use crate::trouble::Subject;

/// A shell on a board.
#[derive(Debug)]
pub(crate) struct Worker {
    number: u64,
    keeper: Arc<Keeper>,
    greeted: Greeted,
    pub(crate) incoming: Incoming<ChildStdout>,
    /// In the middle of a job, or broken.
    busy: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    Failure(Failure),
    Odd(AnswerError),
}

impl Worker {
    /// Starts a worker.
    pub(crate) async fn start(
        client: &Client,
        keeper: &Arc<Keeper>,
        subject: &Subject,
    ) -> Result<Self, ExecError> {
        let number = keeper.next_worker();
        let running =
            client.start_session(&keeper.socket()).map_err(|error| subject.unreachable(error))?;
        let script = scripts::worker(keeper.owner(), number);
        let (greeted, incoming, line) = greet(running, &script, keeper.owner().session, client)
            .await
            .map_err(|(failure, said)| {
                // The connection was there: what says nothing lost it.
                match said.trim() {
                    "" => subject.failed(failure, "starting a shell there"),
                    said => subject.unconnected(said, failure),
                }
            })?;
        if line != "ready" {
            return Err(refusal(&line, subject));
        }
        Ok(Self { number, keeper: Arc::clone(keeper), greeted, incoming, busy: false })
    }

    /// Whether it is there, and belongs to this session.
    pub(crate) fn is_of(&mut self, keeper: &Arc<Keeper>) -> bool {
        Arc::ptr_eq(&self.keeper, keeper) && self.greeted.is_running()
    }

    /// Sends a job's words. It is compiled there when [`Self::go`] says so.
    pub(crate) async fn send_head(
        &mut self,
        head: Bytes,
        patience: Duration,
    ) -> Result<(), Failure> {
        self.busy = true;
        send(&mut self.greeted.stdin, head, patience).await
    }

    /// Sends an input's bytes.
    pub(crate) async fn send_content(
        &mut self,
        content: Bytes,
        patience: Duration,
    ) -> Result<u64, Failure> {
        let length = Bytes::from(format!("{}\n", content.len()));
        let whole = (length.len() + content.len()) as u64;
        send(&mut self.greeted.stdin, length.chain(content), patience).await?;
        Ok(whole)
    }

    /// Has the job compiled.
    pub(crate) async fn go(&mut self, patience: Duration) -> Result<(), Failure> {
        send(&mut self.greeted.stdin, Bytes::from_static(b"go\n"), patience).await
    }

    /// Waits for the answer's first line, to a request with so many files to come back and inputs.
    pub(crate) async fn answer(
        &mut self,
        (outputs, inputs): (usize, usize),
        patience: Duration,
    ) -> Result<Answer, Unanswered> {
        let line = self.incoming.line(patience).await.map_err(Unanswered::Failure)?;
        parse(&line, outputs, inputs).map_err(Unanswered::Odd)
    }

    /// The job is over and all of its answer was taken: another one may come.
    pub(crate) fn rest(&mut self) {
        self.busy = false;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.busy {
            self.keeper.kill(self.number);
        }
    }
}

/// Sends all of `bytes`, gathered from where they are; gives up when nothing moves for `patience`.
pub(crate) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: impl Buf,
    patience: Duration,
) -> Result<(), Failure> {
    while bytes.has_remaining() {
        match timeout(patience, stream.write_buf(&mut bytes)).await {
            Ok(Ok(0)) => return Err(Failure::Closed),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(Failure::Io(error)),
            Err(_) => return Err(Failure::Stalled(patience)),
        }
    }
    Ok(())
}
