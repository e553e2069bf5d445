//! The pool follows the farm's capacity while a build runs.

use std::fmt::Write;

use farmbuild_core::jobserver::{Style, TokenServer};

use crate::space::{Space, eventually, jobs, run, server, spawn};

fn many_jobs(n: usize, seconds: f64) -> Space {
    let mut makefile = String::from("all:");
    for job in 0..n {
        write!(makefile, " j{job}").unwrap();
    }
    Space::new(&format!("{makefile}\nj%: ; $(call job,{seconds})\n"))
}

#[test]
fn a_pool_that_grows_is_used_at_once() {
    let space = many_jobs(30, 0.3);
    let server = server(2);
    let mut make = spawn(space.make(&server, &[]));
    eventually("two jobs run", || space.now_running() == 2);
    server.resize(jobs(6)).unwrap();
    eventually("six jobs run", || space.now_running() == 6);
    assert!(make.wait().unwrap().success());
    assert_eq!(space.peak(), 6);
    assert_eq!(server.finish().unwrap().missing, 0);
}

#[test]
fn a_pool_that_shrinks_takes_tokens_as_jobs_end() {
    let space = many_jobs(60, 0.2);
    let server = server(6);
    let mut make = spawn(space.make(&server, &[]));
    eventually("six jobs run", || space.now_running() == 6);
    server.resize(jobs(2)).unwrap();
    eventually("the tokens are back", || server.report().unwrap().issued == 1);
    let before = space.running().len();
    assert!(make.wait().unwrap().success());
    // Jobs that ran when the last token came back may be in the log's first lines.
    let late = &space.running()[before + 4..];
    assert!(late.len() > 20, "it took too long to shrink: {before} of 120");
    assert!(late.iter().all(|&running| running <= 2), "{late:?}");
    assert_eq!(server.finish().unwrap().missing, 0);
}

#[test]
fn a_shrink_is_forgotten_when_the_pool_grows_again() {
    let server = server(4);
    let space = Space::new("all: ; $(call job,0.1)\n");
    server.resize(jobs(1)).unwrap();
    assert_eq!(server.report().unwrap().issued, 0);
    server.resize(jobs(8)).unwrap();
    assert_eq!((server.report().unwrap().issued, server.jobs().get()), (7, 8));
    run(space.make(&server, &[]));
    assert_eq!(server.finish().unwrap().missing, 0);
}

#[test]
fn a_pool_beyond_the_pipes_size_blocks_nobody() {
    for style in [Style::Pipe, Style::Fifo] {
        let server = TokenServer::new(style, jobs(10_000_000)).unwrap();
        let issued = server.report().unwrap().issued;
        assert!((4096..10_000_000).contains(&issued), "{issued}");
        server.resize(jobs(3)).unwrap();
        assert_eq!(server.report().unwrap().issued, 2);
    }
}
