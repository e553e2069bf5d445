//! Somebody with a repository: a small C project with a history, whose working tree must stay as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
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
        let mut stream = String::new();
        for number in 0..=count {
            let fails = u8::from(number >= culprit && number > 0);
            let broken = if broken.contains(&number) { "nonsense\n" } else { "" };
            let message = format!("change {number}");
            let when = 1_700_000_000 + number;
            write!(
                stream,
                "commit refs/heads/main\ncommitter Ada <ada@example.org> {when} +0000\n{}",
                data(&message)
            )
            .unwrap();
            for (name, text) in [
                (".gitignore", "*.o\nprog\n"),
                ("Makefile", MAKEFILE),
                ("main.c", MAIN),
                ("one.c", &format!("int one(void)\n{{\n\treturn {fails};\n}}\n")),
                ("two.c", &format!("int two = {number};\n{broken}")),
            ] {
                write!(stream, "M 100644 inline {name}\n{}", data(text)).unwrap();
            }
        }
        let stream = history.tree.write(".git/stream", stream);
        let mut import = history.user.command(history.tree.path(), "git");
        import.args(["fast-import", "--quiet"]).stdin(File::open(&stream).unwrap());
        run::start(&mut import).wait().ok();
        fs::remove_file(stream).unwrap();
        history.git(["reset", "-q", "--hard"]);
        let commits = history.git(["rev-list", "--reverse", "HEAD"]);
        Self { commits: commits.lines().map(str::to_owned).collect(), ..history }
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

/// A text as `git fast-import` wants it.
fn data(text: &str) -> String {
    format!("data {}\n{text}\n", text.len())
}

/// The objects of `--json`.
pub(crate) fn events(ended: &Ended) -> Vec<Value> {
    ended.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Those of a kind.
pub(crate) fn events_of(ended: &Ended, kind: &str) -> Vec<Value> {
    events(ended).into_iter().filter(|event| event["event"] == kind).collect()
}
