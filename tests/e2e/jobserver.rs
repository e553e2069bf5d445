//! How much runs at once: with and without `-j`, in sub-makes, and under somebody else's jobserver.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::time::Duration;

use farmbuild_testkit::{Distccd, SlowCompiler, TestSpace};

use crate::run::{self, until};
use crate::tree::project;
use crate::user::{FARMBUILD, User, host, kill};

/// A makefile of so many jobs that each note when they begin and end; no compiler is involved.
fn noting(jobs: usize, seconds: f64) -> TestSpace {
    let tree = TestSpace::new();
    let names: String = (0..jobs).map(|number| format!("n{number} ")).collect();
    tree.write(
        "Makefile",
        format!("all: {names}\n{names}:\n\t@echo b >> log; sleep {seconds}; echo e >> log\n"),
    );
    tree
}

/// The most jobs that ran at the same time.
fn most_at_once(tree: &TestSpace) -> usize {
    let (mut now, mut most) = (0, 0);
    for mark in String::from_utf8(tree.read("log")).unwrap().lines() {
        match mark {
            "b" => now += 1,
            _ => now -= 1,
        }
        most = most.max(now);
    }
    most
}

#[test]
fn a_number_of_jobs_is_respected() {
    let (user, tree) = (User::alone(), noting(12, 0.2));
    user.build(&tree, ["make", "-j5"]).ok();
    assert_eq!(most_at_once(&tree), 5);
}

#[test]
fn without_a_number_there_are_as_many_jobs_as_the_farm_takes() {
    let server = Distccd::start();
    // Four slots, a queue of four, two local slots.
    let (user, tree) = (User::over([&server]), noting(30, 0.5));
    user.build(&tree, ["make"]).ok();
    assert_eq!(most_at_once(&tree), 10);
}

#[test]
fn without_a_number_and_a_farm_there_are_as_many_jobs_as_local_slots() {
    let (user, tree) = (User::with_farm(""), noting(8, 0.3));
    user.build(&tree, ["make"]).ok();
    assert_eq!(most_at_once(&tree), 2);
}

#[test]
fn the_number_of_jobs_grows_when_a_host_comes() {
    let server = Distccd::start();
    let (user, tree) = (User::with_farm(""), noting(40, 0.5));
    let build = user.start(&tree, ["make"]);
    until("the build has begun", || tree.has("log"));
    user.set_farm(&host("a", &server.address(), 4));
    build.wait().ok();
    assert_eq!(most_at_once(&tree), 10);
}

#[test]
fn makes_own_variable_may_set_the_number() {
    let (user, tree) = (User::alone(), noting(9, 0.3));
    run::run(user.farmbuild(&tree, ["make"]).env("MAKEFLAGS", "-j3")).ok();
    assert_eq!(most_at_once(&tree), 3);
}

#[test]
fn an_unlimited_make_is_unlimited() {
    let (user, tree) = (User::alone(), noting(20, 1.0));
    user.build(&tree, ["make", "-j"]).ok();
    assert_eq!(most_at_once(&tree), 20);
}

#[test]
fn sub_makes_share_the_number() {
    let (user, tree) = (User::alone(), noting(6, 0.3));
    tree.write(
        "top.mk",
        "all: x y z\nx y z:\n\t+@$(MAKE) -f Makefile --no-print-directory T=$@ names=$@\n",
    );
    tree.write(
        "Makefile",
        "all: 1 2 3 4 5 6\n1 2 3 4 5 6:\n\t@echo b >> log; sleep 0.3; echo e >> log\n",
    );
    let built = user.build(&tree, ["make", "-j4", "-f", "top.mk"]).ok();
    assert_eq!(most_at_once(&tree), 4, "{built}");
    assert!(!built.err().contains("jobserver unavailable"), "{built}");
}

#[test]
fn compiles_on_the_farm_run_beyond_the_local_slots() {
    let compilers = SlowCompiler::compiling(Duration::from_secs(2), Duration::ZERO);
    let server = Distccd::builder().compilers(compilers.directory()).jobs(16).start();
    let user = User::with_farm(&host("a", &server.address(), 16));
    let tree = project(16);
    let build = user.start(&tree, ["make", "-j16"]);
    until("sixteen compile at once", || {
        // A shell and its sleep for each.
        server.compilers().len() >= 16
    });
    build.wait().ok();
}

/// An outer jobserver of three tokens, that is `make -j4`, as its owner sees it.
struct Outer {
    reader: io::PipeReader,
    writer: io::PipeWriter,
}

impl Outer {
    const TOKENS: usize = 3;

    fn new() -> Self {
        let (reader, writer) = io::pipe().unwrap();
        io::Write::write_all(&mut &writer, &[b'+'; Self::TOKENS]).unwrap();
        Self { reader, writer }
    }

    /// What make puts into the environment of its children.
    fn makeflags(&self) -> String {
        format!(" -j4 --jobserver-auth={},{}", self.reader.as_raw_fd(), self.writer.as_raw_fd())
    }

    /// Lets children inherit both ends.
    fn share(&self) {
        use rustix::io::{FdFlags, fcntl_setfd};
        fcntl_setfd(&self.reader, FdFlags::empty()).unwrap();
        fcntl_setfd(&self.writer, FdFlags::empty()).unwrap();
    }

    /// The tokens that are there, by looking at the pipe.
    fn there(&self) -> usize {
        usize::try_from(rustix::io::ioctl_fionread(&self.reader).unwrap()).unwrap()
    }
}

#[test]
fn under_an_outer_make_local_work_stays_within_its_tokens_and_all_come_back() {
    let user = User::with_farm("");
    let tree = project(8);
    let counting = TestSpace::new();
    counting.write_program(
        "gcc",
        format!("#!/bin/sh\necho b >> {0}/log; /usr/bin/gcc \"$@\"; code=$?; sleep 0.2; echo e >> {0}/log; exit $code\n", counting.path().display()),
    );
    user.write_farm("[local]\nslots = 8\n");
    tree.write("outer.mk", format!("all:\n\t+@{FARMBUILD} make -f Makefile\n"));
    let mut make = user.command(tree.path(), "make");
    let path = format!("{}:/usr/bin:/bin", counting.path().display());
    let built = run::run(make.args(["-j2", "-f", "outer.mk"]).env("PATH", path)).ok();
    assert!(tree.has("prog"), "{built}");
    assert!(most_at_once(&counting) <= 2, "{}", String::from_utf8_lossy(&counting.read("log")));
    // make itself counts its tokens at the end.
    assert!(!built.err().contains("INTERNAL"), "{built}");
}

#[test]
fn every_token_of_an_outer_jobserver_is_back_at_the_end() {
    let (outer, user, tree) = (Outer::new(), User::with_farm(""), project(8));
    outer.share();
    run::run(user.farmbuild(&tree, ["make"]).env("MAKEFLAGS", outer.makeflags())).ok();
    assert_eq!(outer.there(), Outer::TOKENS);
}

#[test]
fn every_token_of_an_outer_jobserver_is_back_when_farmbuild_is_killed() {
    let (outer, user, tree) = (Outer::new(), User::alone(), project(8));
    user.write_farm("[local]\nslots = 8\n");
    let slow = TestSpace::new();
    slow.write_program("gcc", "#!/bin/sh\nsleep 5\n");
    outer.share();
    let path = format!("{}:/usr/bin:/bin", slow.path().display());
    let mut build = user.farmbuild(&tree, ["make", "-j8"]);
    let build = run::start(build.env("MAKEFLAGS", outer.makeflags()).env("PATH", path));
    until("tokens are out", || outer.there() < Outer::TOKENS);
    kill(build.id());
    // Its make goes on by itself, or not: what matters is who holds tokens of ours.
    for process in user.strays() {
        if !process.command.contains(" guard") {
            kill(process.id);
        }
    }
    until("every token is back", || outer.there() == Outer::TOKENS);
}

#[test]
fn cargo_below_gets_a_jobserver() {
    let (user, tree) = (User::alone(), TestSpace::new());
    tree.write_program("cargo", "#!/bin/sh\necho \"$CARGO_MAKEFLAGS$MAKEFLAGS\" > flags\n");
    user.build(&tree, ["./cargo", "build"]).ok();
    let flags = String::from_utf8(tree.read("flags")).unwrap();
    assert!(flags.contains("--jobserver-auth=") || flags.contains("--jobserver-fds="), "{flags}");
}

#[test]
fn a_fifo_of_our_own_is_gone_after_the_build() {
    let (user, tree) = (User::alone(), noting(2, 0.1));
    // Whether this make knows a fifo or not.
    user.build(&tree, ["make", "-j2", "--jobserver-style=fifo"]);
    assert!(user.temporary_files().is_empty(), "{:?}", user.temporary_files());
}

#[test]
fn a_jobserver_that_is_gone_is_no_obstacle() {
    let (user, tree) = (User::alone(), project(2));
    for flags in [
        " -j4 --jobserver-auth=198,199",
        " -j4 --jobserver-auth=fifo:/nowhere/at/all",
        " -j4 --jobserver-auth=-2,-2",
    ] {
        run::run(user.farmbuild(&tree, ["make"]).env("MAKEFLAGS", flags)).ok();
        user.build(&tree, ["make", "clean"]).ok();
    }
}

#[test]
fn the_daemon_holds_no_end_of_a_jobserver() {
    let (outer, user, tree) = (Outer::new(), User::alone(), project(1));
    outer.share();
    run::run(user.farmbuild(&tree, ["make"]).env("MAKEFLAGS", outer.makeflags())).ok();
    let Outer { mut reader, writer } = outer;
    drop(writer);
    let mut rest = Vec::new();
    // Ends only when nobody can write any more.
    let waited = std::thread::spawn(move || reader.read_to_end(&mut rest).map(|_| rest.len()));
    until("the pipe is closed", || waited.is_finished());
    assert_eq!(waited.join().unwrap().unwrap(), Outer::TOKENS);
    assert!(user.daemon().is_some());
}
