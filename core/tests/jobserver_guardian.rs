//! A process killed with SIGKILL gives its tokens back by its guardian.
//!
//! This program is itself the process that is killed and its guardian (as the `farmbuild` binary is), which a test
//! harness couldn't be: hence a `main` of its own.

// Without the harness it isn't known for a test.
#![allow(clippy::unwrap_used)]

use std::env;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use farmbuild_core::jobserver::guardian::{self, Guardian};
use farmbuild_core::jobserver::{Makeflags, OuterJobserver, Style, TokenServer};

fn main() {
    match env::args().nth(1).as_deref() {
        Some("guard") => guardian::run().unwrap(),
        Some("hold") => hold(),
        _ => {
            for (name, test) in TESTS {
                test();
                println!("test {name} ... ok");
            }
        }
    }
}

const TESTS: [(&str, fn()); 4] = [
    ("a_killed_holders_tokens_are_all_back", a_killed_holders_tokens_are_all_back),
    ("a_killed_group_of_processes_leaves_the_guardian_alone", a_killed_group_leaves_the_guardian),
    ("a_holder_whose_guardian_was_killed_gives_its_tokens_back_itself", without_its_guardian),
    ("a_holder_killed_at_any_moment_loses_nothing", killed_at_any_moment),
];

fn me(verb: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg(verb);
    command
}

/// Takes whatever there is, over and over again, until standard input says otherwise.
fn hold() {
    let guardian = Guardian::start(me("guard")).unwrap();
    println!("{}", guardian.pid().unwrap());
    let outer = OuterJobserver::from_env().unwrap().guarded_by(guardian).unwrap();
    let take = || -> Vec<_> { std::iter::from_fn(|| outer.try_acquire().unwrap()).collect() };
    let mut tokens = take();
    let mut byte = [0];
    while io::stdin().read(&mut byte).unwrap() == 1 {
        match byte[0] {
            b'?' => println!("{}", tokens.len()),
            _ => loop {
                drop(tokens);
                tokens = take();
            },
        }
    }
}

struct Holder {
    process: Child,
    guardian: String,
}

impl Holder {
    fn start(server: &TokenServer) -> Self {
        use std::os::unix::process::CommandExt;
        let mut command = me("hold");
        server.configure(&mut command, &Makeflags::default());
        let mut process =
            command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let guardian = line(&mut process);
        Self { process, guardian }
    }

    /// Asks how many it has.
    fn tokens(&mut self) -> String {
        self.say(b'?');
        line(&mut self.process)
    }

    fn say(&mut self, byte: u8) {
        io::Write::write_all(self.process.stdin.as_mut().unwrap(), &[byte]).unwrap();
    }
}

fn line(process: &mut Child) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while process.stdout.as_mut().unwrap().read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        text.push(char::from(byte[0]));
    }
    text
}

fn kill(target: &str) {
    assert!(Command::new("kill").args(["-9", "--", target]).status().unwrap().success());
}

fn server(style: Style, jobs: usize) -> TokenServer {
    TokenServer::new(style, jobs.try_into().unwrap()).unwrap()
}

fn missing(server: &TokenServer) -> usize {
    server.report().unwrap().missing
}

fn all_back(server: &TokenServer) {
    let start = Instant::now();
    while missing(server) > 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "{} are lost", missing(server));
        thread::sleep(Duration::from_millis(5));
    }
}

fn a_killed_holders_tokens_are_all_back() {
    for style in [Style::Pipe, Style::Fifo] {
        let server = server(style, 5);
        let mut holder = Holder::start(&server);
        assert_eq!((holder.tokens().as_str(), missing(&server)), ("5", 4));
        holder.process.kill().unwrap();
        all_back(&server);
        assert_eq!(holder.process.wait().unwrap().signal(), Some(9));
    }
}

fn a_killed_group_leaves_the_guardian() {
    let server = server(Style::Pipe, 5);
    let mut holder = Holder::start(&server);
    assert_eq!(holder.tokens(), "5");
    kill(&format!("-{}", holder.process.id()));
    all_back(&server);
    holder.process.wait().unwrap();
}

fn without_its_guardian() {
    let server = server(Style::Pipe, 5);
    let mut holder = Holder::start(&server);
    assert_eq!(holder.tokens(), "5");
    kill(&holder.guardian);
    drop(holder.process.stdin.take());
    assert!(holder.process.wait().unwrap().success());
    assert_eq!(missing(&server), 0);
}

fn killed_at_any_moment() {
    let server = server(Style::Pipe, 4);
    for round in 0..40 {
        let mut holder = Holder::start(&server);
        holder.say(b'!');
        thread::sleep(Duration::from_micros(1500 + 137 * round));
        holder.process.kill().unwrap();
        holder.process.wait().unwrap();
        all_back(&server);
        let available = server.report().unwrap();
        assert_eq!((available.issued, available.missing), (3, 0), "round {round}");
    }
}
