//! What was compiled before is found again.

use crate::user::FARMBUILD;

use super::{Rusty, same_words};
use crate::tree::same_files;

#[test]
fn a_workspace_that_was_built_before_is_found_again_to_the_byte() {
    let rusty = Rusty::workspace();
    assert_eq!(rusty.same(&["build"]), 8, "{}", rusty.user.stats());
    assert_eq!(rusty.same(&["build"]), 0, "{}", rusty.user.stats());
}

#[test]
fn programs_that_were_found_run() {
    let rusty = Rusty::workspace();
    for _ in 0..2 {
        let built = rusty.cargo(&["run", "-q", "--bin", "app"]);
        assert_eq!(built.ended.out(), "5 1 2\n7 some text\n\n");
    }
}

#[test]
fn a_release_is_found_again() {
    let rusty = Rusty::workspace();
    assert!(rusty.same(&["build", "--release"]) > 0);
    assert_eq!(rusty.same(&["build", "--release"]), 0, "{}", rusty.user.stats());
}

#[test]
fn farmbuild_as_the_wrapper_alone_finds_crates() {
    let rusty = Rusty::workspace();
    let plain = rusty.build_in(rusty.tree.path(), &[super::CARGO, "build"], |_| {});
    for compiled in [8, 0] {
        let ours = rusty.build_in(rusty.tree.path(), &[super::CARGO, "build"], |command| {
            command.env("RUSTC_WRAPPER", FARMBUILD);
        });
        same_words(&ours.ended, &plain.ended);
        same_files(&ours.files, &plain.files);
        assert_eq!(ours.compiled, compiled, "{}", rusty.user.stats());
    }
}

#[test]
fn a_check_and_a_build_are_both_found_again() {
    let rusty = Rusty::workspace();
    for args in [&["check"][..], &["build"]] {
        rusty.same(args);
    }
    for args in [&["check"][..], &["build"]] {
        assert_eq!(rusty.same(args), 0, "{args:?} {}", rusty.user.stats());
    }
}

#[test]
fn a_build_goes_on_from_what_was_found() {
    let rusty = Rusty::workspace();
    rusty.cargo(&["build"]);
    rusty.cargo(&["build"]);
    let again = rusty.continue_in(rusty.tree.path(), &[FARMBUILD, "cargo", "build"], |_| {});
    assert!(!again.ended.err().contains("Compiling"), "{}", again.ended);
}

#[test]
fn incremental_compiles_go_through_and_are_counted() {
    let rusty = Rusty::new(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", "pub fn one() -> i32 { 1 }\n"),
    ]);
    let built = rusty.build_in(rusty.tree.path(), &[FARMBUILD, "cargo", "build"], |command| {
        command.env("CARGO_INCREMENTAL", "1");
    });
    assert!(built.ended.status.success(), "{}", built.ended);
    assert_eq!(rusty.user.stat("jobs.uncached.incremental"), 1, "{}", rusty.user.stats());
}

#[test]
fn a_wrapper_of_the_users_stays_and_is_told_of() {
    let rusty = Rusty::new(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", "pub fn one() -> i32 { 1 }\n"),
        (".cargo/config.toml", "[build]\nrustc-wrapper = \"/usr/bin/env\"\n"),
    ]);
    let built = rusty.cargo(&["build"]);
    assert!(built.ended.err().contains("another wrapper"), "{}", built.ended);
    assert_eq!(built.compiled, 0, "{}", rusty.user.stats());
}

#[test]
fn the_width_of_messages_counts_only_where_there_are_any() {
    let rusty = Rusty::new(&[]);
    rusty.tree.write("out/there", "");
    rusty.tree.write("silent.rs", "pub fn silent() -> i32 { 1 }\n");
    rusty
        .tree
        .write("loud.rs", "pub fn loud() -> i32 { let unused_variable_of_a_long_name = 1; 1 }\n");
    let compile = |name: &str, width: &str| {
        let source = format!("{name}.rs");
        let width = format!("--diagnostic-width={width}");
        let words = [
            FARMBUILD,
            "cc",
            "rustc",
            "--crate-name",
            name,
            "--crate-type=lib",
            "--emit=dep-info,metadata",
            "--error-format=json",
            "--json=artifacts,diagnostic-rendered-ansi",
            "--out-dir=out",
            &width,
            &source,
        ];
        let built = rusty.build_in(rusty.tree.path(), &words, |_| {});
        assert!(built.ended.status.success(), "{}", built.ended);
        built.compiled
    };
    assert_eq!([compile("silent", "40"), compile("loud", "40")], [1, 1]);
    assert_eq!([compile("silent", "120"), compile("loud", "120")], [0, 1]);
    assert_eq!([compile("silent", "40"), compile("loud", "40")], [0, 0], "{}", rusty.user.stats());
}
