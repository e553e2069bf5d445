//! What is found although something has changed: the cases that people miss most with other caches.

use std::fmt::Write as _;
use std::fs;

use farmbuild_testkit::TestSpace;

use super::Cached;

/// A build of `count` sources with these flags, `@` for the number.
fn line(count: usize, command: &str) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        write!(text, "{} && ", command.replace('@', &number.to_string())).unwrap();
        text
    }) + "true"
}

/// Sources `f0.c`..., the first one with a mention of `name`.
fn sources(count: usize, name: &str) -> TestSpace {
    let tree = TestSpace::new();
    for number in 0..count {
        let mention =
            if number == 0 { format!("const char *v = {name};\n") } else { String::new() };
        tree.write(
            format!("f{number}.c"),
            format!("#include \"all.h\"\n{mention}int f{number};\n"),
        );
    }
    tree.write("all.h", "#ifndef ALL_H\n#define ALL_H\nint all(void);\n#endif\n");
    tree
}

#[test]
fn a_deleted_header_does_not_come_back_in_a_dependency_file() {
    let cached = Cached::with([
        ("a.c", "#include \"outer.h\"\nint a;\n"),
        ("outer.h", "#include \"inner.h\"\n"),
        ("inner.h", "/* nothing */\n"),
    ]);
    for line in ["gcc -O1 -MD -c a.c", "clang -O1 -MMD -MF a.d -c a.c", "gcc -Wp,-MMD,a.d -c a.c"] {
        cached.tree.write("outer.h", "#include \"inner.h\"\n");
        cached.tree.write("inner.h", "/* nothing */\n");
        cached.same(line);
        cached.same(line);
        // The same text without it.
        fs::remove_file(cached.tree.join("inner.h")).unwrap();
        cached.tree.write("outer.h", "\n");
        cached.same(line);
        cached.same(line);
        // And in another place.
        cached.tree.write("moved/inner.h", "/* nothing */\n");
        cached.tree.write("outer.h", "#include \"moved/inner.h\"\n");
        cached.same(line);
    }
}

#[test]
fn a_generated_version_header_costs_only_who_mentions_the_version() {
    let cached = Cached::new(sources(6, "VERSION"));
    let header = |version: &str| {
        format!(
            "#ifndef V_H\n#define V_H\n/* generated: {version} */\n#define VERSION \"{version}\"\n#endif\n"
        )
    };
    cached.tree.write("all.h", "#include \"version.h\"\n");
    cached.tree.write("version.h", header("6.1.1"));
    let line = line(6, "gcc -O2 -Wall -MMD -c f@.c");
    cached.same(&line);
    cached.tree.write("version.h", header("6.1.20"));
    assert_eq!(cached.direct_hits_of(&line), 5, "{}", cached.user.stats());
    cached.tree.write("version.h", header("6.1.1"));
    assert_eq!(cached.direct_hits_of(&line), 6, "{}", cached.user.stats());
}

#[test]
fn the_version_in_a_comment_of_a_forced_header_costs_nothing() {
    let cached = Cached::new(sources(4, "\"\""));
    let header = |version: &str| {
        format!(
            "/*\n * Automatically generated file; DO NOT EDIT.\n * Linux/x86 {version} Kernel Configuration\n */\n#define CONFIG_A 1\n#define CONFIG_B 1\n"
        )
    };
    let flags = [
        "-O2 -nostdinc -include ./include/autoconf.h -Wp,-MMD,.f@.o.d",
        "-O2 -g -gdwarf-4 -include ./include/autoconf.h -Wp,-MMD,.f@.o.d",
    ];
    for flags in flags {
        let line = line(4, &format!("gcc {flags} -c -o f@.o f@.c"));
        cached.tree.write("include/autoconf.h", header("6.1.1"));
        cached.same(&line);
        cached.tree.write("include/autoconf.h", header("6.1.20"));
        assert_eq!(cached.hits_of(&line), 4, "{flags}: {}", cached.user.stats());
        cached.tree.write("include/autoconf.h", header("6.1.1"));
    }
}

#[test]
fn a_version_on_the_command_line_costs_only_who_mentions_it() {
    let cached = Cached::new(sources(6, "VERSION"));
    for flags in ["-O2", "-O2 -g"] {
        let line =
            |version: &str| line(6, &format!("gcc {flags} -DVERSION='\"{version}\"' -c f@.c"));
        cached.same(&line("1"));
        assert_eq!(cached.direct_hits_of(&line("2.0-rc1")), 5, "{flags}: {}", cached.user.stats());
        assert_eq!(cached.direct_hits_of(&line("1")), 6, "{flags}: {}", cached.user.stats());
    }
}

#[test]
fn compiles_as_a_kernel_has_them_are_cached() {
    let cached = Cached::new(sources(2, "\"\""));
    let flags = "-Wp,-MMD,./.f@.o.d -nostdinc -I./include -include ./all.h -D__KERNEL__ -fmacro-prefix-map=./= \
        -Wall -Wundef -Wno-trigraphs -std=gnu11 -fno-strict-aliasing -fno-common -fshort-wchar -fno-PIE -mno-sse \
        -m64 -falign-loops=1 -mno-80387 -mcmodel=kernel -mno-red-zone -fno-asynchronous-unwind-tables \
        -fno-delete-null-pointer-checks -O2 -fno-stack-protector -fomit-frame-pointer -g -gdwarf-4 \
        -Wno-pointer-sign -Wimplicit-fallthrough=5 -ffunction-sections -fdata-sections \
        -DKBUILD_MODFILE='\"f@\"' -DKBUILD_BASENAME='\"f@\"' -D__KBUILD_MODNAME=kmod_f@";
    let line = line(2, &format!("gcc {flags} -c -o f@.o f@.c"));
    cached.same(&line);
    assert_eq!(cached.direct_hits_of(&line), 2, "{}", cached.user.stats());
}

/// The same tree twice, as worktrees of one commit are.
fn worktrees() -> Cached {
    let tree = TestSpace::new();
    for place in ["one", "two"] {
        tree.write(format!("{place}/src/a.c"), "#include \"a.h\"\nint a(void) { return A; }\n");
        tree.write(format!("{place}/include/a.h"), "#define A 1\n");
        tree.write(format!("{place}/src/b.c"), "const char *b = __FILE__;\n");
    }
    Cached::new(tree)
}

#[test]
fn another_worktree_finds_what_is_the_same_there() {
    let cached = worktrees();
    let line = |place: &str| {
        format!("cd {place} && gcc -O2 -Iinclude -MMD -c src/a.c && gcc -O2 -c src/b.c")
    };
    cached.same(&line("one"));
    assert_eq!(cached.direct_hits_of(&line("two")), 2, "{}", cached.user.stats());
}

#[test]
fn another_worktree_is_compiled_where_its_name_shows() {
    let cached = worktrees();
    for command in [
        "gcc -g -Iinclude -c src/a.c",
        "clang -g -Iinclude -c src/a.c",
        "gcc -g -Iinclude -c $PWD/src/a.c",
        "gcc -O2 -c $PWD/src/b.c",
        "gcc -O0 --coverage -frandom-seed=1 -Iinclude -c src/a.c",
    ] {
        for place in ["one", "two", "one"] {
            cached.same(&format!("cd {place} && {command}"));
        }
        assert_eq!(cached.hits_of(&format!("cd two && {command}")), 1, "{command}");
    }
}

#[test]
fn a_worktree_that_is_edited_does_not_spoil_the_other() {
    let cached = worktrees();
    let line = |place: &str| format!("cd {place} && gcc -O2 -Iinclude -MMD -c src/a.c");
    cached.same(&line("one"));
    cached.tree.write("two/include/a.h", "#define A 2\n");
    cached.same(&line("two"));
    assert_eq!(cached.direct_hits_of(&line("one")), 1);
    assert_eq!(cached.direct_hits_of(&line("two")), 1);
}

#[test]
fn an_earlier_state_is_found_after_many_others() {
    let cached = Cached::with([("a.c", "#include \"h.h\"\nint a = A;\n"), ("h.h", "")]);
    for value in (0..12).chain(0..12) {
        cached.tree.write("h.h", format!("#define A {value}\n"));
        cached.same("gcc -O1 -c a.c");
    }
    assert_eq!(cached.hits(), 12, "{}", cached.user.stats());
}
