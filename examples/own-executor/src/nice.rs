//! An executor in one file: a "host" that is this machine at its lowest priority, under `nice`.
//!
//! It stands in for a transport of your own (a container, a batch queue, a board on a serial line): put the job's text and
//! arguments where they can be compiled, compile, bring the object back. Everything else is farmbuild's: which jobs
//! may travel, whether this host's compiler is the right one, which host runs a job, and what happens if it fails.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use async_trait::async_trait;
use farmbuild_core::executor::{Capacity, ExecError, Executor, Outcome, Traffic};
use farmbuild_core::job::{CompilerStatus, Job, SharedJob};
use farmbuild_core::staging::StagedFile;
use farmbuild_local::child;
use tokio::process::Command;

/// Compiles in temporary directories of this machine, under `nice -n 19`.
pub struct NiceExecutor {
    name: String,
    slots: usize,
}

impl NiceExecutor {
    pub fn new(name: &str, slots: usize) -> Self {
        Self { name: name.to_owned(), slots }
    }

    /// The host's fault, not the source's: farmbuild runs the job elsewhere.
    fn refused(&self, what: &str, error: &io::Error) -> ExecError {
        ExecError::Refused { host: self.name.clone(), detail: format!("can't {what}: {error}") }
    }
}

#[async_trait]
impl Executor for NiceExecutor {
    fn host(&self) -> &str {
        &self.name
    }

    fn capacity(&self) -> Capacity {
        // Nothing is uploaded, so there is nothing to overlap with a compile: no queue.
        Capacity { slots: self.slots, queue: 0 }
    }

    /// A transport would connect here.
    async fn probe(&self) -> Result<(), ExecError> {
        Ok(())
    }

    /// Dropping this future kills the compiler, with all that it started, and removes the directory.
    async fn execute(&self, job: SharedJob) -> Result<Outcome, ExecError> {
        let directory = tempfile::tempdir()
            .map_err(|error| self.refused("make a temporary directory", &error))?;
        // The compiler tells the language by the extension, so the text keeps the one in the arguments, but for the
        // `i` that says that it is preprocessed.
        let extension = match Path::new(&job.args[job.input]).extension() {
            Some(extension) if extension != "c" && extension != "i" => "ii",
            _ => "i",
        };
        let source = directory.path().join("job").with_extension(extension);
        let object = directory.path().join("job.o");
        fs::write(&source, &job.text.bytes)
            .map_err(|error| self.refused("write the source", &error))?;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(&job.compiler);
        command.args(arguments(&job, &source, &object)).current_dir(directory.path());
        let ran =
            child::capture(command).await.map_err(|error| self.refused("run nice", &error))?;
        // nice's own words for a compiler that it can't run or can't find.
        if let CompilerStatus::Exited(code @ (126 | 127)) = ran.status {
            let detail = format!("nice can't run {} ({code})", job.compiler.display());
            return Err(ExecError::Refused { host: self.name.clone(), detail });
        }
        let staged = ran.status.success().then(|| bring_back(&object, &job)).transpose();
        let object =
            staged.map_err(|source| ExecError::Output { path: job.object.clone(), source })?;
        let traffic = Traffic::default();
        Ok(Outcome {
            status: ran.status,
            stdout: ran.stdout,
            stderr: ran.stderr,
            object,
            beside: None,
            traffic,
        })
    }
}

/// The job's arguments with this host's names for source and object in their places.
fn arguments(job: &Job, source: &Path, object: &Path) -> Vec<OsString> {
    let mut args = job.args.clone();
    args[job.input] = source.into();
    args[job.output] = object.into();
    args
}

/// Stages the object beside its place; farmbuild moves it there once it has checked it.
fn bring_back(object: &Path, job: &Job) -> io::Result<StagedFile> {
    let mut staged = StagedFile::create(&job.object, job.umask)?;
    io::copy(&mut fs::File::open(object)?, staged.file())?;
    Ok(staged)
}
