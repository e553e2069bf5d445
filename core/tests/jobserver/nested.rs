//! Local work under someone else's jobserver takes its tokens there and gives each of them back.

use std::ffi::OsString;
use std::thread;
use std::time::Duration;

use farmbuild_core::jobserver::{Auth, Cancel, Makeflags, OuterJobserver, Style, TokenServer};

use crate::space::{Space, jobs, run, server};

fn exported(server: &TokenServer) -> OsString {
    Makeflags::default().with_pool(server.jobs(), &server.auth())
}

#[test]
fn the_first_token_is_our_own_and_the_others_come_from_the_pool() {
    for style in [Style::Pipe, Style::Fifo] {
        let server = TokenServer::new(style, jobs(3)).unwrap();
        let outer = OuterJobserver::from_makeflags(&exported(&server)).unwrap();
        let tokens: Vec<_> = std::iter::from_fn(|| outer.try_acquire().unwrap()).collect();
        assert_eq!(tokens.len(), 3, "{style:?}");
        assert_eq!(tokens.iter().filter(|token| token.is_implicit()).count(), 1);
        assert_eq!(server.report().unwrap().missing, 2);
        drop(tokens);
        assert_eq!(server.finish().unwrap().missing, 0);
    }
}

#[test]
fn the_very_byte_goes_back() {
    use std::io::{Read, Write, pipe};
    use std::os::fd::AsRawFd;
    let (mut read, mut write) = pipe().unwrap();
    write.write_all(b"xyz").unwrap();
    let auth = Auth::Pipe { read: read.as_raw_fd(), write: write.as_raw_fd() };
    let value = Makeflags::default().with_pool(jobs(4), &auth);
    let outer = OuterJobserver::from_makeflags(&value).unwrap();
    let mut tokens: Vec<_> = std::iter::from_fn(|| outer.try_acquire().unwrap()).collect();
    tokens.reverse();
    drop(tokens);
    let mut back = [0; 3];
    read.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"zyx");
}

#[test]
fn a_wait_ends_with_a_token_or_its_cancel() {
    let server = server(2);
    let outer = OuterJobserver::from_makeflags(&exported(&server)).unwrap();
    let cancel = Cancel::new().unwrap();
    let first = outer.acquire(&cancel).unwrap().unwrap();
    let second = outer.acquire(&cancel).unwrap().unwrap();
    assert!(first.is_implicit() && !second.is_implicit());
    let (mut given, mut kept) = (first, second);
    for implicit in [true, false] {
        let got = thread::scope(|scope| {
            let waiter = scope.spawn(|| outer.acquire(&cancel).unwrap());
            thread::sleep(Duration::from_millis(50));
            assert!(!waiter.is_finished());
            drop(given);
            waiter.join().unwrap().unwrap()
        });
        assert_eq!(got.is_implicit(), implicit);
        (given, kept) = (kept, got);
    }
    thread::scope(|scope| {
        let waiter = scope.spawn(|| outer.acquire(&cancel).unwrap());
        thread::sleep(Duration::from_millis(50));
        cancel.cancel();
        assert!(waiter.join().unwrap().is_none());
    });
    drop((given, kept));
    assert_eq!(server.finish().unwrap().missing, 0);
}

#[test]
fn make_has_what_we_leave_it() {
    let space = Space::new("all: a b c d e\na b c d e: ; $(call job,0.2)\n");
    let server = server(3);
    let outer = OuterJobserver::from_makeflags(&exported(&server)).unwrap();
    let cancel = Cancel::new().unwrap();
    let _implicit = outer.acquire(&cancel).unwrap();
    let taken = outer.acquire(&cancel).unwrap();
    run(space.make(&server, &[]));
    assert_eq!(space.peak(), 2);
    drop(taken);
    assert_eq!(server.finish().unwrap().missing, 0);
}
