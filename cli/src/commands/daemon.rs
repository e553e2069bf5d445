//! `farmbuild daemon start|stop|status|run`.

use std::env;
use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use farmbuild_core::protocol::message::{DaemonStatus, Reply, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, test_kill_process};
use tracing_subscriber::EnvFilter;

use super::{ODD_ANSWER, ask, failed};
use crate::args::DaemonVerb;
use crate::client::connection::{ConnectError, Connection};
use crate::client::runtime_dir::RuntimeDir;
use crate::daemon::{self, DaemonError, detach};

/// How long `stop` waits for jobs under way before it leaves them to the daemon.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(verb: DaemonVerb) -> ExitCode {
    let runtime_dir = match RuntimeDir::open() {
        Ok(runtime_dir) => runtime_dir,
        Err(error) => return failed(&error.to_string()),
    };
    match verb {
        DaemonVerb::Start => match ask(&Request::Status) {
            Ok(Reply::Status(status)) => tell(&status, false),
            Ok(_) => failed(ODD_ANSWER),
            Err(sentence) => failed(&sentence),
        },
        DaemonVerb::Stop => stop(&runtime_dir),
        DaemonVerb::Status { json } => match status(&runtime_dir) {
            Ok(status) => tell(&status, json),
            Err(sentence) => failed(&sentence),
        },
        DaemonVerb::Run { detached } => {
            if detached {
                detach::leave_the_starter();
            }
            in_foreground(&runtime_dir)
        }
        DaemonVerb::Detach => match detach::spawn_detached(&runtime_dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&format!("the daemon can't be started: {error}")),
        },
    }
}

fn in_foreground(runtime_dir: &RuntimeDir) -> ExitCode {
    let filter = env::var("FARMBUILD_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
    match daemon::run(runtime_dir) {
        // Two that were started at the same time are as good as one.
        Ok(()) | Err(DaemonError::AlreadyThere) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

/// Asks the daemon that is there, and starts none.
fn status(runtime_dir: &RuntimeDir) -> Result<DaemonStatus, String> {
    let asked = Connection::ask(runtime_dir, &Request::Status).map_err(|error| match error {
        ConnectError::NoDaemon(_) => "there is no daemon; builds start it by themselves".to_owned(),
        error => error.to_string(),
    });
    match asked?.reply() {
        Ok(Reply::Status(status)) => Ok(status),
        Ok(_) => Err(ODD_ANSWER.to_owned()),
        Err(error) => Err(format!("the daemon gave no answer: {error}")),
    }
}

fn stop(runtime_dir: &RuntimeDir) -> ExitCode {
    let pid = match Connection::ask(runtime_dir, &Request::Stop) {
        Err(ConnectError::NoDaemon(_)) => {
            println!("There is no daemon.");
            return ExitCode::SUCCESS;
        }
        // One of another build understands this much.
        Err(ConnectError::OtherBuild) => match Connection::retire(runtime_dir) {
            Ok(()) => None,
            Err(error) => return failed(&error.to_string()),
        },
        Err(error) => return failed(&error.to_string()),
        Ok(mut connection) => match connection.reply() {
            Ok(Reply::Status(status)) => Some(status.pid),
            _ => None,
        },
    };
    let process = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    println!(
        "{}",
        match process.is_none_or(ends_in_time) {
            true => "The daemon has ended.",
            false => "The daemon takes no new jobs and ends when those it has are done.",
        }
    );
    ExitCode::SUCCESS
}

/// Waits for a process to end; whether it did within [`PATIENCE`]. It has ended when it runs no more: in a container
/// nobody may ever collect its exit status.
fn ends_in_time(process: Pid) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else {
        // Gone; or the kernel is older than 5.3.
        while test_kill_process(process).is_ok() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        return test_kill_process(process).is_err();
    };
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Of a few seconds.
        let left = Timespec::try_from(left).ok();
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], left.as_ref()) {
            Err(Errno::INTR) => {}
            outcome => return outcome.is_ok_and(|ready| ready > 0),
        }
    }
}

fn tell(status: &DaemonStatus, json: bool) -> ExitCode {
    if json {
        println!("{}", serde_json::json!(status));
        return ExitCode::SUCCESS;
    }
    let DaemonStatus { pid, version, uptime_seconds, builds, jobs } = status;
    println!(
        "The daemon {version} runs as process {pid} since {uptime_seconds:.0} s, with {builds} builds and {jobs} jobs."
    );
    ExitCode::SUCCESS
}
