//! Crates that are compiled on boards over ssh: what they leave is what plain cargo leaves.

use std::fmt::Write as _;
use std::path::Path;

use farmbuild_testkit::{Sshd, SshdBuilder};

use super::{CARGO, Rusty};
use crate::run::until;
use crate::ssh::ssh_host;
use crate::tree::same_files;
use crate::user::FARMBUILD;

/// A board with the toolchain of these tests.
fn board() -> SshdBuilder {
    Sshd::builder().programs(Path::new(CARGO).parent().unwrap())
}

/// The workspace, over one board.
fn over(server: &Sshd) -> Rusty {
    let rusty = Rusty::workspace();
    rusty.user.set_farm(&ssh_host("a", server, 4));
    rusty
}

/// A library whose code takes rustc some time after its metadata are there.
fn slow_library() -> String {
    let mut text = "use std::collections::BTreeMap;\n".to_owned();
    for number in 0..24 {
        writeln!(
            text,
            "pub fn f{number}(t: &str) -> BTreeMap<[u8; {number}], String> {{ let mut m = BTreeMap::new(); \
             for w in t.split('{}') {{ m.insert([1; {number}], format!(\"{{w}}{number}\")); }} m }}",
            char::from(b'a' + (number % 26) as u8)
        )
        .unwrap();
    }
    text
}

/// Two libraries, one of which uses the other, and a program.
fn chain(server: &Sshd) -> Rusty {
    let slow = slow_library();
    let rusty = Rusty::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"app\", \"slow\", \"next\"]\n"),
        (
            "slow/Cargo.toml",
            "[package]\nname = \"slow\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        ),
        ("slow/src/lib.rs", &slow),
        (
            "next/Cargo.toml",
            "[package]\nname = \"next\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nslow = { path = \"../slow\" }\n",
        ),
        ("next/src/lib.rs", "pub fn count() -> usize { slow::f3(\"a d d\").len() }\n"),
        (
            "app/Cargo.toml",
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nnext = { path = \"../next\" }\n",
        ),
        ("app/src/main.rs", "fn main() { println!(\"{}\", next::count()); }\n"),
    ]);
    rusty.user.set_farm(&ssh_host("a", server, 4));
    rusty
}

/// Builds until the board has compiled a crate: home may help where it is free. What a build script compiles is C, and may
/// have been compiled there too.
#[track_caller]
fn until_the_board_helped(rusty: &Rusty, args: &[&str], jobs_of_c: u64) {
    for _ in 0..5 {
        let remote = || rusty.user.stat("jobs.remote.a");
        let before = remote();
        rusty.same_with(args, |command| {
            command.env("FARMBUILD_CACHE", "off");
        });
        let unfit = rusty.user.stat("jobs.local.no-host-has-compiler");
        assert_eq!(unfit, 0, "{}", rusty.user.ask(["hosts"]).out());
        if remote() > before + jobs_of_c {
            return;
        }
    }
    panic!("{}\n{}", rusty.user.stats(), rusty.user.ask(["hosts"]).out());
}

#[test]
fn a_workspace_over_a_board_is_plain_cargos() {
    let server = board().home("a home").start();
    let rusty = over(&server);
    for args in [&["build"][..], &["check"], &["build", "--release"]] {
        until_the_board_helped(&rusty, args, 1);
    }
    let stats = rusty.user.stats();
    // Programs and macros link; a crate takes in C; one has a warning, which is for the rustc here to say.
    for reason in ["crate-links", "crate-native", "compiler-said"] {
        assert!(rusty.user.stat(&format!("jobs.local.{reason}")) > 0, "{reason}: {stats}");
    }
    assert_eq!(rusty.user.stat("jobs.retried.a"), 0, "{stats}");
}

#[test]
fn what_a_board_compiled_is_found_again() {
    let server = board().start();
    let rusty = chain(&server);
    // The board is known as good.
    until_the_board_helped(&rusty, &["build"], 0);
    rusty.same(&["build"]);
    let remote = rusty.user.stat("jobs.remote.a");
    let hits = rusty.user.stat("jobs.hit.direct");
    rusty.same(&["build"]);
    let stats = rusty.user.stats();
    assert_eq!(rusty.user.stat("jobs.remote.a"), remote, "{stats}");
    assert!(rusty.user.stat("jobs.hit.direct") >= hits + 3, "{stats}");
}

#[test]
fn a_crate_whose_macros_may_read_anything_stays_home() {
    let server = board().start();
    let rusty = Rusty::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"macros\", \"user\"]\n"),
        (
            "macros/Cargo.toml",
            "[package]\nname = \"macros\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n",
        ),
        (
            "macros/src/lib.rs",
            "#[proc_macro]\npub fn same(text: proc_macro::TokenStream) -> proc_macro::TokenStream { text }\n",
        ),
        (
            "user/Cargo.toml",
            "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nmacros = { path = \"../macros\" }\n",
        ),
        ("user/src/lib.rs", "pub fn number() -> u32 { macros::same!(7) }\n"),
    ]);
    rusty.user.set_farm(&ssh_host("a", &server, 4));
    rusty.same(&["build"]);
    assert_eq!(rusty.user.stat("jobs.local.crate-macros"), 1, "{}", rusty.user.stats());
}

#[test]
fn a_board_that_gives_no_rooms_compiles_no_crates_and_says_why() {
    let programs = farmbuild_testkit::TestSpace::new();
    programs.write_program("unshare", "#!/bin/sh\nexit 125\n");
    let server = board().programs(programs.path()).start();
    let rusty = over(&server);
    rusty.same(&["build"]);
    let hosts = rusty.user.ask(["hosts"]).out();
    assert!(hosts.contains("unshare -rm"), "{hosts}");
}

#[test]
fn a_board_that_is_killed_in_the_middle_of_a_crate_fails_no_build() {
    let mut server = board().start();
    let rusty = chain(&server);
    let plain = rusty.build_in(rusty.tree.path(), &[CARGO, "build", "--release"], |_| {});
    // The board is known as good.
    until_the_board_helped(&rusty, &["build"], 0);
    drop(std::fs::remove_dir_all(rusty.tree.join("target")));
    let mut command = rusty.command(rusty.tree.path(), &[FARMBUILD, "cargo", "build", "--release"]);
    command.env("FARMBUILD_CACHE", "off");
    let build = crate::run::start(command.stdin(std::process::Stdio::null())).within(super::LIMIT);
    until("a crate is compiled there", || !server.compilers().is_empty());
    server.stop();
    let ended = build.wait();
    assert!(ended.status.success(), "{ended}");
    same_files(&super::outputs(rusty.tree.path()), &plain.files);
    assert!(rusty.user.stat("jobs.retried.a") > 0, "{}", rusty.user.stats());
}
