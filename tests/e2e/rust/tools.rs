//! What stands around rustc goes through unharmed: tests, doctests, clippy, rustdoc.

use super::Rusty;

#[test]
fn tests_and_doctests_pass_and_test_programs_are_found_again() {
    let rusty = Rusty::workspace();
    for number in 0..2 {
        let built = rusty.cargo(&["test"]);
        let said = built.ended.out();
        assert!(said.contains("it_is_more_than_generated ... ok"), "{}", built.ended);
        assert!(said.contains("it_runs ... ok"), "{}", built.ended);
        assert!(said.contains("middle/src/lib.rs - (line 1) ... ok"), "{}", built.ended);
        assert_eq!(built.compiled == 0, number == 1, "{}", rusty.user.stats());
    }
}

#[test]
fn clippy_says_what_it_says() {
    let rusty = Rusty::workspace();
    let source = String::from_utf8(rusty.tree.read("middle/src/lib.rs")).unwrap();
    rusty.tree.write(
        "middle/src/lib.rs",
        source.replace("native::value() }", "return native::value(); }"),
    );
    for _ in 0..2 {
        rusty.same(&["clippy"]);
    }
    let stats = rusty.user.stats();
    assert!(rusty.user.stat("jobs.local.before-rustc") > 0, "{stats}");
}

#[test]
fn documentation_is_made() {
    let rusty = Rusty::workspace();
    rusty.cargo(&["doc", "-p", "middle"]);
    assert!(rusty.tree.has("target/doc/middle/fn.native.html"));
}
