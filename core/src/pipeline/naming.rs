//! What each host calls a compiler. A job names the local one; the host's name for it was found by vetting.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::executor::{Capacity, ExecError, Executor, Outcome};
use crate::job::{Job, SharedJob};

/// The names found so far, by host and toolchain.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashMap<(String, Arc<str>), OsString>>);

impl Names {
    pub(super) fn set(&self, host: &str, toolchain: &Arc<str>, name: OsString) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert((host.to_owned(), Arc::clone(toolchain)), name);
    }

    pub(super) fn get(&self, host: &str, toolchain: &Arc<str>) -> Option<OsString> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&(host.to_owned(), Arc::clone(toolchain))).cloned()
    }

    /// All names on one host, by toolchain.
    pub(super) fn on(&self, host: &str) -> Vec<(Arc<str>, OsString)> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = names.iter().filter(|((name, _), _)| name == host);
        let mut here: Vec<_> = here.map(|((_, id), name)| (Arc::clone(id), name.clone())).collect();
        here.sort();
        here
    }
}

/// An executor that calls compilers as its host does.
pub(super) struct ByHostsNames {
    inner: Arc<dyn Executor>,
    names: Arc<Names>,
}

impl ByHostsNames {
    pub(super) fn new(inner: Arc<dyn Executor>, names: &Arc<Names>) -> Self {
        Self { inner, names: Arc::clone(names) }
    }
}

#[async_trait]
impl Executor for ByHostsNames {
    fn host(&self) -> &str {
        self.inner.host()
    }

    fn capacity(&self) -> Capacity {
        self.inner.capacity()
    }

    fn returns_side_outputs(&self) -> bool {
        self.inner.returns_side_outputs()
    }

    fn takes_crates(&self) -> bool {
        self.inner.takes_crates()
    }

    async fn probe(&self) -> Result<(), ExecError> {
        self.inner.probe().await
    }

    async fn execute(&self, job: SharedJob) -> Result<Outcome, ExecError> {
        let renamed = match self.names.get(self.host(), &job.toolchain) {
            Some(compiler) if compiler != job.compiler => {
                Arc::new(Job { compiler, ..Job::clone(&job) })
            }
            _ => job,
        };
        self.inner.execute(renamed).await
    }
}
