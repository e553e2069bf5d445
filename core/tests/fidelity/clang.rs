//! clang's own two ways, on sources that make each of them hard.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use farmbuild_core::fidelity::{Hazard, Technique, hazards};

use crate::compiler::Split;
use crate::objects::TRICKY;

/// Flags, and the technique that is the first one to be exact under them.
const TECHNIQUES: &[(&str, &str, Technique)] = &[
    ("clang", "-O2", Technique::RewrittenIncludes),
    ("clang++", "-O2 -std=c++20", Technique::RewrittenIncludes),
    ("clang", "-O1 -g -gdwarf-4", Technique::RewrittenIncludes),
    ("clang", "-O1 -g", Technique::Bitcode),
    ("clang++", "-O2 -g", Technique::Bitcode),
];

/// More flags, too many for every day.
const MORE_TECHNIQUES: &[(&str, &str, Technique)] = &[
    ("clang", "", Technique::RewrittenIncludes),
    ("clang", "-w", Technique::RewrittenIncludes),
    ("clang", "-O2 -m32 -fPIC -ffunction-sections -fdata-sections", Technique::RewrittenIncludes),
    ("clang", "-O2 -ansi", Technique::RewrittenIncludes),
    ("clang", "-O2 -pthread -fopenmp-simd -std=c99 -trigraphs", Technique::RewrittenIncludes),
    ("clang", "-O2 -fsanitize=address,undefined", Technique::RewrittenIncludes),
    ("clang", "-O2 -pg -finstrument-functions", Technique::RewrittenIncludes),
    ("clang", "-O2 -undef", Technique::Bitcode),
    ("clang", "-O0 -g", Technique::Bitcode),
    ("clang", "-Og -g1", Technique::Bitcode),
    ("clang", "-O2 -ggdb -gno-column-info", Technique::Bitcode),
    ("clang", "-O2 -g -m32", Technique::Bitcode),
    ("clang", "-O2 -g -gz", Technique::Bitcode),
    ("clang", "-O2 -g -fdebug-macro", Technique::Bitcode),
    ("clang", "-O2 -g -fdebug-types-section -ffunction-sections", Technique::Bitcode),
    ("clang", "-O2 -g -fsanitize=undefined,leak", Technique::Bitcode),
    ("clang", "-O2 -g -fstack-protector-strong -fno-plt -fPIE", Technique::Bitcode),
    ("clang++", "-O0", Technique::RewrittenIncludes),
    ("clang++", "-O2 -std=c++98 -fno-exceptions -fno-rtti", Technique::RewrittenIncludes),
    ("clang++", "-O0 -g -std=c++20", Technique::Bitcode),
    ("clang++", "-O2 -g -fno-exceptions -fno-rtti -fvisibility=hidden", Technique::Bitcode),
];

fn proven_otherwise(rows: &[(&str, &str, Technique)]) -> Vec<String> {
    let outcome = |(compiler, flags, technique): &(&str, &str, Technique)| {
        let recipe = Split::new(compiler, flags).recipe;
        let as_told = recipe.is_exact() && recipe.technique == *technique;
        (!as_told).then(|| format!("{compiler} {flags}: {recipe:?}"))
    };
    rows.iter().filter_map(outcome).collect()
}

#[test]
fn a_probe_proves_clang_exact_with_and_without_debug_info() {
    let otherwise = proven_otherwise(TECHNIQUES);
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}

#[test]
#[ignore = "long: cargo test -p farmbuild-core --test fidelity -- --ignored long"]
fn long_a_probe_proves_clang_exact_under_the_flags_that_builds_use() {
    let otherwise = proven_otherwise(MORE_TECHNIQUES);
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}

#[test]
#[ignore = "long: cargo test -p farmbuild-core --test fidelity -- --ignored long"]
fn long_flags_that_name_the_input_in_the_object_leave_debug_info_inexact() {
    for flags in ["-g -grecord-command-line", "-g -fsanitize=address"] {
        let recipe = Split::new("clang", flags).recipe;
        assert_eq!(recipe.technique, Technique::RewrittenIncludes, "{flags}");
        let caveat = recipe.caveat.unwrap();
        assert!(caveat.sections.iter().all(|name| name.contains(".debug_")), "{caveat}");
    }
}

/// Arguments and a source in which a text of `-frewrite-includes` could go wrong. `h.h` and `sub/h.h` are headers.
const REWRITTEN: &[(&str, &str)] = &[
    ("-DFOO=3 -DBAR", "#ifdef FOO\nint foo = FOO;\n#endif\n#ifndef BAR\nint bar;\n#endif\n"),
    ("-DFOO -UFOO", "#ifdef FOO\nint foo = FOO;\n#else\nint no;\n#endif\n"),
    ("-D F(x)=x+1 -Wp,-DG=2", "int foo = F(G);\n"),
    ("-include h.h -DGUARDED", "int level = HEADER_LEVEL + __INCLUDE_LEVEL__ + INCLUDED;\n"),
    ("", "#include \"once.h\"\n#include \"once.h\"\nint a = ONCE;\n"),
    ("-Isub -I.", "#include <next.h>\nint a = NEXT;\n"),
    ("", "#define HEADER \"h.h\"\n#include HEADER\nint a = __LINE__;\n"),
    (
        "",
        "#if 0\n#elif defined(__clang__) && __has_include(\"h.h\")\nint yes = __LINE__;\n#else\nint no;\n#endif\n",
    ),
    ("", "#include \"h.h\"\r\n#if 1\r\nint a = __LINE__;\r\n#endif\r\n"),
    ("", "#include \"endless.h\"\nint a = __LINE__;"),
    (
        "",
        "#define F 1\n#pragma push_macro(\"F\")\n#undef F\n#define F 2\nint u = F;\n#pragma pop_macro(\"F\")\nint v = F;\n",
    ),
    ("-trigraphs", "const char *a = \"??=\";\n??=define A 1\n??=if A\nint a1;\n??=endif\n"),
    ("", "#include \"system.h\"\nint a = SYSTEM;\n"),
    ("", "int f(int a) { static int k; return k += a + __COUNTER__ + __COUNTER__; }\n"),
    (
        "",
        "#include <assert.h>\nvoid f(int a) { assert(a > 1); }\n#define NDEBUG\n#include <assert.h>\nvoid g(int a) { assert(a); }\n",
    ),
];

fn headers(directory: &Path) {
    fs::create_dir(directory.join("sub")).unwrap();
    let header = "enum { HEADER_LEVEL = __INCLUDE_LEVEL__ };\nconst char *header_file = __FILE__;\n#ifdef GUARDED\n#define INCLUDED 1\n#endif\n";
    for (name, text) in [
        ("h.h", header),
        ("sub/h.h", header),
        ("once.h", "#pragma once\n#define ONCE 1\nint once = __LINE__;\n"),
        ("endless.h", "int endless;"),
        ("sub/next.h", "#include_next <next.h>\nint in_sub;\n"),
        ("next.h", "#define NEXT 4\n"),
        ("system.h", "#pragma GCC system_header\n#define SYSTEM 5\nstatic int system_unused;\n"),
    ] {
        fs::write(directory.join(name), text).unwrap();
    }
}

/// The sources that give another object than at home; `names` are what the source is called.
fn different(flags: &str, names: &[&str], sources: &[(&str, &str)]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    headers(directory);
    let split = Split::new("clang", flags);
    let mut different = Vec::new();
    for (arguments, source) in sources {
        // The source may stand in another directory than its headers.
        let more: Vec<_> =
            arguments.split_whitespace().chain(["-idirafter", "."]).map(OsString::from).collect();
        for name in names {
            fs::write(directory.join(name), source).unwrap();
            let (plain, _) = split.here(directory, &more, name);
            let travels = |flag: &&OsString| *flag == "-trigraphs";
            let there: Vec<_> = more.iter().filter(travels).cloned().collect();
            let (object, steps) = split.split_with(directory, &more, &there, name);
            if plain.is_none() || object.map(|object| split.rewritten(object)) != plain {
                let said = steps.map(|ran| String::from_utf8_lossy(&ran.stderr).into_owned());
                different.push(format!("{flags} {name} {arguments}: {source}{}", said.concat()));
            }
        }
    }
    different
}

#[test]
fn a_tricky_source_gives_clangs_plain_object() {
    let different = different("-O1", &["a.c"], REWRITTEN);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn a_name_that_debug_info_would_spell_in_another_way_stays_home() {
    for (flags, finished) in [("-O1", true), ("-O1 -g -gdwarf-4", false), ("-O1 -g", true)] {
        let recipe = Split::new("clang", flags).recipe;
        let finish = |name: &str| recipe.finish::<&str>("".into(), name.as_ref(), &[]);
        assert_eq!(finish("./a.c").is_ok(), finished, "{flags}");
        assert!(finish("a.c").is_ok(), "{flags}");
    }
}

#[test]
fn names_of_files_are_mapped_as_at_home() {
    let directory = tempfile::tempdir().unwrap();
    headers(directory.path());
    fs::write(directory.path().join("a.c"), "#include \"sub/h.h\"\n").unwrap();
    for map in ["-fmacro-prefix-map=./sub=elsewhere", "-ffile-prefix-map=./sub=elsewhere"] {
        let split = Split::new("clang", &format!("-O1 {map}"));
        assert_eq!(split.recipe.technique, Technique::RewrittenIncludes, "{map}");
        let (plain, _) = split.here(directory.path(), &[], "a.c");
        let plain = plain.unwrap();
        assert!(memchr::memmem::find(&plain, b"elsewhere/h.h").is_some(), "{map}");
        let (object, [first, second]) = split.split(directory.path(), &[], "a.c");
        assert!(object.unwrap() == plain, "{map}");
        assert_eq!([first.stderr, second.stderr].concat(), b"", "{map}");
    }
}

#[test]
#[ignore = "long: cargo test -p farmbuild-core --test fidelity -- --ignored long"]
fn long_a_tricky_source_of_any_name_gives_clangs_plain_object() {
    let tricky = TRICKY.iter().map(|source| ("", *source));
    let sources: Vec<_> = tricky.chain(REWRITTEN.iter().copied()).collect();
    for (flags, plainly_named) in
        [("-O1", "./a.c"), ("-O1 -g -gdwarf-4", "a.c"), ("-O1 -g", "./a.c")]
    {
        let names = [plainly_named, "sub/../sub/b c.c", "a\"b\\.c"];
        let different = different(flags, &names, &sources);
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}

#[test]
fn a_text_that_would_compile_otherwise_elsewhere_is_recognised() {
    let directory = tempfile::tempdir().unwrap();
    let rewritten = Split::new("clang", "-O1");
    let bitcode = Split::new("clang", "-O1 -g");
    for (source, in_text, in_bitcode) in [
        ("int a = __COUNTER__;\n#if __COUNTER__\nint b;\n#endif\n", Some(Hazard::Counter), None),
        ("#define A __COUNTER__\n#if A == 0\nint a = A;\n#endif\n", Some(Hazard::Counter), None),
        ("const char *a = __BASE_FILE__;\n", Some(Hazard::BaseFile), None),
        ("const char *a = __TIME__;\n", Some(Hazard::Clock), None),
        (
            "void f(void) { asm(\".incbin \\\"x\\\"\"); }\n",
            Some(Hazard::AssemblerFile),
            Some(Hazard::AssemblerFile),
        ),
        (
            "asm(\" .include \\\"x\\\"\");\n",
            Some(Hazard::AssemblerFile),
            Some(Hazard::AssemblerFile),
        ),
        ("const char *a = \"incbin\"; int b = __COUNTER__;\n", Some(Hazard::AssemblerFile), None),
        ("#define A __COUNTER__\n#ifdef A\nint a = A;\n#endif\n", None, None),
    ] {
        fs::write(directory.path().join("a.c"), source).unwrap();
        for (split, expected) in [(&rewritten, in_text), (&bitcode, in_bitcode)] {
            let text = split.text(directory.path(), &[], "a.c");
            let technique = split.recipe.technique;
            assert_eq!(hazards(&text, technique), expected, "{technique:?} {source}");
        }
    }
}
