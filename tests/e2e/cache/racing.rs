//! Files that change while they are compiled never become the result of something else.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use farmbuild_testkit::TestSpace;
use rustix::fs::{FlockOperation, flock};

use super::Cached;
use crate::run;

/// A source that takes a while to compile and reads `h.h` in the end.
fn slow_source(header: &str) -> String {
    let functions: String = (0..60)
        .map(|number| format!("int f{number}(int n) {{ int s = 0; for (int i = 0; i < n; i++) s += i * {number}; return s; }}\n"))
        .collect();
    format!("#include \"{header}\"\n{functions}int value = VALUE;\n")
}

#[test]
fn a_header_that_is_written_during_a_compile_gives_no_wrong_hit() {
    let cached = Cached::with([("h.h", "#define VALUE 1\n")]);
    cached.tree.write("a.c", slow_source("h.h"));
    let line = "gcc -O1 -MD -c a.c";
    for (round, delay) in [5, 30, 70].into_iter().enumerate() {
        cached.tree.write("h.h", format!("#define VALUE {}\n", round * 10));
        let compile = cached.user.start(&cached.tree, ["sh", "-c", line]);
        thread::sleep(Duration::from_millis(delay));
        cached.tree.write("h.h", format!("#define VALUE {}\n", round * 10 + 1));
        compile.wait().ok();
        for name in ["a.o", "a.d"] {
            fs::remove_file(cached.tree.join(name)).unwrap();
        }
        cached.same(line);
        cached.tree.write("h.h", format!("#define VALUE {}\n", round * 10));
        cached.same(line);
    }
}

#[test]
fn a_header_that_is_changed_and_changed_back_during_a_compile_gives_no_wrong_hit() {
    let cached = Cached::with([("h.h", "#define VALUE 1\n")]);
    // The header is read from a pipe's other end: when it is, the compiler is at work.
    cached.tree.write("a.c", "#include \"wait.h\"\n#include \"h.h\"\nint value = VALUE;\n");
    cached.tree.run_ok("mkfifo", ["wait.h"]);
    let line = "gcc -O1 -c a.c";
    for _ in 0..2 {
        let compile = cached.user.start(&cached.tree, ["sh", "-c", line]);
        // Opening waits for the compiler.
        let mut pipe = fs::File::options().write(true).open(cached.tree.join("wait.h")).unwrap();
        cached.tree.write("h.h", "#define VALUE 2\n");
        std::io::Write::write_all(&mut pipe, b"extern int waited;\n").unwrap();
        drop(pipe);
        compile.wait().ok();
        cached.tree.write("h.h", "#define VALUE 1\n");
    }
    assert_eq!(cached.hits(), 0, "{}", cached.user.stats());
}

#[test]
fn sources_that_are_rewritten_all_the_time_are_compiled_as_they_are() {
    let tree = TestSpace::new();
    tree.write("h.h", "#define VALUE 0\n");
    tree.write("a.c", "#include \"h.h\"\nint value = VALUE;\n");
    let cached = Cached::new(tree);
    let header = cached.tree.join("h.h");
    let writer = format!(
        "i=0; while [ $i -lt 400 ]; do printf '#define VALUE %d\\n' $((i % 7)) > new.h; mv new.h {}; i=$((i + 1)); done",
        header.display()
    );
    let mut shell = cached.user.command(cached.tree.path(), "sh");
    let writing = run::start(shell.args(["-c", &writer]).stdin(Stdio::null()));
    for _ in 0..12 {
        cached.run("gcc -O1 -c a.c").ok();
    }
    writing.wait().ok();
    fs::remove_file(cached.tree.join("a.o")).unwrap();
    for value in (0..7).chain(0..7) {
        cached.tree.write("h.h", format!("#define VALUE {value}\n"));
        cached.same("gcc -O1 -c a.c");
    }
}

#[test]
fn two_jobs_for_the_same_output_leave_a_whole_one() {
    let cached = Cached::with([("a.c", "int a = A;\n")]);
    for _ in 0..10 {
        cached.run("gcc -DA=1 -c a.c -o a.o & gcc -DA=2 -c a.c -o a.o & wait; nm a.o").ok();
    }
    fs::remove_file(cached.tree.join("a.o")).unwrap();
    for value in 1..3 {
        cached.same(&format!("gcc -DA={value} -c a.c -o a.o"));
    }
}

/// Keeps a daemon from writing records, for as long as this is held or until it gives up.
fn hold_all_records(cached: &Cached) -> Vec<fs::File> {
    let hold = |shard: u8| {
        let path = cached.user.cache().join(format!("v1/{shard:02x}/lock"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = fs::File::options().create(true).truncate(false).write(true).open(path).unwrap();
        flock(&file, FlockOperation::LockExclusive).unwrap();
        file
    };
    (0..=u8::MAX).map(hold).collect()
}

#[test]
fn a_result_is_kept_with_the_comments_that_it_was_made_of() {
    let cached = Cached::new(TestSpace::new());
    let write = |comment: &str| {
        let text = format!(
            "int f(int n)\n{{\n\tswitch (n) {{\n\tcase 1:\n\t\tn++;\n\t\t/* {comment} */\n\tcase 2:\n\t\tn += 2;\n\t}}\n\treturn n;\n}}\n"
        );
        cached.tree.write("a.c", text);
    };
    let line = "gcc -Wextra -c a.c";
    // Known from then on, so that the text is asked for.
    write("what is next");
    cached.same(line);
    write("fall through");
    let held = hold_all_records(&cached);
    cached.run(line).ok();
    write("what comes next");
    drop(held);
    cached.settle();
    cached.same(line);
}
