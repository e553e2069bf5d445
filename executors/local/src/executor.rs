//! This machine as a host: compiles preprocessed text in a private directory, within the local CPU budget.

use std::fs;
use std::io;

use async_trait::async_trait;
use farmbuild_core::executor::{Capacity, ExecError, Executor, Outcome, Traffic};
use farmbuild_core::job::SharedJob;
use farmbuild_core::pipeline::Ran;
use farmbuild_core::staging::StagedFile;
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::child;

/// Compiles on this machine, at most `slots` jobs at a time.
///
/// A wrapper's own jobs don't come this way: they run the compiler in the wrapper's place, with its terminal, limits
/// and signals. This executor serves programs that embed the library, and tests.
#[derive(Debug)]
pub struct LocalExecutor {
    name: String,
    slots: usize,
    running: Semaphore,
}

impl LocalExecutor {
    /// This machine under `name`, with room for `slots` jobs.
    #[must_use]
    pub fn new(name: impl Into<String>, slots: usize) -> Self {
        Self { name: name.into(), slots, running: Semaphore::new(slots) }
    }

    fn refused(&self, what: &str, error: &io::Error) -> ExecError {
        ExecError::Refused { host: self.name.clone(), detail: format!("can't {what}: {error}") }
    }
}

#[async_trait]
impl Executor for LocalExecutor {
    fn host(&self) -> &str {
        &self.name
    }

    fn capacity(&self) -> Capacity {
        Capacity { slots: self.slots, queue: 0 }
    }

    async fn probe(&self) -> Result<(), ExecError> {
        Ok(())
    }

    async fn execute(&self, job: SharedJob) -> Result<Outcome, ExecError> {
        // The semaphore is never closed.
        let _slot = self.running.acquire().await.ok();
        let space = tempfile::Builder::new().prefix("farmbuild-").tempdir();
        let space = space.map_err(|error| self.refused("make a temporary directory", &error))?;
        let (input, output) = (space.path().join(job.text_name()), space.path().join("output.o"));
        fs::write(&input, &job.text.bytes)
            .map_err(|error| self.refused("write the preprocessed source", &error))?;
        let mut command = Command::new(&job.compiler);
        command.args(job.args_for(input.as_os_str(), output.as_os_str())).current_dir(space.path());
        let done = child::capture(command).await;
        let done = done
            .map_err(|error| self.refused(&format!("start {}", job.compiler.display()), &error))?;
        let object = match done.status.success() {
            true => Some(
                StagedFile::copy(&output, &job.object, job.umask)
                    .map_err(|source| ExecError::Output { path: job.object.clone(), source })?,
            ),
            false => None,
        };
        let Ran { status, stdout, stderr } = done;
        Ok(Outcome { status, stdout, stderr, object, beside: None, traffic: Traffic::default() })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;
    use std::sync::Arc;

    use bytes::Bytes;
    use farmbuild_core::job::{CompilerStatus, Job, JobId, SourceText};

    use super::*;

    fn job(text: &'static str, object: &Path) -> SharedJob {
        Arc::new(Job {
            id: JobId(1),
            compiler: "gcc".into(),
            toolchain: "gcc".into(),
            args: ["-c", "a.c", "-o", "a.o"].map(OsString::from).to_vec(),
            input: 1,
            output: 3,
            text: SourceText { bytes: Bytes::from_static(text.as_bytes()), lines: 1 },
            object: object.to_owned(),
            umask: 0o022,
            side_outputs: Vec::new(),
            directory_length: None,
            of_crate: None,
        })
    }

    #[tokio::test]
    async fn an_object_appears_when_it_is_committed_and_not_before() {
        let space = tempfile::tempdir().unwrap();
        let object = space.path().join("a.o");
        let host = LocalExecutor::new("here", 1);
        let outcome = host.execute(job("int a;\n", &object)).await.unwrap();
        assert!(outcome.status.success() && !object.exists());
        outcome.object.unwrap().commit().unwrap();
        assert_eq!(fs::read(&object).unwrap()[..4], *b"\x7fELF");
    }

    #[tokio::test]
    async fn a_compile_error_is_an_outcome_without_an_object() {
        let space = tempfile::tempdir().unwrap();
        let host = LocalExecutor::new("here", 1);
        let outcome = host.execute(job("int\n", &space.path().join("a.o"))).await.unwrap();
        assert_eq!(outcome.status, CompilerStatus::Exited(1));
        assert!(outcome.object.is_none() && !outcome.stderr.is_empty());
    }
}
