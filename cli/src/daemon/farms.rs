//! The farms in use: each is read once, and again whenever its file changes, while builds run.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use farmbuild_core::budget::LocalBudget;
use farmbuild_core::pipeline::Pipeline;
use farmbuild_core::pipeline::sampling::Overseer;
use farmbuild_core::protocol::message::{FarmReport, Progress};
use farmbuild_core::scheduler::HostState;
use farmbuild_local::home::SharedHome;
use farmbuild_ssh::Agent;

use super::doubts::{self, Doubts};
use super::reports;
use crate::farm::source::FarmSource;
use crate::farm::{CacheConfig, FarmConfig, FarmError, Fidelity, executors};

/// How often a farm's file is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// All farms in use, by where they are written.
pub(crate) struct Farms {
    budget: LocalBudget,
    known: Mutex<HashMap<FarmSource, Arc<Farm>>>,
    remembered: Remembered,
    agent: Agent,
    overseer: OnceLock<Arc<dyn Overseer>>,
}

/// How fast hosts are, by name: bytes of preprocessed text per second and slot.
pub(crate) type Speeds = BTreeMap<String, f64>;

/// What an earlier daemon knew of hosts.
pub(crate) struct Remembered {
    pub(crate) speeds: Speeds,
    pub(crate) doubts: Doubts,
}

/// One farm: its configuration of the moment, and the pipeline with its scheduler.
pub(crate) struct Farm {
    source: FarmSource,
    pipeline: Arc<Pipeline>,
    budget: LocalBudget,
    agent: Agent,
    config: Mutex<State>,
}

struct State {
    config: FarmConfig,
    /// Why the file's newest form isn't in force.
    error: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Replaced whole: never seen half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Farms {
    pub(crate) fn new(budget: LocalBudget, remembered: Remembered) -> Self {
        let (known, agent, overseer) = (Mutex::default(), Agent::default(), OnceLock::new());
        Self { budget, known, remembered, agent, overseer }
    }

    /// Says who is told what becomes of samples. Farms that are read before have none.
    pub(crate) fn oversee(&self, overseer: Arc<dyn Overseer>) {
        // Called once.
        let _ = self.overseer.set(overseer);
    }

    /// How fast the hosts of all farms are, as far as is known.
    pub(crate) fn speeds(&self) -> Speeds {
        let mut speeds = self.remembered.speeds.clone();
        for farm in lock(&self.known).values() {
            speeds.extend(farm.pipeline.scheduler().speeds());
        }
        speeds
    }

    /// Which hosts of all farms are in doubt.
    pub(crate) fn doubts(&self) -> Doubts {
        let mut all = self.remembered.doubts.clone();
        for (source, farm) in lock(&self.known).iter() {
            let of_farm = farm.pipeline.doubts();
            let kept = of_farm.iter().map(|(host, doubt)| (host.clone(), doubts::report(doubt)));
            all.insert(source.to_string(), kept.collect());
        }
        all.retain(|_, hosts| !hosts.is_empty());
        all
    }

    /// The farm that an environment chooses.
    pub(crate) fn choose(&self, env: &[(OsString, OsString)]) -> Result<Arc<Farm>, FarmError> {
        // The agent of whoever builds now: that of the login which started the daemon may be gone.
        if let Some((_, socket)) = env.iter().find(|(name, _)| name == "SSH_AUTH_SOCK") {
            self.agent.is_at(socket);
        }
        let source = FarmSource::choose(env)?;
        let mut known = lock(&self.known);
        if let Some(farm) = known.get(&source) {
            return Ok(Arc::clone(farm));
        }
        // Before it is read, so that an edit in between is seen as one.
        let seen = source.file().and_then(state_of);
        let config = source.read()?;
        tracing::info!(%source, hosts = config.hosts.len(), "a farm was read");
        let pipeline = Arc::new(Pipeline::new(
            Arc::new(SharedHome::new(self.budget.clone())),
            self.budget.clone(),
        ));
        for (host, speed) in &self.remembered.speeds {
            pipeline.scheduler().set_speed(host, *speed);
        }
        for (host, doubt) in self.remembered.doubts.get(&source.to_string()).into_iter().flatten() {
            pipeline.keep_in_doubt(host, doubts::restored(doubt));
        }
        let state = State { config: config.clone(), error: None };
        let farm = Arc::new(Farm {
            source: source.clone(),
            pipeline,
            budget: self.budget.clone(),
            agent: self.agent.clone(),
            config: Mutex::new(state),
        });
        farm.put_in_force(config);
        if let Some(overseer) = self.overseer.get() {
            let pipeline = Arc::clone(&farm.pipeline);
            tokio::spawn(pipeline.look_after_samples(Arc::clone(overseer)));
        }
        if let Some(path) = source.file() {
            tokio::spawn(watch(path.to_owned(), seen, Arc::downgrade(&farm)));
        }
        known.insert(source, Arc::clone(&farm));
        Ok(farm)
    }

    /// The farm that an environment chooses, for people.
    pub(crate) async fn report(
        &self,
        env: &[(OsString, OsString)],
        check: Option<&OsStr>,
    ) -> Result<FarmReport, FarmError> {
        let farm = self.choose(env)?;
        let mut report = farm.report();
        if let Some(compiler) = check {
            reports::check(&farm, env, compiler, &mut report.hosts).await;
        }
        Ok(report)
    }
}

impl Farm {
    pub(crate) fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// How its jobs are cached.
    pub(crate) fn cache_config(&self) -> CacheConfig {
        lock(&self.config).config.cache.clone()
    }

    fn put_in_force(&self, config: FarmConfig) {
        self.budget.resize(config.local.slots);
        self.pipeline.set_strict(config.local.fidelity == Fidelity::Strict);
        self.pipeline.set_hosts(executors::of(&config.hosts, &self.agent));
        let shares = config.hosts.iter().map(|host| (host.name.clone(), host.verify.get()));
        self.pipeline.set_shares(shares);
        let mut state = lock(&self.config);
        state.config = config;
        state.error = None;
    }

    /// What is wrong with the farm's configuration.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let state = lock(&self.config);
        state.config.warnings.iter().chain(&state.error).cloned().collect()
    }

    /// What is wrong with its hosts, for the end of a build.
    pub(crate) fn notices(&self) -> Vec<String> {
        let aside = reports::of_hosts(&lock(&self.config).config, &self.pipeline);
        aside.iter().filter_map(reports::trouble).chain(lock(&self.config).error.clone()).collect()
    }

    /// Where the farm stands; the fields of a build are its own to fill in.
    pub(crate) fn progress(&self) -> Progress {
        let snapshot = self.pipeline.scheduler().snapshot();
        Progress {
            hosts: snapshot
                .hosts
                .iter()
                .map(|it| (it.host.clone(), (it.running + it.queued) as u64))
                .collect(),
            down: snapshot
                .hosts
                .iter()
                .filter(|it| it.state != HostState::Up)
                .map(|it| it.host.clone())
                .collect(),
            capacity: (snapshot.live_capacity + self.budget.slots()) as u64,
            ..Progress::default()
        }
    }

    /// The farm for people.
    pub(crate) fn report(&self) -> FarmReport {
        let warnings = self.warnings();
        let state = lock(&self.config);
        FarmReport {
            source: self.source.to_string(),
            warnings,
            local_slots: state.config.local.slots as u64,
            hosts: reports::of_hosts(&state.config, &self.pipeline),
        }
    }
}

/// What shows that a file was edited, by whatever way of saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileState {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

fn state_of(path: &Path) -> Option<FileState> {
    let meta = fs::metadata(path).ok()?;
    Some(FileState {
        inode: meta.ino(),
        size: meta.size(),
        modified: (meta.mtime(), meta.mtime_nsec()),
    })
}

/// Puts edits of a farm's file in force until the farm is gone. A file that can't be read or understood leaves the
/// farm as it was, and says so.
async fn watch(path: PathBuf, mut seen: Option<FileState>, farm: Weak<Farm>) {
    loop {
        tokio::time::sleep(WATCH_INTERVAL).await;
        let Some(farm) = farm.upgrade() else { return };
        let now = state_of(&path);
        if now == seen {
            continue;
        }
        seen = now;
        match farm.source.read() {
            Ok(config) => {
                tracing::info!(path = %path.display(), "an edited farm is put in force");
                farm.put_in_force(config);
            }
            Err(error) => {
                let sentence = format!("{error}; the farm stays as it was before the edit");
                tracing::warn!("{sentence}");
                lock(&farm.config).error = Some(sentence);
            }
        }
    }
}
