//! Names, places and files that builds seldom have: all as plain make.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Stdio;

use farmbuild_testkit::{Distccd, FakeServer, Fault, TestSpace};

use crate::run;
use crate::tree::{project, remove_new, same_as_plain, same_files, snapshot};
use crate::user::{FARMBUILD, OverOne, User, host};

const SOURCE: &str = "#include <stdio.h>\nint f(void) { return puts(__FILE__); }\n";

impl OverOne {
    /// Runs a shell script plainly and as a build: the same files and words.
    #[track_caller]
    fn same(&self, tree: &TestSpace, script: &str) {
        same_as_plain(&self.user, tree, &["sh", "-ec", script]);
    }
}

#[test]
fn names_may_hold_blanks_quotes_newlines_and_bytes_that_are_no_utf8() {
    let over = OverOne::new();
    let names: [&[u8]; 7] = [
        b"with blank.c",
        b"with\nnewline.c",
        b"with'quote\".c",
        b"with\xff\xfebytes.c",
        b"-dash.c",
        b"$dollar#hash;semicolon.c",
        b"back\\slash.c",
    ];
    let tree = TestSpace::new();
    for name in names {
        tree.write(PathBuf::from(OsStr::from_bytes(name)), SOURCE);
    }
    over.same(
        &tree,
        "for file in ./*.c; do gcc -g -O2 -MMD -c \"$file\" -o \"${file%.c}.o\"; done",
    );
    assert!(tree.has(OsStr::from_bytes(b"with\xff\xfebytes.o")));
}

#[test]
fn directories_may_be_deep_and_odd() {
    let over = OverOne::new();
    let deep = format!("{}/a b", vec!["directory-of-some-length"; 30].join("/"));
    let tree = TestSpace::new();
    tree.write(format!("{deep}/a.c"), SOURCE);
    over.same(&tree, &format!("cd '{deep}'; gcc -g -c a.c; gcc -c \"$PWD/a.c\" -o b.o"));
}

#[test]
fn a_directory_may_have_a_name_that_is_no_utf8() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write(PathBuf::from(OsStr::from_bytes(b"d\xff/a.c")), SOURCE);
    over.same(&tree, "cd d*; gcc -g -c a.c; gcc -c a.c -o b.o");
}

#[test]
fn sources_may_lie_in_a_directory_that_cannot_be_written() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write("source/a.c", SOURCE);
    fs::create_dir(tree.join("build")).unwrap();
    fs::set_permissions(tree.join("source"), Permissions::from_mode(0o555)).unwrap();
    over.same(&tree, "cd build; gcc -g -MMD -c ../source/a.c; gcc -c ../source/a.c -o b.o");
    over.same(&tree, "cd source; gcc -g -c a.c -o ../build/c.o");
    fs::set_permissions(tree.join("source"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_output_directory_that_is_missing_is_the_compilers_error() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write("a.c", SOURCE);
    over.same(&tree, "gcc -c a.c -o missing/a.o || echo $?");
}

#[test]
fn a_source_may_come_from_standard_input() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    over.same(&tree, "echo 'int a;' | gcc -g -x c -c - -o a.o; echo 'int b;' | gcc -x c -S - -o -");
}

#[test]
fn an_output_may_be_a_device_a_link_or_a_pipe() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write("a.c", SOURCE);
    over.same(&tree, "gcc -c a.c -o /dev/null; test -c /dev/null");
    over.same(&tree, "ln -s real.o link.o; gcc -c a.c -o link.o; test -e real.o");
    over.same(&tree, "ln -s nowhere/a.o dangling.o; gcc -c a.c -o dangling.o || echo $?");
    over.same(&tree, "mkfifo pipe.s; cat pipe.s > copy.s & gcc -S a.c -o pipe.s; wait");
    over.same(&tree, "gcc -c a.c -o old.o; ln old.o hard.o; gcc -O2 -c a.c -o old.o; cmp -s old.o hard.o && echo linked || echo apart");
}

#[test]
fn an_output_keeps_the_mode_that_plain_gcc_leaves() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write("a.c", SOURCE);
    over.same(&tree, "umask 077; gcc -c a.c -o private.o; umask 002; gcc -c a.c -o shared.o");
    over.same(&tree, "touch old.o; chmod 600 old.o; gcc -c a.c -o old.o");
}

#[test]
fn empty_sources_are_compiled() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write("empty.c", "");
    tree.write("empty.cc", "");
    tree.write("comment.c", "/* nothing */");
    over.same(&tree, "gcc -g -c empty.c; g++ -g -c empty.cc -o cc.o; gcc -c comment.c");
}

#[test]
fn several_sources_and_a_program_at_once_are_compiled() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write("a.c", "int b(void); int main(void) { return b(); }\n");
    tree.write("b.c", "int b(void) { return 0; }\n");
    over.same(&tree, "gcc -g a.c b.c -o prog; gcc -c a.c b.c; ./prog");
}

#[test]
fn response_files_and_long_command_lines_are_followed() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write("a.c", SOURCE);
    tree.write("flags", "-g -O2 '-DNAME=\"a b\"' -c");
    let many: String =
        (0..4000).map(|number| format!(" -DLONG_MACRO_NAME_{number}={number}")).collect();
    over.same(&tree, "gcc @flags a.c");
    over.same(&tree, &format!("gcc {many} -c a.c"));
}

#[test]
fn a_farm_file_in_the_build_tree_is_never_read() {
    let trap = FakeServer::start(Fault::CloseAtOnce);
    let (user, tree) = (User::alone(), project(2));
    let farm = format!("[local]\nslots = 2\n{}", host("trap", &trap.address(), 8));
    for name in
        ["farm.toml", ".config/farmbuild/farm.toml", "farmbuild/farm.toml", ".farmbuild.toml"]
    {
        tree.write(name, &farm);
    }
    same_as_plain(&user, &tree, &["make", "-j4"]);
    assert_eq!(trap.accepted(), 0);
    assert_eq!(user.stat("jobs.local.no-hosts"), 3, "{}", user.stats());
}

#[test]
fn makefiles_that_name_a_farm_choose_none_for_the_build() {
    let trap = FakeServer::start(Fault::CloseAtOnce);
    let (over, tree) = (OverOne::new(), project(2));
    tree.write("evil.toml", host("trap", &trap.address(), 8));
    let makefile = String::from_utf8(tree.read("Makefile")).unwrap();
    // Relative, as a tree that doesn't know where it is unpacked must have it.
    tree.write("Makefile", format!("export FARMBUILD_FARM = evil.toml\n{makefile}"));
    over.user.build(&tree, ["make", "-j4"]).ok();
    assert_eq!(trap.accepted(), 0);
}

#[test]
fn a_relative_farm_file_is_the_callers() {
    let (server, user) = (Distccd::start(), User::alone());
    let tree = project(2);
    tree.write("my/farm.toml", host("a", &server.address(), 8));
    let mut build = user.farmbuild(&tree, ["make", "-j2"]);
    run::run(build.env("FARMBUILD_FARM", "my/farm.toml")).ok();
    assert_eq!(user.stat("jobs.remote.a"), 3, "{}", user.stats());
    user.build(&tree, ["make", "clean"]).ok();
    user.build(&tree, ["--farm", "my/farm.toml", "make", "-j2"]).ok();
    assert_eq!(user.stat("jobs.remote.a"), 6, "{}", user.stats());
}

#[test]
fn a_closed_standard_input_or_error_fails_nothing() {
    let (over, tree) = (OverOne::new(), project(2));
    let before = snapshot(tree.path());
    let script = format!("{FARMBUILD} make -j2 <&- 2>&-");
    let mut shell = over.user.command(tree.path(), "sh");
    run::run(shell.args(["-c", &script]).stdin(Stdio::null())).ok();
    let ours = snapshot(tree.path());
    remove_new(tree.path(), &before);
    run::run(&mut over.user.command(tree.path(), "make")).ok();
    same_files(&ours, &snapshot(tree.path()));
}

#[test]
fn a_working_directory_may_be_reached_through_a_link() {
    let (over, tree) = (OverOne::new(), TestSpace::new());
    tree.write("real/a.c", SOURCE);
    symlink("real", tree.join("link")).unwrap();
    over.same(
        &tree,
        "cd link; gcc -g -c a.c; gcc -g -c \"$PWD/a.c\" -o b.o; PWD=/nonsense gcc -g -c a.c -o c.o",
    );
}
