//! Commands with a time limit: a build that hangs fails its test, with what it printed, and nothing of it is left.
//!
//! A command has ended when its process has and its output is closed, as a `$(...)` of a shell sees it: a daemon that
//! kept a build's pipe open would be a hang here.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// For a command that nothing is said about. Generous: it is there for hangs, not to measure.
const LIMIT: Duration = Duration::from_secs(60);

/// A command that runs, in a process group of its own.
pub(crate) struct Running {
    child: Child,
    stdout: Reader,
    stderr: Reader,
    started: Instant,
    limit: Duration,
    ended: bool,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) took: Duration,
}

/// Starts a command with nothing on its standard input, unless it was given something.
pub(crate) fn start(command: &mut Command) -> Running {
    let mut child = command
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
    let stdout = Reader::of(child.stdout.take().unwrap());
    let stderr = Reader::of(child.stderr.take().unwrap());
    Running { child, stdout, stderr, started: Instant::now(), limit: LIMIT, ended: false }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    start(command.stdin(Stdio::null())).wait()
}

impl Running {
    /// Gives it another time limit.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed on standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has printed on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Presses Ctrl-C: the whole process group gets the signal, as from a terminal.
    pub(crate) fn interrupt(&self) {
        kill_process_group(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let deadline = self.started + self.limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.hangs("it runs");
            }
            thread::sleep(Duration::from_millis(3));
        };
        let took = self.started.elapsed();
        for reader in [&self.stdout, &self.stderr] {
            let left = deadline.saturating_duration_since(Instant::now());
            if reader.end.recv_timeout(left.max(Duration::from_secs(1))).is_err() {
                self.hangs("it has ended, but somebody keeps its output open");
            }
        }
        self.ended = true;
        let (stdout, stderr) = (self.stdout.bytes(), self.stderr.bytes());
        Ended { status, stdout, stderr, took }
    }

    fn hangs(&self, how: &str) -> ! {
        panic!(
            "still so after {:?}: {how}\nstdout:\n{}\nstderr:\n{}",
            self.limit,
            self.stdout(),
            self.stderr()
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    /// It must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status.success(), "{}\n{self}", self.status);
        self
    }

    /// It must have exited with this status.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}\n{self}", self.status);
        self
    }

    /// The signal that ended it.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stdout:\n{}\nstderr:\n{}", self.out(), self.err())
    }
}

/// Reads a pipe to its end in a thread of its own.
struct Reader {
    read: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

impl Reader {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let read = Arc::new(Mutex::new(Vec::new()));
        let (ended, end) = mpsc::channel();
        let into = Arc::clone(&read);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                into.lock().unwrap().extend(&buffer[..count]);
            }
            let _ = ended.send(());
        });
        Self { read, end }
    }

    fn bytes(&self) -> Vec<u8> {
        self.read.lock().unwrap().clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

/// Waits until something is so; panics, naming it, if it doesn't come about.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    // Whole builds are waited for, beside those of other tests.
    const PATIENCE: Duration = Duration::from_secs(60);
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "this doesn't come about: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
