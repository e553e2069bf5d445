//! Which rustc a job would run here, and what it may be called on a host.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::variable;
use crate::job::Invocation;
use crate::pipeline::home::Home;
use crate::pipeline::stay::Stay;
use crate::pipeline::toolchain::{Stamp, ToolchainError};

/// A rustc of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RustToolchain {
    /// Where its own crates are.
    sysroot: PathBuf,
    /// The state of the driver.
    stamp: Stamp,
}

impl RustToolchain {
    pub(super) fn id(&self) -> String {
        format!("rustc {} {}", self.sysroot.display(), self.stamp.id())
    }

    /// What it may be called on a host: a toolchain of rustup's by its name, what `PATH` has, or the same file as here.
    pub(super) fn names(&self) -> Vec<OsString> {
        let mut of_rustup = OsString::from("rustup:");
        of_rustup.push(self.sysroot.file_name().unwrap_or_default());
        vec![of_rustup, "rustc".into(), self.sysroot.join("bin/rustc").into()]
    }
}

/// What chooses a toolchain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Choice {
    program: Stamp,
    by_name: Option<OsString>,
    /// Behind a proxy, the directory may say which.
    directory: Option<PathBuf>,
}

/// Remembers which toolchain each choice is.
#[derive(Debug, Default)]
pub(super) struct RustToolchains {
    known: Mutex<HashMap<Choice, Arc<RustToolchain>>>,
}

impl RustToolchains {
    pub(super) async fn identify(
        &self,
        home: &dyn Home,
        invocation: &Invocation,
    ) -> Result<Arc<RustToolchain>, Stay> {
        let program = &invocation.program;
        let failed = |error| {
            Stay::Toolchain(ToolchainError::Run {
                program: program.clone(),
                error: Arc::new(error),
            })
        };
        let stamp = Stamp::of(program).map_err(failed)?;
        let by_name = variable(invocation, "RUSTUP_TOOLCHAIN").cloned();
        let directory = by_name.is_none().then(|| invocation.cwd.clone());
        let choice = Choice { program: stamp, by_name, directory };
        let known = self.lock().get(&choice).cloned();
        if let Some(known) = known
            && Stamp::of(&known.sysroot.join("bin/rustc")).is_ok_and(|it| it == known.stamp)
        {
            return Ok(known);
        }
        let question = ["--print".into(), "sysroot".into()];
        let ran = home.run(invocation, &question).await.map_err(failed)?;
        let sysroot = OsString::from_vec(ran.stdout.trim_ascii_end().to_vec());
        let sysroot = PathBuf::from(sysroot);
        let unknown = || Stay::Toolchain(ToolchainError::Unknown { program: program.clone() });
        if !ran.status.success() || !sysroot.is_absolute() {
            return Err(unknown());
        }
        let stamp = Stamp::of(&sysroot.join("bin/rustc")).map_err(failed)?;
        let toolchain = Arc::new(RustToolchain { sysroot, stamp });
        let mut known = self.lock();
        // Directories come and go.
        if known.len() >= 1024 {
            known.clear();
        }
        known.insert(choice, Arc::clone(&toolchain));
        Ok(toolchain)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Choice, Arc<RustToolchain>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The target of a compile as one word.
pub(super) fn target(target: Option<&OsStr>) -> String {
    target.map_or("host".to_owned(), |it| it.to_string_lossy().into_owned())
}
