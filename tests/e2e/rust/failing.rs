//! A compile or link that fails says what it says without farmbuild, each time.

use super::Rusty;

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
