//! A tiny process that holds the outer jobserver's tokens for us, and gives them back when we are gone, however that
//! came: SIGKILL runs no destructor.
//!
//! The guardian itself takes tokens from the pool and gives them back, on our request; so it always knows
//! what is out, and there is no moment at which we hold a token that it doesn't know of. Requests come on its standard
//! input, answers go to its standard output:
//!
//! | request | answer | meaning |
//! | --- | --- | --- |
//! | `t` | `1` BYTE, or `0` 0 | take a token if one is there |
//! | `r` BYTE | `1` BYTE, or `0` 0 if none is out | give a token back |
//! | end of file | | give everything back and end |
//!
//! It runs in a process group of its own, where a Ctrl-C or a `kill -9` of our group doesn't reach it. What is left:
//! if the guardian itself is killed with SIGKILL, tokens that are out are given back by us as usual, and one is lost
//! only if that happened between its reading the pool and its answer. If both are killed at once (a cgroup's
//! `kill`, the end of a container), what is out is lost.

use std::io::{self, Read, Write};
use std::num::NonZeroU32;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::channel::Channel;
use super::error::GuardianError;
use super::outer;

const TAKE: u8 = b't';
const RETURN: u8 = b'r';
const DONE: u8 = b'1';
const NOTHING: u8 = b'0';

/// Our side of a guardian process.
#[derive(Debug)]
pub struct Guardian {
    line: Mutex<Option<Line>>,
    pid: Option<NonZeroU32>,
}

#[derive(Debug)]
struct Line {
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
}

impl Guardian {
    /// Starts `command`, which must end up in [`run`], with its standard input and output as the line to it.
    ///
    /// The command must inherit the environment, so that it finds the same jobserver.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(mut command: Command) -> Result<Self, GuardianError> {
        use std::os::unix::process::CommandExt;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What is sent to our group shall not reach it.
            .process_group(0)
            .spawn()?;
        let pid = NonZeroU32::new(child.id());
        match (child.stdin.take(), child.stdout.take()) {
            (Some(requests), Some(answers)) => {
                let line = Mutex::new(Some(Line { child, requests, answers }));
                Ok(Self { line, pid })
            }
            _ => Err(GuardianError::Io(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// The guardian's process id.
    #[must_use]
    pub fn pid(&self) -> Option<NonZeroU32> {
        self.pid
    }

    /// Asks for a token; `None` if the guardian is gone.
    pub(super) fn take(&self) -> Option<Option<u8>> {
        let [done, byte] = self.ask(&[TAKE])?;
        Some((done == DONE).then_some(byte))
    }

    /// Gives a token back; `false` if the guardian is gone, or doesn't know of it.
    pub(super) fn give_back(&self, byte: u8) -> bool {
        self.ask(&[RETURN, byte]).is_some_and(|[done, _]| done == DONE)
    }

    fn ask(&self, request: &[u8]) -> Option<[u8; 2]> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = [0; 2];
        let Line { requests, answers, .. } = line.as_mut()?;
        match requests.write_all(request).and_then(|()| answers.read_exact(&mut answer)) {
            Ok(()) => Some(answer),
            Err(error) => {
                tracing::debug!(%error, "the jobserver's guardian is gone");
                *line = None;
                None
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // It ends when its standard input does, within moments; a zombie of it is gone with us at the latest.
        drop(self.child.try_wait());
    }
}

/// The guardian process: serves standard input until it ends. For a hidden verb of the program.
///
/// # Errors
/// [`GuardianError`] if the environment has no jobserver that can be used, or the line breaks.
pub fn run() -> Result<(), GuardianError> {
    let channel = outer::open_from_env()?;
    serve(&mut io::stdin().lock(), &mut io::stdout().lock(), &channel)
}

/// Serves until the requests end, and then gives back whatever is out, whatever else went wrong.
fn serve(
    requests: &mut impl Read,
    answers: &mut impl Write,
    channel: &Channel,
) -> Result<(), GuardianError> {
    let mut out = Vec::new();
    let served = answer(requests, answers, channel, &mut out);
    channel.put(&out)?;
    served
}

fn answer(
    requests: &mut impl Read,
    answers: &mut impl Write,
    channel: &Channel,
    out: &mut Vec<u8>,
) -> Result<(), GuardianError> {
    let mut byte = [0];
    while requests.read(&mut byte)? == 1 {
        let done = match byte[0] {
            TAKE => {
                let taken = channel.try_take()?;
                out.extend(taken);
                taken
            }
            RETURN => {
                requests.read_exact(&mut byte)?;
                let known = out.iter().position(|&token| token == byte[0]);
                if let Some(at) = known {
                    channel.put(&byte)?;
                    out.swap_remove(at);
                }
                known.map(|_| byte[0])
            }
            other => return Err(GuardianError::Request(other)),
        };
        let answer = done.map_or([NOTHING, 0], |token| [DONE, token]);
        match answers.write_all(&answer).and_then(|()| answers.flush()) {
            // Killed while it waited for the answer: the end of file by another name.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            answered => answered?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn pool(tokens: &[u8]) -> (Channel, (io::PipeReader, io::PipeWriter)) {
        let ends = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", ends.0.as_raw_fd());
        let channel = Channel::open(Path::new(&path)).unwrap();
        channel.put(tokens).unwrap();
        (channel, ends)
    }

    #[test]
    fn requests_are_answered_and_the_rest_goes_back_at_the_end() {
        let (channel, _ends) = pool(b"ab");
        let mut answers = Vec::new();
        serve(&mut &b"ttrbtt"[..], &mut answers, &channel).unwrap();
        assert_eq!(answers, b"1a1b1b1b0\0");
        assert_eq!(channel.available().unwrap(), 2);
    }

    #[test]
    fn a_token_that_was_never_taken_is_not_given_back() {
        let (channel, _ends) = pool(b"a");
        let mut answers = Vec::new();
        serve(&mut &b"trz"[..], &mut answers, &channel).unwrap();
        assert_eq!(answers, b"1a0\0");
        assert_eq!(channel.available().unwrap(), 1);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_every_token_is_back_at_the_end(requests: Vec<u8>) {
            let (channel, _ends) = pool(b"abc");
            drop(serve(&mut &requests[..], &mut Vec::new(), &channel));
            prop_assert_eq!(channel.available().unwrap(), 3);
        }
    }
}
