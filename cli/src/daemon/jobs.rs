//! One job from request to answer.
//!
//! The pipeline decides. If the job is to run at home, the wrapper becomes the compiler and the permit for local
//! CPU is held here until that process ends. A wrapper that goes away (Ctrl-C) drops everything its job had begun.

use std::ffi::OsString;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use farmbuild_cache::CompileCache;
use farmbuild_core::budget::{LocalPermit, TokenSource};
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::cache::{Compiled, Miss};
use farmbuild_core::pipeline::{Answer, Cache, CacheMode, Circumstances, Hit, Uncached, Wanted};
use farmbuild_core::protocol::frame::{self, FrameError};
use farmbuild_core::protocol::message::{
    BuildId, Counters, JobRequest, Reply, WrapperNote, exit_code,
};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::builds::Ticket;
use super::farms::Farm;
use super::{Daemon, peer};

/// A job that was asked for.
pub(crate) struct Asked {
    pub(crate) job: JobRequest,
    /// Whether its compiler is still to be found.
    pub(crate) masqueraded: bool,
}

/// What is to become of a job.
pub(crate) enum Decision {
    /// The wrapper looks for its compiler itself, and finds the words where there is none.
    Unfound,
    /// No farm could be found for it.
    Unplanned(Option<BuildId>),
    /// What its pipeline came to.
    Planned(Box<Planned>),
}

/// A job on its way to a decision.
pub(crate) type Deciding = Pin<Box<dyn Future<Output = Decision> + Send>>;

/// A job whose pipeline has ended.
pub(crate) struct Planned {
    farm: Arc<Farm>,
    build: Option<BuildId>,
    ticket: Ticket,
    no_fallback: bool,
    answer: Answer,
}

/// Takes a job through its pipeline. What is to be said before its end goes to `early`.
pub(crate) async fn decide(
    daemon: Arc<Daemon>,
    asked: Asked,
    early: mpsc::UnboundedSender<Bytes>,
) -> Decision {
    let request = match asked.masqueraded {
        false => asked.job,
        true => match daemon.compilers.find_for(&asked.job) {
            Some(compiler) => compiler.in_place(asked.job),
            None => return Decision::Unfound,
        },
    };
    let build =
        request.var("FARMBUILD_BUILD").and_then(|id| id.to_str()?.parse().ok()).map(BuildId);
    let ticket = daemon.builds.begin_job(build);
    daemon.count(build, |counters| counters.total += 1);
    let farm = match daemon.farms.choose(&request.env) {
        Ok(farm) => farm,
        Err(error) => {
            daemon.builds.notice(build, &error.to_string());
            return Decision::Unplanned(build);
        }
    };
    let no_fallback = request.var("FARMBUILD_FALLBACK").is_some_and(|value| value == "0");
    let mode = request.var("FARMBUILD_CACHE").and_then(|mode| mode.to_str());
    let cache = match mode.map(CacheMode::named) {
        None => CacheMode::default(),
        Some(Some(mode)) => mode,
        Some(None) => {
            daemon.builds.notice(build, BAD_CACHE_MODE);
            CacheMode::Off
        }
    };
    let config = farm.cache_config();
    let results = match cache {
        CacheMode::Off => None,
        _ => daemon.caches.choose(&config, &request.env),
    };
    if results.as_deref().is_some_and(CompileCache::is_in_trouble) {
        daemon.builds.notice(build, UNWRITABLE_CACHE);
    }
    let cache = results.as_deref().map(|results| (results as &dyn Cache, cache));
    let (terminal, null_input) = (request.terminal.clone(), request.null_input);
    let invocation = Arc::new(Invocation::from(request));
    let tokens = daemon.builds.outer_tokens(build);
    let tokens = tokens.as_deref().map(|source| source as &dyn TokenSource);
    let base = cache.and_then(|_| config.base_of(&invocation.cwd));
    // The other end is there as long as anyone waits for the job.
    let tell = |stderr: Bytes| drop(early.send(stderr));
    let (terminal, base) = (terminal.as_str(), base.as_deref());
    let early = Some(&tell as &(dyn Fn(Bytes) + Send + Sync));
    let around = Circumstances { tokens, cache, terminal, null_input, base, build, early };
    let answer = farm.pipeline().run(invocation, around).await;
    for host in answer.retried() {
        daemon.count(build, |counters| *counters.retried.entry(host.clone()).or_default() += 1);
    }
    Decision::Planned(Box::new(Planned { farm, build, ticket, no_fallback, answer }))
}

impl Decision {
    /// The answer to a wrapper whose job was found in the cache, counted; the decision itself if it is another one.
    pub(crate) fn reply_to_hit(self, daemon: &Daemon) -> Result<Reply, Self> {
        match self {
            Self::Planned(planned) => match *planned {
                Planned { build, ticket, answer: Answer::Hit(hit), .. } => {
                    Ok(reply_to_hit(daemon, build, ticket, hit))
                }
                other => Err(Self::Planned(Box::new(other))),
            },
            other => Err(other),
        }
    }
}

fn reply_to_hit(daemon: &Daemon, build: Option<BuildId>, ticket: Ticket, hit: Hit) -> Reply {
    daemon.count(build, |counters| {
        *counters.hit.entry(hit.tier.to_owned()).or_default() += 1;
        counters.lines += hit.lines;
    });
    drop(ticket);
    Reply::Done { status: 0, stdout: hit.stdout.into(), stderr: hit.stderr.into() }
}

/// Answers a wrapper.
pub(crate) async fn answer(
    daemon: &Arc<Daemon>,
    stream: UnixStream,
    asked: Asked,
) -> Result<(), FrameError> {
    let (early, said) = mpsc::unbounded_channel();
    let deciding = Box::pin(decide(Arc::clone(daemon), asked, early));
    deliver(daemon, stream, deciding, said).await
}

/// Tells a wrapper what was said and decided, as soon as it is, and sees its job to the end.
pub(crate) async fn deliver(
    daemon: &Arc<Daemon>,
    mut stream: UnixStream,
    mut deciding: Deciding,
    mut said: mpsc::UnboundedReceiver<Bytes>,
) -> Result<(), FrameError> {
    let (mut reader, mut writer) = stream.split();
    let decision = {
        let mut gone = pin!(peer::closed(&mut reader));
        loop {
            tokio::select! {
                biased;
                Some(stderr) = said.recv() => {
                    frame::write_async(&mut writer, &Reply::Said { stderr: stderr.into() }).await?;
                }
                decision = &mut deciding => break decision,
                // The wrapper is gone: whatever was begun is dropped with the future.
                () = &mut gone => return Ok(()),
            }
        }
    };
    // What was said last.
    while let Ok(stderr) = said.try_recv() {
        frame::write_async(&mut writer, &Reply::Said { stderr: stderr.into() }).await?;
    }
    let Planned { farm, build, ticket, no_fallback, answer } = match decision {
        Decision::Unfound => {
            let reply = Reply::RunHere { keep_open: false, extra: Vec::new() };
            return frame::write_async(&mut stream, &reply).await;
        }
        Decision::Unplanned(build) => {
            return run_here_unplanned(daemon, stream, build, "farm-error").await;
        }
        Decision::Planned(planned) => *planned,
    };
    match answer {
        Answer::Hit(hit) => {
            frame::write_async(&mut writer, &reply_to_hit(daemon, build, ticket, hit)).await
        }
        Answer::Done {
            host,
            status,
            stdout,
            stderr,
            lines,
            traffic,
            notice,
            uncached,
            samples_dropped,
            ..
        } => {
            daemon.count(build, |counters| {
                count_uncached(counters, uncached.as_ref());
                *counters.remote.entry(host.clone()).or_default() += 1;
                counters.lines += lines;
                counters.sent += traffic.sent;
                counters.received += traffic.received;
                counters.samples.dropped += samples_dropped;
                let of_host = counters.bytes.entry(host.clone()).or_default();
                of_host.0 += traffic.sent;
                of_host.1 += traffic.received;
            });
            if let Some(notice) = notice {
                daemon.builds.notice(build, &notice);
            }
            let reply = Reply::Done {
                status: exit_code(status),
                stdout: stdout.into(),
                stderr: stderr.into(),
            };
            drop(ticket);
            frame::write_async(&mut writer, &reply).await
        }
        Answer::Home { reason, .. } if no_fallback && reason.is_the_farms_fault() => {
            let sentence =
                format!("the farm could not run this job, and FARMBUILD_FALLBACK=0: {reason}");
            frame::write_async(&mut writer, &Reply::Failed(sentence)).await
        }
        Answer::Home { reason, permit, lines, bytes, result, extra, .. } => {
            let (miss, uncached) = match result {
                Wanted::By(miss) => (Some(miss), None),
                Wanted::Not(uncached) => (None, Some(uncached)),
                Wanted::Nowhere => (None, None),
            };
            daemon.count(build, |counters| {
                count_uncached(counters, uncached.as_ref());
                *counters.local.entry(reason.name().to_owned()).or_default() += 1;
                counters.lines += lines;
            });
            let home = HomeRun { farm: &farm, permit, bytes, ticket, extra };
            match miss {
                Some(miss) => home.let_wrapper_tell(daemon, build, stream, miss, lines).await,
                None => home.let_wrapper_run(stream).await,
            }
        }
    }
}

/// A job that runs in the wrapper's place.
struct HomeRun<'a> {
    farm: &'a Farm,
    permit: Option<LocalPermit>,
    /// The size of its preprocessed text, if it came to that.
    bytes: Option<u64>,
    ticket: Ticket,
    /// Arguments to add to its own.
    extra: Vec<OsString>,
}

impl HomeRun<'_> {
    async fn let_wrapper_run(self, stream: UnixStream) -> Result<(), FrameError> {
        let _at_home = self.ticket.at_home();
        let start = Instant::now();
        let process = watch_and_let_run(stream, self.extra).await?;
        process.await;
        if let Some(bytes) = self.bytes {
            self.farm.pipeline().note_home(bytes, start.elapsed());
        }
        drop(self.permit);
        Ok(())
    }

    /// Likewise, for a compile whose result is to be kept.
    async fn let_wrapper_tell(
        self,
        daemon: &Daemon,
        build: Option<BuildId>,
        mut stream: UnixStream,
        miss: Box<dyn Miss>,
        lines: u64,
    ) -> Result<(), FrameError> {
        let _at_home = self.ticket.at_home();
        let start = Instant::now();
        let (extra, telling) = (self.extra, miss.telling_args());
        frame::write_async(&mut stream, &Reply::RunAndTell { extra, telling }).await?;
        let mut compiler = None;
        let succeeded = loop {
            match frame::read_async::<WrapperNote>(&mut stream).await {
                // While it is surely there: its parent, the wrapper, hasn't been heard to end.
                Ok(WrapperNote::Started(pid)) => compiler = peer::Process::with_number(pid).ok(),
                Ok(WrapperNote::Succeeded { stdout, stderr, told }) => {
                    break Some(Compiled {
                        stdout: stdout.into(),
                        stderr: stderr.into(),
                        dependencies: told.map(Into::into),
                        lines,
                    });
                }
                // It failed, or the wrapper was killed and leaves a compiler behind.
                Err(_) => break None,
            }
        };
        if let Some(bytes) = self.bytes {
            self.farm.pipeline().note_home(bytes, start.elapsed());
        }
        drop(self.permit);
        match succeeded {
            Some(compiled) => {
                let uncached = miss.keep(compiled).await;
                daemon.count(build, |counters| count_uncached(counters, uncached.as_ref()));
                frame::write_async(&mut stream, &Reply::Kept).await
            }
            None => {
                compiler.iter().for_each(peer::Process::terminate);
                Ok(())
            }
        }
    }
}

const BAD_CACHE_MODE: &str =
    "FARMBUILD_CACHE is none of off, read and readwrite: jobs ran without the cache";

const UNWRITABLE_CACHE: &str = "results couldn't be written to the cache; the daemon's log says why (`farmbuild cache stats` says where it is)";

fn count_uncached(counters: &mut Counters, uncached: Option<&Uncached>) {
    if let Some(uncached) = uncached {
        *counters.uncached.entry(uncached.name.to_owned()).or_default() += 1;
    }
}

/// Tells the wrapper to become the compiler; the future that comes back ends when that process does.
async fn watch_and_let_run(
    mut stream: UnixStream,
    extra: Vec<OsString>,
) -> Result<impl Future<Output = ()>, FrameError> {
    // Before the answer: until then the wrapper waits for us, so that its number can't be somebody else's.
    let process = peer::Process::of(&stream);
    frame::write_async(&mut stream, &Reply::RunHere { keep_open: process.is_err(), extra }).await?;
    Ok(async move {
        match process {
            Ok(process) => process.ended().await,
            Err(_) => peer::closed(&mut stream).await,
        }
    })
}

/// Lets a job run that no farm could be found for. It gets no permit: there is no budget to be trusted.
async fn run_here_unplanned(
    daemon: &Daemon,
    stream: UnixStream,
    build: Option<BuildId>,
    reason: &str,
) -> Result<(), FrameError> {
    daemon.count(build, |counters| *counters.local.entry(reason.to_owned()).or_default() += 1);
    watch_and_let_run(stream, Vec::new()).await?.await;
    Ok(())
}
