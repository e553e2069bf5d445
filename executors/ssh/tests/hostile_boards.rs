//! Boards that mean harm: contained, and named.
#![allow(clippy::unwrap_used)]

mod farm;

use std::time::Duration;

use farm::{Case, config, executor};
use farmbuild_core::executor::{ExecError, Executor};
use farmbuild_ssh::{SshConfig, SshExecutor, Timeouts};
use farmbuild_testkit::{Sshd, TestSpace};

const SOURCE: &str = "int x;\n";

/// A board whose compiler is this piece of `sh`, in which `$out` is the object.
fn board_with_compiler(script: &str) -> (Sshd, TestSpace) {
    let programs = TestSpace::new();
    let script = format!("#!/bin/sh\nfor out; do :; done\n{script}\n");
    programs.write_program("gcc", script);
    (Sshd::builder().programs(programs.path()).start(), programs)
}

/// A board that takes our script for what it says of itself, and answers to each job what this piece of `sh` prints.
fn board_that_answers(script: &str) -> Sshd {
    Sshd::builder()
        .on_login(&format!(
            "read -r length\nscript=$(dd bs=1 count=\"$length\" 2>/dev/null)\n\
             mark=$(printf '%s' \"$script\" | sed -n \"s/^fb_mark='\\(.*\\)'$/\\1/p\")\n\
             printf '\\n%s\\n' \"$mark\"\n\
             case $script in *fb_number=*) ;; *) echo ready no; echo end; exec cat >/dev/null;; esac\n\
             echo ready\nwhile read -r line; do case $line in *go) break;; esac; done\n{script}\nexit"
        ))
        .start()
}

async fn error_of(server: &Sshd) -> ExecError {
    let case = Case::new(SOURCE);
    let before = case.space.names();
    let short = Duration::from_secs(2);
    let timeouts = Timeouts { compile: short, receive: short, ..Timeouts::default() };
    let executor = SshExecutor::new(SshConfig { timeouts, ..config(server) });
    let error = executor.execute(case.job(&[])).await.expect_err("a fault");
    assert!(error.is_host_fault());
    assert_eq!(case.space.names(), before);
    error
}

#[tokio::test]
async fn an_object_that_is_no_file_does_not_come_back() {
    for script in [
        "ln -s /etc/passwd \"$out\"",
        "ln -s /dev/zero \"$out\"",
        "mkfifo \"$out\"",
        "mkdir \"$out\"",
        ": no object at all",
        ": >\"$out\"",
    ] {
        let (server, _programs) = board_with_compiler(script);
        let error = error_of(&server).await;
        assert!(matches!(error, ExecError::Refused { .. }), "{script}: {error}");
        assert!(error.to_string().contains("no object"), "{script}: {error}");
    }
}

#[tokio::test]
async fn ten_gibibytes_are_not_received() {
    let (server, _programs) = board_with_compiler("truncate -s 10G \"$out\"");
    let error = error_of(&server).await;
    assert!(error.to_string().contains("a file of 10737418240 bytes"), "{error}");
    let (server, _programs) = board_with_compiler("truncate -s 10G /proc/self/fd/1");
    let error = error_of(&server).await;
    assert!(error.to_string().contains("a standard output of"), "{error}");
}

#[tokio::test]
async fn a_board_that_breaks_the_protocol_is_named() {
    for (script, words) in [
        ("echo ../../etc/passwd", "broke the protocol: it sent \"../../etc/passwd\""),
        ("echo done 0 0 0 /etc/passwd", "broke the protocol"),
        ("echo done 0 0 0 5 5; echo helloworld", "sizes of 2 files where 1 belong"),
        ("echo done 0 0 0 99999999999999999999999", "broke the protocol"),
        ("exec yes", "broke the protocol"),
        ("head -c 100000 /dev/zero", "a line without an end"),
        ("exec cat /dev/zero", "a line without an end"),
        ("echo fail everything; exec cat /dev/zero", "gave up: everything"),
        ("exit", "broke the connection"),
        ("sleep 60", "made no progress"),
        ("echo done 0 0 0 1000; echo less", "broke the connection"),
        ("echo done 0 0 0 1000; echo less; sleep 60", "made no progress"),
    ] {
        let error = error_of(&board_that_answers(script)).await.to_string();
        assert!(error.contains(words), "{script}: {error}");
    }
}

#[tokio::test]
async fn what_a_board_prints_on_standard_error_without_end_does_no_harm() {
    let noise = "{ yes noise >&2 & } ; trap 'kill $!' EXIT";
    let server = Sshd::builder().on_login(noise).start();
    let case = Case::new("# 1 \"a.c\"\nint x;\n");
    let outcome = executor(&server).execute(case.job(&[])).await.unwrap();
    assert!(farm::finish(outcome) == case.compiled_here(&[]));
}
