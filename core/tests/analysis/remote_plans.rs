//! Compiles that travel: what is preprocessed here and what is compiled there.

use std::ffi::OsString;
use std::path::Path;

use farmbuild_core::analysis::{CompilerName, Family, Language, analyse, analyse_as};

use crate::line::{Texts, analysed, words};

/// A line, the arguments for preprocessing here, and those for compiling there.
const ROWS: &[(&str, &str, &str)] = &[
    ("gcc -c a.c", "a.c", "-c a.c -o a.o"),
    ("gcc -O2 -Wall -c a.c -o x/a.o", "-O2 -Wall a.c", "-O2 -Wall -c a.c -o x/a.o"),
    ("gcc a.c -c -O2", "a.c -O2", "-O2 -c a.c -o a.o"),
    ("gcc -c -o x.o a.c -g", "a.c -g", "-g -c a.c -o x.o"),
    // Options of the preprocessor stay here, in each of their forms.
    ("gcc -DX -DY=1 -D Z -UX -U Y -c a.c", "-DX -DY=1 -D Z -UX -U Y a.c", "-c a.c -o a.o"),
    (
        "gcc --define-macro=X --define-macro Y -c a.c",
        "--define-macro=X --define-macro Y a.c",
        "-c a.c -o a.o",
    ),
    ("gcc -Iinc -I inc2 -c a.c", "-Iinc -I inc2 a.c", "-c a.c -o a.o"),
    (
        "gcc -iquote q -iquoteq -isystem s -idirafter d -c a.c",
        "-iquote q -iquoteq -isystem s -idirafter d a.c",
        "-c a.c -o a.o",
    ),
    (
        "gcc -iprefix p/ -iwithprefix w -iwithprefixbefore b -c a.c",
        "-iprefix p/ -iwithprefix w -iwithprefixbefore b a.c",
        "-c a.c -o a.o",
    ),
    (
        "gcc -include a.h -imacros b.h --include=c.h -c a.c",
        "-include a.h -imacros b.h --include=c.h a.c",
        "-c a.c -o a.o",
    ),
    ("gcc -nostdinc -undef -c a.c", "-nostdinc -undef a.c", "-undef -c a.c -o a.o"),
    ("gcc --sysroot=/s -isysroot /t -c a.c", "--sysroot=/s -isysroot /t a.c", "-c a.c -o a.o"),
    (
        "gcc -Wp,-D_FORTIFY_SOURCE=2 -O2 -c a.c",
        "-Wp,-D_FORTIFY_SOURCE=2 -O2 a.c",
        "-O2 -c a.c -o a.o",
    ),
    (
        "clang++ -stdlib=libc++ -cxx-isystem s -c a.cc",
        "-stdlib=libc++ -cxx-isystem s a.cc",
        "-c a.cc -o a.o",
    ),
    ("gcc -D '' -c a.c", "-D '' a.c", "-c a.c -o a.o"),
    ("gcc -D -c -c a.c", "-D -c a.c", "-c a.c -o a.o"),
    ("gcc -I- -c a.c", "-I- a.c", "-c a.c -o a.o"),
    // So do those of the linker.
    (
        "gcc -c a.c -lm -l m -L. -L .. -Wl,-z,now -Xlinker -x",
        "a.c -lm -l m -L. -L .. -Wl,-z,now -Xlinker -x",
        "-c a.c -o a.o",
    ),
    (
        "gcc -T x.ld -u sym -z now -rdynamic -c a.c",
        "-T x.ld -u sym -z now -rdynamic a.c",
        "-c a.c -o a.o",
    ),
    // What matters to code goes both ways.
    (
        "gcc -fPIC -mavx2 -std=gnu11 -pthread -w -pipe -c a.c",
        "-fPIC -mavx2 -std=gnu11 -pthread -w -pipe a.c",
        "-fPIC -mavx2 -std=gnu11 -pthread -w -pipe -c a.c -o a.o",
    ),
    (
        "gcc --param max-inline-insns-auto=9 --param=x=1 -c a.c",
        "--param max-inline-insns-auto=9 --param=x=1 a.c",
        "--param max-inline-insns-auto=9 --param=x=1 -c a.c -o a.o",
    ),
    (
        "clang -target arm-none-eabi -c a.c",
        "-target arm-none-eabi a.c",
        "-target arm-none-eabi -c a.c -o a.o",
    ),
    (
        "clang --target=arm-none-eabi -integrated-as -c a.c",
        "--target=arm-none-eabi -integrated-as a.c",
        "--target=arm-none-eabi -integrated-as -c a.c -o a.o",
    ),
    (
        "clang -mllvm -asan-stack=0 -c a.c",
        "-mllvm -asan-stack=0 a.c",
        "-mllvm -asan-stack=0 -c a.c -o a.o",
    ),
    ("mips-linux-gnu-gcc -G 0 -G8 -EL -c a.c", "-G 0 -G8 -EL a.c", "-G 0 -G8 -EL -c a.c -o a.o"),
    ("gcc -Wa,--noexecstack -c a.c", "-Wa,--noexecstack a.c", "-Wa,--noexecstack -c a.c -o a.o"),
    ("gcc -Xassembler -W -c a.c", "-Xassembler -W a.c", "-Xassembler -W -c a.c -o a.o"),
    (
        "gcc -pg -fsanitize=address,undefined -c a.c",
        "-pg -fsanitize=address,undefined a.c",
        "-pg -fsanitize=address,undefined -c a.c -o a.o",
    ),
    (
        "gcc -ffile-prefix-map=/a=. -c a.c",
        "-ffile-prefix-map=/a=. a.c",
        "-ffile-prefix-map=/a=. -c a.c -o a.o",
    ),
    // The language is the caller's to spell over there.
    ("gcc -x c -c a.txt", "-x c a.txt", "-c a.txt -o a.o"),
    ("gcc -xc++ -c a.c", "-xc++ a.c", "-c a.c -o a.o"),
    ("g++ -c a.c", "a.c", "-c a.c -o a.o"),
    // Dependency files, and their targets, are spelt out.
    ("gcc -MD -c d/a.c", "-MF a.d -MQ a.o -MD d/a.c", "-c d/a.c -o a.o"),
    ("gcc -MMD -c a.c -o x/b.o", "-MF x/b.d -MQ x/b.o -MMD a.c", "-c a.c -o x/b.o"),
    ("gcc -MD -c a.c -o x/b", "-MF x/b.d -MQ x/b -MD a.c", "-c a.c -o x/b"),
    ("gcc -MD -MF a.dep -c a.c", "-MQ a.o -MD -MF a.dep a.c", "-c a.c -o a.o"),
    ("gcc -MD -MFa.dep -MP -c a.c", "-MQ a.o -MD -MFa.dep -MP a.c", "-c a.c -o a.o"),
    ("gcc -MD -MT t -c a.c", "-MF a.d -MD -MT t a.c", "-c a.c -o a.o"),
    ("gcc -MD -MQ t -MF f -c a.c", "-MD -MQ t -MF f a.c", "-c a.c -o a.o"),
    ("gcc -Wp,-MD,x/.a.o.d -c a.c -o x/a.o", "-Wp,-MD,x/.a.o.d a.c", "-c a.c -o x/a.o"),
    ("clang -Wp,-MD,x/.a.o.d -c a.c -o x/a.o", "-MQ x/a.o -Wp,-MD,x/.a.o.d a.c", "-c a.c -o x/a.o"),
    ("gcc -Wp,-MMD,f,-MT,t,-MP -c a.c", "-Wp,-MMD,f,-MT,t,-MP a.c", "-c a.c -o a.o"),
    ("clang -Wp,-MMD,f -MT t -c a.c", "-Wp,-MMD,f -MT t a.c", "-c a.c -o a.o"),
    ("gcc -MT t -c a.c", "-MT t a.c", "-c a.c -o a.o"),
    // Odd names.
    ("gcc -c 'a b.c'", "'a b.c'", "-c 'a b.c' -o 'a b.o'"),
    ("gcc -c +a.c", "+a.c", "-c +a.c -o +a.o"),
    ("gcc -c ./-a.c -o ./-a.o", "./-a.c", "-c ./-a.c -o ./-a.o"),
    ("gcc -c =a.c", "=a.c", "-c =a.c -o =a.o"),
    ("gcc -c .hidden.c", ".hidden.c", "-c .hidden.c -o .hidden.o"),
];

#[test]
fn a_compile_is_split_into_preprocessing_here_and_compiling_there() {
    for (line, preprocess, compile) in ROWS {
        let plan = analysed(line).remote.unwrap_or_else(|refused| panic!("{line}: {refused}"));
        assert_eq!(plan.preprocess_args, words(preprocess), "{line}");
        assert_eq!(plan.compile_args, words(compile), "{line}");
        let end = plan.compile_args.len();
        assert_eq!((plan.input, plan.output), (end - 3, end - 1), "{line}");
    }
}

#[test]
fn the_language_follows_the_driver_the_suffix_and_the_last_x() {
    use Language::{C, Cxx, PreprocessedC, PreprocessedCxx};
    let rows = [
        ("gcc -c a.c", C),
        ("gcc -c a.cc", Cxx),
        ("gcc -c a.cpp", Cxx),
        ("gcc -c a.C", Cxx),
        ("g++ -c a.c", Cxx),
        ("g++ -x c -c a.cc", C),
        ("gcc -x c++ -x none -c a.c", C),
        ("clang -c a.i", PreprocessedC),
        ("clang++ -c a.i", PreprocessedCxx),
        ("gcc -c a.ii", PreprocessedCxx),
        ("gcc -x cpp-output -c a.txt", PreprocessedC),
        ("gcc -x c++-cpp-output -c a.txt", PreprocessedCxx),
        // It counts for what stands behind it.
        ("gcc -c a.c -x c++", C),
    ];
    for (line, language) in rows {
        assert_eq!(analysed(line).remote.unwrap().language, language, "{line}");
    }
}

#[test]
fn warnings_about_macros_forbid_directives_only() {
    let rows = [
        ("gcc -Wall -Wextra -c a.c", false),
        ("gcc -Wunused-macros -c a.c", true),
        ("gcc -Werror=unused-macros -c a.c", true),
        ("gcc -Wunused-macros -Wno-unused-macros -c a.c", false),
        ("gcc -Wtraditional -Wno-unused-macros -c a.c", true),
        ("gcc -Wtraditional-conversion -c a.c", false),
    ];
    for (line, expected) in rows {
        assert_eq!(analysed(line).remote.unwrap().forbids_directives_only, expected, "{line}");
    }
}

#[test]
fn headers_before_the_source_are_told_apart() {
    let plan = analysed("gcc -include a.h -imacros m.h -includeb.h -c a.c").remote.unwrap();
    assert_eq!(plan.forced_includes, [Path::new("a.h"), Path::new("b.h")]);
}

#[test]
fn the_system_compiler_is_understood_once_it_is_resolved() {
    let argv = words("/usr/bin/cc -Wp,-MD,a.d -c a.c -o x/a.o");
    let plan = |family| {
        let compiler = CompilerName::of(&argv[0]).resolved(family);
        let analysis = analyse_as(compiler, &argv, Path::new("/w"), &Texts::default()).unwrap();
        analysis.remote.unwrap().preprocess_args
    };
    assert_eq!(plan(Family::Gcc), words("-Wp,-MD,a.d a.c"));
    assert_eq!(plan(Family::Clang), words("-MQ x/a.o -Wp,-MD,a.d a.c"));
}

#[test]
fn arguments_that_are_not_utf_8_travel_as_they_are() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(b"\xff\xfe.c".to_vec());
    let mut argv = words("gcc -c");
    argv.push(odd.clone());
    let analysis = analyse(&argv, Path::new("/w"), &Texts::default()).unwrap();
    let plan = analysis.remote.unwrap();
    assert_eq!(plan.compile_args[plan.input], odd);
    assert_eq!(plan.compile_args[plan.output], OsString::from_vec(b"\xff\xfe.o".to_vec()));
}

#[test]
fn response_files_are_part_of_the_line() {
    let files = Texts([("/w/args".into(), b"-DX='a b' -c\n'a b.c'".to_vec())].into());
    let analysis = analyse(&words("gcc @args -O2"), Path::new("/w"), &files).unwrap();
    let plan = analysis.remote.unwrap();
    assert_eq!(plan.preprocess_args, words("'-DX=a b' 'a b.c' -O2"));
    assert_eq!(plan.compile_args, words("-O2 -c 'a b.c' -o 'a b.o'"));
}
