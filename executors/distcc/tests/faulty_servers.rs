//! The executor against servers with faults: always a typed error, never a hang.

mod farm;

use std::time::Duration;

use farm::{BOTH, Case, executor, patient, short};
use farmbuild_core::executor::{ExecError, Executor};
use farmbuild_distcc::Compression;
use farmbuild_testkit::{FakeServer, Fault};

async fn error_from(fault: Fault, compression: Compression) -> ExecError {
    let server = FakeServer::start(fault);
    let case = Case::new("gcc", "a.c", "int x;\n");
    let before = case.space.names();
    let executor = executor(&server.address(), compression, short());
    let error = executor.execute(case.job(&[])).await.expect_err("a fault");
    assert!(error.is_host_fault());
    assert_eq!(case.space.names(), before);
    error
}

#[tokio::test]
async fn a_server_that_hangs_up_refuses_with_the_cure() {
    for compression in BOTH {
        for fault in [Fault::CloseAtOnce, Fault::CloseAfterHeader, Fault::CloseAfterRequest] {
            let error = error_from(fault.clone(), compression).await;
            let ExecError::Refused { detail, .. } = &error else { panic!("{fault:?}: {error}") };
            assert!(detail.contains("--allow"), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_told_apart() {
    let error = error_from(Fault::garbage(), Compression::None).await;
    assert_eq!(
        error.to_string(),
        "host board broke the protocol: it sent \"HTTP/1.1 400\" where DONE belongs; is it a distccd?"
    );
}

#[tokio::test]
async fn a_huge_announced_object_is_waited_for_and_not_allocated() {
    for (compression, version) in BOTH.into_iter().zip(1..) {
        let error = error_from(Fault::huge_object(version), compression).await;
        assert!(matches!(error, ExecError::Stalled { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_or_never_reads_stalls() {
    for fault in [Fault::NeverAnswer, Fault::NeverRead] {
        let error = error_from(fault, Compression::None).await;
        assert!(matches!(error, ExecError::Stalled { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_full_disk_there_is_refused_with_the_cure() {
    for (compression, version) in BOTH.into_iter().zip(1..) {
        for (fault, words) in
            [(Fault::io_error(version), "disk"), (Fault::disk_full(version), "temporary directory")]
        {
            let error = error_from(fault, compression).await;
            let ExecError::Refused { detail, .. } = &error else { panic!("{error}") };
            assert!(detail.contains(words), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_a_broken_connection() {
    let reply = b"DONE00000001STAT00000000SERR00000000SOUT00000000DOTO00001000only this".to_vec();
    let error = error_from(Fault::Answer(reply), Compression::None).await;
    assert!(matches!(error, ExecError::Broken { during: "receiving the object", .. }), "{error}");
}

#[tokio::test]
async fn a_slow_reply_is_no_stall_while_it_moves() {
    let reply = b"DONE00000001STAT00000000SERR00000000SOUT00000000DOTO00000006object".to_vec();
    let server = FakeServer::start(Fault::Trickle(reply, Duration::from_millis(20)));
    let case = Case::new("gcc", "a.c", "int x;\n");
    // In all this takes longer than the time-out.
    let executor = executor(&server.address(), Compression::None, short());
    let outcome = executor.execute(case.job(&[])).await.unwrap();
    assert_eq!(farm::finish(outcome), b"object");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_unreachable() {
    let executor = executor("no-such-host.invalid", Compression::None, patient());
    let error = executor.probe().await.unwrap_err();
    assert!(matches!(error, ExecError::Unreachable { .. }), "{error}");
}
