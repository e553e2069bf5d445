//! Answers the one request of each connection, as far as the [`desk`](super::desk) hasn't.

use std::ffi::{OsStr, OsString};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farmbuild_core::protocol::frame::{self, FrameError};
use farmbuild_core::protocol::hello::{self, Identity};
use farmbuild_core::protocol::message::{DaemonStatus, Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

use super::desk::Desk;
use super::jobs::Asked;
use super::{Daemon, DaemonError, builds, burn_in, jobs};
use crate::client::identity;

/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often counters are written to their file.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);

/// Serves connections until the daemon's end.
pub(crate) async fn serve_until_the_end(
    daemon: &Arc<Daemon>,
    listener: UnixListener,
) -> Result<(), DaemonError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(DaemonError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(DaemonError::Signals)?;
    let mut saving = tokio::time::interval(SAVE_INTERVAL);
    let _desk = Desk::open(daemon, listener).map_err(DaemonError::Runtime)?;
    let end = daemon.lifetime.ended();
    tokio::pin!(end);
    loop {
        tokio::select! {
            _ = saving.tick() => drop(daemon.counting.save()),
            () = &mut end => return Ok(()),
            // Wrappers that wait see the connection close, and run their compilers themselves.
            _ = terminate.recv() => { daemon.lifetime.end(); return Ok(()) }
            _ = interrupt.recv() => { daemon.lifetime.end(); return Ok(()) }
        }
    }
}

/// Answers whoever is at the other end, which is one of our user's processes.
pub(crate) async fn converse(daemon: &Arc<Daemon>, mut stream: UnixStream) {
    let _under_way = daemon.lifetime.begin();
    match tokio::time::timeout(PATIENCE, greet(daemon, &mut stream)).await {
        Ok(Ok(Some(request))) => {
            if let Err(error) = answer(daemon, stream, request).await {
                tracing::debug!(%error, "a conversation ended early");
            }
        }
        Ok(Ok(None)) => {}
        Ok(Err(FrameError::Closed)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a request can't be understood"),
        Err(_) => tracing::warn!("a connection said nothing for {} s", PATIENCE.as_secs()),
    }
}

/// Exchanges hellos and reads the request; `None` if the other side is of another build.
async fn greet(daemon: &Daemon, stream: &mut UnixStream) -> Result<Option<Request>, FrameError> {
    let mut greeting = [0; hello::LENGTH];
    match stream.read_exact(&mut greeting).await {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(FrameError::Closed);
        }
        other => other.map(drop)?,
    }
    let there = Identity::parse(&greeting);
    if there == Some(Identity::RETIRE) {
        tracing::info!("asked to retire for a daemon of another build");
        daemon.lifetime.end();
    }
    stream.write_all(&identity().hello()).await?;
    if there != Some(identity()) {
        return Ok(None);
    }
    frame::read_async(stream).await.map(Some)
}

async fn answer(
    daemon: &Arc<Daemon>,
    mut stream: UnixStream,
    request: Request,
) -> Result<(), FrameError> {
    let reply = match request {
        Request::Job(job) => {
            return jobs::answer(daemon, stream, Asked { job, masqueraded: false }).await;
        }
        Request::Masqueraded(job) => {
            return jobs::answer(daemon, stream, Asked { job, masqueraded: true }).await;
        }
        Request::Build { id, env, outer_tokens } => {
            return builds::hold_open(daemon, stream, id, &env, outer_tokens).await;
        }
        Request::Hosts { env, check } => match daemon.farms.report(&env, check.as_deref()).await {
            Ok(report) => Reply::Hosts(report),
            Err(error) => Reply::Failed(error.to_string()),
        },
        Request::BurnIn { env, host, compilers, seconds, jobs } => {
            let wish = burn_in::Wish { host, compilers, seconds, jobs };
            return burn_in::answer(daemon, stream, &env, wish).await;
        }
        Request::Trust { env, host } => trust(daemon, &env, &host),
        Request::Why { env, source } => why(daemon, &env, &source),
        Request::Stats { zero } => {
            daemon.count_by_caches();
            Reply::Stats(daemon.counting.read(zero))
        }
        Request::Status => Reply::Status(status(daemon)),
        Request::Stop => {
            let status = status(daemon);
            daemon.lifetime.end();
            Reply::Status(status)
        }
    };
    frame::write_async(&mut stream, &reply).await
}

fn trust(daemon: &Daemon, env: &[(OsString, OsString)], host: &str) -> Reply {
    match daemon.farms.choose(env) {
        Ok(farm) => {
            farm.pipeline().trust(host);
            daemon.keep_doubts();
            Reply::Hosts(farm.report())
        }
        Err(error) => Reply::Failed(error.to_string()),
    }
}

fn why(daemon: &Daemon, env: &[(OsString, OsString)], source: &OsStr) -> Reply {
    match daemon.farms.choose(env) {
        Ok(farm) => {
            let cache = daemon.caches.choose(&farm.cache_config(), env);
            Reply::Why(cache.map(|cache| cache.why(Path::new(source))).unwrap_or_default())
        }
        Err(error) => Reply::Failed(error.to_string()),
    }
}

fn status(daemon: &Daemon) -> DaemonStatus {
    DaemonStatus {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: daemon.started.elapsed().as_secs_f64(),
        builds: daemon.builds.len() as u64,
        jobs: daemon.builds.jobs_in_flight(),
    }
}
