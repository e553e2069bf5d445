//! The way of one job: analysed, preprocessed here, compiled on a host, put in place; or kept at home, for a reason.
//!
//! `carry` is a job's itinerary. The other modules in the order in which a job meets them: [`toolchain`] (what its compiler
//! is), [`cache`] (whether its result is there already), `recipes` (how its compile can be split without changing a byte),
//! [`home`] (who preprocesses), `source` (the text), `canary` and `naming` (which hosts may have it, and what they call its
//! compiler), `placing` (its outputs), and [`stay`] (why it doesn't travel). [`sampling`] looks afterwards whether hosts
//! compiled what they should.
//!
//! Knows no socket and no concrete executor. It never compiles at home itself: that is for the caller, who has the
//! build's terminal, limits and signals.

mod answer;
pub mod cache;
mod canary;
mod carry;
pub mod crate_files;
mod crates;
mod dependencies;
pub mod home;
mod naming;
mod placing;
mod recipes;
pub mod sampling;
mod source;
mod source_files;
pub mod stay;
pub mod toolchain;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use self::answer::{Answer, Circumstances, Wanted};
pub use self::cache::{Cache, CacheMode, Hit, Uncached};
pub use self::canary::CANARY;
pub use self::crates::CrateStay;
pub use self::home::{Home, Idle, Ran};
pub use self::stay::Stay;

use self::canary::Canaries;
use self::crates::Crates;
use self::naming::{ByHostsNames, Names};
use self::placing::{Finishing, object_path};
use self::recipes::Recipes;
use self::sampling::Sampling;
use self::source::Split;
use self::source_files::SourceFiles;
use self::toolchain::{Toolchain, Toolchains};
use crate::analysis::{self, Analysis, CompilerName, Kind, RemotePlan};
use crate::budget::{LocalBudget, LocalPermit, TokenSource, Use};
use crate::executor::{ExecError, Executor};
use crate::fidelity::{self, Technique};
use crate::job::{Invocation, Job, JobId};
use crate::scheduler::{HomeReason, HostEntry, Scheduler, Settings, VetError};
use crate::staging::StagedFile;

/// Carries jobs. One for each farm.
pub struct Pipeline {
    home: Arc<dyn Home>,
    budget: LocalBudget,
    toolchains: Toolchains,
    recipes: Arc<Recipes>,
    names: Arc<Names>,
    canaries: Arc<Canaries>,
    source_files: SourceFiles,
    crates: Arc<Crates>,
    scheduler: Scheduler,
    sampling: Arc<Sampling>,
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

/// Directories with shorter names keep their coverage: elsewhere there may be no name as short.
const SHORTEST_DIRECTORY: usize = 16;

/// A job on its way, when it is clear that it may travel.
struct Travelling {
    job: Job,
    /// Its dependency file, to be put in place with the object.
    dependencies: Option<StagedFile>,
    /// What its outputs go through when they are back.
    finishing: Finishing,
    /// Something to tell people once.
    notice: Option<String>,
    /// How its text was made.
    technique: Technique,
}

impl Pipeline {
    /// A pipeline without hosts, on the machine `home` and within `budget`.
    #[must_use]
    pub fn new(home: Arc<dyn Home>, budget: LocalBudget) -> Self {
        let (recipes, names) = (Arc::new(Recipes::default()), Arc::new(Names::default()));
        let crates = Arc::new(Crates::new(Arc::clone(&home), Arc::clone(&names)));
        let canaries = Arc::new(Canaries::new(
            Arc::clone(&home),
            Arc::clone(&recipes),
            Arc::clone(&names),
            Arc::clone(&crates),
        ));
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
            crates,
            scheduler,
            sampling: Arc::default(),
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
        self.plan(analysis, &invocation.cwd)?;
        if let Some(refused) = analysis::environment::refused(&invocation.env) {
            return Err(Stay::Refused(refused));
        }
        if self.hosts().is_empty() {
            return Err(Stay::Farm(HomeReason::NoHosts));
        }
        Ok(())
    }

    /// How to compile a job elsewhere: on any host, or on one that returns side outputs if there is one.
    fn plan<'a>(&self, analysis: &'a Analysis, cwd: &Path) -> Result<&'a RemotePlan, Stay> {
        let returned = |plan: &RemotePlan| {
            let sides = fidelity::Sides::of(&plan.compile_args);
            let object = Path::new(&plan.compile_args[plan.output]);
            let short = sides.names_directory() && cwd.as_os_str().len() < SHORTEST_DIRECTORY;
            fidelity::keeps_name(object)
                && !short
                && !plan.language.is_preprocessed()
                && self.hosts().iter().any(|host| host.returns_side_outputs())
        };
        match (&analysis.remote, &analysis.with_side_outputs) {
            (Ok(plan), _) => Ok(plan),
            (Err(_), Some(plan)) if returned(plan) => Ok(plan),
            (Err(refused), _) => Err(Stay::Refused(refused.clone())),
        }
    }

    /// Makes the job that hosts are given, or says why there is none.
    async fn prepare(
        &self,
        invocation: &Invocation,
        analysis: &Analysis,
        toolchain: Option<Arc<Toolchain>>,
        tokens: Option<&dyn TokenSource>,
    ) -> Result<Travelling, Stay> {
        let plan = self.plan(analysis, &invocation.cwd)?;
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
        let side_outputs = split.side_files(&recipe, &args[output], &object)?;
        let finishing = split.finishing(&recipe);
        let directory_length = finishing.directory.as_ref().map(|it| it.as_os_str().len());
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
            side_outputs,
            directory_length,
            of_crate: None,
        };
        Ok(Travelling {
            dependencies,
            job,
            finishing,
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
}

fn base_name(invocation: &Invocation) -> &OsStr {
    let name = invocation.argv.first().map(Path::new).and_then(Path::file_name);
    name.or_else(|| invocation.program.file_name()).unwrap_or_default()
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
