//! The daemon's life: killed, replaced, shared, refused; and builds that end in the middle.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use farmbuild_testkit::{Distccd, SlowCompiler, TestSpace, is_alive};
use rustix::process::Signal;

use crate::run::{self, until};
use crate::tree::{project, remove_new, same_as_plain, same_files, snapshot};
use crate::user::{FARMBUILD, User, host, kill, kill_all};

/// A user over one server whose compilers take so long.
struct Slow {
    user: User,
    server: Distccd,
    _compilers: SlowCompiler,
}

impl Slow {
    fn taking(milliseconds: u64) -> Self {
        let compilers =
            SlowCompiler::compiling(Duration::from_millis(milliseconds), Duration::ZERO);
        let server = Distccd::builder().compilers(compilers.directory()).jobs(16).start();
        let user = User::with_farm(&host("a", &server.address(), 8));
        Self { user, server, _compilers: compilers }
    }

    /// Likewise, with the canaries behind it: jobs that have to wait long for them go home.
    fn vetted_and_taking(milliseconds: u64) -> Self {
        let slow = Self::taking(milliseconds);
        slow.user.build(&project(1), ["make"]).ok();
        slow
    }

    fn wait_for_jobs(&self) {
        until("jobs run on the server", || {
            self.user.host("a")["done"].as_u64() > Some(0) && !self.server.compilers().is_empty()
        });
    }

    /// The server's temporary files of jobs.
    fn files_there(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.server.temporary_directory()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn a_build_goes_on_when_the_daemon_is_killed() {
    let slow = Slow::taking(300);
    let tree = project(24);
    let before = snapshot(tree.path());
    run::run(slow.user.command(tree.path(), "make").arg("-j2")).ok();
    let plain = snapshot(tree.path());
    remove_new(tree.path(), &before);

    let build = slow.user.start(&tree, ["make", "-j8"]);
    slow.wait_for_jobs();
    let first = slow.user.daemon();
    slow.user.kill_daemon();
    build.wait().ok();
    same_files(&snapshot(tree.path()), &plain);
    assert!(slow.user.daemon().is_some_and(|daemon| Some(daemon) != first), "a new one is there");
}

#[test]
fn a_build_succeeds_even_if_its_daemons_are_killed_again_and_again() {
    let slow = Slow::taking(100);
    let tree = project(24);
    let build = slow.user.start(&tree, ["make", "-j8"]);
    for _ in 0..5 {
        if let Some(daemon) = slow.user.daemon() {
            kill(daemon);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    build.wait().ok();
}

#[test]
fn an_interrupted_build_leaves_nothing_running_and_nothing_half_written() {
    let slow = Slow::vetted_and_taking(3000);
    let tree = project(8);
    let before = snapshot(tree.path());
    let build = slow.user.start(&tree, ["make", "-j8"]);
    until("jobs run on the server", || slow.server.compilers().len() >= 4);
    build.interrupt();
    let ended = build.wait();
    assert!(ended.signal() == Some(2) || ended.status.code() == Some(2), "{}", ended.status);
    until("nothing is left running here", || slow.user.strays().is_empty());
    until("nothing is left running there", || slow.server.compilers().is_empty());
    until("nothing is left written there", || slow.files_there().is_empty());
    same_files(&snapshot(tree.path()), &before);
    assert!(slow.user.temporary_files().is_empty(), "{:?}", slow.user.temporary_files());
}

#[test]
fn a_build_that_is_killed_leaves_nothing_running() {
    let slow = Slow::vetted_and_taking(3000);
    let tree = project(8);
    let build = slow.user.start(&tree, ["make", "-j8"]);
    until("jobs run on the server", || slow.server.compilers().len() >= 4);
    kill_all(slow.user.strays().iter().map(|process| process.id));
    assert_eq!(build.wait().signal(), Some(9));
    until("nothing is left running there", || slow.server.compilers().is_empty());
    assert!(!tree.names().iter().any(|name| name.ends_with(".o")), "{:?}", tree.names());
}

#[test]
fn a_terminated_build_ends_by_that_signal() {
    let slow = Slow::vetted_and_taking(3000);
    let tree = project(8);
    let build = slow.user.start(&tree, ["make", "-j8"]);
    until("jobs run on the server", || !slow.server.compilers().is_empty());
    build.signal(Signal::TERM);
    let ended = build.wait();
    assert!(!ended.status.success(), "{ended}");
    until("nothing is left running here", || slow.user.strays().is_empty());
    until("nothing is left running there", || slow.server.compilers().is_empty());
}

#[test]
fn a_killed_wrapper_ends_its_job_and_no_other() {
    let slow = Slow::taking(1500);
    let tree = project(4);
    slow.user.build(&tree, ["make", "f3.o"]).ok();
    let build = slow.user.start(&tree, ["make", "-k", "-j5"]);
    until("jobs run on the server", || slow.server.compilers().len() >= 4);
    let wrappers = slow.user.strays();
    let wrapper =
        wrappers.iter().find(|it| it.command.contains("f1.c")).expect("a wrapper for f1.c");
    // make runs it without a shell in between.
    kill(wrapper.id);
    build.wait().exits_with(2);
    assert!(!tree.has("f1.o") && tree.has("f0.o") && tree.has("f2.o"), "{:?}", tree.names());
    slow.user.build(&tree, ["make", "-j5"]).ok();
}

/// The program as another build of it: the same but for the identity that it says hello with.
fn another_build() -> (TestSpace, PathBuf) {
    let mut bytes = fs::read(FARMBUILD).unwrap();
    let identity = env!("FARMBUILD_SOURCES").as_bytes();
    let mut patched = 0;
    let mut at = 0;
    while at + identity.len() <= bytes.len() {
        if &bytes[at..at + identity.len()] == identity {
            bytes[at..at + identity.len()].copy_from_slice(b"0123456789abcdef");
            patched += 1;
        }
        at += 1;
    }
    assert!(patched > 0, "the identity is in the program");
    let space = TestSpace::new();
    let program = space.write_program("farmbuild", bytes);
    (space, program)
}

#[test]
fn another_build_of_the_program_replaces_the_daemon_and_fails_no_job_in_flight() {
    let slow = Slow::taking(1500);
    let (old_tree, new_tree) = (project(4), project(2));
    let old_build = slow.user.start(&old_tree, ["make", "-j5"]);
    slow.wait_for_jobs();
    let old_daemon = slow.user.daemon().unwrap();

    let (_space, newer) = another_build();
    run::run(slow.user.command(new_tree.path(), &newer).args(["make", "-j3"])).ok();
    let new_daemon = slow.user.daemon().unwrap();
    assert_ne!(new_daemon, old_daemon);
    old_build.wait().ok();
    until("the old daemon is gone", || !is_alive(old_daemon));
}

#[test]
fn two_builds_at_once_share_a_daemon_and_the_farm() {
    let slow = Slow::taking(200);
    let trees = [project(8), project(8)];
    let builds = trees.each_ref().map(|tree| slow.user.start(tree, ["make", "-j8"]));
    slow.wait_for_jobs();
    let daemons = slow.user.processes();
    let daemons = daemons.iter().filter(|it| it.command.contains(" daemon run")).count();
    assert_eq!(daemons, 1);
    for build in builds {
        // Each is told of its own jobs alone.
        let said = build.wait().ok().err();
        assert!(said.contains("farmbuild: 10 jobs in "), "{said}");
    }
}

#[test]
fn dozens_of_wrappers_start_one_daemon() {
    let (user, tree) = (User::alone(), project(24));
    let mut make = user.command(tree.path(), "make");
    run::run(make.arg("-j24").arg(format!("CC={FARMBUILD} cc gcc"))).ok();
    let daemons = user.processes();
    assert_eq!(daemons.iter().filter(|it| it.command.contains(" daemon run")).count(), 1);
}

#[test]
fn wrappers_that_come_before_there_is_a_daemon_do_not_wait_for_each_others_jobs() {
    let slow = Slow::vetted_and_taking(2500);
    slow.user.ask(["daemon", "stop"]).ok();
    let tree = project(6);
    let mut make = slow.user.command(tree.path(), "make");
    make.args(["-j6", "f0.o", "f1.o", "f2.o", "f3.o", "f4.o", "f5.o"]);
    let before = slow.user.stat("jobs.total");
    slow.user.ask(["daemon", "stop"]).ok();
    run::run(make.arg(format!("CC={FARMBUILD} cc gcc"))).ok();
    assert_eq!(slow.user.stat("jobs.total") - before, 6, "{}", slow.user.stats());
}

#[test]
fn a_directory_that_others_can_enter_is_refused_and_the_build_runs_all_the_same() {
    let (user, tree) = (User::alone(), project(2));
    fs::create_dir(user.runtime_dir()).unwrap();
    fs::set_permissions(user.runtime_dir(), Permissions::from_mode(0o755)).unwrap();
    let built = user.build(&tree, ["make", "-j2"]).ok();
    assert!(built.err().contains("is not a directory of ours with mode 0700"), "{built}");
    assert!(tree.has("prog"));
    assert!(user.daemon().is_none());
}

#[test]
fn a_directory_of_somebody_else_is_refused_and_wrappers_run_their_compilers() {
    let (user, tree) = (User::alone(), project(2));
    fs::create_dir(user.runtime_dir()).unwrap();
    fs::set_permissions(user.runtime_dir(), Permissions::from_mode(0o700)).unwrap();
    // Needs the privilege to give a directory away, as containers and CI have.
    if chown(user.runtime_dir(), Some(65534), None).is_err() {
        return;
    }
    let mut make = user.command(tree.path(), "make");
    run::run(make.arg(format!("CC={FARMBUILD} cc gcc"))).ok();
    assert!(tree.has("prog"));
    assert!(user.daemon().is_none());
}

#[test]
fn a_socket_that_a_dead_daemon_left_is_no_obstacle() {
    let (user, tree) = (User::alone(), project(2));
    user.ask(["daemon", "start"]).ok();
    user.kill_daemon();
    assert!(user.runtime_dir().join("daemon.sock").exists());
    same_as_plain(&user, &tree, &["make", "-j2"]);
    assert_eq!(user.stat("jobs.total"), 4);
}

#[test]
fn garbage_on_the_socket_harms_nobody_else() {
    let (user, tree) = (User::alone(), project(2));
    user.ask(["daemon", "start"]).ok();
    let daemon = user.daemon();
    let hello = {
        let mut hello = [0; 64];
        hello[..16].copy_from_slice(b"farmbuild/hello\n");
        let identity = format!("{} {}", env!("CARGO_PKG_VERSION"), env!("FARMBUILD_SOURCES"));
        hello[16..16 + identity.len()].copy_from_slice(identity.as_bytes());
        hello
    };
    let garbage: [(&str, Vec<u8>); 6] = [
        ("nothing", Vec::new()),
        ("half a hello", hello[..20].to_vec()),
        ("no hello", vec![b'x'; 4096]),
        ("a frame that is too long", [&hello[..], &[0xff; 4]].concat()),
        ("a frame that ends early", [&hello[..], &[100, 0, 0, 0, 1, 2, 3]].concat()),
        ("a frame without sense", [&hello[..], &[4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat()),
    ];
    for (what, bytes) in garbage {
        let mut stream = UnixStream::connect(user.runtime_dir().join("daemon.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // It may have hung up already.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = Vec::new();
        let end = stream.read_to_end(&mut said);
        assert!(
            end.is_ok() || end.is_err_and(|it| it.kind() == std::io::ErrorKind::ConnectionReset),
            "{what}: it hangs"
        );
    }
    same_as_plain(&user, &tree, &["make", "-j2"]);
    assert_eq!(user.daemon(), daemon, "the same daemon is there");
}

#[test]
fn a_connection_that_says_nothing_holds_nobody_up() {
    let (user, tree) = (User::alone(), project(2));
    user.ask(["daemon", "start"]).ok();
    let _mute: Vec<_> = (0..50)
        .map(|_| UnixStream::connect(user.runtime_dir().join("daemon.sock")).unwrap())
        .collect();
    let built = same_as_plain(&user, &tree, &["make", "-j2"]);
    assert!(built.took < Duration::from_secs(8), "{:?}", built.took);
}

#[test]
fn the_daemon_keeps_no_pipe_of_the_build_open() {
    let (user, tree) = (User::alone(), project(2));
    let mut shell = user.command(tree.path(), "sh");
    // `cat` ends when nobody has the pipe open any more; so does the test's own end of standard error.
    run::run(shell.arg("-c").arg(format!("{FARMBUILD} make -j2 2>&1 | cat"))).ok();
    assert!(user.daemon().is_some(), "it lives on");
}

#[test]
fn a_stopped_daemon_is_gone_with_its_socket() {
    let user = User::alone();
    user.ask(["daemon", "start"]).ok();
    let daemon = user.daemon().unwrap();
    assert!(user.ask(["daemon", "status"]).ok().out().contains(&format!("process {daemon}")));
    let status = user.ask(["daemon", "status", "--json"]).ok();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["pid"], daemon);
    user.ask(["daemon", "stop"]).ok();
    assert!(!is_alive(daemon) && !user.runtime_dir().join("daemon.sock").exists());
    user.ask(["daemon", "status"]).exits_with(1);
}

#[test]
fn a_stopped_daemon_has_ended_even_if_nobody_collects_its_status() {
    let user = User::alone();
    let daemon = user.start(&TestSpace::new(), ["daemon", "run"]);
    until("the daemon listens", || user.daemon().is_some());
    assert_eq!(user.ask(["daemon", "stop"]).ok().out(), "The daemon has ended.\n");
    daemon.wait().ok();
}

#[test]
fn a_new_daemon_knows_how_fast_the_hosts_were() {
    let (tree, server) = (project(4), Distccd::start());
    let user = User::over([&server]);
    user.build(&tree, ["make", "-j5"]).ok();
    assert!(user.host("a")["speed"].is_number(), "{}", user.host("a"));
    user.ask(["daemon", "stop"]).ok();
    assert!(user.host("a")["speed"].is_number(), "{}", user.host("a"));
}
