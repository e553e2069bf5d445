//! The binary under test, with a daemon of its own: nothing of the user's is read, met or left behind.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use farmbuild_testkit::TestSpace;

use crate::measure::cpu_of;

/// What the environment of this process must not decide.
const FOREIGN: [&str; 9] = [
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "DISTCC_HOSTS",
    "DISTCC_POTENTIAL_HOSTS",
    "FARMBUILD",
    "FARMBUILD_FARM",
    "FARMBUILD_HOSTS",
    "CARGO_MAKEFLAGS",
];

/// Frees a command from this process's build environment.
pub fn without_foreign_settings(command: &mut Command) -> &mut Command {
    for name in FOREIGN {
        command.env_remove(name);
    }
    command
}

/// One host of a farm: stock distccd at `address`, or an sshd.
#[derive(Clone, Debug)]
pub struct Host {
    /// `ADDRESS:PORT`, or what `ssh` takes.
    pub address: String,
    /// The configuration of `ssh`, where it is an sshd.
    pub ssh_config: Option<PathBuf>,
    /// Jobs that run there at a time.
    pub slots: usize,
    /// Jobs sent beyond them; `None` leaves the default.
    pub queue: Option<usize>,
}

/// farmbuild with a farm and a daemon of its own; the daemon ends when this is dropped.
#[derive(Debug)]
pub struct Farmbuild {
    binary: PathBuf,
    space: TestSpace,
}

impl Farmbuild {
    /// Writes the farm; the daemon comes with the first job.
    ///
    /// # Panics
    /// If the directories can't be made.
    #[must_use]
    pub fn new(binary: &Path, hosts: &[Host]) -> Self {
        let mut farm = String::new();
        for (number, host) in hosts.iter().enumerate() {
            let way = match &host.ssh_config {
                None => "via = \"distcc\"\ncompression = \"lzo\"".to_owned(),
                Some(config) => format!("via = \"ssh\"\nssh_config = \"{}\"", config.display()),
            };
            let _ = writeln!(
                farm,
                "[[host]]\nname = \"board{number}\"\naddress = \"{}\"\nslots = {}\n{way}",
                host.address, host.slots
            );
            if let Some(queue) = host.queue {
                let _ = writeln!(farm, "queue = {queue}");
            }
        }
        Self::with_settings(binary, &farm)
    }

    /// The same with this `farm.toml`.
    ///
    /// # Panics
    /// If the directories can't be made.
    #[must_use]
    pub fn with_settings(binary: &Path, farm: &str) -> Self {
        let space = TestSpace::new();
        space.write("config/farmbuild/farm.toml", farm);
        for directory in ["run", "cache", "state", "home"] {
            fs::create_dir(space.join(directory)).expect("a directory in our own");
        }
        // As pam_systemd makes it; others' are refused.
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(space.join("run"), owner_only).expect("a mode of our own directory");
        Self { binary: binary.to_owned(), space }
    }

    /// The binary, set to this farm and daemon.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        without_foreign_settings(&mut command)
            .env("HOME", self.space.join("home"))
            .env("XDG_RUNTIME_DIR", self.runtime_directory())
            .env("XDG_CONFIG_HOME", self.space.join("config"))
            .env("XDG_CACHE_HOME", self.space.join("cache"))
            .env("XDG_STATE_HOME", self.space.join("state"))
            .env("FARMBUILD_PROGRESS", "off")
            .env("FARMBUILD_CACHE", "off");
        command
    }

    /// The daemon's process, if it runs.
    #[must_use]
    pub fn daemon(&self) -> Option<u32> {
        let mark = [b"XDG_RUNTIME_DIR=", self.runtime_directory().as_os_str().as_bytes()].concat();
        fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let has = |file: &str, word: &[u8]| {
                let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
                bytes.split(|byte| *byte == 0).any(|part| part == word)
            };
            (has("environ", &mark) && has("cmdline", b"daemon")).then_some(id)
        })
    }

    /// The daemon's CPU time so far, with that of the children that it waited for.
    ///
    /// # Panics
    /// If no daemon runs.
    #[must_use]
    pub fn daemon_cpu(&self) -> Duration {
        cpu_of(self.daemon().expect("a running daemon"))
    }

    /// `farmbuild stats --json`.
    ///
    /// # Panics
    /// If it fails or isn't JSON.
    #[must_use]
    pub fn stats(&self) -> serde_json::Value {
        let output = self.command().args(["stats", "--json"]).output().expect("the binary");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn runtime_directory(&self) -> PathBuf {
        self.space.join("run")
    }
}

impl Drop for Farmbuild {
    fn drop(&mut self) {
        // It may have ended by itself.
        let quiet = |c: &mut Command| drop(c.stdout(Stdio::null()).stderr(Stdio::null()).status());
        quiet(self.command().args(["daemon", "stop"]));
    }
}
