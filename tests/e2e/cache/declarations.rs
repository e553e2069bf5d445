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
        // The second one pays for `of_two`, which it doesn't use, and whose argument is another one now.
        let hits = ["two", "three", "one"].map(|source| cached.declaration_hits_of(&line(source)));
        assert_eq!(hits, [0, 0, 1], "{}", cached.user.stats());
        // By its files from then on.
        assert_eq!(cached.direct_hits_of(&line("one")), 1, "{}", cached.user.stats());
    }
}

#[test]
fn a_new_declaration_is_compiled_once_for_all() {
    let cached = cached(ALONE);
    cached.compile_all();
    cached.header(&format!("{HEADER}int nobody(struct two *it);\n"));
    let hits = ["three", "one", "two"].map(|source| cached.declaration_hits_of(&line(source)));
    assert_eq!(hits, [0, 1, 1], "{}", cached.user.stats());
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

#[test]
fn debug_info_and_cxx_are_not_for_this_tier() {
    let cached = cached(ALONE);
    for line in
        ["gcc -g -O1 -c one.c", "g++ -O1 -x c++ -c one.c", "gcc -fkeep-inline-functions -c one.c"]
    {
        cached.header(HEADER);
        cached.same(line);
        cached.header(&HEADER.replace("int b;", "long b;"));
        assert_eq!(cached.declaration_hits_of(line), 0, "{line}");
        cached.header(&HEADER.replace("int b;", "char b;"));
        assert_eq!(cached.declaration_hits_of(line), 0, "{line}");
    }
}

#[test]
fn hits_that_are_to_be_verified_are_compiled() {
    let cached = cached("verify = 1\n");
    cached.compile_all();
    cached.header(&HEADER.replace("int b;", "long b;"));
    for source in ["two", "one", "three"] {
        assert_eq!(cached.declaration_hits_of(&line(source)), 0);
    }
    cached.settle();
    assert!(!cached.doctor().contains("declaration tier"), "{}", cached.doctor());
}

#[test]
fn doctor_says_where_the_tier_is_off() {
    let cached = cached(ALONE);
    cached.compile_all();
    assert!(!cached.doctor().contains("declaration tier"), "{}", cached.doctor());
    let file = cached.user.farm_file();
    let home = file.ancestors().nth(3).unwrap();
    let off = home.join(".cache/farmbuild/declarations-off/0123");
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
    cached.header(&HEADER.replace("int a;", "int a, behind;"));
    // The daemon remembers its last lookups.
    let told = cached.run(&format!("{}; {} why one.c", line("one"), crate::user::FARMBUILD));
    assert!(told.out().contains("`struct one` changed, used by `"), "{told}");
}

impl Cached {
    fn doctor(&self) -> String {
        self.user.ask(["doctor"]).out().to_owned()
    }
}
