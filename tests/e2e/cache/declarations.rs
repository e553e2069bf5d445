//! The declaration tier: a header's change costs only the files that use what changed.

use std::fs;

use super::Cached;

const HEADER: &str = "struct one { int a; };\nstruct two { int b; };\nint of_one(struct one *it);\n\
    int of_two(struct two *it);\nstatic inline int inline_one(struct one *it) { return it->a; }\n";

/// Two sources that use different things of one header, and a third that uses none.
fn cached(settings: &str) -> Cached {
    let cached = Cached::with([
        ("h.h", HEADER),
        ("one.c", "#include \"h.h\"\nint of_one(struct one *it) { return inline_one(it); }\n"),
        ("two.c", "#include \"h.h\"\nint of_two(struct two *it) { return it->b; }\n"),
        ("three.c", "#include \"h.h\"\nint three;\n"),
    ]);
    cached.user.write_farm(&format!("[cache]\ndeclarations = true\n{settings}"));
    cached
}

const ALONE: &str = "verify = 0\n";

fn line(source: &str) -> String {
    format!("gcc -O1 -Wall -c {source}.c")
}

impl Cached {
    /// Runs a line; how many of its jobs were found by their declarations.
    #[track_caller]
    fn declaration_hits_of(&self, line: &str) -> u64 {
        self.settle();
        let before = self.user.stat("jobs.hit.declaration");
        self.same(line);
        self.user.stat("jobs.hit.declaration") - before
    }

    fn header(&self, text: &str) {
        fs::write(self.tree.join("h.h"), text).unwrap();
    }

    #[track_caller]
    fn compile_all(&self) {
        for source in ["one", "two", "three"] {
            self.same(&line(source));
        }
        self.settle();
    }
}

#[test]
fn a_changed_struct_costs_only_who_uses_it() {
    for compiler in ["gcc", "clang"] {
        let cached = cached(ALONE);
        let line = |source: &str| line(source).replace("gcc", compiler);
        for source in ["one", "two", "three"] {
            cached.same(&line(source));
        }
        cached.header(&HEADER.replace("int b;", "long before; int b;"));
        let hits = ["two", "three", "one"].map(|source| cached.declaration_hits_of(&line(source)));
        assert_eq!(hits, [0, 1, 1], "{}", cached.user.stats());
        // By its files from then on.
        assert_eq!(cached.direct_hits_of(&line("one")), 1, "{}", cached.user.stats());
    }
}

#[test]
fn a_member_in_a_hole_costs_only_who_names_it_or_uses_the_structure_as_a_whole() {
    let header =
        |more: &str| format!("struct roomy {{ long first; char second; {more} long last; }};\n");
    let cached = cached(ALONE);
    cached.header(&header(""));
    for (source, text) in [
        ("one", "long f(struct roomy *it) { return it->last + it->second; }"),
        ("two", "void f(struct roomy *it) { *it = it[1]; }"),
        (
            "three",
            "struct hole { int hole; };\nint f(struct hole *it) { return it->hole; }\nlong g(struct roomy *it) { return it->last; }",
        ),
    ] {
        fs::write(cached.tree.join(format!("{source}.c")), format!("#include \"h.h\"\n{text}\n"))
            .unwrap();
    }
    let hits = |flags: &str| {
        let line = |source: &str| line(source).replace("-O1", flags);
        cached.header(&header(""));
        for source in ["one", "two", "three"] {
            cached.same(&line(source));
        }
        cached.header(&header("char hole;"));
        let hits = ["one", "two", "three"].map(|source| cached.declaration_hits_of(&line(source)));
        cached.header(&header("int shifts; int more;"));
        assert_eq!(cached.declaration_hits_of(&line("one")), 0, "{}", cached.user.stats());
        hits
    };
    assert_eq!(hits("-O2"), [1, 0, 1], "{}", cached.user.stats());
    assert_eq!(hits("-O2 -fno-strict-aliasing"), [1, 0, 1], "{}", cached.user.stats());
    // What a pointer may point to is up to all members then.
    assert_eq!(hits("-O2 -fipa-pta"), [0, 0, 0], "{}", cached.user.stats());
}

/// Compiles all sources by these lines; once the header has a new declaration, one has it read, and none is compiled.
#[track_caller]
fn a_new_declaration_is_read_once(line: impl Fn(&str) -> String) {
    let cached = cached(ALONE);
    for source in ["one", "two", "three"] {
        cached.same(&line(source));
    }
    cached.header(&format!("{HEADER}int nobody(struct two *it);\n"));
    let hits = ["three", "one", "two"].map(|source| cached.declaration_hits_of(&line(source)));
    assert_eq!(hits, [1, 1, 1], "{}", cached.user.stats());
    assert_eq!(cached.user.stat("jobs.syntax_checks"), 1, "{}", cached.user.stats());
}

#[test]
fn a_new_declaration_is_read_once_by_a_compiler_and_compiled_by_none() {
    for compiler in ["gcc", "clang"] {
        a_new_declaration_is_read_once(|source| line(source).replace("gcc", compiler));
    }
}

#[test]
fn jobs_that_run_at_a_time_wait_for_the_one_that_has_a_new_declaration_read() {
    let cached = cached(ALONE);
    cached.compile_all();
    cached.header(&format!("{HEADER}int nobody(struct two *it);\n"));
    let all = ["one", "two", "three"].map(|source| format!("{} & ", line(source))).concat();
    assert_eq!(cached.declaration_hits_of(&format!("{all}wait")), 3, "{}", cached.user.stats());
    assert_eq!(cached.user.stat("jobs.syntax_checks"), 1, "{}", cached.user.stats());
}

#[test]
fn reading_new_declarations_leaves_no_dependency_file_but_the_jobs_own() {
    let cached = cached(ALONE);
    let line = "gcc -O1 -Wall -MD -c one.c -o out.o";
    cached.same(line);
    cached.header(&format!("{HEADER}int nobody(struct two *it);\n"));
    assert_eq!(cached.declaration_hits_of(line), 1, "{}", cached.user.stats());
    assert!(!cached.tree.join("none.d").exists());
}

#[test]
fn where_headers_are_looked_for_is_nothing_to_what_is_known_of_them() {
    a_new_declaration_is_read_once(|source| {
        line(source).replace("-c", &format!("-I{source} -DNAME={source} -c"))
    });
}

#[test]
fn a_mistake_in_what_nobody_uses_is_still_one() {
    let cached = cached(ALONE);
    cached.compile_all();
    for mistake in [
        "int of_two(struct one *it);",
        "int nobody(struct unheard *it);",
        "static inline int nobody(void) { int unused; return 0; }",
        "struct two { int again; };",
        "static int nobody(void);",
        "#pragma nobody",
        "#warning nobody",
        // The text doesn't say that it comes from a macro.
        "#define TWICE it++; it++\nstatic inline void nobody(int it) { if (it) TWICE; }",
    ] {
        cached.header(&format!("{HEADER}{mistake}\n"));
        for source in ["three", "one", "one"] {
            assert_eq!(cached.declaration_hits_of(&line(source)), 0, "{mistake}");
        }
    }
}

#[test]
fn what_a_used_declaration_would_clash_with_is_seen() {
    let cached = cached(ALONE);
    cached.compile_all();
    // `it` is a local's name: a type of that name changes what is said of it, and an object is shadowed.
    for line in [line("one"), line("one").replace("-Wall", "-Wall -Wshadow")] {
        cached.same(&line);
        cached.header(&format!("extern int it;\n{HEADER}"));
        assert_eq!(cached.declaration_hits_of(&line), 0);
        cached.header(HEADER);
    }
}

#[test]
fn a_builtin_that_is_declared_counts_though_nobody_calls_it() {
    let cached = cached(ALONE);
    fs::write(
        cached.tree.join("text.c"),
        "#include \"h.h\"\nchar *strcpy(char *, const char *);\nunsigned long strlen(const char *);\n\
            unsigned long f(char *to, const char *from) { strcpy(to, from); return strlen(to); }\n",
    )
    .unwrap();
    let line = line("text").replace("-O1", "-O2");
    cached.same(&line);
    cached.header(&format!("{HEADER}char *stpcpy(char *, const char *);\n"));
    assert_eq!(cached.declaration_hits_of(&line), 0);
}

/// A header whose first struct is used by `one.c`, and its second one by nobody there.
const DEBUGGED: &str = "struct one { int a; };\nint of_one(struct one *it);\n\
    static inline int inline_one(struct one *it) { return it->a; }\nstruct two { int b; };\nint of_two(struct two *it);\n";

#[test]
fn with_debug_info_what_is_used_must_stand_where_it_stood() {
    let cached = cached(ALONE);
    let line = "gcc -g -O1 -c one.c";
    cached.header(DEBUGGED);
    cached.same(line);
    for (change, hits) in [
        // Behind all that is used.
        (DEBUGGED.replace("struct two {", "\n\nstruct two {"), 1),
        // The used ones move by a line or by a column.
        (format!("\n{DEBUGGED}"), 0),
        (DEBUGGED.replace("int a;", "int  a;"), 0),
        (DEBUGGED.replace("struct one { int a", "/* */ struct one { int a"), 0),
        // In which order gcc writes names out is up to how many there are.
        (DEBUGGED.replace("int b;", "int b, c;"), 0),
        (DEBUGGED.replace("int b;", "long b;"), 0),
    ] {
        cached.header(DEBUGGED);
        cached.same(line);
        cached.header(&change);
        assert_eq!(cached.declaration_hits_of(line), hits, "{change}");
    }
}

/// gcc gives the types that expressions name to the next variable.
#[test]
fn with_debug_info_what_sizes_of_the_unused_name_must_stand_where_it_stood() {
    let cached = cached(ALONE);
    let line = "gcc -g -O1 -c sized.c";
    fs::write(cached.tree.join("sized.c"), "#include \"h.h\"\nint variable;\n").unwrap();
    let header = "struct one { int a; };\nenum size { SIZE };\nint of_size(int it[SIZE + 1]);\nint behind(void);\n";
    for (change, hits) in [
        (header.replace("int behind", "\n\nint behind"), 1),
        (header.replace("enum size", "\n\nenum size"), 0),
        (format!("\n{header}"), 0),
    ] {
        cached.header(header);
        cached.same(line);
        cached.header(&change);
        assert_eq!(cached.declaration_hits_of(line), hits, "{change}");
    }
}

#[test]
fn behind_a_line_directive_debug_info_is_not_for_this_tier() {
    let cached = cached(ALONE);
    let line = "gcc -g -O1 -c one.c";
    let header = format!("#line 7 \"other.h\"\n{DEBUGGED}");
    cached.header(&header);
    cached.same(line);
    cached.header(&header.replace("struct two", "\nstruct two"));
    assert_eq!(cached.declaration_hits_of(line), 0);
}

#[test]
fn why_a_job_is_not_for_this_tier_is_counted() {
    let cached = cached(ALONE);
    for line in ["gcc -O1 -fsanitize=undefined -c one.c", "gcc -O1 -fopenmp -c two.c"] {
        cached.header(HEADER);
        cached.same(line);
        cached.header(&HEADER.replace("int a;", "int a, c;"));
        cached.same(line);
        cached.settle();
    }
    for doubt in ["positions", "option"] {
        let count = cached.user.stat(&format!("jobs.declarations.{doubt}"));
        assert_eq!(count, 1, "{doubt}: {}", cached.user.stats());
    }
}

#[test]
fn what_is_not_understood_is_not_for_this_tier() {
    let cached = cached(ALONE);
    for line in [
        "clang -g -O1 -c one.c",
        "gcc -g3 -O1 -c one.c",
        "gcc -g -ftrack-macro-expansion=0 -O1 -c one.c",
        "g++ -O1 -x c++ -c one.c",
        "gcc -fkeep-inline-functions -c one.c",
    ] {
        cached.header(HEADER);
        cached.same(line);
        cached.header(&HEADER.replace("int b;", "long b;"));
        assert_eq!(cached.declaration_hits_of(line), 0, "{line}");
        cached.header(&HEADER.replace("int b;", "char b;"));
        assert_eq!(cached.declaration_hits_of(line), 0, "{line}");
    }
}

#[test]
fn hits_that_are_to_be_verified_are_used_and_compiled_aside() {
    for dependencies in ["", "-MMD", "-Wp,-MMD,@.d"] {
        let cached = cached("verify = 1\n");
        let line = |source: &str| format!("{} {}", line(source), dependencies.replace('@', source));
        for source in ["one", "two", "three"] {
            cached.same(&line(source));
        }
        cached.header(&HEADER.replace("int b;", "long b;"));
        let hits = ["two", "one", "three"].map(|source| cached.declaration_hits_of(&line(source)));
        assert_eq!(hits, [0, 1, 1], "{dependencies}: {}", cached.user.stats());
        assert!(!cached.doctor().contains("declaration tier"), "{}", cached.doctor());
    }
}

#[test]
fn a_hit_to_be_verified_whose_outputs_stand_in_a_file_is_compiled_instead() {
    for (settings, expected) in [(ALONE, [0, 1]), ("verify = 1\n", [0, 0])] {
        let cached = cached(settings);
        fs::write(cached.tree.join("words"), "-MMD\n").unwrap();
        let line = |source: &str| format!("{} @words", line(source));
        for source in ["one", "two"] {
            cached.same(&line(source));
        }
        cached.header(&HEADER.replace("int b;", "long b;"));
        let hits = ["two", "one"].map(|source| cached.declaration_hits_of(&line(source)));
        assert_eq!(hits, expected, "{settings}");
        assert!(!cached.doctor().contains("declaration tier"), "{}", cached.doctor());
    }
}

/// Loaded into the assembler, it makes another object from the moment on that the file `wrong` is there.
const HOOK: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char object[4096];
static void add(void) { FILE *file = fopen(object, "a"); if (file) { fputs("wrong", file); fclose(file); } }
__attribute__((constructor)) static void look(void)
{
 char words[8192] = "", *word = words;
 FILE *file = fopen("/proc/self/cmdline", "r");
 if (!file) return;
 words[fread(words, 1, sizeof words - 2, file)] = 0;
 fclose(file);
 size_t length = strlen(words);
 if (length < 2 || strcmp(words + length - 2, "as") || access("wrong", F_OK)) return;
 for (; *word; word += strlen(word) + 1)
  if (!strcmp(word, "-o")) { strncpy(object, word + 3, sizeof object - 1); atexit(add); return; }
}
"#;

#[test]
fn a_wrong_hit_turns_the_tier_off_and_keeps_both_objects() {
    let cached = cached("verify = 1\n");
    cached.tree.write("hook.c", HOOK);
    cached.tree.run_ok("gcc", ["-shared", "-fPIC", "-o", "hook.so", "hook.c"]);
    let line = format!("LD_PRELOAD=./hook.so {}", line("one"));
    cached.run(&line).ok();
    cached.settle();
    cached.header(&HEADER.replace("int b;", "long b;"));
    cached.run(&format!("LD_PRELOAD=./hook.so {}", self::line("two"))).ok();
    cached.settle();
    cached.tree.write("wrong", "");
    cached.run(&line).ok();
    let off = cached.user.home().join(".cache/farmbuild/declarations-off");
    // It is compiled when there is time.
    crate::run::until("the tier is off", || fs::read_dir(&off).is_ok_and(|all| all.count() > 0));
    cached.settle();
    let told = cached.doctor();
    assert!(told.contains("the declaration tier of the cache: it is off"), "{told}");
    assert!(told.contains("please report it"), "{told}");
    let directory = fs::read_dir(off).unwrap().next().unwrap().unwrap().path();
    let kept = ["found.o", "compiled.o"].map(|name| fs::read(directory.join(name)).unwrap());
    assert_ne!(kept[0], kept[1]);
    // From now on everything is compiled.
    cached.header(&HEADER.replace("int b;", "char b;"));
    cached.run(&format!("LD_PRELOAD=./hook.so {}", self::line("two"))).ok();
    cached.settle();
    cached.run(&line).ok();
    cached.settle();
    assert_eq!(cached.user.stat("jobs.hit.declaration"), 1, "{}", cached.user.stats());
    assert_eq!(cached.user.stat("jobs.declarations.turned-off"), 1, "{}", cached.user.stats());
}

#[test]
fn doctor_says_where_the_tier_is_off() {
    let cached = cached(ALONE);
    cached.compile_all();
    assert!(!cached.doctor().contains("declaration tier"), "{}", cached.doctor());
    let off = cached.user.home().join(".cache/farmbuild/declarations-off/0123");
    fs::create_dir_all(&off).unwrap();
    fs::write(off.join("why.txt"), "a compiler was odd").unwrap();
    let told = cached.doctor();
    assert!(told.contains("the declaration tier of the cache: it is off"), "{told}");
    assert!(told.contains("a compiler was odd"), "{told}");
}

#[test]
fn why_names_the_declaration_that_changed() {
    let cached = cached(ALONE);
    cached.compile_all();
    cached.header(&HEADER.replace("int a;", "int before, a;"));
    cached.same(&line("one"));
    cached.settle();
    cached.header(&HEADER.replace("int a;", "int a, between, behind;"));
    // The daemon remembers its last lookups.
    let told = cached.run(&format!("{}; {} why one.c", line("one"), crate::user::FARMBUILD));
    assert!(told.out().contains("`struct one` gained a field, used by `"), "{told}");
}

#[test]
fn why_says_that_what_is_used_has_moved_where_debug_info_shows_it() {
    let cached = cached(ALONE);
    let line = "gcc -O1 -g -c one.c -o one.o";
    cached.same(line);
    cached.settle();
    cached.header(&format!("/* one\n * line more */\n{HEADER}"));
    let told = cached.run(&format!("{line}; {} why one.c", crate::user::FARMBUILD));
    assert!(told.out().contains("not where it stands"), "{told}");
}

impl Cached {
    fn doctor(&self) -> String {
        self.user.ask(["doctor"]).out().to_owned()
    }
}
