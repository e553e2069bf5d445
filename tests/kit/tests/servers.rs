//! The kit's servers do what tests rely on.

use std::thread;
use std::time::{Duration, Instant};

use farmbuild_testkit::{
    Distccd, FakeServer, Fault, Haproxy, ProcessTree, SlowCompiler, TestSpace,
};

fn compile(space: &TestSpace, hosts: &str) -> std::process::Output {
    space
        .command("distcc")
        .env("DISTCC_HOSTS", hosts)
        .env("DISTCC_DIR", space.join("distcc"))
        .env("DISTCC_FALLBACK", "0")
        .env("DISTCC_SKIP_LOCAL_RETRY", "1")
        .args(["gcc", "-c", "a.c", "-o", "a.o"])
        .output()
        .expect("an installed distcc")
}

fn tiny() -> TestSpace {
    let space = TestSpace::new();
    space.write("a.c", "int x;\n");
    std::fs::create_dir(space.join("distcc")).expect("a directory in our own");
    space
}

#[test]
fn a_started_server_compiles() {
    let (space, server) = (tiny(), Distccd::start());
    let output = compile(&space, &server.address());
    assert!(output.status.success(), "{output:?}\n{}", server.log());
    assert!(space.has("a.o"));
}

#[test]
fn a_stopped_server_is_gone_and_a_restarted_one_is_back_on_its_port() {
    let (space, mut server) = (tiny(), Distccd::start());
    server.stop();
    assert!(!compile(&space, &server.address()).status.success());
    server.start_again();
    // distcc remembers there that the host was down.
    std::fs::remove_dir_all(space.join("distcc/lock")).unwrap();
    assert!(compile(&space, &server.address()).status.success());
}

#[test]
fn a_slow_compiler_takes_its_time_and_keeps_count() {
    let space = tiny();
    let slow = SlowCompiler::pretending(Duration::from_millis(300), Duration::ZERO);
    let server = Distccd::builder().compilers(slow.directory()).start();
    let start = Instant::now();
    let output = compile(&space, &server.address());
    assert!(output.status.success(), "{output:?}\n{}", server.log());
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(slow.runs().len(), 1);
}

#[test]
fn haproxy_in_front_of_two_servers_is_one_address() {
    let (space, one, two) = (tiny(), Distccd::start(), Distccd::start());
    let proxy = Haproxy::start([one.port(), two.port()], 4);
    let output = compile(&space, &proxy.address());
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_killed_server_takes_its_compilers_with_it() {
    let space = tiny();
    let slow = SlowCompiler::pretending(Duration::from_secs(60), Duration::ZERO);
    let mut server = Distccd::builder().compilers(slow.directory()).start();
    let mut client = ProcessTree::spawn(
        space
            .command("distcc")
            .env("DISTCC_HOSTS", server.address())
            .args(["gcc", "-c", "a.c", "-o", "a.o"]),
    );
    let start = Instant::now();
    while server.compilers().len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", server.log());
        thread::sleep(Duration::from_millis(10));
    }
    let compilers = server.compilers();
    client.kill();
    server.stop();
    let alive =
        |id: &u32| std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| !line.is_empty());
    assert!(!compilers.iter().any(alive));
}

#[test]
fn a_fake_server_passes_on_until_it_turns_bad() {
    let (space, server) = (tiny(), Distccd::start());
    let fake = FakeServer::in_front_of(server.port(), Fault::CloseAfterHeader);
    assert!(compile(&space, &fake.address()).status.success());
    fake.turn_bad();
    assert!(!compile(&space, &fake.address()).status.success());
    fake.turn_good();
    // Its own back-off keeps distcc away from a host that failed.
    std::fs::remove_dir_all(space.join("distcc")).unwrap();
    std::fs::create_dir(space.join("distcc")).unwrap();
    assert!(compile(&space, &fake.address()).status.success());
}

#[test]
fn a_server_may_have_no_compiler_at_all() {
    let (space, empty) = (tiny(), TestSpace::new());
    let server = Distccd::builder().only_compilers(empty.path()).start();
    assert!(!compile(&space, &server.address()).status.success());
}
