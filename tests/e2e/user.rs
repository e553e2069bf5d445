//! Somebody who has farmbuild and a farm: a home, a runtime directory and a temporary directory of their own, so that
//! no test sees another's daemon, and everything that one leaves behind shows.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmbuild_testkit::{Distccd, TestSpace, is_alive};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::run::{self, Ended, Running};

/// The program.
pub(crate) const FARMBUILD: &str = env!("CARGO_BIN_EXE_farmbuild");

/// The user. Whatever runs in their environment is killed when dropped, the daemon included.
pub(crate) struct User {
    space: TestSpace,
    /// Whether jobs may be answered from a cache.
    cached: bool,
}

/// A user with one server.
pub(crate) struct OverOne {
    pub(crate) user: User,
    _server: Distccd,
}

impl OverOne {
    pub(crate) fn new() -> Self {
        let server = Distccd::start();
        Self { user: User::over([&server]), _server: server }
    }
}

/// A process that runs in a user's environment.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) id: u32,
    /// Its arguments, separated by blanks.
    pub(crate) command: String,
}

/// A `[[host]]` of a farm file: a distccd at `address` with as long a queue as it has slots.
pub(crate) fn host(name: &str, address: &str, slots: usize) -> String {
    format!(
        "[[host]]\nname = \"{name}\"\nvia = \"distcc\"\naddress = \"{address}\"\nslots = {slots}\n"
    )
}

impl User {
    /// Somebody without a farm.
    pub(crate) fn alone() -> Self {
        let space = TestSpace::new();
        for directory in ["run", "home", "tmp"] {
            fs::create_dir(space.join(directory)).unwrap();
        }
        fs::set_permissions(space.join("run"), Permissions::from_mode(0o700)).unwrap();
        Self { space, cached: false }
    }

    /// Likewise, with a cache; the others have none, so that every job of theirs runs.
    pub(crate) fn with_cache(mut self) -> Self {
        self.cached = true;
        self
    }

    /// Somebody with this farm file, and two local slots.
    pub(crate) fn with_farm(hosts: &str) -> Self {
        let user = Self::alone();
        user.set_farm(hosts);
        user
    }

    /// Somebody whose farm are these servers, named `a`, `b`, `c`... and with four slots each.
    pub(crate) fn over<'a>(servers: impl IntoIterator<Item = &'a Distccd>) -> Self {
        let mut farm = String::new();
        for (server, name) in servers.into_iter().zip('a'..) {
            write!(farm, "{}", host(&name.to_string(), &server.address(), 4)).unwrap();
        }
        Self::with_farm(&farm)
    }

    /// Edits the farm file, as an editor does: a new file takes the old one's place. No job is compiled twice by chance.
    pub(crate) fn set_farm(&self, hosts: &str) {
        self.write_farm(&format!("verify = 0\n[local]\nslots = 2\n{hosts}"));
    }

    /// Likewise, with the whole text.
    pub(crate) fn write_farm(&self, text: &str) {
        let new = self.space.write("home/.config/farmbuild/new", text);
        fs::rename(new, self.farm_file()).unwrap();
    }

    pub(crate) fn farm_file(&self) -> PathBuf {
        self.space.join("home/.config/farmbuild/farm.toml")
    }

    /// The user's home.
    pub(crate) fn home(&self) -> PathBuf {
        self.space.join("home")
    }

    /// The directory of the daemon's socket.
    pub(crate) fn runtime_dir(&self) -> PathBuf {
        self.space.join("run/farmbuild")
    }

    /// What is in the user's temporary directory.
    pub(crate) fn temporary_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.space.join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// A command in the user's environment, which is small and known: nothing of the test's own gets in.
    pub(crate) fn command(&self, directory: &Path, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.space.join("home"))
            .env("XDG_RUNTIME_DIR", self.space.join("run"))
            .env("TMPDIR", self.space.join("tmp"))
            .env("LANG", "C.UTF-8");
        if !self.cached {
            command.env("FARMBUILD_CACHE", "off");
        }
        command
    }

    /// `farmbuild ARGS...` in a tree.
    pub(crate) fn farmbuild<A: AsRef<OsStr>>(
        &self,
        tree: &TestSpace,
        args: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = self.command(tree.path(), FARMBUILD);
        command.args(args);
        command
    }

    /// Runs `farmbuild ARGS...` in a tree.
    pub(crate) fn build<A: AsRef<OsStr>>(
        &self,
        tree: &TestSpace,
        args: impl IntoIterator<Item = A>,
    ) -> Ended {
        run::run(&mut self.farmbuild(tree, args))
    }

    /// Starts `farmbuild ARGS...` in a tree.
    pub(crate) fn start<A: AsRef<OsStr>>(
        &self,
        tree: &TestSpace,
        args: impl IntoIterator<Item = A>,
    ) -> Running {
        run::start(self.farmbuild(tree, args).stdin(std::process::Stdio::null()))
    }

    /// `farmbuild ARGS...` where no tree matters.
    pub(crate) fn ask<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ended {
        self.build(&self.space, args)
    }

    /// Where the cache is, if the user has one.
    pub(crate) fn cache(&self) -> PathBuf {
        self.space.join("home/.cache/farmbuild")
    }

    /// `farmbuild stats --json`.
    pub(crate) fn stats(&self) -> Value {
        serde_json::from_slice(&self.ask(["stats", "--json"]).ok().stdout).unwrap()
    }

    /// One number of the stats: `jobs.remote.a`; 0 if it isn't there.
    pub(crate) fn stat(&self, path: &str) -> u64 {
        let value = self.stats();
        value.pointer(&format!("/{}", path.replace('.', "/"))).and_then(Value::as_u64).unwrap_or(0)
    }

    /// How many jobs hosts compiled.
    pub(crate) fn remote_jobs(&self) -> u64 {
        let stats = self.stats();
        stats["jobs"]["remote"].as_object().unwrap().values().filter_map(Value::as_u64).sum()
    }

    /// A host in `farmbuild hosts --json`.
    pub(crate) fn host(&self, name: &str) -> Value {
        let report: Value = serde_json::from_slice(&self.ask(["hosts", "--json"]).stdout).unwrap();
        let hosts = report["hosts"].as_array().unwrap();
        hosts.iter().find(|host| host["name"] == name).cloned().unwrap_or_default()
    }

    /// The daemon's process, if there is one.
    pub(crate) fn daemon(&self) -> Option<u32> {
        let stream = UnixStream::connect(self.runtime_dir().join("daemon.sock")).ok()?;
        let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
        u32::try_from(peer.pid.as_raw_nonzero().get()).ok()
    }

    /// Kills the daemon, as the kernel does when memory runs out.
    pub(crate) fn kill_daemon(&self) {
        kill(self.daemon().expect("a daemon"));
    }

    /// What runs in the user's environment: builds, wrappers, compilers, the daemon.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let mark = format!("XDG_RUNTIME_DIR={}", self.space.join("run").display());
        let ids = fs::read_dir("/proc").unwrap();
        let ids = ids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let ours = ids.filter(|id| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        });
        let described = ours.filter(|id| is_alive(*id)).map(|id| Process {
            id,
            command: String::from_utf8_lossy(
                &fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default(),
            )
            .replace('\0', " "),
        });
        described.collect()
    }

    /// What runs in the user's environment besides the daemon.
    pub(crate) fn strays(&self) -> Vec<Process> {
        let mut processes = self.processes();
        processes.retain(|process| !process.command.contains(" daemon run"));
        processes
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // Twice: one of them may just have started another.
        for _ in 0..2 {
            kill_all(self.processes().iter().map(|process| process.id));
        }
    }
}

/// Kills a process and waits until it is gone.
pub(crate) fn kill(id: u32) {
    kill_all([id]);
}

/// Kills processes, all of them before the first one is waited for.
pub(crate) fn kill_all(ids: impl IntoIterator<Item = u32>) {
    let ids: Vec<u32> = ids.into_iter().collect();
    for &id in &ids {
        if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    run::until("killed processes are gone", || !ids.iter().any(|id| is_alive(*id)));
}
