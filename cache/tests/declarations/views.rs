//! What is seen of structures that are only looked into, with a real gcc to tell where their members lie.

use std::fs;
use std::process::Command;

use farmbuild_cache::declarations::{Builtins, Id, Layout, Question, Split};

/// What is seen of a text, if anything is only looked into.
pub(crate) fn seen(text: &[u8], builtins: &Builtins, flags: &[&str]) -> Option<(Id, Split)> {
    let split = Split::with_view(text, builtins).ok()?;
    let view = split.view.as_ref()?;
    let question = Question::of(text, builtins, &view.layouts).unwrap();
    let space = tempfile::tempdir().unwrap();
    fs::write(space.path().join("question.i"), &question.text).unwrap();
    let mut gcc = Command::new("gcc");
    gcc.current_dir(space.path()).args(flags).args(["-w", "-c", "question.i"]);
    let answers = match gcc.output().unwrap().status.success() {
        true => question.answer(&fs::read(space.path().join("question.o")).unwrap()).unwrap(),
        false => Vec::new(),
    };
    let of = |id: &Id| answers.iter().find(|(it, _)| it == id).map(|(_, layout)| layout.clone());
    let layouts: Vec<Option<Layout>> = view.layouts.iter().map(of).collect();
    Some((view.used(&layouts)?, split))
}

/// A structure with a hole, one within another one, and what points to them.
const HEADER: &str = "struct inner { long first; char small; HOLE };\n\
    struct outer { struct inner in; struct inner *to; struct outer *next; struct { int one; char two; HOLE } own; char number; HOLE int last; };\n\
    struct other { int number; };\n\
    typedef struct inner inner_t;\n\
    extern struct inner *get(int);\n\
    extern int calls(const void *, ...);\n";

fn seen_with(hole: &str, main: &str) -> Option<Id> {
    let header = HEADER.replace("HOLE", hole);
    let text = format!("# 1 \"unit.c\"\n# 1 \"header.h\" 1\n{header}\n# 2 \"unit.c\" 2\n{main}\n");
    seen(text.as_bytes(), &Builtins::default(), &[]).map(|(id, _)| id)
}

/// Whether a member in a hole of `struct inner` and of `struct outer` is nothing to a source.
#[track_caller]
fn overlooks(main: &str) -> bool {
    let without = seen_with("", main);
    without.is_some() && without == seen_with("char hole;", main)
}

#[test]
fn a_member_in_a_hole_is_nothing_to_who_looks_into_the_structure_alone() {
    for main in [
        "int f(struct inner *it) { return it->small + it->first; }",
        "int f(struct outer *it) { return it->in.small + it->to->small + it->next->number; }",
        "int f(struct outer *it) { it = it->next; return it && !it->next ? it->number : 0; }",
        "unsigned long f(struct inner *it) { return sizeof(*it) + sizeof(struct inner) + sizeof *it; }",
        "int f(struct outer *it) { return calls(it, &it->in, &(it->in), &it->number); }",
        "int f(struct outer *it) { return (it->in).small + (&it->in)->small; }",
        "int f(char *one) { struct outer *it = (struct outer *)(one - __builtin_offsetof(struct outer, number)); return it->last; }",
        "int f(int *one) { return ((struct outer *)((char *)one - (unsigned long)&((struct outer *)0)->number))->last; }",
        "int f(struct outer *it) { return __atomic_load_n(&it->number, 5) + *(volatile int *)&it->last; }",
        "int f(struct outer *it) { typeof(*(&it->number)) value = *(&it->number); return value * it->last; }",
        "int f(struct outer *it) { typeof(&it->number) value = &it->number; return *value + value[1]; }",
        "int f(struct outer *it) { return *(volatile typeof(it->last) *)&it->last; }",
        "int f(struct outer *it) { for (typeof(it) one = it; one; one = one->next) calls(one); return it->last; }",
        "int f(void) { struct inner *one = get(1), *two = get(2), *three; three = one; return two->small + three->small; }",
        "int f(struct inner *it, char *s) { char *a, *small = s; a = small; return *a + *s++ + s[1] + it->small; }",
        "int f(struct inner *it, int *one, int two) { return two * *one + two * it->small; }",
        "int f(struct inner *s) { return s->small; }\nint g(char *s) { return *s + s[3]; }",
        "int f(struct inner *it) { typedef int local_t; local_t *one = calls(it) ? (local_t *)0 : (local_t *)&it->first; return *one; }",
        "int f(struct other *it, struct outer *out) { return *&it->number + out->last; }",
    ] {
        assert!(overlooks(main), "{main}");
    }
}

#[test]
fn what_is_used_as_a_whole_counts_with_all_its_members() {
    for main in [
        // Objects.
        "struct inner object;",
        "int f(void) { struct inner it = { 1, 2 }; return calls(&it); }",
        "int f(void) { struct inner *one, it; return calls(one = &it); }",
        "int f(void) { struct inner *one = 0, *two = one, it; return calls(two, &it); }",
        "int f(void) { for (struct inner *one = 0, it;;) return calls(one, &it); }",
        "int f(void) { inner_t it; return calls(&it); }",
        "int f(void) { struct outer it; return calls(&it); }",
        "int f(void) { return calls(&(struct inner){ 1, 2 }); }",
        "int f(struct inner *it) { typeof(*it) one; return calls(&one); }",
        "int f(struct inner *it) { return calls(&(typeof(*it)){ 1, 2 }); }",
        "int f(struct outer *it) { typeof(it->in) one; return calls(&one); }",
        "struct inner objects[3]; int f(void) { return objects->small; }",
        "struct mixed { struct inner *one, two; };\nint f(void) { struct mixed it; return calls(&it); }",
        "struct mixed { struct inner *one, two; };\nvoid f(struct mixed *it) { it->two = *get(1); }",
        "struct mixed { struct inner one[1], *two; };\nvoid f(struct mixed *it) { it->one[0] = *get(1); }",
        "struct mixed { int b; struct { struct inner *one, two; } own; };\nvoid f(struct mixed *it) { it->own.two = *get(1); }",
        "struct inner *one, two;\nint f(void) { return calls(one, &two); }",
        "void f(struct inner one[2]) { one[0] = one[1]; }",
        // Values.
        "int f(struct inner it) { return it.small; }",
        "struct inner f(void);\nint g(void) { return f().small; }",
        "int f(__builtin_va_list all) { return __builtin_va_arg(all, struct inner).small; }",
        // Copies.
        "void f(struct inner *one, struct inner *two) { *one = *two; }",
        "void f(struct inner *one, struct inner *two) { one[0] = two[1]; }",
        "int f(struct inner *it) { return (*it).small; }",
        "void f(struct outer *one, struct outer *two) { one->in = two->in; }",
        "void f(struct outer *one, struct outer *two) { (one->in) = *(&two->in); }",
        "void f(struct outer *one, struct outer *two) { one->own = two->own; }",
        "void f(struct outer *one) { calls(0, one->in); }",
        "void f(struct outer *one) { *one->to = *get(1); }",
        "void f(void) { *get(1) = *get(2); }",
        "void f(void) { struct inner *(*way)(int) = get; *way(1) = *(*way)(2); }",
        "void f(int at, void *one, void *two) { *(at ? (struct inner *)one : two) = *(struct inner *)two; }",
        "void f(void *one, void *two) { *(struct inner *)one = ((struct inner *)two)[1]; }",
        "void f(struct inner *one, struct inner *two) { *({ one; }) = *(calls(1), two); }",
        "int f(struct inner *one, int two) { return two * (*one).small; }",
        "int f(struct inner **one) { return two_of(1) * *one[1]; }\nint two_of(int);",
        "void f(void) { struct inner *(one) = get(1), *(*two) = &one; *one = **two; }",
        "void f(struct inner *(one)) { one[0] = one[1]; }",
        "struct inner *(global);\nvoid f(void) { *global = global[1]; }",
        "struct mixed { struct inner *(one); };\nvoid f(struct mixed *it) { *it->one = it->one[1]; }",
        "struct mixed { struct inner (one); };\nvoid f(struct mixed *it) { it->one = *get(1); }",
        // By other names.
        "void f(struct inner *one, struct inner *two) { typeof(one) three = two; *three = *one; }",
        "void f(struct inner *one) { typeof(struct inner *) two = one; *two = two[1]; }",
        "void f(struct inner *one) { __auto_type two = one; *two = two[1]; }",
        "void f(struct inner *one) { typedef struct inner *inner_p; inner_p two = one; *two = two[1]; }",
        "typedef struct inner *inner_p;\nvoid f(inner_p one, inner_p two) { *one = *two; }",
        "void f(struct inner *one) { struct { struct inner *it; } own = { one }; *own.it = own.it[1]; }",
        "void f(struct inner **one) { *__atomic_load_n(one, 0) = *__atomic_load_n(one + 1, 0); }",
        "void f(__builtin_va_list all) { *__builtin_va_arg(all, struct inner *) = *get(1); }",
        // What isn't followed.
        "int f(struct inner *restrict one, int *restrict two) { *two = 1; return one->small; }",
        "int f(int *two) { struct inner *one = get(1), *restrict three = one; *two = 1; return three->small; }",
        "int f(struct inner *one) { typeof(one) restrict two = one; return two->small; }",
        "int f(struct inner *one) { auto two = one; return two->small; }",
        "int f(struct inner *one) { __typeof_unqual__(one) two = one; return two->small; }",
        "__attribute__((optimize(\"strict-aliasing\"))) int f(struct inner *one) { return one->small; }",
        "void f(struct inner *one) { __builtin_clear_padding(one); }",
    ] {
        // Beside what has no hole to be filled.
        let without = seen_with("", main);
        assert!(without.is_none() || !overlooks(main), "{main}");
    }
}

/// A member at the end is nothing to a source.
#[track_caller]
fn overlooks_growth(main: &str) -> bool {
    let with = |more: &str| {
        let text = format!(
            "# 1 \"unit.c\"\n# 1 \"header.h\" 1\nstruct one {{ int a; struct one *next; {more} }};\n\
             struct two {{ int b; struct one in; struct one *to; }};\nextern struct one *get(int);\n\
             union three {{ struct one in; int b[2]; }};\nstruct four {{ int b; struct {{ struct one in; }} own; struct one many[3]; struct one in; }};\n\
             extern int calls(const void *, ...);\n# 2 \"unit.c\" 2\n{main}\n"
        );
        seen(text.as_bytes(), &Builtins::default(), &[]).map(|(id, _)| id)
    };
    let without = with("");
    without.is_some() && without == with("long more; int less;")
}

#[test]
fn how_large_it_is_counts_only_if_it_is_measured_or_stepped_over() {
    for main in [
        "int f(struct one *it) { return it->a + 1 - it->next->a; }",
        "int f(struct one *it) { return -it->a + get(1 + it->a)->a; }",
        "int f(struct one *it) { for (; it; it = it->next) calls(it); return it == get(1); }",
        "int f(struct two *it) { return it->b + it->in.a; }",
        "int f(struct one *it, int *some) { return *(some + 1) + some[it->a] + (int)sizeof(it->a); }",
        "int f(__builtin_va_list all) { return __builtin_va_arg(all, struct one *)->a; }",
    ] {
        assert!(overlooks_growth(main), "{main}");
    }
    for main in [
        "int f(struct one *it) { return calls(it + 1); }",
        "int f(struct one *it) { return calls(1 + it); }",
        "int f(struct one *it) { return calls(it++); }",
        "int f(struct one *it) { return calls(--it); }",
        "int f(struct one *it) { it += 2; return calls(it); }",
        "int f(struct one *it) { return get(1) - it; }",
        "int f(void *it) { return calls((struct one *)it + 1); }",
        "int f(void *it) { return calls(1 + (struct one *)it); }",
        "int f(void *it) { return calls(((struct one *)it) - 1); }",
        "int f(int it) { return calls((it ? get(1) : get(2)) + 1); }",
        "int f(struct two *it) { return calls(&it->in + 1); }",
        "int f(struct two *it) { return calls(it->to + 1); }",
        "int f(struct one *it) { typeof(it) other = it; return calls(other + 1); }",
        "int f(struct one **it) { return calls(__atomic_load_n(it, 0) + 1); }",
        "int f(struct one *it) { return calls(({ it; }) + 1); }",
        "int f(void) { return sizeof(struct one); }",
        "int f(struct one *it) { return sizeof(*it) + sizeof *it; }",
        "int f(struct two *it) { return sizeof(it->in); }",
        "int f(struct two *it) { return sizeof(typeof(*it->to)); }",
        "_Static_assert(sizeof(struct one) < 64, \"\"); int f(struct one *it) { return it->a; }",
        "int f(void) { return __builtin_offsetof(struct four, many[1].a); }",
        "int f(struct four *it) { return calls(it->many + 1); }",
        "int f(struct four *it) { return it->many[1].a; }",
        // Behind what grew, or in what is as large as that.
        "int f(struct two *it) { return it->to->a; }",
        "int f(union three *it) { return it->b[1]; }",
        "int f(struct four *it) { return it->own.in.a; }",
        "int f(struct one *it) { return it->a + __builtin_object_size(it, 1); }",
    ] {
        assert!(!overlooks_growth(main), "{main}");
    }
}

#[test]
fn members_are_those_of_the_structure_that_the_operand_may_be_of() {
    let with = |members: &str, main: &str| {
        let text = format!(
            "# 1 \"unit.c\"\n# 1 \"header.h\" 1\nstruct one {{ int a; {members} int z; }};\n\
             struct two {{ int size, next; struct one *one; union {{ struct one *flat; int round; }}; }};\nextern struct one *get(int);\n\
             # 2 \"unit.c\" 2\n{main}\n"
        );
        seen(text.as_bytes(), &Builtins::default(), &[]).map(|(id, _)| id)
    };
    // What `a` stands before and `z` behind is `size`.
    for (main, counts) in [
        ("int f(struct one *it, struct two *other) { return it->a + other->size; }", false),
        (
            "int f(struct one *it, struct two *other) { return it->a + it->size + other->next; }",
            true,
        ),
        ("int f(struct two *it) { return it->one->a + it->size; }", false),
        ("int f(struct two *it) { return it->one->a + it->one->size; }", true),
        ("int f(struct two *it) { return it->flat->a + it->flat->size; }", true),
        ("int f(struct two *it) { return (it->size ? it->one : it->flat)->size; }", true),
        ("int f(struct two *it) { return ((struct one *)it)->size; }", true),
        ("int f(struct two *it) { return ({ struct one *in = it->one; in; })->size; }", true),
        ("int f(struct two *it) { typeof(it->one) in = it->one; return in->size; }", true),
        ("int f(struct one **it) { return (*it)->size + __atomic_load_n(it, 0)->a; }", true),
        ("int f(struct one **it) { return __atomic_load_n(it, 0)->size; }", true),
        (
            "int f(__builtin_va_list all) { return __builtin_va_arg(all, struct one *)->size; }",
            true,
        ),
        ("int f(struct one *it) { return ((struct one *[]){ it })[0]->size; }", true),
        ("int f(struct one *it) { return (struct one *[]){ it }[0]->size; }", true),
        ("int f(void) { return get(1)->a + (*get)(2)->size; }", true),
        ("int f(struct two *it) { return get(1)->a + it->size; }", false),
        ("int f(struct one *it) { return it->a + __builtin_offsetof(struct one, size); }", true),
        ("int f(struct one *it) { return it->a + __builtin_offsetof(struct two, size); }", false),
        ("int f(struct one *it) { return it->a + __builtin_offsetof(typeof(*it), size); }", true),
    ] {
        let (one, other) = (with("int size;", main), with("short size, more;", main));
        let is_whole = one.is_none() && other.is_none();
        assert_eq!(is_whole || one != other, counts, "{main}");
    }
}

#[test]
fn where_named_members_lie_counts_and_how_large_it_all_is() {
    let main = "int f(struct outer *it) { return it->last + it->in.small; }";
    let header = "struct inner { int first; char small; MORE };\nstruct outer { int number; struct inner in; int last; };\n";
    let with = |more: &str| {
        let text = format!(
            "# 1 \"unit.c\"\n# 1 \"header.h\" 1\n{}\n# 2 \"unit.c\" 2\n{main}\n",
            header.replace("MORE", more)
        );
        seen(text.as_bytes(), &Builtins::default(), &[]).unwrap().0
    };
    let plain = with("");
    assert_eq!(plain, with("char more;"), "in the hole behind it");
    for more in ["int more;", "char more[4];", "short more : 3; int all : 31;"] {
        assert_ne!(plain, with(more), "{more}");
    }
}

#[test]
fn members_that_are_named_count_as_they_are_declared() {
    let with = |members: &str| {
        let text = format!(
            "# 1 \"unit.c\"\n# 1 \"header.h\" 1\nstruct one {{ {members} }};\n# 2 \"unit.c\" 2\nint f(struct one *it) {{ return it->a + it->b; }}\n"
        );
        seen(text.as_bytes(), &Builtins::default(), &[]).map(|(id, _)| id)
    };
    let plain = with("int a; int b; int c;");
    assert!(plain.is_some());
    assert_eq!(plain, with("int a; int b; unsigned c;"));
    assert_eq!(plain, with("int a; int b; int renamed;"));
    for members in [
        "unsigned a; int b; int c;",
        "int b; int a; int c;",
        "const int a; int b; int c;",
        "int a; union { int b; float real; }; int c;",
        // The last one may go on, if it is an array.
        "int a; int c; int b;",
    ] {
        assert_ne!(plain, with(members), "{members}");
    }
    // In brackets.
    let plain = with("int (a); int (*c)(int a, int b); int (b);");
    assert_eq!(plain, with("int (a); int (*d)(void); int (b);"));
    assert_ne!(plain, with("int (b); int (*c)(int a, int b); int (a);"));
    // Its neighbours say how it is written.
    assert_eq!(with("int a : 3; int b; int c;"), None);
}

#[test]
fn what_the_compiler_cant_lay_out_counts_as_it_is_written() {
    let with = |members: &str| {
        let text = format!(
            "# 1 \"unit.c\"\n# 1 \"header.h\" 1\nstruct one {{ int a; {members} }};\n# 2 \"unit.c\" 2\nint f(struct one *it) {{ return it->a; }}\n"
        );
        let split = Split::with_view(text.as_bytes(), &Builtins::default()).unwrap();
        split.view.unwrap().used(&[None])
    };
    assert_eq!(with("char b;"), with("char b;"));
    assert_ne!(with("char b;"), with("char b; char c;"));
}

#[test]
fn what_a_structure_has_in_it_counts_for_which_pointers_may_be_the_same() {
    let with = |more: &str| {
        let text = format!(
            "# 1 \"unit.c\"\n# 1 \"header.h\" 1\ntypedef unsigned short u16;\ntypedef u16 port_t;\ntypedef signed char tiny_t;\n\
             typedef struct {{ int in; }} wrapped_t;\nstruct inner {{ int in; }};\nenum kind {{ ONE }};\n\
             struct one {{ int a; long *z; {more} }};\n# 2 \"unit.c\" 2\nint f(struct one *it) {{ return it->a; }}\n"
        );
        seen(text.as_bytes(), &Builtins::default(), &[]).unwrap().0
    };
    let plain = with("");
    for more in [
        "short b;",
        "u16 b, c;",
        "port_t b;",
        "double b;",
        "char *b;",
        "struct inner *b, **c;",
        "wrapped_t *b;",
        "int (*b)(char);",
        "struct { int b; } own;",
    ] {
        assert_eq!(plain, with(more), "{more}");
    }
    for more in [
        "char b;",
        "unsigned char b[4];",
        "tiny_t b;",
        "struct inner b;",
        "wrapped_t b;",
        "struct inner *b, c;",
        "enum kind b;",
        "struct { tiny_t b; } own;",
        "union { struct inner b; } own;",
    ] {
        assert_ne!(plain, with(more), "{more}");
    }
}

mod any_words {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 44] = [
        "struct",
        "union",
        "one",
        "two",
        "a",
        "b",
        "in",
        "next",
        "f",
        "int",
        "char",
        "const",
        "restrict",
        "typeof",
        "sizeof",
        "__builtin_offsetof",
        "__atomic_load_n",
        "__attribute__",
        "typedef",
        "static",
        "return",
        "for",
        "if",
        "*",
        "*",
        "&",
        "->",
        "->",
        ".",
        "+",
        "-",
        "=",
        ",",
        ";",
        ";",
        ":",
        "?",
        "1",
        "\"s\"",
        "!",
        "asm",
        "extern",
        "_Generic",
        "__extension__",
    ];

    /// Words with brackets that match.
    fn bracketed(words: &[usize]) -> String {
        let (mut text, mut open) = (String::new(), Vec::new());
        for &word in words {
            match word.checked_sub(WORDS.len()) {
                None => text.push_str(WORDS[word]),
                Some(at @ 0..=2) => {
                    text.push(['(', '[', '{'][at]);
                    open.push([')', ']', '}'][at]);
                }
                Some(_) => text.extend(open.pop()),
            }
            text.push(' ');
        }
        text.extend(open.iter().rev());
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_words_are_too_much(
            members in proptest::collection::vec(0..WORDS.len() + 6, 0..20),
            head in proptest::collection::vec(0..WORDS.len() + 6, 0..12),
            body in proptest::collection::vec(0..WORDS.len() + 6, 0..60),
            object in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let [members, head, body] = [members, head, body].map(|words| bracketed(&words));
            let text = format!(
                "# 1 \"unit.c\"\n# 1 \"header.h\" 1\nstruct two {{ int a; char b; }};\n\
                 struct one {{ int a; struct one *next; struct two in; {members}; }};\n# 2 \"unit.c\" 2\n{head};\n\
                 int f(struct one *one, struct two **two) {{ {body}; return one->next->in.b; }}\n"
            );
            if let Ok(split) = Split::with_view(text.as_bytes(), &Builtins::default())
                && let Some(view) = split.view
            {
                let question = Question::of(text.as_bytes(), &Builtins::default(), &view.layouts);
                if let Ok(question) = question {
                    let _ = question.answer(&object);
                    let marked = [&b"farmbuild-layout\x08\x07\x06\x05\x04\x03\x02\x01"[..], &object];
                    let _ = question.answer(&marked.concat());
                }
                let layouts: Vec<_> = view.layouts.iter().map(|_| Some(Layout(vec![1, 2]))).collect();
                let _ = view.used(&layouts);
            }
        }
    }
}
