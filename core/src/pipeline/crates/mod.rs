//! Crates of Rust on hosts: a compile takes along all that it reads, under the names that it has here.
//!
//! A crate's metadata name the directories of its sources, and its hash counts them, so that no other directory gives the
//! same bytes: neither does `--remap-path-prefix`, which is noted there. So a host must offer the very same places,
//! see [`Executor::takes_crates`](crate::executor::Executor::takes_crates). Then nothing of the command line changes.
//!
//! [`inputs`] says what a compile may read, [`toolchain`] which rustc it is, `canary` whether a host's is the same,
//! [`artifacts`] what rustc says of what it writes, [`placing`] whether what came back may be used.

pub(super) mod artifacts;
mod canary;
pub(super) mod inputs;
mod placing;
mod toolchain;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use self::artifacts::Artifacts;
pub(super) use self::canary::CrateCanaries;
pub(super) use self::placing::{Expected, place};
use super::home::Home;
use super::naming::Names;
use super::placing::replaceable;
use super::stay::Stay;
use crate::analysis::rustc::{CrateType, RustcCompile};
use crate::job::{CrateFiles, EarlyOutput, Invocation, Job, JobId, SideFile, SourceText};
use crate::staging::StagedFile;

/// Why a crate doesn't travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrateStay {
    /// It becomes a program, a dynamic library or an archive for others.
    NoLibrary,
    /// Macros of crates that may change are in reach: they may read what nobody knows of.
    Macros,
    /// It takes in libraries of other languages, this machine's processor, or a target of its own.
    Native,
    /// What it reads lies where a host has its own files, or can't be told.
    Place(PathBuf),
    /// It may read more than is sent for one crate.
    Large,
    /// A variable of its environment changes what rustc does.
    Environment(String),
}

impl CrateStay {
    /// The word behind `jobs.local.` in `farmbuild stats`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoLibrary => "crate-links",
            Self::Macros => "crate-macros",
            Self::Native => "crate-native",
            Self::Place(_) => "crate-place",
            Self::Large => "crate-large",
            Self::Environment(_) => "crate-environment",
        }
    }
}

impl fmt::Display for CrateStay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLibrary => f.write_str("the crate is no library of Rust's"),
            Self::Macros => f.write_str("macros that it uses may read what isn't sent"),
            Self::Native => f.write_str("it takes in something of this machine"),
            Self::Place(path) => {
                write!(f, "it may read {}, where hosts have files of their own", path.display())
            }
            Self::Large => f.write_str("it may read more than is sent for one crate"),
            Self::Environment(name) => write!(f, "{name} is set"),
        }
    }
}

/// A crate on its way.
pub(super) struct TravellingCrate {
    pub(super) job: Job,
    pub(super) artifacts: Artifacts,
    /// Metadata that are there before the code is.
    pub(super) early: mpsc::UnboundedReceiver<StagedFile>,
    /// What it may read, sorted.
    pub(super) inputs: Vec<PathBuf>,
}

/// Finds out what crates take along. One for each farm.
pub(super) struct Crates {
    toolchains: toolchain::RustToolchains,
    seen: Arc<inputs::Seen>,
    pub(super) canaries: CrateCanaries,
}

impl Crates {
    pub(super) fn new(home: Arc<dyn Home>, names: Arc<Names>) -> Self {
        Self {
            toolchains: toolchain::RustToolchains::default(),
            seen: Arc::default(),
            canaries: CrateCanaries::new(home, names),
        }
    }

    /// Makes the job that hosts are given, or says why there is none.
    pub(super) async fn prepare(
        &self,
        home: &dyn Home,
        invocation: &Arc<Invocation>,
        compile: &Arc<RustcCompile>,
        id: JobId,
    ) -> Result<TravellingCrate, Stay> {
        may_travel(invocation, compile).map_err(Stay::Crate)?;
        let toolchain = self.toolchains.identify(home, invocation).await?;
        let cwd = &invocation.cwd;
        let looked = tokio::task::spawn_blocking({
            let (seen, invocation, compile) =
                (Arc::clone(&self.seen), Arc::clone(invocation), Arc::clone(compile));
            move || seen.inputs(&invocation, &compile)
        });
        // A runtime that ends runs no more threads.
        let looked = looked.await.unwrap_or_else(|_| Err(CrateStay::Place(cwd.clone())));
        let read = looked.map_err(Stay::Crate)?;
        let env = inputs::environment(invocation, &read.words);
        // The dep-info last.
        let outputs = compile.outputs.iter().map(|it| &it.path).chain(&compile.dep_info);
        let mut outputs = outputs
            .map(|path| replaceable(cwd.join(path), invocation.umask))
            .collect::<Result<Vec<_>, _>>()?;
        let artifacts = Artifacts::of(compile, &invocation.argv);
        let (sender, early) = mpsc::unbounded_channel();
        let declares = compile.outputs.iter().position(|it| !it.is_code);
        let with_code = compile.outputs.len() > 1 && artifacts.metadata.is_some();
        let early_output = declares.filter(|_| with_code);
        let early_output = early_output.map(|output| EarlyOutput { output, to: sender });
        let names = toolchain.names();
        let compiler = names.first().cloned().unwrap_or_default();
        let id_of_toolchain = self.canaries.introduce(&toolchain, invocation, compile, names);
        let object = outputs.remove(0);
        let side = |path: PathBuf| SideFile { there: path.clone(), path };
        let job = Job {
            id,
            compiler,
            toolchain: id_of_toolchain,
            args: invocation.argv.get(1..).unwrap_or_default().to_vec(),
            input: usize::MAX,
            output: usize::MAX,
            text: SourceText { bytes: Bytes::new(), lines: 0 },
            object,
            umask: invocation.umask,
            side_outputs: outputs.into_iter().map(side).collect(),
            directory_length: None,
            of_crate: Some(Arc::new(CrateFiles {
                cwd: cwd.clone(),
                env,
                inputs: read.files.clone(),
                source_bytes: read.source_bytes,
                early: early_output,
            })),
        };
        Ok(TravellingCrate { job, artifacts, early, inputs: read.files })
    }
}

fn may_travel(invocation: &Invocation, compile: &RustcCompile) -> Result<(), CrateStay> {
    let is_library = compile.crate_types.iter().all(|it| *it == CrateType::Rlib);
    let plain = |path: &Path| path.extension().is_some_and(|it| it == "rlib" || it == "rmeta");
    let outputs_are_plain = compile.outputs.iter().all(|it| plain(&it.path));
    if compile.links || !is_library || !outputs_are_plain || compile.outputs.is_empty() {
        return Err(CrateStay::NoLibrary);
    }
    let takes_in_libraries =
        compile.asked.iter().any(|it| it.as_encoded_bytes().starts_with(b"--l "));
    let own_place = compile.sysroot.is_some() || compile.target_file().is_some();
    if compile.native || takes_in_libraries || own_place || compile.dep_info.is_none() {
        return Err(CrateStay::Native);
    }
    let changing = ["RUST_TARGET_PATH", "RUSTC_LOG", "RUSTC_ICE", "LD_PRELOAD"];
    let set = invocation.env.iter().find(|(name, _)| changing.iter().any(|it| name == it));
    match set {
        Some((name, _)) => Err(CrateStay::Environment(name.to_string_lossy().into_owned())),
        None => Ok(()),
    }
}

/// One variable of a job's environment.
fn variable<'a>(invocation: &'a Invocation, name: &str) -> Option<&'a OsString> {
    invocation.env.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}
