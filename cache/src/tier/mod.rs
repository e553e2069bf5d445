//! The tiers of the cache: ways to recognise a result, tried in order.
//!
//! A tier is one file here and one line in [`ALL`]. [`direct`] looks at files, and runs nothing; [`preprocessed`] looks at
//! the text that preprocessing makes of them, [`declaration`] at the declarations of that text that are used.

pub(crate) mod declaration;
pub(crate) mod direct;
mod places;
pub(crate) mod preprocessed;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use farmbuild_core::pipeline::cache::TextKind;
use farmbuild_core::protocol::message::WhyChange;

use crate::absent::{Absences, Absent};
use crate::declarations::{Doubt, Id, Split};
use crate::declared::Declared;
use crate::files::Files;
use crate::job::Job;
use crate::manifest::StoredResult;
use crate::manifests::Manifests;
use crate::marked;
use crate::source::ContentHash;
use crate::store::{Key, Store, StoreError};

/// The tiers, in the order in which they are tried.
pub(crate) const ALL: &[&dyn Tier] =
    &[&direct::Direct, &preprocessed::Preprocessed, &declaration::Declaration];

/// A way to recognise a result.
pub(crate) trait Tier: Send + Sync {
    /// Its name in `farmbuild stats`.
    fn name(&self) -> &'static str;

    /// Whether it needs the preprocessed text.
    fn needs_text(&self) -> bool;

    /// Looks for the result of `job`. `text` is there for a tier that needs it.
    fn look_up(&self, parts: &Parts, job: &Job, text: Option<&SeenText>) -> Found;

    /// Remembers a result.
    ///
    /// # Errors
    /// If it can't be written.
    fn keep(&self, parts: &Parts, job: &Job, kept: &Kept<'_>) -> Result<(), StoreError>;
}

/// What the tiers share.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) files: Files,
    pub(crate) absences: Absences,
    pub(crate) manifests: Manifests,
    pub(crate) declared: Declared,
}

/// What a tier found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) result: Option<StoredResult>,
    /// Something is known of the job, if not its result.
    pub(crate) seen_before: bool,
    /// How it differs from what is known; of a result that was found, what was overlooked.
    pub(crate) changes: Vec<WhyChange>,
    /// A result is there, and only what a compiler says of new declarations isn't known.
    pub(crate) lacks: Vec<Id>,
}

/// Files, and what each holds.
type Hashed = Vec<(PathBuf, ContentHash)>;

/// A job's preprocessed text. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SeenText {
    pub(crate) kind: TextKind,
    pub(crate) bytes: Bytes,
    /// Taken apart once, for the lookup and for what is kept, with the key of its declarations.
    pub(crate) split: Arc<OnceLock<Result<(Split, Key), Doubt>>>,
    /// The key of what is seen of its declarations, once that is known, and what must be known beside.
    pub(crate) view: Arc<OnceLock<(Key, Vec<Id>)>>,
    files: Arc<OnceLock<Option<Hashed>>>,
}

impl SeenText {
    pub(crate) fn new(kind: TextKind, bytes: Bytes) -> Self {
        Self { kind, bytes, split: Arc::default(), view: Arc::default(), files: Arc::default() }
    }

    /// The files that the text was made of, as they were then; `None` if one was changed since the job began.
    ///
    /// They are looked at once, for the lookup: what is kept later is written behind the job's back, when they may be
    /// others.
    pub(crate) fn files(&self, parts: &Parts, job: &Job) -> Option<&[(PathBuf, ContentHash)]> {
        let look = || {
            let mut files = Hashed::new();
            for name in marked::files(&self.bytes) {
                let path = job.question.invocation.cwd.join(Path::new(&name));
                let hash = parts.files.unchanged_since(job.began, &path).ok()?;
                files.push((path, hash));
            }
            Some(files)
        };
        self.files.get_or_init(look).as_deref()
    }

    /// Whether all that the text was made of is still what it was.
    pub(crate) fn is_unchanged(&self, parts: &Parts, job: &Job) -> bool {
        let holds = |(name, hash): &(PathBuf, ContentHash)| {
            let path = job.question.invocation.cwd.join(name);
            parts.files.unchanged_since(job.began, &path).is_ok_and(|it| it == *hash)
        };
        self.files(parts, job).is_some_and(|files| files.iter().all(holds))
    }
}

/// A result, and what it was made of.
pub(crate) struct Kept<'a> {
    /// Every file that was read, as the compiler spells it.
    pub(crate) files: &'a [(PathBuf, ContentHash)],
    /// What was looked for in vain.
    pub(crate) absent: &'a Absent,
    /// The text, if it was made.
    pub(crate) text: Option<&'a SeenText>,
    pub(crate) result: &'a StoredResult,
    /// By this very job, rather than found.
    pub(crate) compiled: bool,
}

impl Parts {
    /// The facts of a file in the state `hash`, from memory, the file or the store.
    pub(crate) fn facts(
        &self,
        path: &Path,
        hash: ContentHash,
    ) -> Option<Arc<crate::source::Facts>> {
        self.files
            .facts(path, hash)
            .or_else(|| self.manifests.stored_facts(&self.store, &self.files, hash))
    }
}

/// A change for people.
pub(crate) fn change(kind: &str, what: impl Into<String>) -> WhyChange {
    WhyChange { kind: kind.to_owned(), what: what.into() }
}
