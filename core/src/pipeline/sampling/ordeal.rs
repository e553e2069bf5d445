//! What a burn-in asks of a host: sources of real size, at several levels of optimisation, in all its slots, each compared
//! with what this machine makes of it once.

use std::ffi::OsString;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::burn_in::{BurnIn, Burned};
use super::content::ContentHash;
use super::judge::made;
use super::sources::source;
use crate::analysis::{CompilerName, Driver};
use crate::executor::Executor;
use crate::fidelity::Language;
use crate::job::{Invocation, SharedJob};
use crate::pipeline::placing::Finishing;
use crate::pipeline::stay::Stay;
use crate::pipeline::{Pipeline, Travelling, base_name};

/// How sources are compiled.
const FLAGS: [&[&str]; 6] = [&["-O2"], &["-O3"], &["-Os"], &["-O0"], &["-O1"], &["-O2", "-g"]];
/// Sources in each language.
const SOURCES: u64 = 3;
/// The most failures in a row of a host, for each of its slots, before it isn't asked any more.
const FAILURES: u64 = 3;
/// Differences that are told by name.
const TOLD: usize = 20;

/// A source, and what it must come to.
struct Question {
    name: String,
    job: SharedJob,
    finishing: Arc<Finishing>,
    expected: Vec<ContentHash>,
}

/// What the slots of a host share.
pub(super) struct Ordeal {
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

/// The language of a compiler by its name.
pub(super) fn language(invocation: &Invocation) -> Language {
    match CompilerName::of(base_name(invocation)).driver {
        Driver::C => Language::C,
        Driver::Cxx => Language::Cxx,
    }
}

impl Ordeal {
    pub(super) fn new(
        pipeline: &Arc<Pipeline>,
        executor: &Arc<dyn Executor>,
        plan: BurnIn,
    ) -> Self {
        Self {
            pipeline: Arc::clone(pipeline),
            executor: Arc::clone(executor),
            plan,
            questions: Mutex::default(),
            more: Notify::new(),
            complete: AtomicBool::new(false),
            started: AtomicU64::new(0),
            failed_in_a_row: AtomicU64::new(0),
            begun: Mutex::default(),
            burned: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    /// Why there was no question, if there was none.
    pub(super) fn trouble(&self) -> String {
        lock(&self.trouble).clone()
    }

    /// How it goes.
    pub(super) fn burned(&self) -> Burned {
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
    pub(super) async fn make_questions(&self, space: TempDir) {
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
    pub(super) async fn work(&self) {
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
