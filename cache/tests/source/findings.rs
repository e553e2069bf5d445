//! What is found in one text.

use farmbuild_cache::source::{Doubt, Facts, IdHash, Mentions, Sign, could_paste};

fn facts(text: &str) -> Facts {
    Facts::of(text.as_bytes())
}

#[test]
fn what_is_doubtful_is_opaque() {
    for (text, doubt) in [
        ("int a;", None),
        ("int a\\\n;\n", None),
        ("int a\\\nb;\n", Some(Doubt::Splice)),
        ("f\\\n(a);\n", Some(Doubt::Splice)),
        ("f(\\\na);\n", None),
        ("a +\\\n+ b;\n", Some(Doubt::Splice)),
        ("int \\\na;\n", None),
        ("int \\\na;\\\n", Some(Doubt::Splice)),
        ("int \\ \na;\n", Some(Doubt::Splice)),
        ("\\u00e9\n", Some(Doubt::Splice)),
        ("/\\\n* x */\n", Some(Doubt::Splice)),
        ("/* *\\\n/ x */\n", Some(Doubt::Splice)),
        ("/* *\\\n\\\n/ x */\n", Some(Doubt::Splice)),
        ("/* *\\\n * x\n\\* */\n", None),
        ("// \\ \nx\n", Some(Doubt::Splice)),
        ("// \\", Some(Doubt::Splice)),
        ("\"a\\ \nb\"\n", Some(Doubt::Splice)),
        ("\"a\\\nb\"\n", None),
        ("/* ??/ */\n", None),
        ("/* ??/\n */\n", Some(Doubt::Trigraph)),
        ("/* *??/ \n/ x */\n", Some(Doubt::Trigraph)),
        ("// ??/\nx\n", Some(Doubt::Trigraph)),
        ("// ??/", Some(Doubt::Trigraph)),
        ("a ??/\n b\n", Some(Doubt::Trigraph)),
        ("/* ??) */\n", None),
        ("a ??( b\n", Some(Doubt::Trigraph)),
        ("\"??=\"\n", Some(Doubt::Trigraph)),
        ("a ? b : c\n", None),
        ("%:define X\n", Some(Doubt::Digraph)),
        ("<:a:>\n", None),
        ("/* x\n", Some(Doubt::Unterminated)),
        ("/*/\n", Some(Doubt::Unterminated)),
        ("\"x\n", Some(Doubt::Unterminated)),
        ("'x\n", Some(Doubt::Unterminated)),
        ("#error don't\n", Some(Doubt::Unterminated)),
        ("#include <a\n", Some(Doubt::Unterminated)),
        ("#include <a//b>\n", Some(Doubt::HeaderName)),
        ("#include /* x */ <a//b>\n", Some(Doubt::HeaderName)),
        ("#if __has_include(<a/*b>)\n", Some(Doubt::HeaderName)),
        ("#include \"a\\b\"\n", Some(Doubt::HeaderName)),
        ("import <a//b>;\n", Some(Doubt::HeaderName)),
        ("R\"(a)\"\n", Some(Doubt::RawString)),
        ("u8R\"(a)\"\n", Some(Doubt::RawString)),
        ("u8\"a\" L'a'\n", None),
        ("1'000\n", Some(Doubt::DigitSeparator)),
        (".5'0\n", Some(Doubt::DigitSeparator)),
        ("1e+5'0\n", Some(Doubt::DigitSeparator)),
        ("a\0b\n", Some(Doubt::Control)),
        ("a\r\n", Some(Doubt::Control)),
        ("\u{e9}\n", Some(Doubt::NotAscii)),
        ("\u{feff}int a;\n", Some(Doubt::NotAscii)),
        ("\"\u{e9}\"\n", None),
        ("#embed <a>\n", Some(Doubt::Embed)),
        ("#pragma GCC dependency <a//b>\n", Some(Doubt::Pragma)),
        ("#pragma a \\\n b\n", Some(Doubt::Pragma)),
    ] {
        let facts = facts(text);
        assert_eq!(facts.doubt, doubt, "{text:?}");
        assert_eq!(facts.in_place.is_none(), doubt.is_some(), "{text:?}");
        assert_eq!(facts.flowing.is_none(), doubt.is_some(), "{text:?}");
    }
    let long = format!("int a; /* {} */\n", "x".repeat(5000));
    assert_eq!(facts(&long).doubt, Some(Doubt::LongLine));
    assert_eq!(Facts::of(b"/* \xff */").doubt, Some(Doubt::NotAscii));
}

#[test]
fn names_are_mentioned_outside_of_comments() {
    for (text, mentioned) in [
        ("int X;", true),
        ("/* X */ // X", false),
        ("XY X1 aX 1X", false),
        ("#ifdef X\n#endif", true),
        ("#if defined(X)\n#endif", true),
        ("#undef X", true),
        ("#include X", true),
        ("#include <X>", false),
        ("#pragma push_macro(\"X\")", true),
        ("_Pragma(\"omp a(X)\")", true),
        ("_Pragma(\"omp \\\"X\\\"\")", true),
        ("\"a\\\nX\\\nb\"", false),
        ("\" \\\nX\\\n b\"", true),
        ("\"\\nX\"", true),
        ("'X'", false),
        ("#define _A X", true),
        ("0x1e+X", true),
        ("X\"a\"", true),
        ("\"a\"X", true),
        ("a##X", true),
        // The file is opaque.
        ("/* X", true),
        ("don't \\\nX\\\nY", true),
        ("don't \\nX", true),
    ] {
        assert_eq!(facts(text).mentions(b"X"), mentioned, "{text:?}");
    }
    assert!(facts("don't X\\ \nY").mentions(b"XY"));
    assert!(facts("don't X??/\r\nY").mentions(b"XY"));
}

#[test]
fn what_an_unmentioned_macro_mentions_is_kept_apart() {
    let header =
        facts("int a;\n#define X Y\n#define Y Z\n#define _W V\n#define U 1\n#define U 2\n");
    let names = header.macros.iter().map(|defined| &*defined.name).collect::<Vec<_>>();
    assert_eq!(names, ["X", "Y", "U", "U"]);
    assert_eq!(*header.macros[0].body, [IdHash::of(b"Y")]);
    assert!(!header.mentions(b"X") && !header.mentions(b"Y") && !header.mentions(b"Z"));
    assert!(header.mentions(b"_W") && header.mentions(b"V"));

    let source = facts("#ifdef X\n#endif\n");
    let files = [&header, &source];
    let mentions = Mentions::of(&files);
    assert!(mentions.reach("X") && mentions.reach("Y") && mentions.reach("Z"));
    assert!(!mentions.reach("U"));
    assert_eq!(mentions.definitions("U"), 2);
    let files = [&header];
    let mentions = Mentions::of(&files);
    assert!(!mentions.reach("X") && !mentions.reach("Y") && !mentions.reach("Z"));
}

#[test]
fn a_macros_parameters_are_no_mention() {
    let header = facts("int x;\n#define X(a, b, X, ...) a##b Y\n#define _Z(c, rest...) c rest\n");
    assert_eq!(*header.macros[0].body, [IdHash::of(b"Y")]);
    let other = facts("int a;\n");
    for (name, possible) in [("YY", true), ("aY", false), ("cY", false), ("restY", false)] {
        assert_eq!(could_paste(name.as_bytes(), &[&header]), possible, "{name}");
    }
    assert!(could_paste(b"aY", &[&header, &other]));
}

#[test]
fn words_beside_comments_in_another_encoding_are_found() {
    let latin = Facts::of(b"/* \xe9 X */ char *name = \"\xe9 Y\"; int Z;\n#define W 1\n");
    assert_eq!((latin.doubt, latin.in_place), (Some(Doubt::NotAscii), None));
    assert!(!latin.mentions(b"X") && latin.mentions(b"Y") && latin.mentions(b"Z"));
    assert_eq!(latin.comments, Some(latin.raw));
    let code = Facts::of(b"/* X */ int \xe9;\n");
    assert!(code.doubt.is_some() && code.mentions(b"X"));
}

#[test]
fn names_may_be_pasted_of_what_is_there() {
    let pastes = facts("#define _CAT(a, b) a##b\n_CAT(FOO_, BAR) 64BIT 0x1f\n");
    let other = facts("int BAZ;\n#define Q QUX_ 1\n");
    for (name, possible) in [
        ("FOO_BAR", true),
        ("FOO_BAZ", true),
        ("FOO_64BIT", true),
        ("FOO_0x1f", true),
        ("FOO_123", true),
        ("FOO_1UL", true),
        ("QUX_BAR", true),
        ("FOO_FOO_BAR", true),
        ("FOO_", false),
        ("FOO_BA", false),
        ("XFOO_", false),
    ] {
        assert_eq!(could_paste(name.as_bytes(), &[&pastes, &other]), possible, "{name}");
        assert_eq!(
            Mentions::of(&[&pastes, &other]).reach(name),
            possible || name == "FOO_",
            "{name}"
        );
        assert!(!could_paste(name.as_bytes(), &[&other]));
    }
    assert!(facts("__INT64_C(FOO)").has(Sign::Pastes));
}

#[test]
fn no_name_is_pasted_of_what_strings_say() {
    let pastes =
        facts("#define _CAT(a, b) a##b\nconst char *format = \"%H:%M\", *other = \"M\";\nint M;\n");
    let files = [&pastes, &facts("int FOO_, BAR;\n")];
    assert!(!could_paste(b"FOO_H", &files) && could_paste(b"FOO_M", &files));
    // But a pragma may be made of them, and in what isn't understood nobody knows what a string is.
    assert!(Mentions::of(&files).reach("H"));
    let opaque = facts("#define _CAT(a, b) a##b\n\"%H:%M\" FOO_ '\n");
    assert!(opaque.doubt.is_some() && could_paste(b"FOO_H", &[&opaque]));
}

#[test]
fn headers_are_listed_once() {
    let facts = facts(
        "#include <a.h>\n# include \"b.h\" // x\n#include <a.h>\n#include_next <c.h>\n#import <d.h>\n\
         #if __has_include(<e.h>) && __has_include_next(\"f.h\")\n#endif\n",
    );
    let shown = |include: &farmbuild_cache::source::Include| {
        let name = String::from_utf8_lossy(&include.name);
        format!(
            "{name}{}{}",
            if include.quoted { " quoted" } else { "" },
            if include.next { " next" } else { "" }
        )
    };
    let includes = facts.includes.iter().map(shown).collect::<Vec<_>>();
    assert_eq!(includes, ["a.h", "b.h quoted", "c.h next", "d.h"]);
    // A condition may ask for a header by way of a macro, so each name in one is a candidate.
    assert_eq!(
        facts.has_include.iter().map(shown).collect::<Vec<_>>(),
        ["e.h", "f.h quoted", "f.h quoted next"]
    );
    assert!(!facts.has(Sign::ComputedInclude));
}

#[test]
fn headers_of_an_opaque_file_are_listed_too() {
    let facts = facts(
        "#error don't\n#include <a.h>\n#if __has_include ( \"b.h\")\n#\\\ninclude_next <c.h>\n",
    );
    assert!(facts.doubt.is_some());
    assert!(facts.includes.iter().any(|include| &*include.name == b"a.h"));
    assert!(facts.includes.iter().any(|include| &*include.name == b"c.h" && include.next));
    assert!(facts.has_include.iter().any(|include| &*include.name == b"b.h"));
}

#[test]
fn signs_are_seen() {
    use Sign::*;
    for (text, sign, seen) in [
        ("__DATE__", Date, true),
        ("/* __DATE__ */", Date, false),
        ("MY__DATE__", Date, false),
        ("__TIME__", Time, true),
        ("__TIMESTAMP__", Timestamp, true),
        ("#define _L __LINE__", Line, true),
        ("a;\n#define L __LINE__", Line, true),
        ("std::source_location", Line, true),
        ("__COUNTER__", Counter, true),
        ("__FILE__", File, true),
        ("__builtin_FILE()", File, true),
        ("asm(\".incbin \\\"a\\\"\");", AssemblerFile, true),
        ("a.included", AssemblerFile, true),
        ("#include <a>", AssemblerFile, false),
        ("#embed <a>", Embed, true),
        ("#pragma GCC system_header", SystemHeader, true),
        ("_Pragma(\"GCC system_header\")", SystemHeader, true),
        ("#pragma once", Once, true),
        ("int once;", Once, false),
        ("#pragma GCC pch_preprocess \"a\"", PchPreprocess, true),
        ("#pragma hdrstop", HeaderStop, true),
        ("import a;", Module, true),
        ("export module a;", Module, true),
        ("module;", Module, true),
        ("@import a;", Module, true),
        ("module_init(a);", Module, false),
        ("x = import;", Module, false),
        ("#pragma GCC dependency \"a\"", OddPragma, true),
        ("#pragma comment(lib, \"a\")", OddPragma, true),
        ("#pragma pack(1)", OddPragma, false),
        ("#pragma GCC poison a", Poison, true),
        ("#line 3", LineDirective, true),
        ("# 3 \"a\"", LineDirective, true),
        ("#if 1\n#endif", LineDirective, false),
        ("#include A", ComputedInclude, true),
        ("#if __has_include(A)", ComputedProbe, true),
        ("#define H __has_include", ComputedProbe, true),
        ("#define H(a) __has_include(a)", ComputedProbe, false),
        ("#ifdef __has_include", ComputedProbe, false),
        ("#if defined(__has_include) && 1", ComputedProbe, false),
        ("a // b", LineComments, true),
        ("\"//\"", LineComments, false),
        ("a##b", Pastes, true),
        ("\"##\"", Pastes, false),
    ] {
        assert_eq!(facts(text).has(sign), seen, "{text}");
        let opaque = facts(&format!("don't\n{text}"));
        assert!(opaque.doubt.is_some());
        assert!(!seen || opaque.has(sign), "opaque {text}");
    }
}

#[test]
fn words_of_assemblers_in_comments_of_an_opaque_file_are_no_code() {
    for (text, seen) in [
        ("/*\n * via asm(\".include a\")\n */", false),
        ("/* a */ asm(\".include \\\"a\\\"\");", true),
        ("x = \"/*\"; asm(\".incbin a\");", true),
        ("// /* a\nasm(\".incbin a\");", true),
        ("'\\\n/*' asm(\".incbin a\");", true),
    ] {
        let opaque = facts(&format!("don't\n{text}"));
        assert!(opaque.doubt.is_some());
        assert_eq!(opaque.has(Sign::AssemblerFile), seen, "{text}");
    }
}

#[test]
fn facts_survive_being_written() {
    let facts = facts("#include <a>\nint a;\n#define X Y 0x1f\n");
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
}
