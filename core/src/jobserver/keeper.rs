//! The counts of our own pool, and the thread that keeps them true: it takes surplus tokens out as they come
//! back, and puts back those that died with their holder.
//!
//! "Issued" is what clients may hold in all; a token is in the pool, in a client's hand, or lost. Lost are those that
//! nobody alive can hold ([`census`](super::census)), found thrice in a row while the pool is empty (an
//! empty pool is when a lost one hurts). Should a token be replaced whose holder lives after all, then it
//! comes back as a surplus and is taken out, so the pool ends with no more than was issued.

use std::ffi::OsString;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

use super::census;
use super::channel::Channel;
use super::server::PoolReport;

/// How often the pool is looked at while a build is watched.
const INTERVAL: Duration = Duration::from_millis(500);

/// How many looks in a row must find a token lost.
const LOOKS: usize = 3;

/// GNU make's own token.
const TOKEN: u8 = b'+';

#[derive(Debug)]
pub(super) struct Keeper {
    channel: Channel,
    link: OsString,
    wake: OwnedFd,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Tokens that there shall be.
    target: usize,
    /// Tokens that are out, in the pool or in a client's hand. Above `target` while a shrink waits for them, below it
    /// if the pool has no room.
    issued: usize,
    /// The root process of the build.
    build: Option<NonZeroU32>,
    /// How many tokens the last looks, in a row, found lost.
    suspected: Vec<usize>,
    put_back: usize,
    stop: bool,
}

impl Keeper {
    pub(super) fn new(channel: Channel, tokens: usize) -> io::Result<Self> {
        let link = channel.link()?;
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = rustix::event::eventfd(0, flags)?;
        let keeper = Self { channel, link, wake, counts: Mutex::default() };
        keeper.resize(tokens)?;
        Ok(keeper)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // The counts are whole between any two statements.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn target(&self) -> usize {
        self.counts().target
    }

    pub(super) fn resize(&self, tokens: usize) -> io::Result<()> {
        let mut counts = self.counts();
        counts.target = tokens;
        counts.suspected.clear();
        let done = self.settle(&mut counts);
        drop(counts);
        self.wake();
        done
    }

    pub(super) fn watch(&self, build: u32) {
        self.counts().build = NonZeroU32::new(build);
        self.wake();
    }

    pub(super) fn stop(&self) {
        self.counts().stop = true;
        self.wake();
    }

    pub(super) fn report(&self) -> io::Result<PoolReport> {
        let counts = self.counts();
        let available = self.channel.available()?;
        Ok(PoolReport {
            issued: counts.issued,
            missing: counts.issued.saturating_sub(available),
            put_back: counts.put_back,
        })
    }

    fn wake(&self) {
        // Fails only if the counter is full, and then the thread is awake anyway.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Brings `issued` as near to `target` as the pool allows at this moment.
    fn settle(&self, counts: &mut Counts) -> io::Result<()> {
        while counts.issued < counts.target {
            let chunk = [TOKEN; 256];
            let wanted = (counts.target - counts.issued).min(chunk.len());
            let done = self.channel.put(&chunk[..wanted])?;
            counts.issued += done;
            if done < wanted {
                break;
            }
        }
        while counts.issued > counts.target && self.channel.try_take()?.is_some() {
            counts.issued -= 1;
        }
        Ok(())
    }

    /// The thread: ends on [`Keeper::stop`].
    pub(super) fn run(&self) {
        let mut looked = Instant::now();
        loop {
            let (shrinking, watching) = {
                let counts = self.counts();
                if counts.stop {
                    return;
                }
                (counts.issued > counts.target, counts.build.is_some())
            };
            // A shrink must race the clients for each token that comes back, so it waits on the pool itself.
            let mut fds = vec![PollFd::new(&self.wake, PollFlags::IN)];
            if shrinking {
                fds.push(PollFd::from_borrowed_fd(self.channel.as_fd(), PollFlags::IN));
            }
            let timeout = watching.then(|| INTERVAL.saturating_sub(looked.elapsed()));
            let timeout = timeout.and_then(|left| Timespec::try_from(left).ok());
            match rustix::event::poll(&mut fds, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::warn!(%error, "the jobserver is no longer looked after");
                    return;
                }
            }
            let mut counter = [0; 8];
            let _ = rustix::io::read(&self.wake, &mut counter);
            let looks = watching && looked.elapsed() >= INTERVAL;
            if looks {
                looked = Instant::now();
            }
            let done = self.settle(&mut self.counts());
            if let Err(error) = done.and_then(|()| if looks { self.look() } else { Ok(()) }) {
                tracing::warn!(%error, "the jobserver is no longer looked after");
                return;
            }
        }
    }

    /// Looks for tokens that nobody alive can hold, and for those that there are too many of.
    fn look(&self) -> io::Result<()> {
        let (build, issued) = {
            let mut counts = self.counts();
            let available = self.channel.available()?;
            for _ in counts.issued..available {
                // One that was put back although its holder lived.
                if self.channel.try_take()?.is_some() {
                    counts.put_back = counts.put_back.saturating_sub(1);
                }
            }
            match counts.build {
                Some(build) if available == 0 => (build.get(), counts.issued),
                _ => {
                    counts.suspected.clear();
                    return Ok(());
                }
            }
        };
        let claims = census::may_hold(process::id(), build, &self.link)?;
        let mut counts = self.counts();
        let held = issued.saturating_sub(self.channel.available()?);
        let lost = held.saturating_sub(claims);
        if lost == 0 || issued != counts.issued {
            counts.suspected.clear();
            return Ok(());
        }
        counts.suspected.push(lost);
        if counts.suspected.len() < LOOKS {
            return Ok(());
        }
        let lost = counts.suspected.drain(..).min().unwrap_or(0);
        tracing::debug!(lost, "putting back tokens that died with their holder");
        counts.put_back += lost;
        counts.issued -= lost;
        // Writes them anew, or lets a shrink that waits for them be done.
        self.settle(&mut counts)
    }
}
