//! The process between a command over history and what it runs: leads a process group, and ends with its starter.
//!
//! A build is run in this very process, as `farmbuild make` would; a test is a child of it. Knows nothing of commits.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Signal, getpgrp, getppid, kill_process_group, set_parent_process_death_signal,
    setpriority_process,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::args::LeashArgs;
use crate::build;

/// How long a test or a build may take to end by itself.
pub(super) const GRACE: Duration = Duration::from_secs(5);
const LOWEST_PRIORITY: i32 = 19;
/// The status of a shell that can't find a command.
const NOT_FOUND: u8 = 127;

/// Runs a build or a test for the process that started this one.
pub(crate) fn run(farm: Option<PathBuf>, args: LeashArgs) -> ExitCode {
    let LeashArgs { parent, low_priority, summary, command } = args;
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        eprintln!("farmbuild: this would outlive its starter: {error}");
        return ExitCode::FAILURE;
    }
    // It may have ended before the request was made.
    if getppid().is_none_or(|pid| pid.as_raw_nonzero().get() != parent) {
        return ExitCode::FAILURE;
    }
    if low_priority {
        // What can't make way is run all the same.
        let _ = setpriority_process(None, LOWEST_PRIORITY);
    }
    let Ok(ended) = end_group_on_signal() else { return ExitCode::FAILURE };
    let code = match summary {
        Some(file) => {
            let summary_file = Some(file);
            build::run(build::Options { farm, quiet: true, summary_file, command })
        }
        None => test(&command),
    };
    ended.store(true, Ordering::Relaxed);
    code
}

/// A signal to this process is for all that it started: a shell, unlike make, doesn't pass it on. What is returned says
/// that there is nothing more to wait for.
fn end_group_on_signal() -> io::Result<Arc<AtomicBool>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            // The signal comes back here, and nobody listens any more.
            let _ = kill_process_group(getpgrp(), Signal::TERM);
            let start = Instant::now();
            while !seen.load(Ordering::Relaxed) && start.elapsed() < GRACE {
                thread::sleep(Duration::from_millis(5));
            }
            let _ = kill_process_group(getpgrp(), Signal::KILL);
        }
    });
    Ok(ended)
}

fn test(command: &[OsString]) -> ExitCode {
    let status =
        command.split_first().map(|(program, args)| Command::new(program).args(args).status());
    let Some(Ok(status)) = status else {
        eprintln!("farmbuild: can't run the test: {}", command.join(" ".as_ref()).display());
        return ExitCode::from(NOT_FOUND);
    };
    let of_signal = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(of_signal).and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(1))
}
