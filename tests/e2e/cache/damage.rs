//! A cache whose files were damaged: never a wrong result, never a build that fails.

use std::fs;
use std::path::{Path, PathBuf};

use farmbuild_testkit::TestSpace;

use super::Cached;
use super::edits::chance::Chance;

const LINE: &str = "gcc -g -O1 -Wall -MMD -c a.c; clang -O1 -MD -c b.c -o b.o; gcc -O2 -fstack-usage -c b.c -o c.o";

fn cached() -> Cached {
    Cached::with([
        ("a.c", "#include \"h.h\"\nint a(void) { int unused; return A; }\n"),
        ("b.c", "#include <stddef.h>\n#include \"h.h\"\nint b = A;\n"),
        ("h.h", "#define A 1\n"),
    ])
}

/// The files of a user's cache; they come and go while a daemon writes.
fn entries(cached: &Cached) -> Vec<PathBuf> {
    let (mut left, mut files) = (vec![cached.user.cache()], Vec::new());
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
            let all = if entry.path().is_dir() { &mut left } else { &mut files };
            all.push(entry.path());
        }
    }
    files.sort();
    files
}

/// A file that the daemon may remove meanwhile.
fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

/// Damages every file of the cache, with a new daemon and with the one that made it, and compiles.
fn survives(damage: impl Fn(&Path, &mut Chance)) {
    for restart in [true, false] {
        let mut chance = Chance::new(7);
        let cached = cached();
        for _ in 0..2 {
            cached.same(LINE);
            cached.settle();
            if !restart {
                // A daemon that knows them already, and writes nothing.
                cached.same(LINE);
            }
            for entry in entries(&cached) {
                damage(&entry, &mut chance);
            }
            cached.same(LINE);
            cached.same(LINE);
        }
    }
}

#[test]
fn flipped_bits_are_noticed() {
    survives(|path, chance| {
        let mut bytes = read(path);
        if !bytes.is_empty() {
            let at = chance.below(bytes.len());
            bytes[at] ^= 1 << chance.below(8);
            fs::write(path, bytes).unwrap();
        }
    });
}

#[test]
fn files_cut_short_are_noticed() {
    survives(|path, chance| {
        let bytes = read(path);
        fs::write(path, &bytes[..chance.below(bytes.len() + 1)]).unwrap();
    });
}

#[test]
fn empty_files_are_noticed() {
    survives(|path, _| fs::write(path, "").unwrap());
}

#[test]
fn files_that_grew_are_noticed() {
    survives(|path, chance| {
        let mut bytes = read(path);
        bytes.resize(bytes.len() + 1 + chance.below(100), 0);
        fs::write(path, bytes).unwrap();
    });
}

#[test]
fn files_of_one_another_are_noticed() {
    let cached = cached();
    cached.same(LINE);
    cached.settle();
    let all = entries(&cached);
    let contents: Vec<_> = all.iter().map(|path| fs::read(path).unwrap()).collect();
    for (path, content) in all.iter().zip(contents.iter().cycle().skip(1)) {
        fs::write(path, content).unwrap();
    }
    cached.same(LINE);
    cached.same(LINE);
}

#[test]
fn files_that_are_gone_are_misses() {
    survives(|path, chance| {
        if chance.below(2) == 0 {
            drop(fs::remove_file(path));
        }
    });
}

#[test]
fn a_cache_that_is_emptied_in_the_middle_of_a_build_fails_nothing() {
    let cached = cached();
    let line = format!("{LINE}; rm -rf \"$HOME/.cache/farmbuild\" 2>/dev/null; {LINE}; {LINE}");
    for _ in 0..3 {
        cached.same(&line);
    }
}

#[test]
fn entries_with_times_of_the_future_or_the_past_are_as_good_as_others() {
    let cached = cached();
    cached.same(LINE);
    cached.settle();
    for date in ["1970-01-02", "2100-01-01"] {
        for entry in entries(&cached) {
            cached.tree.run_ok("touch", ["-d".as_ref(), date.as_ref(), entry.as_os_str()]);
        }
        assert_eq!(cached.hits_of(LINE), 3, "{date}: {}", cached.user.stats());
    }
}

#[test]
fn two_daemons_may_share_one_cache() {
    let place = TestSpace::new();
    let both = [cached(), cached()];
    let line = format!("export FARMBUILD_CACHE_DIR='{}'; {LINE}", place.join("cache").display());
    for value in 0..6 {
        for cached in &both {
            cached.tree.write("h.h", format!("#define A {}\n", value % 4));
        }
        // At once: one runs while the other is compared.
        let other = both[1].user.start(&both[1].tree, ["sh", "-c", &line]);
        both[0].same(&line);
        other.wait().ok();
        both[1].tree.run_ok("sh", ["-c", "rm -f *.o *.d *.su"]);
        both[1].same(&line);
        both[0].same(&line);
    }
    let found: u64 = both.iter().map(Cached::hits).sum();
    assert!(found > 20, "{found}");
}
