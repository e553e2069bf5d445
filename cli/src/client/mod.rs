//! The daemon seen from outside: where its socket is, how one connects, and how it is started when it isn't there.
//!
//! Blocking code without a runtime, because the wrapper lives here for a millisecond.

pub(crate) mod connection;
pub(crate) mod runtime_dir;
pub(crate) mod start;

use farmbuild_core::protocol::hello::Identity;

/// Which build of the program this is.
pub(crate) fn identity() -> Identity {
    Identity::new(env!("CARGO_PKG_VERSION"), env!("FARMBUILD_SOURCES"))
}
