//! The files of a crate on their way to their places, if they may go there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::artifacts::Artifacts;
use super::variable;
use crate::analysis::rustc::dep_info::DepInfo;
use crate::executor::{Outcome, Traffic};
use crate::job::Invocation;
use crate::pipeline::stay::Stay;

/// What a compile may have said and read.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct Expected<'a> {
    /// The dep-info's name, as spelt.
    pub(in crate::pipeline) dep_info: &'a Path,
    pub(in crate::pipeline) artifacts: &'a Artifacts,
    pub(in crate::pipeline) inputs: &'a [PathBuf],
}

/// Puts what came back in its place, metadata that are there already apart (`is_early`): all of it, if it is what the compile here would
/// have made. What rustc said comes back.
pub(in crate::pipeline) async fn place(
    outcome: Outcome,
    invocation: &Invocation,
    expected: Expected<'_>,
    is_early: bool,
) -> Result<(Bytes, Traffic), Stay> {
    let Expected { dep_info, artifacts, inputs } = expected;
    let Outcome { status, stdout, stderr, object, beside, traffic } = outcome;
    if !status.success() || !stdout.is_empty() || !artifacts.are_all_of(&stderr) {
        return Err(Stay::CompilerSaid);
    }
    let odd = |what: &str| Stay::OddObject(what.to_owned());
    let mut files = vec![object];
    files.extend(beside.map(|it| it.files).unwrap_or_default());
    let Some(Some(mut list)) = files.pop() else { return Err(odd("its dep-info is missing")) };
    let text = list.read_back().map_err(|error| Stay::Output(error.to_string()))?;
    check(&text, dep_info, invocation, inputs)?;
    let missing = files.iter().filter(|file| file.is_none()).count();
    if missing > usize::from(is_early) {
        return Err(odd("a file of the crate is missing"));
    }
    let placed = tokio::task::spawn_blocking(move || {
        files.into_iter().flatten().chain([list]).try_for_each(|file| file.commit())
    });
    let placed = placed.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    placed.map_err(|error| Stay::Output(error.to_string()))?;
    Ok((stderr, traffic))
}

/// What the compile read there must be what it would have read here.
fn check(
    text: &[u8],
    dep_info: &Path,
    invocation: &Invocation,
    inputs: &[PathBuf],
) -> Result<(), Stay> {
    let odd = |what: String| Stay::OddObject(what);
    let Some(info) = DepInfo::parse(text, dep_info) else {
        return Err(odd("its dep-info isn't understood".to_owned()));
    };
    let inputs: BTreeSet<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    for file in &info.files {
        if !inputs.contains(invocation.cwd.join(file).as_path()) {
            return Err(odd(format!("it read {}, which wasn't sent", file.display())));
        }
    }
    for (name, value) in &info.variables {
        let here = name.to_str().and_then(|name| variable(invocation, name));
        if here.map(|it| it.as_os_str()) != value.as_deref().map(OsStr::new) {
            return Err(odd(format!("it asked for {}, which is another one here", name.display())));
        }
    }
    Ok(())
}
