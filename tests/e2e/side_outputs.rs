//! Compiles that write more than an object, over hosts that give it back and beside hosts that don't.

use std::fs;

use farmbuild_testkit::{Distccd, Sshd, TestSpace};

use crate::run::run;
use crate::ssh::ssh_host;
use crate::tree::{makefile, project, same_as_plain};
use crate::user::{User, host};

/// Somebody with a board `a` that is reached by ssh, and a distccd `b`.
struct Mixed {
    user: User,
    _servers: (Sshd, Distccd),
}

impl Mixed {
    fn new() -> Self {
        let servers = (Sshd::start(), Distccd::start());
        let farm = ssh_host("a", &servers.0, 4) + &host("b", &servers.1.address(), 4);
        Self { user: User::with_farm(&farm), _servers: servers }
    }

    /// Builds with these flags, as plainly as at home, all compiles on the board.
    #[track_caller]
    fn builds_there(&self, tree: &TestSpace, flags: &str) {
        let link = if flags.contains("--coverage") { "LDFLAGS=--coverage" } else { "LDFLAGS=" };
        same_as_plain(&self.user, tree, &["make", "-j4", &format!("CFLAGS={flags}"), link]);
        let stats = self.user.stats();
        assert!(self.user.stat("jobs.remote.a") > 0, "{stats}");
        assert_eq!(self.user.stat("jobs.remote.b"), 0, "{stats}");
        // Home may help where it is free, and no more.
        for reason in
            ["coverage", "split-debug-info", "stack-usage", "unproven", "odd-object", "output"]
        {
            assert_eq!(self.user.stat(&format!("jobs.local.{reason}")), 0, "{stats}");
        }
    }
}

#[test]
fn coverage_is_built_remotely_and_gcov_reads_it() {
    let mixed = Mixed::new();
    let tree = project(6);
    // gcc's stamp is the time unless it is given a seed.
    mixed.builds_there(&tree, "-g -O1 --coverage -frandom-seed=$@");
    let mut program = mixed.user.command(tree.path(), tree.join("prog"));
    let _ = program.status().unwrap();
    assert!(tree.has("f0.gcda"), "{:?}", tree.names());
    tree.run_ok("gcov", ["f0.o"]);
    let counted = String::from_utf8(tree.read("f0.c.gcov")).unwrap();
    assert!(counted.contains("        1:    5:int f0(const char *text)"), "{counted}");
}

#[test]
fn split_debug_info_is_built_remotely() {
    let mixed = Mixed::new();
    let tree = project(6);
    let words = ["make", "-j4", "CFLAGS=-g -O2 -gsplit-dwarf"];
    run(mixed.user.command(tree.path(), "make").args(&words[1..])).ok();
    let files = ["f0.o", "f0.dwo", "f3.o", "f3.dwo"];
    let plain = files.map(|file| tree.read(file));
    run(mixed.user.command(tree.path(), "make").arg("clean")).ok();
    tree.run_ok("sh", ["-c", "rm -f *.dwo"]);
    mixed.user.build(&tree, words).ok();
    assert!(mixed.user.stat("jobs.remote.a") > 0, "{}", mixed.user.stats());
    assert_eq!(mixed.user.stat("jobs.local.split-debug-info"), 0, "{}", mixed.user.stats());
    for (file, plain) in files.into_iter().zip(plain) {
        let ours = tree.read(file);
        assert_eq!(ours.len(), plain.len(), "{file}");
        // gcc gives each compile another number of eight bytes, also without farmbuild.
        let differ: Vec<_> = (0..ours.len()).filter(|&at| ours[at] != plain[at]).collect();
        let span = differ.last().zip(differ.first()).map_or(0, |(last, first)| last - first + 1);
        assert!(span <= 8, "{file}: {differ:?}");
    }
}

#[test]
fn stack_usage_is_built_remotely_also_in_other_directories() {
    let tree = project(6);
    let text = makefile(6, "gcc", "c", "-O2").replace("-o $@ $<", "-o out/$@ $<");
    let text = text.replace("-o $@ $^", "-o $@ $(addprefix out/,$^)");
    tree.write("Makefile", text);
    fs::create_dir(tree.join("out")).unwrap();
    Mixed::new().builds_there(&tree, "-O2 -fstack-usage -fcallgraph-info");
}

#[test]
fn without_a_host_that_gives_files_back_they_stay_home_by_name() {
    let server = Distccd::start();
    let user = User::over([&server]);
    same_as_plain(&user, &project(2), &["make", "-j4", "CFLAGS=--coverage -frandom-seed=$@"]);
    assert_eq!(user.stat("jobs.local.coverage"), 3, "{}", user.stats());
}

#[test]
fn names_that_lead_elsewhere_stay_home_by_name() {
    let mixed = Mixed::new();
    let tree = project(2);
    let text = makefile(2, "gcc", "c", "-O2").replace("-o $@ $<", "-o $(CURDIR)/$@ $<");
    tree.write("Makefile", text);
    same_as_plain(&mixed.user, &tree, &["make", "-j4", "CFLAGS=-O2 -fstack-usage"]);
    assert_eq!(mixed.user.stat("jobs.local.stack-usage"), 3, "{}", mixed.user.stats());
}
