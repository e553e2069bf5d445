//! The way of one job: analysed, preprocessed here, compiled on a host, put in place; or kept at home, for a reason.
//!
//! The modules in the order in which a job meets them: [`toolchain`] (what its compiler is), [`cache`] (whether its result
//! is there already), `recipes` (how its compile
//! can be split without changing a byte), [`home`] (who preprocesses), `source` (the text), `canary` and `naming` (which
//! hosts may have it, and what they call its compiler), and [`stay`] (why it doesn't travel).
//!
//! Knows no socket and no concrete executor. It never compiles at home itself: that is for the caller, who has the
//! build's terminal, limits and signals.

pub mod cache;
mod canary;
mod dependencies;
pub mod home;
mod naming;
mod recipes;
mod source;
mod source_files;
pub mod stay;
pub mod toolchain;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

pub use self::cache::{Cache, CacheMode, Hit, Uncached};
pub use self::home::{Home, Ran};
pub use self::stay::Stay;

use self::cache::{Compiled, LookUp, Miss, Question, Text, TextKind};
use self::canary::Canaries;
use self::naming::{ByHostsNames, Names};
use self::recipes::Recipes;
use self::source::Split;
use self::source_files::SourceFiles;
use self::toolchain::{Toolchain, Toolchains};
use crate::analysis::{self, Analysis, CompilerName, Kind};
use crate::budget::{LocalBudget, LocalPermit, TokenSource, Use};
use crate::executor::{ExecError, Executor, Outcome, Traffic};
use crate::fidelity::{self, ProducerCut, Technique};
use crate::job::{CompilerStatus, Invocation, Job, JobId};
use crate::scheduler::{Fault, HomeReason, HostEntry, Scheduler, Settings, Verdict, VetError};
use crate::staging::StagedFile;

/// What became of a job.
pub enum Answer {
    /// Its result was in the cache; its outputs are in place.
    Hit(Hit),
    /// A host compiled it, without a word; its outputs are in place.
    Done {
        /// The host.
        host: String,
        /// How the compiler ended there.
        status: CompilerStatus,
        /// What it printed on standard output.
        stdout: Bytes,
        /// What it printed on standard error.
        stderr: Bytes,
        /// Lines of its source.
        lines: u64,
        /// What went over the wire.
        traffic: Traffic,
        /// Something to tell people once.
        notice: Option<String>,
        /// Hosts that failed it before.
        faults: Vec<Fault>,
        /// Why its result wasn't kept.
        uncached: Option<Uncached>,
    },
    /// The caller is to run it here.
    Home {
        /// Why.
        reason: Stay,
        /// Local CPU for it; `None` for a job that needs none to speak of.
        permit: Option<LocalPermit>,
        /// Lines of its source.
        lines: u64,
        /// Bytes of its preprocessed text, if it came to that: tell [`Pipeline::note_home`] how long it took.
        bytes: Option<u64>,
        /// Hosts that failed it before.
        faults: Vec<Fault>,
        /// Who wants the result, if it succeeds; or why nobody does, where there is a cache.
        result: Wanted,
        /// Arguments to add to its own, in front of what [`cache::Miss::telling_args`] asks for.
        extra: Vec<OsString>,
    },
}

/// What is to become of the result of a compile.
pub enum Wanted {
    /// It is to be given to the cache.
    By(Box<dyn Miss>),
    /// The cache has no use for it.
    Not(Uncached),
    /// There is no cache, or none is to be written.
    Nowhere,
}

/// What a job brings with it beside its command line.
#[derive(Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// Under somebody else's jobserver: where local work takes its tokens from.
    pub tokens: Option<&'a dyn TokenSource>,
    /// The cache to ask, and what it may be used for.
    pub cache: Option<(&'a dyn Cache, CacheMode)>,
    /// As [`Question::terminal`].
    pub terminal: &'a str,
    /// As [`Question::base`].
    pub base: Option<&'a Path>,
}

/// Carries jobs. One for each farm.
pub struct Pipeline {
    home: Arc<dyn Home>,
    budget: LocalBudget,
    toolchains: Toolchains,
    recipes: Arc<Recipes>,
    names: Arc<Names>,
    canaries: Arc<Canaries>,
    source_files: SourceFiles,
    scheduler: Scheduler,
    hosts: Mutex<Vec<Arc<dyn Executor>>>,
    strict: AtomicBool,
    next: AtomicU64,
}

/// What a host answered to a canary.
#[derive(Debug)]
pub struct Checked {
    /// The host.
    pub host: String,
    /// What it calls the compiler, or why it isn't used for it.
    pub found: Result<OsString, VetError>,
}

/// How long [`Pipeline::check`] waits for a host.
const CHECK_PATIENCE: Duration = Duration::from_secs(20);

/// A job on its way, when it is clear that it may travel.
struct Travelling {
    job: Job,
    /// Its dependency file, to be put in place with the object.
    dependencies: Option<StagedFile>,
    /// What its object goes through when it is back.
    rewrite: Option<ProducerCut>,
    /// Something to tell people once.
    notice: Option<String>,
    /// How its text was made.
    technique: Technique,
}

/// A job that doesn't travel.
struct AtHome {
    reason: Stay,
    /// What kind of work it is, if that is known.
    kind: Option<Kind>,
    lines: u64,
    /// Bytes of its preprocessed text, if it came to that.
    bytes: Option<u64>,
    faults: Vec<Fault>,
}

impl AtHome {
    fn because(reason: Stay, kind: Option<Kind>, lines: u64) -> Self {
        Self { reason, kind, lines, bytes: None, faults: Vec::new() }
    }
}

impl Pipeline {
    /// A pipeline without hosts, on the machine `home` and within `budget`.
    #[must_use]
    pub fn new(home: Arc<dyn Home>, budget: LocalBudget) -> Self {
        let (recipes, names) = (Arc::new(Recipes::default()), Arc::new(Names::default()));
        let canaries =
            Arc::new(Canaries::new(Arc::clone(&home), Arc::clone(&recipes), Arc::clone(&names)));
        let scheduler =
            Scheduler::new(budget.clone(), Arc::clone(&canaries) as _, Settings::default());
        Self {
            home,
            budget,
            toolchains: Toolchains::default(),
            recipes,
            names,
            canaries,
            source_files: SourceFiles::default(),
            scheduler,
            hosts: Mutex::default(),
            strict: AtomicBool::new(false),
            next: AtomicU64::new(1),
        }
    }

    /// Replaces the hosts, while jobs run.
    ///
    /// Must be called within a Tokio runtime.
    pub fn set_hosts(&self, hosts: Vec<HostEntry>) {
        *self.hosts() = hosts.iter().map(|host| Arc::clone(&host.executor)).collect();
        self.scheduler.set_hosts(hosts.into_iter().map(|HostEntry { executor, key }| {
            HostEntry::new(Arc::new(ByHostsNames::new(executor, &self.names)), key)
        }));
    }

    fn hosts(&self) -> MutexGuard<'_, Vec<Arc<dyn Executor>>> {
        // Replaced whole: never seen half changed.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks every host now whether it has the compiler of `invocation`, by a canary.
    ///
    /// # Errors
    /// [`Stay`] if the compiler here can't be told.
    pub async fn check(&self, invocation: &Invocation) -> Result<Vec<Checked>, Stay> {
        let toolchain = self.identify(invocation).await?;
        let name = CompilerName::of(base_name(invocation));
        let language = match name.driver {
            analysis::Driver::C => fidelity::Language::C,
            analysis::Driver::Cxx => fidelity::Language::Cxx,
        };
        let names = toolchain.names_on_host(base_name(invocation));
        let id = self.canaries.introduce(&toolchain, invocation, language, names);
        let hosts = self.hosts().clone();
        let mut asked = tokio::task::JoinSet::new();
        for executor in hosts {
            let (canaries, id) = (Arc::clone(&self.canaries), Arc::clone(&id));
            asked.spawn(async move {
                let host = executor.host().to_owned();
                let found =
                    tokio::time::timeout(CHECK_PATIENCE, canaries.ask(executor.as_ref(), &id))
                        .await;
                let silent = |_| {
                    let after = CHECK_PATIENCE;
                    Err(ExecError::Stalled {
                        host: host.clone(),
                        during: "compiling a canary",
                        after,
                    }
                    .into())
                };
                let found = found.unwrap_or_else(silent);
                Checked { host, found }
            });
        }
        Ok(asked.join_all().await)
    }

    /// Whether a job whose debug info would differ in the least stays home.
    pub fn set_strict(&self, strict: bool) {
        self.strict.store(strict, Ordering::Relaxed);
    }

    /// The scheduler, to look at.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The compilers of this machine that were found on `host`: their paths here, and their names there.
    #[must_use]
    pub fn toolchains_on(&self, host: &str) -> Vec<(String, OsString)> {
        let path = |id: &str| self.compiler_path(id).unwrap_or_default();
        self.names.on(host).into_iter().map(|(id, name)| (path(&id), name)).collect()
    }

    /// The path here of the compiler that stands for `toolchain` in a job.
    #[must_use]
    pub fn compiler_path(&self, toolchain: &str) -> Option<String> {
        self.canaries.path_of(toolchain)
    }

    /// Learns how fast this machine compiles text.
    pub fn note_home(&self, bytes: u64, took: Duration) {
        self.scheduler.note_home(usize::try_from(bytes).unwrap_or(usize::MAX), took);
    }

    /// Carries one job.
    ///
    /// Cancel-safe: dropping the future ends whatever was begun for the job, here and on hosts, and leaves no file
    /// behind.
    pub async fn run(&self, invocation: Arc<Invocation>, around: Circumstances<'_>) -> Answer {
        let tokens = around.tokens;
        let (analysis, toolchain) = match self.analyse(&invocation).await {
            Ok((analysis, toolchain)) => (Arc::new(analysis), toolchain),
            Err(reason) => {
                let home = AtHome::because(reason, None, 0);
                return self.stay(home, Wanted::Nowhere, tokens).await;
            }
        };
        let (invocation, analysis, extra) = match self.mapped(&invocation, &analysis, around).await
        {
            Some((mapped, analysis, extra)) => (mapped, analysis, extra),
            None => (invocation, analysis, Vec::new()),
        };
        match self.carry(invocation, analysis, toolchain, around).await {
            Answer::Home { reason, permit, lines, bytes, faults, result, .. } => {
                Answer::Home { reason, permit, lines, bytes, faults, result, extra }
            }
            other => other,
        }
    }

    /// The same compile with its base directory mapped away, if it has one and its compiler knows how.
    async fn mapped(
        &self,
        invocation: &Arc<Invocation>,
        analysis: &Analysis,
        around: Circumstances<'_>,
    ) -> Option<(Arc<Invocation>, Arc<Analysis>, Vec<OsString>)> {
        let base = around.base?;
        let compiles = [Kind::Compile, Kind::Assemble, Kind::CompileToAssembly];
        if !compiles.contains(&analysis.kind) {
            return None;
        }
        let toolchain = self.identify(invocation).await.ok()?;
        let since = match toolchain.family {
            fidelity::Family::Gcc => 8,
            fidelity::Family::Clang => 10,
        };
        if toolchain.major < since {
            return None;
        }
        let mut option = OsString::from("-ffile-prefix-map=");
        option.push(base);
        option.push("=.");
        let mut mapped = Invocation::clone(invocation);
        mapped.argv.push(option.clone());
        let (analysis, _) = self.analyse(&mapped).await.ok()?;
        Some((Arc::new(mapped), Arc::new(analysis), vec![option]))
    }

    async fn carry(
        &self,
        invocation: Arc<Invocation>,
        analysis: Arc<Analysis>,
        toolchain: Option<Arc<Toolchain>>,
        around: Circumstances<'_>,
    ) -> Answer {
        let tokens = around.tokens;
        let mut result = match self.look_up(&invocation, &analysis, around).await {
            Ok(hit) => return Answer::Hit(hit),
            Err(result) => result,
        };
        let lines = lines(&analysis, &invocation.cwd);
        let prepared = match self.may_travel(&invocation, &analysis) {
            Ok(()) => self.prepare(&invocation, &analysis, toolchain, tokens).await,
            Err(reason) => {
                match self.look_up_expanded(&invocation, &analysis, &mut result, tokens).await {
                    Some(hit) => return Answer::Hit(hit),
                    None => Err(reason),
                }
            }
        };
        let Travelling { job, mut dependencies, rewrite, notice, technique } = match prepared {
            Ok(travelling) => travelling,
            Err(reason) => {
                let home = AtHome::because(reason, Some(analysis.kind), lines);
                return self.stay(home, result, tokens).await;
            }
        };
        if let Wanted::By(miss) = &mut result {
            let kind = TextKind::Travelling(technique.name());
            let text = Text { kind, bytes: &job.text.bytes, dependencies: dependencies.as_mut() };
            if let Some(hit) = miss.look_up_text(text).await
                && commit(dependencies.take()).await.is_ok()
            {
                return Answer::Hit(hit);
            }
        }
        let (object, bytes) = (job.object.clone(), Some(job.text.bytes.len() as u64));
        let (reason, permit, faults) = match self.scheduler.run(Arc::new(job)).await {
            Verdict::Done { host, outcome, faults } => {
                match put_in_place(outcome, rewrite, dependencies, &object).await {
                    Ok((status, traffic)) => {
                        let uncached = keep_quiet_compile(result, lines).await;
                        let (stdout, stderr) = (Bytes::new(), Bytes::new());
                        return Answer::Done {
                            host,
                            status,
                            stdout,
                            stderr,
                            lines,
                            traffic,
                            notice,
                            faults,
                            uncached,
                        };
                    }
                    Err(reason) => (reason, None, faults),
                }
            }
            Verdict::Home { reason, permit, faults } => (Stay::Farm(reason), permit, faults),
        };
        match permit {
            // The scheduler took local CPU; under an outer jobserver that wants a token too.
            Some(mut permit) => {
                if let Some(source) = tokens {
                    permit.hold(source.acquire().await);
                }
                let result = result.if_kept();
                let extra = Vec::new();
                Answer::Home { reason, permit: Some(permit), lines, bytes, faults, result, extra }
            }
            None => {
                let home =
                    AtHome { bytes, faults, ..AtHome::because(reason, Some(analysis.kind), lines) };
                self.stay(home, result, tokens).await
            }
        }
    }

    /// Asks the cache, before anything has run.
    async fn look_up(
        &self,
        invocation: &Arc<Invocation>,
        analysis: &Arc<Analysis>,
        around: Circumstances<'_>,
    ) -> Result<Hit, Wanted> {
        let Some((cache, mode)) = around.cache.filter(|(_, mode)| *mode != CacheMode::Off) else {
            return Err(Wanted::Nowhere);
        };
        let question = Question {
            invocation: Arc::clone(invocation),
            analysis: Arc::clone(analysis),
            terminal: around.terminal.to_owned(),
            base: around.base.map(Path::to_owned),
            mode,
        };
        match cache.look_up(question, &self.home).await {
            LookUp::Hit(hit) => Ok(hit),
            LookUp::Miss(miss) => Err(Wanted::By(miss)),
            LookUp::Uncached(uncached) => Err(Wanted::Not(uncached)),
        }
    }

    /// Asks the cache for a job that won't be preprocessed to travel, if that is worth a preprocessing of its own.
    async fn look_up_expanded(
        &self,
        invocation: &Arc<Invocation>,
        analysis: &Analysis,
        result: &mut Wanted,
        tokens: Option<&dyn TokenSource>,
    ) -> Option<Hit> {
        let (Wanted::By(miss), Ok(plan)) = (result, &analysis.remote) else { return None };
        if !miss.wants_text() || plan.language.is_preprocessed() {
            return None;
        }
        let (bytes, mut dependencies) = {
            let _permit = self.permit(Use::Preprocess, tokens).await;
            source::expand(self.home.as_ref(), invocation, analysis, plan).await.ok()?
        };
        let kind = TextKind::Expanded;
        let text = Text { kind, bytes: &bytes, dependencies: dependencies.as_mut() };
        let hit = miss.look_up_text(text).await?;
        commit(dependencies).await.ok().map(|()| hit)
    }

    /// What the invocation is, and its compiler if that had to be asked.
    async fn analyse(
        &self,
        invocation: &Invocation,
    ) -> Result<(Analysis, Option<Arc<Toolchain>>), Stay> {
        let Invocation { argv, cwd, .. } = invocation;
        let name = CompilerName::of(argv.first().map_or(OsStr::new(""), |name| name));
        if name.family != analysis::Family::System {
            let analysis =
                analysis::analyse(argv, cwd, &analysis::FileSystem).map_err(Stay::Unreadable)?;
            return Ok((analysis, None));
        }
        let toolchain = self.identify(invocation).await?;
        let family = match toolchain.family {
            fidelity::Family::Gcc => analysis::Family::Gcc,
            fidelity::Family::Clang => analysis::Family::Clang,
        };
        let analysis =
            analysis::analyse_as(name.resolved(family), argv, cwd, &analysis::FileSystem);
        Ok((analysis.map_err(Stay::Unreadable)?, Some(toolchain)))
    }

    async fn identify(&self, invocation: &Invocation) -> Result<Arc<Toolchain>, Stay> {
        self.toolchains.identify(self.home.as_ref(), invocation).await.map_err(Stay::Toolchain)
    }

    /// Says why a job doesn't travel, where that can be told without its text.
    fn may_travel(&self, invocation: &Invocation, analysis: &Analysis) -> Result<(), Stay> {
        analysis.remote.as_ref().map_err(|refused| Stay::Refused(refused.clone()))?;
        if let Some(refused) = analysis::environment::refused(&invocation.env) {
            return Err(Stay::Refused(refused));
        }
        if self.hosts().is_empty() {
            return Err(Stay::Farm(HomeReason::NoHosts));
        }
        Ok(())
    }

    /// Makes the job that hosts are given, or says why there is none.
    async fn prepare(
        &self,
        invocation: &Invocation,
        analysis: &Analysis,
        toolchain: Option<Arc<Toolchain>>,
        tokens: Option<&dyn TokenSource>,
    ) -> Result<Travelling, Stay> {
        let plan = analysis.remote.as_ref().map_err(|refused| Stay::Refused(refused.clone()))?;
        let toolchain = match toolchain {
            Some(toolchain) => toolchain,
            None => self.identify(invocation).await?,
        };
        let object = object_path(invocation, analysis)?;
        let split = Split::new(invocation, analysis, plan, toolchain.family)?;
        let recipe = self
            .recipes
            .find(&self.home, &toolchain, invocation, split.language(), split.flags())
            .await
            .map_err(Stay::Unproven)?;
        if let Some(caveat) = &recipe.caveat {
            if !caveat.is_producer_alone() {
                return Err(Stay::DebugInfo(caveat.clone()));
            }
            if self.strict.load(Ordering::Relaxed) {
                return Err(Stay::Strict(caveat.clone()));
            }
        }
        let (text, dependencies) = {
            let _permit = self.permit(Use::Preprocess, tokens).await;
            let (home, debug_info) = (self.home.as_ref(), analysis.debug_info);
            split.text(home, &recipe, debug_info, &self.source_files).await?
        };
        let names = toolchain.names_on_host(base_name(invocation));
        let compiler = names.first().cloned().unwrap_or_default();
        let id = self.canaries.introduce(&toolchain, invocation, split.language(), names);
        let (args, input, output) = split.args(&recipe);
        let job = Job {
            id: JobId(self.next.fetch_add(1, Ordering::Relaxed)),
            compiler,
            toolchain: id,
            args,
            input,
            output,
            text,
            object,
            umask: invocation.umask,
        };
        Ok(Travelling {
            dependencies,
            job,
            rewrite: split.rewrite(&recipe),
            notice: split.notice(&recipe),
            technique: recipe.technique,
        })
    }

    async fn permit(&self, wanted: Use, tokens: Option<&dyn TokenSource>) -> LocalPermit {
        match tokens {
            Some(source) => self.budget.acquire_with(wanted, source).await,
            None => self.budget.acquire(wanted).await,
        }
    }

    /// Waits for local CPU for a job that doesn't travel.
    async fn stay(&self, home: AtHome, result: Wanted, tokens: Option<&dyn TokenSource>) -> Answer {
        let AtHome { reason, kind, lines, bytes, faults } = home;
        let permit = match kind {
            // A question to the compiler is over before a slot would be found.
            Some(Kind::Probe) => None,
            Some(Kind::Link | Kind::CompileAndLink) => Some(self.permit(Use::Link, tokens).await),
            _ => Some(self.permit(Use::Compile, tokens).await),
        };
        let (result, extra) = (result.if_kept(), Vec::new());
        Answer::Home { reason, permit, lines, bytes, faults, result, extra }
    }
}

impl Wanted {
    /// The same, but for a lookup whose result isn't to be kept.
    fn if_kept(self) -> Self {
        match self {
            Self::By(miss) if !miss.keeps() => Self::Nowhere,
            other => other,
        }
    }
}

/// Gives the cache what a host compiled without a word. Its outputs are in their places.
async fn keep_quiet_compile(result: Wanted, lines: u64) -> Option<Uncached> {
    match result.if_kept() {
        Wanted::By(miss) => {
            let (stdout, stderr, dependencies) = (Bytes::new(), Bytes::new(), None);
            miss.keep(Compiled { stdout, stderr, dependencies, lines }).await
        }
        Wanted::Not(uncached) => Some(uncached),
        Wanted::Nowhere => None,
    }
}

async fn commit(file: Option<StagedFile>) -> std::io::Result<()> {
    match file {
        Some(file) => {
            tokio::task::spawn_blocking(|| file.commit()).await.map_err(std::io::Error::other)?
        }
        None => Ok(()),
    }
}

/// Where the object belongs. What a host sends takes the place of a file that is there; a job stays home where a
/// compiler would do otherwise: gcc's assembler follows a link and writes into an empty file, whose mode and other
/// names then stay.
fn object_path(invocation: &Invocation, analysis: &Analysis) -> Result<PathBuf, Stay> {
    let output =
        analysis.output.as_ref().ok_or_else(|| Stay::Output("it has no name".to_owned()))?;
    let path = invocation.cwd.join(output);
    let Ok(meta) = fs::symlink_metadata(&path) else { return Ok(path) };
    if !meta.is_file() {
        return Err(Stay::Refused(analysis::Refusal::OutputNotAFile.into()));
    }
    let as_new = meta.nlink() == 1 && meta.mode() & 0o777 == 0o666 & !invocation.umask;
    if meta.len() == 0 && !as_new {
        return Err(Stay::Output("an empty file is there, which keeps its mode".to_owned()));
    }
    Ok(path)
}

fn base_name(invocation: &Invocation) -> &OsStr {
    let name = invocation.argv.first().map(Path::new).and_then(Path::file_name);
    name.or_else(|| invocation.program.file_name()).unwrap_or_default()
}

/// Checks what came back, undoes what the recipe did to it and puts it in its place.
async fn put_in_place(
    outcome: Outcome,
    rewrite: Option<ProducerCut>,
    dependencies: Option<StagedFile>,
    object: &Path,
) -> Result<(CompilerStatus, Traffic), Stay> {
    let Outcome { status, stdout, stderr, object: staged, traffic } = outcome;
    if !status.success() || !stdout.is_empty() || !stderr.is_empty() {
        return Err(Stay::CompilerSaid);
    }
    let Some(mut staged) = staged else {
        return Err(Stay::OddObject("it is missing".to_owned()));
    };
    let path = object.to_owned();
    let placed = tokio::task::spawn_blocking(move || {
        let unwritable =
            |error: std::io::Error| Stay::Output(format!("{}: {error}", path.display()));
        if let Some(rewrite) = rewrite {
            let bytes = staged.read_back().map_err(unwritable)?;
            let bytes =
                rewrite.apply(&bytes).map_err(|error| Stay::OddObject(error.to_string()))?;
            staged.rewrite(&bytes).map_err(unwritable)?;
        }
        if let Some(dependencies) = dependencies {
            dependencies.commit().map_err(unwritable)?;
        }
        staged.commit().map_err(unwritable)
    });
    match placed.await {
        Ok(placed) => placed.map(|()| (status, traffic)),
        Err(error) => Err(Stay::OddObject(error.to_string())),
    }
}

/// Lines of the sources that an invocation compiles; 0 for one that compiles none.
fn lines(analysis: &Analysis, cwd: &Path) -> u64 {
    /// Larger files aren't sources that somebody wrote.
    const MOST: u64 = 32 << 20;
    if !matches!(analysis.kind, Kind::Compile | Kind::CompileAndLink | Kind::CompileToAssembly) {
        return 0;
    }
    let count = |path: PathBuf| {
        let meta = fs::metadata(&path).ok().filter(|meta| meta.is_file() && meta.len() <= MOST)?;
        let bytes = fs::read(path).ok().filter(|_| meta.len() > 0)?;
        Some(memchr::memchr_iter(b'\n', &bytes).count() as u64)
    };
    let sources =
        analysis.sources.iter().filter(|source| source.language != analysis::Language::LinkerInput);
    sources.filter_map(|source| count(cwd.join(&source.path))).sum()
}

impl Answer {
    /// The hosts that failed the job before it found its place.
    pub fn retried(&self) -> impl Iterator<Item = &String> {
        let faults = match self {
            Self::Done { faults, .. } | Self::Home { faults, .. } => faults.as_slice(),
            Self::Hit(_) => &[],
        };
        faults.iter().map(|fault| &fault.host)
    }
}
