//! What other caches warn of: each caveat has its row in docs/cache.md, and its test here or in a neighbour.

use std::fs;

use farmbuild_testkit::TestSpace;

use super::Cached;

#[test]
fn times_and_dates_are_not_cached() {
    for name in ["__DATE__", "__TIME__", "__TIMESTAMP__"] {
        let cached = Cached::with([("a.c", ""), ("h.h", "")]);
        cached.tree.write("h.h", format!("static const char *const now = {name};\n"));
        cached.tree.write("a.c", "#include \"h.h\"\nint a(void) { return now[0]; }\n");
        for _ in 0..2 {
            cached.run("gcc -O1 -c a.c").ok();
        }
        assert_eq!(cached.hits(), 0, "{name}: {}", cached.user.stats());
    }
}

#[test]
fn a_date_that_is_fixed_by_the_environment_is_cached_for_that_date() {
    let cached = Cached::with([("a.c", "const char *now = __DATE__ __TIME__;\n")]);
    for day in [1, 2, 1] {
        cached.same(&format!("SOURCE_DATE_EPOCH={} gcc -c a.c", day * 86400));
        cached.settle();
    }
    assert_eq!(cached.hits(), 1, "{}", cached.user.stats());
}

#[test]
fn a_time_macro_in_a_comment_is_no_time_macro() {
    let cached = Cached::with([("a.c", "/* __TIME__ */\nint a; // __DATE__\n")]);
    cached.same("gcc -c a.c");
    assert_eq!(cached.hits_of("gcc -c a.c"), 1);
}

/// What is recorded must be what the user wrote: no `-MD` of ours, and no `-D` of another compile.
#[test]
fn a_command_line_that_an_object_records_is_the_users_own() {
    for line in [
        "gcc -frecord-gcc-switches -O1 -c a.c",
        "clang -frecord-command-line -O1 -c a.c",
        "clang -g -grecord-command-line -O1 -c a.c",
        "clang -fembed-bitcode -O1 -c a.c",
    ] {
        let cached = Cached::with([("a.c", "int a;\n")]);
        for unused in [1, 2, 1] {
            cached.same(&format!("{line} -DUNUSED={unused}"));
            cached.settle();
        }
    }
}

#[test]
fn files_that_the_assembler_reads_are_not_overlooked() {
    let text = "__asm__(\".data\\n.incbin \\\"blob\\\"\");\nint a;\n";
    let split =
        "#define IN \".\" \"incbin \"\n__asm__(\".data\\n\" IN \"\\\"blob\\\"\");\nint a;\n";
    let pasted = "#define STR_(x) #x\n#define STR(x) STR_(x)\n__asm__(\".data\\n\" STR(.incbin) \" \\\"blob\\\"\");\nint a;\n";
    for source in [text, split, pasted] {
        for compiler in ["gcc", "clang"] {
            let cached = Cached::with([("a.c", source), ("blob", "one")]);
            for blob in ["one", "two", "three"] {
                cached.tree.write("blob", blob);
                cached.same(&format!("{compiler} -O1 -c a.c"));
            }
        }
    }
}

#[test]
fn files_that_an_assembly_source_reads_are_not_overlooked() {
    let cached = Cached::with([
        ("a.S", "#include \"h.h\"\n.data\n.include \"part.s\"\n.byte VALUE\n"),
        ("b.S", "#include \"h.h\"\n.data\n.byte VALUE\n"),
        ("h.h", "#define VALUE 1\n"),
        ("part.s", ".byte 7\n"),
    ]);
    for (name, text) in
        [("h.h", "#define VALUE 1\n"), ("h.h", "#define VALUE 2\n"), ("part.s", ".byte 8\n")]
    {
        cached.tree.write(name, text);
        cached.same("gcc -c a.S && gcc -MMD -c b.S");
        cached.same("gcc -c a.S && gcc -MMD -c b.S");
    }
}

#[test]
fn a_changed_compiler_is_another_one_whatever_its_time_says() {
    let tree = TestSpace::new();
    tree.write("a.c", "int a(int n) { return n * 3; }\n");
    fs::create_dir(tree.join("bin")).unwrap();
    let install = |from: &str| {
        fs::copy(from, tree.join("bin/cc")).unwrap();
        tree.run_ok("touch", ["-d", "2001-02-03 04:05:06", "bin/cc"]);
    };
    install("/usr/bin/gcc");
    let cached = Cached::new(tree);
    let line = "PATH=$PWD/bin:$PATH; bin/cc -c a.c; echo $?";
    cached.same(line);
    cached.same(line);
    let install = |from: &str| {
        fs::copy(from, cached.tree.join("bin/cc")).unwrap();
        cached.tree.run_ok("touch", ["-d", "2001-02-03 04:05:06", "bin/cc"]);
    };
    install("/usr/bin/clang");
    cached.same(line);
    install("/usr/bin/gcc");
    cached.same(line);
}

#[test]
fn a_compiler_that_is_a_script_is_not_cached() {
    let cached = Cached::with([("a.c", "int a = A;\n")]);
    for value in 1..3 {
        let script = format!("#!/bin/sh\nexec /usr/bin/gcc -DA={value} \"$@\"\n");
        cached.tree.write_program("my-gcc", script);
        for _ in 0..2 {
            let words = ["cc", "./my-gcc", "-c", "a.c", "-o", "ours.o"];
            cached.user.build(&cached.tree, words).ok();
            cached.tree.run_ok("./my-gcc", ["-c", "a.c", "-o", "plain.o"]);
            assert_eq!(cached.tree.read("ours.o"), cached.tree.read("plain.o"));
        }
    }
    assert_eq!(cached.hits(), 0, "{}", cached.user.stats());
}

#[test]
fn files_that_options_name_are_part_of_the_result() {
    let rows = [
        ("gcc -O1 -include inc.h", "inc.h", ["int x;\n", "int yy;\n"]),
        ("gcc -O1 -imacros inc.h", "inc.h", ["#define B 1\n", "#define B 2\n"]),
        ("gcc -O1 -specs=my.specs", "my.specs", ["*cc1:\n+ -DB=1\n\n", "*cc1:\n+ -DB=2\n\n"]),
        ("gcc -O1 @flags", "flags", ["-DB=1", "-DB=2"]),
        ("gcc -O1 @flags", "flags", ["@inner", "-DB=3"]),
        ("clang -O1 -fsanitize=address -fsanitize-ignorelist=list", "list", ["fun:a\n", "fun:b\n"]),
        ("gcc -O1 -fsanitize=address -fsanitize-recover=all -g", "unused", ["1", "2"]),
        ("clang -O1 --config my.cfg", "my.cfg", ["-DB=1\n", "-DB=2\n"]),
        (
            "clang -O1 -fxray-instrument -fxray-attr-list=list",
            "list",
            ["[always]\nfun:a\n", "[never]\nfun:a\n"],
        ),
    ];
    for (line, name, texts) in rows {
        let source = "#ifndef B\n#define B 0\n#endif\nint a(int *p) { return p[B]; }\n";
        let cached = Cached::with([("a.c", source), ("inner", "-DB=4")]);
        for text in [texts[0], texts[1], texts[0]] {
            cached.tree.write(name, text);
            cached.same(&format!("{line} -c a.c; echo $?"));
            cached.same(&format!("{line} -c a.c; echo $?"));
        }
    }
}

#[test]
fn profiles_that_a_compile_reads_are_part_of_the_result() {
    let source = "int f(int n) { if (n > 3) return n * 2; return n - 1; }\nint main(int c, char **v) { (void)v; int s = 0; for (int i = 0; i < c * 9; i++) s += f(i); return s == 1; }\n";
    let cached = Cached::with([("a.c", source)]);
    let profile = |args: &str| {
        let script = format!(
            "gcc -O2 -fprofile-generate -c a.c && gcc -fprofile-generate a.o -o a && ./a {args}; rm -f a a.o"
        );
        cached.tree.run_ok("sh", ["-c", &script]);
    };
    for args in ["", "1 2 3 4 5 6 7 8", ""] {
        profile(args);
        cached.same("gcc -O2 -fprofile-use -Wno-missing-profile -c a.c");
        cached.same("gcc -O2 -fprofile-use -Wno-missing-profile -c a.c");
        fs::remove_file(cached.tree.join("a.gcda")).unwrap();
        cached.same("gcc -O2 -fprofile-use -Wno-missing-profile -c a.c");
    }
}

#[test]
fn variables_that_the_compiler_reads_are_part_of_the_result() {
    let cached = Cached::with([
        ("a.c", "#include \"h.h\"\nint a(void) { int unused; return HERE; }\n"),
        ("h.h", "#define HERE 1\n"),
        ("e/h.h", "#define HERE 2\n"),
    ]);
    let rows = [
        "LC_ALL=C",
        "LC_ALL=C.UTF-8",
        "LANG=C",
        "COLUMNS=40",
        "GCC_COLORS=",
        "DEPENDENCIES_OUTPUT=x.d",
        "SUNPRO_DEPENDENCIES=y.d",
        "CPATH=e",
        "GCC_COMPARE_DEBUG=-gtoggle",
        "TERM=dumb",
        "GCC_URLS=no",
        "CCC_OVERRIDE_OPTIONS='+-DX'",
        "COMPILER_PATH=/usr/bin",
    ];
    for _ in 0..2 {
        for row in rows {
            cached.same(&format!("{row} gcc -Wall -O1 -c a.c; echo $?"));
        }
    }
}

#[test]
fn the_page_about_the_cache_names_every_reason_and_only_tests_that_are_there() {
    let page = include_str!("../../../docs/cache.md");
    for reason in farmbuild_cache::Reason::ALL {
        let row = format!("| `{}` | {} |", reason.name(), reason.sentence());
        assert!(page.contains(&row), "docs/cache.md lacks {row}");
    }
    let tests = [
        include_str!("caveats.rs"),
        include_str!("damage.rs"),
        include_str!("edits/mod.rs"),
        include_str!("headers.rs"),
        include_str!("links.rs"),
        include_str!("messages.rs"),
        include_str!("outputs.rs"),
        include_str!("place.rs"),
        include_str!("positions.rs"),
        include_str!("racing.rs"),
        include_str!("reuse.rs"),
    ];
    let (_, table) = page.split_once("## What ccache's manual warns of").unwrap();
    for row in table.lines().filter(|line| line.ends_with("` |")) {
        let name = row.trim_end_matches("` |").rsplit('`').next().unwrap();
        assert!(tests.iter().any(|text| text.contains(&format!("fn {name}()"))), "{name}");
    }
}
