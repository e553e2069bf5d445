//! What compilers say, and say again for a hit.

use farmbuild_testkit::TestSpace;

use super::Cached;
use crate::run;
use crate::user::FARMBUILD;

const WARNS: &str = "int f(int n)\n{\n\tint unused = 3;\n\treturn n +\t1.5f;\n}\n";

fn tree(source: &str) -> TestSpace {
    let tree = TestSpace::new();
    tree.write("a.c", source);
    tree
}

#[test]
fn warnings_are_said_again_byte_for_byte() {
    for compiler in ["gcc", "clang"] {
        let cached = Cached::new(tree(WARNS));
        let line = format!("{compiler} -Wall -Wextra -Wconversion -c a.c");
        cached.same(&line);
        cached.settle();
        cached.same(&line);
        assert_eq!(cached.user.stat("jobs.hit.direct"), 1, "{compiler}: {}", cached.user.stats());
    }
}

#[test]
fn warnings_on_a_terminal_have_its_colours_and_those_in_a_pipe_none() {
    let cached = Cached::new(tree(WARNS));
    let in_terminal = |words: &str| {
        let mut command = cached.user.command(cached.tree.path(), "script");
        command.args(["-qec", words, "/dev/null"]).env("TERM", "xterm");
        run::run(command.env("FARMBUILD_PROGRESS", "off")).ok().out()
    };
    let line = "gcc -Wall -c a.c";
    let plain = in_terminal(line);
    assert!(plain.contains("\x1b["), "{plain:?}");
    for _ in 0..2 {
        cached.same(line);
        assert_eq!(in_terminal(&format!("{FARMBUILD} {line}")), plain);
        cached.settle();
    }
    assert_eq!(cached.user.stat("jobs.hit.direct"), 2, "{}", cached.user.stats());
}

#[test]
fn a_warning_shows_the_text_that_its_file_has_now() {
    let cached = Cached::new(tree(WARNS));
    cached.same("gcc -Wall -c a.c");
    cached.tree.write("a.c", WARNS.replace("= 3;", "= 3; /* a remark */"));
    cached.same("gcc -Wall -c a.c");
    cached.tree.write("a.c", WARNS.replace("int unused", "int  unused"));
    cached.same("gcc -Wall -c a.c");
    cached.tree.write("a.c", format!("\n{WARNS}"));
    cached.same("gcc -Wall -c a.c");
}

#[test]
fn compiles_that_fail_are_not_kept() {
    let cached = Cached::new(tree("int f(void) { return missing; }\n"));
    for _ in 0..3 {
        cached.same("gcc -Wall -c a.c; echo $?");
    }
    cached.tree.write("a.c", "int f(void) { return 0; }\n");
    cached.same("gcc -Wall -c a.c; echo $?");
    assert_eq!(cached.user.stat("jobs.hit.direct"), 0, "{}", cached.user.stats());
}

#[test]
fn a_comment_that_silences_a_warning_counts() {
    let source = |comment: &str| {
        format!(
            "int f(int n)\n{{\n\tswitch (n) {{\n\tcase 1:\n\t\tn++;\n\t\t/* {comment} */\n\tcase 2:\n\t\tn += 2;\n\t}}\n\treturn n;\n}}\n"
        )
    };
    for flags in ["-O1 -Wextra", "-g -Wimplicit-fallthrough=2", "-Wimplicit-fallthrough=1"] {
        let cached = Cached::new(tree(&source("fall through")));
        for comment in ["fall through", "what comes next", "FALLTHRU", "falls  through", "x"] {
            cached.tree.write("a.c", source(comment));
            cached.same(&format!("gcc {flags} -c a.c"));
        }
    }
}

#[test]
fn a_warning_about_indentation_comes_and_goes_with_blanks() {
    let cached = Cached::new(tree(""));
    for text in ["\t\tn++;\n\tn += 2;", "\t\tn++;\n\t\tn += 2;", "\t\tn++; n += 2;"] {
        cached.tree.write("a.c", format!("int f(int n)\n{{\n\tif (n)\n{text}\n\treturn n;\n}}\n"));
        cached.same("gcc -Wall -c a.c");
    }
}

#[test]
fn a_warning_moves_with_its_line() {
    let cached = Cached::new(tree(""));
    cached.tree.write("h.h", "static int unused_function(void) { return 1; }\n");
    for blanks in 0..3 {
        let source = format!("#include \"h.h\"\n{}int a;\n", "\n".repeat(blanks));
        cached.tree.write("a.c", source);
        cached.tree.write(
            "h.h",
            format!(
                "{}static int unused_function(void) {{ return 1; }}\n",
                "/* */\n".repeat(blanks)
            ),
        );
        cached.same("gcc -Wall -c a.c");
    }
}
