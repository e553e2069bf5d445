//! What the pipeline needs of the machine it runs on, without knowing how programs are started there.

use std::ffi::OsString;
use std::io;

use async_trait::async_trait;
use bytes::Bytes;

use crate::budget::LocalPermit;
use crate::job::{CompilerStatus, Invocation};

/// How a program ended and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub status: CompilerStatus,
    /// Its standard output.
    pub stdout: Bytes,
    /// Its standard error.
    pub stderr: Bytes,
}

impl Ran {
    /// Whether it succeeded and had nothing to say on standard error.
    #[must_use]
    pub fn quietly(&self) -> bool {
        self.status.success() && self.stderr.is_empty()
    }
}

/// Local CPU that nothing else wanted. It is free again when this is dropped.
#[derive(Debug, Default)]
pub struct Idle {
    _permit: Option<LocalPermit>,
}

impl From<LocalPermit> for Idle {
    fn from(permit: LocalPermit) -> Self {
        Self { _permit: Some(permit) }
    }
}

/// Runs compilers on this machine. The CPU budget is the caller's business.
#[async_trait]
pub trait Home: Send + Sync {
    /// Runs `invocation`'s program in its directory and environment, with `args` in place of its own arguments and
    /// nothing on its standard input.
    ///
    /// Cancel-safe: dropping the future kills the program and all that it started.
    ///
    /// # Errors
    /// If the program can't be started or its output can't be read.
    async fn run(&self, invocation: &Invocation, args: &[OsString]) -> io::Result<Ran>;

    /// Waits until there is local CPU that nothing else wants; where nobody counts it, there is at once.
    async fn idle(&self) -> Idle {
        Idle::default()
    }
}
