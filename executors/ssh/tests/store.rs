//! What a board keeps of the inputs that it was sent: they travel once, and nothing that happens to them there shows.
#![allow(clippy::unwrap_used)]

mod farm;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use farm::{Case, config, executor, finish, until};
use farmbuild_core::executor::{Executor, Traffic};
use farmbuild_ssh::{Compression, SshConfig, SshExecutor, Store};
use farmbuild_testkit::{Sshd, TestSpace};

/// A source of so many bytes, about, that can't be packed to much less.
fn source(seed: u64, bytes: usize) -> String {
    let mut text = format!("# 1 \"a.c\"\nunsigned long table{seed}[] = {{\n");
    let mut number = seed;
    while text.len() < bytes {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
        text.push_str(&format!("{number}ul,"));
    }
    text + "};\n"
}

/// Compiles there, with the result that a compile here has, and says what that cost.
async fn compile(executor: &SshExecutor, case: &Case) -> Traffic {
    let outcome = executor.execute(case.job(&["-O1"])).await.unwrap();
    let traffic = outcome.traffic;
    assert!(finish(outcome) == case.compiled_here(&["-O1"]));
    traffic
}

fn for_client(server: &Sshd, client: &str, size: u64) -> SshExecutor {
    SshExecutor::new(SshConfig {
        store: Store { client: client.to_owned(), size },
        ..config(server)
    })
}

/// The entries of the tests' own store.
fn entries(server: &Sshd) -> Vec<PathBuf> {
    entries_of(server, "tests")
}

fn entries_of(server: &Sshd, client: &str) -> Vec<PathBuf> {
    let store = store(server, client);
    let entries = fs::read_dir(store).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("used")).collect()
}

fn store(server: &Sshd, client: &str) -> PathBuf {
    server.home().join(".cache/farmbuild-board").join(format!("c-{client}"))
}

#[tokio::test]
async fn a_source_travels_once_also_from_session_to_session() {
    let server = Sshd::start();
    for (compression, bytes) in [(Compression::Auto, 200_000), (Compression::None, 20_000)] {
        let case = Case::new(&source(bytes as u64, bytes));
        let executor = || SshExecutor::new(SshConfig { compression, ..config(&server) });
        let one = executor();
        let first = compile(&one, &case).await.sent;
        let second = compile(&one, &case).await.sent;
        drop(one);
        let third = compile(&executor(), &case).await.sent;
        assert!(second * 20 < first && third == second, "{first} {second} {third}");
    }
    assert_eq!(entries(&server).len(), 2);
}

#[tokio::test]
async fn a_store_that_is_emptied_or_damaged_fails_no_job_and_fills_again() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 5] = [
        ("removed", |entry| fs::remove_file(entry).unwrap()),
        ("cut short", |entry| {
            let length = entry.metadata().unwrap().len();
            fs::File::options().write(true).open(entry).unwrap().set_len(length / 2).unwrap();
        }),
        ("emptied", |entry| fs::write(entry, "").unwrap()),
        ("changed", |entry| {
            let mut bytes = fs::read(entry).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(entry, bytes).unwrap();
        }),
        ("gone with its store", |entry| fs::remove_dir_all(entry.parent().unwrap()).unwrap()),
    ];
    for bytes in [20_000, 200_000] {
        let server = Sshd::start();
        let (executor, case) = (executor(&server), Case::new(&source(7, bytes)));
        let first = compile(&executor, &case).await.sent;
        for (name, harm) in harms {
            let [entry] = entries(&server).try_into().unwrap();
            harm(&entry);
            let again = compile(&executor, &case).await.sent;
            assert!(again >= first, "{name}: {again} of {first}");
            if name != "gone with its store" {
                let after = compile(&executor, &case).await.sent;
                assert!(after * 10 < first, "{name}: {after} of {first}");
            }
        }
    }
}

#[tokio::test]
async fn an_entry_that_is_another_ones_is_not_taken_for_it() {
    let server = Sshd::start();
    let executor = executor(&server);
    let (one, other) = (Case::new(&source(1, 100_000)), Case::new(&source(2, 100_000)));
    compile(&executor, &one).await;
    let [first] = entries(&server).try_into().unwrap();
    compile(&executor, &other).await;
    let second = entries(&server).into_iter().find(|entry| *entry != first).unwrap();
    fs::copy(&second, &first).unwrap();
    compile(&executor, &one).await;
}

#[tokio::test]
async fn clients_have_stores_of_their_own() {
    let server = Sshd::start();
    let (one, other) = (for_client(&server, "one", 1 << 20), for_client(&server, "other", 1 << 20));
    let case = Case::new(&source(3, 100_000));
    let first = compile(&one, &case).await.sent;
    assert_eq!(compile(&other, &case).await.sent, first);
    fs::remove_dir_all(store(&server, "one")).unwrap();
    assert!(compile(&other, &case).await.sent * 10 < first);
    assert_eq!(entries_of(&server, "other").len(), 1);
}

#[tokio::test]
async fn a_store_stays_within_its_bounds_and_keeps_what_was_used_last() {
    const SIZE: u64 = 1 << 20;
    let server = Sshd::start();
    let executor = for_client(&server, "tests", SIZE);
    let used = Case::new(&source(1, 150_000));
    let first = compile(&executor, &used).await.sent;
    let room = || {
        let blocks = |entry: PathBuf| entry.metadata().map_or(0, |meta| meta.blocks());
        entries(&server).into_iter().map(blocks).sum::<u64>() * 512
    };
    for seed in 2..32 {
        compile(&executor, &Case::new(&source(seed, 150_000))).await;
        let again = compile(&executor, &used).await.sent;
        assert!(again * 10 < first, "what is in use was removed: {again} of {first}");
        until("the store is within its bounds", || room() <= SIZE).await;
    }
    assert!(room() > SIZE / 2);
}

#[tokio::test]
async fn without_a_store_nothing_is_kept() {
    let server = Sshd::start();
    let (executor, case) = (for_client(&server, "tests", 0), Case::new(&source(3, 100_000)));
    let first = compile(&executor, &case).await.sent;
    assert_eq!(compile(&executor, &case).await.sent, first);
    assert!(entries(&server).is_empty());
}

#[tokio::test]
async fn what_was_sent_in_part_is_no_entry() {
    // The board loses its power in the middle of the transfer.
    let programs = TestSpace::new();
    programs.write_program("zstd", "#!/bin/sh\nhead -c 1000 >/dev/null\nkill -KILL $PPID\n");
    let server = Sshd::builder().programs(programs.path()).start();
    let case = Case::new(&source(9, 400_000));
    executor(&server).execute(case.job(&[])).await.unwrap_err();
    assert!(entries(&server).is_empty());
}

#[tokio::test]
async fn a_client_that_did_not_come_for_a_month_has_no_store_any_more() {
    let server = Sshd::start();
    compile(&for_client(&server, "old", 1 << 20), &Case::new(&source(3, 50_000))).await;
    compile(&for_client(&server, "recent", 1 << 20), &Case::new(&source(3, 50_000))).await;
    let used = store(&server, "old").join("used");
    touch_long_ago(&used);
    // It sweeps beside the jobs, as long as somebody is there.
    let newcomer = executor(&server);
    newcomer.probe().await.unwrap();
    until("the old store is removed", || !store(&server, "old").exists()).await;
    assert!(store(&server, "recent").exists());
}

fn touch_long_ago(file: &Path) {
    let touched =
        std::process::Command::new("touch").args(["-d", "40 days ago"]).arg(file).status();
    assert!(touched.unwrap().success());
}
