//! Compiles a small text of our own with a job's compiler and flags.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use farmbuild_core::analysis::RemotePlan;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Home;

/// Room for texts and objects, and how one becomes the other.
pub(super) struct Probe {
    /// Removed with it.
    _space: tempfile::TempDir,
    source: PathBuf,
    object: PathBuf,
    args: Vec<OsString>,
}

impl Probe {
    /// By a job's plan for compiling a text. Nothing is warned of.
    ///
    /// # Errors
    /// What is in the way, for people.
    pub(super) fn new(plan: &RemotePlan) -> Result<Self, String> {
        let space = tempfile::tempdir().map_err(|error| format!("no room for a probe: {error}"))?;
        let (source, object) = (space.path().join("probe.i"), space.path().join("probe.o"));
        let mut args = plan.compile_args.clone();
        for (at, path) in [(plan.input, &source), (plan.output, &object)] {
            match args.get_mut(at) {
                Some(arg) => *arg = path.clone().into_os_string(),
                None => {
                    return Err("how to compile a text with these flags can't be told".to_owned());
                }
            }
        }
        args.push(OsString::from("-w"));
        Ok(Self { _space: space, source, object, args })
    }

    /// The object that a text becomes.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(super) async fn object_of(
        &self,
        home: &dyn Home,
        invocation: &Invocation,
        text: &[u8],
    ) -> Result<Vec<u8>, String> {
        let no_room = |error| format!("no room for a probe: {error}");
        fs::write(&self.source, text).map_err(no_room)?;
        let ran = home.run(invocation, &self.args).await;
        let ran = ran.map_err(|error| format!("the probe's compile can't be started: {error}"))?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            return Err(format!("the probe doesn't compile with these flags: {said}"));
        }
        fs::read(&self.object).map_err(|error| format!("the probe's object: {error}"))
    }
}
