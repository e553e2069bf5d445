//! Crates in other directories: found where nothing of the directory shows, compiled where it does.

use std::path::Path;

use farmbuild_testkit::TestSpace;

use super::{CARGO, Rusty, same_words};
use crate::tree::same_files;
use crate::user::FARMBUILD;

/// Two work trees `one` and `two` of the same files, and crates outside of them that both use.
fn worktrees() -> Rusty {
    let rusty = Rusty::new(&[
        (
            "shared/plain/Cargo.toml",
            "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
        ),
        ("shared/plain/src/lib.rs", "pub fn plain() -> i32 { let unused = 1; 1 }\n"),
        (
            "shared/scripted/Cargo.toml",
            "[package]\nname = \"scripted\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
        ),
        (
            "shared/scripted/build.rs",
            "fn main() { println!(\"cargo::rustc-cfg=scripted\"); println!(\"cargo::rustc-check-cfg=cfg(scripted)\"); }\n",
        ),
        ("shared/scripted/src/lib.rs", "#[cfg(scripted)]\npub fn scripted() -> i32 { 2 }\n"),
        (
            "shared/placed/Cargo.toml",
            "[package]\nname = \"placed\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
        ),
        ("shared/placed/build.rs", "fn main() {}\n"),
        ("shared/placed/src/lib.rs", "pub fn placed() -> &'static str { env!(\"OUT_DIR\") }\n"),
    ]);
    for name in ["one", "two"] {
        write_worktree(&rusty.tree, name);
    }
    rusty
}

fn write_worktree(tree: &TestSpace, name: &str) {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\nmembers = [\"inner\"]\n[dependencies]\n\
        plain = { path = \"../shared/plain\" }\nscripted = { path = \"../shared/scripted\" }\n\
        placed = { path = \"../shared/placed\" }\ninner = { path = \"inner\" }\n";
    tree.write(format!("{name}/Cargo.toml"), manifest);
    tree.write(
        format!("{name}/src/main.rs"),
        "fn main() {\n    println!(\"{} {}\", env!(\"CARGO_MANIFEST_DIR\"), placed::placed());\n    \
         println!(\"{} {} {}\", plain::plain(), scripted::scripted(), inner::inner());\n}\n",
    );
    tree.write(
        format!("{name}/inner/Cargo.toml"),
        "[package]\nname = \"inner\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    );
    tree.write(format!("{name}/inner/src/lib.rs"), "pub fn inner() -> i32 { 3 }\n");
}

/// Builds one work tree plainly and then ours, with the same outcome. How many crates were compiled.
#[track_caller]
fn same_in(rusty: &Rusty, name: &str, flags: Option<&str>) -> u64 {
    let directory = rusty.tree.join(name);
    let change = |command: &mut std::process::Command| {
        if let Some(flags) = flags {
            command.env("RUSTFLAGS", flags);
        }
    };
    let plain = rusty.build_in(&directory, &[CARGO, "build"], change);
    let ours = rusty.build_in(&directory, &[FARMBUILD, "cargo", "build"], change);
    same_words(&ours.ended, &plain.ended);
    same_files(&ours.files, &plain.files);
    ours.compiled
}

fn output_of(rusty: &Rusty, name: &str) -> String {
    let output = rusty.tree.run_ok(rusty.tree.join(name).join("target/debug/app"), [""; 0]);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn crates_from_outside_are_shared_by_worktrees_unless_they_name_their_place() {
    let rusty = worktrees();
    // Four crates, the program, and two build scripts.
    assert_eq!(same_in(&rusty, "one", None), 7);
    // The program, the crate in the work tree, and the one that holds the name of its directory.
    assert_eq!(same_in(&rusty, "two", None), 3, "{}", rusty.user.stats());
    for name in ["one", "two"] {
        let expected = rusty.tree.join(name).display().to_string();
        assert!(output_of(&rusty, name).starts_with(&format!("{expected} {expected}/target")));
    }
    for name in ["one", "two"] {
        assert_eq!(same_in(&rusty, name, None), 0, "{}", rusty.user.stats());
    }
}

#[test]
fn worktrees_share_what_their_user_maps_away() {
    let rusty = worktrees();
    let flags = |name: &str| format!("--remap-path-prefix={}=/x", rusty.tree.join(name).display());
    assert_eq!(same_in(&rusty, "one", Some(&flags("one"))), 7);
    // cargo gives crates other names under other flags: nothing is where it was, and nothing is wrong.
    same_in(&rusty, "two", Some(&flags("two")));
    assert!(output_of(&rusty, "two").starts_with(&rusty.tree.join("two").display().to_string()));
}

#[test]
fn worktrees_below_a_base_directory_share_their_crates() {
    let rusty = worktrees();
    rusty
        .user
        .write_farm(&format!("[cache]\nbase_dirs = [\"{}/*\"]\n", rusty.tree.path().display()));
    let build = |name: &str| {
        let built = rusty.build_in(&rusty.tree.join(name), &[FARMBUILD, "cargo", "build"], |_| {});
        assert!(built.ended.status.success(), "{}", built.ended);
        built.compiled
    };
    assert_eq!(build("one"), 7);
    // The program holds the name of the work tree, and one crate the name of its directory.
    assert_eq!(build("two"), 2, "{}", rusty.user.stats());
    for name in ["one", "two"] {
        let expected = rusty.tree.join(name).display().to_string();
        assert!(output_of(&rusty, name).starts_with(&format!("{expected} {expected}/target")));
    }
}

#[test]
fn another_target_directory_finds_what_the_first_one_left() {
    let rusty = Rusty::workspace();
    rusty.cargo(&["build"]);
    let elsewhere = |command: &mut std::process::Command| {
        command.env("CARGO_TARGET_DIR", rusty.tree.join("other dir/target"));
    };
    let there = rusty.tree.join("other dir");
    let built = rusty.continue_in(rusty.tree.path(), &[FARMBUILD, "cargo", "build"], elsewhere);
    assert!(built.ended.status.success(), "{}", built.ended);
    let ours = super::outputs(&there);
    std::fs::remove_dir_all(&there).unwrap();
    rusty.continue_in(rusty.tree.path(), &[CARGO, "build"], elsewhere);
    same_files(&ours, &super::outputs(&there));
    // What includes generated sources, and what is made of that.
    assert!(built.compiled < 5, "{}", rusty.user.stats());
    assert!(!ours.contains_key(Path::new("")));
}

#[test]
fn what_is_known_of_a_crate_is_explained() {
    let rusty = Rusty::workspace();
    rusty.cargo(&["build"]);
    rusty.tree.write("twin-1/src/lib.rs", "pub fn number() -> i32 { 10 }\n");
    rusty.cargo(&["build"]);
    let why = |file: &str| rusty.user.build(&rusty.tree, ["why", file]).ok().out();
    let said = why("twin-1/src/lib.rs");
    assert!(
        said.contains("changed: src/lib.rs") || said.contains("changed: twin-1/src/lib.rs"),
        "{said}"
    );
    let said = why("app/src/main.rs");
    assert!(said.contains("changed: libtwin-"), "{said}");
    let said = why("twin-2/src/lib.rs");
    assert!(said.contains("direct tier"), "{said}");
}
