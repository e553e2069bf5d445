//! Outputs on their way to their places.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::stay::Stay;
use crate::analysis::{self, Analysis};
use crate::executor::{Outcome, Traffic};
use crate::fidelity::ProducerCut;
use crate::job::{CompilerStatus, Invocation};
use crate::staging::StagedFile;

/// Where the object belongs. What a host sends takes the place of a file that is there; a job stays home where a
/// compiler would do otherwise: gcc's assembler follows a link and writes into an empty file, whose mode and other
/// names then stay.
pub(super) fn object_path(invocation: &Invocation, analysis: &Analysis) -> Result<PathBuf, Stay> {
    let output =
        analysis.output.as_ref().ok_or_else(|| Stay::Output("it has no name".to_owned()))?;
    let path = invocation.cwd.join(output);
    let Ok(meta) = fs::symlink_metadata(&path) else { return Ok(path) };
    if !meta.is_file() {
        return Err(Stay::Refused(analysis::Refusal::OutputNotAFile.into()));
    }
    let as_new = meta.nlink() == 1 && meta.mode() & 0o777 == 0o666 & !invocation.umask;
    if meta.len() == 0 && !as_new {
        return Err(Stay::Output("an empty file is there, which keeps its mode".to_owned()));
    }
    Ok(path)
}

/// Checks what came back, undoes what the recipe did to it and puts it in its place.
pub(super) async fn put_in_place(
    outcome: Outcome,
    rewrite: Option<ProducerCut>,
    dependencies: Option<StagedFile>,
    object: &Path,
) -> Result<(CompilerStatus, Traffic), Stay> {
    let Outcome { status, stdout, stderr, object: staged, traffic, .. } = outcome;
    if !status.success() || !stdout.is_empty() || !stderr.is_empty() {
        return Err(Stay::CompilerSaid);
    }
    let Some(mut staged) = staged else {
        return Err(Stay::OddObject("it is missing".to_owned()));
    };
    let path = object.to_owned();
    let placed = tokio::task::spawn_blocking(move || {
        let unwritable =
            |error: std::io::Error| Stay::Output(format!("{}: {error}", path.display()));
        if let Some(rewrite) = rewrite {
            let bytes = staged.read_back().map_err(unwritable)?;
            let bytes =
                rewrite.apply(&bytes).map_err(|error| Stay::OddObject(error.to_string()))?;
            staged.rewrite(&bytes).map_err(unwritable)?;
        }
        if let Some(dependencies) = dependencies {
            dependencies.commit().map_err(unwritable)?;
        }
        staged.commit().map_err(unwritable)
    });
    match placed.await {
        Ok(placed) => placed.map(|()| (status, traffic)),
        Err(error) => Err(Stay::OddObject(error.to_string())),
    }
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
