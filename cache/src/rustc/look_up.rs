//! The lookup of a crate before it is compiled.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use farmbuild_core::analysis::{Kind, RustcCompile};
use farmbuild_core::pipeline::cache::{LookUp, Question};
use farmbuild_core::pipeline::{Hit, Home, Uncached};
use farmbuild_core::protocol::message::WhyChange;

use super::crates::{self, Crates, Input, Seen};
use super::key::{self, Facts, Parts};
use super::linker::{Linker, Linkers};
use super::missed::MissedCrate;
use super::toolchain::{Toolchain, Toolchains};
use super::{environment, known, libraries, outputs, package};
use crate::base::Base;
use crate::cache::Inner;
use crate::clock::Moment;
use crate::reason::{self, Reason};
use crate::store::Key;
use crate::tier::change;

/// The tier that finds crates: nothing is run for them.
const TIER: &str = "direct";

/// What is remembered from crate to crate.
#[derive(Default)]
pub(crate) struct Rustc {
    toolchains: Toolchains,
    linkers: Linkers,
    seen: Seen,
}

/// A compile that may be cached.
pub(super) struct CrateJob {
    pub(super) question: Question,
    pub(super) compile: Arc<RustcCompile>,
    pub(super) base: Base,
    /// Before anything of it ran.
    pub(super) began: Moment,
    pub(super) toolchain: Arc<Toolchain>,
    pub(super) linker: Option<Arc<Linker>>,
    pub(super) crates: Crates,
    pub(super) libraries: Vec<Input>,
    /// What macros may read, if there are any.
    pub(super) package: Option<Key>,
    pub(super) parts: Parts,
    pub(super) key: Key,
}

impl CrateJob {
    /// The crate's root, absolute.
    pub(super) fn source(&self) -> PathBuf {
        self.question.invocation.cwd.join(&self.compile.source)
    }

    /// All that messages were made for.
    pub(super) fn looks(&self) -> String {
        let mut looks = self.question.terminal.clone();
        for look in &self.compile.looks {
            looks.push('\u{1f}');
            looks.push_str(&look.to_string_lossy());
        }
        looks
    }

    /// The key of the crate's record for explanations.
    pub(super) fn crate_key(&self) -> Key {
        key::of_crate(&self.question.invocation, &self.compile, &self.base)
    }
}

impl Inner {
    /// Looks a crate up.
    pub(crate) async fn look_up_crate(
        self: &Arc<Self>,
        question: Question,
        home: &Arc<dyn Home>,
        began: Moment,
    ) -> LookUp {
        let compile = match &question.analysis.rustc {
            Some(Ok(compile)) => Arc::clone(compile),
            _ if question.analysis.kind == Kind::Probe => {
                return LookUp::Uncached(Reason::NotACompile.into());
            }
            Some(Err(refused)) => return LookUp::Uncached(reason::objection(refused)),
            None => return LookUp::Uncached(Reason::NotACompile.into()),
        };
        let source = question.invocation.cwd.join(&compile.source);
        match self.prepare_crate(question, compile, home.as_ref(), began).await {
            Err(uncached) => {
                self.explain(Some(source), None, format!("not cached: {uncached}"), Vec::new());
                LookUp::Uncached(uncached)
            }
            Ok(job) => self.look_up_prepared(job),
        }
    }

    async fn prepare_crate(
        &self,
        question: Question,
        compile: Arc<RustcCompile>,
        home: &dyn Home,
        began: Moment,
    ) -> Result<CrateJob, Uncached> {
        let Question { invocation, .. } = &question;
        if let Some(refused) = environment::refused(invocation) {
            return Err(reason::objection(&refused));
        }
        if compile.dep_info.is_none() {
            return Err(Reason::Dependencies.into());
        }
        if compile.links && compile.target_file().is_some() {
            // It may name another linker.
            return Err(Reason::Linker.into());
        }
        let files = &self.parts.files;
        let Rustc { toolchains, linkers, seen } = &self.rustc;
        let toolchain = toolchains.identify(files, home, invocation, &compile).await?;
        let linker = match compile.links {
            true => {
                let id = toolchain.compiler.id;
                Some(linkers.identify(files, home, invocation, &compile, id).await?)
            }
            false => None,
        };
        let base = base_of(&question, &compile);
        let crates = crates::of(files, seen, &invocation.cwd, &compile)?;
        let libraries = libraries::of(files, &invocation.cwd, &compile)?;
        let package = match crates.have_macros {
            true => package::content(files, invocation)?,
            false => None,
        };
        let facts = Facts {
            toolchain: &toolchain,
            linker: linker.as_deref(),
            crates: &crates,
            libraries: &libraries,
            base: &base,
        };
        let parts = Parts::of(files, invocation, &compile, &facts)?;
        let key = parts.key();
        Ok(CrateJob {
            question,
            compile,
            base,
            began,
            toolchain,
            linker,
            crates,
            libraries,
            package,
            parts,
            key,
        })
    }

    fn look_up_prepared(self: &Arc<Self>, job: CrateJob) -> LookUp {
        let CrateJob { question, compile, .. } = &job;
        let cwd = &question.invocation.cwd;
        let written = compile.outputs.iter().map(|it| &it.path).chain(&compile.dep_info);
        // A hit writes its outputs too.
        let claim = self.claims.claim(written.map(|path| cwd.join(path)).collect());
        let mut nearest: Option<Vec<WhyChange>> = None;
        for entry in known::entries(&self.parts.store, &job.key).iter().rev() {
            let out_dir = cwd.join(&compile.out_dir);
            if !entry.result.suits(&out_dir, &job.base, &job.looks()) {
                let words = "its directory or the terminal shows in what is known";
                nearest.get_or_insert_with(|| vec![change("directory", words)]);
                continue;
            }
            let mut changes =
                entry.read.changes(&self.parts.files, &question.invocation, &job.base);
            if changes.is_empty() && entry.read.package != job.package {
                changes.push(change("file", "one of the package, which a macro may read"));
            }
            if changes.is_empty() {
                match outputs::restore(
                    &self.parts.store,
                    compile,
                    &question.invocation,
                    &entry.result,
                ) {
                    Ok((stdout, stderr)) => {
                        let verdict = "found: nothing that it was made of has changed".to_owned();
                        self.explain(Some(job.source()), Some(TIER), verdict, Vec::new());
                        let lines = entry.result.lines;
                        return LookUp::Hit(Hit { tier: TIER, stdout, stderr, lines });
                    }
                    Err(error) => {
                        tracing::debug!(source = %job.source().display(), %error, "a hit isn't used");
                        continue;
                    }
                }
            }
            if nearest.as_ref().is_none_or(|it| it.len() > changes.len()) {
                nearest = Some(changes);
            }
        }
        let changes =
            nearest.unwrap_or_else(|| job.parts.changes(&self.parts.store, &job.crate_key()));
        LookUp::Miss(Box::new(MissedCrate { inner: Arc::clone(self), claim, job, changes }))
    }
}

/// The directory whose name doesn't matter: that of the configuration, or what rustc was asked to map away.
fn base_of(question: &Question, compile: &RustcCompile) -> Base {
    if question.base.is_some() {
        return Base::new(question.base.as_deref());
    }
    // The last of them that fits is the one that rustc takes.
    let cwd = &question.invocation.cwd;
    let mapped = compile.remaps.iter().rev().map(|(from, _)| Path::new(from));
    Base::new(mapped.filter(|from| from.is_absolute()).find(|from| cwd.starts_with(from)))
}
