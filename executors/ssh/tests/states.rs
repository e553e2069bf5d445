//! What is wrong with a host is said in a sentence with the cure.
#![allow(clippy::unwrap_used)]

mod farm;

use std::time::Duration;

use farm::{Case, config, executor, until};
use farmbuild_core::executor::{ExecError, Executor};
use farmbuild_ssh::{SshConfig, SshExecutor, Timeouts};
use farmbuild_testkit::{SlowCompiler, Sshd, TestSpace};

const SOURCE: &str = "int x;\n";

async fn error_of(server: &Sshd) -> String {
    let case = Case::new(SOURCE);
    let before = case.space.names();
    let executor = executor(server);
    let error = executor.execute(case.job(&[])).await.expect_err("a fault");
    assert!(error.is_host_fault());
    assert_eq!(case.space.names(), before);
    error.to_string()
}

#[tokio::test]
async fn a_changed_host_key_is_refused_with_the_cure() {
    let mut server = Sshd::start();
    server.stop();
    server.change_host_key();
    server.start_again();
    let error = error_of(&server).await;
    assert!(error.contains("host key has changed") && error.contains("ssh-keygen -R"), "{error}");
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_with_the_cure() {
    let server = Sshd::start();
    server.forget_host_key();
    let error = error_of(&server).await;
    assert!(error.contains("host key isn't known") && error.contains("ssh-keyscan"), "{error}");
    assert!(error.contains("once by hand"), "{error}");
}

#[tokio::test]
async fn a_refused_key_is_told_apart() {
    let server = Sshd::start();
    server.refuse_keys();
    let error = error_of(&server).await;
    assert!(error.contains("refuses this user's key"), "{error}");
    server.accept_keys();
    executor(&server).probe().await.unwrap();
}

#[tokio::test]
async fn a_host_that_is_off_is_unreachable() {
    let mut server = Sshd::start();
    server.stop();
    let error = executor(&server).probe().await.unwrap_err();
    assert!(matches!(error, ExecError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
    server.start_again();
    executor(&server).probe().await.unwrap();
}

#[tokio::test]
async fn a_missing_compiler_is_named_and_others_still_run() {
    let server = Sshd::start();
    let executor = executor(&server);
    let case = Case::new(SOURCE);
    let error = executor.execute(case.job_for("no-such-gcc", &[])).await.unwrap_err();
    assert!(matches!(error, ExecError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("it has no no-such-gcc"), "{error}");
    executor.execute(case.job(&[])).await.unwrap();
}

#[tokio::test]
async fn a_home_that_cannot_be_written_is_named() {
    // Not even root writes there.
    let server = Sshd::builder().home("/sys").start();
    let error = error_of(&server).await;
    assert!(error.contains("can't be used") && error.contains("~/.cache"), "{error}");
}

/// A directory with a program of a full disk.
fn without_space(program: &str) -> TestSpace {
    let programs = TestSpace::new();
    let script = format!(
        "#!/bin/sh\ncase $* in *w-*|*[0-9][0-9][0-9][0-9]*) echo '{program}: write error: No space left on device' >&2; exit 1;; esac\n\
         exec /usr/bin/{program} \"$@\"\n"
    );
    programs.write_program(program, script);
    programs
}

#[tokio::test]
async fn a_full_disk_is_named() {
    for program in ["mkdir", "head"] {
        let programs = without_space(program);
        let server = Sshd::builder().programs(programs.path()).start();
        let case = Case::new(&format!("{SOURCE}{}", "/* long */\n".repeat(2000)));
        let error = executor(&server).execute(case.job(&[])).await.unwrap_err().to_string();
        assert!(error.contains("disk is full") && error.contains("make room"), "{error}");
    }
}

#[tokio::test]
async fn a_shell_that_is_none_is_named() {
    for (login, words) in [
        ("echo This account is closed.; exit 1", "login shell ended"),
        ("exec yes", "prints without end"),
    ] {
        let server = Sshd::builder().on_login(login).start();
        let error = error_of(&server).await;
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_a_job_is_broken_at_once() {
    let compilers = SlowCompiler::compiling(Duration::from_secs(60), Duration::ZERO);
    let mut server = Sshd::builder().programs(compilers.directory()).start();
    let executor = executor(&server);
    let case = Case::new(SOURCE);
    let job = executor.execute(case.job(&[]));
    let killing = async {
        until("a compiler runs", || !server.compilers().is_empty()).await;
        server.stop();
    };
    let (error, ()) = tokio::join!(job, killing);
    let error = error.unwrap_err();
    assert!(matches!(error, ExecError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_stopped_stalls_and_comes_back() {
    let server = Sshd::start();
    let short = Duration::from_secs(2);
    let timeouts = Timeouts { connect: short, compile: short, ..Timeouts::default() };
    let executor = SshExecutor::new(SshConfig { timeouts, ..config(&server) });
    let case = Case::new(SOURCE);
    executor.execute(case.job(&[])).await.unwrap();
    server.suspend();
    let error = executor.execute(case.job(&[])).await.unwrap_err();
    assert!(matches!(error, ExecError::Stalled { .. }), "{error}");
    let error = executor.probe().await.unwrap_err();
    assert!(matches!(error, ExecError::Stalled { .. }), "{error}");
    server.resume();
    executor.probe().await.unwrap();
    executor.execute(case.job(&[])).await.unwrap();
}
