//! One compiler invocation of a build, as it was given and as it travels.
//!
//! Knows nothing of how a command line is read (see `analysis`) nor of who runs it (see [`crate::executor`]).

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::staging::StagedFile;

/// A job's number, unique within one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A compiler invocation exactly as the build made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The real compiler on this machine (never a masquerading wrapper).
    pub program: PathBuf,
    /// `argv`, the compiler's own name first, as the build spelt it.
    pub argv: Vec<OsString>,
    /// The directory that relative names start from.
    pub cwd: PathBuf,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The file mode creation mask for outputs.
    pub umask: u32,
}

/// Preprocessed source: what a remote compile is fed with. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// The text itself.
    pub bytes: Bytes,
    /// How many lines it has.
    pub lines: u64,
}

/// A job in the form that an executor runs: one preprocessed source in, one object out.
#[derive(Clone, Debug)]
pub struct Job {
    /// For logs.
    pub id: JobId,
    /// The name of the compiler on the host: a bare name such as `x86_64-linux-gnu-gcc`, or an absolute path.
    pub compiler: OsString,
    /// Which compiler of this machine the host's must equal. Equal text means the same compiler.
    pub toolchain: Arc<str>,
    /// The arguments behind `argv[0]`. They hold `-c`, the input's name once, at `input`, and `-o NAME` with the
    /// output's name at `output`. An executor replaces both names as its transport needs.
    pub args: Vec<OsString>,
    /// Which of `args` is the input's name.
    pub input: usize,
    /// Which of `args` is the output's name.
    pub output: usize,
    /// The source.
    pub text: SourceText,
    /// Where the object belongs on this machine, absolute.
    pub object: PathBuf,
    /// The file mode creation mask for `object` and for side outputs.
    pub umask: u32,
    /// What the compile writes beside the object and is to come back, in order. Not empty: only for executors that
    /// [return side outputs](crate::executor::Executor::returns_side_outputs), and then the output's name in `args` is
    /// relative, has no `..`, and must stay as it is.
    pub side_outputs: Vec<SideFile>,
    /// The outputs hold the name of the directory that the compile runs in, as `PWD` tells it: that is to be so many bytes
    /// long. Only for executors that return side outputs; they say the name in the [`Outcome`](crate::executor::Outcome).
    pub directory_length: Option<usize>,
    /// A compile of a crate of Rust, in place of a text: only for executors that [take
    /// crates](crate::executor::Executor::takes_crates). `args` is then given to the compiler as it is, and side outputs
    /// have the same names there as here.
    pub of_crate: Option<Arc<CrateFiles>>,
}

impl Job {
    /// How much there is to compile, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.of_crate.as_ref().map_or(self.text.bytes.len(), |it| it.source_bytes)
    }

    /// A file name that tells the compiler what the text is: preprocessed C++ if the source was C++, else preprocessed C.
    #[must_use]
    pub fn text_name(&self) -> &'static str {
        let suffix = self.args.get(self.input).and_then(|name| Path::new(name).extension());
        match suffix.and_then(OsStr::to_str) {
            Some("cc" | "cp" | "cxx" | "cpp" | "CPP" | "c++" | "C" | "ii") => "input.ii",
            _ => "input.i",
        }
    }

    /// The arguments with other names for the input and the output.
    #[must_use]
    pub fn args_for(&self, input: &OsStr, output: &OsStr) -> Vec<OsString> {
        let name = |(index, given): (usize, &OsString)| match index {
            _ if index == self.input => input.to_owned(),
            _ if index == self.output => output.to_owned(),
            _ => given.clone(),
        };
        self.args.iter().enumerate().map(name).collect()
    }
}

/// What a compile of a crate needs to be at the very places where it is here.
#[derive(Clone, Debug)]
pub struct CrateFiles {
    /// The directory that it runs in.
    pub cwd: PathBuf,
    /// Its whole environment, but for what any program needs (`PATH`, `TMPDIR`).
    pub env: Vec<(OsString, OsString)>,
    /// The files that it may read: absolute, sorted, without `..`.
    pub inputs: Vec<PathBuf>,
    /// Bytes of its sources.
    pub source_bytes: usize,
    /// The output that is wanted as soon as it is there.
    pub early: Option<EarlyOutput>,
}

/// An output that others wait for while the compile goes on.
#[derive(Clone, Debug)]
pub struct EarlyOutput {
    /// Which: 0 is the object, others are side outputs, counted from 1.
    pub output: usize,
    /// Where it is given, once at most for each attempt. It is missing among the files of the outcome then.
    pub to: mpsc::UnboundedSender<StagedFile>,
}

/// A file that a compile writes beside its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideFile {
    /// Its name where the compile runs, relative to the directory that it runs in, without `..`.
    pub there: PathBuf,
    /// Where it belongs on this machine, absolute.
    pub path: PathBuf,
}

/// A job that several owners look at (a scheduler, an executor, a second attempt).
pub type SharedJob = Arc<Job>;

/// How a compiler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompilerStatus {
    /// It exited with this status.
    Exited(i32),
    /// A signal with this number ended it.
    Signaled(i32),
}

impl CompilerStatus {
    /// Whether it exited with status 0.
    #[must_use]
    pub fn success(self) -> bool {
        self == Self::Exited(0)
    }
}
