//! The build's root process: started, sent the signals that are meant for it, waited for.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use farmbuild_core::jobserver::TokenServer;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::tool::Parallelism;

/// The status of a shell that can't find a command, and of one that can't run it.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// A running build.
pub(crate) struct Running {
    child: Child,
    /// It has ended and was waited for: its number may be somebody else's.
    over: Arc<AtomicBool>,
}

/// How a build ended.
pub(crate) struct Ended {
    status: io::Result<ExitStatus>,
}

/// Starts a build in the foreground, where the terminal's Ctrl-C reaches all of it.
pub(crate) fn start(
    mut command: Command,
    parallelism: Option<&Parallelism>,
) -> io::Result<Running> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
    // So that the orphans of a killed sub-make, and the tokens they hold, stay in sight.
    let watched = TokenServer::become_subreaper();
    let child = command.spawn()?;
    if let (Ok(()), Some(parallelism)) = (watched, parallelism) {
        parallelism.watch(child.id());
    }
    let pid = Pid::from_child(&child);
    let over = Arc::new(AtomicBool::new(false));
    let seen_over = Arc::clone(&over);
    thread::spawn(move || {
        for signal in signals.forever() {
            if seen_over.load(Ordering::Acquire) {
                // What is left to do is ours, and ends with us.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            // Ctrl-C and Ctrl-\ came from the terminal to the whole foreground group; a second one would make
            // make think that it is pressed for good.
            if matches!(signal, SIGINT | SIGQUIT) && is_foreground() {
                continue;
            }
            if let Some(signal) = Signal::from_named_raw(signal) {
                // A child that is gone needs no signal. Its number is its own until it is waited for.
                let _ = kill_process(pid, signal);
            }
        }
    });
    Ok(Running { child, over })
}

fn is_foreground() -> bool {
    tcgetpgrp(io::stdin())
        .or_else(|_| tcgetpgrp(io::stderr()))
        .is_ok_and(|group| group == getpgrp())
}

impl Running {
    /// Waits for the build's end.
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.child.wait();
        self.over.store(true, Ordering::Release);
        Ended { status }
    }
}

impl Ended {
    /// Ends this process as the build ended: with its status, or by the signal that ended it.
    pub(crate) fn pass_on(self) -> ExitCode {
        let status = match self.status {
            Ok(status) => status,
            Err(error) => {
                eprintln!("farmbuild: the build's end was missed: {error}");
                return ExitCode::FAILURE;
            }
        };
        if let Some(signal) = status.signal() {
            // Returns only for a signal that can't be raised; its status in a shell stands for it then.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            return ExitCode::from(u8::try_from(128 + signal).unwrap_or(1));
        }
        ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }
}

/// Says that a command can't be run, as a shell would.
pub(crate) fn cannot_run(program: &OsStr, error: &io::Error) -> ExitCode {
    eprintln!("farmbuild: can't run {}: {error}", program.display());
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE })
}
