//! The examples, as their readers run them: built with the real tools, with no farm and on a `distccd`.

#![expect(clippy::unwrap_used, reason = "what a test can't do without is a panic")]

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use farmbuild_testkit::{Distccd, TestSpace};
use serde_json::Value;

const FARMBUILD: &str = env!("CARGO_BIN_EXE_farmbuild");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A copy of one example, and a user with a daemon of their own, which ends with this value.
struct Example {
    space: TestSpace,
    hosts: String,
}

impl Example {
    fn new(name: &str, hosts: &str) -> Self {
        let space = TestSpace::new();
        fs::DirBuilder::new().mode(0o700).create(space.join("run")).unwrap();
        copy(&repository().join("examples").join(name), &space.join(name));
        Self { space, hosts: hosts.to_owned() }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.space.command(program);
        for variable in
            ["MAKEFLAGS", "MFLAGS", "CC", "FARMBUILD_FARM", "FARMBUILD_HOSTS", "FARMBUILD_CACHE"]
        {
            command.env_remove(variable);
        }
        command.env("DISTCC_HOSTS", &self.hosts);
        command.env("XDG_RUNTIME_DIR", self.space.join("run"));
        command.env("XDG_CONFIG_HOME", self.space.join("config"));
        // Not what earlier runs have built.
        command.env("FARMBUILD_CACHE_DIR", self.space.join("cache"));
        command
    }

    fn farmbuild(&self, args: &[&str]) -> Output {
        succeed(self.command(FARMBUILD).args(args))
    }

    fn stats(&self) -> Value {
        serde_json::from_slice(&self.farmbuild(&["stats", "--json"]).stdout).unwrap()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.command(FARMBUILD).args(["daemon", "stop"]).output();
    }
}

/// Copies what a fresh clone would have; what builds made is left out.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "build" && name != "target" {
                copy(&path, &to.join(name));
            }
        } else {
            fs::copy(path, to.join(name)).unwrap();
        }
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed, {}\n{words}", output.status);
    output
}

#[test]
fn hello_builds_without_a_farm() {
    let example = Example::new("hello", "");
    example.farmbuild(&["make", "-C", "hello", "test"]);
    let stats = example.stats();
    assert_eq!(stats["jobs"]["total"], 5, "{stats}");
    assert_eq!(stats["jobs"]["local"]["no-hosts"], 4, "{stats}");
}

#[test]
fn hello_builds_on_a_board() {
    let server = Distccd::start();
    // One local slot, which preprocessing and links need: nothing else is to be compiled here.
    let example = Example::new("hello", &format!("{} --localslots=1", server.address()));
    example.farmbuild(&["make", "-C", "hello", "test"]);
    let stats = example.stats();
    let remote = stats["jobs"]["remote"][server.address()].as_u64().unwrap_or(0);
    assert!(remote > 0, "{stats}");
    assert_eq!(stats["jobs"]["total"], 5, "{stats}");
}

/// As CMake and ccache do: they find the link in the masquerade directory, and call it by its whole path.
#[test]
fn a_compiler_that_was_resolved_to_its_path_is_found_again() {
    let example = Example::new("hello", "");
    example.farmbuild(&["sh", "-c", "make -C hello test CC=$(command -v gcc)"]);
    let stats = example.stats();
    assert_eq!(stats["jobs"]["local"]["no-hosts"], 4, "{stats}");
}

#[test]
fn the_c_of_a_cargo_build_goes_to_a_board() {
    let server = Distccd::start();
    let example = Example::new("rust-and-c", &server.address());
    let mut build = example.command(FARMBUILD);
    build.args(["cargo", "run", "--offline", "--manifest-path", "rust-and-c/Cargo.toml"]);
    build.env("CARGO_TARGET_DIR", example.space.join("target"));
    let output = succeed(&mut build);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "gcd(12, 18) = 6, isqrt(99) = 9\n");
    let stats = example.stats();
    assert!(stats["jobs"]["remote"][server.address()].as_u64().unwrap_or(0) > 0, "{stats}");
}

/// The executor is none of farmbuild's and is served by the scheduler all the same.
#[test]
fn an_executor_of_ones_own_compiles_the_very_objects_of_a_plain_build() {
    let example = Example::new("hello", "");
    // Enough of them that this machine's spare slots don't take them all.
    let sources: Vec<String> = (0..12).map(|number| format!("hello/table-{number}.c")).collect();
    for source in &sources {
        fs::copy(example.space.join("hello/table.c"), example.space.join(source)).unwrap();
    }
    let flags = ["-O2", "-g", "-Wall"];
    let mut command = example.own_executor();
    let output = succeed(command.arg("gcc").args(flags).args(&sources));
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(words.contains(".c: on background\n"), "{words}");
    for source in &sources {
        let object = source.replace(".c", ".o");
        let farmed = example.space.read(&object);
        succeed(example.command("gcc").args(flags).args(["-c", source, "-o", &object]));
        assert!(farmed == example.space.read(&object), "{object} differs");
    }
}

impl Example {
    /// Builds `examples/own-executor` of what the tests are built of; the command that runs it.
    fn own_executor(&self) -> Command {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let mut cargo = self.command(env!("CARGO"));
        // The whole workspace, so that its crates have the features that they have for the tests.
        cargo.args(["build", "--quiet", "--offline", "--workspace", "--bin", "own-executor"]);
        cargo.arg("--manifest-path").arg(repository().join("Cargo.toml"));
        succeed(cargo.env("CARGO_TARGET_DIR", target));
        self.command(target.join("debug/own-executor").to_str().unwrap())
    }
}
