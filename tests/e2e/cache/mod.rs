//! The cache as people meet it: builds again, and what is found again.
//!
//! Every test compares with a plain compiler in the same directory: a hit leaves the very files, words and status.

mod caveats;
mod crash;
mod damage;
mod declarations;
mod edits;
mod headers;
mod links;
mod messages;
mod outputs;
mod place;
mod positions;
mod probes;
mod racing;
mod reuse;

use farmbuild_testkit::TestSpace;

use crate::run::{self, Ended};
use crate::tree::{project, remove_new, same_files, snapshot};
use crate::user::User;

/// A user with a cache, and a tree to compile in.
struct Cached {
    user: User,
    tree: TestSpace,
}

impl Cached {
    fn new(tree: TestSpace) -> Self {
        Self { user: User::alone().with_cache(), tree }
    }

    /// A user with a cache and files of these names and texts.
    fn with<const N: usize>(files: [(&str, &str); N]) -> Self {
        let tree = TestSpace::new();
        for (name, text) in files {
            tree.write(name, text);
        }
        Self::new(tree)
    }

    /// Runs a line of shell as a build.
    fn run(&self, line: &str) -> Ended {
        let mut command = self.user.farmbuild(&self.tree, ["sh", "-c", line]);
        run::run(command.env("FARMBUILD_PROGRESS", "off"))
    }

    /// Runs a line of shell plainly and as a build, with and without its outputs in between: the same files to the last
    /// byte and mode, and the same words. Nothing of it stays.
    #[track_caller]
    fn same(&self, line: &str) {
        let before = snapshot(self.tree.path());
        let plain = run::run(self.user.command(self.tree.path(), "sh").args(["-c", line]));
        let expected = snapshot(self.tree.path());
        remove_new(self.tree.path(), &before);
        let ours = self.run(line);
        let found = snapshot(self.tree.path());
        remove_new(self.tree.path(), &before);
        assert_eq!(ours.status, plain.status, "{line}\nfarmbuild's:\n{ours}\nplain:\n{plain}");
        assert_eq!((ours.out(), ours.err()), (plain.out(), plain.err()), "{line}");
        assert_eq!(ours.stderr, plain.stderr, "{line}");
        same_files(&found, &expected);
    }

    /// Waits until all results are kept: they are written behind the jobs' backs, and a daemon ends when that is done.
    fn settle(&self) {
        self.user.ask(["daemon", "stop"]).ok();
    }

    /// Jobs that were found, in any way.
    fn hits(&self) -> u64 {
        let stats = self.user.stats();
        let tiers = stats["jobs"]["hit"].as_object().unwrap();
        tiers.values().filter_map(serde_json::Value::as_u64).sum()
    }

    /// Runs a line as [`Self::same`] does; how many of its jobs were found.
    #[track_caller]
    fn hits_of(&self, line: &str) -> u64 {
        self.settle();
        let before = self.hits();
        self.same(line);
        self.hits() - before
    }

    /// Likewise, of those that nothing was run for.
    #[track_caller]
    fn direct_hits_of(&self, line: &str) -> u64 {
        self.settle();
        let before = self.user.stat("jobs.hit.direct");
        self.same(line);
        self.user.stat("jobs.hit.direct") - before
    }
}

#[test]
fn a_build_that_was_made_before_is_found_again_to_the_byte() {
    let (user, tree) = (User::alone().with_cache(), project(6));
    let before = snapshot(tree.path());
    run::run(user.command(tree.path(), "make").arg("-j2")).ok();
    let plain = snapshot(tree.path());
    for _ in 0..2 {
        remove_new(tree.path(), &before);
        user.build(&tree, ["make", "-j2"]).ok();
        same_files(&snapshot(tree.path()), &plain);
        user.ask(["daemon", "stop"]).ok();
    }
    assert_eq!(user.stat("jobs.hit.direct"), 8, "{}", user.stats());
}

#[test]
fn a_mode_of_off_or_read_keeps_nothing() {
    let cached = Cached::with([("a.c", "int a;\n")]);
    for mode in ["off", "read", "off", "read"] {
        cached.same(&format!("FARMBUILD_CACHE={mode} gcc -c a.c"));
    }
    cached.same("gcc -c a.c");
    cached.settle();
    assert_eq!(cached.hits(), 0, "{}", cached.user.stats());
    cached.same("FARMBUILD_CACHE=off gcc -c a.c");
    assert_eq!(cached.hits(), 0, "{}", cached.user.stats());
    cached.same("FARMBUILD_CACHE=read gcc -c a.c");
    assert_eq!(cached.hits(), 1, "{}", cached.user.stats());
}
