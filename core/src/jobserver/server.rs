//! Our own pool: what a build that we start takes its tokens from.
//!
//! Decides where the pool is and how a child is told; the counting is the [`keeper`](super::keeper)'s.

use std::env;
use std::fs::Permissions;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::fs::{CWD, Mode};
use tempfile::TempDir;

use super::channel::Channel;
use super::error::ServerError;
use super::keeper::Keeper;
use super::makeflags::{Auth, Makeflags};
use super::style::Style;

/// A pool of tokens for one build.
///
/// Dropping it removes the fifo and stops the thread; do that after the build has ended.
#[derive(Debug)]
pub struct TokenServer {
    keeper: Arc<Keeper>,
    thread: Option<JoinHandle<()>>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Pipe { client: jobserver::Client, read: i32, write: i32 },
    Fifo { path: PathBuf, _directory: TempDir },
}

/// How the tokens of a build fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolReport {
    /// Tokens that the pool gave out in all (one less than the jobs: the first needs none).
    pub issued: usize,
    /// Tokens that aren't in the pool now: held, while the build runs; lost, once it has ended.
    pub missing: usize,
    /// Tokens put back for clients that died with them in hand.
    pub put_back: usize,
}

impl TokenServer {
    /// Opens a pool for `jobs` jobs at once. A pipe holds some 65 000 tokens; those beyond wait for room.
    ///
    /// # Errors
    /// [`ServerError`] if the system refuses a pipe, a fifo or a thread.
    pub fn new(style: Style, jobs: NonZeroUsize) -> Result<Self, ServerError> {
        let place = match style {
            Style::Pipe => Place::pipe()?,
            Style::Fifo => Place::fifo()?,
        };
        let channel = place.open().map_err(ServerError::Pipe)?;
        let keeper = Arc::new(Keeper::new(channel, jobs.get() - 1).map_err(ServerError::Pipe)?);
        let thread = std::thread::Builder::new()
            .name("jobserver".into())
            .spawn({
                let keeper = Arc::clone(&keeper);
                move || keeper.run()
            })
            .map_err(ServerError::Thread)?;
        Ok(Self { keeper, thread: Some(thread), place })
    }

    /// Where the pool is.
    #[must_use]
    pub fn auth(&self) -> Auth {
        match &self.place {
            Place::Pipe { read, write, .. } => Auth::Pipe { read: *read, write: *write },
            Place::Fifo { path, .. } => Auth::Fifo(path.clone()),
        }
    }

    /// Makes `command` a client of this pool: `MAKEFLAGS` is `user` with our pool in it, and the descriptors
    /// of a pipe stay open in this one child (everywhere else they are closed on exec).
    ///
    /// `user` is the `MAKEFLAGS` that the child would have had. Give make no `-j` beside this: it
    /// would open a pool of its own. `CARGO_MAKEFLAGS` and `MFLAGS` go: cargo looks there first, and would find
    /// the jobserver of whoever started us.
    pub fn configure(&self, command: &mut Command, user: &Makeflags) {
        if let Place::Pipe { client, .. } = &self.place {
            client.configure(command);
        }
        command.env("MAKEFLAGS", user.with_pool(self.jobs(), &self.auth()));
        command.env_remove("CARGO_MAKEFLAGS");
        command.env_remove("MFLAGS");
    }

    /// How many jobs the pool is for.
    #[must_use]
    pub fn jobs(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(self.keeper.target())
    }

    /// Makes it a pool for `jobs` jobs. Never blocks: a larger pool is there at once, a smaller one as soon as
    /// running jobs have given their tokens back.
    ///
    /// # Errors
    /// If the pool can't be written or read, which nothing but a broken system does.
    pub fn resize(&self, jobs: NonZeroUsize) -> io::Result<()> {
        self.keeper.resize(jobs.get() - 1)
    }

    /// From now on puts back the tokens of clients that died with them in hand, below the root process `build` (a
    /// child of this process). Call [`become_subreaper`](Self::become_subreaper) before the build starts.
    pub fn watch(&self, build: u32) {
        self.keeper.watch(build);
    }

    /// Makes this process the parent of processes of the build that lose theirs, so that they stay in sight.
    /// For the whole process, and for good.
    ///
    /// # Errors
    /// If the kernel doesn't know it (before Linux 3.4).
    pub fn become_subreaper() -> io::Result<()> {
        // The value is a switch: any pid switches it on.
        Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
    }

    /// How the tokens fare at this moment.
    ///
    /// # Errors
    /// If the pool can't be asked.
    pub fn report(&self) -> io::Result<PoolReport> {
        self.keeper.report()
    }

    /// Ends the pool, after the build, and says how its tokens fared.
    ///
    /// # Errors
    /// If the pool can't be asked.
    pub fn finish(self) -> io::Result<PoolReport> {
        self.report()
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.keeper.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed where it happened.
            drop(thread.join());
        }
    }
}

impl Place {
    /// The crate's client is used as an owner of a pipe that it can open in one child only: to do so takes a `pre_exec`.
    fn pipe() -> Result<Self, ServerError> {
        let client = jobserver::Client::new(0).map_err(ServerError::Pipe)?;
        // It says its descriptors' numbers only in what it would export.
        let mut command = Command::new("");
        client.configure(&mut command);
        let exported = command.get_envs().find(|(name, _)| *name == "CARGO_MAKEFLAGS");
        let auth = exported.and_then(|(_, value)| Makeflags::parse(value?).auth().ok().flatten());
        match auth {
            Some(Auth::Pipe { read, write }) => Ok(Self::Pipe { client, read, write }),
            _ => Err(ServerError::Pipe(io::Error::other("the pipe has no descriptors"))),
        }
    }

    fn fifo() -> Result<Self, ServerError> {
        let base = fifo_base();
        let make = || {
            let directory = tempfile::Builder::new()
                .prefix("farmbuild-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(&base)?;
            let path = directory.path().join("jobserver");
            rustix::fs::mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR)?;
            Ok(Self::Fifo { path, _directory: directory })
        };
        make().map_err(|source| ServerError::Fifo { directory: base.clone(), source })
    }

    fn open(&self) -> io::Result<Channel> {
        match self {
            Self::Pipe { read, .. } => Channel::open(Path::new(&format!("/proc/self/fd/{read}"))),
            Self::Fifo { path, .. } => Channel::open(path),
        }
    }
}

/// The temporary directory, unless a word of `MAKEFLAGS` can't name it: then `/tmp`.
fn fifo_base() -> PathBuf {
    let base = env::temp_dir();
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\\$#'\"".contains(byte);
    if base.is_absolute() && base.as_os_str().as_bytes().iter().all(plain) {
        base
    } else {
        PathBuf::from("/tmp")
    }
}
