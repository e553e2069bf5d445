//! The small wrapper in masquerade directories: what it answers by itself, and that everything else is as without it.

use std::fs;
use std::path::{Path, PathBuf};

use farmbuild_testkit::TestSpace;

use crate::run::{self, Ended};
use crate::user::User;

/// Somebody with a cache in which there is `a.c`, compiled to `a.o` as `COMPILE` has it.
struct Cached {
    user: User,
    tree: TestSpace,
    /// The build's PATH.
    path: String,
}

const COMPILE: &str = "gcc -c a.c";

impl Cached {
    fn new() -> Self {
        let (user, tree) = (User::alone().with_cache(), TestSpace::new());
        tree.write("a.c", "int a(void) { return 1; }\n");
        let built = user.build(&tree, ["sh", "-ec", &format!("echo $PATH; {COMPILE}")]).ok();
        let path = String::from_utf8(built.stdout).unwrap().lines().next().unwrap().to_owned();
        let cached = Self { user, tree, path };
        // Results are written behind the job's back.
        run::until("the result is kept", || {
            cached.run(COMPILE).ok();
            cached.user.stat("jobs.hit.direct") > 0
        });
        fs::remove_file(cached.tree.join("a.o")).unwrap();
        cached
    }

    /// What `gcc` leads to in a build.
    fn front(&self) -> PathBuf {
        let directory = self.path.split(':').next().unwrap();
        fs::read_link(Path::new(directory).join("gcc")).unwrap()
    }

    /// Takes farmbuild away from the front.
    fn leave_it_alone(&self) {
        fs::remove_file(self.front().with_file_name("whole")).unwrap();
    }

    /// Runs a script as a build does, with nothing around it.
    fn run(&self, script: &str) -> Ended {
        let mut command = self.user.command(self.tree.path(), "sh");
        run::run(command.args(["-ec", script]).env("PATH", &self.path))
    }
}

#[test]
fn it_is_small_and_of_the_users_own_directory() {
    let cached = Cached::new();
    let front = cached.front();
    assert!(front.starts_with(cached.user.runtime_dir()), "{}", front.display());
    assert!(fs::metadata(&front).unwrap().len() < 100_000);
}

#[test]
fn it_needs_nobody_but_the_daemon_for_a_hit() {
    let cached = Cached::new();
    cached.leave_it_alone();
    let before = cached.user.stat("jobs.hit.direct");
    let ended = cached.run(COMPILE).ok();
    assert!(cached.tree.has("a.o") && ended.stderr.is_empty(), "{ended}");
    assert_eq!(cached.user.stat("jobs.hit.direct"), before + 1);
}

#[test]
fn where_farmbuild_was_removed_the_compiler_runs() {
    let cached = Cached::new();
    cached.leave_it_alone();
    cached.tree.write("b.c", "int b;\n");
    cached.run("gcc -c b.c && test -s b.o && gcc --version >version").ok();
    cached.user.ask(["daemon", "stop"]).ok();
    cached.run(COMPILE).ok();
    let ended = cached.run("gcc -c missing.c").exits_with(1);
    assert!(ended.err().contains("missing.c"), "{ended}");
}

#[test]
fn a_warning_is_printed_and_an_error_is_the_compilers_own() {
    let cached = Cached::new();
    cached.tree.write("warned.c", "int f(void) { }\n");
    cached.tree.write("wrong.c", "int f(void) { return x; }\n");
    for script in ["gcc -Wall -c warned.c", "gcc -Wall -c warned.c", "gcc -c wrong.c"] {
        let plain = run::run(cached.user.command(cached.tree.path(), "sh").args(["-c", script]));
        let ended = cached.run(script);
        assert_eq!((ended.status, &ended.stderr), (plain.status, &plain.stderr), "{script}");
    }
    assert!(cached.user.stat("jobs.hit.direct") > 0, "{}", cached.user.stats());
}

#[test]
fn a_compile_of_standard_input_and_one_with_closed_streams_are_as_ever() {
    let cached = Cached::new();
    cached
        .run("echo 'int from_input;' | gcc -xc -c - -o input.o && nm input.o | grep from_input")
        .ok();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        cached.run(&format!("rm -f a.o; {COMPILE} {closed}; test -s a.o")).ok();
    }
}

#[test]
fn where_the_path_has_relative_directories_the_compiler_is_found_from_the_jobs_own() {
    let cached = Cached::new();
    cached.tree.write_program("bin/gcc", "#!/bin/sh\necho the one in bin\n");
    let script = format!("PATH=${{PATH%%:*}}:bin:/usr/bin:/bin; {COMPILE}");
    assert!(cached.run(&script).ok().out().contains("the one in bin"));
}

#[test]
fn a_long_command_line_is_as_ever() {
    let cached = Cached::new();
    // gcc itself passes its options on in one variable, which may have 128 KiB.
    let script = "exec gcc $(seq -f -Dname_of_a_macro_%06g 4000) -c a.c";
    cached.run(script).ok();
    cached.run(script).ok();
    assert!(cached.tree.has("a.o"), "{}", cached.user.stats());
}
