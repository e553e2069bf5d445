//! What the pipeline asks of this machine: run a compiler in a build's directory and environment.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use farmbuild_core::budget::LocalBudget;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::{Home, Idle, Ran};

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

/// This machine, with a budget that says when it is idle.
#[derive(Clone, Debug)]
pub struct SharedHome {
    budget: LocalBudget,
}

impl SharedHome {
    /// With this budget.
    #[must_use]
    pub fn new(budget: LocalBudget) -> Self {
        Self { budget }
    }
}

/// The budget tells of slots that fall free, but not of one that was given more slots.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[async_trait]
impl Home for SharedHome {
    async fn run(&self, invocation: &Invocation, args: &[OsString]) -> io::Result<Ran> {
        LocalHome.run(invocation, args).await
    }

    async fn idle(&self) -> Idle {
        let mut idle = self.budget.watch_idle();
        loop {
            if let Some(permit) = self.budget.try_acquire() {
                return permit.into();
            }
            // Whatever comes of waiting, there may be room now.
            let _ = tokio::time::timeout(LOOK_AGAIN, idle.changed()).await;
        }
    }
}
