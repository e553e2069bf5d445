//! The analysis held against what the installed gcc and clang do.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use farmbuild_core::analysis::{Analysis, FileSystem, analyse};
use tempfile::TempDir;

use crate::line::words;

/// A small tree to compile in.
fn tree() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    let text = "#include \"h.h\"\nint f(int x) { return x + X; }\n";
    fs::create_dir_all(tree.path().join("s/deps")).unwrap();
    fs::create_dir(tree.path().join("o")).unwrap();
    fs::write(tree.path().join("s/h.h"), "#include <stddef.h>\n#define X 1\n").unwrap();
    for name in ["a.c", "a.b.c", "odd $#.c", "noext", "a.cc"] {
        fs::write(tree.path().join("s").join(name), text).unwrap();
    }
    fs::write(tree.path().join("s/args"), "-c -MD -MF 'o/a b.d'\n-DY='1 2' s/a.c").unwrap();
    tree
}

/// Every file of a tree that wasn't there before.
fn written(tree: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(tree: &Path, directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(tree).unwrap().to_owned();
            if path.is_dir() {
                walk(tree, &path, files);
            } else if !name.starts_with("s") {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(tree, tree, &mut files);
    files
}

fn run(tree: &Path, program: &OsString, args: &[OsString]) -> Output {
    Command::new(program).args(args).current_dir(tree).env("LC_ALL", "C").output().unwrap()
}

fn analysed_in(tree: &Path, line: &str) -> Analysis {
    analyse(&words(line), tree, &FileSystem).unwrap()
}

/// What is put behind `gcc` or `clang`; each asks for dependency files in its own way, or for none.
const COMPILES: &[&str] = &[
    "-c s/a.c",
    "-c s/a.b.c -o o/x.y.o",
    "-O2 -Wall -c s/a.c -oo/a.o",
    "-MD -c s/a.c",
    "-MMD -c s/a.c",
    "-MD -c s/a.c -o o/a.o",
    "-MD -c s/a.c -o o/x.y.o",
    "-MD -c s/a.c -o o/x",
    "-MD -x c -c s/noext",
    "-MD -c 's/odd $#.c'",
    "-MD -c 's/odd $#.c' -o 'o/odd $#.o'",
    "-MD -MF o/d -c s/a.c",
    "-MD -MFo/d -c s/a.c -o o/a.o",
    "-MD -MF o/c -MF o/d -c s/a.c",
    "-MD -MP -c s/a.c -o o/a.o",
    "-MD -MT 't $x' -c s/a.c",
    "-MD -MQ 't $x' -c s/a.c",
    "-MD -MT t -MQ '$u' -MP -MF o/d -c s/a.c -o o/a.o",
    "--write-user-dependencies -MF o/d -c s/a.c --output=o/a.o",
    "-Wp,-MD,o/.a.o.d -c s/a.c -o o/a.o",
    "-Wp,-MMD,o/.a.o.d -c s/a.c -o o/a.o",
    "-Wp,-MMD,o/.a.o.d -c s/a.c",
    "-Wp,-MMD,o/.a.o.d -MP -c s/a.c -o o/a.o",
    "-Wp,-MMD,o/.a.o.d -MT t -c s/a.c -o o/a.o",
    "-Wp,-MMD,o/.a.o.d -MQ '$t' -c s/a.c -o o/a.o",
    "-Wp,-DY=1,-UZ -MMD -c s/a.c -o o/a.o",
    "-DY -UZ -Is -iquote s -isystem s -idirafter s -include stddef.h -imacros s/h.h -c s/a.c",
    "-Wa,--noexecstack -Xassembler --noexecstack -c s/a.c",
    "-MT CMakeFiles/a.c.o -MD -MF o/a.c.o.d -o o/a.c.o -c s/a.c",
    "-MT a.lo -MD -MP -MF o/a.Tpo -c s/a.c -fPIC -DPIC -o o/a.o",
    "@s/args",
    "-x c++ -MD -c s/a.c",
    "-MD -c s/a.cc -o o/a.o",
    "-pthread -std=gnu11 -fno-strict-aliasing -O1 -fstack-protector-strong -pipe -MD -c s/a.c",
];

fn check_compile(program: &str, options: &str) {
    let line = format!("{program} {options}");
    let argv = words(&line);
    let (here, apart) = (tree(), tree());
    let analysis = analysed_in(here.path(), &line);
    let plan = analysis.remote.unwrap_or_else(|refused| panic!("{line}: {refused}"));

    let plain = run(here.path(), &argv[0], &argv[1..]);
    assert!(plain.status.success() && plain.stderr.is_empty(), "{line}: {plain:?}");
    let mut files = written(here.path());
    let mut expected: Vec<_> = analysis.side_outputs.iter().map(|one| one.path.clone()).collect();
    let object = analysis.output.unwrap();
    expected.push(object.clone());
    expected.sort();
    assert_eq!(files.keys().cloned().collect::<Vec<_>>(), expected, "{line}: files");
    let object_bytes = files.remove(&object).unwrap();

    // Preprocessing apart leaves the same dependency file, and nothing else.
    let mut args = vec![OsString::from("-E")];
    args.extend(plan.preprocess_args);
    let preprocessed = run(apart.path(), &argv[0], &args);
    assert!(preprocessed.status.success(), "{line}: {preprocessed:?}");
    assert!(preprocessed.stderr.is_empty(), "{line}: {preprocessed:?}");
    assert_eq!(written(apart.path()), files, "{line}: dependency files");

    // Compiling its text in a place without the headers gives the same object, and prints nothing.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("text"), &preprocessed.stdout).unwrap();
    let mut args = plan.compile_args;
    args[plan.input] = "text".into();
    args[plan.output] = "object".into();
    args.splice(0..0, ["-x".into(), plan.language.preprocessed_name().unwrap().into()]);
    let compiled = run(elsewhere.path(), &argv[0], &args);
    assert!(compiled.status.success() && compiled.stderr.is_empty(), "{line}: {compiled:?}");
    assert!(fs::read(elsewhere.path().join("object")).unwrap() == object_bytes, "{line}: object");
}

#[test]
fn gcc_writes_what_the_analysis_says_and_the_split_compile_gives_the_same() {
    for options in COMPILES {
        check_compile("gcc", options);
    }
}

#[test]
fn clang_writes_what_the_analysis_says_and_the_split_compile_gives_the_same() {
    for options in COMPILES {
        check_compile("clang", options);
    }
}

#[test]
fn the_cxx_drivers_take_c_for_cxx_as_the_analysis_says() {
    check_compile("g++", "-MD -c s/a.c -o o/a.o");
    check_compile("g++", "-MD -c s/a.cc");
    check_compile("clang++", "-MD -c s/a.cc -o o/a.o");
    check_compile("x86_64-linux-gnu-gcc-12", "-MD -c s/a.c");
}

/// Compiles that stay here; the files are checked nevertheless.
const STAYING: &[(&str, &str)] = &[
    ("gcc", "--coverage -c s/a.c"),
    ("gcc", "--coverage -c s/a.c -o o/x.y.o"),
    ("gcc", "-fstack-usage -MD -c s/a.c -o o/x"),
    ("gcc", "-g -gsplit-dwarf -c s/a.c -o o/a.o"),
    ("gcc", "-fcallgraph-info -c s/a.c -o o/a.o"),
    ("gcc", "-save-temps -c s/a.c -o o/x.o"),
    ("gcc", "-save-temps=cwd -c s/a.cc -o o/x.o"),
    ("gcc", "-fsave-optimization-record -O2 -c s/a.c -o o/x.o"),
    ("gcc", "-fdump-tree-optimized -c s/a.c -o o/x.o"),
    ("gcc", "-fopt-info-all=o/info -O2 -c s/a.c"),
    ("gcc", "-Wa,-adhln=o/a.lst -c s/a.c"),
    ("gcc", "-Wa,--MD,o/a.ad -c s/a.c"),
    ("gcc", "-S s/a.c"),
    ("gcc", "-S s/a.c -MD -o o/a.s"),
    ("clang", "--coverage -c s/a.c"),
    ("clang", "--coverage -c s/a.c -o o/x.y.o"),
    ("clang", "-fstack-usage -MD -c s/a.c -o o/x"),
    ("clang", "-g -gsplit-dwarf -c s/a.c -o o/a.o"),
    ("clang", "-save-temps -c s/a.c -o o/x.o"),
    ("clang", "-save-temps=obj -c s/a.cc -o o/x.o"),
    ("clang", "-fsave-optimization-record -O2 -c s/a.c -o o/x.o"),
    ("clang", "-ftime-trace -c s/a.c -o o/x.o"),
    ("clang", "-S s/a.c"),
];

#[test]
fn compiles_that_stay_write_what_the_analysis_says() {
    for (program, options) in STAYING {
        let line = format!("{program} {options}");
        let here = tree();
        let analysis = analysed_in(here.path(), &line);
        assert!(analysis.remote.is_err(), "{line}");
        let argv = words(&line);
        let plain = run(here.path(), &argv[0], &argv[1..]);
        assert!(plain.status.success(), "{line}: {plain:?}");
        let mut left: Vec<_> = written(here.path()).into_keys().collect();
        let output = analysis.output.unwrap();
        assert!(left.contains(&output), "{line}: {left:?}");
        left.retain(|name| *name != output);
        for one in &analysis.side_outputs {
            let before = left.len();
            left.retain(|name| match one.is_prefix {
                true => !name.to_str().unwrap().starts_with(one.path.to_str().unwrap()),
                false => *name != one.path,
            });
            assert!(left.len() < before, "{line}: no {}", one.path.display());
        }
        assert!(left.is_empty(), "{line}: {left:?} too");
    }
}

#[test]
fn response_files_are_split_as_gcc_and_clang_split_them() {
    let texts = [
        r#"-c s/a.c -DA=a\ b -DB='c d' -DC=\"e\" '-DD=\'f' -DE=g\\h"#,
        "-c s/a.c \"-DA=a b\"\n\t-DB=c\r\n-DC=d'\"'\"'\"",
        "-c s/a.c -DA=@none '-DB=\"x\"' -D C\n",
    ];
    for text in texts {
        let here = tree();
        fs::write(here.path().join("s/r"), text).unwrap();
        for program in ["gcc", "clang"] {
            let plan = analysed_in(here.path(), &format!("{program} @s/r")).remote.unwrap();
            // What the compiler makes of a response file shows in the macros that it ends up with.
            let macros = |args: &[OsString]| {
                let args = [&["-E".into(), "-dM".into()], args].concat();
                let output = run(here.path(), &program.into(), &args);
                assert!(output.status.success(), "{program} {text}: {output:?}");
                String::from_utf8(output.stdout).unwrap()
            };
            assert_eq!(macros(&plan.preprocess_args), macros(&["@s/r".into()]), "{program} {text}");
        }
    }
}
