//! `farmbuild toolchain`: a compiler that is packed here, pushed to real boards, and compiles there to the same bytes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use farmbuild_testkit::{Distccd, Sshd, SshdBuilder, TestSpace};
use rustix::process::Signal;
use serde_json::Value;

use crate::run::{Ended, until};
use crate::ssh::ssh_host;
use crate::tree::{project, same_as_plain};
use crate::user::{User, host};

/// What a board of these tests has: coreutils, and no compiler.
const COREUTILS: [&str; 22] = [
    "head",
    "cat",
    "wc",
    "rm",
    "mkdir",
    "mv",
    "chmod",
    "tr",
    "dd",
    "ln",
    "df",
    "tail",
    "uname",
    "sync",
    "sha256sum",
    "env",
    "cp",
    "ls",
    "touch",
    "date",
    "nproc",
    "mkfifo",
];

/// This machine's gcc, packed once for all tests of a run.
static ARCHIVE: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("toolchain.tar.zst");
    let archive = path.to_string_lossy().into_owned();
    long(&User::alone(), ["toolchain", "pack", "gcc", "-o", &archive]).ok();
    path
});

fn archive() -> &'static str {
    ARCHIVE.to_str().unwrap()
}

/// Runs `farmbuild ARGS...` in a time that does for a hundred megabytes on a machine with other things to do.
fn long<const N: usize>(user: &User, args: [&str; N]) -> Ended {
    let space = TestSpace::new();
    user.start(&space, args).within(Duration::from_secs(300)).wait()
}

/// The programs of a bare board, and these.
fn programs(more: &[&str]) -> TestSpace {
    let programs = TestSpace::new();
    for name in COREUTILS.iter().chain(more) {
        symlink(format!("/usr/bin/{name}"), programs.join(name)).unwrap();
    }
    programs
}

/// Replaces one of them by a script.
fn replace(programs: &TestSpace, name: &str, script: &str) {
    let _ = fs::remove_file(programs.join(name));
    programs.write_program(name, format!("#!/bin/sh\n{script}\n"));
}

fn bare(programs: &TestSpace) -> SshdBuilder {
    Sshd::builder().only_programs(programs.path())
}

/// What is in the directory of a board's toolchains: names, and what is in each.
fn on_board(server: &Sshd) -> Vec<String> {
    let mut found = Vec::new();
    let toolchains = server.home().join(".cache/farmbuild-board/toolchains");
    for name in fs::read_dir(toolchains).into_iter().flatten().map(Result::unwrap) {
        for version in fs::read_dir(name.path()).unwrap().map(Result::unwrap) {
            found.push(version.file_name().into_string().unwrap());
        }
    }
    found.sort();
    found
}

/// Whether a push has come so far.
fn arrived(server: &Sshd, directory: &str) -> bool {
    let base = server.home().join(".cache/farmbuild-board");
    let sessions = fs::read_dir(base).into_iter().flatten().map(Result::unwrap);
    let places = sessions.flat_map(|it| fs::read_dir(it.path()).into_iter().flatten()).flatten();
    places.into_iter().any(|it| it.path().join("new").join(directory).exists())
}

fn is_left_alone(server: &Sshd) -> bool {
    let sessions = fs::read_dir(server.home().join(".cache/farmbuild-board")).unwrap();
    !sessions.map(Result::unwrap).any(|it| it.file_name().to_string_lossy().starts_with(['s', 'n']))
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

/// The archive with something else written in its manifest: another version of the same toolchain.
fn another_version(space: &TestSpace) -> String {
    let run = |script: &str| {
        let mut command = Command::new("sh");
        let done =
            command.args(["-ec", script]).current_dir(space.path()).env("A", archive()).status();
        assert!(done.unwrap().success(), "{script}");
    };
    run("mkdir x && zstd -dcq $A | tar -xf - -C x");
    let manifest = String::from_utf8(space.read("x/manifest.json")).unwrap();
    let names: Vec<String> = json(manifest.as_bytes())["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    space.write(
        "x/manifest.json",
        manifest.replace("\"by\": \"farmbuild", "\"by\": \"a later farmbuild"),
    );
    space.write("names", format!("manifest.json\n{}\n", names.join("\n")));
    run("tar --format=ustar --numeric-owner -C x -cf - -T names | zstd -1 -qo other.tar.zst");
    space.join("other.tar.zst").to_str().unwrap().to_owned()
}

#[test]
fn a_packed_compiler_is_pushed_to_bare_boards_and_builds_as_here() {
    let (plain, packs) = (programs(&[]), programs(&["zstd"]));
    let boards = [
        bare(&plain).start(),
        bare(&packs).home("a home").start(),
        bare(&packs).shell("csh").on_login("echo Welcome").start(),
    ];
    let farm: String =
        ["a", "b", "c"].iter().zip(&boards).map(|(name, it)| ssh_host(name, it, 2)).collect();
    let user = User::with_farm(&farm);
    let missing = user.ask(["toolchain", "check", "gcc"]).exits_with(1).out();
    assert!(missing.contains("a     ssh  missing  missing  missing  missing"), "{missing}");

    let pushed = long(&user, ["toolchain", "push", archive()]).ok().out();
    assert_eq!(pushed.matches(": pushed x86_64-gcc").count(), 3, "{pushed}");
    let again = long(&user, ["toolchain", "push", archive()]).ok().out();
    assert_eq!(again.matches(": already there").count(), 3, "{again}");

    let listed = json(&user.ask(["toolchain", "list", "--json"]).ok().stdout);
    let one = &listed["hosts"][0]["toolchains"][0];
    let (name, version) = (one["name"].as_str().unwrap(), one["version"].as_str().unwrap());
    let place = format!(".cache/farmbuild-board/toolchains/{name}/v-{version}/elf/cc1");
    fs::write(boards[0].home().join(place), "rust").unwrap();
    let repaired = long(&user, ["toolchain", "push", archive()]).ok().out();
    let (there, sent) = (repaired.matches(": already there"), repaired.matches("a: pushed"));
    assert_eq!((there.count(), sent.count()), (2, 1), "{repaired}");

    user.ask(["toolchain", "check", "gcc"]).ok();
    same_as_plain(&user, &project(12), &["make", "-j8"]);
    let stats = user.stats();
    assert!(user.remote_jobs() > 0 && user.stat("jobs.local.no-host-has-compiler") == 0, "{stats}");
    for board in &boards {
        let there = on_board(board);
        assert_eq!(there.len(), 3, "a version, its sums, and which one is current: {there:?}");
    }
}

#[test]
fn packing_twice_makes_one_archive_and_list_knows_it() {
    let user = User::alone();
    let packed = json(&long(&user, ["toolchain", "pack", "gcc", "--json"]).ok().stdout);
    let kept = PathBuf::from(packed["archive"].as_str().unwrap());
    assert!(fs::read(&kept).unwrap() == fs::read(archive()).unwrap());
    let listed = json(&user.ask(["toolchain", "list", "--json"]).ok().stdout);
    assert_eq!(listed["archives"][0]["version"], packed["version"]);
    let here = listed["compilers"].as_array().unwrap();
    assert!(here.iter().any(|it| it["name"] == packed["name"]), "{listed}");
}

#[test]
fn a_program_that_is_no_compiler_is_not_packed() {
    let said = User::alone().ask(["toolchain", "pack", "make"]).exits_with(1).err();
    assert!(said.contains("is neither gcc nor clang"), "{said}");
}

#[test]
fn a_damaged_archive_is_sent_to_nobody() {
    let board = bare(&programs(&[])).start();
    let user = User::with_farm(&ssh_host("a", &board, 2));
    let space = TestSpace::new();
    let good = fs::read(archive()).unwrap();
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 0x40;
    for (name, bytes) in
        [("damaged", &damaged[..]), ("cut", &good[..good.len() / 2]), ("foreign", b"hello")]
    {
        let path = space.write(name, bytes);
        let said = long(&user, ["toolchain", "push", path.to_str().unwrap()]).exits_with(1).err();
        assert!(said.contains(name) && said.contains("isn't sent"), "{said}");
    }
    assert_eq!(on_board(&board), [""; 0]);
}

#[test]
fn a_push_that_is_killed_leaves_the_toolchain_of_before() {
    let programs = programs(&["zstd"]);
    replace(
        &programs,
        "sha256sum",
        "[ -e \"$HOME/slow\" ] && exec /usr/bin/sleep 100\nexec /usr/bin/sha256sum \"$@\"",
    );
    let board = bare(&programs).start();
    let user = User::with_farm(&ssh_host("a", &board, 2));
    long(&user, ["toolchain", "push", archive()]).ok();
    let before = on_board(&board);

    let space = TestSpace::new();
    let other = another_version(&space);
    fs::write(board.home().join("slow"), "").unwrap();
    let push = user.start(&space, ["toolchain", "push", &other]);
    until("the board is given files", || arrived(&board, "bin"));
    until("the board has them all", || arrived(&board, "tree"));
    until("the board is busy with what it got", || !board.compilers().is_empty());
    push.signal(Signal::KILL);
    push.wait();
    until("nothing of it is left", || board.compilers().is_empty() && is_left_alone(&board));
    assert_eq!(on_board(&board), before);
    user.ask(["toolchain", "check", "gcc"]).ok();

    fs::remove_file(board.home().join("slow")).unwrap();
    long(&user, ["toolchain", "push", &other]).ok();
    let listed = json(&user.ask(["toolchain", "list", "--json"]).ok().stdout);
    let there = listed["hosts"][0]["toolchains"].as_array().unwrap();
    let current: Vec<_> = there.iter().map(|it| it["current"].as_bool().unwrap()).collect();
    assert!(there.len() == 2 && current.iter().filter(|it| **it).count() == 1, "{listed}");
    let back = long(&user, ["toolchain", "push", archive()]).ok().out();
    assert!(back.contains("in use again"), "{back}");
}

#[test]
fn push_tells_of_each_host_what_is_wrong_and_what_to_do() {
    let (good, full, other, rotten) =
        (programs(&["zstd"]), programs(&[]), programs(&[]), programs(&["zstd"]));
    replace(&full, "df", "echo Filesystem; echo /dev/sda 100000 99000 1000 99% /");
    replace(&other, "uname", "echo riscv64");
    replace(&rotten, "sha256sum", "echo bin/x86_64-linux-gnu-gcc: FAILED; exit 1");
    let mut stopped = Sshd::start();
    stopped.stop();
    let hosts = [
        ("good", bare(&good).start()),
        ("full", bare(&full).start()),
        ("other", bare(&other).start()),
        ("rotten", bare(&rotten).start()),
        ("closed", Sshd::builder().home("/sys").start()),
        ("gone", stopped),
    ];
    let farm: String = hosts.iter().map(|(name, server)| ssh_host(name, server, 2)).collect();
    let distccd = Distccd::start();
    let user = User::with_farm(&(farm + &host("distcc", &distccd.address(), 2)));
    let report =
        json(&long(&user, ["toolchain", "push", archive(), "--json"]).exits_with(1).stdout);
    let of = |name: &str| {
        let hosts = report["hosts"].as_array().unwrap();
        let host = hosts.iter().find(|it| it["name"] == name).unwrap();
        (host["result"].as_str().unwrap(), host["reason"].as_str().unwrap_or_default())
    };
    assert_eq!(of("good").0, "pushed");
    for (name, result, words) in [
        ("full", "failed", "make room in ~/.cache"),
        ("other", "failed", "pack the compiler on a machine of kind riscv64"),
        ("rotten", "failed", "isn't what was sent (bin/x86_64-linux-gnu-gcc: FAILED"),
        ("closed", "failed", "~/.cache"),
        ("gone", "failed", "can't be reached"),
        ("distcc", "unsuited", "install the compiler there by hand"),
    ] {
        assert!(of(name).0 == result && of(name).1.contains(words), "{name}: {:?}", of(name));
    }
    for (name, server) in &hosts[1..4] {
        assert!(
            is_left_alone(server) && on_board(server).is_empty(),
            "{name}: {:?}",
            on_board(server)
        );
    }
    long(&user, ["toolchain", "push", archive(), "--host", "distcc"]).exits_with(1);
    long(&user, ["toolchain", "push", archive(), "--host", "nobody"]).exits_with(1);
    long(&user, ["toolchain", "push", archive(), "--host", "good"]).ok();
}

#[test]
fn check_shows_who_agrees_with_this_machine_and_who_does_not_and_how() {
    let other = programs(&[]);
    replace(&other, "gcc", "exec /usr/bin/clang \"$@\"");
    let mut gone = Sshd::start();
    gone.stop();
    let (same, other, distccd) = (Sshd::start(), bare(&other).start(), Distccd::start());
    let farm = ssh_host("same", &same, 2)
        + &ssh_host("other", &other, 2)
        + &ssh_host("gone", &gone, 2)
        + &host("distcc", &distccd.address(), 2);
    let user = User::with_farm(&farm);
    let shown = user.ask(["toolchain", "check", "gcc"]).exits_with(1).out();
    for line in [
        "same    ssh     same     same     same",
        "other   ssh     differs  missing",
        "gone    ssh     away     away     away",
        "distcc  distcc  same     same     same     untried",
        "distcc (lto): distccd takes no -flto",
        "it is \"Debian clang",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let report = json(&user.ask(["toolchain", "check", "gcc", "--json"]).exits_with(1).stdout);
    let agree: Vec<_> = report["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["agrees"].as_bool().unwrap())
        .collect();
    assert_eq!(agree, [true, false, false, true]);
    let kinds: Vec<_> = report["hosts"][0]["canaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].clone())
        .collect();
    assert_eq!(kinds, ["c", "c++", "asm", "lto"]);
}
