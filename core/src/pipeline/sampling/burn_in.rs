//! Asks one host at full load whether it compiles what it should: sources of real size, at several levels of
//! optimisation, in all its slots, each compared with what this machine makes of it once.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::content::ContentHash;
use super::judge::made;
use super::sources::source;
use crate::analysis::{CompilerName, Driver};
use crate::executor::{ExecError, Executor};
use crate::fidelity::Language;
use crate::job::{Invocation, SharedJob};
use crate::pipeline::placing::Finishing;
use crate::pipeline::stay::Stay;
use crate::pipeline::{CHECK_PATIENCE, Pipeline, Travelling, base_name};
use crate::scheduler::VetError;

/// How sources are compiled.
const FLAGS: [&[&str]; 6] = [&["-O2"], &["-O3"], &["-Os"], &["-O0"], &["-O1"], &["-O2", "-g"]];
/// Sources in each language.
const SOURCES: u64 = 3;
/// The most failures in a row of a host, for each of its slots, before it isn't asked any more.
const FAILURES: u64 = 3;
/// Differences that are told by name.
const TOLD: usize = 20;

/// What to do to a host.
#[derive(Clone, Debug)]
pub struct BurnIn {
    /// The host.
    pub host: String,
    /// Compilers of this machine, as they are started; their arguments don't matter. Those are used that the host has.
    pub compilers: Vec<Invocation>,
    /// No job is started after so long.
    pub time: Duration,
    /// Nor after so many, if that is said.
    pub jobs: Option<u64>,
}

/// How it goes, or went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Burned {
    /// Jobs that the host compiled.
    pub jobs: u64,
    /// Of those, the ones whose bytes were wrong.
    pub differences: u64,
    /// The first of them, for people.
    pub differing: Vec<String>,
    /// Those whose bytes differed, but this machine's did from each other too.
    pub undecided: u64,
    /// Jobs that the host failed.
    pub failures: u64,
    /// The last failure.
    pub failure: Option<String>,
    /// Seconds from the first job on.
    pub seconds: f64,
}

impl Burned {
    /// Whether it did all that it was asked to, and that rightly.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.jobs > 0 && self.differences == 0 && self.failures == 0 && self.undecided == 0
    }
}

/// Why a host can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum BurnInError {
    /// It isn't in the farm.
    #[error("the farm has no host named {0}; `farmbuild hosts` names them")]
    NoSuchHost(String),
    /// The compiler here can't be told, or doesn't let its compiles be split.
    #[error("no compile can be sent there: {0}")]
    Home(Stay),
    /// It isn't used for the compiler.
    #[error("host {host} isn't used for {}: {error}", .compiler.display())]
    Unfit {
        /// The host.
        host: String,
        /// The compiler here.
        compiler: OsString,
        /// Why.
        error: VetError,
    },
    /// Sources can't be written here.
    #[error("can't write sources for a burn-in: {0}")]
    Write(#[from] io::Error),
    /// This machine couldn't compile what is to be compared with.
    #[error("this machine compiles no source of a burn-in: {0}")]
    Nothing(String),
}

/// A source, and what it must come to.
struct Question {
    name: String,
    job: SharedJob,
    finishing: Arc<Finishing>,
    expected: Vec<ContentHash>,
}

/// What the slots of a host share.
struct Ordeal {
    pipeline: Arc<Pipeline>,
    executor: Arc<dyn Executor>,
    plan: BurnIn,
    questions: Mutex<Vec<Arc<Question>>>,
    more: Notify,
    /// No further question will come.
    complete: AtomicBool,
    started: AtomicU64,
    failed_in_a_row: AtomicU64,
    begun: Mutex<Option<Instant>>,
    burned: Mutex<Burned>,
    /// Why there are no questions.
    trouble: Mutex<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Numbers and lists, whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pipeline {
    /// Keeps a host busy and compares what it makes. `progress` is called now and then. A host that is wrong is set aside
    /// at once; one that passes gets jobs again.
    ///
    /// # Errors
    /// If the host can't be asked at all.
    pub async fn burn_in(
        self: &Arc<Self>,
        mut plan: BurnIn,
        mut progress: impl FnMut(&Burned) + Send,
    ) -> Result<Burned, BurnInError> {
        let executor = self.scheduler.executor(&plan.host);
        let executor = executor.ok_or_else(|| BurnInError::NoSuchHost(plan.host.clone()))?;
        let (mut fit, mut unfit) = (Vec::new(), None);
        for invocation in std::mem::take(&mut plan.compilers) {
            match self.ask_for(&executor, &invocation).await {
                Ok(()) => fit.push(invocation),
                Err(error) => drop(unfit.get_or_insert(error)),
            }
        }
        if let (true, Some(error)) = (fit.is_empty(), unfit) {
            return Err(error);
        }
        plan.compilers = fit;
        let space = tempfile::Builder::new().prefix("farmbuild-burn-in-").tempdir()?;
        let ordeal = Arc::new(Ordeal {
            pipeline: Arc::clone(self),
            executor: Arc::clone(&executor),
            plan: plan.clone(),
            questions: Mutex::default(),
            more: Notify::new(),
            complete: AtomicBool::new(false),
            started: AtomicU64::new(0),
            failed_in_a_row: AtomicU64::new(0),
            begun: Mutex::default(),
            burned: Mutex::default(),
            trouble: Mutex::default(),
        });
        // Dropped with this future, and so ended.
        let mut tasks = JoinSet::new();
        let slots = executor.capacity().slots.max(1);
        for _ in 0..slots {
            let ordeal = Arc::clone(&ordeal);
            tasks.spawn(async move { ordeal.work().await });
        }
        let mut asking = JoinSet::new();
        asking.spawn({
            let ordeal = Arc::clone(&ordeal);
            async move { ordeal.make_questions(space).await }
        });
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        while !tasks.is_empty() {
            tokio::select! {
                _ = tasks.join_next() => {}
                _ = ticks.tick() => progress(&ordeal.burned()),
            }
        }
        asking.shutdown().await;
        let burned = ordeal.burned();
        if burned.jobs + burned.failures == 0 {
            return Err(BurnInError::Nothing(lock(&ordeal.trouble).clone()));
        }
        if burned.passed() {
            self.trust(&plan.host);
        }
        Ok(burned)
    }

    /// Asks for a compiler by a canary, so that it is known what the host calls it.
    async fn ask_for(
        &self,
        executor: &Arc<dyn Executor>,
        invocation: &Invocation,
    ) -> Result<(), BurnInError> {
        let toolchain = self.identify(invocation).await.map_err(BurnInError::Home)?;
        let names = toolchain.names_on_host(base_name(invocation));
        let language = language(invocation);
        let id = self.canaries.introduce(&toolchain, invocation, language, names);
        let asked = self.canaries.ask(executor.as_ref(), &id);
        let host = executor.host().to_owned();
        let answer = tokio::time::timeout(CHECK_PATIENCE, asked).await.unwrap_or_else(|_| {
            let (host, during) = (host.clone(), "compiling a canary");
            Err(ExecError::Stalled { host, during, after: CHECK_PATIENCE }.into())
        });
        let compiler = invocation.program.clone().into();
        answer.map(drop).map_err(|error| BurnInError::Unfit { host, compiler, error })
    }
}

fn language(invocation: &Invocation) -> Language {
    match CompilerName::of(base_name(invocation)).driver {
        Driver::C => Language::C,
        Driver::Cxx => Language::Cxx,
    }
}

impl Ordeal {
    fn burned(&self) -> Burned {
        let seconds = lock(&self.begun).map_or(0.0, |begun| begun.elapsed().as_secs_f64());
        Burned { seconds, ..lock(&self.burned).clone() }
    }

    /// Whether another job is to be started; counts it.
    fn goes_on(&self) -> bool {
        let begun = *lock(&self.begun).get_or_insert_with(Instant::now);
        let slots = self.executor.capacity().slots.max(1) as u64;
        begun.elapsed() < self.plan.time
            && self.failed_in_a_row.load(Ordering::Relaxed) < FAILURES * slots
            && self.started.fetch_add(1, Ordering::Relaxed) < self.plan.jobs.unwrap_or(u64::MAX)
    }

    /// Makes the questions, one after the other: the host is busy with the first ones meanwhile.
    async fn make_questions(&self, space: TempDir) {
        for number in 0..SOURCES {
            for flags in FLAGS {
                for compiler in &self.plan.compilers {
                    match self.question(&space, compiler, number, flags).await {
                        Ok(question) => {
                            lock(&self.questions).push(Arc::new(question));
                            self.more.notify_waiters();
                        }
                        Err(why) => {
                            tracing::debug!(why, ?flags, "no question for a burn-in");
                            *lock(&self.trouble) = why;
                        }
                    }
                }
            }
        }
        self.complete.store(true, Ordering::Release);
        self.more.notify_waiters();
    }

    async fn question(
        &self,
        space: &TempDir,
        compiler: &Invocation,
        number: u64,
        flags: &[&str],
    ) -> Result<Question, String> {
        let language = language(compiler);
        let file = format!("burn{number}.{}", language.source_extension());
        fs::write(space.path().join(&file), source(number, language))
            .map_err(|error| error.to_string())?;
        let name = compiler.argv.first().cloned().unwrap_or_default();
        let display = format!("{} {} {file}", name.display(), flags.join(" "));
        let mut argv = vec![name];
        argv.extend(flags.iter().chain(&["-c", &file, "-o", "burn.o"]).map(OsString::from));
        let cwd = space.path().to_owned();
        let invocation = Invocation { argv, cwd, ..compiler.clone() };
        let pipeline = &self.pipeline;
        let told = |stay: Stay| stay.to_string();
        let (analysis, toolchain) = pipeline.analyse(&invocation).await.map_err(told)?;
        let prepared = pipeline.prepare(&invocation, &analysis, toolchain, None).await;
        let Travelling { job, finishing, .. } = prepared.map_err(told)?;
        let (job, finishing) = (Arc::new(job), Arc::new(finishing));
        let expected = pipeline.compile_here(&job, &finishing).await;
        let expected = expected.ok_or_else(|| format!("{display} fails here"))?;
        Ok(Question { name: display, job, finishing, expected })
    }

    /// What one slot does.
    async fn work(&self) {
        loop {
            let Some(question) = self.next_question().await else { return };
            if !self.goes_on() {
                return;
            }
            match self.executor.execute(Arc::clone(&question.job)).await {
                Ok(outcome) => {
                    self.failed_in_a_row.store(0, Ordering::Relaxed);
                    let there = made(outcome, &question.finishing, &question.job).await;
                    self.compare(&question, there).await;
                }
                Err(error) => {
                    self.failed_in_a_row.fetch_add(1, Ordering::Relaxed);
                    let mut burned = lock(&self.burned);
                    burned.failures += 1;
                    burned.failure = Some(error.to_string());
                }
            }
        }
    }

    /// Another one each time, as far as there are any; waits for the first.
    async fn next_question(&self) -> Option<Arc<Question>> {
        loop {
            let more = self.more.notified();
            tokio::pin!(more);
            // From here on none is missed.
            more.as_mut().enable();
            {
                let questions = lock(&self.questions);
                let turn = usize::try_from(self.started.load(Ordering::Relaxed)).unwrap_or(0);
                if let Some(question) = questions.get(turn % questions.len().max(1)) {
                    return Some(Arc::clone(question));
                }
            }
            if self.complete.load(Ordering::Acquire) {
                return None;
            }
            more.await;
        }
    }

    async fn compare(&self, question: &Question, there: Option<Vec<ContentHash>>) {
        let same = there.as_ref() == Some(&question.expected);
        let mut undecided = false;
        if !same {
            let again = self.pipeline.compile_here(&question.job, &question.finishing).await;
            undecided = again.as_ref() != Some(&question.expected);
            if !undecided {
                let file = format!("a source of a burn-in ({})", question.name);
                self.pipeline.set_aside_for_bytes(&self.plan.host, file);
            }
        }
        let mut burned = lock(&self.burned);
        burned.jobs += 1;
        burned.undecided += u64::from(undecided);
        if !same && !undecided {
            burned.differences += 1;
            if burned.differing.len() < TOLD {
                burned.differing.push(question.name.clone());
            }
        }
    }
}
