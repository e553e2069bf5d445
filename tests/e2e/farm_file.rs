//! The farm's file: edited while a build runs, and wrong.

use std::time::{Duration, Instant};

use farmbuild_testkit::{Distccd, SlowCompiler, TestSpace};

use crate::run::{self, until};
use crate::tree::project;
use crate::user::{User, host};

/// Two servers that take a while, and a user whose farm has none of them yet.
fn two_slow_servers() -> (SlowCompiler, [Distccd; 2]) {
    let compilers = SlowCompiler::compiling(Duration::from_millis(300), Duration::ZERO);
    let start = || Distccd::builder().compilers(compilers.directory()).jobs(8).start();
    let servers = [start(), start()];
    (compilers, servers)
}

#[test]
fn a_host_that_is_added_while_a_build_runs_gets_jobs_within_two_seconds() {
    let (_compilers, [first, second]) = two_slow_servers();
    let first_alone = host("a", &first.address(), 2);
    let user = User::with_farm(&first_alone);
    let tree = project(60);
    let build = user.start(&tree, ["make", "-j16"]);
    until("the first host compiles", || user.host("a")["done"].as_u64() > Some(0));
    user.set_farm(&(first_alone + &host("b", &second.address(), 8)));
    let edited = Instant::now();
    until("the second host gets something", || second.log().contains("compile from"));
    assert!(edited.elapsed() < Duration::from_secs(2), "{:?}", edited.elapsed());
    build.wait().ok();
    assert!(user.stat("jobs.remote.b") > 0, "{}", user.stats());
}

/// How many jobs a host with 4 slots holds at a time.
const SLOTS_AND_QUEUE: usize = 4 + 4;

#[test]
fn a_host_that_is_removed_while_a_build_runs_gets_no_more_jobs_and_loses_none() {
    let (_compilers, [first, second]) = two_slow_servers();
    let first_alone = host("a", &first.address(), 4);
    let user = User::with_farm(&(first_alone.clone() + &host("b", &second.address(), 4)));
    let tree = project(60);
    let build = user.start(&tree, ["make", "-j16"]);
    until("the second host compiles", || user.host("b")["done"].as_u64() > Some(0));
    user.set_farm(&first_alone);
    until("the edit is seen", || user.host("b").is_null());
    let begun = || second.log().matches("compile from").count();
    // What has been sent by now may begin to compile a little later, from its queue.
    let may_begin = begun() + SLOTS_AND_QUEUE;
    build.wait().ok();
    assert!(begun() <= may_begin, "{} of {may_begin}", begun());
    assert_eq!(user.stat("jobs.retried.b"), 0, "{}", user.stats());
}

#[test]
fn a_broken_edit_leaves_the_farm_as_it_was_and_says_where_it_is_broken() {
    let (_compilers, [first, _]) = two_slow_servers();
    let user = User::with_farm(&host("a", &first.address(), 4));
    let tree = project(24);
    let build = user.start(&tree, ["make", "-j8"]);
    until("the host compiles", || user.host("a")["done"].as_u64() > Some(0));
    user.write_farm("[local]\nslots = 2\n[[host]\n");
    let place = format!("the farm file {}: line 3", user.farm_file().display());
    until("the mistake is told", || user.ask(["hosts"]).out().contains(&place));
    let built = build.wait().ok();
    assert!(built.err().contains(&place), "{built}");
    assert!(built.err().contains("the farm stays as it was before the edit"), "{built}");
    assert_eq!(user.host("a")["state"], "up");

    user.set_farm(&host("b", &first.address(), 4));
    until("the cure is seen", || user.host("b")["name"] == "b");
    assert!(!user.ask(["hosts"]).out().contains("warning"));
}

#[test]
fn a_farm_file_that_vanishes_fails_no_build() {
    let server = Distccd::start();
    let (user, tree) = (User::over([&server]), project(2));
    user.build(&tree, ["make", "f0.o"]).ok();
    std::fs::remove_file(user.farm_file()).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    // A build that began before would find its hosts still; a new one finds that there is no farm.
    user.build(&tree, ["make"]).ok();
    assert!(tree.has("prog"));
}

/// What a mistake in a farm file is answered with, and the line it is in.
const MISTAKES: [(&str, &str, &str); 10] = [
    ("no TOML", "[[host]\n", "line 1"),
    ("an unknown key", "[local]\nslot = 1\n", "line 2"),
    ("an unknown table", "\n[locl]\nslots = 1\n", "line 2"),
    ("no slots", "[local]\nslots = 0\n", "line 2"),
    ("a negative number", "[local]\nslots = -3\n", "line 2"),
    ("an unknown fidelity", "[local]\nfidelity = \"loose\"\n", "line 2"),
    ("a host without an address", "[[host]]\nname = \"a\"\nvia = \"distcc\"\n", "line 1"),
    (
        "an address that is none",
        "[[host]]\nname = \"a\"\nvia = \"distcc\"\naddress = \"a b:c\"\n",
        "line 4",
    ),
    (
        "a transport that is none",
        "[[host]]\nname = \"a\"\nvia = \"pigeon\"\naddress = \"a\"\n",
        "line 3",
    ),
    (
        "two hosts of a name",
        "[[host]]\nname = \"a\"\nvia = \"distcc\"\naddress = \"a\"\n[[host]]\nname = \"a\"\nvia = \"distcc\"\naddress = \"b\"\n",
        "line 6",
    ),
];

#[test]
fn mistakes_in_a_named_farm_file_end_a_build_before_it_begins() {
    let (user, tree) = (User::alone(), TestSpace::new());
    tree.write("Makefile", "all:\n\ttouch built\n");
    for (what, text, line) in MISTAKES {
        tree.write("bad.toml", text);
        let refused = user.build(&tree, ["--farm", "bad.toml", "make"]).exits_with(2);
        let place = format!("farmbuild: the farm file {}: {line}", tree.join("bad.toml").display());
        assert!(refused.err().starts_with(&place), "{what}: {refused}");
        assert!(!tree.has("built"), "{what}");
    }
    let missing = user.build(&tree, ["--farm", "missing.toml", "make"]).exits_with(2);
    assert!(missing.err().contains("missing.toml: No such file or directory"), "{missing}");
    assert!(!tree.has("built"));
}

#[test]
fn a_mistake_in_the_users_own_farm_file_is_told_and_the_build_runs_without_a_farm() {
    let (user, tree) = (User::alone(), project(1));
    user.set_farm("");
    user.write_farm("[local]\nslots = 0\n");
    let built = user.build(&tree, ["make"]).ok();
    let place = format!("the farm file {}: line 2", user.farm_file().display());
    assert!(built.err().contains(&place), "{built}");
    assert!(tree.has("prog"));
    let hosts = user.ask(["hosts"]).exits_with(1);
    assert!(hosts.err().contains(&place), "{hosts}");
}

#[test]
fn host_lists_of_distccs_are_understood_or_refused_with_a_sentence() {
    let server = Distccd::start();
    let (user, tree) = (User::alone(), project(1));
    let build = |variable: &str, hosts: &str| {
        let mut build = user.farmbuild(&tree, ["make", "-B"]);
        run::run(build.env(variable, hosts))
    };
    build("DISTCC_HOSTS", &format!("{}/4,lzo # a board", server.address())).ok();
    assert_eq!(user.remote_jobs(), 2, "{}", user.stats());
    build("FARMBUILD_HOSTS", &format!("--randomize localhost/2 {}", server.address())).ok();
    assert_eq!(user.remote_jobs(), 4, "{}", user.stats());
    for (hosts, word) in
        [("a,cpp", "cpp"), ("@a", "ssh"), ("+zeroconf", "zeroconf"), ("a/x", "a/x")]
    {
        let refused = build("FARMBUILD_HOSTS", hosts);
        assert!(refused.err().contains("FARMBUILD_HOSTS: "), "{hosts}: {refused}");
        assert!(refused.err().contains(word), "{hosts}: {refused}");
        assert!(!refused.err().contains("panicked"), "{hosts}: {refused}");
    }
}

#[test]
fn hosts_files_of_distccs_may_be_named_as_a_farm() {
    let server = Distccd::start();
    let (user, tree) = (User::alone(), project(1));
    tree.write("hosts", format!("# boards\n{}/4,lzo\n", server.address()));
    user.build(&tree, ["--farm", "hosts", "make"]).ok();
    assert_eq!(user.remote_jobs(), 2, "{}", user.stats());
}
