//! Every way to put farmbuild before a build, and what it never changes: the command's own status, words and silence.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use farmbuild_testkit::{Distccd, TestSpace};

use crate::run::{self, Ended};
use crate::tree::{project, same_as_plain};
use crate::user::{FARMBUILD, OverOne, User};

impl OverOne {
    /// Runs a command that must succeed and send so many jobs to the farm.
    #[track_caller]
    fn sends(&self, jobs: u64, command: &mut Command) -> Ended {
        let before = self.user.remote_jobs();
        let ended = run::run(command).ok();
        assert_eq!(self.user.remote_jobs() - before, jobs, "{ended}\n{}", self.user.stats());
        ended
    }

    /// A shell command in the user's environment.
    fn shell(&self, tree: &TestSpace, script: &str) -> Command {
        let mut command = self.user.command(tree.path(), "sh");
        command.args(["-ec", script]).env("FARMBUILD_BIN", FARMBUILD);
        command
    }
}

fn one_file() -> TestSpace {
    let tree = TestSpace::new();
    tree.write("a.c", "#include <stdio.h>\nint a(void) { return puts(\"a\"); }\n");
    tree
}

#[test]
fn a_goal_that_cleans_up_beside_others_does_not_race_them() {
    let one = OverOne::new();
    let tree = project(6);
    one.user.build(&tree, ["make", "-j6"]).ok();
    let built = one.user.build(&tree, ["make", "clean", "prog"]).ok();
    assert!(built.err().contains("does one job at a time"), "{built}");
    assert!(tree.names().iter().any(|name| name == "prog"), "{built}");
}

#[test]
fn ninja_builds_on_the_farm() {
    let (over, tree) = (OverOne::new(), project(3));
    tree.write(
        "build.ninja",
        "rule cc\n command = gcc -g -MMD -MF $out.d -c $in -o $out\n depfile = $out.d\n deps = gcc\n\
         build f0.o: cc f0.c\nbuild f1.o: cc f1.c\nbuild f2.o: cc f2.c\n",
    );
    over.sends(3, &mut over.user.farmbuild(&tree, ["ninja"]));
}

#[test]
fn cargo_builds_c_of_build_scripts_on_the_farm() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write(
        "Cargo.toml",
        "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    );
    tree.write("a.c", "int answer(void) { return 42; }\n");
    tree.write("src/main.rs", "fn main() {}\n");
    tree.write(
        "build.rs",
        r#"fn main() {
    let object = std::env::var("OUT_DIR").unwrap() + "/a.o";
    let status = std::process::Command::new("cc").args(["-O2", "-c", "a.c", "-o"]).arg(object).status();
    assert!(status.unwrap().success());
}
"#,
    );
    // A cargo of rustup's needs to find its toolchains, whose place is a variable or the real home.
    let home = std::env::var_os("HOME").unwrap_or_default();
    let place = |variable: &str, directory: &str| {
        let default = std::path::Path::new(&home).join(directory).into_os_string();
        std::env::var_os(variable).unwrap_or(default)
    };
    let mut build = over.user.farmbuild(&tree, ["cargo", "build", "--offline", "--quiet"]);
    build
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("CARGO_HOME", place("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", place("RUSTUP_HOME", ".rustup"));
    over.sends(1, &mut build);
    assert!(tree.has("target/debug/sample"));
}

#[test]
fn a_shell_script_is_a_build_too() {
    let (over, tree) = (OverOne::new(), one_file());
    tree.write_program("build.sh", "#!/bin/sh\nset -e\ngcc -c a.c -o x.o\n(cd / && gcc -c \"$OLDPWD/a.c\" -o \"$OLDPWD/y.o\")\n");
    over.sends(2, &mut over.user.farmbuild(&tree, ["./build.sh"]));
    assert!(tree.has("x.o") && tree.has("y.o"));
}

#[test]
fn one_compiler_invocation_may_be_spelt_in_several_ways() {
    let (over, tree) = (OverOne::new(), one_file());
    fs::create_dir(tree.join("bin")).unwrap();
    symlink(FARMBUILD, tree.join("bin/gcc")).unwrap();
    let spellings = [
        "$FARMBUILD_BIN cc gcc -c a.c",
        "$FARMBUILD_BIN gcc -c a.c",
        "$FARMBUILD_BIN cc /usr/bin/gcc -c a.c",
        "$FARMBUILD_BIN cc cc -c a.c",
        "bin/gcc -c a.c",
        "PATH=$PWD/bin:$PATH gcc -c a.c",
        "make CC=\"$FARMBUILD_BIN cc gcc\" a.o",
    ];
    for spelling in spellings {
        over.sends(1, &mut over.shell(&tree, spelling));
        fs::remove_file(tree.join("a.o")).unwrap();
    }
}

#[test]
fn compilers_named_by_path_on_makes_command_line_are_wrapped() {
    let (over, tree) = (OverOne::new(), project(1));
    over.sends(2, &mut over.user.farmbuild(&tree, ["make", "CC=/usr/bin/gcc"]));
    over.user.build(&tree, ["make", "clean"]).ok();
    over.sends(2, &mut over.user.farmbuild(&tree, ["make", "CC=/usr/bin/gcc -std=gnu11"]));

    let host = one_file();
    host.write("Makefile", "HOSTCC = none\na.o: a.c\n\t$(HOSTCC) -c $<\n");
    over.sends(1, &mut over.user.farmbuild(&host, ["make", "HOSTCC=/usr/bin/gcc"]));
}

#[test]
fn a_compiler_of_another_name_on_the_path_is_wrapped_too() {
    let (over, tree) = (OverOne::new(), one_file());
    over.sends(
        1,
        &mut over
            .user
            .farmbuild(&tree, ["sh", "-c", "$(basename $(readlink -f /usr/bin/gcc)) -c a.c"]),
    );
}

#[test]
fn a_ccache_masquerade_before_us_or_behind_us_is_no_trap() {
    let over = OverOne::new();
    for path in ["/usr/lib/ccache:/usr/bin:/bin", "/usr/bin:/bin:/usr/lib/ccache"] {
        let tree = one_file();
        let mut build = over.user.farmbuild(&tree, ["gcc", "-c", "a.c"]);
        run::run(build.env("PATH", path)).ok();
        let mut build = over.user.farmbuild(&tree, ["sh", "-c", "gcc -c a.c -o b.o"]);
        run::run(build.env("PATH", path)).ok();
        assert!(tree.has("a.o") && tree.has("b.o"), "{path}");
    }
}

#[test]
fn ccache_may_call_us_in_a_build() {
    let (over, tree) = (OverOne::new(), one_file());
    over.sends(
        1,
        &mut over.user.farmbuild(&tree, ["sh", "-c", "CCACHE_DIR=$PWD/cache ccache gcc -c a.c"]),
    );
}

#[test]
fn farmbuild_inside_farmbuild_is_one_farmbuild() {
    let (over, tree) = (OverOne::new(), project(2));
    over.sends(3, &mut over.user.farmbuild(&tree, [FARMBUILD, "make", "-j2"]));
}

#[test]
fn a_script_that_stands_for_a_compiler_and_calls_it_is_followed() {
    let (over, tree) = (OverOne::new(), one_file());
    tree.write_program("bin/gcc", "#!/bin/sh\nexec /usr/bin/gcc -DSCRIPT \"$@\"\n");
    let mut build = over.user.farmbuild(&tree, ["sh", "-c", "gcc -c a.c"]);
    let path = format!("{}:/usr/bin:/bin", tree.join("bin").display());
    run::run(build.env("PATH", path)).ok();
    assert!(tree.has("a.o"));
}

#[test]
fn the_exit_status_is_the_builds_own() {
    let (user, tree) = (User::alone(), TestSpace::new());
    tree.write("Makefile", "fail:\n\tfalse\n");
    user.build(&tree, ["make"]).exits_with(2);
    user.build(&tree, ["sh", "-c", "exit 37"]).exits_with(37);
    user.build(&tree, ["true"]).exits_with(0);
    let missing = user.build(&tree, ["not-a-command-of-anybody"]).exits_with(127);
    assert!(missing.err().contains("can't run not-a-command-of-anybody"), "{missing}");
    tree.write("not-a-program", "text");
    user.build(&tree, ["./not-a-program"]).exits_with(126);
    assert_eq!(user.build(&tree, ["sh", "-c", "kill -TERM $$"]).signal(), Some(15));
}

#[test]
fn a_compilers_exit_status_is_its_own() {
    let (over, tree) = (OverOne::new(), one_file());
    tree.write("bad.c", "int f(void) { return }\n");
    over.user.build(&tree, ["gcc", "-c", "bad.c"]).exits_with(1);
    over.user.build(&tree, ["gcc", "-c", "missing.c"]).exits_with(1);
    let missing = over.user.build(&tree, ["cc", "no-such-gcc", "-c", "a.c"]).exits_with(127);
    assert!(missing.err().contains("there is no no-such-gcc on PATH"), "{missing}");
    assert!(over.user.build(&tree, ["gcc", "--version"]).ok().out().starts_with("gcc "));
}

#[test]
fn farmbuild_off_runs_the_build_and_nothing_else() {
    let (over, tree) = (OverOne::new(), project(1));
    let built = run::run(over.user.farmbuild(&tree, ["make"]).env("FARMBUILD", "off")).ok();
    assert!(over.user.daemon().is_none() && built.err().is_empty(), "{built}");
    let mut one = over.user.farmbuild(&tree, ["cc", "gcc", "-c", "f0.c"]);
    run::run(one.env("FARMBUILD", "off")).ok();
    assert!(over.user.daemon().is_none());
}

#[test]
fn without_fallback_a_job_that_no_host_runs_fails() {
    let server = Distccd::start();
    let (user, tree) = (User::over([&server]), one_file());
    let build = |output: &str| {
        let mut build = user.farmbuild(&tree, ["gcc", "-c", "a.c", "-o", output]);
        run::run(build.env("FARMBUILD_FALLBACK", "0"))
    };
    build("there.o").ok();
    drop(server);
    let failed = build("here.o").exits_with(1);
    assert!(failed.err().contains("FARMBUILD_FALLBACK=0"), "{failed}");
    assert!(!tree.has("here.o"));
}

#[test]
fn a_build_ends_with_a_summary_unless_it_is_silent() {
    let over = OverOne::new();
    let said = |args: &[&str], progress: Option<&str>| {
        let tree = project(1);
        let mut build = over.user.farmbuild(&tree, args);
        if let Some(progress) = progress {
            build.env("FARMBUILD_PROGRESS", progress);
        }
        run::run(&mut build).ok().err()
    };
    let summary = said(&["make"], None);
    assert!(summary.starts_with("farmbuild: 3 jobs in "), "{summary}");
    assert!(summary.contains("; 2 on the farm (a 2); 1 at home (link 1)"), "{summary}");
    assert_eq!(said(&["make"], Some("plain")).lines().count(), 1);
    assert_eq!(said(&["make", "-s"], None), "");
    assert_eq!(said(&["--quiet", "make"], None), "");
    assert_eq!(said(&["make"], Some("off")), "");
}

#[test]
fn progress_is_drawn_on_a_terminals_last_row_and_taken_away() {
    let (over, tree) = (OverOne::new(), project(4));
    let mut script = over.user.command(tree.path(), "script");
    let build = format!("stty rows 24 cols 80; {FARMBUILD} make -j4");
    script.args(["-qec", &build, "/dev/null"]).env("TERM", "xterm");
    let drawn = run::run(&mut script).ok().out();
    assert!(drawn.contains("\x1b[1;23r"), "the last row is kept free: {drawn:?}");
    assert!(drawn.contains(" done, "), "{drawn:?}");
    assert!(drawn.contains("\x1b[r"), "the terminal is given back: {drawn:?}");
}

#[test]
fn a_dry_run_is_makes_own() {
    let (over, tree) = (OverOne::new(), project(2));
    same_as_plain(&over.user, &tree, &["make", "-n"]);
    same_as_plain(&over.user, &tree, &["make", "--dry-run", "-j4"]);
    assert_eq!(over.user.stat("jobs.total"), 0);
}

#[test]
fn makes_that_build_nothing_are_makes_own() {
    let (user, tree) = (User::alone(), project(1));
    same_as_plain(&user, &tree, &["make", "--version"]);
    same_as_plain(&user, &tree, &["make", "-q"]);
    same_as_plain(&user, &tree, &["make", "no-such-target"]);
    same_as_plain(&user, &tree, &["make", "-f", "no-such-file"]);
}

#[test]
fn variables_of_a_makefile_are_its_own() {
    let (over, tree) = (OverOne::new(), one_file());
    // What builds do with $(CC): show it, split it, look for it.
    tree.write("Makefile", "CC = gcc\nall: a.o\n\t@echo $(CC) $(MAKEFLAGS) $(words $(CC))\n\t@command -v $(CC) >/dev/null\na.o: a.c\n\t$(CC) -c -DCOMPILER='\"$(CC)\"' $<\n");
    let ended = over.sends(1, &mut over.user.farmbuild(&tree, ["make"]));
    assert!(ended.out().contains("gcc "), "{ended}");
}
