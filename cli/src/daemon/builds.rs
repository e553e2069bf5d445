//! The open builds: what each has counted and what its owner is shown.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farmbuild_core::protocol::frame::{self, FrameError};
use farmbuild_core::protocol::message::{
    BuildId, BuildNote, Counters, Progress, Reply, Summary, Untrusted,
};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::Daemon;
use super::outer_tokens::OuterTokens;

/// How often an owner hears of its build's progress, if anything changed.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// All builds, and the jobs that belong to none.
#[derive(Default)]
pub(crate) struct Builds {
    open: Mutex<HashMap<BuildId, Arc<Build>>>,
    /// Jobs of wrappers without a build.
    unowned: Arc<Live>,
}

/// One open build.
#[derive(Default)]
struct Build {
    live: Arc<Live>,
    counters: Mutex<Counters>,
    notices: Mutex<BTreeSet<String>>,
    untrusted: Mutex<Vec<Untrusted>>,
    tokens: Option<Arc<OuterTokens>>,
}

/// What is going on right now.
#[derive(Debug, Default)]
struct Live {
    in_flight: AtomicU64,
    at_home: AtomicU64,
    done: AtomicU64,
}

/// A job in flight; it is done when this is dropped.
pub(crate) struct Ticket(Arc<Live>);

/// A job that runs at home, for as long as this lives.
pub(crate) struct AtHome(Arc<Live>);

impl Ticket {
    fn new(live: &Arc<Live>) -> Self {
        live.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(live))
    }

    /// The job runs at home from now on.
    pub(crate) fn at_home(&self) -> AtHome {
        self.0.at_home.fetch_add(1, Ordering::Relaxed);
        AtHome(Arc::clone(&self.0))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for AtHome {
    fn drop(&mut self) {
        self.0.at_home.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counters and sets are whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Builds {
    /// How many builds are open.
    pub(crate) fn len(&self) -> usize {
        lock(&self.open).len()
    }

    /// Jobs in flight, of all builds and of none.
    pub(crate) fn jobs_in_flight(&self) -> u64 {
        let of_builds: u64 =
            lock(&self.open).values().map(|it| it.live.in_flight.load(Ordering::Relaxed)).sum();
        of_builds + self.unowned.in_flight.load(Ordering::Relaxed)
    }

    /// Notes that a job has begun.
    pub(crate) fn begin_job(&self, build: Option<BuildId>) -> Ticket {
        match self.get(build) {
            Some(build) => Ticket::new(&build.live),
            None => Ticket::new(&self.unowned),
        }
    }

    /// Something to tell the owner of a build once, at its end.
    pub(crate) fn notice(&self, build: Option<BuildId>, sentence: &str) {
        tracing::info!("{sentence}");
        if let Some(build) = self.get(build) {
            lock(&build.notices).insert(sentence.to_owned());
        }
    }

    /// Whether a build goes on.
    pub(crate) fn is_open(&self, build: BuildId) -> bool {
        self.get(Some(build)).is_some()
    }

    /// An object of a build isn't to be trusted.
    pub(crate) fn distrust(&self, build: BuildId, untrusted: Untrusted) {
        if let Some(build) = self.get(Some(build)) {
            lock(&build.untrusted).push(untrusted);
        }
    }

    /// Where local work of a build gets tokens from, if it runs under an outer jobserver.
    pub(crate) fn outer_tokens(&self, build: Option<BuildId>) -> Option<Arc<OuterTokens>> {
        self.get(build)?.tokens.clone()
    }

    fn get(&self, build: Option<BuildId>) -> Option<Arc<Build>> {
        lock(&self.open).get(&build?).cloned()
    }
}

impl Daemon {
    /// Counts for a build and for the daemon's life.
    pub(crate) fn count(&self, build: Option<BuildId>, change: impl Fn(&mut Counters)) {
        if let Some(build) = self.builds.get(build) {
            change(&mut lock(&build.counters));
        }
        self.counting.count(&change);
    }

    /// Counts what the caches have counted by themselves meanwhile.
    pub(crate) fn count_by_caches(&self) {
        let checks = self.caches.take_syntax_checks();
        if checks > 0 {
            self.counting.count(|counters| counters.syntax_checks += checks);
        }
        for (doubt, count) in self.caches.take_doubts() {
            self.counting.count(|counters| {
                *counters.undeclared.entry(doubt.to_owned()).or_default() += count;
            });
        }
    }
}

/// Keeps a build open for as long as its owner's connection lives.
pub(crate) async fn hold_open(
    daemon: &Arc<Daemon>,
    mut stream: UnixStream,
    id: BuildId,
    env: &[(OsString, OsString)],
    outer_tokens: bool,
) -> Result<(), FrameError> {
    let farm = match daemon.farms.choose(env) {
        Ok(farm) => farm,
        Err(error) => {
            return frame::write_async(&mut stream, &Reply::Failed(error.to_string())).await;
        }
    };
    let (wishes, mut wished) = mpsc::unbounded_channel();
    let tokens = outer_tokens.then(|| Arc::new(OuterTokens::new(wishes)));
    let build = Arc::new(Build { tokens: tokens.clone(), ..Build::default() });
    lock(&daemon.builds.open).insert(id, Arc::clone(&build));
    let _open = Open { daemon, id };
    let progress = || {
        let mut progress = farm.progress();
        progress.done = build.live.done.load(Ordering::Relaxed);
        progress.in_flight = build.live.in_flight.load(Ordering::Relaxed);
        progress.at_home = build.live.at_home.load(Ordering::Relaxed);
        progress.lines = lock(&build.counters).lines;
        progress
    };
    let start = tokio::time::Instant::now();
    let (mut reader, mut writer) = stream.split();
    let mut shown = progress();
    frame::write_async(
        &mut writer,
        &Reply::Build { progress: shown.clone(), warnings: farm.warnings() },
    )
    .await?;
    let mut ticks = tokio::time::interval(PROGRESS_INTERVAL);
    // One reader for the connection's whole life: a frame that was read by half must not be lost.
    let (notes_sender, mut notes) = mpsc::unbounded_channel();
    let read_notes = async move {
        while let Ok(note) = frame::read_async::<BuildNote>(&mut reader).await {
            if notes_sender.send(note).is_err() {
                break;
            }
        }
        drop(notes_sender);
        std::future::pending::<()>().await
    };
    tokio::pin!(read_notes);
    loop {
        tokio::select! {
            () = &mut read_notes => {}
            note = notes.recv() => match note {
                Some(BuildNote::Token) => {
                    if let Some(tokens) = &tokens {
                        tokens.granted();
                    }
                }
                Some(BuildNote::End) => break,
                // The owner is gone; its wrappers go with it or finish by themselves.
                None => return Ok(()),
            },
            Some(wish) = wished.recv() => frame::write_async(&mut writer, &Reply::from(wish)).await?,
            _ = ticks.tick() => {
                let now = progress();
                if now != shown {
                    shown = now;
                    frame::write_async(&mut writer, &Reply::Progress(Progress::clone(&shown))).await?;
                }
            }
        }
    }
    let wall = start.elapsed().as_secs_f64();
    // A wrong object that is known of is put right before the build ends.
    while farm.pipeline().is_acting_upon_a_difference() {
        frame::write_async(&mut writer, &Reply::Settling).await?;
        tokio::time::sleep(2 * PROGRESS_INTERVAL).await;
    }
    daemon.count(Some(id), |counters| counters.wall_seconds += wall);
    let counters = lock(&build.counters).clone();
    let mut notices: BTreeSet<String> = lock(&build.notices).clone();
    notices.extend(farm.notices());
    let untrusted = lock(&build.untrusted).clone();
    let summary = Summary { counters, notices: notices.into_iter().collect(), untrusted };
    frame::write_async(&mut writer, &Reply::Summary(summary)).await
}

/// Takes the build off the list when its connection ends, however that comes about.
struct Open<'a> {
    daemon: &'a Daemon,
    id: BuildId,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let build = lock(&self.daemon.builds.open).remove(&self.id);
        if let Some(tokens) = build.and_then(|build| build.tokens.clone()) {
            tokens.close();
        }
    }
}
