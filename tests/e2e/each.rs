//! `farmbuild each`.

use farmbuild_testkit::Distccd;
use serde_json::Value;

use crate::history::{History, events_of};
use crate::run;
use crate::user::host;

fn commits(history: &History, events: &[Value]) -> Vec<String> {
    events.iter().map(|event| history.subject(event["commit"].as_str().unwrap())).collect()
}

#[test]
fn every_commit_of_a_good_series_is_told_with_its_figures() {
    let history = History::new(4, 9);
    history.make_dirty();
    let before = history.looks();
    let said = history.run(&["each", "{0}..{4}", "--", "make"]).ok().out();
    let rows: Vec<_> = said.lines().filter(|line| line.contains("  built  ")).collect();
    assert_eq!(rows.len(), 4, "{said}");
    assert!(rows[0].contains("change 1  (3 compiled, 0 hits, "), "{said}");
    assert!(rows[1].contains("change 2  (1 compiled, 0 hits, "), "{said}");
    assert!(said.contains("4 of 4 built, 0 failed."), "{said}");
    assert_eq!(history.looks(), before);
    history.assert_nothing_left();
}

#[test]
fn the_first_failure_ends_it_and_is_told_in_the_compilers_words() {
    let history = History::with_broken(6, 9, &[3, 5]);
    let ended = history.run(&["each", "{0}..{6}", "--", "make"]).exits_with(1);
    let said = ended.out();
    assert!(
        said.contains(&format!("first one that fails is {}  change 3\n", history.commits[3])),
        "{said}"
    );
    assert!(said.contains("two.c:2:1: error: ") && said.contains("    2 | nonsense"), "{said}");
    assert!(said.contains("2 of 6 built, 1 failed, 3 not built."), "{said}");
    history.assert_nothing_left();
}

#[test]
fn all_of_them_are_built_if_it_keeps_going() {
    let history = History::with_broken(6, 9, &[3, 5]);
    let ended = history.run(&["each", "--keep-going", "--json", "{0}..{6}", "--", "make"]);
    let ended = ended.exits_with(1);
    let built = events_of(&ended, "commit");
    let ok: Vec<_> = built.iter().map(|it| it["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [true, true, false, true, false, true]);
    let end = &events_of(&ended, "end")[0];
    assert_eq!(end["first_failing"]["commit"], history.commits[3]);
    assert_eq!((&end["built"], &end["failed"]), (&4.into(), &2.into()));
}

#[test]
fn of_builds_at_the_same_time_the_first_failure_of_the_series_counts() {
    let history = History::with_broken(6, 9, &[3, 4]);
    // The earlier one takes longer to fail, and is waited for; what comes after both isn't begun.
    let slow = "make; status=$?; if grep -q 3 two.c; then sleep 1; fi; exit $status";
    let words = ["each", "--jobs", "2", "--json", "{2}..{6}", "--", "sh", "-c", slow];
    let ended = history.run(&words).exits_with(1);
    let end = &events_of(&ended, "end")[0];
    assert_eq!(end["first_failing"]["commit"], history.commits[3], "{ended}");
    assert!(
        !commits(&history, &events_of(&ended, "commit")).contains(&"change 6".to_owned()),
        "{ended}"
    );
}

#[test]
fn what_comes_behind_a_failure_is_cancelled() {
    let history = History::with_broken(6, 9, &[3]);
    let hang = "grep -q 4 two.c && sleep 60; make";
    let words = ["each", "--jobs", "2", "--json", "{2}..{6}", "--", "sh", "-c", hang];
    let ended = history.run(&words).exits_with(1);
    assert_eq!(commits(&history, &events_of(&ended, "commit")), ["change 3"], "{ended}");
    history.assert_nothing_left();
}

#[test]
fn the_order_can_begin_at_the_tip() {
    let history = History::with_broken(5, 9, &[2]);
    let words = ["each", "--order", "newest", "--json", "{0}..{5}", "--", "make"];
    let ended = history.run(&words).exits_with(1);
    let built = commits(&history, &events_of(&ended, "commit"));
    assert_eq!(built, ["change 5", "change 4", "change 3", "change 2"]);
}

#[test]
fn a_test_can_fail_a_commit_that_builds() {
    let history = History::new(4, 3);
    let ended = history.run(&["each", "--test", "./prog", "{0}..{4}", "--", "make"]).exits_with(1);
    assert!(ended.out().contains("fails the test"), "{ended}");
    assert!(ended.out().contains(&format!("{}  change 3", history.commits[3])), "{ended}");
}

#[test]
fn builds_are_on_the_farm() {
    let server = Distccd::start();
    let history = History::new(2, 9);
    history.user.set_farm(&host("a", &server.address(), 4));
    let words = ["each", "--jobs", "2", "--json", "{0}..{2}", "--", "make", "-j4"];
    let built = events_of(&history.run(&words).ok(), "commit");
    assert!(built.iter().all(|commit| commit["compiled"] == 3), "wherever they ran: {built:?}");
    assert!(history.user.remote_jobs() > 0, "{}", history.user.stats());
}

#[test]
fn submodules_are_those_of_the_commit_and_the_configuration_stays() {
    let history = History::new(1, 9);
    history.git(["config", "--global", "protocol.file.allow", "always"]);
    history.git(["init", "-q", ".git/library"]);
    history.git([
        "-C",
        ".git/library",
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@b",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "library",
    ]);
    let url = history.tree.join(".git/library").display().to_string();
    history.git(["submodule", "--quiet", "add", &url, "library"]);
    history.git(["commit", "-q", "-m", "with a library"]);
    let before = history.looks();
    let words = ["each", "{1}..HEAD", "--", "test", "-e", "library/.git"];
    history.run(&words).ok();
    assert_eq!(history.looks(), before);
}

#[test]
fn a_clean_build_begins_with_nothing() {
    let history = History::new(3, 9);
    let ended = history.run(&["each", "--clean", "--json", "{0}..{3}", "--", "make"]).ok();
    let compiled: Vec<_> =
        events_of(&ended, "commit").iter().map(|it| it["compiled"].as_u64().unwrap()).collect();
    assert_eq!(compiled, [3, 3, 3]);
}

#[test]
fn ctrl_c_ends_all_builds_and_leaves_nothing() {
    let history = History::new(6, 9);
    history.make_dirty();
    let before = history.looks();
    let mark = history.user.runtime_dir().with_file_name("mark");
    let hang = format!("make; : > {}.$(basename $PWD); sleep 60", mark.display());
    let words = history.words(&["each", "--jobs", "2", "{0}..{6}", "--", "sh", "-c", &hang]);
    let running = history.user.start(&history.tree, &words);
    run::until("both are being built", || {
        mark.with_extension("0").exists() && mark.with_extension("1").exists()
    });
    running.interrupt();
    assert_eq!(running.wait().signal(), Some(2));
    history.assert_nothing_left();
    assert_eq!(history.looks(), before);
}

#[test]
fn what_a_killed_one_left_is_cleared_by_the_next() {
    let history = History::new(3, 9);
    let mark = history.user.runtime_dir().with_file_name("mark");
    let hang = format!(": > {}; sleep 60", mark.display());
    let words = history.words(&["each", "{0}..{3}", "--", "sh", "-c", &hang]);
    let running = history.user.start(&history.tree, &words);
    run::until("it builds", || mark.exists());
    crate::user::kill(running.id());
    drop(running);
    history.run(&["each", "{0}..{3}", "--", "make"]).ok();
    history.assert_nothing_left();
}

#[test]
fn mistakes_are_told_with_their_cure() {
    let history = History::new(2, 9);
    let rows: [(&[&str], &str); 4] = [
        (&["each", "{0}..{2}"], "after `--`"),
        (&["each", "{0}", "--", "make"], "no series"),
        (&["each", "{2}..{0}", "--", "make"], "BASE comes first"),
        (&["each", "nope..{2}", "--", "make"], "nope"),
    ];
    for (words, cure) in rows {
        let ended = history.run(words).exits_with(2);
        assert!(ended.err().contains(cure), "{words:?}: {ended}");
        history.assert_nothing_left();
    }
}
