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

#[test]
fn the_page_about_the_cache_names_only_tests_that_are_there() {
    let page = include_str!("../../../docs/cache.md");
    let tests = [
        include_str!("changes.rs"),
        include_str!("place.rs"),
        include_str!("reuse.rs"),
        include_str!("tools.rs"),
    ];
    let (_, table) = page.split_once("### Beside sccache").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.ends_with("` |")).collect();
    assert!(rows.len() > 5, "{table}");
    for row in rows {
        let name = row.trim_end_matches("` |").rsplit('`').next().unwrap();
        assert!(tests.iter().any(|text| text.contains(&format!("fn {name}()"))), "{name}");
    }
}
