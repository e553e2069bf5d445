//! One job as the tiers see it.

use std::sync::Arc;

use farmbuild_core::pipeline::cache::Question;

use crate::clock::Moment;
use crate::compiler::Compiler;
use crate::digest::Digest;
use crate::manifest::{self, Macro};
use crate::plan::Plan;
use crate::store::Key;

/// A job that may be cached.
pub(crate) struct Job {
    pub(crate) question: Question,
    pub(crate) plan: Plan,
    pub(crate) compiler: Arc<Compiler>,
    /// Before anything of it ran.
    pub(crate) began: Moment,
    /// All that is known without looking at a file.
    pub(crate) digest: Digest,
    /// The key of its manifest.
    pub(crate) manifest: Key,
}

impl Job {
    pub(crate) fn new(
        question: Question,
        plan: Plan,
        compiler: Arc<Compiler>,
        began: Moment,
    ) -> Self {
        let Question { invocation, analysis, .. } = &question;
        let digest = plan.digest(invocation, analysis, compiler.id.as_bytes());
        let manifest = digest.key();
        Self { question, plan, compiler, began, digest, manifest }
    }

    /// `-D` and `-U`, in order.
    pub(crate) fn macros(&self) -> Vec<Macro> {
        manifest::macros(&self.question.analysis.arguments.macros)
    }
}
