//! Who compiles: plain gcc, a compiler that does nothing, and the caches, each with a cache of its own.
//!
//! Every cache is called by the compiler's name (`gcc`, found first in the search path), so that all of them are given the
//! very same command lines. Knows nothing of what is built.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use farmbuild_testkit::TestSpace;

use super::counts::Counts;
use super::sccache;
use crate::farmbuild::{Farmbuild, without_foreign_settings};
use crate::measure::{cpu_of, run};

/// A compiler for the floor of a build: creates what `-o` names.
const NOTHING: &str = "#include <fcntl.h>\n#include <string.h>\n#include <unistd.h>\n\
    int main(int n, char **v) { for (int i = 1; i + 1 < n; i++) if (!strcmp(v[i], \"-o\"))\n\
    close(open(v[i + 1], O_CREAT | O_WRONLY | O_TRUNC, 0666)); return 0; }\n";

#[derive(Debug)]
enum Kind {
    Plain,
    Nothing,
    Ccache,
    Sccache(PathBuf),
    Farmbuild(Farmbuild),
}

/// One of those who take turns.
#[derive(Debug)]
pub struct Client {
    kind: Kind,
    space: TestSpace,
}

/// What came of a lookup.
#[derive(Debug)]
pub struct Explained {
    /// The tier that found it.
    pub tier: Option<String>,
    /// What had changed.
    pub changes: Vec<String>,
}

impl Client {
    /// The compiler alone.
    #[must_use]
    pub fn plain() -> Self {
        Self { kind: Kind::Plain, space: TestSpace::new() }
    }

    /// A compiler that does nothing.
    ///
    /// # Panics
    /// If gcc can't build it.
    #[must_use]
    pub fn nothing() -> Self {
        let space = TestSpace::new();
        space.write("names/nothing.c", NOTHING);
        space.run_ok("gcc", ["-O2", "-static", "-o", "names/gcc", "names/nothing.c"]);
        Self { kind: Kind::Nothing, space }
    }

    /// The distribution's ccache as it comes.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn ccache() -> Self {
        let program = Path::new("/usr/bin/ccache");
        assert!(program.is_file(), "the cache benchmarks need ccache: apt-get install ccache");
        Self::named(Kind::Ccache, program)
    }

    /// The sccache at `program`.
    #[must_use]
    pub fn sccache(program: &Path) -> Self {
        Self::named(Kind::Sccache(program.to_owned()), program)
    }

    /// The farmbuild at `binary`, with no hosts.
    #[must_use]
    pub fn farmbuild(binary: &Path) -> Self {
        Self::named(Kind::Farmbuild(Farmbuild::new(binary, &[])), binary)
    }

    /// Likewise with the declaration tier.
    #[must_use]
    pub fn farmbuild_by_declarations(binary: &Path) -> Self {
        let farmbuild = Farmbuild::with_settings(binary, "[cache]\ndeclarations = true\n");
        Self::named(Kind::Farmbuild(farmbuild), binary)
    }

    fn named(kind: Kind, program: &Path) -> Self {
        let space = TestSpace::new();
        fs::create_dir(space.join("names")).expect("a directory in our own");
        symlink(program, space.join("names/gcc")).expect("a name in our own directory");
        Self { kind, space }
    }

    /// Its name in tables.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Plain => "gcc",
            Kind::Nothing => "a compiler that does nothing",
            Kind::Ccache => "ccache",
            Kind::Sccache(_) => "sccache",
            Kind::Farmbuild(_) => "farmbuild",
        }
    }

    /// Whether it has a cache.
    #[must_use]
    pub fn caches(&self) -> bool {
        matches!(self.kind, Kind::Ccache | Kind::Sccache(_) | Kind::Farmbuild(_))
    }

    /// `make` with this one as `gcc`.
    #[must_use]
    pub fn make(&self) -> Command {
        let mut command = if let Kind::Farmbuild(farmbuild) = &self.kind {
            let mut command = farmbuild.command();
            command.arg("make");
            command
        } else {
            let mut command = Command::new("make");
            command.env("PATH", self.path());
            command
        };
        self.configure(&mut command);
        command
    }

    /// The search path with this one as `gcc`.
    fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let names = std::iter::once(self.space.join("names"));
        let path = std::env::join_paths(names.chain(std::env::split_paths(&path)));
        path.expect("directories without a colon")
    }

    /// The cargo at this path with this one in front of rustc.
    #[must_use]
    pub fn cargo(&self, cargo: &OsStr) -> Command {
        let mut command = match &self.kind {
            Kind::Farmbuild(farmbuild) => {
                let mut command = farmbuild.command();
                command.arg(cargo);
                command
            }
            _ => Command::new(cargo),
        };
        command.env_remove("RUSTC_WRAPPER");
        if let Kind::Sccache(program) = &self.kind {
            command.env("RUSTC_WRAPPER", program);
        }
        self.configure(&mut command);
        command
    }

    /// One compile as a build would run it: `words` is the compiler and its arguments.
    ///
    /// # Panics
    /// If farmbuild puts nothing in the compiler's place.
    #[must_use]
    pub fn compile(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        if let Kind::Farmbuild(farmbuild) = &self.kind {
            let shown = self.output(farmbuild.command().args(["sh", "-c", "echo $PATH"]));
            for (name, value) in farmbuild.command().get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command.env("PATH", shown.trim_end());
        } else {
            command.env("PATH", self.path());
        }
        command.args(&words[1..]);
        self.configure(&mut command);
        command
    }

    /// Its statistics since its cache or its server began.
    #[must_use]
    pub fn counts(&self) -> Counts {
        match &self.kind {
            Kind::Plain | Kind::Nothing => Counts::default(),
            Kind::Ccache => {
                Counts::of_ccache(&self.output(Command::new("ccache").arg("--print-stats")))
            }
            Kind::Sccache(program) => {
                let flags = ["--show-stats", "--stats-format", "json"];
                Counts::of_sccache(&self.output(Command::new(program).args(flags)))
            }
            Kind::Farmbuild(farmbuild) => {
                let text = self.output(farmbuild.command().args(["stats", "--json"]));
                Counts::of_farmbuild(&text)
            }
        }
    }

    /// What came of the last lookup of a source, for who can tell.
    #[must_use]
    pub fn why(&self, source: &Path) -> Option<Explained> {
        let Kind::Farmbuild(farmbuild) = &self.kind else { return None };
        let text = self.output(farmbuild.command().args(["why", "--json"]).arg(source));
        let whys: serde_json::Value = serde_json::from_str(&text).ok()?;
        let why = whys.get(0)?;
        let changes = why.get("changes")?.as_array()?;
        let what = |it: &serde_json::Value| Some(it.get("what")?.as_str()?.to_owned());
        Some(Explained {
            tier: why.get("tier")?.as_str().map(str::to_owned),
            changes: changes.iter().filter_map(what).collect(),
        })
    }

    /// CPU of its server so far, with that of the children that it waited for.
    #[must_use]
    pub fn server_cpu(&self) -> Duration {
        match &self.kind {
            Kind::Farmbuild(farmbuild) => farmbuild.daemon_cpu(),
            Kind::Sccache(_) => cpu_of(sccache::server(&self.socket()).expect("a running server")),
            _ => Duration::ZERO,
        }
    }

    /// Forgets every result.
    pub fn empty(&self) {
        self.stop();
        self.remove("cache");
        self.start();
    }

    /// Waits until what was found out is written.
    pub fn rest(&self) {
        self.stop();
        self.start();
    }

    /// Keeps a copy of the cache for [`Client::go_back`].
    pub fn keep(&self) {
        self.stop();
        self.remove("kept");
        self.copy("cache", "kept");
        self.start();
    }

    /// Makes the cache what it was.
    pub fn go_back(&self) {
        self.stop();
        self.remove("cache");
        self.copy("kept", "cache");
        self.start();
    }

    fn remove(&self, name: &str) {
        if self.space.has(name) {
            fs::remove_dir_all(self.space.join(name)).expect("our own directory");
        }
    }

    fn copy(&self, from: &str, to: &str) {
        if self.space.has(from) {
            self.space.run_ok("cp", ["-a", from, to]);
        }
    }

    fn socket(&self) -> PathBuf {
        self.space.join("server")
    }

    fn configure(&self, command: &mut Command) {
        without_foreign_settings(command);
        let foreign = |name: &str| name.starts_with("CCACHE_") || name.starts_with("SCCACHE_");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(foreign) {
                command.env_remove(name);
            }
        }
        let cache = self.space.join("cache");
        match &self.kind {
            Kind::Plain | Kind::Nothing => command,
            Kind::Ccache => command.env("CCACHE_DIR", cache),
            Kind::Sccache(_) => command
                .env("SCCACHE_DIR", cache)
                .env("SCCACHE_DIRECT", "true")
                .env("SCCACHE_CONF", self.space.join("none"))
                .env("SCCACHE_IDLE_TIMEOUT", "0")
                .env("SCCACHE_SERVER_UDS", self.socket()),
            Kind::Farmbuild(_) => {
                command.env("FARMBUILD_CACHE", "readwrite").env("FARMBUILD_CACHE_DIR", cache)
            }
        };
    }

    /// Starts its server, where it has one: what is measured is a build, not the start of a server.
    fn start(&self) {
        match &self.kind {
            Kind::Sccache(program) => self.ask(Command::new(program).arg("--start-server")),
            Kind::Farmbuild(farmbuild) => self.ask(farmbuild.command().args(["daemon", "start"])),
            _ => {}
        }
    }

    fn stop(&self) {
        match &self.kind {
            Kind::Sccache(program) if sccache::server(&self.socket()).is_some() => {
                self.ask(Command::new(program).arg("--stop-server"));
                sccache::wait_for_end(&self.socket());
            }
            Kind::Farmbuild(farmbuild) if farmbuild.daemon().is_some() => {
                self.ask(farmbuild.command().args(["daemon", "stop"]));
            }
            _ => {}
        }
    }

    fn ask(&self, command: &mut Command) {
        self.configure(command);
        let _ = run(command);
    }

    fn output(&self, command: &mut Command) -> String {
        self.configure(command);
        let output = command.output().unwrap_or_else(|e| panic!("can't start {command:?}: {e}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?} failed\n{errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // farmbuild's ends by itself.
        if let Kind::Sccache(program) = &self.kind {
            let mut command = Command::new(program);
            self.configure(&mut command);
            drop(command.arg("--stop-server").output());
        }
    }
}
