//! The arguments of the commands over git history.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where commits are built, and from what.
#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// Build in worktrees in DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) worktree: Option<PathBuf>,
    /// Copy this untracked file of your tree (.config, say) into each worktree first; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) copy: Vec<PathBuf>,
    /// Build each commit from nothing (git clean -ffdx)
    #[arg(long)]
    pub(crate) clean: bool,
}

const BISECT_HELP: &str = "\
Examples:
  farmbuild bisect --bad HEAD --good v6.1 --copy .config -- make -j60 bzImage
                                  which commit broke the build?
  farmbuild bisect --bad HEAD --good v2.8 --test './haproxy -c -f my.cfg' -- make -j60 TARGET=linux-glibc
                                  which commit broke what the test looks at?

The test is run by `sh -c` in the worktree, without standard input, and judged as by `git bisect run`: status 0 is good,
125 skips the commit, anything else up to 127 is bad, 128 and more (or a signal) ends the bisect. Without --test the build
is the test: what doesn't build is bad. With one, what doesn't build is skipped. If you call it from a subdirectory, build
and test run in that one of the worktree.

Your own tree, index, HEAD and any bisect of yours stay as they are. git's bisect state is in a worktree of farmbuild's,
builds are in up to three more, all below `farmbuild/bisect/` in the repository's git directory or in DIR/0, DIR/1, DIR/2.
Their paths are the same each time, so that debug info, which names directories, doesn't keep the next bisect from cached
results. A tree is built incrementally from the commit before; --clean starts each build from nothing. Hooks aren't run.
Submodules that you have initialised are updated.

While the test runs, the two commits that may come next are built ahead at low priority, each in a tree of its own; the
step that follows goes on in the tree that has its commit. --no-prebuild leaves the machine to the test.

Ctrl-C and SIGTERM end build and test, remove everything, and print the log so far: save it (or name --log FILE
beforehand), and `farmbuild bisect --replay FILE` goes on. After a crash (kill -9, power) `--resume` does. A log of plain
`git bisect log` can be replayed, too; then give the build's command again.

Exit status: 0 the commit is found, 1 an error, 2 only skipped commits are left (or the arguments make no sense).";

#[derive(Debug, Args)]
#[command(after_long_help = BISECT_HELP)]
pub(crate) struct BisectArgs {
    /// A commit that has the fault
    #[arg(long, value_name = "REV")]
    pub(crate) bad: Option<String>,
    /// A commit that doesn't have it yet; may be given several times
    #[arg(long, value_name = "REV")]
    pub(crate) good: Vec<String>,
    /// How to tell: a shell command, run after each build
    #[arg(long, value_name = "CMD")]
    pub(crate) test: Option<String>,
    /// What a commit is that doesn't build [default: skip, or bad without --test]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) build_failure: Option<BuildFailure>,
    #[command(flatten)]
    pub(crate) trees: TreeArgs,
    /// Don't build ahead while the test runs
    #[arg(long)]
    pub(crate) no_prebuild: bool,
    /// Go on from a log
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bad", "good", "resume"])]
    pub(crate) replay: Option<PathBuf>,
    /// Go on from a bisect that was killed
    #[arg(long, conflicts_with_all = ["bad", "good"])]
    pub(crate) resume: bool,
    /// Forget a bisect that was killed; by itself it only cleans up
    #[arg(long, conflicts_with = "resume")]
    pub(crate) discard: bool,
    /// Keep the log in FILE, up to date after each step
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Show what builds and tests print
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// For scripts: one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// The build's command
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// What a commit is that doesn't build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BuildFailure {
    /// It can't be judged
    Skip,
    /// It has the fault
    Bad,
}

const EACH_HELP: &str = "\
Examples:
  farmbuild each origin/master..HEAD -- make -j60
  farmbuild each --keep-going --jobs 2 --copy .config v6.1..HEAD -- make -j60 bzImage

Every commit that `git rev-list BASE..TIP` names is built, merges too unless --no-merges. The first failure ends it, unless
--keep-going; what comes later in the order and is being built then is stopped, what comes earlier is built to its end, so
that with --jobs as without the same commit is named.

--order newest begins at TIP. TIP is what you most likely built last, so its results are the ones most likely cached; going
back from it, each commit finds what its successor left. It ends at the failure nearest to TIP. The default, oldest, names
the first commit of the series that fails.

Builds are in worktrees below `farmbuild/each/` in the repository's git directory or in DIR/0, DIR/1 and so on, one for each of
--jobs, at the same paths each time. Your own tree, index and HEAD stay as they are. A worktree is built incrementally
from the commit it had before; --clean starts from nothing. Hooks aren't run. Submodules that you have initialised are
updated. If you call it from a subdirectory, builds run in that one of the worktree.

Ctrl-C ends the builds and removes everything.

Exit status: 0 all of them build, 1 at least one doesn't, 2 an error.";

#[derive(Debug, Args)]
#[command(after_long_help = EACH_HELP)]
pub(crate) struct EachArgs {
    /// The series: what is in TIP and not in BASE
    #[arg(value_name = "BASE..TIP")]
    pub(crate) range: String,
    /// Build all of them, whatever fails
    #[arg(long, short)]
    pub(crate) keep_going: bool,
    /// Commits to build at the same time
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) jobs: std::num::NonZeroUsize,
    /// Which end to begin with
    #[arg(long, value_enum, default_value = "oldest")]
    pub(crate) order: Order,
    /// Leave merges out
    #[arg(long)]
    pub(crate) no_merges: bool,
    /// A shell command to run after each build; if it fails, so does the commit
    #[arg(long, value_name = "CMD")]
    pub(crate) test: Option<String>,
    #[command(flatten)]
    pub(crate) trees: TreeArgs,
    /// Show what builds and tests print
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// For scripts: one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// The build's command
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Which end of a series to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// The first commit after BASE
    Oldest,
    /// TIP
    Newest,
}

#[derive(Debug, Args)]
pub(crate) struct LeashArgs {
    /// Whose end ends this
    #[arg(long)]
    pub(crate) parent: i32,
    /// Make way for others
    #[arg(long)]
    pub(crate) low_priority: bool,
    /// It is a build; leave its summary in FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    #[arg(last = true)]
    pub(crate) command: Vec<OsString>,
}
