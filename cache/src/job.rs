//! One job as the tiers see it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use farmbuild_core::pipeline::cache::Question;

use crate::base::Base;
use crate::clock::Moment;
use crate::compiler::Compiler;
use crate::digest::Digest;
use crate::manifest::{self, Macro, StoredResult};
use crate::plan::Plan;
use crate::store::Key;

/// A job that may be cached.
pub(crate) struct Job {
    pub(crate) question: Question,
    pub(crate) plan: Plan,
    pub(crate) compiler: Arc<Compiler>,
    /// The directory whose name doesn't matter.
    pub(crate) base: Base,
    /// Before anything of it ran.
    pub(crate) began: Moment,
    /// All that is known without looking at a file.
    pub(crate) digest: Digest,
    /// The key of its manifest.
    pub(crate) manifest: Key,
    flags: OnceLock<Key>,
}

impl Job {
    pub(crate) fn new(
        question: Question,
        plan: Plan,
        compiler: Arc<Compiler>,
        began: Moment,
    ) -> Self {
        let Question { invocation, analysis, .. } = &question;
        let base = Base::new(question.base.as_deref());
        let digest = plan.digest(invocation, analysis, compiler.id.as_bytes(), &base);
        let manifest = digest.key();
        let flags = OnceLock::new();
        Self { question, plan, compiler, base, began, digest, manifest, flags }
    }

    /// The key of its compiler with its flags, whatever the source. Made when it is asked for: a hit needs none.
    pub(crate) fn flags(&self) -> &Key {
        self.flags.get_or_init(|| {
            let Question { invocation, analysis, .. } = &self.question;
            self.plan.flags(invocation, analysis, self.compiler.id.as_bytes(), &self.base).key()
        })
    }

    /// Where a file of a manifest is.
    pub(crate) fn place(&self, spelled: &Path) -> PathBuf {
        self.base.place(&self.question.invocation.cwd, spelled)
    }

    /// Whether a result may be used in this job's directory, and was made for this job's terminal.
    pub(crate) fn suits(&self, result: &StoredResult) -> bool {
        let here = result.base.as_deref().is_none_or(|base| Some(base) == self.base.directory());
        here && (result.is_silent() || result.terminal == self.question.terminal)
    }

    /// `-D` and `-U`, in order.
    pub(crate) fn macros(&self) -> Vec<Macro> {
        manifest::macros(&self.question.analysis.arguments.macros)
    }
}
