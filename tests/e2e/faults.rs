//! Hosts that fail in the middle of a build: it succeeds, with a plain build's bytes, and says what was retried.

use std::time::Duration;

use farmbuild_testkit::{Distccd, FakeServer, Fault, Haproxy, SlowCompiler, TestSpace};

use crate::run::{Ended, until};
use crate::tree::{project, remove_new, same_as_plain, same_files, snapshot};
use crate::user::{User, host};

/// Files of the project; with `main.c` one job more.
const FILES: usize = 16;

/// What a fault may cost. Much of it is the patience of tests on a busy machine.
const LITTLE: Duration = Duration::from_secs(5);

/// A server whose compilers take a while, so that something can happen meanwhile.
fn slow(compilers: &SlowCompiler) -> Distccd {
    Distccd::builder().compilers(compilers.directory()).jobs(8).start()
}

fn quarter_second() -> SlowCompiler {
    SlowCompiler::compiling(Duration::from_millis(250), Duration::ZERO)
}

/// Builds a project over the user's farm while something happens to it; the files must be a plain build's.
#[track_caller]
pub(crate) fn build_while(user: &User, files: usize, happens: impl FnOnce()) -> Ended {
    let tree = project(files);
    let before = snapshot(tree.path());
    crate::run::run(user.command(tree.path(), "make").arg("-j2")).ok();
    let plain = snapshot(tree.path());
    remove_new(tree.path(), &before);
    let build = user.start(&tree, ["make", "-j12"]);
    happens();
    let built = build.wait().ok();
    same_files(&snapshot(tree.path()), &plain);
    built
}

/// Waits until a host has compiled a job, so that it is past its canary and has others.
fn has_compiled(user: &User, host: &str) {
    until("a host has compiled a job", || user.host(host)["done"].as_u64() > Some(0));
}

/// A good server, and proxies in front of it that turn bad, each in its own way, when they have compiled something.
struct Oddities {
    user: User,
    good: Distccd,
    proxies: Vec<FakeServer>,
    _compilers: SlowCompiler,
}

impl Oddities {
    /// Hosts `good` and `odd0`, `odd1`...
    fn of(faults: impl IntoIterator<Item = Fault>) -> Self {
        let compilers = quarter_second();
        let good = Distccd::builder().compilers(compilers.directory()).jobs(32).start();
        let behind = |fault| FakeServer::in_front_of(good.port(), fault);
        let proxies: Vec<_> = faults.into_iter().map(behind).collect();
        let mut farm = host("good", &good.address(), 2);
        for (number, proxy) in proxies.iter().enumerate() {
            farm += &host(&format!("odd{number}"), &proxy.address(), 2);
        }
        let it = Self { user: User::with_farm(&farm), good, proxies, _compilers: compilers };
        build_while(&it.user, FILES, || {});
        it
    }

    fn turn_bad(&self) {
        self.proxies.iter().for_each(FakeServer::turn_bad);
    }

    fn turn_good(&self) {
        self.proxies.iter().for_each(FakeServer::turn_good);
    }
}

#[test]
fn a_server_that_is_killed_costs_little() {
    let compilers = quarter_second();
    let (mut dying, other) = (slow(&compilers), slow(&compilers));
    let user = User::over([&dying, &other]);
    let undisturbed = build_while(&user, FILES, || {}).took;
    let built = build_while(&user, FILES, || {
        until("a server compiles", || !dying.compilers().is_empty());
        dying.stop();
    });
    assert!(user.stat("jobs.retried.a") > 0, "{}", user.stats());
    assert!(built.err().contains("retried after a host failed: a "), "{built}");
    assert!(built.took < undisturbed + LITTLE, "{:?} of {undisturbed:?}", built.took);
}

#[test]
fn a_server_that_is_stopped_costs_little() {
    let compilers = quarter_second();
    let (frozen, other) = (slow(&compilers), slow(&compilers));
    let user = User::over([&frozen, &other]);
    let undisturbed = build_while(&user, FILES, || {}).took;
    let built = build_while(&user, FILES, || {
        until("a server compiles", || !frozen.compilers().is_empty());
        frozen.suspend();
    });
    assert!(built.took < undisturbed + LITTLE, "{:?} of {undisturbed:?}", built.took);
}

#[test]
fn a_server_that_is_restarted_gets_jobs_again() {
    let compilers = SlowCompiler::compiling(Duration::from_millis(500), Duration::ZERO);
    let (mut restarted, other) = (slow(&compilers), slow(&compilers));
    let user = User::over([&restarted, &other]);
    let built = build_while(&user, 40, || {
        has_compiled(&user, "a");
        restarted.restart();
    });
    assert!(restarted.log().contains("compile from"), "{built}\n{}", restarted.log());
}

#[test]
fn jobs_of_servers_that_break_the_protocol_are_retried_elsewhere() {
    let odd = Oddities::of([
        Fault::CloseAtOnce,
        Fault::CloseAfterHeader,
        Fault::CloseAfterRequest,
        Fault::garbage(),
        Fault::io_error(2),
        Fault::disk_full(2),
        Fault::Answer(b"DONE00000002STAT00000000SERR00000000SOUT00000000DOTO00000010".to_vec()),
    ]);
    odd.turn_bad();
    build_while(&odd.user, FILES, || {});
    let stats = odd.user.stats();
    for number in 0..odd.proxies.len() {
        assert!(
            stats["jobs"]["retried"][format!("odd{number}")].as_u64() > Some(0),
            "{number}: {stats}"
        );
    }
}

#[test]
fn servers_that_say_little_or_nothing_do_not_hold_a_build_up() {
    let reply = b"DONE00000002STAT00000000SERR00000000SOUT00000000DOTO00001000".to_vec();
    let odd = Oddities::of([
        Fault::NeverAnswer,
        Fault::NeverRead,
        Fault::huge_object(2),
        Fault::Trickle(reply, Duration::from_secs(1)),
    ]);
    odd.turn_bad();
    let built = build_while(&odd.user, FILES, || {});
    assert!(built.took < Duration::from_secs(30), "{:?}", built.took);
}

#[test]
fn jobs_of_a_server_whose_disk_fills_up_are_retried_elsewhere() {
    // The other is slow: a server that seemed to be so itself would get no job of a build as small as this.
    let compilers = quarter_second();
    let (full, other) = (Distccd::start(), slow(&compilers));
    let user = User::over([&full, &other]);
    until("a job runs there", || {
        build_while(&user, FILES, || {});
        user.stat("jobs.remote.a") > 0
    });
    full.fill_disk();
    until("a job failed there", || {
        build_while(&user, FILES, || {});
        user.stat("jobs.retried.a") > 0
    });
}

#[test]
fn a_build_succeeds_when_every_host_is_down() {
    let gone: [Distccd; 2] = std::array::from_fn(|_| Distccd::start());
    let user = User::over(&gone);
    drop(gone);
    let built = same_as_plain(&user, &project(4), &["make", "-j4"]);
    assert_eq!(user.remote_jobs(), 0);
    assert_eq!(user.stat("jobs.local.all-hosts-down"), 5, "{}", user.stats());
    assert!(built.took < Duration::from_secs(10), "{:?}", built.took);
}

#[test]
fn every_host_dying_in_the_middle_brings_the_rest_home() {
    let compilers = quarter_second();
    let mut server = slow(&compilers);
    let user = User::over([&server]);
    build_while(&user, FILES, || {
        has_compiled(&user, "a");
        server.stop();
    });
    assert!(user.stat("jobs.retried.a") > 0, "{}", user.stats());
}

/// What `hosts` says after a build over a server with these compilers, which gets no job, and a good one.
fn hosts_beside_a_good_one(compilers: &TestSpace) -> String {
    let odd = Distccd::builder().only_compilers(compilers.path()).start();
    let good = Distccd::start();
    let user = User::over([&odd, &good]);
    same_as_plain(&user, &project(4), &["make", "-j4"]);
    assert_eq!(user.stat("jobs.remote.a"), 0, "{}", user.stats());
    user.ask(["hosts"]).out()
}

/// A directory with a program behind gcc's names.
fn gcc_is(script: &str) -> TestSpace {
    let space = TestSpace::new();
    for name in ["gcc", "x86_64-linux-gnu-gcc"] {
        space.write_program(name, format!("#!/bin/sh\n{script}\n"));
    }
    space
}

#[test]
fn a_host_with_another_compiler_is_set_aside_and_hosts_says_why() {
    let hosts = hosts_beside_a_good_one(&gcc_is("exec /usr/bin/clang \"$@\""));
    let why = "a: not used for /usr/bin/gcc: its x86_64-linux-gnu-gcc isn't the one here: ";
    assert!(hosts.contains(why), "{hosts}");
}

#[test]
fn a_compiler_of_the_same_name_and_version_that_makes_other_code_is_found_out() {
    let script = "PATH=/usr/bin:/bin\nexec /usr/bin/gcc \"$@\" -fno-inline -O1";
    let hosts = hosts_beside_a_good_one(&gcc_is(script));
    let why = "it says that it is the same version, but its objects differ";
    assert!(hosts.contains(why), "{hosts}");
}

#[test]
fn a_host_without_the_compiler_is_set_aside_and_hosts_says_why() {
    let hosts = hosts_beside_a_good_one(&TestSpace::new());
    assert!(hosts.contains("a: not used for /usr/bin/gcc: "), "{hosts}");
    assert!(hosts.contains("it runs none of x86_64-linux-gnu-gcc, gcc"), "{hosts}");
}

#[test]
fn servers_behind_haproxy_are_one_host() {
    let servers: [Distccd; 3] = std::array::from_fn(|_| Distccd::start());
    let proxy = Haproxy::start(servers.iter().map(Distccd::port), 4);
    let user = User::with_farm(&host("farm", &proxy.address(), 12));
    same_as_plain(&user, &project(FILES), &["make", "-j12", "-Otarget"]);
    assert_eq!(user.stat("jobs.remote.farm"), FILES as u64 + 1, "{}", user.stats());
    for server in &servers {
        assert!(server.log().contains("compile from"), "one got nothing");
    }
}

#[test]
fn one_of_the_servers_behind_haproxy_may_die() {
    let compilers = quarter_second();
    let mut servers: [Distccd; 3] = std::array::from_fn(|_| slow(&compilers));
    let proxy = Haproxy::start(servers.iter().map(Distccd::port), 4);
    let user = User::with_farm(&host("farm", &proxy.address(), 12));
    build_while(&user, FILES, || {
        has_compiled(&user, "farm");
        servers[0].stop();
    });
}

/// distcc 325 and 475: a client waited for a host that was down while others were idle.
#[test]
fn a_host_that_is_down_holds_no_job_back_while_others_have_idle_slots() {
    let (mute, good) = (FakeServer::start(Fault::NeverRead), Distccd::start());
    let hosts = host("mute", &mute.address(), 16) + &host("good", &good.address(), 16);
    let user = User::with_farm(&hosts);
    let built = same_as_plain(&user, &project(8), &["make", "-j8"]);
    assert_eq!(user.stat("jobs.remote.good"), 9, "{}", user.stats());
    assert!(built.took < Duration::from_secs(10), "{:?}", built.took);
}

/// icecream 619: a server ran out of memory and said so after a minute, and the client failed the build.
#[test]
fn a_server_that_runs_out_of_memory_and_answers_late_fails_no_build() {
    let odd = Oddities::of([Fault::out_of_memory(2, Duration::from_secs(4))]);
    odd.turn_bad();
    let built = build_while(&odd.user, FILES, || {});
    assert!(built.took < Duration::from_secs(20), "{:?}", built.took);
}

/// icecream 556: a build stood still with dozens of idle clients.
#[test]
fn a_build_with_dozens_of_waiting_wrappers_goes_on_when_their_host_falls_silent() {
    let compilers = quarter_second();
    let server = slow(&compilers);
    let user = User::with_farm(&host("a", &server.address(), 60));
    let tree = project(40);
    let build = user.start(&tree, ["make", "-j40"]);
    until("a server compiles", || !server.compilers().is_empty());
    server.suspend();
    build.within(Duration::from_secs(120)).wait().ok();
    until("no wrapper is left", || user.strays().is_empty());
}

/// sccache 523: after an error on one of two servers all later jobs went to the other.
#[test]
fn a_server_that_failed_once_shares_later_jobs_again() {
    let odd = Oddities::of([Fault::CloseAfterHeader]);
    odd.turn_bad();
    build_while(&odd.user, FILES, || {});
    odd.turn_good();
    let before = odd.user.stat("jobs.remote.odd0");
    until("it gets jobs again", || {
        build_while(&odd.user, FILES, || {});
        odd.user.stat("jobs.remote.odd0") > before
    });
    assert!(odd.good.log().contains("compile from"));
}
