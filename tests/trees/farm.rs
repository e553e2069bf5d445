//! farmbuild with a farm and a daemon of its own.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use farmbuild_testkit::{Sshd, TestSpace};
use serde_json::Value;

use crate::compare::Build;

const BINARY: &str = env!("CARGO_BIN_EXE_farmbuild");

/// A farm of hosts `board0`, `board1`, ...; its daemon ends when this is dropped.
pub(crate) struct Farm {
    space: TestSpace,
}

impl Farm {
    pub(crate) fn of(addresses: &[String]) -> Self {
        Self::with(addresses, &[])
    }

    /// Likewise, and hosts `ssh0`, `ssh1`... that are reached by ssh.
    pub(crate) fn with(addresses: &[String], boards: &[&Sshd]) -> Self {
        let space = TestSpace::new();
        let mut farm = String::new();
        for (number, board) in boards.iter().enumerate() {
            let _ = write!(
                farm,
                "[[host]]\nname = \"ssh{number}\"\nvia = \"ssh\"\naddress = \"{}\"\nssh_config = \"{}\"\n\
                 slots = 4\n\n",
                board.destination(),
                board.client_config().display()
            );
        }
        for (number, address) in addresses.iter().enumerate() {
            let _ = write!(
                farm,
                "[[host]]\nname = \"board{number}\"\nvia = \"distcc\"\naddress = \"{address}\"\n\
                 slots = 4\ncompression = \"lzo\"\n\n"
            );
        }
        space.write("farm.toml", farm);
        for name in ["run", "home"] {
            fs::create_dir(space.join(name)).expect("a directory in our own");
        }
        fs::set_permissions(space.join("run"), fs::Permissions::from_mode(0o700))
            .expect("a mode of our own directory");
        Self { space }
    }

    /// `farmbuild --farm FILE make`, for arguments to be added.
    pub(crate) fn make(&self) -> Command {
        let mut command = self.command();
        command.arg("--farm").arg(self.space.join("farm.toml")).arg("make");
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        in_clean_environment(&mut command)
            .env("HOME", self.space.join("home"))
            .env("XDG_RUNTIME_DIR", self.space.join("run"))
            .env("XDG_CONFIG_HOME", self.space.join("home/config"))
            .env("XDG_CACHE_HOME", self.space.join("home/cache"))
            .env("FARMBUILD_CACHE", "off")
            .env("FARMBUILD_PROGRESS", "off");
        command
    }

    /// Kills the daemon where it stands (`SIGKILL`).
    pub(crate) fn kill_daemon(&self) {
        let mark = format!("XDG_RUNTIME_DIR={}", self.space.join("run").display());
        let has = |path: &Path, file: &str, word: &str| {
            let bytes = fs::read(path.join(file)).unwrap_or_default();
            bytes.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
        };
        let entries = fs::read_dir("/proc").expect("a mounted /proc");
        let daemon = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| has(path, "environ", &mark) && has(path, "cmdline", "daemon"))
            .expect("a running daemon");
        let id = daemon.file_name().expect("a process's number");
        let status = Command::new("kill").arg("-KILL").arg(id).status().expect("kill");
        assert!(status.success(), "the daemon was gone already");
    }

    /// `farmbuild stats --json`.
    pub(crate) fn stats(&self) -> Stats {
        let output = self.command().args(["stats", "--json"]).output().expect("the binary");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Stats(serde_json::from_slice(&output.stdout).expect("JSON"))
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        let mut stop = self.command();
        // Nothing better to do in a drop, and it may have ended by itself.
        drop(stop.args(["daemon", "stop"]).stdout(Stdio::null()).stderr(Stdio::null()).status());
    }
}

/// Plain make, for arguments to be added.
pub(crate) fn plain_make() -> Command {
    let mut command = Command::new("make");
    in_clean_environment(&mut command);
    command
}

/// Without what cargo or an outer make left in the environment, and with a language that doesn't change.
fn in_clean_environment(command: &mut Command) -> &mut Command {
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CARGO_MAKEFLAGS", "DISTCC_HOSTS"] {
        command.env_remove(name);
    }
    for name in ["FARMBUILD", "FARMBUILD_FARM", "FARMBUILD_HOSTS", "CC", "CFLAGS"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C")
}

/// What the daemon counted.
pub(crate) struct Stats(Value);

impl Stats {
    /// The sum of the counters below `jobs.NAME`.
    pub(crate) fn sum(&self, name: &str) -> u64 {
        match &self.0["jobs"][name] {
            Value::Object(counters) => counters.values().filter_map(Value::as_u64).sum(),
            other => other.as_u64().unwrap_or(0),
        }
    }

    /// Panics unless every host that is reached by ssh compiled something.
    pub(crate) fn assert_all_boards_helped(&self, boards: usize) {
        for number in 0..boards {
            let done = self.0["jobs"]["remote"][format!("ssh{number}")].as_u64();
            assert!(done > Some(0), "ssh{number} compiled nothing: {:#}", self.0);
        }
    }

    /// Panics unless at least half of the jobs ran on the farm.
    pub(crate) fn assert_mostly_remote(&self) {
        let (remote, total) = (self.sum("remote"), self.sum("total"));
        assert!(remote * 2 > total, "only {remote} of {total} jobs ran remotely: {:#}", self.0);
    }

    /// Prints a line for people, and all counters.
    pub(crate) fn summary(&self, name: &str, plain: &Build, farm: &Build) {
        println!(
            "{name}: {} binaries and {} lines the same; plain {:.1} s, farmbuild {:.1} s; {} of {} jobs remote\n{:#}",
            plain.binaries.len(),
            plain.printed.len(),
            plain.wall.as_secs_f64(),
            farm.wall.as_secs_f64(),
            self.sum("remote"),
            self.sum("total"),
            self.0
        );
    }
}

/// Where files that differ are kept.
pub(crate) fn keep(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("different").join(name)
}
