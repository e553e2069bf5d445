//! Makes sure that a daemon of this build of the program is there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use farmbuild_core::protocol::message::Request;
use rustix::fs::{FlockOperation, flock};

use super::connection::{ConnectError, Connection};
use super::runtime_dir::{RuntimeDir, RuntimeDirError};

/// How long a daemon may take until it answers. A build doesn't wait longer: its jobs run without one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no daemon to ask.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    RuntimeDir(#[from] RuntimeDirError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the daemon can't be started: {0}")]
    Spawn(#[from] io::Error),
    #[error("the daemon didn't answer within {} s; its log is {log}", PATIENCE.as_secs())]
    Silent { log: String },
}

/// Sends `request` to the daemon, which is started if there is none, and replaced if it is of another build.
pub(crate) fn ask(request: &Request) -> Result<Connection, StartError> {
    let runtime = RuntimeDir::open()?;
    match Connection::ask(&runtime, request) {
        Err(ConnectError::NoDaemon(_) | ConnectError::OtherBuild) => {}
        other => return Ok(other?),
    }
    let starting = lock_to_start(&runtime)?;
    // Somebody else may have been faster.
    match Connection::ask(&runtime, request) {
        Err(ConnectError::NoDaemon(_)) => {}
        Err(ConnectError::OtherBuild) => Connection::retire(&runtime).or_else(gone_is_fine)?,
        other => return Ok(other?),
    }
    spawn()?;
    let deadline = Instant::now() + PATIENCE;
    let connection = loop {
        match Connection::ask(&runtime, request) {
            Err(ConnectError::NoDaemon(_)) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(ConnectError::NoDaemon(_)) => {
                return Err(StartError::Silent { log: runtime.log().display().to_string() });
            }
            other => break other?,
        }
    };
    drop(starting);
    Ok(connection)
}

fn gone_is_fine(error: ConnectError) -> Result<(), ConnectError> {
    match error {
        ConnectError::NoDaemon(_) | ConnectError::Broken(_) => Ok(()),
        other => Err(other),
    }
}

/// Takes the lock of those who start a daemon; it is let go when the file is dropped.
fn lock_to_start(runtime: &RuntimeDir) -> io::Result<File> {
    let file = open_private(&runtime.start_lock())?;
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if Instant::now() > deadline {
            return Err(error.into());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(file)
}

/// Opens or makes a file of ours for writing.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Starts the daemon as nobody's child: the process in between, `daemon start --detach`, ends at once.
fn spawn() -> io::Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .args(["daemon", "detach"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("it ended with {status}"))) }
}
