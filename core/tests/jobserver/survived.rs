//! Tokens outlive the clients that were killed with them in hand.

use std::time::{Duration, Instant};

use farmbuild_core::jobserver::{Makeflags, Style, TokenServer};

use crate::space::{Space, eventually, jobs, run, server, spawn};

/// A recipe that takes a token from the pool, like a client of its own, and is killed with it.
const THIEF: &str = r#"thief: ; +@bash -c 'auth=$${MAKEFLAGS##*--jobserver-auth=}; auth=$${auth%% *}; \
    until read -r -n 1 -u $${auth%,*} token; do sleep 0.01; done; touch taken; kill -9 $$$$' || true
"#;

fn jobs_behind_a_thief(thief: &str, seconds: f64) -> Space {
    let targets: Vec<String> = (0..40).map(|n| format!("j{n}")).collect();
    Space::new(&format!("all: {}\nj%: thief ; $(call job,{seconds})\n{thief}", targets.join(" ")))
}

#[test]
fn a_token_that_died_with_its_client_is_put_back() {
    TokenServer::become_subreaper().unwrap();
    let space = jobs_behind_a_thief(THIEF, 0.4);
    let server = server(3);
    let mut make = spawn(space.make(&server, &[]));
    server.watch(make.id());
    eventually("the theft", || space.path().join("taken").exists());
    eventually("full parallelism", || space.now_running() == 3);
    assert!(make.wait().unwrap().success());
    assert_eq!(space.peak(), 3, "never more than the pool's");
    let report = server.finish().unwrap();
    assert_eq!((report.issued, report.missing, report.put_back), (2, 0, 1));
}

#[test]
fn a_token_that_died_is_put_back_into_a_fifo_too() {
    TokenServer::become_subreaper().unwrap();
    let space = Space::new("");
    let server = TokenServer::new(Style::Fifo, jobs(2)).unwrap();
    let mut client = space.command("bash");
    client.args([
        "-c",
        "exec 3<>\"${MAKEFLAGS##*fifo:}\"; bash -c 'read -r -n 1 -u 3; kill -9 $$'; \
         read -r -n 1 -t 15 -u 3 && printf + >&3",
    ]);
    server.configure(&mut client, &Makeflags::default());
    let mut client = spawn(client);
    server.watch(client.id());
    assert!(client.wait().unwrap().success());
    let report = server.finish().unwrap();
    assert_eq!((report.issued, report.missing, report.put_back), (1, 0, 1));
}

#[test]
fn a_killed_sub_makes_tokens_are_put_back_once_its_jobs_have_ended() {
    TokenServer::become_subreaper().unwrap();
    let space = jobs_behind_a_thief(
        "thief: ; +@$(MAKE) loot || true\nloot: l1 l2 l3\n\
         l1 l2: ; $(call job,3)\nl3: ; @sleep 0.3; kill -9 $$PPID; sleep 3\n",
        0.4,
    );
    let server = server(4);
    let mut make = spawn(space.make(&server, &[]));
    server.watch(make.id());
    eventually("full parallelism", || space.running().len() > 10 && space.now_running() == 4);
    assert!(make.wait().unwrap().success());
    assert_eq!(space.peak(), 4, "never more than the pool's");
    let report = server.finish().unwrap();
    assert_eq!((report.issued, report.missing, report.put_back), (3, 0, 2));
}

#[test]
fn a_client_that_sleeps_on_its_tokens_keeps_them() {
    TokenServer::become_subreaper().unwrap();
    let patient = THIEF.replace("kill -9 $$$$' || true", "sleep 4; echo -n + >&$${auth#*,}'");
    let space = Space::new(&format!("all: a b thief\na b: ; $(call job,4)\n{patient}"));
    let server = server(4);
    let mut make = spawn(space.make(&server, &[]));
    server.watch(make.id());
    eventually("the token is taken", || space.path().join("taken").exists());
    assert!(make.wait().unwrap().success());
    let report = server.finish().unwrap();
    assert_eq!((report.missing, report.put_back), (0, 0));
}

#[test]
fn a_busy_build_of_short_recipes_is_never_given_too_much() {
    TokenServer::become_subreaper().unwrap();
    let space = Space::new(
        "SUBS := 1 2 3 4 5 6\nall: $(SUBS)\n$(SUBS): ; @cd . && $(MAKE) -s sub S=$@\n\
         sub: $(addprefix x,$(shell seq 150))\nx%: ; @sleep 0.01\n",
    );
    let server = server(6);
    let start = Instant::now();
    let mut make = spawn(space.make(&server, &["-s"]));
    server.watch(make.id());
    assert!(make.wait().unwrap().success());
    assert!(start.elapsed() > Duration::from_millis(1500), "too short to be looked at");
    let report = server.finish().unwrap();
    assert_eq!((report.issued, report.missing, report.put_back), (5, 0, 0));
}

#[test]
fn an_unwatched_pool_says_what_is_missing() {
    let space = Space::new(&format!("all: thief\n{THIEF}"));
    let server = server(3);
    run(space.make(&server, &[]));
    let report = server.finish().unwrap();
    assert_eq!((report.missing, report.put_back), (1, 0));
}
