//! A whole C project, file by file. Slow, so it is asked for by name:
//!
//!     FARMBUILD_TEST_PROJECT=/path/to/haproxy cargo test -p farmbuild-core --test fidelity -- --ignored real_project

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use farmbuild_core::fidelity::{hazards, may_mislead};

use crate::compiler::Split;

/// The flags that reach the object, and those that don't, of `make -n` for haproxy.
fn haproxy(project: &PathBuf) -> Vec<(Vec<OsString>, String)> {
    let output = Command::new("make")
        .args(["-n", "TARGET=linux-glibc", "V=1", "IGNOREGIT=1"])
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
    compiles
}

#[test]
#[ignore = "needs a checkout of haproxy in FARMBUILD_TEST_PROJECT, takes minutes"]
fn every_object_of_a_real_project_is_the_plain_one() {
    let project =
        PathBuf::from(std::env::var_os("FARMBUILD_TEST_PROJECT").expect("FARMBUILD_TEST_PROJECT"));
    let split =
        Split::new("gcc", "-O2 -g -fwrapv -fvect-cost-model=very-cheap -fno-omit-frame-pointer");
    assert!(split.recipe.is_exact(), "{:?}", split.recipe);
    let compiles = haproxy(&project);
    let mut different = Vec::new();
    let mut suspected = Vec::new();
    for (more, source) in &compiles {
        let text = split.text(&project, more, source);
        if hazards(&text, split.recipe.technique).is_some() || may_mislead(&text) {
            suspected.push(source);
        }
        let (plain, _) = split.here(&project, more, source);
        if split.split_object(&project, more, source) != plain.unwrap() {
            different.push(source);
        }
    }
    println!("would stay home: {} of {}: {suspected:?}", suspected.len(), compiles.len());
    assert!(suspected.len() * 10 < compiles.len(), "{suspected:?}");
    assert!(different.is_empty(), "{} of {}: {different:?}", different.len(), compiles.len());
}
