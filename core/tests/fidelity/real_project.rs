//! A whole C project, file by file. Slow, so it is asked for by name; every third file suffices to begin with:
//!
//!     FARMBUILD_TEST_PROJECT=/path/to/haproxy FARMBUILD_TEST_EVERY=3 \
//!         cargo test -p farmbuild-core --test fidelity -- --ignored real_project

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use farmbuild_core::fidelity::{Ran, Technique, hazards, may_mislead, warns_of_indentation};

use crate::compiler::Split;

/// What reaches the object in haproxy's own flags, for gcc.
const GCC_FLAGS: &str = "-O2 -g -fwrapv -fvect-cost-model=very-cheap -fno-omit-frame-pointer";

/// The flags that don't reach the object, and the source, of each compile that `make -n` shows.
fn haproxy(project: &PathBuf, compiler: &str) -> Vec<(Vec<OsString>, String)> {
    let output = Command::new("make")
        .args(["-n", "TARGET=linux-glibc", "V=1", "IGNOREGIT=1", &format!("CC={compiler}")])
        .current_dir(project)
        .output()
        .unwrap();
    let compiles: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| line.contains(" -c -o ") && line.contains("-Iinclude "))
        .map(|line| {
            let words: Vec<_> =
                line.split_whitespace().map(|word| word.replace('\\', "")).collect();
            let more = words
                .iter()
                .filter(|word| ["-D", "-I", "-W"].iter().any(|start| word.starts_with(start)));
            (more.map(OsString::from).collect(), words.last().unwrap().clone())
        })
        .collect();
    assert!(compiles.len() > 100, "{} compiles", compiles.len());
    let every = std::env::var("FARMBUILD_TEST_EVERY").map_or(1, |every| every.parse().unwrap());
    compiles.into_iter().step_by(every).collect()
}

/// Compiles the project both ways and compares what is written and what is printed.
fn holds_for(compiler: &str, flags: &str, technique: Technique) {
    let project =
        PathBuf::from(std::env::var_os("FARMBUILD_TEST_PROJECT").expect("FARMBUILD_TEST_PROJECT"));
    let split = Split::new(compiler, flags);
    assert!(split.recipe.is_exact(), "{:?}", split.recipe);
    assert_eq!(split.recipe.technique, technique);
    let compiles = haproxy(&project, compiler);
    let prints = |ran: &Ran| !ran.stderr.is_empty();
    let (mut different, mut suspected) = (Vec::new(), Vec::new());
    let (mut unheard, mut noisy) = (Vec::new(), Vec::new());
    for (more, source) in &compiles {
        let text = split.text(&project, more, source);
        let misleads = technique == Technique::DirectivesOnly
            && warns_of_indentation(more)
            && may_mislead(&text);
        if hazards(&text, technique).is_some() || misleads {
            suspected.push(source);
        }
        let (plain, said) = split.here(&project, more, source);
        let there: Vec<_> = more
            .iter()
            .filter(|flag| flag.as_encoded_bytes().starts_with(b"-W"))
            .cloned()
            .collect();
        let (object, steps) = split.split_with(&project, more, &there, source);
        match (prints(&said), steps.iter().any(prints)) {
            (true, false) => unheard.push(source),
            (false, true) => noisy.push(source),
            _ => {}
        }
        if split.rewritten(object.unwrap()) != plain.unwrap() {
            different.push(source);
        }
    }
    println!(
        "{compiler} {flags}: {} files; would stay home for their text {suspected:?}, for what is printed {noisy:?}",
        compiles.len()
    );
    assert!(different.is_empty(), "{} of {}: {different:?}", different.len(), compiles.len());
    assert!(unheard.is_empty(), "{unheard:?}");
    assert!((suspected.len() + noisy.len()) * 10 < compiles.len(), "{suspected:?} {noisy:?}");
}

#[test]
#[ignore = "needs a checkout of haproxy in FARMBUILD_TEST_PROJECT, takes minutes"]
fn every_object_of_a_real_project_is_the_plain_one() {
    holds_for("gcc", GCC_FLAGS, Technique::DirectivesOnly);
}

#[test]
#[ignore = "needs a checkout of haproxy in FARMBUILD_TEST_PROJECT, takes minutes"]
fn every_object_of_clang_is_the_plain_one() {
    holds_for("clang", "-O2 -fwrapv", Technique::RewrittenIncludes);
}

#[test]
#[ignore = "needs a checkout of haproxy in FARMBUILD_TEST_PROJECT, takes minutes"]
fn every_object_of_clang_with_debug_info_is_the_plain_one() {
    holds_for("clang", "-O2 -g -fwrapv", Technique::Bitcode);
}
