//! The cache as the pipeline sees it: a lookup before a job runs, another one with its text, the result at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use farmbuild_core::analysis::{Analysis, Kind};
use farmbuild_core::pipeline::cache::{LookUp, Question};
use farmbuild_core::pipeline::{Cache, Hit, Home, Uncached};
use farmbuild_core::protocol::message::{Why, WhyChange};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

use crate::absent::Absences;
use crate::account::Account;
use crate::claims::Claims;
use crate::clock::Moment;
use crate::compiler::Compilers;
use crate::declarations::Doubt;
use crate::declared::{DeclarationTier, Declared};
use crate::explanations::Explanations;
use crate::files::Files;
use crate::job::Job;
use crate::link;
use crate::manifest::StoredResult;
use crate::manifests::Manifests;
use crate::missed::Missed;
use crate::outputs::{self, Taken};
use crate::plan::{Plan, Work};
use crate::reason::Reason;
use crate::rustc::Rustc;
use crate::search::Chains;
use crate::store::{BlobId, Store, StoreConfig, StoreError};
use crate::tier::{ALL, Found, Kept, Parts, SeenText};
use crate::variants;

/// Results that are written at the same time; more wait, so that memory is bounded.
const WRITERS: usize = 4;
/// After how many results the store is looked after.
const UPKEEP_INTERVAL: u64 = 64;
/// How long it is looked after each time.
const UPKEEP_TIME: Duration = Duration::from_millis(200);

/// A cache of compiles in a directory.
#[derive(Clone)]
pub struct CompileCache {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    compilers: Compilers,
    pub(crate) chains: Chains,
    pub(crate) links: link::Inputs,
    pub(crate) rustc: Rustc,
    pub(crate) claims: Claims,
    explanations: Explanations,
    writers: Arc<Semaphore>,
    kept: AtomicU64,
    upkeep: AtomicBool,
    trouble: AtomicBool,
}

impl CompileCache {
    /// The cache in a directory. Neither reads nor writes anything yet.
    #[must_use]
    pub fn open(config: StoreConfig) -> Self {
        Self::with_declarations(config, None)
    }

    /// The cache in a directory, with the declaration tier if there are settings for it.
    #[must_use]
    pub fn with_declarations(config: StoreConfig, tier: Option<DeclarationTier>) -> Self {
        let parts = Parts {
            store: Store::open(config),
            files: Files::new(),
            absences: Absences::new(),
            manifests: Manifests::new(),
            declared: Declared::new(tier),
        };
        Self {
            inner: Arc::new(Inner {
                parts,
                compilers: Compilers::default(),
                chains: Chains::default(),
                links: link::Inputs::default(),
                rustc: Rustc::default(),
                claims: Claims::default(),
                explanations: Explanations::new(),
                writers: Arc::new(Semaphore::new(WRITERS)),
                kept: AtomicU64::new(0),
                upkeep: AtomicBool::new(false),
                trouble: AtomicBool::new(false),
            }),
        }
    }

    /// Whether the last result couldn't be written.
    #[must_use]
    pub fn is_in_trouble(&self) -> bool {
        self.inner.trouble.load(Ordering::Relaxed)
    }

    /// What came of the last lookup of a source: that at this absolute path, else all whose paths end so.
    #[must_use]
    pub fn why(&self, source: &Path) -> Vec<Why> {
        self.inner.explanations.of(source)
    }

    /// Jobs that the declaration tier didn't look at since this was last asked, by the reason.
    #[must_use]
    pub fn take_doubts(&self) -> BTreeMap<Doubt, u64> {
        self.inner.parts.declared.take_doubts()
    }

    /// How often compilers looked at new declarations, rather than compile them, since this was last asked.
    #[must_use]
    pub fn take_syntax_checks(&self) -> u64 {
        self.inner.parts.declared.syntax.take_count()
    }

    /// Forgets every result that has a file of one of these contents (blake3), once what has been taken in is written. It
    /// doesn't matter which job it was the result of. How many there were.
    pub async fn forget(&self, contents: &[[u8; 32]]) -> usize {
        self.settle().await;
        let (inner, contents) = (Arc::clone(&self.inner), contents.to_vec());
        let forgotten = tokio::task::spawn_blocking(move || {
            let ids = contents.into_iter().map(BlobId::from_bytes);
            ids.filter(|id| inner.parts.store.forget_blob(id)).count()
        });
        forgotten.await.unwrap_or_default()
    }

    /// Waits until what has been taken in is written.
    pub async fn settle(&self) {
        let all = u32::try_from(WRITERS).unwrap_or(u32::MAX);
        // Closed never.
        let _ = self.inner.writers.acquire_many(all).await;
        let parts = &self.inner.parts;
        if let Err(error) = parts.declared.known.flush(&parts.store) {
            tracing::warn!("known declarations couldn't be kept in the cache: {error}");
        }
    }
}

#[async_trait]
impl Cache for CompileCache {
    async fn look_up(&self, question: Question, home: &Arc<dyn Home>) -> LookUp {
        let began = Moment::now();
        let inner = &self.inner;
        if question.analysis.rustc.is_some() {
            return inner.look_up_crate(question, home, began).await;
        }
        let Analysis { kind, sources, output, .. } = question.analysis.as_ref();
        // A link is called by its output's name.
        let source = match kind {
            Kind::Link => output.as_ref(),
            _ => sources.first().map(|it| &it.path),
        };
        let source = source.map(|path| question.invocation.cwd.join(path));
        match inner.prepare(question, home.as_ref(), began).await {
            Err(uncached) => {
                if uncached.name != Reason::NotACompile.name() {
                    inner.explain(source, None, format!("not cached: {uncached}"), Vec::new());
                }
                LookUp::Uncached(uncached)
            }
            Ok(job) => {
                let is_link = job.plan.work == Work::Link;
                match beside_others(|| inner.look_up(job, home)) {
                    Ok(hit) => LookUp::Hit(hit),
                    Err(missed) if is_link => LookUp::Miss(missed.begun_anew().await),
                    Err(missed) => LookUp::Miss(missed),
                }
            }
        }
    }
}

/// Does `work`, which takes a millisecond or two and hardly waits, on this thread, whose other tasks, above all the
/// watch for what arrives, another one takes over meanwhile. On a runtime of one thread there is no other.
fn beside_others<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        _ => tokio::task::block_in_place(work),
    }
}

impl Inner {
    async fn prepare(
        &self,
        question: Question,
        home: &dyn Home,
        began: Moment,
    ) -> Result<Job, Uncached> {
        let plan = Plan::of(&question)?;
        let files = &self.parts.files;
        let compiler =
            self.compilers.identify(files, home, &question.invocation, plan.work).await?;
        Ok(Job::new(question, plan, compiler, began))
    }

    fn look_up(self: &Arc<Self>, job: Job, home: &Arc<dyn Home>) -> Result<Hit, Box<Missed>> {
        // A hit writes its outputs too.
        let claim = self.claims.claim(job.outputs());
        let (mut seen_before, mut changes) = (false, Vec::new());
        for tier in ALL.iter().filter(|tier| !tier.needs_text()) {
            let found = tier.look_up(&self.parts, &job, None);
            seen_before |= found.seen_before;
            if let Some(hit) = self.put_in_place(&job, tier.name(), &found, true) {
                return Ok(hit);
            }
            changes = found.changes;
        }
        if !seen_before {
            changes = variants::changes(&self.parts.store, &job);
        }
        let text = None;
        Err(Box::new(Missed {
            inner: Arc::clone(self),
            home: Arc::clone(home),
            claim,
            job: Arc::new(job),
            seen_before,
            changes,
            text,
            expected: None,
            second_look: None,
        }))
    }

    /// Puts a result that was found in its place.
    pub(crate) fn put_in_place(
        &self,
        job: &Job,
        tier: &'static str,
        found: &Found,
        with_rule: bool,
    ) -> Option<Hit> {
        let result = found.result.as_ref()?;
        let Job { question, plan, .. } = job;
        match outputs::restore(
            &self.parts.store,
            plan,
            &question.invocation,
            result,
            &job.base,
            with_rule,
        ) {
            Ok((stdout, stderr)) => {
                let verdict = match found.changes.as_slice() {
                    [] => "found: nothing that it was made of has changed".to_owned(),
                    _ => "found: what has changed can't show in the result".to_owned(),
                };
                self.explain(Some(job.source()), Some(tier), verdict, found.changes.clone());
                Some(Hit { tier, stdout, stderr, lines: result.lines })
            }
            Err(error) => {
                tracing::debug!(source = %job.source().display(), %error, "a hit isn't used");
                None
            }
        }
    }

    pub(crate) fn explain(
        &self,
        source: Option<PathBuf>,
        tier: Option<&str>,
        verdict: String,
        changes: Vec<WhyChange>,
    ) {
        if let Some(source) = source {
            self.explanations.note(source, tier, verdict, changes);
        }
    }

    /// Writes a result, in the background. At most [`WRITERS`] are on their way.
    pub(crate) async fn write(self: Arc<Self>, job: Arc<Job>, written: Written) {
        self.in_background(move |inner| inner.write_now(&job, written)).await;
    }

    /// Writes something in the background, when there is room for another writer.
    pub(crate) async fn in_background(
        self: Arc<Self>,
        write: impl FnOnce(&Self) -> Result<(), StoreError> + Send + 'static,
    ) {
        let Ok(permit) = Arc::clone(&self.writers).acquire_owned().await else { return };
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let outcome = write(&self);
            if let Err(error) = &outcome {
                tracing::warn!("a result couldn't be kept in the cache: {error}");
            }
            self.trouble.store(outcome.is_err(), Ordering::Relaxed);
            self.look_after_the_store();
        });
    }

    fn write_now(&self, job: &Job, written: Written) -> Result<(), StoreError> {
        let Written { what, account, text } = written;
        let compiled = matches!(what, What::Taken(_));
        let result = match what {
            What::Taken(taken) => taken.store(&self.parts.store, &job.base)?,
            What::Known(result) => result,
        };
        let kept = Kept {
            files: &account.files,
            absent: &account.absent,
            text: text.as_ref(),
            result: &result,
            compiled,
        };
        for tier in ALL {
            tier.keep(&self.parts, job, &kept)?;
        }
        variants::keep(&self.parts.store, job)
    }

    fn look_after_the_store(&self) {
        let due =
            self.kept.fetch_add(1, Ordering::Relaxed) % UPKEEP_INTERVAL == UPKEEP_INTERVAL - 1;
        if due && !self.upkeep.swap(true, Ordering::AcqRel) {
            self.parts.store.maintain(UPKEEP_TIME);
            self.upkeep.store(false, Ordering::Release);
        }
    }
}

impl Job {
    /// The source's absolute path.
    pub(crate) fn source(&self) -> PathBuf {
        self.question.invocation.cwd.join(&self.plan.source)
    }

    /// The absolute paths of its outputs.
    fn outputs(&self) -> Vec<PathBuf> {
        let Plan { outputs, dependencies, .. } = &self.plan;
        let outputs = outputs.iter().map(|output| &output.path);
        let all = outputs.chain(dependencies.iter().map(|file| &file.path));
        all.map(|path| self.question.invocation.cwd.join(path)).collect()
    }
}

/// A result on its way into the store.
pub(crate) struct Written {
    pub(crate) what: What,
    pub(crate) account: Account,
    pub(crate) text: Option<SeenText>,
}

pub(crate) enum What {
    /// From a compile.
    Taken(Taken),
    /// In the store already, under another key.
    Known(StoredResult),
}
