//! Somebody with a repository: a small C project with a history, whose working tree must stay as it is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use farmbuild_testkit::TestSpace;
use serde_json::Value;

use crate::run::{self, Ended};
use crate::tree::{Content, snapshot};
use crate::user::User;

const MAKEFILE: &str = "\
prog: one.o two.o main.o
	gcc -o $@ $^
%.o: %.c
	gcc -Wall -c -o $@ $<
";
const MAIN: &str = "int one(void);\nint main(void)\n{\n\treturn one();\n}\n";

/// A user, and a repository with one commit a number, named `change 1`, `change 2`...
pub(crate) struct History {
    pub(crate) user: User,
    pub(crate) tree: TestSpace,
    /// By number; `commits[0]` is the one before `change 1`.
    pub(crate) commits: Vec<String>,
}

/// What a repository is for its user: files, index, HEAD, references.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Looks {
    files: BTreeMap<PathBuf, Content>,
    told: String,
}

impl History {
    /// `count` changes of `two.c`. From `culprit` on, `./prog` fails.
    pub(crate) fn new(count: usize, culprit: usize) -> Self {
        Self::with_broken(count, culprit, &[])
    }

    /// Likewise; the changes `broken` don't compile.
    pub(crate) fn with_broken(count: usize, culprit: usize, broken: &[usize]) -> Self {
        let history = Self { user: User::alone(), tree: TestSpace::new(), commits: Vec::new() };
        history.git(["init", "-q", "-b", "main"]);
        history.git(["config", "user.name", "Ada"]);
        history.git(["config", "user.email", "ada@example.org"]);
        history.tree.write(".gitignore", "*.o\nprog\n");
        history.tree.write("Makefile", MAKEFILE);
        history.tree.write("main.c", MAIN);
        let mut commits = Vec::new();
        for number in 0..=count {
            let fails = u8::from(number >= culprit && number > 0);
            let broken = if broken.contains(&number) { "nonsense\n" } else { "" };
            history.tree.write("one.c", format!("int one(void)\n{{\n\treturn {fails};\n}}\n"));
            history.tree.write("two.c", format!("int two = {number};\n{broken}"));
            history.git(["add", "."]);
            history.git(["commit", "-q", "-m", &format!("change {number}")]);
            commits.push(history.git(["rev-parse", "HEAD"]));
        }
        Self { commits, ..history }
    }

    /// git's answer.
    #[track_caller]
    pub(crate) fn git<const N: usize>(&self, args: [&str; N]) -> String {
        let mut git = self.user.command(self.tree.path(), "git");
        run::run(git.args(args)).ok().out().trim_end().to_owned()
    }

    /// `farmbuild WORDS...`; `{3}` stands for the commit of `change 3`.
    pub(crate) fn words(&self, words: &[&str]) -> Vec<String> {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        for (number, commit) in self.commits.iter().enumerate() {
            for word in &mut words {
                *word = word.replace(&format!("{{{number}}}"), commit);
            }
        }
        words
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        self.user.build(&self.tree, self.words(words))
    }

    /// With an unstaged change, a staged one, and a file that git doesn't know.
    pub(crate) fn make_dirty(&self) {
        self.tree.write("main.c", format!("{MAIN}/* not staged */\n"));
        self.tree.write("staged.c", "int staged;\n");
        self.git(["add", "staged.c"]);
        self.tree.write("unknown.c", "int unknown;\n");
    }

    /// What must not change. `git status` may write the index, so it is asked last.
    pub(crate) fn looks(&self) -> Looks {
        let mut files = snapshot(self.tree.path());
        // Objects and packs are nobody's state.
        files.retain(|path, _| !path.starts_with(self.tree.join(".git/objects")));
        let told = [
            self.git(["--no-optional-locks", "status", "--porcelain"]),
            self.git(["worktree", "list"]),
            self.git(["for-each-ref"]),
        ];
        Looks { files, told: told.join("\n--\n") }
    }

    /// Nothing of ours runs or lies about any more.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        run::until("nothing runs any more", || self.user.strays().is_empty());
        for path in [".git/farmbuild", ".git/worktrees", ".git/refs/bisect"] {
            assert!(!self.tree.has(path), "{path}");
        }
    }

    pub(crate) fn subject(&self, commit: &str) -> String {
        let number = self.commits.iter().position(|it| it == commit);
        number.map_or_else(|| commit.to_owned(), |number| format!("change {number}"))
    }
}

/// The objects of `--json`.
pub(crate) fn events(ended: &Ended) -> Vec<Value> {
    ended.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Those of a kind.
pub(crate) fn events_of(ended: &Ended, kind: &str) -> Vec<Value> {
    events(ended).into_iter().filter(|event| event["event"] == kind).collect()
}
