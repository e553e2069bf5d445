//! What people are told: `hosts`, `stats`, `doctor`, and the verbs' own words.

use std::time::Duration;

use farmbuild_testkit::{Distccd, FakeServer, Fault, TestSpace, free_port};
use serde_json::Value;

use crate::run::Ended;
use crate::tree::project;
use crate::user::{User, host};

#[test]
fn stats_have_every_field_of_the_design_after_a_build() {
    let server = Distccd::start();
    let (user, tree) = (User::over([&server]), project(3));
    user.build(&tree, ["make", "-j4"]).ok();
    let stats = user.stats();
    let rows = [
        ("/jobs/total", Some(5)),
        ("/jobs/hit/direct", Some(0)),
        ("/jobs/hit/preprocessed", Some(0)),
        ("/jobs/hit/declaration", Some(0)),
        ("/jobs/remote/a", Some(4)),
        ("/jobs/local/link", Some(1)),
        ("/jobs/retried", None),
        ("/lines", None),
        ("/wall_seconds", None),
        ("/bytes/sent", None),
        ("/bytes/received", None),
    ];
    for (field, expected) in rows {
        let value = stats.pointer(field).unwrap_or_else(|| panic!("{field} of {stats}"));
        assert!(expected.is_none() || value.as_u64() == expected, "{field} of {stats}");
    }
    assert!(stats["lines"].as_u64() > Some(40), "{stats}");
    assert!(stats["wall_seconds"].as_f64() > Some(0.0), "{stats}");
    assert!(stats["bytes"]["sent"].as_u64() > Some(1000), "{stats}");
}

#[test]
fn stats_outlive_the_daemon_and_can_be_set_to_zero() {
    let (user, tree) = (User::alone(), project(1));
    user.build(&tree, ["make"]).ok();
    user.ask(["daemon", "stop"]).ok();
    assert_eq!(user.stat("jobs.total"), 3);
    user.ask(["stats", "--zero"]).ok();
    assert_eq!(user.stat("jobs.total"), 0);
}

#[test]
fn stats_tell_people_why_jobs_stayed_home() {
    let (user, tree) = (User::alone(), project(1));
    user.build(&tree, ["make"]).ok();
    let said = user.ask(["stats"]).ok().out();
    assert!(said.contains("no-hosts"), "{said}");
    assert!(said.contains("no farm is configured"), "{said}");
}

#[test]
fn hosts_tells_of_a_farm_without_hosts() {
    let said = User::alone().ask(["hosts"]).ok().out();
    assert!(said.contains("no farm is configured"), "{said}");
    assert!(said.contains("There are no hosts"), "{said}");
}

#[test]
fn hosts_shows_what_each_has_done() {
    let server = Distccd::start();
    let (user, tree) = (User::over([&server]), project(3));
    user.build(&tree, ["make", "-j4"]).ok();
    let a = user.host("a");
    assert_eq!(
        (&a["state"], &a["done"], &a["failed"], &a["in_flight"]),
        (&"up".into(), &4.into(), &0.into(), &0.into())
    );
    assert_eq!((&a["slots"], &a["queue"], &a["via"]), (&4.into(), &4.into(), &"distcc".into()));
    assert!(a["speed"].as_f64() > Some(0.0), "{a}");
    let table = user.ask(["hosts"]).ok().out();
    assert!(table.contains(&format!("distcc {}", server.address())), "{table}");
}

/// A farm with one host of each kind of trouble.
struct Troubled {
    user: User,
    _alive: (Distccd, FakeServer, Distccd, TestSpace),
}

impl Troubled {
    fn new() -> Self {
        let there = TestSpace::new();
        for name in ["gcc", "cc", "x86_64-linux-gnu-gcc"] {
            there.write_program(name, "#!/bin/sh\nexec /usr/bin/clang \"$@\"\n");
        }
        let good = Distccd::start();
        let hangs_up = FakeServer::start(Fault::CloseAtOnce);
        let other = Distccd::builder().only_compilers(there.path()).start();
        let farm = [
            host("good", &good.address(), 4),
            host("gone", &format!("127.0.0.1:{}", free_port()), 4),
            host("unknown", "no-such-name.invalid:3632", 4),
            host("forbids", &hangs_up.address(), 4),
            host("other", &other.address(), 4),
        ];
        Self { user: User::with_farm(&farm.concat()), _alive: (good, hangs_up, other, there) }
    }
}

/// The line of `text` about a host.
fn line_about<'a>(said: &'a str, host: &str) -> &'a str {
    let start = format!("{host}: ");
    let found = said
        .lines()
        .find(|line| line.starts_with(&start) || line.contains(&format!("host {host} (")));
    found.unwrap_or_else(|| panic!("nothing about {host} in:\n{said}"))
}

#[test]
fn hosts_check_asks_every_host_now() {
    let troubled = Troubled::new();
    let checked = troubled.user.ask(["hosts", "--check"]).exits_with(1);
    let said = checked.out();
    assert!(said.lines().any(|line| line.starts_with("good ") && line.contains(" up ")), "{said}");
    for (host, words) in [
        ("gone", "refused"),
        ("unknown", "lookup"),
        ("forbids", "--allow"),
        ("other", "not used for /usr/bin/cc: its x86_64-linux-gnu-gcc isn't the one here: "),
    ] {
        assert!(line_about(&said, host).contains(words), "{host}: {said}");
    }
}

#[test]
fn doctor_finds_the_usual_mistakes_and_says_the_cure() {
    let troubled = Troubled::new();
    let examined = troubled.user.ask(["doctor"]).exits_with(1);
    let said = examined.out();
    assert!(line_about(&said, "good").starts_with("ok "), "{said}");
    for (host, cure) in [
        ("gone", "Nothing listens there: start distccd, and compare the port"),
        ("unknown", "The name isn't known"),
        ("forbids", "--allow"),
        ("other", "Install the same version"),
    ] {
        let line = line_about(&said, host);
        assert!(line.starts_with("TROUBLE") && line.contains(cure), "{host}: {said}");
    }
    assert!(examined.err().contains("4 things need a hand"), "{examined}");

    let json = troubled.user.ask(["doctor", "--json"]).exits_with(1);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["well"], false);
}

#[test]
fn doctor_is_content_with_a_farm_that_works() {
    let server = Distccd::start();
    let examined = User::over([&server]).ask(["doctor"]).ok();
    assert!(!examined.out().contains("TROUBLE"), "{examined}");
}

#[test]
fn doctor_tells_a_port_that_swallows_packets_from_one_that_refuses() {
    // A listener whose backlog is full drops further connection attempts, as a firewall does.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let _taken: Vec<_> = (0..4)
        .map_while(|_| {
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok()
        })
        .collect();
    let user = User::with_farm(&host("walled", &address.to_string(), 4));
    let said = user.ask(["doctor"]).exits_with(1).out();
    assert!(line_about(&said, "walled").contains("the port open in its firewall?"), "{said}");
}

#[test]
fn doctor_finds_that_farmbuild_is_switched_off() {
    let user = User::alone();
    let tree = TestSpace::new();
    let examined = crate::run::run(user.farmbuild(&tree, ["doctor"]).env("FARMBUILD", "off"));
    assert!(
        examined.out().contains("FARMBUILD=off runs every compiler plainly; unset it"),
        "{examined}"
    );
}

#[track_caller]
fn mentions(ended: &Ended, words: &[&str]) {
    for word in words {
        assert!(ended.out().contains(word), "{word} is not in:\n{ended}");
    }
}

#[test]
fn help_shows_how_to_begin() {
    let user = User::alone();
    let all = user.ask(["--help"]).ok();
    mentions(
        &all,
        &["farmbuild make -j60", "farm.toml", "FARMBUILD=off", "hosts", "stats", "doctor"],
    );
    mentions(&user.ask(["--version"]).ok(), &[env!("CARGO_PKG_VERSION")]);
    mentions(&user.ask(["completions", "bash"]).ok(), &["complete"]);
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_2() {
    let user = User::alone();
    user.ask(["--no-such-option", "make"]).exits_with(2);
    user.ask(["hosts", "--no-such-option"]).exits_with(2);
    user.ask(["daemon", "dance"]).exits_with(2);
    user.ask(["cc"]).exits_with(2);
    user.ask(["top"]).exits_with(2);
}
