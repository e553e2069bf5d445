//! Boards that make wrong objects now and then: found by compiling jobs twice, set aside, and what they made is made again.

use std::process::Stdio;
use std::time::Duration;

use farmbuild_testkit::{Distccd, FlakyCompiler, Sshd, TestSpace};
use serde_json::Value;

use crate::history::{History, events_of};
use crate::run::{Ended, run, start, until};
use crate::ssh::ssh_host;
use crate::tree::{objects_of, project, remove_new, same_as_plain, same_files, snapshot};
use crate::user::{User, host};

/// In every source of a project, and in no canary.
const EVERY_SOURCE: &str = "shared.h";

/// Files of a project; with `main.c` one job more.
const FILES: usize = 6;

/// For what proves flags, or compiles sources of real size.
const MINUTES: Duration = Duration::from_secs(300);

/// A board with compilers of its own.
fn board(compilers: &FlakyCompiler) -> Distccd {
    Distccd::builder().compilers(compilers.directory()).start()
}

/// A host all of whose jobs are compiled twice.
fn verified(name: &str, server: &Distccd) -> String {
    host(name, &server.address(), 4) + "verify = 1\n"
}

/// A project whose last command waits until a file `go` is there.
fn patient_project() -> TestSpace {
    let tree = project(FILES);
    let makefile = String::from_utf8(tree.read("Makefile")).unwrap();
    let waits = "prog: $(OBJECTS)\n\tuntil [ -e go ]; do sleep 0.05; done\n";
    tree.write("Makefile", makefile.replace("prog: $(OBJECTS)\n", waits));
    tree
}

fn is_aside(user: &User, name: &str) -> bool {
    let host = user.host(name);
    host["state"] == "aside" && host["doubt"].is_object()
}

/// How many samples were dealt with, one way or the other.
fn samples(user: &User) -> u64 {
    user.stat("samples.taken") + user.stat("samples.dropped")
}

/// Builds a patient project, which goes on once `happened`; the files must be a plain build's in the end.
#[track_caller]
fn build_until(user: &User, words: &[&str], happened: impl FnMut() -> bool) -> Ended {
    let tree = patient_project();
    let before = snapshot(tree.path());
    tree.write("go", "");
    run(user.command(tree.path(), words[0]).args(&words[1..])).ok();
    let plain = snapshot(tree.path());
    remove_new(tree.path(), &before);
    let build = user.start(&tree, words);
    until("what the build waits for", happened);
    tree.write("go", "");
    let built = build.wait();
    same_files(&snapshot(tree.path()), &plain);
    built
}

/// Whether all that hosts made in this build was wrong, and was made again.
fn all_is_redone(user: &User) -> bool {
    let stats = user.stats();
    let jobs = stats["jobs"]["total"].as_u64().unwrap();
    // All objects, and nothing is at the link yet.
    jobs == FILES as u64 + 1
        && user.remote_jobs() > 0
        && stats["samples"]["redone"].as_u64() == Some(user.remote_jobs())
        && user.host("a")["in_flight"] == 0
}

#[test]
fn a_flaky_board_is_set_aside_and_its_objects_are_made_again_before_the_build_ends() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let user = User::with_farm(&verified("a", &server));
    compilers.turn_bad(EVERY_SOURCE);
    let built = build_until(&user, &["make", "-j8"], || all_is_redone(&user)).exits_with(75);
    assert!(is_aside(&user, "a"), "{}", user.host("a"));
    for words in [
        "a gave this build wrong objects; run the build again",
        "compiled again here",
        "What was linked or archived from them before is wrong",
        "host a is set aside for different bytes for ",
    ] {
        assert!(built.err().contains(words), "{words}: {built}");
    }
    let hosts = user.ask(["hosts"]).exits_with(1).out();
    assert!(hosts.contains("a: different bytes for "), "{hosts}");
    assert!(hosts.contains("`farmbuild hosts --burn-in a` takes it back"), "{hosts}");
}

#[test]
fn a_host_in_doubt_gets_no_more_jobs_and_no_probe_or_canary_takes_it_back() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let user = User::with_farm(&verified("a", &server));
    compilers.turn_bad(EVERY_SOURCE);
    build_until(&user, &["make", "-j8"], || all_is_redone(&user)).exits_with(75);
    compilers.turn_good();
    user.ask(["hosts", "--check"]).exits_with(1);
    // Out of the farm and in again.
    user.set_farm("");
    until("it is gone", || user.host("a").is_null());
    user.set_farm(&verified("a", &server));
    until("it is back", || !user.host("a").is_null());
    assert!(is_aside(&user, "a"), "{}", user.host("a"));
    let before = user.stat("jobs.remote.a");
    let in_doubt = user.stat("jobs.local.hosts-in-doubt");
    same_as_plain(&user, &project(2), &["make", "-j4"]);
    assert_eq!(user.stat("jobs.remote.a"), before, "{}", user.stats());
    assert_eq!(user.stat("jobs.local.hosts-in-doubt"), in_doubt + 3, "{}", user.stats());

    user.ask(["hosts", "--trust", "a"]).ok();
    assert_eq!(user.host("a")["state"], "up");
}

#[test]
fn a_doubt_outlives_the_daemon_until_somebody_trusts_the_host() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let user = User::with_farm(&verified("a", &server));
    compilers.turn_bad(EVERY_SOURCE);
    build_until(&user, &["make", "-j8"], || all_is_redone(&user)).exits_with(75);
    let reason = user.host("a")["reason"].clone();
    // The first has no time to say good-bye.
    user.kill_daemon();
    for _ in 0..2 {
        assert!(is_aside(&user, "a"), "{}", user.host("a"));
        assert_eq!(user.host("a")["reason"], reason);
        user.ask(["daemon", "stop"]).ok();
    }
    user.ask(["hosts", "--trust", "a"]).ok();
    user.ask(["daemon", "stop"]).ok();
    assert_eq!(user.host("a")["state"], "up");
}

#[test]
fn a_wrong_result_does_not_stay_in_the_cache() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let user = User::with_farm(&verified("a", &server)).with_cache();
    compilers.turn_bad(EVERY_SOURCE);
    let tree = patient_project();
    let before = snapshot(tree.path());
    let build = user.start(&tree, ["make", "-j8"]);
    until("all is made again", || all_is_redone(&user));
    tree.write("go", "");
    build.wait().exits_with(75);
    let wrong = user.stat("samples.redone");
    remove_new(tree.path(), &before);
    tree.write("go", "");
    let before = user.stat("jobs.local.hosts-in-doubt");
    // Compiled here now, where it came from the board.
    same_as_plain(&user, &tree, &["make", "-j4"]);
    let stats = user.stats();
    assert_eq!(user.stat("jobs.local.hosts-in-doubt") - before, wrong, "{stats}");
}

#[test]
fn what_was_changed_since_is_named_and_right_once_it_was_removed() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let user = User::with_farm(&verified("a", &server));
    let tree = patient_project();
    let makefile = String::from_utf8(tree.read("Makefile")).unwrap();
    // As the kernel's build changes objects by objtool.
    let makefile = makefile.replace("-c -o $@ $<\n", "-c -o $@ $<\n\tobjcopy --strip-debug $@\n");
    tree.write("Makefile", makefile);
    let before = snapshot(tree.path());
    compilers.turn_bad(EVERY_SOURCE);
    let build = user.start(&tree, ["make", "-j8"]);
    until("all is looked at", || {
        // Asked in this order: what was compiled there by then is looked at later.
        let all_ended =
            user.stat("jobs.total") == FILES as u64 + 1 && user.host("a")["in_flight"] == 0;
        let remote = user.remote_jobs();
        let unchecked = user.host("a")["doubt"]["unchecked"].as_array().map_or(0, Vec::len);
        all_ended && remote > 0 && unchecked as u64 == remote
    });
    tree.write("go", "");
    let built = build.wait().exits_with(75);
    let mut removed = 0;
    for line in built.err().lines().filter_map(|line| line.strip_prefix("farmbuild: remove ")) {
        std::fs::remove_file(line.split(": ").next().unwrap()).unwrap();
        removed += 1;
    }
    assert_eq!(removed, user.remote_jobs(), "{built}");
    user.build(&tree, ["make"]).ok();
    let again = snapshot(tree.path());
    remove_new(tree.path(), &before);
    tree.write("go", "");
    run(user.command(tree.path(), "make").arg("-j2")).ok();
    same_files(&again, &snapshot(tree.path()));
}

#[test]
fn a_series_of_commits_is_built_again_where_a_board_was_wrong() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let history = History::new(2, 9);
    history.user.set_farm(&verified("a", &server));
    // Every source, and no canary.
    compilers.turn_bad(r"one(void)\|two = ");
    let go = history.user.home().join("go");
    let build = format!(
        "make -j4 one.o two.o main.o && until [ -e '{}' ]; do sleep 0.05; done && make",
        go.display()
    );
    let test = "./prog && ! grep -q 'GCx: (' *.o prog";
    let words = history.words(&["each", "--json", "--test", test, "{0}..{2}", "--", "sh", "-c"]);
    let words = words.iter().map(String::as_str).chain([build.as_str()]);
    let each = history.user.start(&history.tree, words);
    until("all is made again", || {
        let stats = history.user.stats();
        stats["jobs"]["total"] == 3
            && history.user.remote_jobs() > 0
            && stats["samples"]["redone"].as_u64() == Some(history.user.remote_jobs())
    });
    std::fs::write(go, "").unwrap();
    let ended = each.wait().ok();
    assert!(is_aside(&history.user, "a"), "{ended}");
    let built = events_of(&ended, "commit");
    assert_eq!(built[0]["compiled"], 3, "in the first of its two runs: {ended}");
}

#[test]
fn a_good_board_agrees_with_another_one() {
    let (one, other) = (Distccd::start(), Distccd::start());
    let farm = verified("a", &one) + &verified("b", &other);
    let user = User::with_farm(&farm);
    let built = build_until(&user, &["make", "-j8"], || {
        user.remote_jobs() > 0 && samples(&user) >= user.remote_jobs()
    });
    built.ok();
    let stats = user.stats();
    assert!(user.stat("samples.agreed") > 0, "{stats}");
    assert_eq!(user.stat("samples.differed"), 0, "{stats}");
    for name in ["a", "b"] {
        assert_eq!(user.host(name)["state"], "up");
    }
}

#[test]
fn a_flaky_board_is_told_from_a_good_one() {
    let compilers = FlakyCompiler::new();
    let (flaky, good) = (board(&compilers), Distccd::start());
    // Only the good one's jobs are compiled twice: the flaky one is found by its second opinions.
    let farm = verified("a", &flaky) + &verified("b", &good);
    let user = User::with_farm(&farm);
    compilers.turn_bad(EVERY_SOURCE);
    let built = build_until(&user, &["make", "-j8"], || {
        is_aside(&user, "a") && user.stat("samples.redone") == user.stat("jobs.remote.a")
    });
    let misled = user.stat("samples.redone") > 0;
    assert_eq!(built.status.code(), Some(if misled { 75 } else { 0 }), "{built}");
    assert_eq!(user.host("b")["state"], "up");
}

#[test]
fn side_outputs_of_a_flaky_board_are_made_again_too() {
    let compilers = FlakyCompiler::new();
    let server = Sshd::builder().programs(compilers.directory()).start();
    let user = User::with_farm(&(ssh_host("a", &server, 4) + "verify = 1\n"));
    let words = ["make", "-j8", "CFLAGS=-O1 --coverage -frandom-seed=$@", "LDFLAGS=--coverage"];
    // What these flags need is proven in a build that goes well.
    until("a sample has agreed", || {
        user.start(&project(FILES), words).within(MINUTES).wait().ok();
        until("its samples are judged", || samples(&user) >= user.remote_jobs());
        // On a busy machine samples give way.
        user.stat("samples.agreed") > 0
    });
    user.ask(["stats", "--zero"]).ok();
    compilers.turn_bad(EVERY_SOURCE);
    build_until(&user, &words, || all_is_redone(&user)).exits_with(75);
    assert!(is_aside(&user, "a"), "{}", user.host("a"));
}

#[test]
fn nobody_is_blamed_for_a_job_that_comes_out_different_each_time() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let user = User::with_farm(&verified("a", &server));
    compilers.turn_random("flicker");
    let sources = ["flicker0.c", "flicker1.c", "flicker2.c", "flicker3.c"];
    let sources = sources.map(|name| (name, "int x;\n"));
    // The compiler here is no better.
    let tree = objects_of(&sources, "gcc", "-O1");
    let makefile = String::from_utf8(tree.read("Makefile")).unwrap();
    tree.write(
        "Makefile",
        makefile.replace(
            "all: $(OBJECTS)\n",
            "all: $(OBJECTS)\n\tuntil [ -e go ]; do sleep 0.05; done\n",
        ),
    );
    let mut build = user.farmbuild(&tree, ["make", "-j4", "all"]);
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", compilers.directory().display());
    let build = start(build.env("PATH", path).stdin(Stdio::null()));
    until("samples are judged", || user.remote_jobs() > 0 && samples(&user) >= user.remote_jobs());
    tree.write("go", "");
    let built = build.wait().ok();
    let stats = user.stats();
    assert!(user.stat("samples.differed") > 0, "{stats}");
    assert_eq!(user.stat("samples.undecided"), user.stat("samples.differed"), "{stats}");
    assert_eq!(user.host("a")["state"], "up");
    assert!(built.err().contains("some jobs come out different each time"), "{built}");
}

#[test]
fn nothing_is_compiled_twice_where_the_share_is_none() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let user = User::alone();
    user.write_farm(&format!("verify = 0\n{}", host("a", &server.address(), 4)));
    compilers.turn_bad(EVERY_SOURCE);
    let tree = project(FILES);
    user.build(&tree, ["make", "-j8"]).ok();
    assert!(user.stat("jobs.remote.a") > 0, "{}", user.stats());
    assert_eq!(samples(&user), 0, "{}", user.stats());
    assert_eq!(user.host("a")["state"], "up");
}

/// `farmbuild hosts --burn-in a` with so many jobs.
fn burn_in(user: &User, jobs: u32) -> (Ended, Value) {
    let number = jobs.to_string();
    let words = ["hosts", "--burn-in", "a", "--for", "10m", "--jobs", &number, "--json"];
    let ended = user.start(&TestSpace::new(), words).within(MINUTES).wait();
    let report = serde_json::from_slice(&ended.stdout).unwrap_or_default();
    (ended, report)
}

#[test]
fn a_burn_in_finds_a_flaky_board_and_takes_a_good_one_back() {
    let compilers = FlakyCompiler::new();
    let server = board(&compilers);
    let user = User::with_farm(&host("a", &server.address(), 2));
    compilers.turn_bad("burn0");
    let (ended, report) = burn_in(&user, 1);
    ended.exits_with(1);
    assert_eq!((&report["passed"], &report["differences"]), (&false.into(), &1.into()), "{report}");
    assert!(is_aside(&user, "a"), "{}", user.host("a"));
    assert!(user.host("a")["reason"].as_str().unwrap().contains("a source of a burn-in (gcc"));

    compilers.turn_good();
    let (ended, report) = burn_in(&user, 2);
    assert_eq!((&report["passed"], &report["jobs"]), (&true.into(), &2.into()), "{ended}");
    ended.ok();
    assert_eq!(user.host("a")["state"], "up");
}

#[test]
fn a_burn_in_that_is_interrupted_ends_there_too_and_says_nothing_of_the_host() {
    let server = Distccd::start();
    let user = User::with_farm(&host("a", &server.address(), 2));
    let space = TestSpace::new();
    let burning = user.start(&space, ["hosts", "--burn-in", "a", "--for", "10m"]);
    until("the board is at it", || !server.compilers().is_empty());
    burning.interrupt();
    assert_eq!(burning.wait().signal(), Some(2));
    until("the board is left alone", || server.compilers().is_empty());
    assert_eq!(user.host("a")["state"], "up", "{}", user.host("a"));
}

#[test]
fn a_burn_in_of_a_host_that_is_not_there_says_so() {
    let user = User::alone();
    let said = user.ask(["hosts", "--burn-in", "neo4a", "--for", "1s"]).exits_with(1).err();
    assert!(said.contains("the farm has no host named neo4a"), "{said}");
    user.ask(["hosts", "--for", "1s"]).exits_with(2);
    user.ask(["hosts", "--burn-in", "a", "--for", "soon"]).exits_with(2);
}
