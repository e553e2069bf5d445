//! Remembers which way of splitting a compile was proven for which compiler and flags.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use super::home::Home;
use super::toolchain::{Stamp, Toolchain};
use crate::fidelity::{self, Language, Question, Recipe, RunCompiler};
use crate::job::Invocation;

/// A compiler and the flags that can change what a proof would find.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    stamp: Stamp,
    language: Language,
    flags: Vec<OsString>,
}

type Answer = Arc<OnceCell<Result<Arc<Recipe>, String>>>;

/// Proven recipes. A build has few sets of flags, so they are kept for the life of the process.
#[derive(Default)]
pub(super) struct Recipes {
    known: Mutex<HashMap<Key, Answer>>,
}

impl Recipes {
    /// The recipe for `flags`; proven now if nobody asked before. Jobs that ask meanwhile wait for the one proof.
    pub(super) async fn find(
        &self,
        home: &Arc<dyn Home>,
        toolchain: &Toolchain,
        invocation: &Invocation,
        language: Language,
        flags: Vec<OsString>,
    ) -> Result<Arc<Recipe>, String> {
        let key = Key { stamp: toolchain.stamp.clone(), language, flags };
        let answer = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(key.clone()).or_default())
        };
        let proof = || prove(Arc::clone(home), toolchain.family, invocation.clone(), key);
        answer.get_or_init(proof).await.clone()
    }
}

async fn prove(
    home: Arc<dyn Home>,
    family: fidelity::Family,
    invocation: Invocation,
    key: Key,
) -> Result<Arc<Recipe>, String> {
    let runtime = Handle::current();
    let proof = tokio::task::spawn_blocking(move || {
        let scratch = scratch_directory()?;
        let runner = Runner { home: home.as_ref(), invocation: &invocation, runtime: &runtime };
        let question = Question { family, language: key.language, flags: &key.flags };
        fidelity::prove(&runner, scratch.path(), &question).map_err(|error| error.to_string())
    });
    let recipe = proof.await.map_err(|error| error.to_string())??;
    tracing::debug!(?recipe, program = %key.stamp.display(), "a recipe was proven");
    Ok(Arc::new(recipe))
}

/// A private directory for a proof; removed with the value.
fn scratch_directory() -> Result<tempfile::TempDir, String> {
    let made = tempfile::Builder::new().prefix("farmbuild-proof-").tempdir();
    made.map_err(|error| format!("can't make a temporary directory: {error}"))
}

/// Runs a build's compiler, with the build's environment, in the directory of a proof.
struct Runner<'a> {
    home: &'a dyn Home,
    invocation: &'a Invocation,
    runtime: &'a Handle,
}

impl RunCompiler for Runner<'_> {
    fn run(&self, directory: &Path, args: &[OsString]) -> io::Result<fidelity::Ran> {
        let invocation = Invocation { cwd: directory.to_owned(), ..self.invocation.clone() };
        let ran = self.runtime.block_on(self.home.run(&invocation, args))?;
        Ok(fidelity::Ran {
            status: ran.status,
            stdout: ran.stdout.into(),
            stderr: ran.stderr.into(),
        })
    }
}
