//! When the daemon ends: idle for long, asked to stop, or replaced by one of another build of the program.
//!
//! An end is always the same: give up the socket, so that nobody new comes, end what is under way, exit.

use std::fs::{self, File};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::client::runtime_dir::RuntimeDir;

/// How long a daemon stays without anything to do.
pub(crate) const IDLE: Duration = Duration::from_secs(15 * 60);

/// Counts what is under way and says when to end.
pub(crate) struct Lifetime {
    runtime_dir: RuntimeDir,
    /// Held as long as the socket is ours.
    lock: Mutex<Option<File>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    under_way: usize,
    idle_since: Instant,
    ending: bool,
}

/// Something under way, such as a connection; it ends with this value.
pub(crate) struct UnderWay<'a>(&'a Lifetime);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state.send_if_modified(|state| {
            state.under_way -= 1;
            state.idle_since = Instant::now();
            // Who waits for the end is woken only by what may be it: there are hundreds of connections a second.
            state.under_way == 0 && state.ending
        });
    }
}

impl Lifetime {
    pub(crate) fn new(runtime_dir: RuntimeDir, lock: File) -> Self {
        let state = State { under_way: 0, idle_since: Instant::now(), ending: false };
        Self { runtime_dir, lock: Mutex::new(Some(lock)), state: watch::Sender::new(state) }
    }

    /// Notes that something is under way.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        self.state.send_if_modified(|state| {
            state.under_way += 1;
            false
        });
        UnderWay(self)
    }

    /// Gives up the socket. From here on a new daemon can take its place; this one ends when nothing is under way.
    pub(crate) fn end(&self) {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        if lock.is_some() {
            // While we hold the lock the socket is ours and nobody else's.
            let _ = fs::remove_file(self.runtime_dir.socket());
        }
        self.state.send_modify(|state| state.ending = true);
    }

    /// Waits until the end was called for and nothing is under way any more. Calls for it itself after [`IDLE`].
    pub(crate) async fn ended(&self) {
        let mut changes = self.state.subscribe();
        loop {
            let state = *changes.borrow_and_update();
            let is_idle = state.under_way == 0;
            if is_idle && state.ending {
                return;
            }
            let idle_for = if is_idle { state.idle_since.elapsed() } else { Duration::ZERO };
            if idle_for >= IDLE {
                self.end();
            } else if let Ok(Err(_)) =
                tokio::time::timeout(IDLE - idle_for, changes.changed()).await
            {
                return;
            }
        }
    }
}
