//! What a link reads beside crates counts, and a link that can't be followed isn't cached.

use super::Rusty;

const PROGRAM: &[(&str, &str)] = &[
    ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    ("src/main.rs", "fn main() { println!(\"one\") }\n"),
];

#[test]
fn a_native_library_that_changes_is_linked_again() {
    let rusty = Rusty::new(PROGRAM);
    rusty.tree.write(
        "src/main.rs",
        "#[link(name = \"two\")]\nextern \"C\" { fn two() -> i32; }\nfn main() { println!(\"{}\", unsafe { two() }) }\n",
    );
    rusty.tree.write("native/two.c", "int two(void) { return 2; }\n");
    let library = || {
        rusty.tree.run_ok("gcc", ["-c", "native/two.c", "-o", "native/two.o"]);
        rusty.tree.run_ok("ar", ["crsD", "native/libtwo.a", "native/two.o"]);
    };
    let flags = format!("-L native={}", rusty.tree.join("native").display());
    let build = || {
        rusty.same_with(&["run"], |command| {
            command.env("RUSTFLAGS", &flags);
        })
    };
    library();
    assert_eq!(build(), 1);
    assert_eq!(build(), 0, "{}", rusty.user.stats());
    rusty.tree.write("native/two.c", "int two(void) { return 3; }\n");
    library();
    assert_eq!(build(), 1, "{}", rusty.user.stats());
}

#[test]
fn a_version_script_counts_by_its_content() {
    let rusty = Rusty::new(PROGRAM);
    rusty.tree.write("one.map", "{ global: main; local: *; };\n");
    let script = rusty.tree.join("one.map");
    let flags = format!("-C link-arg=-Wl,--version-script={}", script.display());
    let build = || {
        rusty.same_with(&["build"], |command| {
            command.env("RUSTFLAGS", &flags);
        })
    };
    assert_eq!(build(), 1);
    assert_eq!(build(), 0, "{}", rusty.user.stats());
    rusty.tree.write("one.map", "{ global: main; local: *; };\n\n");
    assert_eq!(build(), 1, "{}", rusty.user.stats());
}

#[test]
fn a_linker_that_is_a_script_is_not_followed() {
    let rusty = Rusty::new(PROGRAM);
    let script = rusty.tree.write_program("bin/gcc", "#!/bin/sh\nexec /usr/bin/gcc \"$@\"\n");
    let flags = format!("-C linker={}", script.display());
    for _ in 0..2 {
        let build = rusty.same_with(&["build"], |command| {
            command.env("RUSTFLAGS", &flags);
        });
        assert_eq!(build, 1);
    }
    assert_eq!(rusty.user.stat("jobs.uncached.compiler-script"), 2, "{}", rusty.user.stats());
}

#[test]
fn an_argument_that_makes_the_linker_write_more_is_not_followed() {
    let rusty = Rusty::new(PROGRAM);
    let flags = format!("-C link-arg=-Wl,-Map={}", rusty.tree.join("map").display());
    for _ in 0..2 {
        let build = rusty.same_with(&["build"], |command| {
            command.env("RUSTFLAGS", &flags);
        });
        assert_eq!(build, 1);
    }
    assert_eq!(rusty.user.stat("jobs.uncached.link-argument"), 2, "{}", rusty.user.stats());
}
