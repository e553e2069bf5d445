//! In what two texts differ.

use farmbuild_cache::source::{Difference, Facts, Positions, same_for};

/// `p`: nothing but comments, in place; `f`: the same, flowing; `P` and `F`: macros; `-`: other. One for each mode.
fn kind(old: &str, new: &str) -> String {
    [(Positions::Matter, ["p", "P"]), (Positions::DontMatter, ["f", "F"])]
        .map(|(positions, [comments, macros])| {
            let (old, new) = (Facts::of(old.as_bytes()), Facts::of(new.as_bytes()));
            let one = same_for(&old, &new, positions);
            let other = same_for(&new, &old, positions);
            assert_eq!(one, other, "the order doesn't matter");
            match one {
                Difference::None => "=",
                Difference::Comments => comments,
                Difference::Macros(_) => macros,
                Difference::Other => "-",
            }
        })
        .concat()
}

fn table(cases: &[(&str, &str, &str)]) {
    for (expected, old, new) in cases {
        assert_eq!(kind(old, new), *expected, "{old:?} and {new:?}");
    }
}

#[test]
fn ordinary_comments_dont_count() {
    table(&[
        ("==", "int a; /* x */\n", "int a; /* x */\n"),
        ("pf", "int a; /* x */\n", "int a; /* another one */\n"),
        ("pf", "int a; /* x */\n", "int a; // x\n"),
        ("pf", "int a; /* x */\n", "int a;   \t\n"),
        ("pf", "/* x */ int a;\n", "/* y */ int a;\n"),
        ("pf", "int /* x */ a;\n", "int /* y */ a;\n"),
        ("pf", "int a; /* x\n y */\nint b;\n", "int a;\n/* z */\nint b;\n"),
        ("pf", "/* x\n y */ int a;\n", "/* z\n z */ int a;\n"),
        ("-f", "int a;\nint b;\n", "int a;\n/* x */\n\nint b;\n"),
        ("-f", "int a; /* x */\nint b;\n", "int a; /* x\n */\nint b;\n"),
        ("pf", "#define X 1 /* x\n y */\nint a = X;\n", "#define X 1\n\nint a = X;\n"),
        ("pf", "char a[] = \"/* x */\"; // y\n", "char a[] = \"/* x */\"; // z\n"),
        ("pf", "char a = '\"'; /* x */\n", "char a = '\"'; /* y */\n"),
        ("pf", "#include <a> // x\nint a;\n", "#include <a> // y\nint a;\n"),
        ("pf", "\\\n/* x */ int a;\n", "\\\n/* y */ int a;\n"),
        ("pf", "/* it's */ int a;\n", "/* *t's */ int a;\n"),
        ("pf", "/*\tx */ int a;\n", "/*\ty */ int a;\n"),
        ("pf", "void f() {\n\tg();\n\t/* x */\n\th();\n}\n", "void f() {\n\tg();\n\n\th();\n}\n"),
    ]);
}

#[test]
fn code_counts() {
    table(&[
        ("--", "int a;\n", "int b;\n"),
        ("--", "int a;\n", "int  a;\n"),
        ("--", "int a;\n", " int a;\n"),
        ("--", "int a;\nint b;\n", "int a; int b;\n"),
        ("--", "ab\n", "a/**/b\n"),
        ("--", "f(x)\n", "f/**/(x)\n"),
        ("--", "#define f(x) x\nf(1)\n", "#define f/**/(x) x\nf(1)\n"),
        ("--", "a / /* x */ b\n", "a // x */ b\n"),
        ("--", "char a[] = \"/* x */\";\n", "char a[] = \"/* y */\";\n"),
        ("--", "char a[] = \"\\\"/* x */\";\n", "char a[] = \"\\\"/* y */\";\n"),
        ("--", "int a;", "int a;\n"),
        ("--", "#define X a \\\n\nb\n", "#define X a \\\nb\n"),
        ("--", "#define X a \\\n/* x */\nb\n", "#define X a \\\nb\n"),
        ("--", "#define _X a /* x\n */ b\nint c;\n", "#define _X a\n     b\nint c;\n"),
        ("--", "int a; /*\n*/ #define X 1\n", "int a;\n   #define X 1\n"),
        ("--", "/* x */ int a;\n", "        int a;\n"),
        ("--", "/* x\n  */ int a;\n", "/* x\n */  int a;\n"),
        ("--", "int a; // x \\\nint b;\n", "int a; // x\nint b;\n"),
    ]);
}

#[test]
fn comments_that_a_compiler_reads_count() {
    table(&[
        ("--", "f(); /* fall through */\n", "f(); /* x */\n"),
        ("--", "f(); // FaLLthru\n", "f(); // x\n"),
        ("--", "f(); /*-fallthrough*/\n", "f();\n"),
        ("--", "f(); //-fallthrough\n", "f(); //-fallthrough \n"),
        ("--", "/*LINTED*/ int a;\n", "/*      */ int a;\n"),
        ("--", "/* NOTREACHED */\n", "/* x */\n"),
        ("--", "int a; /* /* */\n", "int a; /* x */\n"),
        ("--", "int a; // x \\\n  y\nint b;\n", "int a; // x\n//  y\nint b;\n"),
        ("--", "int a; /* \u{202e} */\n", "int a; /* x */\n"),
        ("--", "int a; /* fa\\\nll through */\n", "int a; /* x\n */\n"),
        ("pf", "int a; /* \u{e9} */ // x\n", "int a; /* \u{e9} */ // y\n"),
    ]);
}

#[test]
fn a_comment_left_of_what_follows_counts() {
    table(&[
        // To gcc's -Wmisleading-indentation it excuses the statement that follows.
        ("--", "  f();\n/* x */\n  g();\n", "  f();\n\n  g();\n"),
        ("pf", "  f();\n/* x */\n  g();\n", "  f();\n/* y */\n  g();\n"),
        ("--", "  f();\n/* x */\n  g();\n", "  f();\n  /* y */\n  g();\n"),
        ("pf", "  f();\n    /* x */\n  g();\n", "  f();\n\n  g();\n"),
        ("--", "\tf();\n        /* x */\n\tg();\n", "\tf();\n\n\tg();\n"),
        // The definition does so already.
        ("pf", "if (a) b;\n/* x */\n#define Y 1\n  g();\n", "if (a) b;\n\n#define Y 1\n  g();\n"),
        ("--", "a;\n /* x */\nb; c;\n", "a;\n\nb; c;\n"),
        ("pf", "a;\n /* x */\nfor (;;) b;\n", "a;\n\nfor (;;) b;\n"),
    ]);
}

#[test]
fn unmentioned_macros_are_told_apart() {
    table(&[
        ("PF", "int a;\n#define X 1\nint b;\n", "int a;\n#define X 2\nint b;\n"),
        ("PF", "int a;\n#define X 1\nint b;\n", "int a;\n\nint b;\n"),
        ("-F", "int a;\n#define X 1\nint b;\n", "int a;\nint b;\n"),
        ("PF", "int a;\n#define X 1 \\\n\t2\nint b;\n", "int a;\n\n\nint b;\n"),
        ("PF", "int a;\n#define F(x, ...) x\nint b;\n", "int a;\n#define F(y) y\nint b;\n"),
        // It moves over a line that might mention it.
        ("PF", "a;\n#define X 1\nX;\n\nc;\n", "a;\n\nX;\n#define X 1\nc;\n"),
        ("PF", "a;\n#define X 1\n#define X 2\n", "a;\n#define X 2\n#define X 1\n"),
        ("pf", "a;\n#define X 1\n#define Y 2\n", "a;\n#define Y 2\n#define X 1\n"),
        ("pf", "a;\n#define X 1 // a\nb;\n", "a;\n#define X 1 /* b */\nb;\n"),
        ("PF", "a;\n#define X 1 /* a */ 1\nb;\n", "a;\n#define X 1 /* ab */ 1\nb;\n"),
    ]);
}

#[test]
fn definitions_that_are_noticed_count() {
    for line in [
        "#define _X 1",
        "#define and 1",
        "#define defined 1",
        "#define linux 1",
        "#define X\"a\"",
        "#define X+1",
        "#define X ## a",
        "#define X a ##",
        "#define F(x) #y",
        "#define X #y",
        "#define F(x, x) x",
        "#define F(x y) x",
        "#define F(x...) x",
        "#define F(x",
        "#define F(__VA_ARGS__) x",
        "#define X __VA_ARGS__",
        "#define F(x) __VA_ARGS__",
        "#define F(...) __VA_OPT__(a)",
        "#define X defined(a)",
        "#define X __has_include(<a>)",
        "#define X $a",
        "#define X @",
        "#define X `",
        "#define X \"\u{e9}\"",
        "#define X \"a\"b",
        "#define X (a and b)",
        "#define X 1 /* fall */",
        "#define X 1 /*\n*/ 2",
        "#define",
        "#define 1",
        "# /* */ define X 1\x0c",
        "a /* */ #define X 1",
        "\\\n#define X 1",
    ] {
        let with = format!("int a;\n{line}\nint b;\n");
        let blank = "\n".repeat(line.matches('\n').count());
        let without = format!("int a;\n{blank}\nint b;\n");
        assert_eq!(kind(&with, &without), "--", "{line}");
    }
}

#[test]
fn definitions_count_where_they_are_noticed() {
    table(&[
        // Between a macro's name and its arguments.
        ("--", "f\n#define X 1\n(1);\n", "f\n\n(1);\n"),
        ("--", "f(1)\n#define X 1\n(1);\n", "f(1)\n\n(1);\n"),
        // As a misspelt guard, and outside of one.
        ("--", "#ifndef X\n#define Y 1\nint a;\n#endif\n", "#ifndef X\n\nint a;\n#endif\n"),
        (
            "--",
            "#if !defined X\n#define Y 1\nint a;\n#endif\n",
            "#if !defined X\n\nint a;\n#endif\n",
        ),
        ("--", "#define Y 1\n#ifndef X\n#endif\n", "\n#ifndef X\n#endif\n"),
        ("--", "#ifndef X\n#endif\n#define Y 1\n", "#ifndef X\n#endif\n\n"),
        ("PF", "#ifndef X\n#define X\n#define Y 1\n#endif\n", "#ifndef X\n#define X\n\n#endif\n"),
        ("PF", "#define X 1\n#define Y 1\n", "#define X 1\n\n"),
        (
            "PF",
            "a;\n#ifdef X\n#define Y 1\n#else\n#define Y 2\n#endif\n",
            "a;\n#ifdef X\n\n#else\n\n#endif\n",
        ),
        // Left of a statement.
        ("--", "  f();\n#define X 1\n  g();\n", "  f();\n\n  g();\n"),
    ]);
}
