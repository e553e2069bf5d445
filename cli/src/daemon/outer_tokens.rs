//! Tokens of the jobserver that a build runs under, for its local work.
//!
//! The build's own process, `farmbuild make`, inherited that jobserver; the daemon didn't. So the daemon asks it for
//! a token over the build's connection, and says when one is no longer needed. The first job at a time needs none:
//! the build's process runs in a slot of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use farmbuild_core::budget::{Token, TokenSource};
use farmbuild_core::protocol::message::Reply;
use tokio::sync::{mpsc, oneshot};

/// What the daemon says to a build's owner about tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Wanted,
    Returned,
}

impl From<Wish> for Reply {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::Wanted => Self::TokenWanted,
            Wish::Returned => Self::TokenReturned,
        }
    }
}

/// The tokens of one build.
#[derive(Debug)]
pub(crate) struct OuterTokens {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    wishes: mpsc::UnboundedSender<Wish>,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// Whether the slot of the build's own process is taken by a job.
    implicit_taken: bool,
    /// The owner is gone: there is nobody to ask.
    closed: bool,
    /// Each of them has wished for a token. One that was served otherwise, or has gone, leaves a wish too many, and
    /// the token that it brings is returned.
    waiting: VecDeque<oneshot::Sender<Held>>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The slot of the build's own process.
    Implicit,
    /// A token that the owner took from the outer jobserver.
    Taken,
}

/// A token in use by a job.
#[derive(Debug)]
struct Held(Option<(Arc<State>, Kind)>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((state, kind)) = self.0.take() {
            state.release(kind);
        }
    }
}

impl OuterTokens {
    pub(crate) fn new(wishes: mpsc::UnboundedSender<Wish>) -> Self {
        Self { state: Arc::new(State { wishes, line: Mutex::default() }) }
    }

    /// The owner got a token for us.
    pub(crate) fn granted(&self) {
        self.state.pass_on(Kind::Taken);
    }

    /// The owner is gone: nobody waits for it any more.
    pub(crate) fn close(&self) {
        let mut line = self.state.line();
        line.closed = true;
        line.waiting.clear();
    }
}

impl State {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(self: &Arc<Self>, kind: Kind) {
        match kind {
            Kind::Implicit => self.pass_on(kind),
            // To the owner rather than to the next in line: the outer build has a say in who goes on.
            Kind::Taken => self.give_back(),
        }
    }

    /// Gives a token to the next job that still waits for one.
    fn pass_on(self: &Arc<Self>, kind: Kind) {
        loop {
            let next = {
                let mut line = self.line();
                let next = line.waiting.pop_front();
                if next.is_none() && matches!(kind, Kind::Implicit) {
                    line.implicit_taken = false;
                }
                next
            };
            let Some(job) = next else {
                return if matches!(kind, Kind::Taken) {
                    self.give_back()
                };
            };
            match job.send(Held(Some((Arc::clone(self), kind)))) {
                Ok(()) => return,
                // That job is gone; the token goes to the next one.
                Err(mut held) => drop(held.0.take()),
            }
        }
    }

    fn give_back(&self) {
        // If the owner is gone, it has given back all of its tokens itself.
        let _ = self.wishes.send(Wish::Returned);
    }
}

#[async_trait]
impl TokenSource for OuterTokens {
    async fn acquire(&self) -> Token {
        let granted = {
            let mut line = self.state.line();
            if line.closed {
                return Box::new(());
            }
            if !line.implicit_taken {
                line.implicit_taken = true;
                return Box::new(Held(Some((Arc::clone(&self.state), Kind::Implicit))));
            }
            let (sender, granted) = oneshot::channel();
            line.waiting.push_back(sender);
            // Under the lock, so that wishes and the line can't disagree.
            let _ = self.state.wishes.send(Wish::Wanted);
            granted
        };
        match granted.await {
            Ok(held) => Box::new(held),
            // The line was closed.
            Err(_) => Box::new(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> (OuterTokens, mpsc::UnboundedReceiver<Wish>) {
        let (wishes, wished) = mpsc::unbounded_channel();
        (OuterTokens::new(wishes), wished)
    }

    #[tokio::test]
    async fn the_first_job_needs_no_token_and_the_second_asks_for_one() {
        let (tokens, mut wished) = tokens();
        let first = tokens.acquire().await;
        assert!(wished.try_recv().is_err());
        let (second, ()) = tokio::join!(tokens.acquire(), async { tokens.granted() });
        assert_eq!(wished.try_recv(), Ok(Wish::Wanted));
        drop(second);
        assert_eq!(wished.try_recv(), Ok(Wish::Returned));
        drop(first);
        assert!(wished.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_free_first_slot_goes_to_the_next_job_and_its_late_token_is_returned() {
        let (tokens, mut wished) = tokens();
        let first = tokens.acquire().await;
        let (_second, ()) = tokio::join!(tokens.acquire(), async { drop(first) });
        tokens.granted();
        assert_eq!((wished.try_recv(), wished.try_recv()), (Ok(Wish::Wanted), Ok(Wish::Returned)));
    }

    #[tokio::test]
    async fn jobs_go_on_when_the_owner_is_gone() {
        let (tokens, _wished) = tokens();
        let _first = tokens.acquire().await;
        tokio::join!(tokens.acquire(), async { tokens.close() });
        tokens.acquire().await;
    }
}
