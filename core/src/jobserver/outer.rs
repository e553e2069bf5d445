//! The pool of a build that we are a part of: local work takes its tokens from there.
//!
//! Works on blocking threads; knows nothing of what a token is spent on.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags};
use rustix::fs::OFlags;

use super::channel::Channel;
use super::error::{GuardianError, OuterError};
use super::guardian::Guardian;
use super::makeflags::{Auth, Makeflags};

/// The jobserver of whoever started this process.
#[derive(Clone, Debug)]
pub struct OuterJobserver {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    channel: Channel,
    /// A semaphore of one: the token that this process was started with.
    implicit: OwnedFd,
    guardian: Option<Guardian>,
}

/// The right to run one job. Dropping it gives the very byte back.
#[derive(Debug)]
pub struct Token {
    pool: Arc<Pool>,
    /// `None` for the implicit token.
    byte: Option<u8>,
}

/// Ends a wait in [`OuterJobserver::acquire`], from any thread, once and for all.
#[derive(Clone, Debug)]
pub struct Cancel {
    event: Arc<OwnedFd>,
}

impl Cancel {
    /// A cancel that isn't pulled yet.
    ///
    /// # Errors
    /// If the system has no descriptor to spare.
    pub fn new() -> io::Result<Self> {
        Ok(Self { event: Arc::new(semaphore(0)?) })
    }

    /// Ends every wait with this cancel, those to come too.
    pub fn cancel(&self) {
        // Can't fail but by a full counter, which is a pulled one.
        let _ = rustix::io::write(&*self.event, &1u64.to_ne_bytes());
    }
}

impl OuterJobserver {
    /// The jobserver that `CARGO_MAKEFLAGS` or, if that has none to use, `MAKEFLAGS` names.
    ///
    /// Call it early: numbers of descriptors mean something only as long as nobody else opened files. Still, they are
    /// used only if they are the reading and the writing end of one pipe.
    ///
    /// # Errors
    /// [`OuterError`] says why there is none; no reason to fail a build.
    pub fn from_env() -> Result<Self, OuterError> {
        Self::of(open_from_env()?)
    }

    /// The jobserver that this value of `MAKEFLAGS` names.
    ///
    /// # Errors
    /// As [`OuterJobserver::from_env`].
    pub fn from_makeflags(value: &OsStr) -> Result<Self, OuterError> {
        Self::of(open_makeflags(value)?)
    }

    fn of(channel: Channel) -> Result<Self, OuterError> {
        Ok(Self { pool: Arc::new(Pool { channel, implicit: semaphore(1)?, guardian: None }) })
    }

    /// Takes tokens through a guardian from now on, which gives them back should this process be killed.
    ///
    /// # Errors
    /// If the guardian doesn't answer, or tokens are out already.
    pub fn guarded_by(self, guardian: Guardian) -> Result<Self, GuardianError> {
        let mut pool = Arc::into_inner(self.pool)
            .ok_or_else(|| GuardianError::Io(io::ErrorKind::ResourceBusy.into()))?;
        pool.guardian = Some(guardian);
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Takes a token if one is free: first the implicit one, then one from the pool.
    ///
    /// # Errors
    /// If the pool can't be read.
    pub fn try_acquire(&self) -> io::Result<Option<Token>> {
        let token = |byte| Some(Token { pool: Arc::clone(&self.pool), byte });
        if self.pool.take_implicit()? {
            return Ok(token(None));
        }
        Ok(self.pool.take()?.and_then(|byte| token(Some(byte))))
    }

    /// Waits for a token; `None` once `cancel` is pulled. Blocks its thread.
    ///
    /// # Errors
    /// If the pool can't be read.
    pub fn acquire(&self, cancel: &Cancel) -> io::Result<Option<Token>> {
        loop {
            let mut fds = [
                PollFd::new(&*cancel.event, PollFlags::IN),
                PollFd::new(&self.pool.implicit, PollFlags::IN),
                PollFd::from_borrowed_fd(self.pool.channel.as_fd(), PollFlags::IN),
            ];
            rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, None))?;
            if !fds[0].revents().is_empty() {
                return Ok(None);
            }
            // Another client may have been faster.
            if let Some(token) = self.try_acquire()? {
                return Ok(Some(token));
            }
        }
    }
}

impl Token {
    /// Whether it is the one that this process was started with, rather than one from the pool.
    #[must_use]
    pub fn is_implicit(&self) -> bool {
        self.byte.is_none()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let done = match self.byte {
            None => rustix::io::write(&self.pool.implicit, &1u64.to_ne_bytes())
                .map(drop)
                .map_err(io::Error::from),
            Some(byte) => self.pool.give_back(byte),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "can't give a token back to the outer jobserver");
        }
    }
}

impl Pool {
    fn take_implicit(&self) -> io::Result<bool> {
        let mut counter = [0; 8];
        match rustix::io::retry_on_intr(|| rustix::io::read(&self.implicit, &mut counter)) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::AGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&self) -> io::Result<Option<u8>> {
        match self.guardian.as_ref().map(Guardian::take) {
            Some(Some(answer)) => Ok(answer),
            // A guardian that is gone guards nothing, but a build doesn't fail for it.
            Some(None) | None => self.channel.try_take(),
        }
    }

    fn give_back(&self, byte: u8) -> io::Result<()> {
        if self.guardian.as_ref().is_some_and(|guardian| guardian.give_back(byte)) {
            return Ok(());
        }
        match self.channel.put(&[byte])? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }
}

/// Opens the pool that the environment names; [`OuterError::None`] only if no variable names any.
pub(super) fn open_from_env() -> Result<Channel, OuterError> {
    let mut reason = OuterError::None;
    for name in ["CARGO_MAKEFLAGS", "MAKEFLAGS"] {
        match env::var_os(name).map(|value| open_makeflags(&value)) {
            Some(Ok(channel)) => return Ok(channel),
            Some(Err(OuterError::None)) | None => {}
            Some(Err(error)) => reason = error,
        }
    }
    Err(reason)
}

fn open_makeflags(value: &OsStr) -> Result<Channel, OuterError> {
    open(&Makeflags::parse(value).auth()?.ok_or(OuterError::None)?)
}

/// Opens the pool that `auth` names, once it is sure to be one.
fn open(auth: &Auth) -> Result<Channel, OuterError> {
    match auth {
        Auth::Fifo(path) => {
            Channel::open(path).map_err(|source| OuterError::Fifo { path: path.clone(), source })
        }
        &Auth::Pipe { read, write } => {
            let reads = status_flags(read)?;
            let writes = status_flags(write)?;
            let link = |fd| fs::read_link(descriptor(fd)).ok();
            let one_pipe = link(read).is_some() && link(read) == link(write);
            // Both ends of a pipe of two programs would be one end in each of them.
            if !one_pipe
                || reads & OFlags::RWMODE == OFlags::WRONLY
                || writes & OFlags::RWMODE == OFlags::RDONLY
            {
                return Err(OuterError::Unrelated { read, write });
            }
            Channel::open(&descriptor(read)).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidInput => OuterError::Unrelated { read, write },
                _ => OuterError::Io(error),
            })
        }
    }
}

/// The flags that a descriptor of this process was opened with, from proc(5): all that needs no ownership of it.
fn status_flags(fd: i32) -> Result<OFlags, OuterError> {
    let text = match fs::read_to_string(Path::new("/proc/self/fdinfo").join(fd.to_string())) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OuterError::Closed { fd });
        }
        Err(error) => return Err(OuterError::Io(error)),
    };
    text.lines()
        .find_map(|line| u32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok())
        .map(OFlags::from_bits_retain)
        .ok_or_else(|| OuterError::Io(io::ErrorKind::InvalidData.into()))
}

fn descriptor(fd: i32) -> PathBuf {
    Path::new("/proc/self/fd").join(fd.to_string())
}

fn semaphore(initial: u32) -> io::Result<OwnedFd> {
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE;
    Ok(rustix::event::eventfd(initial, flags)?)
}
