//! One daemon a user: holds the farm's state and the scheduler, and answers wrappers and commands.
//!
//! [`desk`] receives wrappers, [`server`] everybody else, [`jobs`] carries one job from request to answer, [`builds`] knows
//! the open builds, [`farms`] the farms in use. How a job is analysed, scheduled and checked is the core's pipeline.

pub(crate) mod builds;
mod burn_in;
pub(crate) mod caches;
pub(crate) mod counting;
mod desk;
pub(crate) mod detach;
mod doubts;
pub(crate) mod farms;
pub(crate) mod jobs;
mod keeping;
pub(crate) mod lifetime;
pub(crate) mod outer_tokens;
mod overseer;
pub(crate) mod peer;
mod reports;
pub(crate) mod server;

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use farmbuild_core::budget::LocalBudget;
use rustix::fs::{FlockOperation, flock};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, listen, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::runtime_dir::RuntimeDir;
use crate::client::start::open_private;
use crate::farm::LocalConfig;
use crate::real_compiler::Finder;
use builds::Builds;
use caches::Caches;
use counting::Counting;
use farms::{Farms, Remembered};
use lifetime::Lifetime;

/// Why a daemon didn't come to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    #[error("there is a daemon already")]
    AlreadyThere,
    #[error("can't listen on {path}: {source}")]
    Listen { path: String, source: io::Error },
    #[error("can't start the runtime: {0}")]
    Runtime(io::Error),
    #[error("the C library's signals can't be listened to: {0}")]
    Signals(io::Error),
    #[error("the daemon broke down: {0}")]
    Died(tokio::task::JoinError),
}

/// What all connections share.
pub(crate) struct Daemon {
    pub(crate) started: Instant,
    pub(crate) farms: Farms,
    pub(crate) caches: Caches,
    /// For jobs that leave it to the daemon to find their compilers.
    pub(crate) compilers: Finder,
    pub(crate) builds: Builds,
    pub(crate) counting: Counting,
    pub(crate) lifetime: Lifetime,
    /// Where hosts in doubt are kept; one writes at a time.
    doubts: Mutex<PathBuf>,
}

impl Daemon {
    /// Keeps which hosts are in doubt, as soon as that changes: a daemon may be killed.
    pub(crate) fn keep_doubts(&self) {
        let file = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = keeping::write(&file, &self.farms.doubts()) {
            tracing::warn!(%error, "which hosts are in doubt could not be saved");
        }
    }
}

/// Runs the daemon until it is idle for long, stopped or replaced.
pub(crate) fn run(runtime_dir: &RuntimeDir) -> Result<(), DaemonError> {
    let listen =
        |source| DaemonError::Listen { path: runtime_dir.socket().display().to_string(), source };
    let lock = open_private(&runtime_dir.daemon_lock()).map_err(listen)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| DaemonError::AlreadyThere)?;
    raise_descriptor_limit();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("farmbuild").build();
    runtime.map_err(DaemonError::Runtime)?.block_on(async {
        let listener = bind(runtime_dir).map_err(listen)?;
        let served = tokio::spawn(serve(runtime_dir.clone(), listener, lock)).await;
        served.unwrap_or_else(|error| Err(DaemonError::Died(error)))
    })
}

/// A job in flight holds a handful of descriptors, and the usual limit of 1024 is soft for programs that know better.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Refused only where it is as high as it may be.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Takes the socket's place. The lock that is held says that whoever left a socket here is dead or retired.
fn bind(runtime_dir: &RuntimeDir) -> io::Result<UnixListener> {
    // Bound under another name first, so that whoever sees the socket can connect to it.
    let (path, new) = (runtime_dir.socket(), runtime_dir.socket_being_made());
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(&new)?)?;
    // A backlog for a `make -j500`: what doesn't fit would wait in `connect`.
    listen(&socket, 4096)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(new, path)?;
    Ok(socket.into())
}

async fn serve(
    runtime_dir: RuntimeDir,
    listener: UnixListener,
    lock: File,
) -> Result<(), DaemonError> {
    let budget = LocalBudget::new(LocalConfig::default().slots);
    let [speeds, doubts] = ["speeds.json", "doubts.json"].map(|name| runtime_dir.path().join(name));
    let remembered = Remembered {
        speeds: keeping::read(&speeds).unwrap_or_default(),
        doubts: keeping::read(&doubts).unwrap_or_default(),
    };
    let daemon = Arc::new(Daemon {
        started: Instant::now(),
        farms: Farms::new(budget, remembered),
        caches: Caches::default(),
        compilers: Finder::new(Some(runtime_dir.masquerade())),
        builds: Builds::default(),
        counting: Counting::load(&runtime_dir.path().join("counters.json")),
        lifetime: Lifetime::new(runtime_dir, lock),
        doubts: Mutex::new(doubts),
    });
    daemon.farms.oversee(overseer::of(&daemon));
    tracing::info!(pid = std::process::id(), "the daemon is there");
    let result = server::serve_until_the_end(&daemon, listener).await;
    daemon.caches.settle().await;
    daemon.count_by_caches();
    if let Err(error) = daemon.counting.save() {
        tracing::warn!(%error, "the counters could not be saved");
    }
    if let Err(error) = keeping::write(&speeds, &daemon.farms.speeds()) {
        tracing::warn!(%error, "the hosts' speeds could not be saved");
    }
    tracing::info!("the daemon ends");
    result
}
