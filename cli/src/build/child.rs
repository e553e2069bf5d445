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
    aftermath: Arc<Aftermath>,
}

/// What is left to do when the build itself has ended, if that takes long.
#[derive(Default)]
pub(crate) struct Aftermath {
    held_up: AtomicBool,
    given_up: AtomicBool,
}

impl Aftermath {
    /// From now on signals are for us: the build has ended, and its number may be somebody else's.
    pub(crate) fn hold_up(&self) {
        self.held_up.store(true, Ordering::Release);
    }

    /// Whether somebody doesn't want to wait for it.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }
}

/// How a build ended.
pub(crate) struct Ended {
    status: io::Result<ExitStatus>,
    aftermath: Arc<Aftermath>,
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
    let aftermath = Arc::new(Aftermath::default());
    let after = Arc::clone(&aftermath);
    thread::spawn(move || {
        for signal in signals.forever() {
            if after.held_up.load(Ordering::Acquire) {
                after.given_up.store(true, Ordering::Release);
                continue;
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
    Ok(Running { child, aftermath })
}

fn is_foreground() -> bool {
    tcgetpgrp(io::stdin())
        .or_else(|_| tcgetpgrp(io::stderr()))
        .is_ok_and(|group| group == getpgrp())
}

impl Running {
    /// Waits for the build's end.
    pub(crate) fn wait(mut self) -> Ended {
        Ended { status: self.child.wait(), aftermath: self.aftermath }
    }
}

impl Ended {
    pub(crate) fn aftermath(&self) -> Arc<Aftermath> {
        Arc::clone(&self.aftermath)
    }

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
