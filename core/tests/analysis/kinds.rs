//! What kind of work a line is, its main output, and the word it gets in the statistics.

use std::path::Path;

use farmbuild_core::analysis::Kind::{
    self, Assemble, CheckSyntax, Compile, CompileAndLink, CompileToAssembly, Link, Precompile,
    Preprocess, Probe, Unknown,
};

use crate::line::{analysed, verdict};

const ROWS: &[(&str, Kind, Option<&str>, &str)] = &[
    // Compiles, and the object's name.
    ("gcc -c a.c", Compile, Some("a.o"), "remote"),
    ("gcc -c src/a.c", Compile, Some("a.o"), "remote"),
    ("gcc -c src/a.b.c", Compile, Some("a.b.o"), "remote"),
    ("gcc -c /abs/a.c -o out/b.o", Compile, Some("out/b.o"), "remote"),
    ("gcc -c a.c -oout/b.o", Compile, Some("out/b.o"), "remote"),
    ("gcc -c a.c --output=b.o", Compile, Some("b.o"), "remote"),
    ("gcc -c a.c --output b.o", Compile, Some("b.o"), "remote"),
    ("gcc --compile a.c", Compile, Some("a.o"), "remote"),
    ("gcc -o b -c a.c", Compile, Some("b"), "remote"),
    ("gcc a.c -c", Compile, Some("a.o"), "remote"),
    ("gcc -x c -c a", Compile, Some("a.o"), "remote"),
    ("gcc -xc -c a.txt", Compile, Some("a.o"), "remote"),
    ("gcc -c -x c a.h", Compile, Some("a.o"), "remote"),
    ("g++ -c a.cc", Compile, Some("a.o"), "remote"),
    ("g++ -c a.C", Compile, Some("a.o"), "remote"),
    ("gcc -c a.i", Compile, Some("a.o"), "remote"),
    ("g++ -c a.ii", Compile, Some("a.o"), "remote"),
    ("clang -c a.c", Compile, Some("a.o"), "remote"),
    ("clang++-14 -c a.cpp -o x/a.cpp.o", Compile, Some("x/a.cpp.o"), "remote"),
    ("arm-linux-gnueabihf-gcc -c a.c", Compile, Some("a.o"), "remote"),
    ("x86_64-gcc730-linux-gcc -c a.c", Compile, Some("a.o"), "remote"),
    ("cc -c a.c", Compile, Some("a.o"), "unresolved-compiler"),
    ("c++ -c a.cc", Compile, Some("a.o"), "unresolved-compiler"),
    // Compiles that stay here for what they read or write.
    ("gcc -c a.c b.c", Compile, None, "several-sources"),
    ("gcc -c a.c lib.a", Compile, None, "several-sources"),
    ("gcc -x c -c -", Compile, Some("-.o"), "source-on-stdin"),
    ("gcc -x c -c - -o a.o", Compile, Some("a.o"), "source-on-stdin"),
    ("gcc -c a.c -o -", Compile, Some("-"), "output-not-a-file"),
    ("gcc -c a.c -o /dev/null", Compile, Some("/dev/null"), "output-not-a-file"),
    ("gcc -c a.c -o out/", Compile, Some("out/"), "output-not-a-file"),
    ("gcc -c a.c -o /dev/shm/b/a.o", Compile, Some("/dev/shm/b/a.o"), "remote"),
    ("gcc -x c -c /dev/null -o a.o", Compile, Some("a.o"), "source-not-a-file"),
    ("gcc -x c -c /dev/stdin -o a.o", Compile, Some("a.o"), "source-not-a-file"),
    ("gcc -c -g -O2 conftest.c", Compile, Some("conftest.o"), "remote"),
    ("gcc -c a.c -o a.o -o b.o", Compile, Some("b.o"), "several-outputs"),
    ("gcc -c .c", Compile, Some(".c.o"), "odd-name"),
    ("gcc -c a.c -o out/.o", Compile, Some("out/.o"), "odd-name"),
    ("gcc -c a.o", Compile, Some("a.o"), "no-source"),
    // Assembly.
    ("gcc -c a.s", Assemble, Some("a.o"), "assembly"),
    ("gcc -c a.S -o b.o", Assemble, Some("b.o"), "assembly"),
    ("gcc -c a.sx", Assemble, Some("a.o"), "assembly"),
    ("gcc -x assembler-with-cpp -c a.c", Assemble, Some("a.o"), "assembly"),
    ("gcc -x assembler -c a", Assemble, Some("a.o"), "assembly"),
    ("gcc -S a.c", CompileToAssembly, Some("a.s"), "assembly-output"),
    ("gcc -S -c a.c", CompileToAssembly, Some("a.s"), "assembly-output"),
    ("gcc -c -S a.c -o -", CompileToAssembly, Some("-"), "assembly-output"),
    // Preprocessing.
    ("gcc -E a.c", Preprocess, None, "preprocess-only"),
    ("gcc -E -c a.c -o a.i", Preprocess, Some("a.i"), "preprocess-only"),
    ("gcc -E -", Preprocess, None, "preprocess-only"),
    ("gcc -M a.c", Preprocess, None, "preprocess-only"),
    ("gcc -MM -c a.c", Preprocess, None, "preprocess-only"),
    ("gcc -dM -E -x c /dev/null", Preprocess, None, "preprocess-only"),
    ("gcc --preprocess a.c", Preprocess, None, "preprocess-only"),
    ("gcc -E -S a.c", Preprocess, None, "preprocess-only"),
    ("gcc -fsyntax-only -c a.c", CheckSyntax, None, "syntax-only"),
    // Precompiled headers.
    ("gcc a.h", Precompile, Some("a.h.gch"), "precompiled-header"),
    ("gcc -c dir/a.hpp", Precompile, Some("dir/a.hpp.gch"), "precompiled-header"),
    ("g++ -x c++-header a.h -o a.h.gch", Precompile, Some("a.h.gch"), "precompiled-header"),
    ("clang -x c-header pch.h -o pch.h.pch", Precompile, Some("pch.h.pch"), "precompiled-header"),
    // Links.
    ("gcc a.o b.o", Link, Some("a.out"), "link"),
    ("gcc a.o -o prog -lm", Link, Some("prog"), "link"),
    ("gcc -o prog -lm", Link, Some("prog"), "link"),
    ("gcc -shared -o libx.so a.lo -Wl,-soname,libx.so", Link, Some("libx.so"), "link"),
    ("gcc a.c", CompileAndLink, Some("a.out"), "compile-and-link"),
    ("gcc a.c -o prog", CompileAndLink, Some("prog"), "compile-and-link"),
    ("gcc a.c b.o -lm -o prog", CompileAndLink, Some("prog"), "compile-and-link"),
    ("gcc a.S -o prog", CompileAndLink, Some("prog"), "compile-and-link"),
    // Questions.
    ("gcc", Probe, None, "probe"),
    ("gcc -v", Probe, None, "probe"),
    ("gcc --version", Probe, None, "probe"),
    ("gcc -V", Probe, None, "probe"),
    ("gcc -qversion", Probe, None, "probe"),
    ("gcc -dumpmachine", Probe, None, "probe"),
    ("gcc -dumpversion", Probe, None, "probe"),
    ("gcc -print-file-name=plugin", Probe, None, "probe"),
    ("gcc --print-sysroot", Probe, None, "probe"),
    ("gcc -print-search-dirs", Probe, None, "probe"),
    ("gcc -### -c a.c", Probe, None, "probe"),
    ("gcc -Q --help=target", Probe, None, "probe"),
    ("clang --version", Probe, None, "probe"),
    ("gcc -c", Probe, None, "probe"),
    // Others.
    ("rustc --crate-name x src/lib.rs", CompileAndLink, None, "rustc"),
    ("rustc --crate-name x --crate-type lib src/lib.rs", Compile, None, "rustc"),
    ("rustc -vV", Probe, None, "probe"),
    ("clippy-driver rustc --crate-name x src/lib.rs", Unknown, None, "before-rustc"),
    ("tcc -c a.c", Unknown, None, "unknown-compiler"),
];

#[test]
fn a_line_is_one_kind_of_work_with_one_main_output() {
    for &(line, kind, output, reason) in ROWS {
        let analysis = analysed(line);
        assert_eq!(analysis.kind, kind, "{line}");
        assert_eq!(analysis.output.as_deref(), output.map(Path::new), "{line}");
        assert_eq!(verdict(&analysis), reason, "{line}");
    }
}
