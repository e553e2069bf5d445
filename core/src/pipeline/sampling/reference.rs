//! This machine as a host: compiles a job as one gets it, of its text and in a directory of its own. What comes out is by
//! promise what a plain compile makes, and later edits of the sources don't matter.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempDir;

use crate::executor::{Beside, Capacity, ExecError, Executor, Outcome, Traffic};
use crate::job::{Invocation, Job, SharedJob};
use crate::pipeline::home::Home;
use crate::staging::StagedFile;

/// This machine, for one job.
pub(super) struct Reference {
    home: Arc<dyn Home>,
    /// What the job was made of: its compiler and its environment.
    invocation: Invocation,
}

impl Reference {
    pub(super) fn new(home: &Arc<dyn Home>, invocation: Invocation) -> Self {
        Self { home: Arc::clone(home), invocation }
    }
}

/// The longest name of a file.
const LONGEST: usize = 255;

/// The directory of a compile, removed when dropped.
struct Space {
    _removed: TempDir,
    directory: PathBuf,
}

impl Space {
    /// A directory whose name has `length` bytes, if that matters.
    fn new(length: Option<usize>) -> io::Result<Self> {
        let parent = fs::canonicalize(std::env::temp_dir())?;
        let Some(length) = length else {
            let removed = tempfile::Builder::new().prefix("farmbuild-").tempdir_in(parent)?;
            let directory = removed.path().to_owned();
            return Ok(Self { _removed: removed, directory });
        };
        let more_than = |parent: &Path| length.checked_sub(parent.as_os_str().len() + 9);
        // Where users have their temporary files may be far away.
        let parents = [parent, PathBuf::from("/tmp")];
        let found = parents.iter().find_map(|parent| Some((parent, more_than(parent)?)));
        let too_short = || io::Error::other("no directory has so short a name");
        let (parent, missing) = found.ok_or_else(too_short)?;
        // `/fb` and six letters are the least. A slash alone adds no directory: where just one more byte is wanted, the
        // first name takes it.
        let more = if missing <= LONGEST / 2 { missing } else { 0 };
        let removed =
            tempfile::Builder::new().prefix("fb").rand_bytes(6 + more).tempdir_in(parent)?;
        let mut directory = removed.path().to_owned();
        let mut missing = missing - more;
        while missing > 0 {
            // So that what is left is never the one byte of a slash.
            let name = (missing - 1).min(LONGEST - 1);
            let name = if missing - 1 - name == 1 { name - 1 } else { name };
            directory.push("d".repeat(name));
            missing -= 1 + name;
        }
        fs::create_dir_all(&directory)?;
        Ok(Self { _removed: removed, directory })
    }
}

#[async_trait]
impl Executor for Reference {
    fn host(&self) -> &str {
        "this machine"
    }

    fn capacity(&self) -> Capacity {
        Capacity { slots: 1, queue: 0 }
    }

    fn returns_side_outputs(&self) -> bool {
        true
    }

    async fn probe(&self) -> Result<(), ExecError> {
        Ok(())
    }

    async fn execute(&self, job: SharedJob) -> Result<Outcome, ExecError> {
        let refused = |what: &str, error: &io::Error| ExecError::Refused {
            host: self.host().to_owned(),
            detail: format!("can't {what}: {error}"),
        };
        let space = Space::new(job.directory_length)
            .map_err(|error| refused("make a temporary directory", &error))?;
        let there = &space.directory;
        let keeps_names = !job.side_outputs.is_empty() || job.directory_length.is_some();
        let output = match job.args.get(job.output).filter(|_| keeps_names) {
            Some(name) => PathBuf::from(name),
            None => PathBuf::from("output.o"),
        };
        let prepared = || {
            fs::write(there.join(job.text_name()), &job.text.bytes)?;
            let files = job.side_outputs.iter().map(|side| side.there.as_path());
            for file in files.chain([output.as_path()]) {
                if let Some(parent) = there.join(file).parent() {
                    fs::create_dir_all(parent)?;
                }
            }
            Ok(())
        };
        prepared().map_err(|error| refused("write the preprocessed source", &error))?;
        let args = job.args_for(job.text_name().as_ref(), output.as_os_str());
        let mut invocation = Invocation { cwd: there.clone(), ..self.invocation.clone() };
        invocation.env.retain(|(name, _)| name != "PWD");
        invocation.env.push(("PWD".into(), there.clone().into()));
        let ran = self.home.run(&invocation, &args).await;
        let ran = ran.map_err(|error| refused("start the compiler", &error))?;
        let (object, beside) = match ran.status.success() {
            true => (Some(stage(&job, &there.join(&output), &job.object)?), sides(&job, there)?),
            false => (None, None),
        };
        let (stdout, stderr): (Bytes, Bytes) = (ran.stdout, ran.stderr);
        let traffic = Traffic::default();
        Ok(Outcome { status: ran.status, stdout, stderr, object, beside, traffic })
    }
}

fn sides(job: &Job, there: &Path) -> Result<Option<Box<Beside>>, ExecError> {
    if job.side_outputs.is_empty() && job.directory_length.is_none() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for side in &job.side_outputs {
        let from = there.join(&side.there);
        files.push(match from.is_file() {
            true => Some(stage(job, &from, &side.path)?),
            false => None,
        });
    }
    let directory = job.directory_length.map(|_| there.to_owned());
    Ok(Some(Box::new(Beside { files, directory })))
}

fn stage(job: &Job, from: &Path, to: &Path) -> Result<StagedFile, ExecError> {
    StagedFile::copy(from, to, job.umask)
        .map_err(|source| ExecError::Output { path: to.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_a_name_of_the_length_that_is_asked_for() {
        let shortest = "/tmp/fb123456".len();
        for length in (shortest..shortest + 600).chain([2000]) {
            let space = Space::new(Some(length)).unwrap();
            assert_eq!(space.directory.as_os_str().len(), length);
            assert!(space.directory.is_dir());
        }
        assert!(Space::new(Some(shortest - 1)).is_err());
    }
}
