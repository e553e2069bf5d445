//! The jobserver that this build runs under, if it does: the daemon's local work takes its tokens through us.

use std::env;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use farmbuild_core::jobserver::guardian::Guardian;
use farmbuild_core::jobserver::{Cancel, OuterJobserver, Token};
use farmbuild_core::protocol::message::BuildNote;

use crate::client::connection::Connection;

/// The jobserver of whoever started the build.
#[derive(Debug)]
pub(crate) struct Outer {
    jobserver: OuterJobserver,
}

/// What the daemon says about tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Wanted,
    Returned,
}

/// Fetches tokens in a thread of its own, because waiting for one may take long.
#[derive(Debug)]
pub(crate) struct Fetcher {
    wishes: Option<Sender<Wish>>,
    cancel: Cancel,
    thread: Option<thread::JoinHandle<()>>,
}

impl Outer {
    /// Finds it in the environment. One that its owner didn't mean to share is as good as none.
    pub(crate) fn find() -> Option<Self> {
        let jobserver = OuterJobserver::from_env().ok()?;
        // A guardian between us and the pool, so that a killed build keeps no token.
        let guardian = env::current_exe().ok().and_then(|own| {
            let mut command = Command::new(own);
            command.arg("guard");
            Guardian::start(command).ok()
        });
        let jobserver = match guardian {
            Some(guardian) => jobserver.guarded_by(guardian).ok()?,
            None => jobserver,
        };
        Some(Self { jobserver })
    }

    /// Begins to fetch tokens for the daemon at the other end of `connection`.
    pub(crate) fn serve(self, connection: Connection) -> Option<Fetcher> {
        let cancel = Cancel::new().ok()?;
        let (wishes, wished) = mpsc::channel();
        let pulled = cancel.clone();
        let fetch = move || fetch(&self.jobserver, &connection, &wished, &pulled);
        let thread = thread::Builder::new().name("outer-tokens".into()).spawn(fetch).ok()?;
        Some(Fetcher { wishes: Some(wishes), cancel, thread: Some(thread) })
    }
}

impl Fetcher {
    pub(crate) fn wish(&self, wish: Wish) {
        if let Some(wishes) = &self.wishes {
            // A fetcher that has ended has given everything back.
            let _ = wishes.send(wish);
        }
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.wishes = None;
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            // Its tokens went back when it ended, however that was.
            let _ = thread.join();
        }
    }
}

fn fetch(
    jobserver: &OuterJobserver,
    connection: &Connection,
    wished: &Receiver<Wish>,
    cancel: &Cancel,
) {
    // The slot of this process itself. The daemon knows that the first job needs no token.
    let _implicit = jobserver.try_acquire();
    let mut held: Vec<Token> = Vec::new();
    while let Ok(wish) = wished.recv() {
        match wish {
            Wish::Returned => drop(held.pop()),
            Wish::Wanted => match jobserver.acquire(cancel) {
                Ok(Some(token)) => {
                    held.push(token);
                    if connection.note(BuildNote::Token).is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}
