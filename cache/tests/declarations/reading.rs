//! What compilers say of declarations that nobody uses: all of it when they read them, so that reading them is enough to know.

use std::fs;
use std::process::Command;

use farmbuild_cache::declarations::{Builtins, Split};

/// Each is something to complain of, to a compiler that looks for it in the passes behind the parser if anywhere, or nothing of the kind.
const UNUSED: &[&str] = &[
    "static inline int f(int a) { if (a) return 1; else return 1; }",
    "static inline int f(int a) { if (a) return 1; }",
    "static inline void f(void) { int x; x = 3; }",
    "static inline int f(int a) { switch (a) { case 1: a++; case 2: a--; } return a; }",
    "static inline void f(void) { __asm__(\"\" :: \"Q\"(1.0)); __asm__ volatile(\"bogus %9\" ::); }",
    "static inline void f(void) { register int x __asm__(\"nope\"); (void)x; }",
    "static inline int f(int *p) { return p[0] = p[0]++; }",
    "static inline int f(void) { int a[3]; return a[5]; }",
    "static inline int f(void) { int x; return x; }",
    "struct s { char c; int i; };",
    "struct s { char a[1UL << 62]; char b[1UL << 62]; };",
    "extern char a[1UL << 62][1UL << 62];",
    "extern int f(void) __attribute__((section(\"a\"))); extern int g __attribute__((section(\"a\")));",
    "static inline int f(int a) { return a << 40; }",
    "static inline int f(const char *s) { return s == \"x\"; }",
    "static inline void f(char *s) { __builtin_memset(s, 5, 0); __builtin_printf(\"%d\\n\", s); }",
    "static inline int f(unsigned a) { return a < 0; }",
    "static inline int f(int n) { int a[n]; return sizeof(a); }",
    "static inline int f(int n) { struct { int a[n]; } s; return sizeof s; }",
    "static inline int f(void) { return __builtin_ia32_addps(1, 2); }",
    "static inline void f(void) { __builtin_ia32_pshufd((__attribute__((vector_size(16))) int){1, 2, 3, 4}, 999); }",
    "static inline int f(int x) { goto l; return x; }",
    "static inline int f(int x) { l: return x; }",
    "typedef int v __attribute__((vector_size(24)));",
    "typedef int v __attribute__((mode(TF)));",
    "extern int x __attribute__((aligned(3)));",
    "extern __thread int y; extern int y;",
    "static inline void f(void) { extern int q; extern long q; }",
    "static inline int f(int a) { return __builtin_choose_expr(a, 1, 2); }",
    "extern int f(void) __attribute__((noreturn)); static inline int g(void) { f(); }",
    "static inline __attribute__((noreturn)) void f(void) { }",
    "static inline __attribute__((const)) void f(void) { }",
    "static inline int f(int x) { if (x) ; return 0; }",
    "static inline int f(int x) { while (x); { x--; } return 0; }",
    "static inline double f(long double x) { return x; }",
    "static inline float f(double x) { return x == 1.0; }",
    "enum e { A = 1UL << 40, B = A * 4 };",
    "static inline int f(void) { __builtin_va_list a; return __builtin_va_arg(a, char); }",
    "static inline int f(void) { __builtin_unreachable(); int z = 1 / 0; return z; }",
    "static inline int f(int *p) { return __atomic_load_n(p, 99); }",
    "static inline void f(void) { const int x; static int y; }",
    "static inline int f(void) { int b; return ({ int a; a; }); }",
    "static inline void f(char *d, char *s) { __builtin_strncpy(d, s, __builtin_strlen(s)); }",
    "extern int f(int, int) __attribute__((access(read_only, 9)));",
    "static inline void f(void) { int i; for (i = 0; i < 3; i++) { int i; i = 0; } }",
    "static inline int f(int x) { return x && x || x; }",
    "int main_of(long);",
    "struct known { int again; };",
];

const WARNINGS: [&str; 12] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wpadded",
    "-Wshadow",
    "-Wconversion",
    "-Wduplicated-branches",
    "-Wnull-dereference",
    "-Wfloat-equal",
    "-Wvla",
    "-Wmissing-noreturn",
    "-Wstack-usage=4000",
];

#[test]
fn what_a_compiler_says_of_what_nobody_uses_it_says_when_it_reads_it() {
    let space = tempfile::tempdir().unwrap();
    for (compiler, level) in [("gcc", "-O0"), ("gcc", "-O2"), ("clang", "-O0"), ("clang", "-O2")] {
        let is_silent = |how: &str| {
            let mut command = Command::new(compiler);
            command.current_dir(space.path()).arg(level).args(WARNINGS);
            // clang doesn't know them all.
            command.args(["-Wno-unknown-warning-option", how, "unit.i", "-o", "unit.o"]);
            let output = command.output().unwrap();
            output.status.success() && output.stdout.is_empty() && output.stderr.is_empty()
        };
        let (mut silent, mut complained) = (0, 0);
        for unused in UNUSED {
            let text = format!(
                "# 1 \"unit.c\"\n# 1 \"header.h\" 1\nstruct known {{ int a; }};\n{unused}\n# 2 \"unit.c\" 2\n\
                 int main_of(int);\nint main_of(int it) {{ return it; }}\n"
            );
            let split = Split::of(text.as_bytes(), &Builtins::default()).unwrap();
            assert!(split.parts.iter().all(|part| part.name != "f"), "used: {unused}");
            fs::write(space.path().join("unit.i"), text).unwrap();
            let compiles = is_silent("-c");
            assert_eq!(is_silent("-fsyntax-only"), compiles, "{compiler} {level}: {unused}");
            *if compiles { &mut silent } else { &mut complained } += 1;
        }
        assert!(silent > 5 && complained > 20, "{compiler} {level}: {silent}, {complained}");
    }
}
