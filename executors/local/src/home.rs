//! What the pipeline asks of this machine: run a compiler in a build's directory and environment.

use std::ffi::OsString;
use std::io;

use async_trait::async_trait;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::{Home, Ran};

use crate::child;

/// This machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalHome;

#[async_trait]
impl Home for LocalHome {
    async fn run(&self, invocation: &Invocation, args: &[OsString]) -> io::Result<Ran> {
        child::capture(child::command(invocation, args)).await
    }
}
