//! A directory with a makefile whose recipes log when they start and end.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use farmbuild_core::jobserver::{Makeflags, Style, TokenServer};
use tempfile::TempDir;

/// Defines `$(call job,SECONDS)`: a recipe line that logs `+`, sleeps and logs `-`.
const PRELUDE: &str = "LOG := $(CURDIR)/log\nexport LOG\n\
    job = @echo + >> $$LOG; sleep $(1); echo - >> $$LOG\n";

pub(crate) struct Space {
    directory: TempDir,
}

impl Space {
    pub(crate) fn new(makefile: &str) -> Self {
        let space = Self { directory: tempfile::tempdir().unwrap() };
        space.write("Makefile", &format!("{PRELUDE}{makefile}"));
        space
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A command in this directory that knows no jobserver yet, in a process group of its own.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).process_group(0);
        for name in ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS", "MAKELEVEL", "GNUMAKEFLAGS"] {
            command.env_remove(name);
        }
        command
    }

    /// `make ARGS` as a client of `server`.
    pub(crate) fn make(&self, server: &TokenServer, args: &[&str]) -> Command {
        let mut command = self.command("make");
        command.args(args);
        server.configure(&mut command, &Makeflags::default());
        command
    }

    /// How many jobs ran at each start or end of one, so far.
    pub(crate) fn running(&self) -> Vec<usize> {
        let log = fs::read_to_string(self.path().join("log")).unwrap_or_default();
        let mut running = 0;
        log.lines()
            .map(|line| {
                running = if line == "+" { running + 1 } else { running - 1 };
                running
            })
            .collect()
    }

    pub(crate) fn peak(&self) -> usize {
        self.running().into_iter().max().unwrap_or(0)
    }

    pub(crate) fn now_running(&self) -> usize {
        self.running().pop().unwrap_or(0)
    }
}

pub(crate) fn jobs(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

pub(crate) fn server(n: usize) -> TokenServer {
    TokenServer::new(Style::Pipe, jobs(n)).unwrap()
}

/// Runs to the end, successfully.
pub(crate) fn run(mut command: Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(both).unwrap()
}

/// Waits until `condition` holds, for at most 20 s.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
