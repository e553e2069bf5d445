//! A compiler of this machine: found by name, and asked what it is.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farmbuild_core::analysis::{CompilerName, Driver};
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::toolchain::{Toolchain, Toolchains};
use farmbuild_core::pipeline::{Home, Ran};
use farmbuild_local::home::LocalHome;

use crate::real_compiler::Finder;

/// A compiler of this machine.
#[derive(Clone, Debug)]
pub(crate) struct LocalCompiler {
    /// How it is called, and in which environment.
    invocation: Invocation,
    /// The file behind all links.
    pub(crate) file: PathBuf,
    /// What it says of itself.
    pub(crate) toolchain: Arc<Toolchain>,
}

impl LocalCompiler {
    /// Finds a compiler on PATH, or takes the path; wrappers are passed over.
    pub(crate) async fn find(name: &OsStr) -> Result<Self, String> {
        let Some(found) = Finder::new(None).find(name, env::var_os("PATH").as_deref()) else {
            return Err(format!("there is no compiler {} here", name.display()));
        };
        let mut env: Vec<(OsString, OsString)> = env::vars_os().collect();
        // Words that are read here are in English.
        env.retain(|(key, _)| !["PATH", "LC_ALL", "LANGUAGE"].iter().any(|gone| key == gone));
        env.push(("LC_ALL".into(), "C".into()));
        env.extend(found.path.map(|path| ("PATH".into(), path)));
        let invocation = Invocation {
            program: found.program,
            argv: vec![found.name],
            cwd: "/".into(),
            env,
            umask: 0o077,
        };
        let toolchain = Toolchains::default().identify(&LocalHome, &invocation).await;
        let toolchain = toolchain.map_err(|error| error.to_string())?;
        let cannot = |error| format!("{} can't be found: {error}", invocation.program.display());
        let file = fs::canonicalize(&invocation.program).map_err(cannot)?;
        Ok(Self { invocation, file, toolchain })
    }

    /// Where it was found.
    pub(crate) fn program(&self) -> &Path {
        &self.invocation.program
    }

    /// The name that it was called by, without a directory.
    pub(crate) fn name(&self) -> &OsStr {
        self.invocation.program.file_name().unwrap_or_default()
    }

    /// Which language it takes a `.c` file for.
    pub(crate) fn driver(&self) -> Driver {
        CompilerName::of(self.name()).driver
    }

    /// The compiler beside it for the other language: `g++-12` of `gcc-12`.
    pub(crate) async fn sibling(&self) -> Option<Self> {
        let name = self.name().to_str()?;
        let pairs = match self.driver() {
            Driver::C => [("clang", "clang++"), ("gcc", "g++"), ("cc", "c++")],
            Driver::Cxx => [("clang++", "clang"), ("g++", "gcc"), ("c++", "cc")],
        };
        let (at, (own, other)) = pairs.iter().find_map(|pair| Some((name.rfind(pair.0)?, pair)))?;
        let name = format!("{}{other}{}", &name[..at], &name[at + own.len()..]);
        let beside = self.program().with_file_name(name);
        let sibling = Self::find(beside.as_os_str()).await.ok()?;
        let (mine, theirs) = (&self.toolchain, &sibling.toolchain);
        let same = (mine.family, &mine.version, &mine.target)
            == (theirs.family, &theirs.version, &theirs.target);
        same.then_some(sibling)
    }

    /// Runs it in a directory.
    pub(crate) async fn run(&self, directory: &Path, args: &[OsString]) -> Result<Ran, String> {
        let invocation = Invocation { cwd: directory.to_owned(), ..self.invocation.clone() };
        let ran = LocalHome.run(&invocation, args).await;
        ran.map_err(|error| format!("{} can't be run: {error}", self.program().display()))
    }

    /// The line that it answers to a question such as `-print-prog-name=cc1`.
    pub(crate) async fn ask(&self, question: &str) -> Result<String, String> {
        let ran = self.run(Path::new("/"), &[question.into()]).await?;
        match (ran.status.success(), std::str::from_utf8(&ran.stdout)) {
            (true, Ok(answer)) => Ok(answer.lines().next().unwrap_or_default().trim().to_owned()),
            _ => Err(format!("{} doesn't answer {question}", self.program().display())),
        }
    }

    /// A program that it calls, by its path; `None` if there is none.
    pub(crate) async fn program_of(&self, name: &str) -> Option<PathBuf> {
        let answer = PathBuf::from(self.ask(&format!("-print-prog-name={name}")).await.ok()?);
        let path =
            self.invocation.env.iter().find(|(key, _)| key == "PATH").map(|(_, path)| path)?;
        let found = match answer.components().count() {
            // It looks this one up on PATH.
            1 => env::split_paths(path).map(|it| it.join(&answer)).find(|it| it.is_file()),
            _ => Some(answer),
        };
        fs::canonicalize(found?).ok().filter(|path| path.is_file())
    }

    /// A directory or file of its own; `None` if there is none.
    pub(crate) async fn file_of(&self, name: &str) -> Option<PathBuf> {
        let answer = PathBuf::from(self.ask(&format!("-print-file-name={name}")).await.ok()?);
        answer.is_absolute().then(|| fs::canonicalize(answer).ok()).flatten()
    }
}
