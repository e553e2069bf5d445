//! A compile or link that fails says what it says without farmbuild, each time.

use super::Rusty;
use crate::user::FARMBUILD;

#[test]
fn errors_of_a_source_are_rustcs_own() {
    let rusty = Rusty::new(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", "pub fn one() -> i32 { \"1\" }\n"),
    ]);
    for _ in 0..2 {
        assert_eq!(rusty.fails_the_same(&["build"]), 1);
    }
}

#[test]
fn errors_of_a_link_show_nothing_of_farmbuild() {
    let rusty = Rusty::new(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        (
            "src/main.rs",
            "extern \"C\" { fn nowhere() -> i32; }\nfn main() { unsafe { nowhere(); } }\n",
        ),
    ]);
    for _ in 0..2 {
        assert_eq!(rusty.fails_the_same(&["build"]), 1);
    }
}

/// rustc doesn't make it, so neither does a result that is known.
#[test]
fn a_missing_directory_of_outputs_is_an_error_each_time() {
    let rusty = Rusty::new(&[("a.rs", "pub fn a() -> i32 { 1 }\n"), ("out/there", "")]);
    let compile = || {
        let words = ["rustc", "--crate-name=a", "--crate-type=lib", "--emit=dep-info,metadata"];
        let ours = [&[FARMBUILD, "cc"], &words[..], &["--out-dir=out", "a.rs"]].concat();
        rusty.build_in(rusty.tree.path(), &ours, |_| {}).ended.status
    };
    assert!(compile().success());
    std::fs::remove_dir_all(rusty.tree.join("out")).unwrap();
    assert!(!compile().success());
    rusty.tree.write("out/there", "");
    assert!(compile().success());
    assert!(rusty.tree.has("out/liba.rmeta"));
}
