//! One host and one source to compile on it.
#![allow(dead_code)] // Each test program uses its part.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use farmbuild_core::executor::{Capacity, Outcome};
use farmbuild_core::job::{Job, JobId, SharedJob, SourceText};
use farmbuild_distcc::{Compression, DistccConfig, DistccExecutor, Timeouts};
use farmbuild_testkit::TestSpace;

/// Both versions of the protocol.
pub(crate) const BOTH: [Compression; 2] = [Compression::None, Compression::Lzo];

/// Time-outs for servers that answer.
pub(crate) fn patient() -> Timeouts {
    Timeouts::default()
}

/// Time-outs for servers that don't.
pub(crate) fn short() -> Timeouts {
    let short = Duration::from_millis(700);
    Timeouts { connect: short, send: short, compile: short, receive: short }
}

/// An executor for one host.
pub(crate) fn executor(
    address: &str,
    compression: Compression,
    timeouts: Timeouts,
) -> DistccExecutor {
    DistccExecutor::new(DistccConfig {
        name: "board".to_owned(),
        address: address.parse().unwrap(),
        capacity: Capacity { slots: 4, queue: 4 },
        compression,
        timeouts,
    })
}

/// A source file, preprocessed.
pub(crate) struct Case {
    pub(crate) space: TestSpace,
    pub(crate) compiler: String,
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
    pub(crate) object: PathBuf,
}

impl Case {
    pub(crate) fn new(compiler: &str, name: &str, source: &str) -> Self {
        let space = TestSpace::new();
        space.write(name, source);
        let mut case = Self {
            space,
            compiler: compiler.to_owned(),
            name: name.to_owned(),
            text: Vec::new(),
            object: "a.o".into(),
        };
        case.preprocess(&[]);
        case
    }

    /// Makes the text anew, with these flags.
    pub(crate) fn preprocess(&mut self, flags: &[&str]) {
        let language = if self.name.ends_with(".cc") { "c++" } else { "c" };
        let args = flags.iter().copied().chain(["-E", "-x", language, &self.name]);
        self.text = self.space.run_ok(&self.compiler, args).stdout;
    }

    /// The job with these flags.
    pub(crate) fn job(&self, flags: &[&str]) -> SharedJob {
        self.job_for(&self.compiler, flags)
    }

    /// The job for another compiler.
    pub(crate) fn job_for(&self, compiler: &str, flags: &[&str]) -> SharedJob {
        let mut args: Vec<_> = flags.iter().map(Into::into).collect();
        args.extend(["-c".into(), self.name.clone().into(), "-o".into(), "a.o".into()]);
        let (input, output) = (args.len() - 3, args.len() - 1);
        Arc::new(Job {
            id: JobId(1),
            compiler: compiler.into(),
            toolchain: "a compiler".into(),
            args,
            input,
            output,
            text: SourceText { bytes: self.text.clone().into(), lines: 0 },
            object: self.space.join(&self.object),
            umask: 0o022,
            side_outputs: Vec::new(),
            directory_length: None,
            of_crate: None,
        })
    }

    /// The object that the compiler makes of the same text right here.
    pub(crate) fn compiled_here(&self, flags: &[&str]) -> Vec<u8> {
        let extension = if self.name.ends_with(".cc") { "ii" } else { "i" };
        let directory = TestSpace::new();
        let text = directory.write(format!("here.{extension}"), &self.text);
        let object = directory.join("here.o");
        let mut command = directory.command(&self.compiler);
        command.args(flags).arg("-c").arg(text).arg("-o").arg(&object);
        assert!(command.status().unwrap().success());
        fs::read(object).unwrap()
    }
}

/// What a successful outcome's object holds.
pub(crate) fn finish(outcome: Outcome) -> Vec<u8> {
    let mut staged = outcome.object.unwrap_or_else(|| {
        panic!("no object: {:?} {}", outcome.status, String::from_utf8_lossy(&outcome.stderr))
    });
    let mut bytes = Vec::new();
    staged.file().rewind().unwrap();
    staged.file().read_to_end(&mut bytes).unwrap();
    bytes
}
