//! Whether a host's compiler is the equal of the local one: asked once for each host and toolchain.
//!
//! How it is asked (a canary compile) is the [`Vetter`]'s; this module only keeps the answers.

use async_trait::async_trait;
use tokio::time::Instant;

use crate::executor::{ExecError, Executor};
use crate::job::Job;

/// What jobs that need the same vetting have in common: the local compiler and what it is on a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToolchainKey(pub String);

/// Vets hosts.
#[async_trait]
pub trait Vetter: Send + Sync {
    /// The toolchain that `job` needs. Called without locks, once a job; must be cheap.
    fn key(&self, job: &Job) -> ToolchainKey;

    /// Whether the host behind `executor` compiles as this machine does, for all jobs with the key of `job`.
    ///
    /// Must be cancel-safe.
    ///
    /// # Errors
    /// [`VetError::Unfit`] sets the host aside for this toolchain, [`VetError::Unsuited`] does without a word, and
    /// [`VetError::Host`] is the host's failure.
    async fn vet(&self, executor: &dyn Executor, job: &Job) -> Result<(), VetError>;
}

/// Why a host didn't pass.
#[derive(Debug, thiserror::Error)]
pub enum VetError {
    /// Its compiler isn't the local one's equal.
    #[error("{0}")]
    Unfit(String),
    /// Such jobs aren't for hosts of its kind, whatever their compilers; that is no fault of the host's.
    #[error("{0}")]
    Unsuited(&'static str),
    /// The host or the way to it failed.
    #[error(transparent)]
    Host(#[from] ExecError),
}

/// Trusts every host.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrustAll;

#[async_trait]
impl Vetter for TrustAll {
    fn key(&self, _job: &Job) -> ToolchainKey {
        ToolchainKey(String::new())
    }

    async fn vet(&self, _executor: &dyn Executor, _job: &Job) -> Result<(), VetError> {
        Ok(())
    }
}

/// What is known of one toolchain on one host.
#[derive(Clone, Debug, Default)]
pub(super) enum Vetting {
    /// Nothing yet.
    #[default]
    Unknown,
    /// Being asked.
    Running,
    /// Fit.
    Good,
    /// Not fit; to be asked again when a job comes after `again`.
    Bad { reason: String, again: Instant },
    /// Not for such jobs at all.
    Unsuited,
}

/// One toolchain on one host.
#[derive(Debug, Default)]
pub(super) struct Toolchain {
    pub(super) vetting: Vetting,
    /// Refusals in a row, for the back-off.
    pub(super) refusals: u32,
}

impl Toolchain {
    /// Whether it should be asked (again) now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        match &self.vetting {
            Vetting::Unknown => true,
            Vetting::Bad { again, .. } => *again <= now,
            Vetting::Running | Vetting::Good | Vetting::Unsuited => false,
        }
    }
}
