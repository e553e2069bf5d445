//! Lines that stay here, and under which name.

use std::ffi::OsStr;

use crate::line::{analysed, verdict};

/// Options that are put before `-c a.c`, and the verdict.
const OPTIONS: &[(&str, &str)] = &[
    ("-march=native", "native"),
    ("-mtune=native", "native"),
    ("-mcpu=native", "native"),
    ("-mcpu=native+nofp", "native"),
    ("-march=armv8-a", "remote"),
    ("-fplugin=x.so", "plugin"),
    ("-fplugin-arg-x-y=1", "plugin"),
    ("-fpass-plugin=x.so", "plugin"),
    ("-Xclang -load -Xclang x.so", "plugin"),
    ("-Xclang -include-pch -Xclang a.pch", "frontend-option"),
    ("-Xclang -fno-pch-timestamp", "remote"),
    ("-Xclang -unheard-of", "frontend-option"),
    ("-specs=x", "specs"),
    ("--specs=x", "specs"),
    ("--specs x", "specs"),
    ("--config x.cfg", "specs"),
    ("-B/usr/lib/gold", "tool-path"),
    ("-B /usr/lib/gold", "tool-path"),
    ("-wrapper gdb,--args", "tool-path"),
    ("-no-integrated-cpp", "tool-path"),
    ("-include-pch a.pch", "precompiled-header"),
    ("-fpch-preprocess", "precompiled-header"),
    ("-fmodules", "modules"),
    ("-fmodules-ts", "modules"),
    ("-fmodule-file=a.pcm", "modules"),
    ("-fmodulo-sched", "remote"),
    ("-x c++-module", "modules"),
    ("-save-temps", "save-temps"),
    ("-save-temps=obj", "save-temps"),
    ("--save-temps", "save-temps"),
    ("-fdump-tree-all", "dump"),
    ("-da", "dump"),
    ("-dD", "dump"),
    ("-dumpbase x", "dump"),
    ("--coverage", "coverage"),
    ("-coverage", "coverage"),
    ("-fprofile-arcs", "coverage"),
    ("-ftest-coverage", "coverage"),
    ("-fprofile-generate", "profile"),
    ("-fprofile-use=x.profdata", "profile"),
    ("-fprofile-instr-generate", "profile"),
    ("-fprofile-instr-use=x", "profile"),
    ("-fauto-profile", "profile"),
    ("-fbranch-probabilities", "profile"),
    ("-fprofile-list=x", "option-names-file"),
    ("-fprofile-prefix-map=/a=.", "remote"),
    ("-finstrument-functions-exclude-file-list=/usr/include", "remote"),
    ("-gsplit-dwarf", "split-debug-info"),
    ("-fstack-usage", "stack-usage"),
    ("-fcallgraph-info=su", "call-graph"),
    ("-fopt-info-vec", "optimization-record"),
    ("-fsave-optimization-record", "optimization-record"),
    ("-ftime-trace", "optimization-record"),
    ("-flto", "lto"),
    ("-flto=auto", "lto"),
    ("-flto -fno-lto", "remote"),
    ("-flto-partition=none -fno-lto", "remote"),
    ("-frecord-gcc-switches", "recorded-command-line"),
    ("-grecord-command-line", "recorded-command-line"),
    ("-gno-record-gcc-switches", "remote"),
    ("-gembed-source", "embedded-source"),
    ("-fembed-bitcode", "recorded-command-line"),
    // The assembler.
    ("-Wa,--noexecstack", "remote"),
    ("-Wa,--noexecstack,-mrelax-relocations=no", "remote"),
    ("-Wa,-march=armv7-a", "remote"),
    ("-Wa,--defsym,X=1", "remote"),
    ("-Wa,--gdwarf-5", "remote"),
    ("-Wa,-adhln=a.lst", "assembler-file"),
    ("-Wa,-a", "assembler-file"),
    ("-Wa,-L,-al", "assembler-file"),
    ("-Wa,--alternate", "remote"),
    ("-Wa,--MD,a.d", "assembler-file"),
    ("-Wa,--MD=a.d", "assembler-file"),
    ("-Wa,-I,inc", "assembler-file"),
    ("-Wa,-Iinc", "assembler-file"),
    ("-Wa,-o,x.o", "assembler-file"),
    ("-Wa,@args", "assembler-file"),
    ("-Wa,other.s", "assembler-option"),
    ("-Wa,--defsym", "assembler-option"),
    ("-Wa,", "assembler-option"),
    ("-Xassembler --noexecstack", "remote"),
    ("-Xassembler -al=x", "assembler-file"),
    ("-Xassembler x.s", "assembler-option"),
    // The preprocessor.
    ("-Wp,-DX", "remote"),
    ("-Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3", "remote"),
    ("-Wp,-DX=a,b", "preprocessor-option"),
    ("-Wp,-MD", "preprocessor-option"),
    ("-Wp,-MD,a.d -Wp,-MD,b.d", "dependency-options"),
    ("-Wp,-v", "preprocessor-option"),
    ("-MD -Wp,-MD,a.d", "dependency-options"),
    ("-Xpreprocessor -DX", "preprocessor-option"),
    ("-C", "preprocessor-output"),
    ("-CC", "preprocessor-output"),
    ("-P", "preprocessor-output"),
    ("-fdirectives-only", "preprocessor-output"),
    ("-traditional-cpp", "traditional"),
    ("-finput-charset=latin1", "charset"),
    ("-fexec-charset=latin1", "remote"),
    ("-MD -MF -", "dependency-options"),
    ("-MD -MF /dev/stdout", "dependency-options"),
    ("-MG", "dependency-options"),
    ("-MJ a.json", "dependency-options"),
    // What it prints.
    ("-v", "verbose"),
    ("-H", "verbose"),
    ("-Q", "verbose"),
    ("-ftime-report", "verbose"),
    ("-Rpass=inline", "verbose"),
    ("-fdiagnostics-format=json", "diagnostics-file"),
    ("--serialize-diagnostics a.dia", "diagnostics-file"),
    ("-fdiagnostics-color=always", "remote"),
    // Files that a host doesn't have.
    ("-fsanitize-blacklist=x", "option-names-file"),
    ("-fsanitize-ignorelist=x", "option-names-file"),
    ("-frandomize-layout-seed-file=x", "option-names-file"),
    ("-fsome-new-thing=dir/file", "option-names-file"),
    ("-fsome-new-list=x", "option-names-file"),
    ("-fsome-new-thing=3", "remote"),
    ("-frandom-seed=out/a.o", "remote"),
    ("-fuse-ld=/usr/bin/ld.lld", "remote"),
    ("-fcrash-diagnostics-dir=out/crash", "remote"),
    ("-mllvm=-asan-stack=0", "remote"),
    ("-aux-info protos", "option-names-file"),
    ("-ffile-prefix-map=/a/b=.", "remote"),
    ("-fdebug-prefix-map=/a/b=.", "remote"),
    ("-fdebug-compilation-dir=/a", "remote"),
    // Languages and targets.
    ("-x objective-c", "language"),
    ("-x f95", "language"),
    ("-x ada", "language"),
    ("-x go", "language"),
    ("-x ir", "language"),
    ("-x cuda", "gpu"),
    ("-x hip", "gpu"),
    ("-x none", "remote"),
    ("-x c++", "remote"),
    ("-arch x86_64 -arch arm64", "several-architectures"),
    ("-foffload=nvptx-none", "gpu"),
    ("-emit-llvm", "not-an-object"),
    ("-mllvm -asan-stack=0", "remote"),
    ("-mllvm -info-output-file=x", "frontend-option"),
    ("-fcompare-debug", "compare-debug"),
    ("-working-directory=/x", "working-directory"),
    // Unknown.
    ("-unknown-to-all", "remote"), // `-u nknown-to-all`, for the linker
    ("-jobs", "unknown-option"),
    ("--frobnicate", "unknown-option"),
    ("--frobnicate=x", "unknown-option"),
    ("--", "unknown-option"),
    ("-k", "unknown-option"),
    ("''", "empty-argument"),
];

#[test]
fn an_option_keeps_a_compile_here_under_its_own_name() {
    for (options, reason) in OPTIONS {
        let line = format!("gcc {options} -c a.c");
        assert_eq!(verdict(&analysed(&line)), *reason, "{line}");
    }
}

/// Whole lines, and the verdict.
const LINES: &[(&str, &str)] = &[
    ("gcc -c a.m", "language"),
    ("gcc -c a.f90", "language"),
    ("gcc -c a.adb", "language"),
    ("gcc -c a.go", "language"),
    ("clang -c a.ll", "language"),
    ("clang -c a.cu", "gpu"),
    ("clang++ -c a.cppm", "modules"),
    ("gcc -c a.c -o", "missing-argument"),
    ("gcc -c a.c -I", "missing-argument"),
    ("gcc -c a.c -x", "missing-argument"),
    ("gcc -c a.c -o ''", "empty-argument"),
    ("gcc -MD -c a.i", "dependencies-of-preprocessed"),
    ("clang -Wp,-MD,a.d,-MT,a.o -c a.c", "preprocessor-option"),
    ("gcc -Wp,-MD,a.d,-MT,a.o -c a.c", "remote"),
    ("gcc -c a.c -march=native -fplugin=x", "native"),
    ("gcc -c @missing", "no-source"),
    ("gcc -c a.c -o ./a.c", "output-is-source"),
    ("gcc -c s/../a.c -o ./a.c", "remote"),
    ("gcc -c -o a.c /w/a.c", "output-is-source"),
];

#[test]
fn a_line_stays_here_under_its_own_name() {
    for (line, reason) in LINES {
        assert_eq!(verdict(&analysed(line)), *reason, "{line}");
    }
}

#[test]
fn a_refusal_carries_the_argument_to_blame() {
    let refused = analysed("gcc -O2 -fplugin=x.so -c a.c").remote.unwrap_err();
    assert_eq!(refused.argument.as_deref(), Some(OsStr::new("-fplugin=x.so")));
}
