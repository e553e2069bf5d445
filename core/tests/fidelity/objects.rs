//! Objects that were compiled elsewhere are those of a plain compile, byte for byte.

use std::fs;

use farmbuild_core::fidelity::{Hazard, Technique, hazards};

use crate::compiler::Split;

/// Flags with which gcc's objects are exact, debug info included.
const EXACT: &[(&str, &str)] = &[
    ("gcc", "-O2"),
    ("gcc", "-g -O0"),
    ("gcc", "-gdwarf-4 -O2"),
    ("gcc", "-g -O2 -m32"),
    ("gcc", "-g -O2 -finstrument-functions"),
    ("gcc", "-O2 -fopenmp"),
    ("g++", "-g -O2 -std=c++20"),
];

/// The same, too many for every day.
const MORE_EXACT: &[(&str, &str)] = &[
    ("gcc", ""),
    ("gcc", "-g"),
    ("gcc", "-g1 -O1"),
    ("gcc", "-ggdb -Og"),
    ("gcc", "-g -O2 -pg"),
    ("gcc", "-g -O2 -fsanitize=address,undefined"),
    ("gcc", "-gdwarf-2 -O2"),
    ("gcc", "-gdwarf-3 -gstrict-dwarf -O2"),
    ("gcc", "-gdwarf-5 -gdwarf64 -O2"),
    ("gcc", "-g -O2 -gno-record-gcc-switches"),
    ("gcc", "-g -O2 -gno-column-info"),
    ("gcc", "-g -O2 -fPIC -ffunction-sections -fdata-sections"),
    ("gcc", "-g -O2 -fdebug-types-section"),
    ("gcc", "-g -O2 -std=c89 -ansi"),
    ("gcc", "-g -O2 -m32 -gdwarf-4"),
    ("gcc", "-g -O2 -mx32"),
    ("gcc", "-g -O2 -ftrack-macro-expansion=0"),
    ("gcc", "-g -O2 -Wa,--compress-debug-sections=none"),
    ("g++", "-O2"),
    ("g++", "-g -O0"),
    ("g++", "-g -O2 -fdebug-types-section -gdwarf-4"),
    ("g++", "-g -O2 -fno-exceptions -fno-rtti -ffunction-sections"),
    ("g++", "-g -O2 -m32 -std=c++98"),
];

fn inexact(rows: &[(&str, &str)]) -> Vec<String> {
    let outcome = |(compiler, flags): &(&str, &str)| {
        let caveat = Split::new(compiler, flags).recipe.caveat?;
        Some(format!("{compiler} {flags}: {caveat}"))
    };
    rows.iter().filter_map(outcome).collect()
}

#[test]
fn a_probe_proves_gcc_exact() {
    let inexact = inexact(EXACT);
    assert!(inexact.is_empty(), "{inexact:#?}");
}

#[test]
#[ignore = "long: cargo test -p farmbuild-core --test fidelity -- --ignored long"]
fn long_a_probe_proves_gcc_exact_under_the_flags_that_builds_use() {
    let inexact = inexact(MORE_EXACT);
    assert!(inexact.is_empty(), "{inexact:#?}");
}

/// Sources that make it hard, each with a header `h.h` beside it.
pub(crate) const TRICKY: &[&str] = &[
    "",
    "/* nothing */\n#define A\n",
    "#include \"h.h\"\nint level = __INCLUDE_LEVEL__ + HEADER_LEVEL;\n",
    "const char *a = __FILE__, *b = __FILE_NAME__;\n#include \"h.h\"\n",
    "#line 7 \"grammar.y\"\nint a; const char *f = __FILE__; int l = __LINE__;\n# 9 \"other.y\"\nint b;",
    "#ident \"an ident\"\nint a;\n",
    "int a\\\n;\r\nint b;\u{c}\nint c = 1 + \\\n\t\t2;",
    "#define F(x) #x\nconst char *s = F(  a  /* c */ b\n c);  int t = sizeof(s) + __COUNTER__;\n",
    "_Pragma(\"pack(1)\") struct s { char c; int d; } s; _Pragma(\"pack()\")\nint z = sizeof(struct s);\n",
    "#pragma GCC optimize \"O3\"\nint a(int b) { int r = 0; for (int i = 0; i < b; i++) r += i; return r; }\n",
    "\u{feff}int bom; const char *t = \"\u{e9}\";\n",
    "%:define A 3\nint x<:A:>;\n",
    "int x = 0\n#if __has_include(\"h.h\")\n+2\n#endif\n#ifdef __has_include\n+1\n#endif\n;\n",
    "static int used(int a) { return a; }\n#if 0\n\n\n\n\n\n\n\n\n\n\n#endif\n\tint far = 1;\tint tab(void) { return used(far) + __LINE__; }\n",
    "#include <stdio.h>\n#include <assert.h>\n#include <stdlib.h>\nint main(int c, char **v) { assert(c > 1 && \"text\"); printf(\"%s\\n\", v[1]); return EXIT_SUCCESS; }\n",
];

/// The tricky sources that give another object than at home; `names` are what the source is called.
fn different(flags: &str, names: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let header =
        "enum { HEADER_LEVEL = __INCLUDE_LEVEL__ };\nstatic const char *header_file = __FILE__;\n";
    fs::write(directory.path().join("h.h"), header).unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    fs::write(directory.path().join("sub/h.h"), header).unwrap();
    let split = Split::new("gcc", flags);
    assert!(split.recipe.is_exact(), "{flags}");
    let mut different = Vec::new();
    // The system's headers may be there for one word size only.
    let portable = |text: &&&str| !(flags.contains("m32") && text.contains("<stdio.h>"));
    for source in TRICKY.iter().filter(portable) {
        for name in names {
            fs::write(directory.path().join(name), source).unwrap();
            let (plain, _) = split.here(directory.path(), &[], name);
            if plain.unwrap() != split.split_object(directory.path(), &[], name) {
                different.push(format!("{flags} {name}: {source}"));
            }
        }
    }
    different
}

#[test]
fn a_tricky_source_gives_gccs_plain_object() {
    let different = different("-g -O1", &["a.c"]);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
#[ignore = "long: cargo test -p farmbuild-core --test fidelity -- --ignored long"]
fn long_a_tricky_source_of_any_name_gives_gccs_plain_object() {
    for flags in ["-g -O1", "-g -O2 -m32 -gdwarf-4 -ffunction-sections"] {
        let different = different(flags, &["sub/../sub/b c.c", "./a.c"]);
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}

/// Compiles real C++ both ways.
fn holds_for_real_cxx(compiler: &str, flags: &str) {
    let directory = tempfile::tempdir().unwrap();
    let source = "#include <map>\n#include <string>\n#include <algorithm>\n#include <iostream>\n\
        static std::map<std::string, int> table;\n\
        int count(const std::string &a) { auto f = [&](int b) { return b + table[a]; }; return std::max(f(1), 2); }\n\
        int main() { std::cout << count(R\"(a\n#define main no\n)\") << __func__; throw 1; }\n";
    fs::write(directory.path().join("a.cc"), source).unwrap();
    let split = Split::new(compiler, flags);
    assert!(split.recipe.is_exact(), "{compiler} {flags}");
    let (plain, _) = split.here(directory.path(), &[], "a.cc");
    let object = split.split_object(directory.path(), &[], "a.cc");
    assert!(plain.unwrap() == object, "{compiler} {flags}");
}

#[test]
fn real_c_plus_plus_gives_the_plain_object() {
    holds_for_real_cxx("g++", "-g -O1");
}

#[test]
#[ignore = "long: cargo test -p farmbuild-core --test fidelity -- --ignored long"]
fn long_real_c_plus_plus_gives_the_plain_object_of_either_compiler() {
    holds_for_real_cxx("g++", "-g -O0 -gdwarf-4 -fdebug-types-section");
    for flags in ["-O2", "-O0", "-O2 -g", "-O0 -g", "-O1 -g -gdwarf-4"] {
        holds_for_real_cxx("clang++", flags);
    }
}

#[test]
fn flags_that_leave_a_trace_in_debug_info_are_no_exact_recipe() {
    for flags in ["-g3 -O2", "-g -gz", "-g -fno-merge-debug-strings"] {
        let caveat = Split::new("gcc", flags).recipe.caveat;
        assert!(caveat.is_some(), "{flags}");
    }
}

#[test]
fn openmp_is_compiled_from_plain_text_for_gcc_drops_its_pragmas_otherwise() {
    for flags in ["-O2 -fopenmp", "-O2 -fopenacc"] {
        let split = Split::new("gcc", flags);
        assert_eq!(split.recipe.technique, Technique::PlainText, "{flags}");
        assert!(split.recipe.is_exact(), "{flags}");
    }
}

#[test]
fn a_popped_macro_is_seen_in_the_text() {
    let directory = tempfile::tempdir().unwrap();
    let source = "#define F 1\n#pragma push_macro(\"F\")\n#undef F\n#define F 2\nint u = F;\n#pragma pop_macro(\"F\")\nint v = F;\n";
    fs::write(directory.path().join("a.c"), source).unwrap();
    let split = Split::new("gcc", "-O2");
    let text = split.text(directory.path(), &[], "a.c");
    assert_eq!(hazards(&text, split.recipe.technique), Some(Hazard::MacroStack));
}
