//! Which header is found: every change of that is noticed.

use std::fs;
use std::os::unix::fs::symlink;

use super::Cached;

const LINE: &str = "gcc -O1 -MD -Ia -Ib -Ilate -c main.c";

fn cached() -> Cached {
    Cached::with([
        ("main.c", "#include <h.h>\nint value = VALUE;\n"),
        ("b/h.h", "#define VALUE 1\n"),
        ("a/other.h", ""),
    ])
}

/// Compiles before and after each step, twice after it.
fn stays_right(cached: &Cached, line: &str, steps: &[&dyn Fn()]) {
    cached.same(line);
    assert_eq!(cached.hits_of(line), 1, "{}", cached.user.stats());
    for step in steps {
        step();
        cached.same(line);
        cached.same(line);
    }
}

#[test]
fn a_header_that_appears_earlier_in_the_path_is_read() {
    let cached = cached();
    let shadow = cached.tree.join("a/h.h");
    stays_right(
        &cached,
        LINE,
        &[
            &|| fs::write(&shadow, "#define VALUE 2\n").unwrap(),
            &|| fs::remove_file(&shadow).unwrap(),
            &|| fs::write(&shadow, "#define VALUE 3\n").unwrap(),
            &|| fs::rename(&shadow, cached.tree.join("h.h")).unwrap(),
        ],
    );
}

#[test]
fn a_directory_of_the_path_that_appears_is_searched() {
    let cached = cached();
    let line = "gcc -O1 -Ilate/deep -Ib -c main.c";
    stays_right(
        &cached,
        line,
        &[
            &|| fs::create_dir_all(cached.tree.join("late/deep")).unwrap(),
            &|| fs::write(cached.tree.join("late/deep/h.h"), "#define VALUE 2\n").unwrap(),
            &|| fs::remove_dir_all(cached.tree.join("late")).unwrap(),
            &|| drop(cached.tree.write("elsewhere/deep/h.h", "#define VALUE 3\n")),
            &|| symlink("elsewhere", cached.tree.join("late")).unwrap(),
        ],
    );
}

#[test]
fn a_link_to_nothing_earlier_in_the_path_may_get_a_target() {
    let cached = cached();
    symlink("../real.h", cached.tree.join("a/h.h")).unwrap();
    cached.same(LINE);
    cached.same(LINE);
    cached.tree.write("real.h", "#define VALUE 2\n");
    cached.same(LINE);
}

#[test]
fn a_directory_with_the_name_of_a_header_may_become_one() {
    let cached = cached();
    let shadow = cached.tree.join("a/h.h");
    fs::create_dir(&shadow).unwrap();
    stays_right(
        &cached,
        LINE,
        &[&|| fs::remove_dir(&shadow).unwrap(), &|| {
            fs::write(&shadow, "#define VALUE 2\n").unwrap()
        }],
    );
}

#[test]
fn a_header_that_goes_is_the_compilers_error() {
    let cached = cached();
    let header = cached.tree.join("b/h.h");
    stays_right(
        &cached,
        LINE,
        &[
            &|| fs::remove_file(&header).unwrap(),
            &|| fs::write(&header, "#define VALUE 1\n").unwrap(),
            &|| fs::rename(&header, cached.tree.join("b/i.h")).unwrap(),
        ],
    );
}

#[test]
fn a_directory_of_the_users_that_the_environment_makes_the_systems_is_watched() {
    // gcc leaves such headers out of `-MMD`'s list, whatever `-I` says.
    let cached = Cached::with([
        ("main.c", "#include \"outer.h\"\nint value = VALUE;\n"),
        ("a/outer.h", "#include <inner.h>\n"),
        ("b/inner.h", "#define VALUE 1\n"),
    ]);
    let line = "C_INCLUDE_PATH=a gcc -O1 -MMD -Ia -Ib -c main.c; echo $?";
    let inner = cached.tree.join("b/inner.h");
    stays_right(
        &cached,
        line,
        &[
            &|| fs::write(&inner, "#define VALUE 2\n").unwrap(),
            &|| fs::write(cached.tree.join("a/outer.h"), "#define VALUE 3\n").unwrap(),
            &|| fs::write(cached.tree.join("a/outer.h"), "#include <inner.h>\n").unwrap(),
            &|| fs::remove_file(&inner).unwrap(),
        ],
    );
}

#[test]
fn what_has_include_asks_for_may_come_and_go() {
    let cached = Cached::with([
        ("main.c", "#include \"h.h\"\nint value = VALUE;\n"),
        (
            "b/h.h",
            "#if __has_include(<option.h>)\n#define VALUE 1\n#else\n#define VALUE 2\n#endif\n",
        ),
        ("a/other.h", ""),
    ]);
    let option = cached.tree.join("a/option.h");
    stays_right(
        &cached,
        LINE,
        &[
            &|| fs::write(&option, "").unwrap(),
            &|| fs::write(&option, "/* another */").unwrap(),
            &|| fs::remove_file(&option).unwrap(),
            &|| fs::create_dir(&option).unwrap(),
            &|| fs::remove_dir(&option).unwrap(),
        ],
    );
}

#[test]
fn has_include_may_ask_for_a_macros_name() {
    for source in [
        "#define NAME \"option.h\"\n#if __has_include(NAME)\nint with;\n#endif\n",
        "#define HAS __has_include\n#if HAS(\"option.h\")\nint with;\n#endif\n",
        "#define HAS(x) __has_include(x)\r\n#if HAS(\"option.h\")\r\nint with;\r\n#endif\r\n",
    ] {
        let cached = Cached::with([("main.c", source), ("a/other.h", "")]);
        for _ in 0..2 {
            cached.same(LINE);
            cached.same(LINE);
            cached.tree.write("a/option.h", "");
        }
    }
}

#[test]
fn an_include_may_have_a_macros_name() {
    let cached = Cached::with([
        ("main.c", "#define NAME <h.h>\n#include NAME\nint value = VALUE;\n"),
        ("b/h.h", "#define VALUE 1\n"),
        ("a/other.h", ""),
    ]);
    let shadow = cached.tree.join("a/h.h");
    stays_right(&cached, LINE, &[&|| fs::write(&shadow, "#define VALUE 2\n").unwrap()]);
}

#[test]
fn a_precompiled_header_that_appears_is_used() {
    let cached = Cached::with([
        ("main.c", "#include \"h.h\"\nint value = VALUE;\n"),
        ("h.h", "#define VALUE 1\n"),
    ]);
    let line = "gcc -O1 -c main.c";
    stays_right(
        &cached,
        line,
        &[&|| {
            cached.tree.write("h.h", "#define VALUE 2\n");
            cached.tree.run_ok("gcc", ["-O1", "-x", "c-header", "h.h", "-o", "h.h.gch"]);
            cached.tree.write("h.h", "#define VALUE 1\n");
        }],
    );
}

#[test]
fn a_linked_header_is_its_target() {
    let cached = Cached::with([
        ("main.c", "#include <h.h>\nint value = VALUE;\n"),
        ("one.h", "#define VALUE 1\n"),
        ("two.h", "#define VALUE 2\n"),
        ("a/other.h", ""),
    ]);
    let link = cached.tree.join("a/h.h");
    symlink("../one.h", &link).unwrap();
    stays_right(
        &cached,
        LINE,
        &[
            &|| {
                fs::remove_file(&link).unwrap();
                symlink("../two.h", &link).unwrap();
            },
            &|| drop(cached.tree.write("two.h", "#define VALUE 3\n")),
            &|| {
                fs::remove_file(&link).unwrap();
                symlink("../one.h", &link).unwrap();
            },
        ],
    );
}

#[test]
fn directories_of_the_environment_are_part_of_the_path() {
    let cached = cached();
    cached.tree.write("e/h.h", "#define VALUE 5\n");
    for variables in ["", "CPATH=e", "C_INCLUDE_PATH=e", "CPATH=e:b", "CPATH=b:e", ""] {
        let line = format!("{variables} gcc -O1 -c main.c; echo $?");
        cached.same(&line);
        cached.same(&line);
    }
}

#[test]
fn the_order_of_include_flags_counts() {
    let cached = cached();
    cached.tree.write("a/h.h", "#define VALUE 2\n");
    for flags in [
        "-Ia -Ib",
        "-Ib -Ia",
        "-iquote a -Ib",
        "-isystem a -Ib",
        "-idirafter a -Ib",
        "-Ia -isystem a -Ib",
    ] {
        cached.same(&format!("gcc {flags} -c main.c"));
        assert_eq!(cached.hits_of(&format!("gcc {flags} -c main.c")), 1, "{flags}");
    }
}

#[test]
fn a_change_within_a_tick_of_the_clock_is_seen() {
    let cached = Cached::with([("main.c", "#include \"h.h\"\nint value = VALUE;\n")]);
    for value in 0..10 {
        // The same size and often the same time.
        cached.tree.write("h.h", format!("#define VALUE {value}\n"));
        cached.tree.write("h.h", format!("#define VALUE {}\n", (value + 5) % 10));
        cached.same("gcc -O1 -c main.c");
    }
}

#[test]
fn a_change_that_sets_the_time_back_is_seen() {
    let cached = Cached::with([("main.c", "#include \"h.h\"\nint value = VALUE;\n")]);
    for value in 0..4 {
        cached.tree.write("h.h", format!("#define VALUE {value}\n"));
        cached.tree.run_ok("touch", ["-d", "2001-02-03 04:05:06", "h.h"]);
        cached.same("gcc -O1 -c main.c");
    }
}
