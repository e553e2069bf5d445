//! The cache as the pipeline sees it: a lookup before a job runs, another one with its text, the result at the end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use farmbuild_core::analysis::DependencyFile;
use farmbuild_core::pipeline::cache::{Compiled, LookUp, Miss, Question, Text};
use farmbuild_core::pipeline::{Cache, CacheMode, Hit, Home, Uncached};
use farmbuild_core::protocol::message::{Why, WhyChange};
use tokio::sync::Semaphore;

use crate::absent::Absences;
use crate::account::{self, Told};
use crate::claims::{Claim, Claims};
use crate::clock::Moment;
use crate::compiler::Compilers;
use crate::explanations::Explanations;
use crate::files::Files;
use crate::job::Job;
use crate::manifest::StoredResult;
use crate::manifests::Manifests;
use crate::marked;
use crate::outputs::{self, Taken};
use crate::plan::Plan;
use crate::reason::Reason;
use crate::rule::Rule;
use crate::search::Chains;
use crate::store::{Store, StoreConfig, StoreError};
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

struct Inner {
    parts: Parts,
    compilers: Compilers,
    chains: Chains,
    claims: Claims,
    explanations: Explanations,
    writers: Arc<Semaphore>,
    kept: AtomicU64,
    upkeep: AtomicBool,
    trouble: Mutex<Option<String>>,
}

impl CompileCache {
    /// The cache in a directory. Neither reads nor writes anything yet.
    #[must_use]
    pub fn open(config: StoreConfig) -> Self {
        let parts = Parts {
            store: Store::open(config),
            files: Files::new(),
            absences: Absences::new(),
            manifests: Manifests::new(),
        };
        Self {
            inner: Arc::new(Inner {
                parts,
                compilers: Compilers::default(),
                chains: Chains::default(),
                claims: Claims::default(),
                explanations: Explanations::new(),
                writers: Arc::new(Semaphore::new(WRITERS)),
                kept: AtomicU64::new(0),
                upkeep: AtomicBool::new(false),
                trouble: Mutex::default(),
            }),
        }
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.parts.store
    }

    /// Forgets what is in memory, after the store was emptied.
    pub fn forget(&self) {
        self.inner.parts.manifests.forget();
    }

    /// Why results couldn't be written lately, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What came of the last lookup of the source at this absolute path.
    #[must_use]
    pub fn why(&self, source: &Path) -> Option<Why> {
        self.inner.explanations.of(source).into_iter().next()
    }

    /// What came of the last lookups of all sources, the newest first.
    #[must_use]
    pub fn why_all(&self) -> Vec<Why> {
        self.inner.explanations.all()
    }

    /// Waits until what has been taken in is written.
    pub async fn settle(&self) {
        let all = u32::try_from(WRITERS).unwrap_or(u32::MAX);
        // Closed never.
        let _ = self.inner.writers.acquire_many(all).await;
    }
}

#[async_trait]
impl Cache for CompileCache {
    async fn look_up(&self, question: Question, home: &Arc<dyn Home>) -> LookUp {
        let began = Moment::now();
        let inner = &self.inner;
        let source =
            question.analysis.sources.first().map(|it| question.invocation.cwd.join(&it.path));
        match inner.prepare(question, home.as_ref(), began).await {
            Err(uncached) => {
                if uncached.name != Reason::NotACompile.name() {
                    inner.explain(source, None, format!("not cached: {uncached}"), Vec::new());
                }
                LookUp::Uncached(uncached)
            }
            Ok(job) => inner.look_up(job, home),
        }
    }
}

impl Inner {
    async fn prepare(
        &self,
        question: Question,
        home: &dyn Home,
        began: Moment,
    ) -> Result<Job, Uncached> {
        let plan = Plan::of(&question.invocation, &question.analysis)?;
        let files = &self.parts.files;
        let compiler =
            self.compilers.identify(files, home, &question.invocation, plan.is_cxx).await?;
        Ok(Job::new(question, plan, compiler, began))
    }

    fn look_up(self: &Arc<Self>, job: Job, home: &Arc<dyn Home>) -> LookUp {
        // A hit writes its outputs too.
        let claim = self.claims.claim(job.outputs());
        let (mut seen_before, mut changes) = (false, Vec::new());
        for tier in ALL.iter().filter(|tier| !tier.needs_text()) {
            let found = tier.look_up(&self.parts, &job, None);
            seen_before |= found.seen_before;
            if let Some(hit) = self.put_in_place(&job, tier.name(), &found, true) {
                return LookUp::Hit(hit);
            }
            changes = found.changes;
        }
        if !seen_before {
            changes = variants::changes(&self.parts.store, &job);
        }
        let text = None;
        LookUp::Miss(Box::new(Missed {
            inner: Arc::clone(self),
            home: Arc::clone(home),
            claim,
            job,
            seen_before,
            changes,
            text,
        }))
    }

    /// Puts a result that was found in its place.
    fn put_in_place(
        &self,
        job: &Job,
        tier: &'static str,
        found: &Found,
        with_rule: bool,
    ) -> Option<Hit> {
        let result = found.result.as_ref()?;
        let Job { question, plan, .. } = job;
        match outputs::restore(&self.parts.store, plan, &question.invocation, result, with_rule) {
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

    fn explain(
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
    async fn write(self: Arc<Self>, job: Arc<Job>, written: Written) {
        let Ok(permit) = Arc::clone(&self.writers).acquire_owned().await else { return };
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let outcome = self.write_now(&job, written);
            let trouble = outcome.err().map(|error| error.to_string());
            if let Some(trouble) = &trouble {
                tracing::warn!("a result couldn't be kept in the cache: {trouble}");
            }
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
            self.look_after_the_store();
        });
    }

    fn write_now(&self, job: &Job, written: Written) -> Result<(), StoreError> {
        let Written { what, account, text } = written;
        let result = match what {
            What::Taken(taken) => taken.store(&self.parts.store)?,
            What::Known(result) => result,
        };
        let kept = Kept {
            files: &account.files,
            absent: &account.absent,
            text: text.as_ref(),
            result: &result,
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
    fn source(&self) -> PathBuf {
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
struct Written {
    what: What,
    account: account::Account,
    text: Option<SeenText>,
}

enum What {
    /// From a compile.
    Taken(Taken),
    /// In the store already, under another key.
    Known(StoredResult),
}

/// A job that wasn't found.
struct Missed {
    inner: Arc<Inner>,
    home: Arc<dyn Home>,
    claim: Claim,
    job: Job,
    seen_before: bool,
    changes: Vec<WhyChange>,
    text: Option<SeenText>,
}

#[async_trait]
impl Miss for Missed {
    fn wants_text(&self) -> bool {
        self.seen_before && !self.job.plan.is_preprocessed()
    }

    fn keeps(&self) -> bool {
        self.job.question.mode == CacheMode::ReadWrite
    }

    async fn look_up_text(&mut self, text: Text<'_>) -> Option<Hit> {
        let Text { kind, bytes, dependencies } = text;
        let text = SeenText { kind, bytes: bytes.clone() };
        for tier in ALL.iter().filter(|tier| tier.needs_text()) {
            let found = tier.look_up(&self.inner.parts, &self.job, Some(&text));
            let Some(hit) = self.inner.put_in_place(&self.job, tier.name(), &found, false) else {
                continue;
            };
            let rule = dependencies.and_then(|file| file.read_back().ok());
            if let Some(result) = found.result.filter(|_| self.keeps()) {
                self.recall_by_files(result, rule, &text).await;
            }
            return Some(hit);
        }
        self.text = Some(text);
        None
    }

    fn telling_args(&self) -> Vec<OsString> {
        let plan = &self.job.plan;
        if plan.is_preprocessed() || plan.dependencies.is_some() {
            return Vec::new();
        }
        vec!["-MD".into(), "-MF".into()]
    }

    async fn keep(self: Box<Self>, compiled: Compiled) -> Option<Uncached> {
        let Self { inner, home, claim, job, changes, text, .. } = *self;
        let source = job.source();
        let explain =
            |verdict: String| inner.explain(Some(source.clone()), None, verdict, changes.clone());
        let told = told(&job, text.as_ref(), compiled.dependencies.as_deref());
        let outcome = async {
            let (told, rule) = told.ok_or(Reason::Dependencies)?;
            let mut taken = Taken::read(&job.plan, &job.question.invocation, rule)?;
            // Looked at when all has been read: whoever claims an output now can't have written it before.
            if claim.is_contested() {
                return Err(Reason::ContestedOutput.into());
            }
            taken.stdout = compiled.stdout;
            taken.stderr = compiled.stderr;
            taken.terminal.clone_from(&job.question.terminal);
            taken.lines = compiled.lines;
            let account =
                account::of(&inner.parts, &inner.chains, home.as_ref(), &job, told).await?;
            Ok((taken, account))
        };
        match outcome.await {
            Ok((taken, account)) => {
                explain(match changes.is_empty() {
                    true => "compiled: nothing like it was known".to_owned(),
                    false => "compiled: it differs from what was known".to_owned(),
                });
                let written = Written { what: What::Taken(taken), account, text };
                Arc::clone(&inner).write(Arc::new(job), written).await;
                None
            }
            Err(uncached) => {
                let uncached: Uncached = uncached;
                explain(format!("compiled, and the result isn't kept: {uncached}"));
                Some(uncached)
            }
        }
    }
}

impl Missed {
    /// Remembers, for a result that was found by its text, the files that made that text, so that the next time no
    /// preprocessing is needed.
    async fn recall_by_files(&self, result: StoredResult, rule: Option<Vec<u8>>, text: &SeenText) {
        let job = &self.job;
        let Some((told, rule)) = told(job, Some(text), rule.as_deref()) else { return };
        let parts = &self.inner.parts;
        let account = account::of(parts, &self.inner.chains, self.home.as_ref(), job, told).await;
        let Ok(account) = account else { return };
        let rule = match rule {
            None => None,
            Some((bytes, file)) => match outputs::keep_rule(&parts.store, &job.plan, &bytes, &file)
            {
                Ok(rule) => Some(rule),
                Err(_) => return,
            },
        };
        let result = StoredResult { rule, ..result };
        let text = SeenText { kind: text.kind, bytes: text.bytes.clone() };
        let written = Written { what: What::Known(result), account, text: Some(text) };
        let again =
            Job::new(job.question.clone(), job.plan.clone(), Arc::clone(&job.compiler), job.began);
        Arc::clone(&self.inner).write(Arc::new(again), written).await;
    }
}

/// What a job has read, and its dependency file with the form of it. `rule` is what the compiler wrote on the side.
fn told(
    job: &Job,
    text: Option<&SeenText>,
    rule: Option<&[u8]>,
) -> Option<(Told, Option<(Vec<u8>, DependencyFile)>)> {
    let Job { plan, question, .. } = job;
    if plan.is_preprocessed() {
        return Some((Told::All(vec![plan.source.clone()]), None));
    }
    let own = plan.dependencies.as_ref();
    let bytes: Option<Vec<u8>> = match (own, rule) {
        (_, Some(rule)) => Some(rule.to_vec()),
        (Some(file), None) => std::fs::read(question.invocation.cwd.join(&file.path)).ok(),
        (None, None) => None,
    };
    let form = match own {
        Some(file) => file.clone(),
        // As `telling_args` asked for it.
        None => DependencyFile {
            path: PathBuf::new(),
            users_only: false,
            form: Vec::new(),
            names_object: true,
        },
    };
    let marked = || text.map(|text| marked::files(&text.bytes)).filter(|files| !files.is_empty());
    match bytes {
        Some(bytes) => {
            let files = Rule::parse(&bytes)?.files();
            let told = match (form.users_only, marked()) {
                (false, _) => Told::All(files),
                (true, Some(marked)) => Told::All(
                    files.into_iter().chain(marked.into_iter().map(PathBuf::from)).collect(),
                ),
                (true, None) => Told::UsersOnly(files),
            };
            Some((told, Some((bytes, form))))
        }
        None if own.is_some() => None,
        None => {
            let files = marked()?.into_iter().map(PathBuf::from).collect();
            Some((Told::All(files), None))
        }
    }
}
