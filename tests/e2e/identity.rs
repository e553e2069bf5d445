//! Promises 1 and 2: objects, dependency files and everything printed are those of a plain build in the same directory.

use std::fs;

use farmbuild_testkit::{Distccd, TestSpace};

use crate::run::Ended;
use crate::tree::{makefile, objects_of, project, same_as_plain, same_but};
use crate::user::{FARMBUILD, User, host};

/// A user with two servers; the build must have used them.
struct OverTwo {
    user: User,
    _servers: [Distccd; 2],
}

impl OverTwo {
    fn new() -> Self {
        let servers = [Distccd::start(), Distccd::start()];
        // More slots than jobs: none ever waits, so that none is brought home.
        let hosts = host("a", &servers[0].address(), 16) + &host("b", &servers[1].address(), 16);
        Self { user: User::with_farm(&hosts), _servers: servers }
    }

    /// Builds, expects a plain build's bytes, and expects so many jobs on the farm.
    #[track_caller]
    fn same(&self, tree: &TestSpace, words: &[&str], remote: u64) -> Ended {
        let ended = same_as_plain(&self.user, tree, words);
        assert_eq!(self.user.remote_jobs(), remote, "{}", self.user.stats());
        ended
    }
}

#[test]
fn a_c_project_with_debug_info_is_that_of_a_plain_make() {
    OverTwo::new().same(&project(12), &["make", "-j8", "-Otarget"], 13);
}

#[test]
fn a_cxx_project_is_that_of_a_plain_make() {
    let tree = project(3);
    for name in ["f0", "f1", "f2", "main"] {
        fs::rename(tree.join(format!("{name}.c")), tree.join(format!("{name}.cc"))).unwrap();
    }
    tree.write("Makefile", makefile(3, "g++", "cc", "-g -O2 -std=c++17"));
    tree.write("f1.cc", "#include <vector>\n#include <string>\n#include \"shared.h\"\nint f1(const char *text)\n{\n\tstd::vector<std::string> all{text, text};\n\treturn CLAMP((int)all.size());\n}\n");
    OverTwo::new().same(&tree, &["make", "-j4", "-Otarget"], 4);
}

#[test]
fn a_clang_project_is_that_of_a_plain_make() {
    let tree = project(4);
    tree.write("Makefile", makefile(4, "clang", "c", "-O2 -Wall"));
    OverTwo::new().same(&tree, &["make", "-j4", "-Otarget"], 5);
}

#[test]
fn a_clang_project_with_debug_info_is_that_of_a_plain_make() {
    let tree = project(4);
    tree.write("Makefile", makefile(4, "clang", "c", "-g -O2 -Wall"));
    OverTwo::new().same(&tree, &["make", "-j4", "-Otarget"], 5);
}

#[test]
fn strict_fidelity_keeps_jobs_home_whose_debug_info_would_differ() {
    let (tree, server) = (project(2), Distccd::start());
    tree.write("Makefile", makefile(2, "gcc", "c", "-g -gz -O2"));
    let user = User::alone();
    let host = host("a", &server.address(), 4);
    user.write_farm(&format!("[local]\nfidelity = \"strict\"\n{host}"));
    same_as_plain(&user, &tree, &["make", "-j4"]);
    assert_eq!(user.stat("jobs.local.strict-fidelity"), 3, "{}", user.stats());
}

#[test]
fn debug_info_that_would_differ_in_more_than_the_producer_is_made_at_home() {
    let (tree, server) = (project(2), Distccd::start());
    tree.write("Makefile", makefile(2, "gcc", "c", "-g3 -O2"));
    let user = User::over([&server]);
    same_as_plain(&user, &tree, &["make", "-j4"]);
    assert_eq!(user.stat("jobs.local.debug-info"), 3, "{}", user.stats());
}

#[test]
fn default_fidelity_says_once_that_debug_info_differs() {
    let (tree, server) = (project(2), Distccd::start());
    tree.write("Makefile", makefile(2, "gcc", "c", "-g -gz -O2"));
    let user = User::over([&server]);
    let built = user.build(&tree, ["make", "-j4"]).ok();
    assert_eq!(user.remote_jobs(), 3, "{}", user.stats());
    assert_eq!(
        built.err().matches("code is that of a plain local build, but").count(),
        1,
        "{built}"
    );
}

#[test]
fn flags_that_distcc_gives_up_on_travel() {
    let over = OverTwo::new();
    let tree = TestSpace::new();
    tree.write("a.c", "#include <stdio.h>\nint a(void) { return puts(\"a\"); }\n");
    let rows =
        ["-O2 -Wa,--noexecstack", "-O2 -Wp,-MMD,deps.d", "-O1 -gdwarf-4 -fPIC -ffunction-sections"];
    for (done, flags) in (1..).zip(rows) {
        over.same(&tree, &["sh", "-c", &format!("gcc {flags} -c a.c -o a.o")], done);
    }
}

#[test]
fn coverage_notes_are_those_of_a_plain_make() {
    // The notes hold a stamp, the time of the compile but for a seed.
    let source = "int a(int x) { return x ? 1 : 2; }\n";
    let tree = objects_of(&[("a.c", source)], "gcc", "-O0 --coverage -frandom-seed=a");
    same_as_plain(&OverTwo::new().user, &tree, &["make"]);
    assert!(tree.names().iter().any(|name| name.ends_with(".gcno")), "{:?}", tree.names());
}

#[test]
fn a_compile_to_the_default_output_name_is_that_of_plain_gcc() {
    let tree = TestSpace::new();
    fs::create_dir(tree.join("sub")).unwrap();
    tree.write("sub/a.c", "int a;\n");
    OverTwo::new().same(&tree, &["sh", "-c", "gcc -c -g sub/a.c"], 1);
}

/// Sources that gcc has something to say about, and the words that it says.
const TALKATIVE: [(&str, &str, &str); 9] = [
    ("carets", "-Wall", "int f(int n)\n{\n\tint unused = 3;\n\treturn n +\t1.5f;\n}\n"),
    (
        "macro-notes",
        "-Wall",
        "#define INNER(x) (x) / 0\n#define OUTER(x) INNER((x) + 1)\nint f(int a)\n{\n\treturn OUTER(a);\n}\n",
    ),
    ("errors", "", "int f(void)\n{\n\treturn missing + 1;\n}\n"),
    ("werror", "-Wall -Werror", "int f(void)\n{\n\tint unused;\n\treturn 0;\n}\n"),
    (
        "fall-through",
        "-Wextra -Wimplicit-fallthrough",
        "int f(int n)\n{\n\tswitch (n) {\n\tcase 1:\n\t\tn++;\n\t\t/* fall through */\n\tcase 2:\n\t\tn += 2;\n\tcase 3:\n\t\tn += 3;\n\t}\n\treturn n;\n}\n",
    ),
    (
        "pragmas",
        "-Wall",
        "#define QUIET _Pragma(\"GCC diagnostic ignored \\\"-Wunused-variable\\\"\")\n#pragma message(\"said at compile time\")\nint f(void) { QUIET int a; return 0; }\n#pragma GCC diagnostic warning \"-Wunused-variable\"\nint g(void) { int b; return 0; }\n",
    ),
    (
        "counter",
        "-Wall",
        "#define JOIN_(a, b) a##b\n#define JOIN(a, b) JOIN_(a, b)\nint JOIN(v, __COUNTER__), JOIN(v, __COUNTER__);\n_Static_assert(__COUNTER__ == 3, \"the third\");\n",
    ),
    ("missing-header", "", "#include \"not-there.h\"\nint f;\n"),
    ("misleading", "-Wall", "int f(int n)\n{\n\tif (n)\n\t\tn++;\n\t\tn += 2;\n\treturn n;\n}\n"),
];

#[test]
fn diagnostics_are_those_of_a_plain_compiler_byte_for_byte() {
    let over = OverTwo::new();
    for compiler in ["gcc", "clang"] {
        for (name, flags, source) in TALKATIVE {
            let tree = objects_of(&[("a.c", source)], compiler, flags);
            // One job: nothing may be sorted.
            let ended = same_as_plain(&over.user, &tree, &["make", "-j1"]);
            let plain = crate::run::run(over.user.command(tree.path(), "make").arg("-B"));
            assert_eq!(ended.err(), plain.err(), "{compiler} {name}");
        }
    }
}

#[test]
fn a_file_that_is_told_to_fall_through_in_a_comment_travels_without_a_word() {
    let source = "int f(int n)\n{\n\tswitch (n) {\n\tcase 1:\n\t\tn++;\n\t\t/* fall through */\n\tcase 2:\n\t\tn += 2;\n\t}\n\treturn n;\n}\n";
    let tree = objects_of(&[("a.c", source)], "gcc", "-Wextra -Werror -Wimplicit-fallthrough");
    OverTwo::new().same(&tree, &["make"], 1);
}

#[test]
fn names_and_counters_of_the_preprocessor_are_those_of_a_plain_make() {
    let source = "const char *where = __FILE__;\nconst char *base = __BASE_FILE__;\nint line = __LINE__, number = __COUNTER__ + __COUNTER__, level = __INCLUDE_LEVEL__;\n#line 7 \"other.c\"\nconst char *other = __FILE__;\n";
    let tree = objects_of(&[("a.c", source)], "gcc", "-g -O2");
    same_as_plain(&OverTwo::new().user, &tree, &["make"]);
}

#[test]
fn the_date_is_the_one_of_this_machine() {
    let source =
        "const char *when = __DATE__ \" \" __TIME__;\nconst char *changed = __TIMESTAMP__;\n";
    let tree = objects_of(&[("a.c", source)], "gcc", "-O2");
    let user = OverTwo::new();
    // A fixed date, so that two compiles can be compared.
    same_but(&user.user, &tree, &["make"], |command| {
        command.env("SOURCE_DATE_EPOCH", "86400");
    });
}

#[test]
fn messages_have_colours_on_a_terminal() {
    let tree = objects_of(&[("a.c", "int f(void) { int unused; return 0; }\n")], "gcc", "-Wall");
    let over = OverTwo::new();
    let in_terminal = |words: &str| {
        let mut command = over.user.command(tree.path(), "script");
        command.args(["-qec", words, "/dev/null"]).env("TERM", "xterm");
        crate::run::run(command.env("FARMBUILD_PROGRESS", "off")).ok().out()
    };
    let plain = in_terminal("make -B");
    let ours = in_terminal(&format!("{} make -B", FARMBUILD));
    assert!(plain.contains("\x1b["), "{plain:?}");
    assert_eq!(ours, plain);
}

#[test]
fn a_compile_error_keeps_the_objects_of_the_others() {
    let tree =
        objects_of(&[("a.c", "int a;\n"), ("b.c", "int b\n"), ("c.c", "int c;\n")], "gcc", "-g");
    let ended = OverTwo::new().same(&tree, &["make", "-k", "-j3"], 2);
    assert_eq!(ended.status.code(), Some(2));
    assert!(tree.has("a.c.o") && !tree.has("b.c.o") && tree.has("c.c.o"));
}
