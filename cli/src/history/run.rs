//! Starts a leashed build or test and waits for its end, or brings it about.
//!
//! Knows processes, logs and summaries; not what is built.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use farmbuild_core::protocol::message::{Summary, Untrusted};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use super::leash::GRACE;
use super::stop::Stop;
use super::{HistoryError, io_error};

/// How often the end is looked for. A cached build of a small project takes some hundredths of a second.
const INTERVAL: Duration = Duration::from_millis(4);

/// What to run.
#[derive(Debug)]
pub(super) struct Task<'a> {
    /// For errors.
    pub(super) what: &'a str,
    pub(super) words: &'a [&'a OsStr],
    pub(super) farm: Option<&'a Path>,
    pub(super) directory: &'a Path,
    pub(super) without: &'a [String],
    /// Gets all that is printed.
    pub(super) log: &'a Path,
    /// It is a build, and leaves its summary here.
    pub(super) summary: Option<&'a Path>,
    pub(super) low_priority: bool,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// The outer option: whether a build came to its own end; the inner one: whether it had a daemon to count its jobs.
    pub(super) summary: Option<Option<Summary>>,
    /// It was stopped before it was done.
    pub(super) stopped: bool,
}

impl Ended {
    /// The summary of a build that came to its end and had a daemon.
    pub(super) fn counted(&self) -> Option<&Summary> {
        self.summary.as_ref().and_then(Option::as_ref)
    }

    /// The objects that a host gave the build wrongly, or may have: then it is to be run again.
    pub(super) fn untrusted(&self) -> &[Untrusted] {
        self.counted().map(|summary| summary.untrusted.as_slice()).unwrap_or_default()
    }
}

/// Runs a task until it ends; earlier, if `stop` is asked.
pub(super) fn run(task: &Task<'_>, stop: &Stop) -> Result<Ended, HistoryError> {
    if let Some(file) = task.summary {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", file)(error));
            }
            _ => {}
        }
    }
    let failed = |source| HistoryError::Start { what: task.what.to_owned(), source };
    let mut child = command(task)?.spawn().map_err(failed)?;
    let stopped = watch(&child, stop).map_err(failed)?;
    if stopped {
        // Still ours and not yet waited for: the group's number is nobody else's.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    }
    let status = child.wait().map_err(failed)?;
    let summary = task.summary.and_then(|file| fs::read(file).ok());
    let summary = summary.map(|bytes| serde_json::from_slice(&bytes).unwrap_or_default());
    Ok(Ended { status, summary, stopped })
}

fn command(task: &Task<'_>) -> Result<Command, HistoryError> {
    let log = File::options().create(true).append(true).open(task.log);
    let log = log.map_err(io_error("write", task.log))?;
    let other = log.try_clone().map_err(io_error("write", task.log))?;
    let own = env::current_exe().map_err(io_error("find", Path::new("farmbuild")))?;
    let mut command = Command::new(own);
    for variable in task.without {
        command.env_remove(variable);
    }
    if let Some(farm) = task.farm {
        command.arg("--farm").arg(farm);
    }
    command.arg("leash").arg("--parent").arg(process::id().to_string());
    if task.low_priority {
        command.arg("--low-priority");
    }
    if let Some(summary) = task.summary {
        command.arg("--summary").arg(summary);
    }
    command
        .arg("--")
        .args(task.words)
        .current_dir(task.directory)
        // Compilers believe it, and write it into debug info.
        .env("PWD", task.directory)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(other)
        .process_group(0);
    Ok(command)
}

/// Waits until the child has ended, without collecting it. Whether it was told to.
fn watch(child: &Child, stop: &Stop) -> io::Result<bool> {
    let pid = Pid::from_child(child);
    let mut told: Option<Instant> = None;
    loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if waitid(WaitId::Pid(pid), options)?.is_some() {
            return Ok(told.is_some());
        }
        match told {
            None if stop.is_asked() => {
                kill_process(pid, Signal::TERM)?;
                told = Some(Instant::now());
            }
            // It had its time, and the leash its own.
            Some(when) if when.elapsed() > GRACE + GRACE / 2 => {
                kill_process_group(pid, Signal::KILL)?;
            }
            _ => {}
        }
        thread::sleep(INTERVAL);
    }
}
