//! Hosts that take virtual time in proportion to a job's size: first come, first served, so many at a time.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use farmbuild_core::budget::LocalBudget;
use farmbuild_core::executor::{Capacity, ExecError, Executor, Outcome, Traffic};
use farmbuild_core::job::{CompilerStatus, Job, JobId, SharedJob, SourceText};
use farmbuild_core::scheduler::{
    HostEntry, HostSnapshot, Scheduler, Settings, ToolchainKey, TrustAll, Verdict, VetError, Vetter,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Bytes that a host of speed 1 compiles in a second.
pub(crate) const SECOND: f64 = 100_000.0;

static TEXT: [u8; 8_000_000] = [0; 8_000_000];

/// A job that takes this long at speed 1.
pub(crate) fn job(seconds: f64) -> SharedJob {
    job_for("gcc", seconds)
}

pub(crate) fn job_for(compiler: &str, seconds: f64) -> SharedJob {
    job_of(compiler, seconds, seconds)
}

/// A job of a size that lets one expect `seconds` at speed 1, and that takes `really`.
pub(crate) fn uneven_job(seconds: f64, really: f64) -> SharedJob {
    job_of("gcc", seconds, really)
}

fn job_of(compiler: &str, seconds: f64, really: f64) -> SharedJob {
    let length = ((seconds * SECOND) as usize).min(TEXT.len());
    Arc::new(Job {
        id: JobId(0),
        toolchain: compiler.into(),
        compiler: compiler.into(),
        args: ["-c", "a.c", "-o", "a.o"].map(OsString::from).to_vec(),
        input: 1,
        output: 3,
        // The scheduler doesn't look at lines: here they are the microseconds that a host of speed 1 takes.
        text: SourceText {
            bytes: Bytes::from_static(&TEXT[..length]),
            lines: (really * 1e6) as u64,
        },
        object: PathBuf::from("/nowhere/a.o"),
        umask: 0o022,
        side_outputs: Vec::new(),
        directory_length: None,
        of_crate: None,
    })
}

/// How a host behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Works,
    /// Refuses connections.
    Gone,
    /// Takes jobs and says nothing more; its executor gives up after a minute.
    Silent,
    /// As a stopped server: takes connections, and so passes its probe, and says nothing more, nor do the jobs that
    /// are running there.
    Stopped,
    /// Breaks every job after so long, but answers probes.
    Breaks(Duration),
    /// Has no such compiler.
    Refuses,
    Panics,
    /// Can't write the output here.
    Unwritable,
}

pub(crate) struct Host {
    name: String,
    speed: f64,
    /// How long the upload of a job of one second takes.
    upload: f64,
    capacity: Capacity,
    slots: Semaphore,
    mode: Mutex<Mode>,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) most_in_flight: AtomicUsize,
    pub(crate) started: AtomicUsize,
    pub(crate) probes: AtomicUsize,
}

pub(crate) fn host(name: &str, slots: usize, queue: usize, speed: f64) -> Arc<Host> {
    far_host(name, slots, queue, speed, 0.0)
}

/// A host to which the upload of a job of one second takes `upload` seconds.
pub(crate) fn far_host(
    name: &str,
    slots: usize,
    queue: usize,
    speed: f64,
    upload: f64,
) -> Arc<Host> {
    Arc::new(Host {
        name: name.to_owned(),
        speed,
        upload,
        capacity: Capacity { slots, queue },
        slots: Semaphore::new(slots),
        mode: Mutex::new(Mode::Works),
        in_flight: AtomicUsize::new(0),
        most_in_flight: AtomicUsize::new(0),
        started: AtomicUsize::new(0),
        probes: AtomicUsize::new(0),
    })
}

impl Host {
    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub(crate) fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }

    pub(crate) fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    fn broken(&self) -> ExecError {
        let source = io::Error::from(io::ErrorKind::ConnectionReset);
        ExecError::Broken { host: self.name.clone(), during: "compiling", source }
    }

    async fn stalled(&self) -> ExecError {
        let after = Duration::from_secs(60);
        tokio::time::sleep(after).await;
        ExecError::Stalled { host: self.name.clone(), during: "compiling", after }
    }

    fn unreachable(&self) -> ExecError {
        let source = io::Error::from(io::ErrorKind::ConnectionRefused);
        ExecError::Unreachable { host: self.name.clone(), source }
    }
}

struct Leaves<'a>(&'a AtomicUsize);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Executor for Host {
    fn host(&self) -> &str {
        &self.name
    }

    fn capacity(&self) -> Capacity {
        self.capacity
    }

    async fn probe(&self) -> Result<(), ExecError> {
        self.probes.fetch_add(1, Ordering::Relaxed);
        match self.mode() {
            Mode::Gone => Err(self.unreachable()),
            Mode::Silent => std::future::pending().await,
            _ => Ok(()),
        }
    }

    async fn execute(&self, job: SharedJob) -> Result<Outcome, ExecError> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let _leaves = Leaves(&self.in_flight);
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        match self.mode() {
            Mode::Works => {}
            Mode::Gone => return Err(self.unreachable()),
            Mode::Silent | Mode::Stopped => return Err(self.stalled().await),
            Mode::Breaks(after) => {
                tokio::time::sleep(after).await;
                return Err(self.broken());
            }
            Mode::Refuses => {
                let (host, detail) = (self.name.clone(), "no such compiler".to_owned());
                return Err(ExecError::Refused { host, detail });
            }
            Mode::Panics => panic!("an executor's bug"),
            Mode::Unwritable => {
                let source = io::Error::from(io::ErrorKind::PermissionDenied);
                return Err(ExecError::Output { path: job.object.clone(), source });
            }
        }
        let upload = self.upload * job.text.bytes.len() as f64 / SECOND;
        let upload = Duration::from_secs_f64(upload);
        tokio::time::sleep(upload).await;
        let _slot = self.slots.acquire().await.unwrap();
        let seconds = job.text.lines as f64 / 1e6 / self.speed;
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        match self.mode() {
            Mode::Works => Ok(Outcome {
                status: CompilerStatus::Exited(0),
                stdout: Bytes::new(),
                stderr: Bytes::new(),
                object: None,
                beside: None,
                traffic: Traffic { upload, ..Traffic::default() },
            }),
            Mode::Silent | Mode::Stopped => Err(self.stalled().await),
            _ => Err(self.broken()),
        }
    }
}

/// Finds a host unfit whose name is in the list, for jobs of `compiler`; takes `takes` for it.
pub(crate) struct Canary {
    pub(crate) unfit: Vec<&'static str>,
    pub(crate) compiler: &'static str,
    pub(crate) takes: Duration,
    pub(crate) asked: AtomicUsize,
}

impl Canary {
    pub(crate) fn new(unfit: &[&'static str]) -> Self {
        let (takes, asked) = (Duration::from_millis(100), AtomicUsize::new(0));
        Self { unfit: unfit.to_vec(), compiler: "gcc", takes, asked }
    }
}

#[async_trait]
impl Vetter for Canary {
    fn key(&self, job: &Job) -> ToolchainKey {
        ToolchainKey(job.compiler.to_string_lossy().into_owned())
    }

    async fn vet(&self, executor: &dyn Executor, job: &Job) -> Result<(), VetError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        executor.probe().await?;
        if self.unfit.contains(&executor.host()) && job.compiler == self.compiler {
            return Err(VetError::Unfit("its objects differ".to_owned()));
        }
        Ok(())
    }
}

pub(crate) fn entry(host: &Arc<Host>) -> HostEntry {
    HostEntry::new(Arc::clone(host) as Arc<dyn Executor>, "")
}

pub(crate) fn settings() -> Settings {
    Settings { jitter_seed: 1, ..Settings::default() }
}

/// A scheduler over `hosts` that trusts them, with `home` local slots.
pub(crate) fn farm(hosts: &[&Arc<Host>], home: usize) -> (Scheduler, LocalBudget) {
    let budget = LocalBudget::new(home);
    let scheduler = Scheduler::new(budget.clone(), Arc::new(TrustAll), settings());
    scheduler.set_hosts(hosts.iter().map(|host| entry(host)));
    (scheduler, budget)
}

pub(crate) fn submit(scheduler: &Scheduler, job: SharedJob) -> JoinHandle<Verdict> {
    let scheduler = scheduler.clone();
    tokio::spawn(async move { scheduler.run(job).await })
}

/// The host's name, or the reason for going home.
pub(crate) fn place(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Done { host, .. } => host.clone(),
        Verdict::Home { reason, .. } => reason.name().to_owned(),
    }
}

pub(crate) async fn places(jobs: Vec<JoinHandle<Verdict>>) -> Vec<String> {
    let mut places = Vec::new();
    for job in jobs {
        places.push(place(&job.await.unwrap()));
    }
    places
}

pub(crate) async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

pub(crate) fn seen(scheduler: &Scheduler, name: &str) -> HostSnapshot {
    let snapshot = scheduler.snapshot();
    snapshot.hosts.into_iter().find(|host| host.host == name).unwrap()
}
