//! The trait that every way to run a job implements, and the words it answers in.
//!
//! An executor serves one host by one transport. It doesn't choose jobs, count slots or retry: that is the
//! scheduler's. The one distinction it must make is between a compile that failed, which is an [`Outcome`], and a
//! host that failed, which is an [`ExecError`]. [`telltale`] helps where the transport doesn't tell.

pub mod telltale;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::job::{CompilerStatus, SharedJob};
use crate::staging::StagedFile;

/// How many jobs a host takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Jobs that run at the same time.
    pub slots: usize,
    /// Jobs sent beyond `slots`, so that their upload overlaps with compiling.
    pub queue: usize,
}

impl Capacity {
    /// The most jobs in flight.
    #[must_use]
    pub fn in_flight(self) -> usize {
        self.slots.saturating_add(self.queue)
    }
}

/// What a compile elsewhere brought back.
#[derive(Debug)]
pub struct Outcome {
    /// How the compiler ended there.
    pub status: CompilerStatus,
    /// What it printed on standard output.
    pub stdout: Bytes,
    /// What it printed on standard error.
    pub stderr: Bytes,
    /// The object, not yet in its place; `None` if the compile failed. Dropping it leaves nothing behind.
    pub object: Option<StagedFile>,
    /// What the job asked for beside the object; `None` if it asked for nothing.
    pub beside: Option<Box<Beside>>,
    /// What the job cost on the wire.
    pub traffic: Traffic,
}

/// What a compile elsewhere wrote beside its object.
#[derive(Debug)]
pub struct Beside {
    /// The files of [`Job::side_outputs`](crate::job::Job::side_outputs) in their order, not yet in their places; `None`
    /// where the compile wrote none. Empty if it failed.
    pub files: Vec<Option<StagedFile>>,
    /// What the compile was told to be its directory, if the job asked for a name of some length.
    pub directory: Option<PathBuf>,
}

/// Bytes on the wire for one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent to the host.
    pub sent: u64,
    /// Bytes received from it.
    pub received: u64,
    /// From the first byte sent to the last one.
    pub upload: Duration,
}

/// The host or the way to it failed; the job itself is unharmed and can run elsewhere.
///
/// Never used for a compile error: that one is an [`Outcome`] with its status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// No connection could be made.
    #[error("host {host} can't be reached: {source}")]
    Unreachable {
        /// The host's name in the farm.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The connection broke in the middle of a job.
    #[error("host {host} broke the connection while {during}: {source}")]
    Broken {
        /// The host's name in the farm.
        host: String,
        /// What was going on, such as "sending the source".
        during: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Nothing moved for too long.
    #[error("host {host} made no progress for {} s while {during}", .after.as_secs())]
    Stalled {
        /// The host's name in the farm.
        host: String,
        /// What was going on.
        during: &'static str,
        /// How long nothing moved.
        after: Duration,
    },
    /// The host sent what its protocol doesn't allow.
    #[error("host {host} broke the protocol: {detail}")]
    Protocol {
        /// The host's name in the farm.
        host: String,
        /// What was wrong.
        detail: String,
    },
    /// The host ran no compile, for a reason of its own (no such compiler, no room on its disk, not allowed).
    #[error("host {host} could not run the job: {detail}")]
    Refused {
        /// The host's name in the farm.
        host: String,
        /// What it said or what its status means, and the cure.
        detail: String,
    },
    /// The host can be talked to, perhaps, but runs nothing, whatever the job and its compiler.
    #[error("host {host} can't be used: {detail}")]
    Unusable {
        /// The host's name in the farm.
        host: String,
        /// Why, and the cure.
        detail: String,
    },
    /// An input could not be read on this machine, or isn't what it was.
    #[error("can't read {}: {source}", .path.display())]
    Input {
        /// The input.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An output could not be written on this machine.
    #[error("can't write {}: {source}", .path.display())]
    Output {
        /// The output.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ExecError {
    /// Whether the host is to blame (and is to be set aside), rather than this machine.
    #[must_use]
    pub fn is_host_fault(&self) -> bool {
        !matches!(self, Self::Output { .. } | Self::Input { .. })
    }
}

/// Runs jobs on one host by one transport.
#[async_trait]
pub trait Executor: Send + Sync {
    /// The host's name in the farm, as it is shown to people.
    fn host(&self) -> &str;

    /// How many jobs the host takes.
    fn capacity(&self) -> Capacity;

    /// Whether jobs may have side outputs. Where this says no, such jobs aren't given to the host.
    fn returns_side_outputs(&self) -> bool {
        false
    }

    /// Whether jobs may be compiles of crates of Rust. A host that takes them shows a compile its inputs at their own places,
    /// whatever else may be there, gives it those files, the system's and the toolchain's, and no others.
    fn takes_crates(&self) -> bool {
        false
    }

    /// Asks the host whether it is alive, as cheaply as the transport allows.
    ///
    /// # Errors
    /// [`ExecError`] if it can't be reached or doesn't answer as it should.
    async fn probe(&self) -> Result<(), ExecError>;

    /// Runs `job` on the host.
    ///
    /// Cancel-safe: dropping the future ends the job on the host (as far as the transport can) and leaves no file
    /// behind here. The object of a successful compile is staged, not yet in its place.
    ///
    /// # Errors
    /// [`ExecError`] if the host or the way to it failed. A compile that failed is an `Ok` with its status.
    async fn execute(&self, job: SharedJob) -> Result<Outcome, ExecError>;
}
