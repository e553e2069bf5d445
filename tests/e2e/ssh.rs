//! Boards that are reached by ssh: builds over real `sshd`, alone and beside distccd, and what `hosts` says of bad ones.

use std::path::Path;
use std::time::Duration;

use farmbuild_testkit::{Distccd, SlowCompiler, Sshd, TestSpace};

use crate::faults::build_while;
use crate::run::{self, until};
use crate::tree::{project, same_as_plain};
use crate::user::{User, host};

/// A `[[host]]` of a farm file that is reached by ssh.
pub(crate) fn ssh_host(name: &str, server: &Sshd, slots: usize) -> String {
    format!(
        "[[host]]\nname = \"{name}\"\nvia = \"ssh\"\naddress = \"{}\"\nssh_config = \"{}\"\nslots = {slots}\n",
        server.destination(),
        server.client_config().display()
    )
}

/// Somebody with one board.
fn over(server: &Sshd) -> User {
    User::with_farm(&ssh_host("a", server, 4))
}

#[test]
fn a_build_over_two_boards_and_a_distccd_is_a_plain_one() {
    // What takes its time on one host is worth sending to another.
    let slow = SlowCompiler::compiling(Duration::from_millis(500), Duration::ZERO);
    let board = || Sshd::builder().programs(slow.directory());
    let (csh, fish) = (
        board().shell("csh").on_login("echo Welcome").start(),
        board().shell("fish").home("a home").start(),
    );
    let distccd = Distccd::builder().compilers(slow.directory()).start();
    let farm =
        ssh_host("a", &csh, 2) + &ssh_host("b", &fish, 2) + &host("c", &distccd.address(), 2);
    let user = User::with_farm(&farm);
    until("each host has compiled something", || {
        same_as_plain(&user, &project(24), &["make", "-j12"]);
        ["a", "b", "c"].iter().all(|name| user.stat(&format!("jobs.remote.{name}")) > 0)
    });
}

#[test]
fn a_board_alone_takes_every_job() {
    let server = Sshd::start();
    let user = over(&server);
    same_as_plain(&user, &project(12), &["make", "-j8"]);
    let stats = user.stats();
    // Home may help where it is free.
    let home = user.stat("jobs.local.home-is-free");
    assert_eq!(user.stat("jobs.remote.a") + home, 13, "{stats}");
    assert!(user.stat("jobs.remote.a") > home && user.stat("jobs.retried.a") == 0, "{stats}");
}

#[test]
fn keys_come_from_the_agent_of_the_build_and_not_of_whoever_started_the_daemon() {
    let server = Sshd::start();
    let agent = server.give_key_to_agent();
    let user = over(&server);
    user.ask(["daemon", "start"]).ok();
    let tree = project(2);
    let build = |socket: &Path| {
        let mut make = user.farmbuild(&tree, ["make", "-B", "-j4"]);
        run::run(make.env("SSH_AUTH_SOCK", socket)).ok();
    };
    build(Path::new("/nonexistent"));
    assert_eq!(user.stat("jobs.remote.a"), 0, "{}", user.stats());
    // A host that refused a key is asked again after a while.
    until("the board has compiled something", || {
        build(agent.socket());
        user.stat("jobs.remote.a") > 0
    });
}

#[test]
fn a_tree_that_was_built_before_is_hardly_sent_again() {
    let server = Sshd::start();
    let user = over(&server);
    let tree = project(12);
    // Bytes for each job of a build: home may help where it is free.
    let build = || {
        let counted = || (user.stat("bytes.hosts.a.sent"), user.stat("jobs.remote.a"));
        let (bytes, jobs) = counted();
        assert!(user.build(&tree, ["make", "-j8"]).status.success());
        assert!(user.build(&tree, ["make", "clean"]).status.success());
        let (bytes, jobs) = (counted().0 - bytes, counted().1 - jobs);
        assert!(jobs > 0, "{}", user.stats());
        bytes / jobs
    };
    let first = build();
    // What stayed home then is sent now.
    build();
    let third = build();
    assert!(third * 20 < first, "{third} of {first} bytes a job");
    let hosts = user.ask(["hosts", "--json"]).out();
    assert!(hosts.contains("\"sent\": "), "{hosts}");
}

/// What `hosts` says after a build that went well in spite of the one board.
#[track_caller]
fn hosts_after_a_build(server: &Sshd) -> String {
    let user = over(server);
    same_as_plain(&user, &project(2), &["make", "-j4"]);
    assert_eq!(user.stat("jobs.remote.a"), 0, "{}", user.stats());
    user.ask(["hosts"]).out()
}

#[test]
fn hosts_tells_what_is_wrong_with_a_board_and_the_cure() {
    let mut changed = Sshd::start();
    changed.stop();
    changed.change_host_key();
    changed.start_again();
    let unknown = Sshd::start();
    unknown.forget_host_key();
    let closed = Sshd::start();
    closed.refuse_keys();
    let unwritable = Sshd::builder().home("/sys").start();
    for (server, words) in [
        (changed, "its host key has changed"),
        (unknown, "its host key isn't known"),
        (closed, "it refuses this user's key"),
        (unwritable, "~/.cache"),
    ] {
        let hosts = hosts_after_a_build(&server);
        assert!(hosts.contains(words), "{hosts}");
    }
}

#[test]
fn hosts_tells_of_a_board_without_a_compiler() {
    let programs = TestSpace::new();
    for name in ["head", "cat", "wc", "rm", "mkdir", "mv", "chmod", "tr", "dd", "ls", "touch", "ln"]
    {
        std::os::unix::fs::symlink(format!("/usr/bin/{name}"), programs.join(name)).unwrap();
    }
    let server = Sshd::builder().only_programs(programs.path()).start();
    let hosts = hosts_after_a_build(&server);
    assert!(hosts.contains("it runs none of x86_64-linux-gnu-gcc, gcc"), "{hosts}");
    assert!(hosts.contains("install it there"), "{hosts}");
}

#[test]
fn a_board_that_is_killed_or_stopped_in_the_middle_fails_no_build() {
    let compilers = SlowCompiler::compiling(Duration::from_millis(250), Duration::ZERO);
    let slow = || Sshd::builder().programs(compilers.directory()).start();
    let (mut killed, stopped, good) = (slow(), slow(), slow());
    let farm = ssh_host("a", &killed, 2) + &ssh_host("b", &stopped, 2) + &ssh_host("c", &good, 2);
    let user = User::with_farm(&farm);
    build_while(&user, 24, || {
        until("boards compile", || {
            !killed.compilers().is_empty() && !stopped.compilers().is_empty()
        });
        killed.stop();
        stopped.suspend();
    });
    assert!(user.stat("jobs.remote.c") > 0, "{}", user.stats());
}

#[test]
fn an_interrupted_build_leaves_no_compiler_on_a_board() {
    let compilers = SlowCompiler::compiling(Duration::from_secs(60), Duration::ZERO);
    let server = Sshd::start();
    let user = over(&server);
    same_as_plain(&user, &project(2), &["make", "-j4"]);
    drop(server);
    let server = Sshd::builder().programs(compilers.directory()).start();
    // A canary would take a minute: what is killed is one.
    user.set_farm(&ssh_host("b", &server, 4));
    let tree = project(4);
    let build = user.start(&tree, ["make", "-j4"]);
    until("a board compiles", || !server.compilers().is_empty());
    build.interrupt();
    build.wait();
    user.kill_daemon();
    until("nothing runs on the board", || server.compilers().is_empty());
    until("nothing is left on the board", || {
        let sessions = server.home().join(".cache/farmbuild-board");
        let is_session = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"s-");
        let left = std::fs::read_dir(sessions).into_iter().flatten().flatten();
        left.filter(|entry| is_session(&entry.file_name())).count() == 0
    });
}
