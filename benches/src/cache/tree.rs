//! haproxy's sources in a directory of our own, and building them there.
//!
//! From a git repository the tree is a git work tree of 3.2.0, and haproxy's makefile asks git for its version, as it
//! does for its developers; else it is the distribution's version without git.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use farmbuild_testkit::{TestSpace, trees};
use serde::Serialize;

use super::client::Client;
use super::counts::Counts;
use crate::measure::run;

/// The release that everything starts from.
pub const RELEASE: &str = "v3.2.0";

/// Long enough for a changed file not to be as new as its compile: caches don't trust the time of such a file.
const SETTLE: Duration = Duration::from_millis(2100);

/// How the compiler is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// `-O0` instead of haproxy's own `-O2`.
    pub unoptimized: bool,
    /// haproxy's own `-g`.
    pub debug: bool,
}

/// Which of haproxy's files are built: these, or all of them.
pub type Subset = Option<Vec<String>>;

/// One build's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Build {
    /// Seconds on the clock.
    pub wall_seconds: f64,
    /// CPU of make and all below, and of the client's server.
    pub cpu_seconds: f64,
    /// Object files there are after it.
    pub files: u64,
    /// Results found by the files alone.
    pub direct: u64,
    /// Results found after preprocessing.
    pub preprocessed: u64,
    /// Compiles that ran, by the client's own statistics; all for one without a cache.
    pub compiled: u64,
    /// Sources that a compiler read without making anything.
    pub read: u64,
}

impl Build {
    /// Runs a client's make, which builds as many files as `files` says of the counts.
    pub(super) fn of(
        client: &Client,
        make: &mut Command,
        files: impl FnOnce(Counts) -> u64,
    ) -> Self {
        let before = client.counts();
        let server = client.server_cpu();
        let used = run(make);
        let cpu = used.cpu + client.server_cpu().saturating_sub(server);
        let counts = client.counts().since(before);
        let files = files(counts);
        Self {
            wall_seconds: used.wall.as_secs_f64(),
            cpu_seconds: cpu.as_secs_f64(),
            files,
            direct: counts.direct,
            preprocessed: counts.preprocessed,
            compiled: if client.caches() { counts.compiled } else { files },
            read: counts.read,
        }
    }

    /// The sums of several builds.
    #[must_use]
    pub fn total(builds: &[Self]) -> Self {
        let sum = |of: fn(&Self) -> u64| builds.iter().map(of).sum();
        let seconds = |of: fn(&Self) -> f64| builds.iter().map(of).sum();
        Self {
            wall_seconds: seconds(|build| build.wall_seconds),
            cpu_seconds: seconds(|build| build.cpu_seconds),
            files: sum(|build| build.files),
            direct: sum(|build| build.direct),
            preprocessed: sum(|build| build.preprocessed),
            compiled: sum(|build| build.compiled),
            read: sum(|build| build.read),
        }
    }
}

/// The tree.
#[derive(Debug)]
pub struct Tree {
    space: TestSpace,
}

impl Tree {
    /// A work tree of the release from `git`, or else the distribution's sources.
    ///
    /// # Errors
    /// If `git` isn't such a repository.
    pub fn new(git: Option<&Path>) -> Result<Self, String> {
        let space = TestSpace::new();
        let tree = Self { space };
        match git {
            None => trees::copy(&trees::haproxy(), &tree.path()),
            Some(git) => {
                let mut clone = Command::new("git");
                clone.args(["-c", "advice.detachedHead=false", "clone", "--quiet", "--shared"]);
                clone.args(["--branch", RELEASE]).arg(git).arg(tree.path());
                let output = clone.output().map_err(|e| format!("git: {e}"))?;
                if !output.status.success() {
                    let why = String::from_utf8_lossy(&output.stderr);
                    return Err(format!("no {RELEASE} in {}: {why}{HOW}", git.display()));
                }
            }
        }
        Ok(tree)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.space.join("haproxy")
    }

    /// Checks a commit out.
    pub fn check_out(&self, commit: &str) {
        self.space.run_ok("git", ["-C", "haproxy", "checkout", "--quiet", "--detach", commit]);
    }

    /// Reads one of its files.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.space.read(Path::new("haproxy").join(name))).into_owned()
    }

    /// Writes one of its files.
    pub fn write(&self, name: &str, text: &str) {
        self.space.write(Path::new("haproxy").join(name), text);
    }

    /// The sources that make compiles.
    #[must_use]
    pub fn sources(&self, flags: Flags) -> Vec<String> {
        let mut make = Command::new("make");
        make.args(["-n", "V=1"]).args(self.words(flags, None)).current_dir(self.path());
        let text = make.output().map(|output| output.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let compiles = text.lines().filter(|line| line.contains(" -c -o "));
        let source = |word: &&str| word.strip_suffix(".c").is_some_and(|w| w.starts_with("src/"));
        compiles.filter_map(|line| line.split(' ').rfind(source)).map(str::to_owned).collect()
    }

    /// The words of the compile of one source, as make runs it.
    ///
    /// # Panics
    /// If make doesn't compile it.
    #[must_use]
    pub fn compile_of(&self, source: &str, flags: Flags) -> Vec<String> {
        let mut make = Command::new("make");
        let object = source.replace(".c", ".o");
        make.args(["-n", "V=1"]).args(self.words(flags, Some(&vec![object])));
        let output = make.current_dir(self.path()).output().expect("make");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.contains(" -c -o ")).expect("a compile");
        // The shell takes its own quotes off.
        let split = self.space.run_ok("sh", ["-c", &format!("printf '%s\\n' {line}")]);
        String::from_utf8_lossy(&split.stdout).lines().map(str::to_owned).collect()
    }

    /// A whole build from nothing but sources and the client's cache. The link counts only if asked for.
    pub fn build(&self, client: &Client, flags: Flags, subset: &Subset, link: bool) -> Build {
        self.clean();
        let objects: Option<Vec<String>> =
            subset.as_ref().map(|s| s.iter().map(|source| source.replace(".c", ".o")).collect());
        let mut make = client.make();
        make.arg("-j2").args(self.words(flags, objects.as_ref())).current_dir(self.path());
        if !link {
            make.arg("LD=true");
        }
        Build::of(client, &mut make, |counts| self.files(client, counts, link))
    }

    /// How many files were built.
    fn files(&self, client: &Client, counts: Counts, link: bool) -> u64 {
        let files = self.object_files().count() as u64;
        // haproxy and the tool, for who finds links as well; and what its makefile asks the compiler in the beginning.
        let (links, questions) = match client.name() {
            "farmbuild" => (if link { 2 } else { 0 }, 4),
            _ => (0, 0),
        };
        let expected = files + links..=files + links + questions;
        if client.caches() && !expected.contains(&(counts.hits() + counts.compiled)) {
            let name = client.name();
            eprintln!("{name}: {counts:?} doesn't add up to {files} files");
        }
        files
    }

    /// The object files and their bytes.
    ///
    /// # Panics
    /// If one can't be read.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let read = |path| {
            let bytes = fs::read(&path).expect("our own file");
            (path, bytes)
        };
        self.object_files().map(read).collect()
    }

    /// Removes what `make clean` removes, in less time.
    fn clean(&self) {
        for path in self.object_files() {
            fs::remove_file(path).expect("our own file");
        }
        for name in ["haproxy", ".build_opts"] {
            // Often there is none.
            let _ = fs::remove_file(self.path().join(name));
        }
    }

    fn object_files(&self) -> impl Iterator<Item = PathBuf> {
        // A small tool that comes with it, of one object, is built in the second one.
        let directories = ["src", "dev/flags"].map(|it| fs::read_dir(self.path().join(it)));
        let entries = directories.into_iter().flatten().flatten();
        let is_object = |path: &PathBuf| path.extension().is_some_and(|e| e == "o");
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_object)
    }

    fn words(&self, flags: Flags, objects: Option<&Vec<String>>) -> Vec<String> {
        let since_3 = self.read("Makefile").contains("\nOPT_CFLAGS");
        let mut words = vec!["TARGET=linux-glibc".to_owned(), "CC=gcc".to_owned()];
        if flags.unoptimized {
            words.push(if since_3 { "OPT_CFLAGS=-O0" } else { "CPU_CFLAGS=-O0" }.to_owned());
        }
        if !flags.debug {
            words.push(if since_3 { "ARCH_FLAGS=" } else { "DEBUG_CFLAGS=" }.to_owned());
        }
        words.extend(objects.into_iter().flatten().cloned());
        words
    }
}

/// How to get the sources.
pub const HOW: &str =
    "\nhaproxy's sources: git clone https://github.com/haproxy/haproxy, then --haproxy-git DIR";

/// Lets changed files grow old enough.
pub fn settle() {
    thread::sleep(SETTLE);
}
