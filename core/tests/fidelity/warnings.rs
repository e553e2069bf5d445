//! What the plain compile prints must not go unprinted when the compile is split: printing in either step brings the
//! job home, where the local compiler's own words are shown.

use std::ffi::OsString;
use std::fs;

use farmbuild_core::fidelity::{Ran, Technique, may_mislead, source_hazard, warns_of_indentation};

use crate::compiler::Split;

/// Flags, and a source that makes some compiler print something under them, one of each kind. `s.h` is a system header beside it.
const CASES: &[(&str, &str)] = &[
    (
        "-Wimplicit-fallthrough",
        "int f(int a) { switch (a) { case 1: a = 2; /* fall through */\n case 2: return a; } return 0; }\n",
    ),
    ("-Wall", "#define TWO(a) a++; a++\nint f(int a) { if (a) TWO(a); return a; }\n"),
    ("-Wall", "int f(int a) {\n\tif (a)\n\t\ta++;\n\t\ta--;\n\treturn a;\n}\n"),
    ("-Wunused-macros", "#define UNUSED 1\nint a;\n"),
    ("-Wdate-time", "const char *t = __TIME__;\n"),
    ("-Wcomment", "// a \\\n b\nint a;\n"),
    ("-Wundef", "#define A NOT_THERE\n#if A\n#endif\nint a;\n"),
    ("-Wextra", "#define A defined(B)\n#if A\n#endif\nint a;\n"),
    ("-Wpedantic -std=c99", "#include <s.h>\nint f(int a) { return SYSTEM_EXPRESSION(a); }\n"),
    ("", "#pragma message \"something\"\nint a;\n"),
    ("-Wunknown-pragmas", "#pragma something else\nint a;\n"),
    ("", "#define A 1\n#define A 2\nint a = A;\n"),
    ("-Wendif-labels", "#if 1\n#endif A\nint a;\n"),
    ("-Wunused-function", "#include <s.h>\nint a;\n"),
    ("-Wempty-body", "#define NOTHING\nint f(int a) { if (a) NOTHING; return a; }\n"),
    ("-Wnewline-eof", "int a;"),
    ("-Wframe-larger-than=8", "int g(char *); int f(void) { char a[100]; return g(a); }\n"),
    ("-Wno-such-warning", "int a = ;\n"),
    ("-Wheader-guard", "#include \"guard.h\"\nint a;\n"),
    ("-L/nowhere -lm", "int a;\n"),
];

/// The same, too many for every day.
const MORE_CASES: &[(&str, &str)] = &[
    (
        "-Wimplicit-fallthrough",
        "int f(int a) { switch (a) { case 1: a = 2; case 2: return a; } return 0; }\n",
    ),
    ("-Wall", "#define IF if (a)\nint f(int a) {\n\tIF a++;\n\t   a--;\n\treturn a;\n}\n"),
    ("-Wtraditional", "#define A(x) \"x\"\n  #define B\nint a = 1U;\n"),
    ("-Wdate-time", "#define T __DATE__\nconst char *t = T;\n"),
    ("", "#define __FILE__ \"a\"\nconst char *f = __FILE__;\n"),
    ("-Wbuiltin-macro-redefined", "#undef __TIME__\nint a;\n"),
    ("-Wmissing-include-dirs -Inowhere", "int a;\n"),
    ("-Wcomment", "/* a /* b */ int a;\n"),
    ("-Wcomment", "#define A /* a /* b */\nint a;\n"),
    ("-Wtrigraphs", "const char *a = \"??=\";\n"),
    ("-Wall -std=c99", "int a??(2??);\n"),
    ("-Wundef", "#if NOT_THERE\n#endif\nint a;\n"),
    ("-Wexpansion-to-defined", "#define A defined(B)\n#if A\n#endif\nint a;\n"),
    ("-Wsystem-headers -Wconversion", "#include <s.h>\nchar c = 1;\n"),
    ("-Wconversion", "#include <s.h>\nchar f(int a) { return SYSTEM_ADD(a, 1); }\n"),
    (
        "-Wall -Wextra",
        "#include <s.h>\nint *f(void) { return SYSTEM_NULL; }\nint g(void) { return SYSTEM_NULL; }\n",
    ),
    ("", "#warning something\nint a;\n"),
    ("", "#pragma GCC warning \"something\"\nint a;\n"),
    ("", "#pragma once\nint a;\n"),
    ("-Wextra", "#if 1\n#else A\n#endif\nint a;\n"),
    ("", "#ifdef A B\n#endif\nint a;\n"),
    ("-Wpedantic -std=c99", "#if 1,2\n#endif\nint a;\n"),
    ("-Wpedantic -std=c99", "#define A(x...) x\nint a = A(1);\n"),
    ("-Wpedantic -std=c99", "#define A(x, ...) x\nint a = A(1);\n"),
    ("-Wvariadic-macros -pedantic -std=c90", "#define A(...) 1\nint a;\n"),
    ("-Wpedantic -std=c90", "// comment\nint a;\n"),
    ("-Wlong-long -std=c90", "#if 1LL\n#endif\nint a;\n"),
    ("-Wc++-compat", "int and = 1;\n"),
    ("-Wunused-variable", "static int unused;\n"),
    ("-Wunused-const-variable", "static const int unused = 1;\n"),
    ("-Wunused-function", "static void unused(void) {}\n"),
    ("-Wparentheses", "#define A a = 1\nint f(int a) { if (A) return a; return 0; }\n"),
    (
        "-Wformat -Wformat-security",
        "#define FMT \"%d %s\\n\"\nint printf(const char *, ...);\nint f(long a) { return printf(FMT, a); }\n",
    ),
    ("-Wduplicated-branches", "int f(int a) { if (a) return 1; else return 1; }\n"),
    (
        "-Wlogical-op -Wtautological-compare",
        "#define A 5\nint f(int a) { return a == A || a == A || a == a; }\n",
    ),
    ("-Wbidi-chars=any", "/* \u{202e} */ int a; const char *b = \"\u{202e}\";\n"),
    ("-Winvalid-utf8", "/* \u{fffd} */ int a;\n"),
    ("-Wnormalized", "int e\u{301};\n"),
    ("", "int a = 1;\u{0}\n"),
    ("-Wnull-character", "/* \u{0} */ int a;\n"),
    ("-Wbackslash-newline-escape", "#define A 1 \\ \nint a = A;\n"),
    ("-Wmultichar", "#if 'ab'\n#endif\nint a = 'ab';\n"),
    ("-Wpadded", "struct s { char c; int d; } s;\n"),
    ("-Wvla -Wdeclaration-after-statement", "int f(int a) { a++; int b[a]; return sizeof(b); }\n"),
    ("-Wunused-parameter", "int f(int a) { return 0; }\n"),
    ("-Wlarger-than=8", "int a[100];\n"),
    ("-Wno-such-warning", "int f(int a) { }\n int b = \"a\";\n"),
    ("-Wsuch-a-warning", "int a;\n"),
    ("-Weverything", "#define UNUSED 1\nint a;\n"),
    ("-Wreserved-macro-identifier", "#define __RESERVED 1\nint a;\n"),
    ("-Wdisabled-macro-expansion", "int b;\n#define b b\nint *a = &b;\n"),
    ("-Wstring-conversion -Wnull-dereference", "int f(void) { int *a = 0; return *a; }\n"),
    ("-Wkeyword-macro", "#define const\nint a;\n"),
    ("-Wempty-translation-unit -pedantic", "#define A\n"),
    ("-Wpragma-pack", "#pragma pack(push, 1)\nint a;\n"),
    ("-Wunused-command-line-argument", "int a;\n"),
    ("-Wdollar-in-identifier-extension -pedantic", "#define a$ 1\nint a;\n"),
    ("-Wnonportable-include-path", "#include <S.H>\nint a;\n"),
    ("-Wmacro-redefined -DA=1", "#define A 2\nint a;\n"),
    ("-Wambiguous-macro", "#define A 1\n#pragma clang deprecated(A)\nint a = A;\n"),
];

const SYSTEM_HEADER: &str = "static void unused_system(void) {}\nstatic char narrow = 300;\n#define SYSTEM_NULL ((void *)0)\n#define SYSTEM_ADD(a, b) ((a) + (b))\n#define SYSTEM_EXPRESSION(a) ({ int b = (a); b; })\n";

/// Where a plain compile and a split one don't agree whether there is something to print.
#[derive(Default)]
struct Disagreement {
    /// Said at home only: it would never be seen.
    unheard: Vec<String>,
    /// Said in one of the two steps only: the job is compiled at home, for nothing.
    made_up: Vec<String>,
}

fn disagreement(compiler: &str, common: &str, cases: &[(&str, &str)]) -> Disagreement {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("system")).unwrap();
    fs::write(path("system/s.h"), SYSTEM_HEADER).unwrap();
    fs::write(path("guard.h"), "#ifndef GUARD_H\n#define GAURD_H\n#endif\n").unwrap();
    let split = Split::new(compiler, common);
    let mut disagreement = Disagreement::default();
    for (flags, source) in cases {
        fs::write(path("a.c"), source).unwrap();
        let more: Vec<_> = flags.split_whitespace().map(OsString::from).collect();
        let system = [more.as_slice(), &["-isystem".into(), "system".into()]].concat();
        let (_, plain) = split.here(directory.path(), &system, "a.c");
        // What names this machine's files doesn't travel.
        let local = ["-I", "-D", "-L", "-l"];
        let there: Vec<_> = more
            .iter()
            .filter(|flag| !local.iter().any(|start| flag.to_string_lossy().starts_with(start)))
            .cloned()
            .collect();
        let (_, steps) = split.split_with(directory.path(), &system, &there, "a.c");
        let suspected = split.recipe.technique == Technique::DirectivesOnly
            && (source_hazard(source.as_bytes()).is_some()
                || (warns_of_indentation(&more) && may_mislead(source.as_bytes())));
        let printed = |ran: &Ran| !ran.stderr.is_empty() || !ran.status.success();
        let describe = |ran: &Ran| {
            let said = String::from_utf8_lossy(&ran.stderr);
            format!("{compiler} {common} {flags}: {source:?}: {said}")
        };
        match (printed(&plain), steps.iter().find(|ran| printed(ran))) {
            (true, None) if !suspected => disagreement.unheard.push(describe(&plain)),
            (false, Some(ran)) => disagreement.made_up.push(describe(ran)),
            _ => {}
        }
    }
    disagreement
}

/// The compilers and flags of the techniques that may be used with warnings on.
const TECHNIQUES: [(&str, &str); 3] = [("gcc", "-O2"), ("clang", "-O2"), ("clang", "-O2 -g")];

fn unheard(cases: &[(&str, &str)]) -> Vec<String> {
    TECHNIQUES
        .iter()
        .flat_map(|(compiler, flags)| disagreement(compiler, flags, cases).unheard)
        .collect()
}

#[test]
fn no_split_compile_stays_silent_that_warns_at_home() {
    let unheard = unheard(CASES);
    assert!(unheard.is_empty(), "{}", unheard.join("\n"));
}

#[test]
#[ignore = "long: cargo test -p farmbuild-core --test fidelity -- --ignored long"]
fn long_no_split_compile_stays_silent_that_warns_at_home() {
    let unheard = unheard(MORE_CASES);
    assert!(unheard.is_empty(), "{}", unheard.join("\n"));
}

#[test]
#[ignore = "long: cargo test -p farmbuild-core --test fidelity -- --ignored long"]
fn long_no_split_compile_of_clang_warns_that_is_silent_at_home() {
    let cases = [CASES, MORE_CASES].concat();
    let made_up: Vec<_> = ["-O2", "-O2 -g"]
        .iter()
        .flat_map(|flags| disagreement("clang", flags, &cases).made_up)
        .collect();
    assert!(made_up.is_empty(), "{}", made_up.join("\n"));
}
