//! Compiles of crates on a board: their files at their own places, metadata before the code, and nothing else comes back.
#![allow(clippy::unwrap_used)]

mod farm;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use farm::{config, executor, read, until};
use farmbuild_core::executor::{ExecError, Executor, Outcome};
use farmbuild_core::job::{CrateFiles, EarlyOutput, Job, JobId, SharedJob, SideFile, SourceText};
use farmbuild_core::staging::StagedFile;
use farmbuild_ssh::{SshConfig, SshExecutor, Store};
use farmbuild_testkit::{Sshd, TestSpace};
use tokio::sync::mpsc;

/// A crate in a directory of its own, here.
struct Crate {
    space: TestSpace,
    early: Option<mpsc::UnboundedSender<StagedFile>>,
}

const SOURCE: &str = "pub mod part;\npub fn place() -> &'static str { concat!(file!(), env!(\"WORD\"), include_str!(\"a b.txt\")) }\n";

impl Crate {
    fn new() -> Self {
        let space = TestSpace::new();
        space.write("src/lib.rs", SOURCE);
        space.write("src/part.rs", "pub fn all<T: Ord>(mut t: Vec<T>) -> Vec<T> { t.sort(); t }\n");
        space.write("src/a b.txt", "some text\n");
        fs::create_dir(space.join("out")).unwrap();
        Self { space, early: None }
    }

    fn args() -> Vec<OsString> {
        let words = "--crate-name x --edition=2021 --crate-type lib --emit=dep-info,metadata,link -C debuginfo=2 \
             --error-format=json --json=artifacts --out-dir out src/lib.rs";
        words.split_whitespace().map(Into::into).collect()
    }

    fn directory(&self) -> PathBuf {
        self.space.path().canonicalize().unwrap()
    }

    fn job(&self, compiler: &str) -> SharedJob {
        let directory = self.directory();
        let output = |name: &str| directory.join("out").join(name);
        let side = |name: &str| SideFile { there: output(name), path: output(name) };
        let inputs = ["src/a b.txt", "src/lib.rs", "src/part.rs"].map(|it| directory.join(it));
        let early = self.early.clone().map(|to| EarlyOutput { output: 1, to });
        Arc::new(Job {
            id: JobId(1),
            compiler: compiler.into(),
            toolchain: "a rustc".into(),
            args: Self::args(),
            input: usize::MAX,
            output: usize::MAX,
            text: SourceText { bytes: Bytes::new(), lines: 0 },
            object: output("libx.rlib"),
            umask: 0o022,
            side_outputs: vec![side("libx.rmeta"), side("x.d")],
            directory_length: None,
            of_crate: Some(Arc::new(CrateFiles {
                cwd: directory.clone(),
                env: vec![("WORD".into(), "a 'word' of $mine".into())],
                inputs: inputs.to_vec(),
                source_bytes: 100,
                early,
            })),
        })
    }

    /// What rustc makes of it here.
    fn compiled_here(&self) -> [Vec<u8>; 3] {
        let mut command = Command::new(tools().join("rustc"));
        command.args(Self::args()).current_dir(self.directory());
        command.env("WORD", "a 'word' of $mine");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        ["out/libx.rlib", "out/libx.rmeta", "out/x.d"].map(|name| self.space.read(name))
    }
}

/// Where the toolchain of these tests has its programs.
fn tools() -> PathBuf {
    Path::new(env!("CARGO")).parent().unwrap().to_owned()
}

fn files(outcome: Outcome) -> Vec<Option<Vec<u8>>> {
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert!(outcome.status.success(), "{said}");
    let files = [outcome.object].into_iter().chain(outcome.beside.unwrap().files);
    files.map(|file| file.map(|it| read(Some(it)))).collect()
}

fn board() -> Sshd {
    Sshd::builder().programs(tools()).start()
}

/// A board whose rustc is this piece of `sh`, which runs in a room.
fn board_with(script: &str) -> (Sshd, TestSpace) {
    let toolchain = TestSpace::new();
    let place = toolchain.path().canonicalize().unwrap();
    let ask = format!("case $1 in --print) echo '{}'; exit;; esac", place.display());
    toolchain.write_program("bin/rustc", format!("#!/bin/sh\n{ask}\n{script}\n"));
    (Sshd::builder().programs(toolchain.join("bin")).start(), toolchain)
}

#[tokio::test]
async fn a_crate_is_compiled_at_its_own_place_and_its_files_travel_once() {
    let server = board();
    let one = Crate::new();
    let here = one.compiled_here();
    let executor = executor(&server);
    let first = executor.execute(one.job("rustc")).await.unwrap();
    let sent = first.traffic.sent;
    assert_eq!(files(first), here.clone().map(Some));
    let second = executor.execute(one.job("rustc")).await.unwrap();
    assert!(second.traffic.sent <= sent);
    assert_eq!(files(second), here.clone().map(Some));
    // What is taken out of the store is sent again.
    for entry in fs::read_dir(server.home().join(".cache/farmbuild-board/c-tests")).unwrap() {
        fs::write(entry.unwrap().path(), "").unwrap();
    }
    let third = executor.execute(one.job("rustc")).await.unwrap();
    assert_eq!(files(third), here.map(Some));
}

#[tokio::test]
async fn without_a_store_a_crate_is_compiled_all_the_same() {
    let server = board();
    let store = Store { client: "tests".to_owned(), size: 0 };
    let executor = SshExecutor::new(SshConfig { store, ..config(&server) });
    let one = Crate::new();
    let outcome = executor.execute(one.job("rustc")).await.unwrap();
    assert_eq!(files(outcome), one.compiled_here().map(Some));
}

#[tokio::test]
async fn metadata_arrive_while_the_code_is_being_made() {
    let space = TestSpace::new();
    // The room has the board's devices, and so its shared memory.
    let word = format!("/dev/shm/farmbuild-{}", std::process::id());
    let (server, _toolchain) = board_with(&format!(
        "echo declarations >out/libx.rmeta\necho '{{\"$message_type\":\"artifact\",\"artifact\":\"x\",\"emit\":\"metadata\"}}' >&2\n\
         while [ ! -e {word} ]; do sleep 0.05; done\necho code >out/libx.rlib\necho list >out/x.d"
    ));
    let (sender, mut early) = mpsc::unbounded_channel();
    let one = Crate { early: Some(sender), ..Crate::new() };
    let (executor, job) = (executor(&server), one.job("rustc"));
    let task = tokio::spawn(async move { executor.execute(job).await });
    let metadata = early.recv().await.unwrap();
    assert_eq!(read(Some(metadata)), b"declarations\n");
    assert!(!task.is_finished());
    fs::write(&word, "").unwrap();
    let outcome = task.await.unwrap();
    fs::remove_file(&word).unwrap();
    let [code, declarations, list] = files(outcome.unwrap()).try_into().unwrap();
    assert_eq!(
        (code.unwrap(), declarations, list.unwrap()),
        (b"code\n".to_vec(), None, b"list\n".to_vec())
    );
    drop(space);
}

#[tokio::test]
async fn a_room_has_the_crates_files_and_nothing_else_of_a_user() {
    let (server, _toolchain) =
        board_with("env >&2; pwd >&2; ls /root /home /tmp /work 2>/dev/null >&2; exit 1");
    let one = Crate::new();
    let outcome = executor(&server).execute(one.job("rustc")).await.unwrap();
    let said = String::from_utf8(outcome.stderr.to_vec()).unwrap();
    assert!(said.contains("WORD=a 'word' of $mine\n"), "{said}");
    assert!(said.contains(&format!("\n{}\n", one.directory().display())), "{said}");
    assert!(!said.contains("SSH_") && !said.contains("farmbuild-board"), "{said}");
}

#[tokio::test]
async fn a_rustc_that_returns_what_is_no_file_is_contained() {
    let (server, _toolchain) =
        board_with("ln -s /etc/passwd out/libx.rlib; mkfifo out/libx.rmeta; mkdir out/x.d");
    let one = Crate::new();
    let before = one.space.names();
    let outcome = executor(&server).execute(one.job("rustc")).await.unwrap();
    assert_eq!(files(outcome), [None, None, None]);
    assert_eq!(one.space.names(), before);
}

#[tokio::test]
async fn a_board_without_rustc_or_room_is_named() {
    let server = Sshd::start();
    let error = executor(&server).execute(Crate::new().job("no-rustc")).await.unwrap_err();
    assert!(error.to_string().contains("it has no no-rustc"), "{error}");
    let programs = TestSpace::new();
    programs.write_program("unshare", "#!/bin/sh\nexit 125\n");
    let server = Sshd::builder().programs(programs.path()).programs(tools()).start();
    let error = executor(&server).execute(Crate::new().job("rustc")).await.unwrap_err();
    assert!(error.to_string().contains("unshare -rm"), "{error}");
}

#[tokio::test]
async fn an_input_that_is_gone_is_no_fault_of_the_board() {
    let server = board();
    let one = Crate::new();
    let job = one.job("rustc");
    fs::remove_file(one.space.join("src/part.rs")).unwrap();
    let error = executor(&server).execute(job).await.unwrap_err();
    assert!(matches!(error, ExecError::Input { .. }) && !error.is_host_fault(), "{error}");
}

#[tokio::test]
async fn a_dropped_crate_is_killed_there() {
    let (server, _toolchain) = board_with("exec sleep 60");
    let (executor, one) = (executor(&server), Crate::new());
    let job = one.job("rustc");
    let task = tokio::spawn(async move { drop(executor.execute(job).await) });
    until("it runs", || !server.compilers().is_empty()).await;
    task.abort();
    until("it is killed", || server.compilers().is_empty()).await;
}
