//! Where something stands in its file shows in some outputs: to the column, which preprocessed text has lost.

use farmbuild_testkit::TestSpace;

use super::Cached;

/// What may stand before a word: nothing of it is left in a text, but lines.
const FILLERS: [&str; 4] = ["", "\t", "/* longer */", "\n"];

/// Command lines, and sources with `@` where fillers go.
const SHOWING: &[(&str, &str)] = &[
    ("gcc -g -O1 -c a.c", "int g(void);\nint f(void) {@ return g() + g(); }\n"),
    ("gcc -g -O0 -c a.c", "@int a;\n"),
    (
        "gcc -g -O0 -c a.c",
        "#define TWICE(a) a a\nint g(void);\nint f(void) {@ TWICE(g();) return 0; }\n",
    ),
    (
        "gcc -g -O0 -c a.c",
        "#define TWICE(a) a a\nint g(void);\nint f(void) { TWICE(@g();) return 0; }\n",
    ),
    ("gcc -g1 -O1 -c a.c", "int g(void);\nint f(void) {@ return g() + g(); }\n"),
    ("clang -g -O1 -c a.c", "int g(void);\nint f(void) {@ return g() + g(); }\n"),
    ("g++ -g -O1 -x c++ -c a.c", "int g();\nint f() {@ return g() + g(); }\n"),
    ("gcc -O1 -fsanitize=undefined -c a.c", "int f(int n) {@ return 1 << n; }\n"),
    ("gcc -O1 -fstack-usage -c a.c", "int@ f(int n) { return n; }\n"),
    ("gcc -O1 -fcallgraph-info -c a.c", "int g(void);\nint@ f(void) { return g(); }\n"),
    ("gcc -O1 --coverage -frandom-seed=1 -c a.c", "int f(int n) {@ if (n) return 1; return 2; }\n"),
    ("gcc -O1 -c a.c", "int f(void) {@ return __builtin_LINE(); }\n"),
    ("clang -O1 -c a.c", "int f(void) {@ return __builtin_COLUMN(); }\n"),
    (
        "g++ -std=c++20 -O1 -x c++ -c a.c",
        "#include <source_location>\nusing here = std::source_location;\n\
         unsigned f() {@ return here::current().line() * 100 + here::current().column(); }\n",
    ),
];

#[test]
fn whatever_moves_a_word_is_seen_where_positions_show() {
    for (line, source) in SHOWING {
        let cached = Cached::new(TestSpace::new());
        for filler in FILLERS {
            cached.tree.write("a.c", source.replace('@', filler));
            cached.same(line);
            cached.settle();
        }
    }
}

#[test]
fn whatever_moves_a_word_of_a_header_is_seen_where_positions_show() {
    let cached = Cached::with([("a.c", "#include \"h.h\"\nint f(void) { return one() + A; }\n")]);
    for filler in FILLERS {
        let header =
            format!("#define A {filler} 1\nstatic inline int one(void) {{{filler} return A; }}\n");
        cached.tree.write("h.h", header);
        for compiler in ["gcc", "clang"] {
            cached.same(&format!("{compiler} -g -O1 -c a.c"));
        }
        cached.settle();
    }
}

#[test]
fn a_function_that_moves_to_a_file_that_is_left_out_is_not_instrumented() {
    let cached = Cached::with([("h.h", ""), ("quiet.h", "")]);
    let line =
        "gcc -O1 -finstrument-functions -finstrument-functions-exclude-file-list=quiet -c a.c";
    cached.tree.write("a.c", "#include \"h.h\"\n#include \"quiet.h\"\n");
    for (name, other) in [("h.h", "quiet.h"), ("quiet.h", "h.h")].repeat(2) {
        cached.tree.write(name, "int one(void) { return 1; }\n");
        cached.tree.write(other, "");
        cached.same(line);
        cached.settle();
    }
}

#[test]
fn a_file_that_asks_for_its_name_is_told_the_one_that_it_has() {
    let header = "static inline const char *here(void) { return __builtin_FILE(); }\n";
    let cached = Cached::with([("h.h", header), ("i.h", header)]);
    for name in ["h.h", "i.h", "h.h", "i.h"] {
        cached.tree.write(
            "a.c",
            format!("#include \"{name}\"\nconst char *f(void) {{ return here(); }}\n"),
        );
        cached.same("gcc -O1 -c a.c");
        cached.settle();
    }
}
