//! Which of the user's agents `ssh` asks for keys.

use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, PoisonError};

/// The socket of the user's agent as of now, for any number of hosts.
///
/// Whoever runs the executors may live longer than the login that started it, whose agent ends with it. So whoever knows
/// of a newer one says so; connections that are begun afterwards ask that one.
#[derive(Clone, Debug, Default)]
pub struct Agent(Arc<Mutex<Option<OsString>>>);

impl Agent {
    /// What `SSH_AUTH_SOCK` is from now on, in place of this process's own.
    pub fn is_at(&self, socket: &OsStr) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != Some(socket) {
            *known = Some(socket.to_owned());
        }
    }

    /// What was said last, if anything was.
    pub(crate) fn socket(&self) -> Option<OsString> {
        // Replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
