//! Which rustc a job would run, by content: the driver, the shared objects that it loads, and the target's own crates and
//! start files.
//!
//! A rustup proxy is asked for what stands behind it; where only the directory says which, it is asked each time.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farmbuild_core::analysis::RustcCompile;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::{Home, Uncached};

use crate::answers::Answers;
use crate::compiler::{self, Compiler};
use crate::files::Files;
use crate::plan::variable;
use crate::reason::Reason;
use crate::state::State;

/// What chooses a toolchain beside the program's name.
const CHOOSING: [&str; 7] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_HOME",
    "CARGO_HOME",
    "HOME",
    "PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
];

#[derive(Clone, PartialEq, Eq, Hash)]
struct Choice {
    program: PathBuf,
    target: Option<OsString>,
    sysroot: Option<PathBuf>,
    variables: Vec<Option<OsString>>,
}

/// A toolchain by content.
pub(super) struct Toolchain {
    pub(super) compiler: Compiler,
    /// Where its own crates are.
    pub(super) sysroot: PathBuf,
    /// Whatever appears in these is another toolchain.
    directories: Vec<(PathBuf, State)>,
}

/// The toolchains that were asked.
#[derive(Default)]
pub(super) struct Toolchains {
    known: Answers<Choice, Toolchain>,
}

impl Toolchains {
    /// The toolchain of an invocation.
    pub(super) async fn identify(
        &self,
        files: &Files,
        home: &dyn Home,
        invocation: &Invocation,
        compile: &RustcCompile,
    ) -> Result<Arc<Toolchain>, Uncached> {
        let by_directory = is_proxy(&invocation.program)
            && variable(invocation, "RUSTUP_TOOLCHAIN").is_none_or(OsStr::is_empty);
        if by_directory {
            return Ok(Arc::new(ask(files, home, invocation, compile).await?));
        }
        let choice = Choice {
            program: invocation.program.clone(),
            target: compile.target.clone(),
            sysroot: compile.sysroot.as_ref().map(|it| invocation.cwd.join(it)),
            variables: CHOOSING.map(|name| variable(invocation, name).map(OsStr::to_owned)).into(),
        };
        let asking = ask(files, home, invocation, compile);
        self.known.get(choice, |toolchain| toolchain.is_unchanged(files), asking).await
    }
}

impl Toolchain {
    /// Whether a file is among those that the toolchain is known by.
    pub(super) fn has(&self, path: &Path) -> bool {
        path.starts_with(&self.sysroot) && self.compiler.has(path)
    }

    fn is_unchanged(&self, files: &Files) -> bool {
        let same = |(path, state): &(PathBuf, State)| State::of(path) == Some(*state);
        self.directories.iter().all(same) && self.compiler.is_unchanged(files)
    }
}

fn is_proxy(program: &Path) -> bool {
    fs::canonicalize(program).is_ok_and(|it| {
        it.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"rustup"))
    })
}

async fn ask(
    files: &Files,
    home: &dyn Home,
    invocation: &Invocation,
    compile: &RustcCompile,
) -> Result<Toolchain, Uncached> {
    let unknown = || Uncached::from(Reason::CompilerUnknown);
    if !compiler::is_elf(&invocation.program) {
        return Err(Reason::CompilerScript.into());
    }
    let question = ["--print".into(), "sysroot".into()];
    let ran = home.run(invocation, &question).await.map_err(|_| unknown())?;
    let own = PathBuf::from(OsString::from_vec(ran.stdout.trim_ascii_end().to_vec()));
    if !ran.status.success() || !own.is_absolute() {
        return Err(unknown());
    }
    let ran = home.run(invocation, &["-vV".into()]).await.map_err(|_| unknown())?;
    let version = String::from_utf8_lossy(&ran.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or_else(unknown)?;
    let sysroot = match &compile.sysroot {
        Some(other) => invocation.cwd.join(other),
        None => own.clone(),
    };
    let driver = match is_proxy(&invocation.program) {
        true => own.join("bin/rustc"),
        false => invocation.program.clone(),
    };
    if !compiler::is_elf(&driver) {
        return Err(Reason::CompilerScript.into());
    }
    let mut paths = vec![driver.clone()];
    paths.extend(compiler::loaded_by(home, invocation, &driver).await.ok_or_else(unknown)?);
    let mut directories = Vec::new();
    let rustlib = |sysroot: &Path, target: &OsStr| sysroot.join("lib/rustlib").join(target);
    let target = match compile.target_file() {
        Some(file) => file.file_stem().unwrap_or_default().to_owned(),
        None => compile.target.clone().unwrap_or_else(|| host.into()),
    };
    for directory in [
        rustlib(&sysroot, &target).join("lib"),
        rustlib(&sysroot, host.as_ref()).join("bin"),
        rustlib(&own, host.as_ref()).join("codegen-backends"),
    ] {
        list(&directory, &mut paths, &mut directories);
    }
    let specification = rustlib(&sysroot, &target).join("target.json");
    paths.extend(specification.is_file().then_some(specification));
    let compiler = Compiler::of(files, "farmbuild rustc 1", paths).ok_or_else(unknown)?;
    Ok(Toolchain { compiler, sysroot, directories })
}

/// All files below a directory, in an order of their own.
fn list(directory: &Path, paths: &mut Vec<PathBuf>, directories: &mut Vec<(PathBuf, State)>) {
    let Some(state) = State::of(directory) else { return };
    directories.push((directory.to_owned(), state));
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => list(&path, paths, directories),
            false => paths.push(path),
        }
    }
}
