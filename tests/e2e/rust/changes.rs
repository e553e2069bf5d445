//! What has changed is compiled: after each change a build through farmbuild is a plain one.

use super::Rusty;

#[test]
fn an_edit_compiles_what_it_changes_and_what_uses_that() {
    let rusty = Rusty::workspace();
    rusty.same(&["build"]);
    rusty.tree.write("twin-1/src/lib.rs", "pub fn number() -> i32 { 10 }\n");
    assert_eq!(rusty.same(&["build"]), 2, "{}", rusty.user.stats());
    rusty.tree.write("twin-1/src/lib.rs", "pub fn number() -> i32 { 1 }\n");
    assert_eq!(rusty.same(&["build"]), 0, "what was built first: {}", rusty.user.stats());
}

#[test]
fn a_file_that_is_included_as_text_counts() {
    let rusty = Rusty::workspace();
    rusty.same(&["build"]);
    rusty.tree.write("app/src/text.txt", "other text\n");
    assert_eq!(rusty.same(&["build"]), 1, "{}", rusty.user.stats());
}

/// The crate between has the same bytes: only the archive of C, far below, is another one.
#[test]
fn c_below_a_crate_below_counts_for_a_program() {
    let rusty = Rusty::workspace();
    rusty.same(&["build"]);
    rusty.tree.write("native/number.c", "int number(void) { return 2; }\n");
    rusty.same(&["build"]);
    let built = rusty.cargo(&["run", "-q", "--bin", "app"]);
    assert!(built.ended.out().starts_with("6 "), "{}", built.ended);
}

#[test]
fn generated_sources_count() {
    let rusty = Rusty::workspace();
    rusty.same(&["build"]);
    let script = String::from_utf8(rusty.tree.read("native/build.rs")).unwrap();
    rusty.tree.write("native/build.rs", script.replace("i32 = 4", "i32 = 5"));
    rusty.same(&["build"]);
}

#[test]
fn flags_count() {
    let manifest = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let rusty = Rusty::new(&[
        ("Cargo.toml", manifest),
        ("src/lib.rs", "pub fn sum(a: u8, b: u8) -> u8 { a + b }\n"),
        ("src/main.rs", "fn main() { println!(\"{}\", one::sum(1, 2)); }\n"),
    ]);
    rusty.same(&["build"]);
    let flagged = |flags: &'static str| {
        rusty.same_with(&["build"], move |command| {
            command.env("RUSTFLAGS", flags);
        })
    };
    assert!(flagged("-C debug-assertions=no") > 0);
    assert!(flagged("--cfg other") > 0);
    assert_eq!(flagged("--cfg other"), 0, "{}", rusty.user.stats());
}

fn reader(macro_body: &str) -> Rusty {
    Rusty::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"macros\", \"user\"]\n"),
        (
            "macros/Cargo.toml",
            "[package]\nname = \"macros\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n",
        ),
        (
            "macros/src/lib.rs",
            &format!(
                "#[proc_macro]\npub fn read(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{\n    \
                 let text: String = {macro_body};\n    format!(\"{{text:?}}\").parse().unwrap()\n}}\n"
            ),
        ),
        (
            "user/Cargo.toml",
            "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nmacros = { path = \"../macros\" }\n",
        ),
        ("user/query.sql", "select 1\n"),
        ("user/src/lib.rs", "pub const TEXT: &str = macros::read!();\n"),
    ])
}

#[test]
fn what_a_macro_reads_of_its_users_package_counts() {
    let rusty = reader(
        "std::fs::read_to_string(std::env::var(\"CARGO_MANIFEST_DIR\").unwrap() + \"/query.sql\").unwrap()",
    );
    rusty.same(&["build"]);
    assert_eq!(rusty.same(&["build"]), 0, "{}", rusty.user.stats());
    rusty.tree.write("user/query.sql", "select 2\n");
    assert_eq!(rusty.same(&["build"]), 1, "{}", rusty.user.stats());
}

#[test]
fn what_a_macro_reads_of_cargos_variables_counts() {
    let rusty = reader("std::env::var(\"CARGO_PKG_DESCRIPTION\").unwrap()");
    rusty.same(&["build"]);
    let manifest = String::from_utf8(rusty.tree.read("user/Cargo.toml")).unwrap();
    let described = manifest.replace("[dep", "description = \"other\"\n[dep");
    rusty.tree.write("user/Cargo.toml", described);
    assert_eq!(rusty.same(&["build"]), 1, "{}", rusty.user.stats());
}

#[test]
fn variables_that_a_source_asks_for_count_set_or_not() {
    let rusty = Rusty::new(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", "pub const ONE: Option<&str> = option_env!(\"THE_NUMBER\");\n"),
    ]);
    let set = |value: &'static str| {
        rusty.same_with(&["build"], move |command| {
            command.env("THE_NUMBER", value);
        })
    };
    assert_eq!(rusty.same(&["build"]), 1);
    assert_eq!(set("1"), 1);
    assert_eq!(set("2"), 1);
    assert_eq!(set("1"), 0);
    assert_eq!(rusty.same(&["build"]), 0);
}

#[test]
fn a_module_may_become_another_file() {
    let rusty = Rusty::new(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", "mod inner;\npub fn one() -> i32 { inner::one() }\n"),
        ("src/inner.rs", "pub fn one() -> i32 { 1 }\n"),
    ]);
    rusty.same(&["build"]);
    std::fs::remove_file(rusty.tree.join("src/inner.rs")).unwrap();
    rusty.tree.write("src/inner/mod.rs", "pub fn one() -> i32 { 2 }\n");
    assert_eq!(rusty.same(&["build"]), 1, "{}", rusty.user.stats());
    // Both are there: an error, which is said as rustc says it.
    rusty.tree.write("src/inner.rs", "pub fn one() -> i32 { 1 }\n");
    rusty.fails_the_same(&["build"]);
}
