//! Which changes of a text count, one rule each: what `docs/declaration-tier.md` argues.

use farmbuild_cache::declarations::{Builtins, Doubt, Split};

const HEADER: &str = "# 1 \"unit.c\"\n# 1 \"header.h\" 1\n";
const MAIN: &str = "\n# 2 \"unit.c\" 2\n";

fn text(header: &str, main: &str) -> String {
    format!("{HEADER}{header}{MAIN}{main}\n")
}

fn builtins() -> Builtins {
    let mut builtins = Builtins::default();
    builtins.add_from(b"..__builtin_memcpy\0__builtin_stpcpy\0");
    builtins
}

#[track_caller]
fn split(header: &str, main: &str) -> Split {
    let text = text(header, main);
    Split::of(text.as_bytes(), &builtins())
        .unwrap_or_else(|doubt| panic!("{}: {text}", doubt.name()))
}

#[track_caller]
fn refused(header: &str, main: &str) -> Doubt {
    Split::of(text(header, main).as_bytes(), &builtins()).expect_err(header)
}

/// Whether all of the second text is known from the first.
fn is_hit(one: &Split, other: &Split) -> bool {
    one.used == other.used && other.unused.iter().all(|id| one.known.contains(id))
}

/// Which lines of the header show where declarations stand, with debug info.
#[track_caller]
fn shown(header: &str, main: &str) -> Vec<u32> {
    let split = Split::with_positions(text(header, main).as_bytes(), &builtins()).unwrap();
    let positions = split.positions.unwrap();
    let header = positions.files.iter().position(|name| name == b"header.h").unwrap();
    let stretches = positions.stretches.iter().filter(|it| it.file as usize == header);
    stretches.flat_map(|it| it.first..=it.last).collect()
}

const USER: &str = "int f(struct used *it) { return it->member + helper(it); }";
const USED: &str = "struct used { int member; };\nstatic inline int helper(struct used *it) { return it->member; }\n";

/// Each addition is in nobody's use, but isn't known.
#[test]
fn a_new_unused_declaration_must_be_known_and_is_no_part_of_the_object() {
    for addition in [
        "struct unused { int member; };",
        "int unused(struct used *it);",
        "extern int unused;",
        "typedef struct used *unused_t;",
        "enum unused { UNUSED };",
        "static inline int unused(struct used *it) { return it->member; }",
        "void (*unused(int (*)(void)))(char);",
    ] {
        let (one, other) = (split(USED, USER), split(&format!("{USED}{addition}\n"), USER));
        assert_eq!(one.used, other.used, "{addition}");
        assert!(!is_hit(&one, &other), "{addition}");
        assert!(is_hit(&other, &other), "{addition}");
        assert!(is_hit(&other, &one), "{addition}");
    }
}

/// gcc gives the types that they name to the next variable. With `sizeof` and its like, all that is named there is taken to be.
#[test]
fn with_debug_info_what_expressions_at_file_scope_name_shows_though_nobody_uses_it() {
    let types = "enum sizes {\n SIZE = 3 };\nstruct one { int a; };\ntypedef int two;\n";
    for (expression, lines) in [
        ("extern int unused[3];", &[][..]),
        ("int unused(enum sizes it, struct one one, two two);", &[]),
        ("static inline int unused(two it) { return sizeof(struct one) + SIZE; }", &[]),
        ("extern int unused[SIZE];", &[1, 2]),
        ("struct unused { int a: SIZE; };", &[1, 2]),
        ("enum unused { UNUSED = SIZE };", &[1, 2]),
        ("int unused(int it[SIZE]);", &[1, 2, 5]),
        ("static inline int unused(int it[SIZE]) { return 1; }", &[1, 2, 5]),
        ("static inline int unused(int it[sizeof(two)]) { return 1; }", &[4, 5]),
        ("extern char unused[sizeof(struct one)];", &[3, 5]),
        ("struct unused { char a[sizeof(two)]; };", &[4]),
        ("int unused(void) __attribute__((aligned(SIZE)));", &[1, 2]),
    ] {
        assert_eq!(shown(&format!("{types}{expression}\n"), "int f;"), lines, "{expression}");
    }
}

#[test]
fn what_makes_output_by_itself_or_may_is_always_used() {
    for addition in [
        "int object;",
        "int object = 1;",
        "static int object;",
        "extern int object = 1;",
        "int function(void) { return 1; }",
        "static int function(void) { return 1; }",
        "inline int function(void) { return 1; }",
        "extern inline int function(void) { return 1; }",
        "__asm__(\"nop\");",
        "_Static_assert(1, \"\");",
        "register long pointer __asm__(\"rsp\");",
        "int weak(void) __attribute__((weak));",
        "static inline int kept(void) __attribute__((used));",
        "static inline __attribute__((constructor)) void kept(void) { }",
        "extern int placed __attribute__((section(\"a\")));",
        "extern int hidden __attribute__((visibility(\"hidden\")));",
        "static inline int undeclared(void) { return nowhere(); }",
        "static inline int by_type(void) { __typeof__(helper) g; return 1; }",
        "static inline int by_type(void) { __typeof__((helper)) g; return 1; }",
        "static inline int by_type(void) { __typeof__(*&helper) g; return 1; }",
        "static inline int by_type(int (*it)(void)) { __typeof__(*it) g; return 1; }",
        "static inline int by_type(struct used *it) { __typeof__(int(int)) g; return 1; }",
        "static inline int by_type(void) { const __typeof__(helper) volatile g; return 1; }",
        "typedef int type(int); static inline int by_type(void) { type g; return 1; }",
        "typedef int type(int); static inline int by_type(void) { type (g); return 1; }",
        "typedef int type(int); static inline int by_type(void) { __typeof__(const type) g; return 1; }",
        "typedef __typeof__(helper) type; static inline int by_type(void) { type g; return 1; }",
        "extern __typeof__(helper) like; static inline int by_type(void) { __typeof__(like) g; return 1; }",
        "static inline int nests(void) { int own(int it) { return it; } return 1; }",
        "static inline int within(void) { extern int weak(void) __attribute__((weak)); return weak(); }",
        "static inline int within(void) { int f(struct used *) __attribute__((weak)); return 1; }",
        "static inline int within(void) { extern int (*one)(void), two; return two; }",
        "static inline int within(void) { extern int two, (*one)(void); return two; }",
        // What the compiler calls by itself.
        "char *stpcpy(char *, const char *);",
        "static inline int within(void) { extern char *stpcpy(char *, const char *); return 1; }",
        "typedef struct file FILE;",
        "void *memcpy(void *, const void *, unsigned long) __asm__(\"other\");",
        // It is warned of, or not, by who uses it.
        "static int promised(void);",
        ";",
    ] {
        let (one, other) = (split(USED, USER), split(&format!("{USED}{addition}\n"), USER));
        assert_ne!(one.used, other.used, "{addition}");
    }
}

#[test]
fn a_section_of_unused_functions_counts_once() {
    let in_section = |name: &str, section: &str| {
        format!("int {name}(void) __attribute__((section(\"{section}\")));\n")
    };
    let body = "static inline __attribute__((__section__(\"a\"))) int in(void) { return 1; }\n";
    let header = format!("{USED}{}", in_section("first", "a"));
    let used = |more: &str| split(&format!("{header}{more}"), USER).used;
    assert_ne!(split(USED, USER).used, used(""));
    assert_eq!(used(&in_section("second", "a")), used(""));
    assert_eq!(used(body), used(""));
    assert_ne!(used(&in_section("second", "b")), used(""));
    // It may say what is put there.
    assert_ne!(used("typedef int type(void) __attribute__((section(\"a\")));\n"), used(""));
    assert_ne!(used("extern int second __attribute__((section(\"a\")));\n"), used(""));
}

#[test]
fn names_in_brackets_are_declared() {
    let header = "typedef struct state state;\ntypedef int number;\n\
        extern number (get)(state *it);\nextern state *(made)(number (*how)(void));\n";
    let user = "number f(state *it) { return get(it); }";
    let used = |header: &str| split(header, user).used;
    assert_ne!(used(&header.replace("number (get)", "state *(get)")), used(header));
    assert_eq!(used(&header.replace("state *(made)", "int (made)")), used(header));
}

#[test]
fn whatever_a_used_declaration_names_is_used() {
    for (header, main) in [
        ("typedef int it;", USER),
        ("extern int it;", USER),
        ("enum { it };", USER),
        ("int f(struct used *);", USER),
        ("int helper(struct used *);", USER),
        ("struct nested { struct used inner; int other; };", "struct nested *nested;"),
        (
            "static inline int target(void) { return 1; }",
            "int g(void) __attribute__((alias(\"target\")));",
        ),
        ("extern int array[];", "unsigned long g(void) { return sizeof array; }"),
    ] {
        let main = format!("{USER}\n{main}");
        let (one, other) = (split(USED, &main), split(&format!("{USED}{header}\n"), &main));
        assert_ne!(one.used, other.used, "{header}");
    }
}

#[test]
fn a_number_that_a_used_declaration_is_made_of_counts_wherever_it_stands() {
    for (header, main) in [
        ("", "int table[] = { A, N, 3 };"),
        ("", "struct pair { int a, b; }; struct pair pairs[] = { { A, N, }, { A } };"),
        (
            "struct used { int one : 2 * N; int two; };",
            "int f(struct used *it) { return it->two; }",
        ),
        ("struct used { int one : A * N, two; };", "int f(struct used *it) { return it->two; }"),
        (
            "struct used { char one[A * N]; int two; };",
            "int f(struct used *it) { return it->two; }",
        ),
        (
            "typedef int used __attribute__((vector_size(A * N)));",
            "unsigned long f(void) { return sizeof(used); }",
        ),
        ("struct used { int a; } __attribute__((aligned(A * N)));", "struct used used;"),
        ("enum { M = A * N };", "int f(void) { return M; }"),
        ("int g(int (*it)[A * N]);", "int f(void) { return g(0); }"),
        ("struct used { int (*call)(int, int (*)[A * N]); };", "struct used used;"),
        (
            "struct used { char one[(A * N)]; int two; };",
            "int f(struct used *it) { return it->two; }",
        ),
        (
            "struct sized { char it[N]; };",
            "int f(void) { char it[4] __attribute__((aligned(sizeof(struct sized)))); return it[0]; }",
        ),
    ] {
        let of = |n| split(&format!("enum {{ A = 4 }};\nenum {{ N = {n} }};\n{header}\n"), main);
        assert_ne!(of(1).used, of(2).used, "{header} {main}");
    }
}

#[test]
fn which_of_several_is_declared_counts() {
    for (header, user) in [
        ("typedef int (*A)(void); typedef long (*B)(void);", "A f; B g;"),
        (
            "extern int (*A)(void) __asm__(\"x\"); extern int (*B)(void) __asm__(\"y\");",
            "int f(void) { return A() - B(); }",
        ),
        (
            "extern int (*(*A)(int))(void); extern int (*(*B)(int))(void);",
            "int f(void) { return A(1)() - B(2)(); }",
        ),
    ] {
        let swapped = header.replace('A', "C").replace('B', "A").replace('C', "B");
        assert_ne!(split(header, user).used, split(&swapped, user).used, "{header}");
    }
}

#[test]
fn a_pragma_within_a_struct_counts() {
    let of = |pragma| {
        split(
            &format!("struct used {{ char one;\n{pragma}\nint two; }};\n"),
            "int f(struct used *it) { return it->two; }",
        )
    };
    assert_ne!(of("").used, of("#pragma pack(push, 1)\n#pragma pack(pop)").used);
}

#[test]
fn what_happens_within_a_function_that_nobody_uses_stays_there() {
    for addition in [
        "static inline int counted(void) { static int count; return count++; }",
        "static inline int kept(void) { static int it __attribute__((used)); return it; }",
        "static inline void written(void) { __asm__(\"nop\"); }",
        "int hidden(void) __attribute__((visibility(\"hidden\")));",
        "static inline int outside(void) { extern int elsewhere; return elsewhere; }",
        "static inline int near(void) { int elsewhere(void); return elsewhere(); }",
        "static inline int counts(int *it) { return __atomic_load_n(it, 0); }",
        "static inline int calls(int (*given)(void)) { return given(); }",
        "static inline int calls(void *it) { int (*own)(void); own = it; return own(); }",
        "static inline int typed(int it) { __typeof__(it) own; __typeof__((it)) other; own = it; return own; }",
        "static inline int typed(struct used *it) { __typeof__(it->member) own; own = 1; return own; }",
        "static inline int typed(struct used *it) { __typeof__(*((&it->member))) own; own = 1; return own; }",
        "static inline int typed(struct used *it) { __typeof__(struct used *) own; own = it; return !own; }",
        "static inline int typed(struct used *it) { __typeof__(*it) *own; own = it; return !own; }",
        "static inline int typed(struct used *it) { __typeof__(unsigned long) own; own = 1; return !own; }",
        "static inline int types(void) { struct own { int it; } it = { 1 }; return it.it; }",
        "static inline int types(void) { typedef int own; own it = 1; return it; }",
        "static inline int points(struct used *it) { struct used *own = it, *(*other)(int); return !own; }",
        "static inline int points(void *it) { struct used (*own)(int) = it, *(*other)(int); return !own; }",
        "static inline int points(void *it) { const unsigned (*own)(int); own = it; return !own; }",
        "static inline int asserts(void) { _Static_assert(1, \"\"); __extension__ ({ 1; }); return 1; }",
        "static inline int places(int it) { register long own __asm__(\"rax\") = it; return own; }",
    ] {
        let (one, other) = (split(USED, USER), split(&format!("{USED}{addition}\n"), USER));
        assert_eq!(one.used, other.used, "{addition}");
        assert!(!is_hit(&one, &other) && is_hit(&other, &one), "{addition}");
    }
}

#[test]
fn what_is_declared_within_a_function_is_known_outside() {
    let header = "typedef int number;\nstruct used { int member; };\n";
    let user = "int f(void) { return elsewhere(1) != 0; }";
    for (within, declared) in [
        ("extern int elsewhere(int);", "int elsewhere(int);"),
        ("const extern int elsewhere;", "extern int (*elsewhere)(int);"),
        ("int elsewhere(int);", "int elsewhere(int);"),
        ("const int elsewhere(int);", "int elsewhere(int);"),
        ("number elsewhere(int);", "int elsewhere(int);"),
        ("number *const elsewhere(int);", "int *elsewhere(int);"),
        ("number const elsewhere(int);", "int elsewhere(int);"),
        ("struct used *elsewhere(int);", "struct used *elsewhere(int);"),
        ("__typeof__(int) elsewhere(int);", "int elsewhere(int);"),
        ("__attribute__((cold)) int elsewhere(int);", "int elsewhere(int);"),
        ("number elsewhere(int) __attribute__((noreturn));", "int elsewhere(int);"),
        ("int one, elsewhere(int);", "int elsewhere(int);"),
        ("int one(int), elsewhere(int), two;", "int elsewhere(int);"),
        ("{ number one; number elsewhere(int); }", "int elsewhere(int);"),
        ("one: int elsewhere(int);", "int elsewhere(int);"),
        ("for (number elsewhere(int); ; ) ;", "int elsewhere(int);"),
        ("({ number elsewhere(int); 1; });", "int elsewhere(int);"),
    ] {
        let without =
            format!("{header}static inline int within(void) {{ return 1; }}\n{declared}\n");
        let with = without.replace("{ return", &format!("{{ {within} return"));
        assert_ne!(split(&without, user).used, split(&with, user).used, "{within}");
    }
}

#[test]
fn a_function_that_may_declare_something_outside_in_ways_that_are_not_followed_is_used() {
    let header = "typedef int number;\ntypedef int function(int);\nstruct used { int member; };\n";
    let user = "int f(void) { return 1; }";
    for within in [
        "int (elsewhere)(int);",
        "int (*elsewhere(int))[3];",
        "struct used (elsewhere)(int);",
        "const number (elsewhere)(int);",
        "number (elsewhere)(int);",
        "number (*elsewhere(int))(int);",
        "function elsewhere;",
        "function (elsewhere);",
        "typedef int own(int); own elsewhere;",
        "typedef long own; own elsewhere(int);",
        "struct own { int it; }; struct own *elsewhere(int);",
        "struct used { int it; }; struct used *elsewhere(int);",
        "struct used; extern struct used elsewhere;",
        "struct used { int it; } elsewhere(int);",
        "enum { SIZE = 3 }; extern int elsewhere[SIZE];",
        "char it; extern int elsewhere[sizeof(it)];",
        "int it = 1, elsewhere(int);",
        "extern int (*one)(int), two;",
        "number elsewhere(int) __asm__(\"other\");",
    ] {
        let without = format!("{header}static inline int within(void) {{ return 1; }}\n");
        let with = without.replace("{ return", &format!("{{ {within} return"));
        assert_ne!(split(&without, user).used, split(&with, user).used, "{within}");
    }
}

#[test]
fn what_is_called_before_it_is_declared_counts() {
    let user = "int f(void) { return 1; }";
    let caller = "static inline int early(void) { return later(); }\n";
    let declared = "int later(void);\n";
    let [without, behind, before] =
        [declared.to_owned(), caller.to_owned() + declared, declared.to_owned() + caller]
            .map(|header| split(&header, user).used);
    assert_eq!(without, before);
    assert_ne!(without, behind);
}

#[test]
fn members_tags_and_ordinary_names_are_different_things() {
    for header in [
        "int member(void);",
        "struct member { int it; };",
        "struct helper { int it; };",
        "struct it;",
    ] {
        let (one, other) = (split(USED, USER), split(&format!("{header}\n{USED}"), USER));
        assert_eq!(one.used, other.used, "{header}");
    }
}

/// A structure with a pointer to another one, and what uses the first.
const NEAR: &str = "struct near { int here; struct far *far; int (*call)(struct far *it); };\n";

#[test]
fn what_is_only_pointed_to_is_no_part_of_the_object() {
    let far = |members: &str| format!("struct far {{ {members} }};\n");
    for user in [
        "int f(struct near *it) { return it->here; }",
        "int f(struct near *it, struct near *from) { *it = *from; return sizeof *it; }",
        "extern int g(struct far *it); int f(void) { return g(0); }",
        "extern int (*g)(struct near *, struct far *); int f(struct near *it) { return g(it, 0); }",
        "int f(int far, struct near *it) { return far + it->here; }",
        "int f(struct near *it, struct far *unread) { return it->here; }",
        "struct far *f(struct near *it) { return it->here ? 0 : 0; }",
    ] {
        let of = |members| split(&format!("{}{NEAR}", far(members)), user);
        let (one, other) = (of("int one;"), of("int one, two;"));
        assert_eq!(one.used, other.used, "{user}");
        assert!(!is_hit(&one, &other), "{user}");
        assert_ne!(one.used, split(NEAR, user).used, "{user}");
    }
}

#[test]
fn what_an_expression_may_look_behind_counts() {
    let far = |members: &str| format!("struct far {{ {members} }};\n");
    for (header, user) in [
        ("", "int f(struct near *it) { return it->far->one; }"),
        ("", "int f(struct near *it) { return it->far != 0; }"),
        ("", "int f(struct far *it) { return it->one; }"),
        ("", "unsigned long f(void) { return sizeof(struct far); }"),
        ("extern struct far *get(void);", "int f(void) { return get()->one; }"),
        (
            "static inline struct far *get(struct near *it) { return 0; }",
            "int f(void) { return get(0)->one; }",
        ),
        ("extern struct far *far;", "int f(void) { return far->one; }"),
        // What stands before a body is an expression, too.
        ("extern struct far *far;", "int f(char (*it)[sizeof(*far)]) { return sizeof(*it); }"),
        ("extern struct far *far;", "__typeof__(far->one) f(void) { return 1; }"),
        ("extern struct far *one, *two;", "int f(char (*it)[one - two]) { return sizeof(*it); }"),
        ("extern struct far *far;", "int f(char (*it)[(*far).one]) { return sizeof(*it); }"),
        (
            "struct by { int it : (long)((struct far *)0 + 1); };",
            "int f(struct by *it) { return it->it; }",
        ),
        (
            "struct by { int it; } __attribute__((aligned((long)((struct far *)0 + 1))));",
            "unsigned long f(void) { return sizeof(struct by); }",
        ),
        ("extern struct far all[];", "int f(void) { return all[0].one; }"),
        (
            "typedef struct far *far_t; struct by { far_t it; };",
            "int f(struct by *it) { return it->it->one; }",
        ),
        (
            "typedef struct far far_t; struct by { far_t *it; };",
            "int f(struct by *it) { return it->it->one; }",
        ),
        ("struct by { struct far *one, two; };", "int f(struct by *it) { return it->two.one; }"),
        ("struct by { struct far it; };", "unsigned long f(void) { return sizeof(struct by); }"),
        (
            "struct by { char it[sizeof(struct far)]; };",
            "unsigned long f(void) { return sizeof(struct by); }",
        ),
        ("static inline int g(struct far *it) { return it->one; }", "int f(void) { return g(0); }"),
        (
            "struct by { struct far *(*get)(void); };",
            "int f(struct by *it) { return it->get()->one; }",
        ),
        (
            "struct by { union { struct far *far; int other; }; };",
            "int f(struct by *it) { return it->far->one; }",
        ),
    ] {
        let of = |members| split(&format!("{}{NEAR}{header}\n", far(members)), user);
        assert_ne!(of("int one;").used, of("int one, two;").used, "{header} {user}");
    }
}

#[test]
fn what_a_member_is_called_counts_only_if_it_is_named() {
    let of = |members: &str, user| split(&format!("struct used {{ {members} }};\n"), user);
    for (user, counts) in [
        ("int f(struct used *it) { return it->two; }", false),
        ("int f(struct used *it) { return it->one; }", true),
        ("struct used it = { one: 3 };", true),
        ("struct used it = { .one = 3 };", true),
        ("unsigned long f(void) { return __builtin_offsetof(struct used, one); }", true),
    ] {
        let (one, other) = (of("int one; int two;", user), of("int uno; int two;", user));
        assert_eq!(one.used != other.used, counts, "{user}");
        assert!(!is_hit(&one, &other), "{user}");
    }
    // Which one is meant counts, though both look alike.
    for (one, other, user) in [
        (
            "int (*one)(void); int (*two)(void);",
            "int (*two)(void); int (*one)(void);",
            "int f(struct used *it) { return it->one(); }",
        ),
        (
            "int (*one[2])(void); int (*two[3])(void);",
            "int (*two[2])(void); int (*one[3])(void);",
            "int f(struct used *it) { return it->one[0](); }",
        ),
    ] {
        assert_ne!(of(one, user).used, of(other, user).used, "{one}");
    }
    // What its type is counts in any case.
    let user = "int f(struct used *it) { return it->two; }";
    let typed =
        |name: &str| split(&format!("typedef int t; struct used {{ {name} two; }};\n"), user);
    assert_ne!(typed("t").used, typed("unsigned").used);
}

#[test]
fn the_order_of_what_belongs_together_counts() {
    let swapped = |one: &str, two: &str| {
        let (first, second) = (
            split(&format!("{one}\n{two}\n"), "int f(void) { return 0; }"),
            split(&format!("{two}\n{one}\n"), "int f(void) { return 0; }"),
        );
        assert_eq!(first.used, second.used);
        is_hit(&first, &second)
    };
    assert!(swapped("struct a { int a; };", "struct b { int b; };"));
    assert!(!swapped("struct a { int a; };", "struct b { struct a a; };"));
    assert!(!swapped("struct a { int a; };", "int of_a(struct a *);"));
    // Nothing in `size` names what makes `p` complete.
    let forward = "struct a;\nextern struct a *p;\n";
    let complete = "struct a { int a; };\n";
    let size = "static inline unsigned long size(void) { return sizeof(*p); }\n";
    let one = split(&format!("{forward}{complete}{size}"), "int f(void) { return 0; }");
    let other = split(&format!("{forward}{size}{complete}"), "int f(void) { return 0; }");
    assert!(!is_hit(&one, &other));
}

#[test]
fn a_tag_that_was_known_before_parameters_name_it_counts() {
    let user = "int unused(struct tag *it);\n";
    for tag in ["extern struct tag *tag;\n", "extern __typeof__(struct tag) tag;\n"] {
        let one = split(&format!("{tag}{user}"), "int f;");
        let other = split(&format!("{user}{tag}"), "int f;");
        assert!(!is_hit(&one, &other), "{tag}");
        assert!(!is_hit(&one, &split(user, "int f;")), "{tag}");
    }
}

#[test]
fn pragmas_in_force_count_and_those_of_unknown_reach_refuse() {
    let pragma =
        |pragma: &str| split(&format!("{USED}#pragma {pragma}\nint unused(void);\n"), USER);
    let plain = split(&format!("{USED}int unused(void);\n"), USER);
    for it in ["GCC diagnostic ignored \"-Wshadow\"", "clang diagnostic push"] {
        assert!(!is_hit(&plain, &pragma(it)), "{it}");
    }
    let packed = split(&format!("#pragma pack(push, 1)\n{USED}#pragma pack(pop)\n"), USER);
    assert_ne!(split(USED, USER).used, packed.used);
    for it in [
        "weak f",
        "GCC visibility push(hidden)",
        "pack(push, name, 1)",
        "GCC optimize(3)",
        "STDC FP_CONTRACT ON",
        "pack(1)",
        "pack(pop)",
        "GCC ivdep",
        "omp parallel",
        "redefine_extname a b",
        "GCC poison x",
    ] {
        assert_eq!(refused(&format!("{USED}#pragma {it}\n"), USER), Doubt::Pragma, "{it}");
    }
}

#[test]
fn a_system_header_is_another_place() {
    let plain = split(USED, USER);
    let system = Split::of(
        text(USED, USER).replace("\"header.h\" 1", "\"header.h\" 1 3").as_bytes(),
        &builtins(),
    );
    assert_ne!(plain.used, system.unwrap().used);
}

#[test]
fn all_of_the_main_file_is_used() {
    assert_ne!(split(USED, USER).used, split(USED, &format!("struct unused;\n{USER}")).used);
}

#[test]
fn lines_and_files_may_change() {
    let moved = text(USED, USER).replace("\n# 2", "\n\n\n# 12").replace("header.h", "other.h");
    let moved = Split::of(moved.as_bytes(), &builtins()).unwrap();
    assert!(is_hit(&split(USED, USER), &moved));
}

#[test]
fn what_is_not_understood_is_refused() {
    for (header, doubt) in [
        ("int f(a) int a; { return a; }", Doubt::OldStyle),
        ("implicit;", Doubt::ImplicitInt),
        ("implicit(void) { return 0; }", Doubt::ImplicitInt),
        ("int f(void) { return (1; }", Doubt::Brackets),
        ("int f(void) {", Doubt::Unfinished),
        ("int f(void) { return 1 }};", Doubt::Brackets),
        ("int a /* comment */;", Doubt::Comment),
        ("#define A", Doubt::Directive),
        ("char *a = \"open;", Doubt::Literal),
        ("char *a = R\"(raw)\";", Doubt::Literal),
        ("int a<:3:>;", Doubt::Byte),
        ("int a\\u0041;", Doubt::Byte),
        ("int a [[gnu::used]];", Doubt::Byte),
        ("struct a { int (*f)(struct unheard *); };", Doubt::TagScope),
        ("int f(struct { int a; } *it);", Doubt::TagScope),
        ("struct a { enum b : int { C } d; };", Doubt::TagScope),
        ("int a = sizeof(int (*)(struct unheard *));", Doubt::TagScope),
        ("extern __typeof__(int (struct unheard *)) it;", Doubt::TagScope),
        ("extern __typeof__(struct unheard { int a; }) it;", Doubt::TagScope),
        ("struct a *p; union a *q;", Doubt::TagKind),
        ("int f(void) { return __builtin_LINE(); }", Doubt::Position),
        ("int f(struct used *it) { return __builtin_dump_struct(it, 0); }", Doubt::Position),
        ("_Pragma(\"weak f\")", Doubt::Macros),
        ("# 7 \"elsewhere.h\" 2", Doubt::Directive),
        ("int a, b c;", Doubt::Declarator),
        ("int 7;", Doubt::Specifiers),
    ] {
        assert_eq!(refused(&format!("{header}\n"), "int main_of;"), doubt, "{header}");
    }
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_is_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Split::of(&bytes, &builtins());
        }

        #[test]
        fn no_words_are_too_much(words in proptest::collection::vec(proptest::sample::select(vec![
            "struct", "enum", "typedef", "static", "inline", "extern", "int", "a", "b", "f", "(", ")",
            "{", "}", "[", "]", ";", ",", "*", "=", "1", "\"s\"", "__attribute__", "((", "))", "asm",
            "typeof", ".", "->", "...", "\n# 1 \"h.h\" 1\n", "\n# 2 \"u.c\" 2\n", "\n#pragma pack(1)\n", ":",
        ]), 0..200)) {
            let text = words.join(" ");
            let _ = Split::of(text.as_bytes(), &builtins());
        }
    }
}
