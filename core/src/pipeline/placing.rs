//! Outputs on their way to their places.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sampling::{Content, digest};
use super::stay::Stay;
use crate::analysis::{self, Analysis};
use crate::executor::{Outcome, Traffic};
use crate::fidelity::{ProducerCut, Side, exchange};
use crate::job::{CompilerStatus, Invocation};
use crate::staging::StagedFile;

/// Where the object belongs. What a host sends takes the place of a file that is there; a job stays home where a
/// compiler would do otherwise: gcc's assembler follows a link and writes into an empty file, whose mode and other
/// names then stay.
pub(super) fn object_path(invocation: &Invocation, analysis: &Analysis) -> Result<PathBuf, Stay> {
    let output =
        analysis.output.as_ref().ok_or_else(|| Stay::Output("it has no name".to_owned()))?;
    replaceable(invocation.cwd.join(output), invocation.umask)
}

/// Where a file is to go, if it may just take the place of what is there.
pub(super) fn replaceable(path: PathBuf, umask: u32) -> Result<PathBuf, Stay> {
    let Ok(meta) = fs::symlink_metadata(&path) else { return Ok(path) };
    if !meta.is_file() {
        return Err(Stay::Refused(analysis::Refusal::OutputNotAFile.into()));
    }
    let as_new = meta.nlink() == 1 && meta.mode() & 0o777 == 0o666 & !umask;
    if meta.len() == 0 && !as_new {
        return Err(Stay::Output("an empty file is there, which keeps its mode".to_owned()));
    }
    Ok(path)
}

/// What files go through when they are back.
#[derive(Default)]
pub(super) struct Finishing {
    /// Of the object.
    pub(super) object: Option<ProducerCut>,
    /// Of the debug info that is apart from it.
    pub(super) debug_info: Option<ProducerCut>,
    /// What the side outputs are, in order.
    pub(super) sides: Vec<Side>,
    /// What the compiler here would have called the directory that it runs in, where that shows.
    pub(super) directory: Option<PathBuf>,
}

/// Outputs that are ready to be put in their places.
pub(super) struct Finished {
    /// The object last.
    pub(super) files: Vec<StagedFile>,
    /// What they hold, if that was asked for.
    pub(super) contents: Vec<Content>,
}

/// Outputs that are in their places.
pub(super) struct Placed {
    pub(super) status: CompilerStatus,
    pub(super) traffic: Traffic,
    /// What they hold, if that was asked for.
    pub(super) contents: Vec<Content>,
}

/// Checks what came back, undoes what the recipe did to it and puts it in its place.
pub(super) async fn put_in_place(
    outcome: Outcome,
    finishing: &Arc<Finishing>,
    dependencies: Option<StagedFile>,
    object: &Path,
    with_contents: bool,
) -> Result<Placed, Stay> {
    let (status, traffic) = (outcome.status, outcome.traffic);
    let finished = finish_outcome(outcome, finishing, object, with_contents).await?;
    let path = object.to_owned();
    let placed = tokio::task::spawn_blocking(move || {
        let unwritable =
            |error: std::io::Error| Stay::Output(format!("{}: {error}", path.display()));
        if let Some(dependencies) = dependencies {
            dependencies.commit().map_err(unwritable)?;
        }
        for file in finished.files {
            file.commit().map_err(unwritable)?;
        }
        Ok(Placed { status, traffic, contents: finished.contents })
    });
    placed.await.unwrap_or_else(|error| Err(Stay::OddObject(error.to_string())))
}

/// Checks what came back and undoes what the recipe did to it.
pub(super) async fn finish_outcome(
    outcome: Outcome,
    finishing: &Arc<Finishing>,
    object: &Path,
    with_contents: bool,
) -> Result<Finished, Stay> {
    let Outcome { status, stdout, stderr, object: staged, beside, traffic: _ } = outcome;
    let (files, directory) = beside.map(|it| (it.files, it.directory)).unwrap_or_default();
    if !status.success() || !stdout.is_empty() || !stderr.is_empty() {
        return Err(Stay::CompilerSaid);
    }
    let Some(mut staged) = staged else {
        return Err(Stay::OddObject("it is missing".to_owned()));
    };
    let (path, finishing) = (object.to_owned(), Arc::clone(finishing));
    let finished = tokio::task::spawn_blocking(move || {
        let names = match (directory, finishing.directory.clone()) {
            (Some(there), Some(here)) if there.as_os_str().len() == here.as_os_str().len() => {
                Some((there, here))
            }
            (_, None) => None,
            _ => return Err(Stay::OddObject("its directory's name is of another length".into())),
        };
        if files.len() != finishing.sides.len() {
            return Err(Stay::OddObject("files beside it are missing".to_owned()));
        }
        let mut finished = Vec::new();
        for (file, kind) in files.into_iter().zip(&finishing.sides) {
            // What the compiler writes only now and then: debug info of a source without code, say.
            let Some(mut file) = file else { continue };
            let cut = finishing.debug_info.as_ref().filter(|_| *kind == Side::DebugInfo);
            finish(&mut file, cut, names.as_ref(), &path)?;
            finished.push(file);
        }
        finish(&mut staged, finishing.object.as_ref(), names.as_ref(), &path)?;
        finished.push(staged);
        let contents = match with_contents {
            true => finished.iter_mut().map(digest).collect::<Result<_, _>>(),
            false => Ok(Vec::new()),
        };
        let contents =
            contents.map_err(|error| Stay::Output(format!("{}: {error}", path.display())))?;
        Ok(Finished { files: finished, contents })
    });
    finished.await.unwrap_or_else(|error| Err(Stay::OddObject(error.to_string())))
}

/// Undoes in a file what its way made of it.
fn finish(
    file: &mut StagedFile,
    cut: Option<&ProducerCut>,
    names: Option<&(PathBuf, PathBuf)>,
    path: &Path,
) -> Result<(), Stay> {
    if cut.is_none() && names.is_none() {
        return Ok(());
    }
    let unwritable = |error: std::io::Error| Stay::Output(format!("{}: {error}", path.display()));
    let mut bytes = file.read_back().map_err(unwritable)?;
    if let Some(cut) = cut {
        bytes = cut.apply(&bytes).map_err(|error| Stay::OddObject(error.to_string()))?;
    }
    if let Some((there, here)) = names
        && !exchange(&mut bytes, there.as_os_str(), here.as_os_str())
    {
        return Err(Stay::OddObject("it names its directory in another way".to_owned()));
    }
    file.rewrite(&bytes).map_err(unwritable)
}

/// Puts a file in its place, if there is one.
pub(super) async fn commit(file: Option<StagedFile>) -> std::io::Result<()> {
    match file {
        Some(file) => {
            tokio::task::spawn_blocking(|| file.commit()).await.map_err(std::io::Error::other)?
        }
        None => Ok(()),
    }
}
