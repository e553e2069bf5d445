//! A crate that wasn't found: kept when it has been compiled.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use farmbuild_core::analysis::rustc::dep_info::DepInfo;
use farmbuild_core::pipeline::cache::{Compiled, Miss, Text};
use farmbuild_core::pipeline::{CacheMode, Hit, Uncached};
use farmbuild_core::protocol::message::WhyChange;

use super::crates::Input;
use super::known::{self, Entry, Read};
use super::look_up::CrateJob;
use super::outputs::Taken;
use super::{linker, package};
use crate::cache::Inner;
use crate::claims::Claim;
use crate::plan::variable;
use crate::reason::Reason;
use crate::store::Key;

/// A crate that wasn't found.
pub(super) struct MissedCrate {
    pub(super) inner: Arc<Inner>,
    pub(super) claim: Claim,
    pub(super) job: CrateJob,
    /// How it differs from what is known.
    pub(super) changes: Vec<WhyChange>,
}

#[async_trait]
impl Miss for MissedCrate {
    fn wants_text(&self) -> bool {
        false
    }

    fn keeps(&self) -> bool {
        self.job.question.mode == CacheMode::ReadWrite
    }

    async fn look_up_text(&mut self, _text: Text<'_>) -> Option<Hit> {
        None
    }

    fn telling_args(&self) -> Vec<OsString> {
        match self.job.compile.links {
            true => linker::TELLING.map(OsString::from).into(),
            false => Vec::new(),
        }
    }

    async fn keep(self: Box<Self>, mut compiled: Compiled) -> Option<Uncached> {
        let Self { inner, claim, job, changes } = *self;
        let outcome = self::take(&inner, &job, &claim, &mut compiled);
        let verdict = match &outcome {
            Ok(_) if changes.is_empty() => "compiled: nothing like it was known".to_owned(),
            Ok(_) => "compiled: it differs from what was known".to_owned(),
            Err(reason) => {
                format!("compiled, and the result isn't kept: {}", Uncached::from(*reason))
            }
        };
        inner.explain(Some(job.source()), None, verdict, changes);
        let (read, taken) = match outcome {
            Ok(taken) => taken,
            Err(reason) => return Some(reason.into()),
        };
        Arc::clone(&inner)
            .in_background(move |inner| {
                let result = taken.store(&inner.parts.store, &job.base)?;
                known::keep(&inner.parts.store, &job.key, Entry { read, result })?;
                job.parts.keep(&inner.parts.store, &job.crate_key())
            })
            .await;
        None
    }
}

/// Takes in what a compile wrote and what it read, or says why that is of no use.
fn take(
    inner: &Inner,
    job: &CrateJob,
    claim: &Claim,
    compiled: &mut Compiled,
) -> Result<(Read, Taken), Reason> {
    let CrateJob { question, compile, .. } = job;
    let taken = Taken::read(compile, &question.invocation, compiled, job.looks())?;
    // Looked at when all has been read: whoever claims an output now can't have written it before.
    if claim.is_contested() {
        return Err(Reason::ContestedOutput);
    }
    let dep_info = compile.dep_info.as_deref().unwrap_or(Path::new(""));
    let info = DepInfo::parse(&taken.dep_info, dep_info).ok_or(Reason::Dependencies)?;
    if !info.files.contains(&compile.source) {
        return Err(Reason::Dependencies);
    }
    let mut read = Read { package: job.package, ..Read::default() };
    let files = &inner.parts.files;
    let mut note = |path: &Path| {
        let hash = files.unchanged_since(job.began, &question.invocation.cwd.join(path))?;
        read.files.push((job.base.spelled(path).as_os_str().as_bytes().to_vec(), hash));
        Ok(())
    };
    let mut absent = Vec::new();
    for path in &info.files {
        note(path)?;
        let other = other_place(path);
        absent.extend(
            other.filter(|it| fs::symlink_metadata(question.invocation.cwd.join(it)).is_err()),
        );
    }
    if let Some(linker) = &job.linker {
        let list = compiled.dependencies.as_deref().unwrap_or_default();
        let linked = link_inputs(job, list)?;
        for path in &linked {
            note(path)?;
        }
        absent.extend(linker::empty_places(linker, &linked));
    }
    let spelled = |path: &PathBuf| job.base.spelled(path).as_os_str().as_bytes().to_vec();
    read.absent = absent.iter().map(spelled).collect();
    for (name, value) in info.variables {
        // rustc read them in the environment that the wrapper told of, and may have been told others in other ways.
        let given = name.to_str().and_then(|name| variable(&question.invocation, name));
        if given != value.as_deref() {
            return Err(Reason::Dependencies);
        }
        let hash = value.map(|value| Key::of(value.as_bytes()));
        read.variables.push((name.as_bytes().to_vec(), hash));
    }
    // What was looked at before the compile must have been the same for its whole time.
    for Input { path, hash } in inputs(job) {
        if files.hash(path) != Some(*hash) {
            return Err(Reason::ChangedMeanwhile);
        }
    }
    if job.crates.have_macros && package::content(files, &question.invocation)? != job.package {
        return Err(Reason::ChangedMeanwhile);
    }
    if job.began.clock_was_set_since() {
        return Err(Reason::ClockMoved);
    }
    Ok((read, taken))
}

/// Where else a module's file might be: rustc wants exactly one of `x.rs` and `x/mod.rs`.
fn other_place(path: &Path) -> Option<PathBuf> {
    if path.extension()? != "rs" {
        return None;
    }
    match path.file_name()? == "mod.rs" {
        true => Some(path.parent()?.with_extension("rs")),
        false => Some(path.with_extension("").join("mod.rs")),
    }
}

fn inputs(job: &CrateJob) -> impl Iterator<Item = &Input> {
    job.crates.named.iter().chain(&job.crates.used).chain(&job.libraries)
}

/// The files that the linker read and that aren't part of the key.
fn link_inputs(job: &CrateJob, list: &[u8]) -> Result<Vec<PathBuf>, Reason> {
    let cwd = &job.question.invocation.cwd;
    let counted: BTreeSet<&Path> = inputs(job).map(|input| input.path.as_path()).collect();
    let out_dir = cwd.join(&job.compile.out_dir);
    let mut linked = Vec::new();
    for path in linker::inputs(list, cwd).ok_or(Reason::Dependencies)? {
        let is_counted = counted.contains(path.as_path()) || job.toolchain.has(&path);
        if is_counted || linked.contains(&path) {
            continue;
        }
        if fs::symlink_metadata(&path).is_err() && is_rustcs_own(&path, &out_dir) {
            continue;
        }
        linked.push(path);
    }
    Ok(linked)
}

/// Whether a file that is gone was one that rustc made for the link alone.
fn is_rustcs_own(path: &Path, out_dir: &Path) -> bool {
    let is_object = path.extension().is_some_and(|it| it == "o");
    let temporary = path.parent().and_then(Path::file_name);
    let in_temporary = temporary.is_some_and(|it| it.as_encoded_bytes().starts_with(b"rustc"));
    is_object && path.starts_with(out_dir) || in_temporary
}
