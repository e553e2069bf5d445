//! What can be wrong with a pool.

use std::io;
use std::path::PathBuf;

/// Our own pool can't be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The pipe, or a second way into it, can't be opened.
    #[error("can't open a pipe for the jobserver: {0}")]
    Pipe(#[source] io::Error),
    /// The fifo or its directory can't be made.
    #[error("can't make a jobserver fifo in {}: {source}", .directory.display())]
    Fifo {
        /// Where it was tried.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that looks after the pool can't be started.
    #[error("can't start the jobserver's thread: {0}")]
    Thread(#[source] io::Error),
}

/// Why there is no outer jobserver to take tokens from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OuterError {
    /// Neither `CARGO_MAKEFLAGS` nor `MAKEFLAGS` names a jobserver.
    #[error("no jobserver in the environment")]
    None,
    /// The value is neither `R,W` nor `fifo:PATH`.
    #[error("malformed --jobserver-auth={0}")]
    Malformed(String),
    /// A negative descriptor: whoever set it switched the jobserver off for us.
    #[error("the jobserver is switched off for this process (--jobserver-auth={0})")]
    Disabled(String),
    /// The descriptor isn't open here, as in a recipe without `+`.
    #[error("the jobserver's descriptor {fd} is not open (a recipe without a leading '+'?)")]
    Closed {
        /// The descriptor.
        fd: i32,
    },
    /// The descriptors are open, but are not the reading and the writing end of one pipe.
    #[error("descriptors {read} and {write} are not the two ends of a jobserver's pipe")]
    Unrelated {
        /// The descriptor to read from.
        read: i32,
        /// The descriptor to write to.
        write: i32,
    },
    /// The fifo is gone or closed to us, or what is there isn't a fifo.
    #[error("can't use the jobserver's fifo {}: {source}", .path.display())]
    Fifo {
        /// The fifo.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("can't use the outer jobserver: {0}")]
    Io(#[from] io::Error),
}

/// The guardian can't be used, or ended badly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardianError {
    /// The pool it should guard can't be used.
    #[error(transparent)]
    Pool(#[from] OuterError),
    /// The other side sent what the protocol doesn't allow.
    #[error("unknown request {0:#04x} to the jobserver guardian")]
    Request(u8),
    /// The pipe to the other side, or the pool, failed.
    #[error("jobserver guardian: {0}")]
    Io(#[from] io::Error),
}
