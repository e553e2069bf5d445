//! What makefiles ask a compiler before they build: whether it takes an option, and what macros it defines.

use farmbuild_testkit::TestSpace;

use super::Cached;

#[test]
fn the_object_of_an_option_tried_on_the_null_device_is_found() {
    let cached = Cached::new(TestSpace::new());
    // As Linux does it, which names the object otherwise each time.
    for (attempt, hits) in [0, 1, 1].into_iter().enumerate() {
        let line = format!(
            "mkdir t{attempt}; gcc -Werror -O2 -Wundef -c -x c /dev/null -o t{attempt}/tmp.o;
            gcc -Werror -Wsuch-thing -c -x c /dev/null -o t{attempt}/no.o"
        );
        assert_eq!(cached.direct_hits_of(&line), hits, "{}", cached.user.stats());
    }
}

#[test]
fn an_option_tried_by_preprocessing_nothing_is_found_with_all_that_is_printed() {
    for line in [
        "gcc -Werror -fwrapv -Wtype-limits -E -xc - -o /dev/null </dev/null >&0 2>/dev/null",
        "gcc -O2 -dM -E -xc - </dev/null | grep LOCK_FREE > macros",
        "gcc -march=native -dM -E -x c /dev/null > macros",
        "gcc -Werror -m64 -E -x c /dev/null -o -  > text",
        "g++ -E -dM -x c++ - </dev/null > macros",
        "clang -Werror -Wundef -E -x c - -o /dev/null </dev/null",
        "clang -dM -E -x c /dev/null > macros",
    ] {
        let cached = Cached::new(TestSpace::new());
        assert_eq!(cached.direct_hits_of(line), 0);
        assert_eq!(cached.direct_hits_of(line), 1, "{line}: {}", cached.user.stats());
    }
}

#[test]
fn other_options_other_variables_and_what_is_read_count() {
    let cached = Cached::with([("a.h", "#define A 1\n")]);
    let ask = |before: &str, options: &str| {
        let line = format!("{before} gcc -dM -E {options} -xc - </dev/null > macros");
        cached.direct_hits_of(&line)
    };
    assert_eq!(ask("", "-include a.h"), 0);
    assert_eq!(ask("", "-include a.h"), 1);
    assert_eq!(ask("", "-include a.h -fPIC"), 0);
    assert_eq!(ask("", "-include a.h -DB"), 0);
    cached.tree.write("a.h", "#define A 2\n");
    assert_eq!(ask("", "-include a.h"), 0);
    assert_eq!(ask("CPATH=/tmp", "-include a.h"), 0);
}

#[test]
fn what_comes_in_or_goes_to_a_file_is_asked_anew() {
    let cached = Cached::with([("in.c", "int a;\n")]);
    for line in [
        "echo int b\\; | gcc -E -xc - > text",
        "gcc -E -xc - < in.c > text",
        "gcc -E -xc /dev/null -o text",
        "gcc -M -E -xc /dev/null > text",
        "gcc -E -MD -MF deps -xc - </dev/null > text",
        "gcc -Wsuch-thing -Werror -E -xc - </dev/null > text",
    ] {
        for _ in 0..2 {
            assert_eq!(cached.direct_hits_of(line), 0, "{line}: {}", cached.user.stats());
        }
    }
}
