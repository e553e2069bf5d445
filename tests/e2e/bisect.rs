//! `farmbuild bisect`: what it finds and tells, and what it leaves alone.

use std::fs;

use serde_json::Value;

use crate::history::{History, events_of};
use crate::run;
use crate::user::FARMBUILD;

/// A culprit in the middle of sixteen commits.
pub(crate) const TEST: [&str; 9] =
    ["bisect", "--bad", "{16}", "--good", "{0}", "--test", "./prog", "--", "make"];

pub(crate) fn culprit(history: &History, words: &[&str]) -> Value {
    let found = events_of(&history.run(words).ok(), "culprit");
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

pub(crate) fn with<'a>(option: &[&'a str], words: &[&'a str]) -> Vec<&'a str> {
    [&words[..1], option, &words[1..]].concat()
}

#[test]
fn the_culprit_is_named_with_author_subject_files_and_log() {
    let history = History::new(16, 11);
    let said = history.run(&TEST).ok().out();
    let (_, entry) = said.split_once("is the first bad commit").unwrap();
    for words in ["Ada <ada@example.org>", "change 11", "one.c", "two.c", "git bisect start"] {
        assert!(entry.contains(words), "{words} in\n{said}");
    }
    assert!(said.contains(&format!("{} is the first bad commit", history.commits[11])), "{said}");
}

#[test]
fn each_step_is_told_with_its_figures_and_what_is_left() {
    let history = History::new(16, 11);
    let ended = history.run(&with(&["--no-prebuild"], &TEST)).ok();
    let said = ended.out();
    let step = said.lines().find(|line| line.starts_with(" 1  ")).unwrap();
    assert!(step.contains("good") && step.contains("change 8"), "{step}");
    assert!(step.contains("(3 compiled, 0 hits, "), "{step}");
    assert!(step.contains("roughly 3 steps left"), "{step}");
}

#[test]
fn scripts_get_an_object_for_each_step_and_for_the_culprit() {
    let history = History::new(16, 11);
    let ended = history.run(&with(&["--json"], &TEST)).ok();
    let steps = events_of(&ended, "step");
    assert_eq!(steps.len(), 4, "{ended}");
    assert_eq!(steps[0]["result"], "good");
    assert_eq!(steps[0]["compiled"], 3);
    let culprit = &events_of(&ended, "culprit")[0];
    assert_eq!(history.subject(culprit["commit"].as_str().unwrap()), "change 11");
    assert_eq!(culprit["files"], serde_json::json!(["one.c", "two.c"]));
}

#[test]
fn the_commit_that_comes_next_is_built_ahead_while_the_test_runs() {
    // How many are depends on who else uses the machine: a busy one is given more time.
    let mut seen = Vec::new();
    for test in ["sleep 3; ./prog", "sleep 12; ./prog"] {
        let history = History::new(16, 11);
        let ended = history.run(&with(
            &["--json", "--test", test],
            &["bisect", "--bad", "{16}", "--good", "{0}", "--", "make"],
        ));
        let steps = events_of(&ended.ok(), "step");
        let ahead = steps.iter().map(|step| step["built_ahead"].as_bool().unwrap());
        seen = ahead.collect();
        assert!(!seen[0], "{seen:?}");
        if seen.contains(&true) {
            return;
        }
    }
    panic!("{seen:?}");
}

#[test]
fn a_dirty_tree_amid_a_bisect_of_its_own_stays_as_it_is() {
    let history = History::new(16, 11);
    history.git(["bisect", "start", "HEAD", "HEAD~4"]);
    history.make_dirty();
    let before = history.looks();
    let found = culprit(&history, &with(&["--json"], &TEST));
    assert_eq!(found["commit"], history.commits[11]);
    assert_eq!(history.looks(), before);
}

#[test]
fn hooks_of_the_user_are_not_run() {
    let history = History::new(4, 3);
    let hook =
        history.tree.write_program(".git/hooks/post-checkout", "#!/bin/sh\ntouch ../hook-ran\n");
    let words =
        ["bisect", "--json", "--bad", "{4}", "--good", "{0}", "--test", "./prog", "--", "make"];
    assert_eq!(culprit(&history, &words)["commit"], history.commits[3]);
    assert!(!hook.with_file_name("hook-ran").exists() && !history.tree.has(".git/hook-ran"));
}

#[test]
fn commits_that_do_not_build_are_skipped_with_the_compilers_error() {
    let history = History::with_broken(16, 13, &[7, 8, 9]);
    let ended = history.run(&with(&["--json"], &TEST)).ok();
    let steps = events_of(&ended, "step");
    assert_eq!(steps[0]["result"], "skip", "{ended}");
    assert!(steps[0]["first_error"].as_str().unwrap().starts_with("two.c:2:1: error: "), "{ended}");
    assert_eq!(events_of(&ended, "culprit")[0]["commit"], history.commits[13]);
    let said = history.run(&TEST).ok().out();
    assert!(
        said.contains("doesn't build: skipped") && said.contains("two.c:2:1: error: "),
        "{said}"
    );
}

#[test]
fn from_a_subdirectory_it_builds_that_one() {
    let history = History::new(2, 9);
    history.tree.write("sub/Makefile", "all:\n\tcp ../two.c here\n");
    history.git(["add", "sub"]);
    history.git(["commit", "-q", "-m", "sub"]);
    history.tree.write("sub/more", "");
    history.git(["add", "sub"]);
    history.git(["commit", "-q", "-m", "more"]);
    let mut command = history.user.command(&history.tree.join("sub"), FARMBUILD);
    command.args([
        "bisect",
        "--bad",
        "HEAD",
        "--good",
        "HEAD~2",
        "--test",
        "test -f here -a ! -f more",
        "--",
        "make",
    ]);
    let said = run::run(&mut command).ok().out();
    assert!(said.contains("    more\n"), "{said}");
    assert!(!history.tree.has("sub/here"));
}

#[test]
fn without_a_test_the_build_is_the_test() {
    let history = History::with_broken(12, 0, &[5, 6, 7, 8, 9, 10, 11, 12]);
    let words = ["bisect", "--json", "--bad", "{12}", "--good", "{0}", "--", "make"];
    assert_eq!(culprit(&history, &words)["commit"], history.commits[5]);
}

#[test]
fn a_failing_build_can_be_bad_with_a_test_as_well() {
    let history = History::with_broken(8, 8, &[5, 6, 7]);
    let words = [
        "bisect",
        "--json",
        "--bad",
        "{8}",
        "--good",
        "{0}",
        "--build-failure",
        "bad",
        "--test",
        "./prog",
        "--",
        "make",
    ];
    assert_eq!(culprit(&history, &words)["commit"], history.commits[5]);
}

#[test]
fn if_only_skipped_commits_are_left_they_are_named() {
    let history = History::with_broken(6, 5, &[4, 5]);
    let ended =
        history.run(&["bisect", "--bad", "{6}", "--good", "{0}", "--test", "./prog", "--", "make"]);
    let said = ended.exits_with(2).out();
    for number in [4, 5, 6] {
        assert!(said.contains(&format!("{}  change {number}", history.commits[number])), "{said}");
    }
    history.assert_nothing_left();
}

#[test]
fn worktrees_and_log_are_where_the_user_wants_them() {
    let history = History::new(8, 5);
    let place = history.user.runtime_dir().with_file_name("trees");
    let log = place.with_file_name("my.log");
    let (place, file) = (place.display().to_string(), log.display().to_string());
    let words = [
        "bisect",
        "--bad",
        "{8}",
        "--good",
        "{0}",
        "--worktree",
        &place,
        "--log",
        &file,
        "--test",
        "pwd; ./prog",
        "--verbose",
        "--",
        "make",
    ];
    let said = history.run(&words).ok().out();
    assert!(said.contains(&format!("{place}/0\n")), "{said}");
    assert!(!std::path::Path::new(&place).exists());
    assert!(fs::read_to_string(log).unwrap().contains("git bisect bad"));
    history.assert_nothing_left();
}

#[test]
fn untracked_files_that_the_build_needs_are_copied() {
    let history = History::new(4, 3);
    history.tree.write(".config", "CONFIG_X=y\n");
    let words = [
        "bisect",
        "--json",
        "--bad",
        "{4}",
        "--good",
        "{0}",
        "--copy",
        ".config",
        "--test",
        "grep -q X=y .config || exit 125; ./prog",
        "--",
        "make",
    ];
    assert_eq!(culprit(&history, &words)["commit"], history.commits[3]);
}

#[test]
fn mistakes_are_told_with_their_cure_and_leave_nothing() {
    let history = History::new(4, 3);
    let rows: [(&[&str], &str); 8] = [
        (&["bisect", "--bad", "{4}", "--", "make"], "--good"),
        (&["bisect", "--good", "{0}", "--", "make"], "--bad"),
        (&["bisect", "--bad", "{4}", "--good", "{0}"], "after `--`"),
        (&["bisect", "--bad", "nope", "--good", "{0}", "--", "make"], "no commit \"nope\""),
        (&["bisect", "--bad", "{4}", "--good", "{4}", "--", "make"], "same commit"),
        (&["bisect", "--bad", "{0}", "--good", "{4}", "--", "make"], "mistook good and bad"),
        (&["bisect", "--resume"], "nothing to resume"),
        (
            &["bisect", "--bad", "{4}", "--good", "{0}", "--copy", "none", "--", "make"],
            "no such file",
        ),
    ];
    for (words, cure) in rows {
        let ended = history.run(words).exits_with(1);
        assert!(ended.err().contains(cure), "{words:?}: {ended}");
        history.assert_nothing_left();
    }
    let outside = history.user.ask(["bisect", "--bad", "a", "--good", "b", "--", "make"]);
    assert!(outside.exits_with(1).err().contains("no git repository"));
}

#[test]
fn a_shallow_clone_is_told_how_to_get_its_history() {
    let history = History::new(4, 3);
    let url = format!("file://{}", history.tree.path().display());
    history.git(["clone", "-q", "--depth", "2", &url, ".git/shallow"]);
    let mut command = history.user.command(&history.tree.join(".git/shallow"), FARMBUILD);
    command.args(["bisect", "--bad", "HEAD", "--good", &history.commits[0], "--", "make"]);
    let ended = run::run(&mut command).exits_with(1);
    assert!(ended.err().contains("git fetch --unshallow"), "{ended}");
}
