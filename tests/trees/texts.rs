//! The preprocessed sources of real trees, with the flags that each is compiled with: what the declaration tier's corpus begins
//! with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use farmbuild_testkit::trees;

use crate::farm::plain_make;

/// A compiler that also keeps each text, with those of its flags that say how it is compiled but not how far or how well.
const RECORDER: &str = r#"#!/bin/sh
COMPILER "$@" || exit
case " $* " in *" -c "*) ;; *) exit 0 ;; esac
for source; do case $source in *.c) break ;; esac; done
case $source in *.c) ;; *) exit 0 ;; esac
name=TEXTS/TREE-$(basename "$source" .c).COMPILER
for word; do
  case $word in -Wp,*|-f*-prefix-map=*) ;; -[Wfm]*|-std=*) printf '%s ' "$word" ;; esac
done > "$name.flags"
# The same without what it writes.
left=$#
while [ $left -gt 0 ]; do
  word=$1; shift; left=$((left - 1))
  case $word in -o|-MF) shift; left=$((left - 1)) ;; -Wp,-M*|-M*) ;; *) set -- "$@" "$word" ;; esac
done
COMPILER "$@" -g0 -E -o "$name.i" 2>/dev/null || rm -f "$name.i"
exit 0
"#;

/// Larger texts take too long to be compiled thousands of times.
const LARGEST: u64 = 800_000;
/// Texts of one tree for one compiler.
const MOST: usize = 16;

fn recorder(texts: &Path, tree: &str, compiler: &str) -> PathBuf {
    let script = RECORDER
        .replace("TEXTS", &texts.display().to_string())
        .replace("TREE", tree)
        .replace("COMPILER", compiler);
    // By the compiler's name: makefiles look at it.
    let directory = texts.join(tree);
    fs::create_dir_all(&directory).expect("a directory below target");
    let program = directory.join(compiler);
    fs::write(&program, script).expect("a file below target");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
    program
}

/// Runs make with the recorder as `CC`.
fn make(directory: &Path, compiler: &Path, words: &[&str]) {
    let mut make = plain_make();
    make.arg("-j2").arg(format!("CC={}", compiler.display())).args(words).current_dir(directory);
    let output = make.output().expect("make");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{make:?}: {said}");
}

/// Leaves some of a tree's texts, spread evenly over the small ones.
fn thin_out(texts: &Path, tree: &str, compiler: &str) -> usize {
    let entries = fs::read_dir(texts).expect("a directory below target");
    let end = format!(".{compiler}.i");
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    all.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(&format!("{tree}-")) && name.ends_with(&end)
    });
    all.sort();
    let small = |path: &&PathBuf| fs::metadata(path).is_ok_and(|meta| meta.len() <= LARGEST);
    let kept: Vec<PathBuf> = all.iter().filter(small).cloned().collect();
    let step = kept.len().div_ceil(MOST).max(1);
    let kept: Vec<PathBuf> = kept.into_iter().step_by(step).collect();
    for path in all.iter().filter(|path| !kept.contains(path)) {
        fs::remove_file(path).expect("our own file");
    }
    kept.len()
}

#[test]
#[ignore = "builds parts of three trees twice: run it by name, see CONTRIBUTING.md"]
fn texts_for_the_declaration_tiers_corpus() {
    let texts = trees::build_directory("texts");
    for compiler in ["gcc", "clang"] {
        let of = |tree| recorder(&texts, tree, compiler);

        let directory = trees::build_directory("texts-haproxy");
        trees::copy(&trees::haproxy(), &directory);
        make(&directory, &of("haproxy"), &["TARGET=linux-glibc", "CPU_CFLAGS=-O0", "LD=true"]);

        let directory = trees::build_directory("texts-lua");
        trees::copy(&trees::lua(), &directory);
        make(&directory, &of("lua"), &["-C", "src", "MYCFLAGS=-DLUA_USE_LINUX", "a"]);

        let output = format!("O={}", trees::build_directory("texts-linux").display());
        let linux = trees::linux();
        make(&linux, &of("linux"), &[&output, "tinyconfig"]);
        make(&linux, &of("linux"), &[&output, "lib/", "kernel/"]);

        for tree in ["haproxy", "lua", "linux"] {
            let count = thin_out(&texts, tree, compiler);
            assert!(count > 5, "{count} texts of {tree} for {compiler}");
            println!("{count} texts of {tree} for {compiler}");
        }
    }
    println!("FARMBUILD_TEXTS={}", texts.display());
}
