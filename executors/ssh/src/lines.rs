//! What a board sends, line by line and byte by byte: counted, bounded, and given up when nothing comes.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::time::timeout;

/// The longest line that a board has to say.
const LONGEST: usize = 4096;

/// The most that a login shell may print before our own script has its say.
const BANNER: u64 = 1 << 20;

/// Why nothing more comes.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The system says so.
    Io(io::Error),
    /// The other side is gone.
    Closed,
    /// Nothing moved for this long.
    Stalled(Duration),
    /// A line without an end, or a banner.
    TooLong,
}

/// The receiving half of a session on a board.
#[derive(Debug)]
pub(crate) struct Incoming<R> {
    inner: BufReader<R>,
    /// Bytes taken so far.
    pub(crate) received: u64,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner: BufReader::with_capacity(64 * 1024, inner), received: 0 }
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self, patience: Duration) -> Result<String, Failure> {
        let mut line = Vec::new();
        loop {
            let some = self.some(patience).await?;
            let end = some.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&some[..end.unwrap_or(some.len())]);
            let taken = end.map_or(some.len(), |end| end + 1);
            self.inner.consume(taken);
            self.received += taken as u64;
            if line.len() > LONGEST {
                return Err(Failure::TooLong);
            }
            if end.is_some() {
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }

    /// Skips lines of any length up to one that is `mark`.
    pub(crate) async fn skip_to(&mut self, mark: &str, patience: Duration) -> Result<(), Failure> {
        let mut line = Vec::new();
        let end = self.received + BANNER;
        while self.received < end {
            let some = self.some(patience).await?;
            let at = some.iter().position(|byte| *byte == b'\n');
            // Of a line that is too long to be the mark, the beginning tells enough.
            let room = (mark.len() + 1).saturating_sub(line.len());
            let part = &some[..at.unwrap_or(some.len())];
            line.extend_from_slice(&part[..part.len().min(room)]);
            let taken = at.map_or(some.len(), |at| at + 1);
            self.inner.consume(taken);
            self.received += taken as u64;
            if at.is_some() {
                if line == mark.as_bytes() {
                    return Ok(());
                }
                line.clear();
            }
        }
        Err(Failure::TooLong)
    }

    /// The next bytes, `most` at most and at least one.
    pub(crate) async fn piece(
        &mut self,
        most: u64,
        patience: Duration,
        into: &mut Vec<u8>,
    ) -> Result<usize, Failure> {
        into.clear();
        let mut limited = (&mut self.inner).take(most);
        match timeout(patience, limited.read_buf(into)).await {
            Ok(Ok(0)) => Err(Failure::Closed),
            Ok(Ok(count)) => {
                self.received += count as u64;
                Ok(count)
            }
            Ok(Err(error)) => Err(Failure::Io(error)),
            Err(_) => Err(Failure::Stalled(patience)),
        }
    }

    async fn some(&mut self, patience: Duration) -> Result<&[u8], Failure> {
        match timeout(patience, self.inner.fill_buf()).await {
            Ok(Ok([])) => Err(Failure::Closed),
            Ok(Ok(_)) => Ok(self.inner.buffer()),
            Ok(Err(error)) => Err(Failure::Io(error)),
            Err(_) => Err(Failure::Stalled(patience)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn what_a_login_shell_prints_is_skipped() {
        let long = "x".repeat(70_000);
        let text = format!("Welcome!\n{long}\nmark? no\n\nthe mark\nready yes\n");
        let mut incoming = Incoming::new(text.as_bytes());
        incoming.skip_to("the mark", PATIENCE).await.unwrap();
        assert_eq!(incoming.line(PATIENCE).await.unwrap(), "ready yes");
    }

    #[tokio::test]
    async fn a_login_shell_that_prints_without_end_is_given_up() {
        let mut incoming = Incoming::new(tokio::io::repeat(b'y'));
        assert!(matches!(incoming.skip_to("mark", PATIENCE).await, Err(Failure::TooLong)));
        assert!(matches!(incoming.line(PATIENCE).await, Err(Failure::TooLong)));
    }
}
