//! `farmbuild bisect` that is interrupted, killed, resumed or replayed: nothing is left behind, and nothing is lost.

use std::fs;

use rustix::process::Signal;

use crate::bisect::{TEST, culprit, with};
use crate::history::{History, events_of};
use crate::run::{self, Running};
use crate::user::{FARMBUILD, kill};

/// Waits until the test of a bisect writes this file.
fn until_written(history: &History, running: &Running, name: &str) {
    run::until(name, || {
        assert!(history.user.strays().len() < 100, "{}", running.stderr());
        history.tree.has(name)
    });
}

/// Commits are good, but the one that is tested third hangs.
fn hanging_third(history: &History) -> String {
    let count = history.tree.join("count");
    let count = count.display();
    format!(
        "echo x >> {count}; test $(wc -l < {count}) != 3 || {{ : > {count}.hangs; sleep 60; }}; ./prog"
    )
}

#[test]
fn a_reader_that_goes_away_leaves_no_worktree() {
    let history = History::new(4, 3);
    let command = "\"$0\" \"$@\" | head -n 1";
    let mut shell = history.user.command(history.tree.path(), "sh");
    shell.args(["-c", command, FARMBUILD]);
    shell.args(
        history
            .words(&["bisect", "--bad", "{4}", "--good", "{0}", "--test", "./prog", "--", "make"]),
    );
    run::run(&mut shell).ok();
    history.assert_nothing_left();
}

#[test]
fn a_test_that_is_no_verdict_ends_the_bisect() {
    let history = History::new(16, 11);
    let words =
        ["bisect", "--bad", "{16}", "--good", "{0}", "--test", "echo why; exit 130", "--", "make"];
    let ended = history.run(&words).exits_with(1);
    assert!(ended.err().contains("status 130") && ended.err().contains("why"), "{ended}");
    history.assert_nothing_left();
}

#[test]
fn ctrl_c_leaves_nothing_but_a_log_that_can_be_replayed() {
    let history = History::new(16, 11);
    history.make_dirty();
    let test = hanging_third(&history);
    let words = history.words(&with(
        &["--test", &test],
        &["bisect", "--bad", "{16}", "--good", "{0}", "--", "make"],
    ));
    let before = history.looks();
    let running = history.user.start(&history.tree, &words);
    until_written(&history, &running, "count.hangs");
    running.interrupt();
    let ended = running.wait();
    assert_eq!(ended.signal(), Some(2), "{ended}");
    history.assert_nothing_left();
    for name in ["count", "count.hangs"] {
        fs::remove_file(history.tree.join(name)).unwrap();
    }
    assert_eq!(history.looks(), before);
    let log = history.user.runtime_dir().join("saved.log");
    // The steps were told as well.
    let (_, text) = ended
        .out()
        .split_once("# farmbuild bisect")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    fs::write(&log, format!("# farmbuild bisect{text}")).unwrap();
    let log = log.display().to_string();
    let ended = history.run(&["bisect", "--json", "--test", "./prog", "--replay", &log]).ok();
    assert_eq!(events_of(&ended, "culprit")[0]["commit"], history.commits[11]);
    assert_eq!(events_of(&ended, "step").len(), 2, "two were done before: {ended}");
}

#[test]
fn a_termination_ends_a_build_that_hangs() {
    let history = History::new(4, 3);
    let started = history.tree.join("started");
    let command = format!(": > {}; sleep 60", started.display());
    let words =
        history.words(&["bisect", "--bad", "{4}", "--good", "{0}", "--", "sh", "-c", &command]);
    let running = history.user.start(&history.tree, &words);
    until_written(&history, &running, "started");
    running.signal(Signal::TERM);
    assert_eq!(running.wait().signal(), Some(15));
    history.assert_nothing_left();
}

#[test]
fn a_bisect_that_was_killed_is_resumed_where_it_was() {
    let history = History::new(16, 11);
    let test = hanging_third(&history);
    let words = history.words(&with(
        &["--test", &test],
        &["bisect", "--bad", "{16}", "--good", "{0}", "--", "make"],
    ));
    let running = history.user.start(&history.tree, &words);
    until_written(&history, &running, "count.hangs");
    kill(running.id());
    run::until("build and test end with it", || history.user.strays().is_empty());
    drop(running);
    let anew = history.run(&TEST).exits_with(1);
    assert!(anew.err().contains("--resume"), "{anew}");
    let ended = history.run(&["bisect", "--resume", "--json"]).ok();
    assert_eq!(events_of(&ended, "culprit")[0]["commit"], history.commits[11]);
    assert_eq!(events_of(&ended, "step").len(), 2, "two were done before: {ended}");
    history.assert_nothing_left();
}

#[test]
fn a_log_of_git_itself_can_be_replayed() {
    let history = History::new(16, 11);
    history.git(["bisect", "start", &history.commits[16], &history.commits[0]]);
    history.git(["bisect", "good", &history.commits[8]]);
    let log = history.git(["bisect", "log"]);
    history.git(["bisect", "reset"]);
    let file = history.tree.write(".git/saved", log).display().to_string();
    let words = ["bisect", "--json", "--replay", &file, "--test", "./prog", "--", "make"];
    assert_eq!(culprit(&history, &words)["commit"], history.commits[11]);
    let lacks = history.run(&["bisect", "--replay", &file]).exits_with(1);
    assert!(lacks.err().contains("how to build"), "{lacks}");
}

#[test]
fn two_bisects_of_one_repository_do_not_mix() {
    let history = History::new(16, 11);
    let test = hanging_third(&history);
    let words = history.words(&with(
        &["--test", &test],
        &["bisect", "--bad", "{16}", "--good", "{0}", "--", "make"],
    ));
    let running = history.user.start(&history.tree, &words);
    until_written(&history, &running, "count.hangs");
    let second = history.run(&TEST).exits_with(1);
    assert!(second.err().contains("another `farmbuild bisect`"), "{second}");
    running.signal(Signal::TERM);
    running.wait();
    history.assert_nothing_left();
}
