//! Asks a host, by compiling a small crate there, whether its rustc makes the bytes that the one here makes.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::toolchain::{RustToolchain, target};
use crate::analysis::RustcCompile;
use crate::executor::{ExecError, Executor};
use crate::job::{CrateFiles, Invocation, Job, JobId, SideFile, SourceText};
use crate::pipeline::canary::first_line;
use crate::pipeline::home::Home;
use crate::pipeline::naming::Names;
use crate::scheduler::VetError;

/// Code of the standard library is compiled with it, and its places show in the debug info.
const SOURCE: &str = "\
#![doc = \"a canary\"]
use std::collections::HashMap;
pub fn count<'a>(words: impl Iterator<Item = &'a str>) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in words { *counts.entry(word.to_owned()).or_insert(0) += 1; }
    counts
}
pub fn mean(values: &[f64]) -> Option<f64> {
    assert!(values.len() < 1000, \"{} is too many, in {}\", values.len(), file!());
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
pub fn both(text: &str) -> Vec<(String, usize)> {
    let mut counted: Vec<_> = count(text.split(' ')).into_iter().collect();
    counted.sort();
    counted
}
";

/// A rustc as hosts are asked for it.
struct Spec {
    invocation: Invocation,
    target: Option<OsString>,
    names: Vec<OsString>,
}

/// Vets hosts for crates.
pub(in crate::pipeline) struct CrateCanaries {
    home: Arc<dyn Home>,
    names: Arc<Names>,
    specs: Mutex<HashMap<Arc<str>, Arc<Spec>>>,
}

impl CrateCanaries {
    pub(super) fn new(home: Arc<dyn Home>, names: Arc<Names>) -> Self {
        Self { home, names, specs: Mutex::default() }
    }

    /// Makes a rustc known, and returns what stands for it in a job.
    pub(super) fn introduce(
        &self,
        toolchain: &RustToolchain,
        invocation: &Invocation,
        compile: &RustcCompile,
        names: Vec<OsString>,
    ) -> Arc<str> {
        let target_name = target(compile.target.as_deref());
        let id: Arc<str> = format!("{} {target_name}", toolchain.id()).into();
        let mut specs = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        specs.entry(Arc::clone(&id)).or_insert_with(|| {
            let (invocation, target) = (invocation.clone(), compile.target.clone());
            Arc::new(Spec { invocation, target, names })
        });
        id
    }

    /// The path here of a rustc that was introduced.
    pub(in crate::pipeline) fn path_of(&self, toolchain: &str) -> Option<String> {
        self.spec(toolchain).map(|spec| spec.invocation.program.display().to_string())
    }

    fn spec(&self, toolchain: &str) -> Option<Arc<Spec>> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner).get(toolchain).cloned()
    }

    /// Asks the host under each name that it may have for the rustc.
    pub(in crate::pipeline) async fn ask(
        &self,
        executor: &dyn Executor,
        toolchain: &Arc<str>,
    ) -> Result<(), VetError> {
        if !executor.takes_crates() {
            return Err(VetError::Unsuited("it takes no crates"));
        }
        let unfit = |what: String| VetError::Unfit(what);
        let spec = self.spec(toolchain).ok_or_else(|| unfit("its rustc isn't known".to_owned()))?;
        let place = tempfile::Builder::new().prefix("farmbuild-canary-").tempdir();
        let place = place.map_err(|error| unfit(format!("no temporary directory: {error}")))?;
        // As the system names it: that is what rustc sees.
        let directory = fs::canonicalize(place.path()).map_err(|error| unfit(error.to_string()))?;
        let here = self.compile_here(&spec, &directory).await.map_err(unfit)?;
        let (mut differ, mut refused) = (None, None);
        for name in &spec.names {
            match send(executor, &spec, &directory, toolchain, name).await {
                Ok(there) if there == here => {
                    self.names.set(executor.host(), toolchain, name.clone());
                    return Ok(());
                }
                Ok(_) => {
                    differ = Some(
                        "it makes other bytes of a crate: it is another rustc, or built otherwise",
                    )
                }
                Err(ExecError::Refused { host, detail }) => {
                    // What isn't there by one name may be by another: what is there says more.
                    let is_missing = detail.contains(&*name.to_string_lossy());
                    if refused.is_none() || !is_missing {
                        refused = Some(ExecError::Refused { host, detail });
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        match (differ, refused) {
            (Some(differ), _) => Err(unfit(differ.to_owned())),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Err(unfit("it has no rustc".to_owned())),
        }
    }

    async fn compile_here(&self, spec: &Spec, directory: &Path) -> Result<Vec<Vec<u8>>, String> {
        let written = fs::write(directory.join("canary.rs"), SOURCE)
            .and_then(|()| fs::create_dir(directory.join("out")));
        written.map_err(|error| error.to_string())?;
        let mut invocation = Invocation { cwd: directory.to_owned(), ..spec.invocation.clone() };
        // The jobserver's pipes aren't here, which rustc would warn of.
        let pools = ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"];
        invocation.env.retain(|(name, _)| !pools.iter().any(|pool| name == pool));
        match self.home.run(&invocation, &args(spec)).await {
            Ok(ran) if ran.quietly() => {}
            Ok(ran) => {
                let said = first_line(&ran.stderr);
                return Err(format!("the local rustc refuses a canary: {said}"));
            }
            Err(error) => return Err(format!("the local rustc can't be run: {error}")),
        }
        let read = |name: &str| fs::read(directory.join(name)).map_err(|error| error.to_string());
        OUTPUTS.iter().map(|name| read(name)).collect()
    }
}

const OUTPUTS: [&str; 2] = ["out/libcanary.rlib", "out/libcanary.rmeta"];

fn args(spec: &Spec) -> Vec<OsString> {
    let words = "--crate-name canary --edition=2021 --crate-type lib --emit=metadata,link -C opt-level=2 -C debuginfo=2 \
                 -C metadata=canary --out-dir out canary.rs";
    let mut args: Vec<OsString> = words.split_whitespace().map(Into::into).collect();
    if let Some(target) = &spec.target {
        args.extend(["--target".into(), target.clone()]);
    }
    args
}

/// Compiles the canary there, under one name of the rustc. A compile that fails gives no files.
async fn send(
    executor: &dyn Executor,
    spec: &Spec,
    directory: &Path,
    toolchain: &Arc<str>,
    name: &OsString,
) -> Result<Vec<Vec<u8>>, ExecError> {
    let outputs = OUTPUTS.map(|name| directory.join(name));
    let job = Job {
        id: JobId(0),
        compiler: name.clone(),
        toolchain: Arc::clone(toolchain),
        args: args(spec),
        input: usize::MAX,
        output: usize::MAX,
        text: SourceText { bytes: Bytes::new(), lines: 0 },
        object: outputs[0].clone(),
        umask: 0o077,
        side_outputs: vec![SideFile { there: outputs[1].clone(), path: outputs[1].clone() }],
        directory_length: None,
        of_crate: Some(Arc::new(CrateFiles {
            cwd: directory.to_owned(),
            env: Vec::new(),
            inputs: vec![directory.join("canary.rs")],
            source_bytes: SOURCE.len(),
            early: None,
        })),
    };
    let outcome = executor.execute(Arc::new(job)).await?;
    let beside = outcome.beside.map(|it| it.files).unwrap_or_default();
    let files = [outcome.object].into_iter().chain(beside).flatten();
    let read = |mut file: crate::staging::StagedFile| {
        let path = file.path().to_owned();
        file.read_back().map_err(|source| ExecError::Output { path, source })
    };
    files.map(read).collect()
}
