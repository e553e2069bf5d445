//! Processes that are killed at any time: no build fails, and what they leave gives no wrong result.

use std::fs;
use std::thread;
use std::time::Duration;

use farmbuild_testkit::TestSpace;

use super::Cached;
use super::edits::chance::Chance;
use crate::user::kill_all;

/// Builds so many times with kills, and compares with a plain build each time.
fn survives_kills(builds: u64) {
    let tree = TestSpace::new();
    tree.write("h.h", "#define A 0\n");
    for number in 0..6 {
        tree.write(
            format!("f{number}.c"),
            format!("#include <stdio.h>\n#include \"h.h\"\nint f{number} = A + {number};\n"),
        );
    }
    let cached = Cached::new(tree);
    // A killed wrapper is a failed compile of its own: it is run again, as make would be.
    let line = "for n in 0 1 2 3 4 5; do (gcc -g -O1 -MMD -c f$n.c 2>/dev/null || gcc -g -O1 -MMD -c f$n.c) & done; wait";
    let mut chance = Chance::new(builds);
    for number in 0..builds {
        cached.tree.write("h.h", format!("#define A {}\n", chance.below(5)));
        let build = cached.user.start(&cached.tree, ["sh", "-c", line]);
        thread::sleep(Duration::from_millis(chance.below(120) as u64));
        let processes = cached.user.processes();
        let victims: Vec<_> = processes
            .iter()
            .filter(|it| match number % 3 {
                0 => it.command.contains(" daemon run"),
                1 => it.command.starts_with("gcc"),
                _ => it.command.contains(" daemon run") || it.command.starts_with("gcc"),
            })
            .map(|it| it.id)
            .collect();
        kill_all(victims);
        build.wait();
        for n in 0..6 {
            for suffix in ["o", "d"] {
                drop(fs::remove_file(cached.tree.join(format!("f{n}.{suffix}"))));
            }
        }
        cached.same(line);
    }
    // A killed gcc can't remove its own.
    let mut left = cached.user.temporary_files();
    left.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with("cc"));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn killed_daemons_and_wrappers_leave_a_cache_that_is_right() {
    survives_kills(20);
}

#[test]
#[ignore = "kills and builds two hundred times: run it by name, see CONTRIBUTING.md"]
fn two_hundred_builds_with_kills_are_right() {
    survives_kills(200);
}
