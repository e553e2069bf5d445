//! Files that a hit leaves: those of plain gcc, in the way of plain gcc.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::SystemTime;

use farmbuild_testkit::TestSpace;

use super::Cached;

const SOURCE: &str = "#include <stddef.h>\nint f(int n) { return n ? (int)sizeof(n) : 2; }\n";

/// Command lines whose hits must leave every file that plain gcc leaves.
const WITH_MORE_OUTPUTS: [&str; 15] = [
    "gcc -g -O2 -c a.c",
    "gcc -O2 -MD -c a.c -o sub/a.o",
    "gcc -O2 -MMD -MP -MF deps.d -c a.c -o a.o",
    "gcc -O2 -Wp,-MMD,.a.o.d -c a.c -o a.o",
    "gcc -O2 -MD -MT one -MQ 'two$' -c a.c",
    "gcc -march=native -O3 -c a.c",
    "gcc -O0 --coverage -frandom-seed=a -c a.c -o a.o",
    "gcc -g -gsplit-dwarf -c a.c -o a.o",
    "gcc -O1 -fstack-usage -c a.c -o sub/a.o",
    "gcc @flags -c a.c",
    "gcc -x c -O1 -c odd.suffix -o a.o",
    "clang -g -O2 -MD -MF deps.d -c a.c -o a.o",
    "clang -O1 -gsplit-dwarf -g -c a.c -o a.o",
    "clang -march=native -O2 -MMD -MP -c a.c",
    "g++ -g -O2 -MMD -c a.cc -o a.o",
];

fn tree() -> TestSpace {
    let tree = TestSpace::new();
    for name in ["a.c", "a.cc", "odd.suffix"] {
        tree.write(name, SOURCE);
    }
    tree.write("flags", "-O2 -g '-DNAME=\"a b\"' -MMD");
    fs::create_dir(tree.join("sub")).unwrap();
    tree
}

#[test]
fn hits_restore_all_files_that_plain_compilers_leave() {
    for line in WITH_MORE_OUTPUTS {
        let cached = Cached::new(tree());
        cached.same(line);
        cached.settle();
        cached.same(line);
        assert_eq!(cached.user.stat("jobs.hit.direct"), 1, "{line}: {}", cached.user.stats());
    }
}

#[test]
fn a_source_may_have_a_name_of_odd_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let tree = TestSpace::new();
    let name = std::ffi::OsStr::from_bytes(b"with\xff $and#'.c");
    tree.write(std::path::Path::new(name), SOURCE);
    let cached = Cached::new(tree);
    let line = "for f in ./*.c; do gcc -g -MD -c \"$f\" -o \"$f.o\"; done";
    cached.same(line);
    cached.settle();
    cached.same(line);
    assert_eq!(cached.user.stat("jobs.hit.direct"), 1, "{}", cached.user.stats());
}

#[test]
fn modes_follow_the_umask_of_the_job() {
    let cached = Cached::new(tree());
    cached.same("umask 022; gcc -MMD -c a.c");
    cached.settle();
    for umask in ["077", "002", "027"] {
        cached.same(&format!("umask {umask}; gcc -MMD -c a.c"));
    }
    assert_eq!(cached.user.stat("jobs.hit.direct"), 3, "{}", cached.user.stats());
}

#[test]
fn an_output_that_is_there_already_is_only_made_new() {
    let cached = Cached::new(tree());
    cached.run("gcc -c a.c").ok();
    cached.settle();
    let output = cached.tree.join("a.o");
    let inode = || fs::metadata(&output).unwrap().ino();
    let old = SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(&output).unwrap().set_modified(old).unwrap();
    let before = inode();
    cached.run("gcc -c a.c").ok();
    assert_eq!((cached.user.stat("jobs.hit.direct"), inode()), (1, before));
    assert!(fs::metadata(&output).unwrap().modified().unwrap() > old);
}

#[test]
fn an_output_that_differs_in_content_mode_or_names_is_replaced() {
    let cached = Cached::new(tree());
    cached.same("gcc -c a.c");
    cached.settle();
    let spoil = [
        // As long as it was, with other bytes in it.
        "printf X | dd of=a.o bs=1 seek=100 conv=notrunc status=none",
        "printf X >>a.o",
        "chmod 755 a.o",
        "cp a.o other.o; ln -sf other.o a.o",
    ];
    for spoil in spoil {
        cached.same(&format!("{spoil}; gcc -c a.c; ls -l a.o | cut -c 1-10"));
    }
}

#[test]
fn the_output_of_a_hit_is_new_and_nobody_elses() {
    let cached = Cached::new(tree());
    cached.same("gcc -c a.c");
    cached.settle();
    let before = SystemTime::now() - std::time::Duration::from_millis(50);
    cached.run("gcc -c a.c").ok();
    assert_eq!(cached.user.stat("jobs.hit.direct"), 1);
    let meta = fs::metadata(cached.tree.join("a.o")).unwrap();
    assert!(meta.modified().unwrap() >= before);
    assert_eq!(meta.nlink(), 1);
    // What is done to the output isn't done to the cache.
    fs::write(cached.tree.join("a.o"), "spoilt").unwrap();
    fs::remove_file(cached.tree.join("a.o")).unwrap();
    cached.same("gcc -c a.c");
    assert_eq!(cached.user.stat("jobs.hit.direct"), 2);
}

#[test]
fn what_is_at_the_outputs_place_is_treated_as_by_gcc() {
    // Each is prepared anew by the line itself; the first run keeps the result.
    let lines = [
        "echo old >a.o; ln a.o b.o; gcc -c a.c; cmp -s a.o b.o && echo linked || echo apart",
        "ln -s real.o a.o; gcc -c a.c; test -L a.o && echo link; ls real.o",
        "touch real.o; ln -s real.o a.o; gcc -c a.c; test -L a.o && echo link",
        "ln -s nowhere/real.o a.o; gcc -c a.c; echo $?",
        "mkdir a.o; gcc -c a.c; echo $?",
        "touch a.o; chmod 600 a.o; gcc -c a.c",
        "echo old >a.o; chmod 400 a.o; gcc -c a.c",
        "echo old >a.o; chmod 755 a.o; gcc -c a.c",
        "echo old >a.d; ln a.d b.d; gcc -MMD -c a.c; cmp -s a.d b.d && echo linked || echo apart",
    ];
    let cached = Cached::new(tree());
    cached.same("gcc -c a.c");
    cached.same("gcc -MMD -c a.c");
    for line in lines {
        cached.same(line);
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_the_compilers_error() {
    let cached = Cached::new(tree());
    cached.same("gcc -c a.c -o sub/a.o");
    let sub = cached.tree.join("sub");
    fs::set_permissions(&sub, Permissions::from_mode(0o555)).unwrap();
    cached.same("gcc -c a.c -o sub/a.o; echo $?");
    cached.same("gcc -c a.c -o missing/a.o; echo $?");
    fs::set_permissions(&sub, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_same_source_goes_to_any_output_with_its_own_rule() {
    let cached = Cached::new(tree());
    symlink("sub", cached.tree.join("link")).unwrap();
    let long = "long".repeat(30);
    let outputs = ["a.o", "b.o", "sub/a.o", "./sub/c.o", "link/d.o", "$PWD/e.o", "'f g.o'", &long];
    for output in outputs {
        cached.same(&format!("gcc -O1 -MD -MF a.d -c a.c -o {output}"));
        cached.settle();
    }
    let hits = outputs.len() as u64 - 1;
    assert_eq!(cached.user.stat("jobs.hit.direct"), hits, "{}", cached.user.stats());
}

#[test]
fn another_form_of_the_dependency_file_is_the_one_that_is_written() {
    let cached = Cached::new(tree());
    for flags in
        ["", "-MD", "-MMD", "-MD -MP", "-MD -MT x", "-MD -MQ 'x$'", "-MD -MF b.d", "-MMD -MP"]
    {
        for _ in 0..2 {
            cached.same(&format!("gcc {flags} -c a.c -o a.o"));
        }
    }
}
