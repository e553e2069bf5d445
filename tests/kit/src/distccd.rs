//! The distribution's `distccd` on a free loopback port.
//!
//! Seen with distccd 3.4, and handled here: without `--enable-tcp-insecure` it runs only compilers whose base name
//! is listed in `/usr/lib/distcc`; with it, any, absolute names included. It looks bare names up on
//! `DISTCCD_PATH`. Started as root it becomes the user `distccd` or `nobody`, who must be able to read the
//! compilers and to write its log and its temporary directory.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::port::free_port;
use crate::process::{ProcessTree, descendants, is_alive};
use crate::space::TestSpace;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a [`Distccd`] will be.
#[derive(Clone, Debug)]
pub struct DistccdBuilder {
    jobs: usize,
    port: Option<u16>,
    allow: String,
    any_compiler: bool,
    directories: Vec<PathBuf>,
    usual_directories: bool,
    lifetime: Option<u32>,
}

impl DistccdBuilder {
    /// Runs at most this many jobs at the same time (4 unless told).
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Listens on this port rather than on a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Looks for compilers in `directory` before the usual ones. May be given several times, first wins.
    #[must_use]
    pub fn compilers(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directories.push(directory.into());
        self
    }

    /// Looks for compilers in `directory` and nowhere else.
    #[must_use]
    pub fn only_compilers(mut self, directory: impl Into<PathBuf>) -> Self {
        self.usual_directories = false;
        self.compilers(directory)
    }

    /// Serves this address or network only (127.0.0.1 unless told).
    #[must_use]
    pub fn allow(mut self, network: &str) -> Self {
        network.clone_into(&mut self.allow);
        self
    }

    /// Runs only the compilers of the distribution's masquerade directory, as distccd does by default.
    #[must_use]
    pub fn listed_compilers_only(mut self) -> Self {
        self.any_compiler = false;
        self
    }

    /// Kills jobs that take longer than this many seconds.
    #[must_use]
    pub fn job_lifetime(mut self, seconds: u32) -> Self {
        self.lifetime = Some(seconds);
        self
    }

    /// Starts the server and waits until it listens.
    #[must_use]
    pub fn start(self) -> Distccd {
        let space = TestSpace::new();
        let temporary = space.join("tmp");
        fs::create_dir(&temporary).expect("a directory in our own");
        let port = self.port.unwrap_or_else(free_port);
        let mut server = Distccd { builder: self, space, port, tree: None };
        server.free_disk();
        server.start_again();
        server
    }
}

/// A running `distccd`; killed, with its compilers, when dropped.
#[derive(Debug)]
pub struct Distccd {
    builder: DistccdBuilder,
    space: TestSpace,
    port: u16,
    tree: Option<ProcessTree>,
}

impl Distccd {
    /// A server with four jobs that runs any compiler.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server to be described.
    #[must_use]
    pub fn builder() -> DistccdBuilder {
        DistccdBuilder {
            jobs: 4,
            port: None,
            allow: "127.0.0.1".to_owned(),
            any_compiler: true,
            directories: Vec::new(),
            usual_directories: true,
            lifetime: None,
        }
    }

    /// The port it listens on, the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its log so far, debug messages included.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// Where it keeps a job's files.
    #[must_use]
    pub fn temporary_directory(&self) -> PathBuf {
        self.space.join("tmp")
    }

    /// The compilers that run below it right now, as process ids: what is neither the server nor one of its
    /// waiting children.
    #[must_use]
    pub fn compilers(&self) -> Vec<u32> {
        let Some(tree) = &self.tree else { return Vec::new() };
        let is_server = |id: u32| {
            fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name == "distccd\n")
        };
        descendants(tree.id()).into_iter().filter(|&id| !is_server(id) && is_alive(id)).collect()
    }

    /// Kills the server and its compilers, all at once, as a power cut would.
    pub fn stop(&mut self) {
        self.tree = None;
    }

    /// Starts a stopped server again, on the same port.
    pub fn start_again(&mut self) {
        assert!(self.tree.is_none(), "the server runs already");
        let log = self.log_file();
        // Anyone may write it: the server won't be the one who made it.
        fs::write(&log, "").expect("a file in our own directory");
        fs::set_permissions(&log, Permissions::from_mode(0o666)).expect("a mode of our own file");
        let mut tree = ProcessTree::spawn(&mut self.command(&log));
        let start = Instant::now();
        while !self.log().contains("listening on") {
            assert!(tree.is_running(), "distccd ended at once: {}", self.log());
            assert!(start.elapsed() < PATIENCE, "distccd doesn't listen: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
        self.tree = Some(tree);
    }

    /// Kills the server and starts it again on the same port.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Suspends the server and its compilers: connections are still taken, by the kernel, and nothing moves.
    pub fn suspend(&self) {
        self.tree.as_ref().expect("a running server").suspend();
    }

    /// Lets a suspended server run on.
    pub fn resume(&self) {
        self.tree.as_ref().expect("a running server").resume();
    }

    /// Leaves no room for files of jobs: the server can't make any until [`Distccd::free_disk`].
    pub fn fill_disk(&self) {
        self.set_temporary_mode(0o555);
    }

    /// Undoes [`Distccd::fill_disk`].
    pub fn free_disk(&self) {
        self.set_temporary_mode(0o1777);
    }

    fn set_temporary_mode(&self, mode: u32) {
        fs::set_permissions(self.temporary_directory(), Permissions::from_mode(mode))
            .expect("a mode of our own directory");
    }

    fn log_file(&self) -> PathBuf {
        self.space.join("log")
    }

    fn command(&self, log: &Path) -> Command {
        let mut command = Command::new("distccd");
        command
            .args(["--no-detach", "--daemon", "--listen", "127.0.0.1", "--nice", "0"])
            .args(["--allow", &self.builder.allow])
            .args(["--port", &self.port.to_string()])
            .args(["--jobs", &self.builder.jobs.to_string()])
            .args(["--log-level", "debug", "--log-file"])
            .arg(log)
            .env("DISTCCD_PATH", self.search_path())
            .env("TMPDIR", self.temporary_directory())
            .env_remove("DISTCC_CMDLIST")
            .current_dir(self.space.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.builder.any_compiler {
            command.arg("--enable-tcp-insecure");
        }
        if let Some(seconds) = self.builder.lifetime {
            command.args(["--job-lifetime", &seconds.to_string()]);
        }
        command
    }

    fn search_path(&self) -> OsString {
        let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
        let usual = usual.into_iter().filter(|_| self.builder.usual_directories);
        std::env::join_paths(self.builder.directories.iter().cloned().chain(usual))
            .expect("directories without a colon")
    }
}
