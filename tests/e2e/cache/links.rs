//! Links that are found again, and what makes one another link.

use std::fs;
use std::sync::LazyLock;

use farmbuild_testkit::TestSpace;

use super::Cached;

/// A program of two objects and a library of each kind, made before any link is looked at.
fn linkable() -> Cached {
    static MADE: LazyLock<TestSpace> = LazyLock::new(make);
    let cached = Cached::with([]);
    let mut copy = cached.user.command(cached.tree.path(), "cp");
    assert!(copy.arg("-a").arg(MADE.join(".")).arg(".").status().unwrap().success());
    cached
}

fn make() -> TestSpace {
    let space = TestSpace::new();
    for (name, text) in [
        ("a.c", "int lib(void); int b(void); int main(void) { return lib() + b(); }\n"),
        ("b.c", "int b(void) { return 1; }\n"),
        ("lib.c", "int lib(void) { return 2; }\n"),
        ("other.c", "int lib(void) { return 30; }\n"),
        ("v.map", "{ global: lib; local: *; };\n"),
    ] {
        space.write(name, text);
    }
    let line = "mkdir one two && gcc -g -c a.c b.c && gcc -fPIC -c lib.c other.c && ar rc two/libmine.a lib.o \
        && ar rc libother.a other.o && gcc -shared -o libother.so other.o \
        && gcc -flto -O1 -c b.c -o late.o";
    space.run_ok("sh", ["-c", line]);
    space
}

const LINK: &str = "gcc -g -o prog a.o b.o -Lone -Ltwo -lmine -Wl,--export-dynamic";

#[test]
fn a_link_that_was_made_before_is_found_again_to_the_byte_and_mode() {
    for line in [
        LINK,
        "umask 077; gcc a.o b.o -Ltwo -lmine",
        "gcc -shared -o libx.so lib.o -Wl,-soname,libx.so.1 -Wl,--version-script=v.map",
        "gcc -r -o all.o a.o b.o",
        "gcc -static -s -o prog a.o b.o two/libmine.a",
        "g++ -o prog a.o b.o -Wl,--as-needed -Ltwo -lmine -lm -pthread -Wl,-z,now",
    ] {
        let cached = linkable();
        assert_eq!(cached.direct_hits_of(line), 0);
        assert_eq!(cached.direct_hits_of(line), 1, "{line}: {}", cached.user.stats());
    }
}

/// File systems stamp files with a clock that ticks every few milliseconds, and make links sooner than that.
#[test]
fn a_link_of_objects_that_were_written_just_before_is_kept_too() {
    let cached = linkable();
    for number in 0..6 {
        let line = format!("cp a.o x.o && gcc -o prog{number} x.o b.o -Ltwo -lmine");
        assert_eq!(cached.direct_hits_of(&line), 0);
        assert_eq!(cached.direct_hits_of(&line), 1, "{}", cached.user.stats());
    }
}

#[test]
fn the_umask_of_the_job_decides_about_a_program_as_well() {
    let cached = linkable();
    cached.same(&format!("umask 022; {LINK}"));
    for umask in ["077", "002", "0111"] {
        assert_eq!(cached.direct_hits_of(&format!("umask {umask}; {LINK}")), 1, "{umask}");
    }
}

#[test]
fn whatever_changes_what_a_linker_reads_is_another_link() {
    let changes = [
        "gcc -g -O2 -c b.c",
        "ar r two/libmine.a b.o",
        // Found earlier in the path.
        "cp libother.a one/libmine.a",
        // Preferred to the archive.
        "cp libother.so two/libmine.so",
        "echo 'INPUT(libother.so)' >one/libmine.so; cp libother.so one",
        "echo 'GROUP(-lother)' >one/libmine.so; cp libother.so one",
    ];
    for change in changes {
        let cached = linkable();
        cached.same(LINK);
        cached.settle();
        let changed = cached.user.command(cached.tree.path(), "sh").args(["-c", change]).status();
        assert!(changed.unwrap().success());
        // Files that were written in this tick of the clock aren't trusted yet.
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(cached.direct_hits_of(LINK), 0, "{change}");
        assert_eq!(cached.direct_hits_of(LINK), 1, "{change}: {}", cached.user.stats());
    }
}

#[test]
fn a_library_that_appears_in_a_directory_of_the_environment_is_noticed() {
    let cached = linkable();
    let line = "LIBRARY_PATH=$PWD/one:$PWD/two gcc -o prog a.o b.o -lmine";
    cached.same(line);
    assert_eq!(cached.direct_hits_of(line), 1, "{}", cached.user.stats());
    fs::copy(cached.tree.join("libother.a"), cached.tree.join("one/libmine.a")).unwrap();
    assert_eq!(cached.direct_hits_of(line), 0);
}

#[test]
fn a_version_script_that_changes_is_another_link() {
    let cached = linkable();
    let line = "gcc -shared -o libx.so lib.o -Wl,--version-script,v.map";
    cached.same(line);
    assert_eq!(cached.direct_hits_of(line), 1);
    cached.tree.write("v.map", "{ global: other; local: *; };\n");
    assert_eq!(cached.direct_hits_of(line), 0);
}

#[test]
fn links_that_more_than_their_files_decide_about_are_not_cached() {
    let rows = [
        ("gcc -Wl,-Map,prog.map -o prog a.o b.o two/libmine.a", "link-option"),
        ("gcc -o prog a.o late.o two/libmine.a", "link-input"),
        ("ar rcT thin.a b.o; gcc -o prog a.o thin.a two/libmine.a", "link-input"),
        ("gcc -Wl,--trace-symbol=main -o prog a.o b.o two/libmine.a", "link-option"),
        ("clang -o prog a.o b.o two/libmine.a", "linker"),
        ("gcc -fuse-ld=gold -o prog a.o b.o two/libmine.a", "link-option"),
    ];
    for (line, reason) in rows {
        let cached = linkable();
        cached.same(line);
        cached.settle();
        cached.same(line);
        let stats = cached.user.stats();
        assert_eq!(stats["jobs"]["uncached"][reason], 2, "{line}: {stats}");
    }
}

#[test]
fn a_linker_that_had_something_to_say_says_it_each_time() {
    let cached = linkable();
    cached.tree.write("exec.s", ".section .note.GNU-stack,\"x\"\n");
    let line = "gcc -c exec.s; gcc -o prog a.o b.o exec.o two/libmine.a";
    cached.same(line);
    cached.settle();
    cached.same(line);
}

#[test]
fn what_is_at_the_programs_place_is_treated_as_by_the_linker() {
    let cached = linkable();
    cached.same(LINK);
    for line in [
        "echo old >prog; ln prog other; {LINK}; cmp -s prog other && echo linked || echo apart",
        "echo old >real; ln -s real prog; {LINK}; test -L prog && echo link",
        "mkdir prog; {LINK}; echo $?",
        "echo old >prog; chmod 444 prog; {LINK}",
        "touch prog; chmod 600 prog; {LINK}",
    ] {
        cached.same(&line.replace("{LINK}", LINK));
    }
}

#[test]
fn why_tells_by_the_programs_name_that_a_link_is_not_cached() {
    let cached = linkable();
    cached.run("gcc -fuse-ld=gold -o prog a.o b.o two/libmine.a").ok();
    let why = cached.user.build(&cached.tree, ["why", "prog"]).ok();
    assert!(why.out().contains("-fuse-ld=gold"), "{why}");
}

#[test]
fn why_explains_a_link_by_the_programs_name() {
    let cached = linkable();
    cached.run(LINK).ok();
    cached.settle();
    cached.tree.write("b.c", "int b(void) { return 7; }\n");
    cached.run("gcc -g -c b.c").ok();
    cached.run(LINK).ok();
    let why = cached.user.build(&cached.tree, ["why", "prog"]);
    assert!(why.out().contains("b.o"), "{why}");
}
