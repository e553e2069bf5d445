//! The executor against the distribution's own distccd and compilers.

mod farm;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use farm::{BOTH, Case, executor, finish, patient, short};
use farmbuild_core::executor::{ExecError, Executor};
use farmbuild_core::job::CompilerStatus;
use farmbuild_distcc::Compression;
use farmbuild_testkit::{Distccd, Haproxy, SlowCompiler};
use tokio::time::{Instant, sleep, timeout};

#[tokio::test]
async fn objects_are_the_local_compilers_own() {
    let server = Distccd::start();
    for compression in BOTH {
        for (compiler, name, flags) in [
            ("gcc", "a.c", &["-O2", "-Wall"][..]),
            ("clang", "a.c", &["-O2"]),
            ("g++", "a.cc", &["-O1", "-fno-exceptions"]),
            ("clang++", "a.cc", &[]),
            ("/usr/bin/gcc", "a.c", &["-O2", "-fPIC"]),
        ] {
            let case = Case::new(
                compiler,
                name,
                "#include <stdio.h>\nint main(void) { return puts(\"hi\"); }\n",
            );
            let expected = case.compiled_here(flags);
            let executor = executor(&server.address(), compression, patient());
            let outcome = executor.execute(case.job(flags)).await.unwrap();
            assert_eq!(outcome.status, CompilerStatus::Exited(0));
            assert!(outcome.traffic.sent > 0 && outcome.traffic.received > 0);
            assert!(finish(outcome) == expected, "{compiler} {compression:?}");
        }
    }
}

#[tokio::test]
async fn text_with_its_directives_compiles_too() {
    let server = Distccd::start();
    let mut case = Case::new("gcc", "a.c", "#define N 3\nint x = N;\n");
    case.preprocess(&["-fdirectives-only"]);
    let flags = ["-fpreprocessed", "-fdirectives-only"];
    let executor = executor(&server.address(), Compression::Lzo, patient());
    let outcome = executor.execute(case.job(&flags)).await.unwrap();
    assert!(finish(outcome) == case.compiled_here(&flags));
}

#[tokio::test]
async fn odd_names_are_no_obstacle() {
    let server = Distccd::start();
    for name in ["some dir/a b.c", "new\nline.c", "unknown.extension", "none"] {
        let case = Case::new("gcc", name, "int x;\n");
        let flags = ["-x", "cpp-output"];
        let executor = executor(&server.address(), Compression::None, patient());
        let outcome = executor.execute(case.job(&flags)).await.unwrap();
        assert_eq!(outcome.status, CompilerStatus::Exited(0), "{name:?}");
    }
}

#[tokio::test]
async fn a_compile_error_is_an_outcome_with_its_words() {
    let server = Distccd::start();
    for compression in BOTH {
        let case = Case::new("gcc", "a.c", "int x = ;\n");
        let executor = executor(&server.address(), compression, patient());
        let outcome = executor.execute(case.job(&[])).await.unwrap();
        assert_eq!(outcome.status, CompilerStatus::Exited(1));
        assert!(outcome.object.is_none());
        let stderr = String::from_utf8(outcome.stderr.to_vec()).unwrap();
        assert!(stderr.contains("expected expression before"), "{stderr}");
    }
}

#[tokio::test]
async fn an_empty_source_compiles() {
    let server = Distccd::start();
    for compression in BOTH {
        let mut case = Case::new("gcc", "a.c", "");
        case.text = Vec::new();
        let executor = executor(&server.address(), compression, patient());
        let outcome = executor.execute(case.job(&[])).await.unwrap();
        assert!(finish(outcome).starts_with(b"\x7fELF"));
    }
}

#[tokio::test]
async fn a_source_and_an_object_of_50_megabytes_make_the_trip() {
    let server = Distccd::start();
    for compression in BOTH {
        let mut case = Case::new("gcc", "a.c", "");
        // A comment is quick to compile; a table makes the object large.
        case.text =
            [&b"/*"[..], &b"0123456789 abcdef".repeat(3_000_000), b"*/ char x[50000000] = {1};\n"]
                .concat();
        let executor = executor(&server.address(), compression, patient());
        let outcome = executor.execute(case.job(&["-fpreprocessed"])).await.unwrap();
        assert!(finish(outcome).len() > 50_000_000);
    }
}

#[tokio::test]
async fn a_compiler_that_is_not_there_is_refused_with_the_cure() {
    let server = Distccd::start();
    let case = Case::new("gcc", "a.c", "int x;\n");
    let executor = executor(&server.address(), Compression::None, patient());
    let error = executor.execute(case.job_for("armv9-gcc", &[])).await.unwrap_err();
    let ExecError::Refused { detail, .. } = &error else { panic!("{error}") };
    assert!(detail.contains("the compiler is not there"), "{detail}");
    assert!(detail.contains("armv9-gcc"), "{detail}");
}

#[tokio::test]
async fn a_compiler_that_is_not_listed_is_refused_with_the_cure() {
    let server = Distccd::builder().listed_compilers_only().start();
    let case = Case::new("gcc", "a.c", "int x;\n");
    let executor = executor(&server.address(), Compression::None, patient());
    let error = executor.execute(case.job_for("armv9-gcc", &[])).await.unwrap_err();
    let ExecError::Refused { detail, .. } = &error else { panic!("{error}") };
    assert!(detail.contains("update-distcc-symlinks"), "{detail}");
    executor.execute(case.job(&[])).await.unwrap();
}

#[tokio::test]
async fn an_argument_that_distccd_runs_at_home_only_is_refused() {
    let server = Distccd::start();
    let case = Case::new("gcc", "a.c", "int x;\n");
    let executor = executor(&server.address(), Compression::None, patient());
    let error = executor.execute(case.job(&["-march=native"])).await.unwrap_err();
    assert!(matches!(error, ExecError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_server_without_room_for_files_refuses_until_it_has_some() {
    let server = Distccd::start();
    server.fill_disk();
    let case = Case::new("gcc", "a.c", "int x;\n");
    let executor = executor(&server.address(), Compression::Lzo, patient());
    let error = executor.execute(case.job(&[])).await.unwrap_err();
    let ExecError::Refused { detail, .. } = &error else { panic!("{error}") };
    assert!(detail.contains("temporary directory"), "{detail}");
    server.free_disk();
    executor.execute(case.job(&[])).await.unwrap();
}

#[tokio::test]
async fn a_client_that_is_not_allowed_is_told_so() {
    let server = Distccd::builder().allow("10.11.12.13").start();
    let case = Case::new("gcc", "a.c", "int x;\n");
    let executor = executor(&server.address(), Compression::None, patient());
    let error = executor.execute(case.job(&[])).await.unwrap_err();
    let ExecError::Refused { detail, .. } = &error else { panic!("{error}") };
    assert!(detail.contains("--allow"), "{detail}");
}

#[tokio::test]
async fn a_server_killed_in_mid_job_is_a_broken_connection() {
    let slow = SlowCompiler::pretending(Duration::from_secs(60), Duration::ZERO);
    let mut server = Distccd::builder().compilers(slow.directory()).start();
    let case = Case::new("gcc", "a.c", "int x;\n");
    let executor = executor(&server.address(), Compression::None, patient());
    let job = tokio::spawn(async move { executor.execute(case.job(&[])).await });
    until("a compiler runs", || !server.compilers().is_empty()).await;
    server.stop();
    let error = job.await.unwrap().unwrap_err();
    assert!(matches!(error, ExecError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_suspended_server_is_a_stall_and_a_resumed_one_works() {
    let server = Distccd::start();
    server.suspend();
    let small = Case::new("gcc", "a.c", "int x;\n");
    let mut large = Case::new("gcc", "a.c", "");
    large.text = b"int x;\n".repeat(3_000_000);
    let executor = executor(&server.address(), Compression::None, short());
    for (case, when) in [(small, "waiting for the compile"), (large, "sending the source")] {
        let error = executor.execute(case.job(&[])).await.unwrap_err();
        let ExecError::Stalled { during, .. } = &error else { panic!("{error}") };
        assert_eq!(*during, when);
    }
    server.resume();
    let case = Case::new("gcc", "a.c", "int x;\n");
    executor.execute(case.job(&[])).await.unwrap();
}

#[tokio::test]
async fn dropping_a_job_ends_its_compiler_and_leaves_no_file() {
    let slow = SlowCompiler::pretending(Duration::from_secs(60), Duration::ZERO);
    let server = Distccd::builder().compilers(slow.directory()).start();
    let case = Case::new("gcc", "a.c", "int x;\n");
    let before = case.space.names();
    let executor = executor(&server.address(), Compression::None, patient());
    {
        let mut job = std::pin::pin!(executor.execute(case.job(&[])));
        let running = until("a compiler runs", || !server.compilers().is_empty());
        tokio::select! {
            ended = &mut job => panic!("{ended:?}"),
            () = running => {}
        }
    }
    until("the compiler is gone", || server.compilers().is_empty()).await;
    assert_eq!(case.space.names(), before);
}

#[tokio::test]
async fn dropping_a_job_at_any_moment_leaves_no_file() {
    let server = Distccd::start();
    let mut case = Case::new("gcc", "a.c", "");
    case.text = b"char x[3000000] = {1};\n".to_vec();
    let before = case.space.names();
    let executor = executor(&server.address(), Compression::Lzo, patient());
    for milliseconds in (0..60).step_by(4) {
        drop(timeout(Duration::from_millis(milliseconds), executor.execute(case.job(&[]))).await);
        assert_eq!(case.space.names(), before);
    }
}

#[tokio::test]
async fn an_output_in_a_missing_directory_is_our_own_fault() {
    let server = Distccd::start();
    let mut case = Case::new("gcc", "a.c", "int x;\n");
    case.object = PathBuf::from("missing/a.o");
    let executor = executor(&server.address(), Compression::None, patient());
    let error = executor.execute(case.job(&[])).await.unwrap_err();
    assert!(matches!(&error, ExecError::Output { path, .. } if path.ends_with("missing/a.o")));
    assert!(!error.is_host_fault());
}

#[tokio::test]
async fn the_object_has_the_jobs_mode() {
    let server = Distccd::start();
    let case = Case::new("gcc", "a.c", "int x;\n");
    let executor = executor(&server.address(), Compression::None, patient());
    let outcome = executor.execute(case.job(&[])).await.unwrap();
    outcome.object.unwrap().commit().unwrap();
    let mode = fs::metadata(case.space.join("a.o")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[tokio::test]
async fn a_server_that_is_down_is_unreachable_and_back_after_a_restart() {
    let mut server = Distccd::start();
    let executor = executor(&server.address(), Compression::None, patient());
    executor.probe().await.unwrap();
    server.stop();
    let case = Case::new("gcc", "a.c", "int x;\n");
    for error in
        [executor.probe().await.unwrap_err(), executor.execute(case.job(&[])).await.unwrap_err()]
    {
        assert!(matches!(error, ExecError::Unreachable { .. }), "{error}");
    }
    server.start_again();
    executor.execute(case.job(&[])).await.unwrap();
}

#[tokio::test]
async fn more_jobs_than_slots_wait_their_turn() {
    let slow = SlowCompiler::pretending(Duration::from_millis(200), Duration::ZERO);
    let server = Distccd::builder().jobs(2).compilers(slow.directory()).start();
    let executor = std::sync::Arc::new(executor(&server.address(), Compression::Lzo, patient()));
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (executor, case) = (executor.clone(), Case::new("gcc", "a.c", "int x;\n"));
        jobs.spawn(async move { executor.execute(case.job(&[])).await });
    }
    while let Some(ended) = jobs.join_next().await {
        assert!(ended.unwrap().unwrap().status.success());
    }
    assert_eq!(slow.runs().len(), 10);
}

#[tokio::test]
async fn haproxy_in_front_is_one_host() {
    let (one, two) = (Distccd::start(), Distccd::start());
    let proxy = Haproxy::start([one.port(), two.port()], 4);
    let case = Case::new("gcc", "a.c", "int x;\n");
    let executor = executor(&proxy.address(), Compression::Lzo, patient());
    let outcome = executor.execute(case.job(&[])).await.unwrap();
    assert!(finish(outcome) == case.compiled_here(&[]));
}

/// Waits, within reason, until something is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
