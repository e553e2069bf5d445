//! Asks one host at full load whether it compiles what it should, and acts upon what comes of it. What it is asked is in
//! `ordeal`.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::ordeal::{Ordeal, language};
use crate::executor::{ExecError, Executor};
use crate::job::Invocation;
use crate::pipeline::stay::Stay;
use crate::pipeline::{CHECK_PATIENCE, Pipeline, base_name};
use crate::scheduler::VetError;

/// What to do to a host.
#[derive(Clone, Debug)]
pub struct BurnIn {
    /// The host.
    pub host: String,
    /// Compilers of this machine, as they are started; their arguments don't matter. Those are used that the host has.
    pub compilers: Vec<Invocation>,
    /// No job is started after so long.
    pub time: Duration,
    /// Nor after so many, if that is said.
    pub jobs: Option<u64>,
}

/// How it goes, or went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Burned {
    /// Jobs that the host compiled.
    pub jobs: u64,
    /// Of those, the ones whose bytes were wrong.
    pub differences: u64,
    /// The first of them, for people.
    pub differing: Vec<String>,
    /// Those whose bytes differed, but this machine's did from each other too.
    pub undecided: u64,
    /// Jobs that the host failed.
    pub failures: u64,
    /// The last failure.
    pub failure: Option<String>,
    /// Seconds from the first job on.
    pub seconds: f64,
}

impl Burned {
    /// Whether it did all that it was asked to, and that rightly.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.jobs > 0 && self.differences == 0 && self.failures == 0 && self.undecided == 0
    }
}

/// Why a host can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum BurnInError {
    /// It isn't in the farm.
    #[error("the farm has no host named {0}; `farmbuild hosts` names them")]
    NoSuchHost(String),
    /// The compiler here can't be told, or doesn't let its compiles be split.
    #[error("no compile can be sent there: {0}")]
    Home(Stay),
    /// It isn't used for the compiler.
    #[error("host {host} isn't used for {}: {error}", .compiler.display())]
    Unfit {
        /// The host.
        host: String,
        /// The compiler here.
        compiler: OsString,
        /// Why.
        error: VetError,
    },
    /// Sources can't be written here.
    #[error("can't write sources for a burn-in: {0}")]
    Write(#[from] io::Error),
    /// This machine couldn't compile what is to be compared with.
    #[error("this machine compiles no source of a burn-in: {0}")]
    Nothing(String),
}

impl Pipeline {
    /// Keeps a host busy and compares what it makes. `progress` is called now and then. A host that is wrong is set aside
    /// at once; one that passes gets jobs again.
    ///
    /// # Errors
    /// If the host can't be asked at all.
    pub async fn burn_in(
        self: &Arc<Self>,
        mut plan: BurnIn,
        mut progress: impl FnMut(&Burned) + Send,
    ) -> Result<Burned, BurnInError> {
        let executor = self.scheduler.executor(&plan.host);
        let executor = executor.ok_or_else(|| BurnInError::NoSuchHost(plan.host.clone()))?;
        let (mut fit, mut unfit) = (Vec::new(), None);
        for invocation in std::mem::take(&mut plan.compilers) {
            match self.ask_for(&executor, &invocation).await {
                Ok(()) => fit.push(invocation),
                Err(error) => drop(unfit.get_or_insert(error)),
            }
        }
        if let (true, Some(error)) = (fit.is_empty(), unfit) {
            return Err(error);
        }
        plan.compilers = fit;
        let space = tempfile::Builder::new().prefix("farmbuild-burn-in-").tempdir()?;
        let ordeal = Arc::new(Ordeal::new(self, &executor, plan.clone()));
        // Dropped with this future, and so ended.
        let mut tasks = JoinSet::new();
        let slots = executor.capacity().slots.max(1);
        for _ in 0..slots {
            let ordeal = Arc::clone(&ordeal);
            tasks.spawn(async move { ordeal.work().await });
        }
        let mut asking = JoinSet::new();
        asking.spawn({
            let ordeal = Arc::clone(&ordeal);
            async move { ordeal.make_questions(space).await }
        });
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        while !tasks.is_empty() {
            tokio::select! {
                _ = tasks.join_next() => {}
                _ = ticks.tick() => progress(&ordeal.burned()),
            }
        }
        asking.shutdown().await;
        let burned = ordeal.burned();
        if burned.jobs + burned.failures == 0 {
            return Err(BurnInError::Nothing(ordeal.trouble()));
        }
        if burned.passed() {
            self.trust(&plan.host);
        }
        Ok(burned)
    }

    /// Asks for a compiler by a canary, so that it is known what the host calls it.
    async fn ask_for(
        &self,
        executor: &Arc<dyn Executor>,
        invocation: &Invocation,
    ) -> Result<(), BurnInError> {
        let toolchain = self.identify(invocation).await.map_err(BurnInError::Home)?;
        let names = toolchain.names_on_host(base_name(invocation));
        let language = language(invocation);
        let id = self.canaries.introduce(&toolchain, invocation, language, names);
        let asked = self.canaries.ask(executor.as_ref(), &id);
        let host = executor.host().to_owned();
        let answer = tokio::time::timeout(CHECK_PATIENCE, asked).await.unwrap_or_else(|_| {
            let (host, during) = (host.clone(), "compiling a canary");
            Err(ExecError::Stalled { host, during, after: CHECK_PATIENCE }.into())
        });
        let compiler = invocation.program.clone().into();
        answer.map(drop).map_err(|error| BurnInError::Unfit { host, compiler, error })
    }
}
