//! Where wrappers are received: threads that wait for a connection each, and answer at once what can be answered at once.
//!
//! Most jobs of a build that was built before are hits, a millisecond or two of work that never waits for anything. A thread
//! that takes a connection, does that work and answers is spared what a runtime needs to let a job wait: a task, a place in
//! its poll, a second thread that watches meanwhile. As many hits are found at a time as there are threads. Whatever turns out to
//! wait goes on in the runtime, from where it is.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use farmbuild_core::protocol::frame;
use farmbuild_core::protocol::hello::{self, Identity};
use farmbuild_core::protocol::message::Request;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::jobs::{self, Asked, Deciding};
use super::{Daemon, peer, server};
use crate::client::identity;

/// How long a thread waits for a request. A wrapper sends it right after it has connected, unless it was stopped.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// The longest request that a thread takes, hello included. Command line and environment are a tenth of it, mostly.
const LONGEST: usize = 64 << 10;
/// The longest answer that is written without waiting for the wrapper, which may be stopped: a socket has room for thrice as
/// much (`net.core.wmem_default`).
const ROOM: usize = 64 << 10;
/// After an accept that failed: most likely descriptors ran out, and those who wait in the backlog get theirs when one is free.
const REST: Duration = Duration::from_millis(50);
/// How many threads there are at most.
const MOST: usize = 16;

/// The threads; they end when this is dropped.
pub(crate) struct Desk(Arc<UnixListener>);

impl Desk {
    /// Receives whoever connects to `listener`, which waits.
    pub(crate) fn open(daemon: &Arc<Daemon>, listener: UnixListener) -> io::Result<Self> {
        let desk = Self(Arc::new(listener));
        let threads = thread::available_parallelism().map_or(2, usize::from).clamp(2, MOST);
        for _ in 0..threads {
            let (listener, daemon) = (Arc::clone(&desk.0), Arc::clone(daemon));
            let runtime = Handle::current();
            let name = "desk".to_owned();
            thread::Builder::new()
                .name(name)
                .spawn(move || receive(&listener, &daemon, &runtime))?;
        }
        Ok(desk)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Who waits in an accept hears of it.
        let _ = shutdown(&*self.0, Shutdown::Both);
    }
}

fn receive(listener: &UnixListener, daemon: &Arc<Daemon>, runtime: &Handle) {
    // What is polled here finds the runtime by it.
    let _runtime = runtime.enter();
    let mut buffer = vec![0; LONGEST];
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                // A panic ends one conversation, as it would in a task of the runtime, and not the desk. Nothing of that
                // conversation is used again but the buffer, which holds no meaning between two.
                let conversation = || converse(daemon, stream, &mut buffer, runtime);
                match catch_unwind(AssertUnwindSafe(conversation)) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "a conversation ended early"),
                    Err(_) => {
                        tracing::error!("a job's lookup broke down; its wrapper runs the compiler")
                    }
                }
            }
            // The desk is closed.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                thread::sleep(REST);
            }
        }
    }
}

/// Answers a job that is a hit; leaves all else to the runtime.
fn converse(
    daemon: &Arc<Daemon>,
    mut stream: UnixStream,
    buffer: &mut [u8],
    runtime: &Handle,
) -> io::Result<()> {
    if !peer::is_ours(&stream)? {
        tracing::warn!("a connection of another user was refused");
        return Ok(());
    }
    let Some(asked) = job_that_is_there(&mut stream, buffer)? else {
        let (daemon, stream) = (Arc::clone(daemon), to_runtime(stream)?);
        runtime.spawn(async move { server::converse(&daemon, stream).await });
        return Ok(());
    };
    let _under_way = daemon.lifetime.begin();
    let (early, said) = mpsc::unbounded_channel();
    let mut deciding: Deciding = Box::pin(jobs::decide(Arc::clone(daemon), asked, early));
    // If it waits, it is polled again by the runtime: nobody has to be woken for it here.
    let poll = deciding.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let decided = match poll {
        Poll::Pending => None,
        Poll::Ready(decision) if !said.is_empty() => Some(decision),
        Poll::Ready(decision) => match decision.reply_to_hit(daemon) {
            Err(decision) => Some(decision),
            Ok(reply) => {
                // Together: a wrapper that is woken for the hello alone has nothing to do but to wait on.
                let mut bytes = identity().hello().to_vec();
                bytes.extend(frame::encode(&reply).map_err(io::Error::other)?);
                if bytes.len() <= ROOM {
                    return stream.write_all(&bytes);
                }
                let (daemon, mut stream) = (Arc::clone(daemon), to_runtime(stream)?);
                runtime.spawn(async move {
                    let _under_way = daemon.lifetime.begin();
                    // Gone, if it fails.
                    let _ = stream.write_all(&bytes).await;
                });
                return Ok(());
            }
        },
    };
    // At once: whoever starts a daemon holds others up until it has said hello.
    stream.write_all(&identity().hello())?;
    let (daemon, stream) = (Arc::clone(daemon), to_runtime(stream)?);
    runtime.spawn(async move {
        let _under_way = daemon.lifetime.begin();
        let deciding: Deciding = match decided {
            Some(decision) => Box::pin(async { decision }),
            None => deciding,
        };
        if let Err(error) = jobs::deliver(&daemon, stream, deciding, said).await {
            tracing::debug!(%error, "a conversation ended early");
        }
    });
    Ok(())
}

fn to_runtime(stream: UnixStream) -> io::Result<tokio::net::UnixStream> {
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}

/// The job that a wrapper of this build asks for, if all of it is there within [`PATIENCE`]; it is taken from the stream then.
fn job_that_is_there(stream: &mut UnixStream, buffer: &mut [u8]) -> io::Result<Option<Asked>> {
    poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&PATIENCE))?;
    let there = match recv(&*stream, &mut *buffer, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, there)) => there,
        Err(rustix::io::Errno::AGAIN) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some((greeting, mut framed)) = buffer[..there].split_first_chunk::<{ hello::LENGTH }>()
    else {
        return Ok(None);
    };
    if Identity::parse(greeting) != Some(identity()) {
        return Ok(None);
    }
    let request = frame::read(&mut framed);
    let taken = there - framed.len();
    let asked = match request {
        Ok(Request::Job(job)) => Asked { job, masqueraded: false },
        Ok(Request::Masqueraded(job)) => Asked { job, masqueraded: true },
        // A part of one, or another request.
        _ => return Ok(None),
    };
    stream.read_exact(&mut buffer[..taken])?;
    Ok(Some(asked))
}
