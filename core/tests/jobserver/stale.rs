//! An environment that names a jobserver that isn't there is a reason, never a hang or a stranger's file.

use std::fs::File;
use std::io::{Write, pipe};
use std::os::fd::AsRawFd;

use farmbuild_core::jobserver::{OuterError, OuterJobserver};

fn from(auth: &str) -> Result<OuterJobserver, OuterError> {
    OuterJobserver::from_makeflags(format!("k -j --jobserver-auth={auth} -- X=1").as_ref())
}

#[test]
fn makeflags_without_a_jobserver_name_none() {
    for value in ["", "k", " -j4", "k -- X=--jobserver-auth=3,4"] {
        let found = OuterJobserver::from_makeflags(value.as_ref());
        assert!(matches!(found, Err(OuterError::None)), "{value:?}");
    }
}

#[test]
fn descriptors_that_are_not_open_are_named() {
    assert!(matches!(from("900,901"), Err(OuterError::Closed { fd: 900 })));
    let (read, _write) = pipe().unwrap();
    let found = from(&format!("{},901", read.as_raw_fd()));
    assert!(matches!(found, Err(OuterError::Closed { fd: 901 })));
}

#[test]
fn descriptors_that_are_something_else_are_left_alone() {
    let (read, write) = pipe().unwrap();
    let (other, mut full) = pipe().unwrap();
    full.write_all(b"precious").unwrap();
    let file = File::open("/dev/null").unwrap();
    let [read, write, other, file] =
        [read.as_raw_fd(), write.as_raw_fd(), other.as_raw_fd(), file.as_raw_fd()];
    for (r, w) in [(file, file), (read, file), (file, write), (other, write), (write, read)] {
        let found = from(&format!("{r},{w}"));
        assert!(matches!(found, Err(OuterError::Unrelated { .. })), "{r},{w}: {found:?}");
    }
    assert!(from(&format!("{read},{write}")).is_ok());
}

#[test]
fn a_fifo_that_is_gone_or_is_no_fifo_is_named_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    for path in [directory.path().join("gone"), file.clone(), directory.path().into()] {
        let found = from(&format!("fifo:{}", path.display()));
        assert!(matches!(&found, Err(OuterError::Fifo { path: p, .. }) if *p == path), "{found:?}");
    }
    assert_eq!(std::fs::read(file).unwrap(), b"precious");
}

#[test]
fn a_negative_or_malformed_jobserver_is_named() {
    assert!(matches!(from("-2,-2"), Err(OuterError::Disabled(_))));
    assert!(matches!(from("what"), Err(OuterError::Malformed(_))));
}
