//! One host and one source to compile on it.
#![allow(dead_code)] // Each test program uses its part.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farmbuild_core::executor::{Capacity, Outcome};
use farmbuild_core::job::{Job, JobId, SharedJob, SideFile, SourceText};
use farmbuild_core::staging::StagedFile;
use farmbuild_ssh::{Compression, SshConfig, SshExecutor, Store, Timeouts};
use farmbuild_testkit::{Sshd, TestSpace};

/// An executor for one host.
pub(crate) fn executor(server: &Sshd) -> SshExecutor {
    SshExecutor::new(config(server))
}

pub(crate) fn config(server: &Sshd) -> SshConfig {
    SshConfig {
        name: "board".to_owned(),
        destination: server.destination().parse().unwrap(),
        ssh_config: Some(server.client_config()),
        capacity: Capacity { slots: 2, queue: 2 },
        compression: Compression::Auto,
        store: Store { client: "tests".to_owned(), size: 64 << 20 },
        timeouts: Timeouts::default(),
    }
}

/// A preprocessed source.
pub(crate) struct Case {
    pub(crate) space: TestSpace,
    pub(crate) text: Vec<u8>,
}

impl Case {
    pub(crate) fn new(text: &str) -> Self {
        Self { space: TestSpace::new(), text: text.into() }
    }

    pub(crate) fn job(&self, flags: &[&str]) -> SharedJob {
        self.job_for("gcc", flags)
    }

    pub(crate) fn job_for(&self, compiler: &str, flags: &[&str]) -> SharedJob {
        Arc::new(self.plain(compiler, flags, "a.o"))
    }

    /// The job with side outputs beside an object of this name.
    pub(crate) fn job_with(&self, flags: &[&str], object: &str, sides: &[&str]) -> SharedJob {
        let mut job = self.plain("gcc", flags, object);
        job.side_outputs = sides
            .iter()
            .map(|side| SideFile { there: side.into(), path: self.space.join(side) })
            .collect();
        for path in job.side_outputs.iter().map(|it| &it.path).chain([&job.object]) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        Arc::new(job)
    }

    pub(crate) fn plain(&self, compiler: &str, flags: &[&str], object: &str) -> Job {
        let mut args: Vec<OsString> = flags.iter().map(Into::into).collect();
        args.extend(["-c", "a.i", "-o", object].map(OsString::from));
        Job {
            id: JobId(1),
            compiler: compiler.into(),
            toolchain: "a compiler".into(),
            input: args.len() - 3,
            output: args.len() - 1,
            args,
            text: SourceText { bytes: self.text.clone().into(), lines: 0 },
            object: self.space.join(object),
            umask: 0o022,
            side_outputs: Vec::new(),
            directory_length: None,
            of_crate: None,
        }
    }

    /// The object that the compiler makes of the same text right here.
    pub(crate) fn compiled_here(&self, flags: &[&str]) -> Vec<u8> {
        let here = TestSpace::new();
        here.write("a.i", &self.text);
        let args = flags.iter().copied().chain(["-c", "a.i", "-o", "a.o"]);
        here.run_ok("gcc", args);
        here.read("a.o")
    }
}

/// What a successful outcome's object holds.
pub(crate) fn finish(outcome: Outcome) -> Vec<u8> {
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    let object = outcome.object.unwrap_or_else(|| panic!("no object: {:?} {said}", outcome.status));
    read(Some(object))
}

pub(crate) fn read(staged: Option<StagedFile>) -> Vec<u8> {
    staged.unwrap().read_back().unwrap()
}

/// All files below a directory.
pub(crate) fn files_in(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_in(&entry.path())),
            _ => found.push(entry.path().display().to_string()),
        }
    }
    found
}

/// All files of sessions: stores of inputs stay.
pub(crate) fn left_in(home: &Path) -> Vec<String> {
    let mut files = files_in(home);
    files.retain(|path| !path.contains("/.cache/farmbuild-board/c-"));
    files
}

/// Waits until something is so; panics, naming it, if it doesn't come about.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "this doesn't come about: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
