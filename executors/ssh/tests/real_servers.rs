//! The executor against the distribution's `sshd`.
#![allow(clippy::unwrap_used)]

mod farm;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::time::Duration;

use farm::{Case, config, executor, finish, left_in, read, until};
use farmbuild_core::executor::{Capacity, ExecError, Executor};
use farmbuild_core::job::CompilerStatus;
use farmbuild_ssh::{Compression, SshConfig, SshExecutor};
use farmbuild_testkit::{SlowCompiler, Sshd, TestSpace};

const SOURCE: &str = "# 1 \"a.c\"\nint f(int x)\n{\n\treturn x ? x * 3 : 1;\n}\n";

/// A program that prints the arguments that it was given as the bytes of its "object".
const ECHO: &str = "#!/bin/sh\nfor last; do :; done\nprintf '<%s>' \"$@\" >\"$last\"\n";

#[tokio::test]
async fn objects_are_those_of_a_compile_here() {
    let server = Sshd::start();
    let executor = executor(&server);
    let case = Case::new(SOURCE);
    for flags in [&["-O2"][..], &["-O0", "-fPIC"], &["-O2"]] {
        let outcome = executor.execute(case.job(flags)).await.unwrap();
        assert!(outcome.stderr.is_empty() && outcome.stdout.is_empty());
        assert!(finish(outcome) == case.compiled_here(flags));
    }
    let long = format!("{SOURCE}{}", "/* a long comment */\n".repeat(100_000));
    let case = Case::new(&long);
    for compression in [Compression::Auto, Compression::None] {
        let executor = SshExecutor::new(SshConfig { compression, ..config(&server) });
        let outcome = executor.execute(case.job(&["-O2"])).await.unwrap();
        assert_eq!(outcome.traffic.sent < 100_000, compression == Compression::Auto);
        assert!(finish(outcome) == case.compiled_here(&["-O2"]));
    }
}

#[tokio::test]
async fn every_login_shell_will_do() {
    let banner = "echo Welcome to this board; printf 'no new line at the end'";
    for (shell, home, login) in [
        ("bash", "home", ""),
        ("dash", "a home with 'spaces' $HOME & \"more", ""),
        ("csh", "home", banner),
        ("fish", "home of a fish", banner),
    ] {
        let home = home.replace('\'', "");
        let server = Sshd::builder().shell(shell).home(&home).on_login(login).start();
        let case = Case::new(SOURCE);
        let outcome = executor(&server).execute(case.job(&["-O2"])).await;
        assert!(finish(outcome.unwrap()) == case.compiled_here(&["-O2"]), "{shell}");
    }
}

#[tokio::test]
async fn arguments_of_any_bytes_arrive_as_they_are() {
    let programs = TestSpace::new();
    programs.write_program("echo-cc", ECHO);
    for shell in ["dash", "bash"] {
        // The script's own shell is what has to hold the bytes.
        let server = Sshd::builder().shell(shell).programs(programs.path()).start();
        let executor = executor(&server);
        let case = Case::new(SOURCE);
        let all = |from: u8, to: u8| OsString::from_vec((from..=to).collect());
        let mut odd: Vec<OsString> = [
            "",
            " ",
            "a  b",
            "$(touch /tmp/x)",
            "`x`",
            "'",
            "\"",
            "*",
            "~",
            "\\",
            "\\0101",
            "%s",
            "-n",
        ]
        .map(OsString::from)
        .to_vec();
        odd.extend(["two\nlines\n", "\n", "\t", "trailing "].map(OsString::from));
        odd.extend([all(1, 0x1d), all(0x20, 0x7f), all(0x80, 0xff)]);
        let mut job = case.plain("echo-cc", &[], "a.o");
        let count = odd.len();
        job.args.splice(0..0, odd.clone());
        (job.input, job.output) = (job.input + count, job.output + count);
        let object = finish(executor.execute(Arc::new(job)).await.unwrap());
        let mut expected = Vec::new();
        for word in odd.into_iter().chain(["-c", "source.i", "-o", "object.o"].map(OsString::from))
        {
            expected.extend([b"<", &word.into_vec()[..], b">"].concat());
        }
        assert_eq!(
            object.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{shell}"
        );
    }
}

#[tokio::test]
async fn a_compile_error_is_the_compilers_own() {
    let server = Sshd::start();
    let executor = executor(&server);
    let case = Case::new("int f(void) { return y; }\n");
    let outcome = executor.execute(case.job(&[])).await.unwrap();
    assert_eq!(outcome.status, CompilerStatus::Exited(1));
    assert!(outcome.object.is_none());
    assert!(String::from_utf8_lossy(&outcome.stderr).contains("undeclared"));
    let case = Case::new("int f(void) { int y; }\n");
    let outcome = executor.execute(case.job(&["-Wall"])).await.unwrap();
    assert!(outcome.status.success() && !outcome.stderr.is_empty());
    finish(outcome);
}

#[tokio::test]
async fn side_outputs_come_back() {
    let server = Sshd::start();
    let case = Case::new(SOURCE);
    let job = case.job_with(&["-fstack-usage"], "out/deep/a.o", &["out/deep/a.su", "out/none.su"]);
    let outcome = executor(&server).execute(job).await.unwrap();
    let mut sides = outcome.beside.unwrap().files.into_iter();
    let usage = String::from_utf8(read(sides.next().unwrap())).unwrap();
    assert!(usage.contains("static"), "{usage}");
    assert!(sides.next().unwrap().is_none() && sides.next().is_none());
}

#[tokio::test]
async fn a_compile_that_names_its_directory_is_given_a_name_as_long_as_asked() {
    let programs = TestSpace::new();
    programs.write_program("echo-cc", "#!/bin/sh\nfor last; do :; done\npwd >\"$last\"\n");
    let server = Sshd::builder().programs(programs.path()).start();
    let executor = executor(&server);
    let case = Case::new(SOURCE);
    for length in [16, 17, 300] {
        let mut job = case.plain("echo-cc", &[], "a.o");
        job.directory_length = Some(length);
        let mut outcome = executor.execute(Arc::new(job)).await.unwrap();
        let directory = outcome.beside.take().unwrap().directory.unwrap();
        assert_eq!(directory.as_os_str().len(), length);
        let said = String::from_utf8(finish(outcome)).unwrap();
        assert_eq!(said.trim_end(), directory.to_str().unwrap());
        assert!(directory.symlink_metadata().is_err(), "a name is left in /tmp");
    }
    let mut job = case.plain("echo-cc", &[], "a.o");
    job.directory_length = Some(7);
    assert!(matches!(executor.execute(Arc::new(job)).await, Err(ExecError::Refused { .. })));
}

#[tokio::test]
async fn more_jobs_than_sessions_on_a_connection_run_all_the_same() {
    let server = Sshd::builder().sessions(2).start();
    let capacity = Capacity { slots: 6, queue: 6 };
    let executor = Arc::new(SshExecutor::new(SshConfig { capacity, ..config(&server) }));
    let case = Arc::new(Case::new(SOURCE));
    let expected = case.compiled_here(&["-O2"]);
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (executor, case) = (Arc::clone(&executor), Arc::clone(&case));
        jobs.spawn(async move { finish(executor.execute(case.job(&["-O2"])).await.unwrap()) });
    }
    for object in jobs.join_all().await {
        assert!(object == expected);
    }
}

#[tokio::test]
async fn a_dropped_job_is_killed_there_and_leaves_nothing_here() {
    let compilers = SlowCompiler::compiling(Duration::from_secs(60), Duration::ZERO);
    let server = Sshd::builder().programs(compilers.directory()).start();
    let executor = Arc::new(executor(&server));
    let case = Case::new(SOURCE);
    let before = case.space.names();
    let (running, job) = (Arc::clone(&executor), case.job(&[]));
    let task = tokio::spawn(async move { drop(running.execute(job).await) });
    until("a compiler runs", || !server.compilers().is_empty()).await;
    task.abort();
    until("no compiler runs", || server.compilers().is_empty()).await;
    assert_eq!(case.space.names(), before);
    executor.probe().await.unwrap();
    drop(executor);
    until("nothing is left on the board", || left_in(&server.home()).is_empty()).await;
}

#[tokio::test]
async fn a_dead_session_is_cleaned_up_by_the_next_one() {
    let compilers = SlowCompiler::compiling(Duration::from_secs(60), Duration::ZERO);
    let mut server = Sshd::builder().programs(compilers.directory()).start();
    let first = Arc::new(executor(&server));
    let case = Case::new(SOURCE);
    let (running, job) = (Arc::clone(&first), case.job(&[]));
    let task = tokio::spawn(async move { running.execute(job).await });
    until("a compiler runs", || !server.compilers().is_empty()).await;
    server.stop();
    let error = task.await.unwrap().unwrap_err();
    assert!(matches!(error, ExecError::Broken { .. }), "{error}");
    assert!(!left_in(&server.home()).is_empty(), "a power cut removes nothing");
    server.start_again();
    // The same executor connects again.
    first.probe().await.unwrap();
    let keeper = |path: &String| path.ends_with("/keeper");
    let left = left_in(&server.home());
    assert!(left.len() == 1 && left.iter().all(keeper), "{left:?}");
}

#[tokio::test]
async fn users_of_one_board_are_kept_apart() {
    let server = Sshd::start();
    let (one, other) = (executor(&server), executor(&server));
    let case = Case::new(SOURCE);
    let expected = case.compiled_here(&[]);
    for executor in [&one, &other, &one] {
        assert!(finish(executor.execute(case.job(&[])).await.unwrap()) == expected);
    }
    drop(one);
    assert!(finish(other.execute(case.job(&[])).await.unwrap()) == expected);
}
