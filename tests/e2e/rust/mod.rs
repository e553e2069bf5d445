//! cargo's builds: what they leave is what plain cargo leaves, and what is known isn't compiled again.
//!
//! Without a registry: all crates are in the tree. Incremental compiles aren't cached, so that most builds here aren't.

mod boards;
mod changes;
mod failing;
mod links;
mod place;
mod reuse;
mod tools;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farmbuild_testkit::TestSpace;

use crate::run::{self, Ended};
use crate::tree::{Content, same_files, snapshot};
use crate::user::{FARMBUILD, User};

/// The cargo that runs these tests.
const CARGO: &str = env!("CARGO");
/// A cold build of a workspace on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

/// Somebody with a cache and a tree of crates.
struct Rusty {
    user: User,
    tree: TestSpace,
    plain: Mutex<Option<Plain>>,
}

/// What plain cargo made last, and of what: the same again is known without asking it.
struct Plain {
    command: String,
    sources: BTreeMap<PathBuf, Content>,
    built: Arc<Built>,
}

/// What a build left.
struct Built {
    ended: Ended,
    files: BTreeMap<PathBuf, Content>,
    /// How many crates rustc compiled.
    compiled: u64,
}

impl Rusty {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = TestSpace::new();
        for (name, text) in files {
            tree.write(name, text);
        }
        Self { user: User::alone().with_cache(), tree, plain: Mutex::default() }
    }

    /// A workspace with what crates are made of: macros, a build script that compiles C and writes Rust, a
    /// program, a dynamic library, and two crates of one name.
    fn workspace() -> Self {
        Self::new(WORKSPACE)
    }

    fn command(&self, directory: &Path, words: &[&str]) -> Command {
        let mut command = self.user.command(directory, words[0]);
        let tools = Path::new(CARGO).parent().unwrap().display().to_string();
        command
            .args(&words[1..])
            .env("PATH", format!("{tools}:/usr/local/bin:/usr/bin:/bin"))
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_INCREMENTAL", "0")
            .env("FARMBUILD_PROGRESS", "off");
        command
    }

    /// Runs a command in a directory, from an empty target directory on.
    fn build_in(&self, directory: &Path, words: &[&str], change: impl Fn(&mut Command)) -> Built {
        drop(fs::remove_dir_all(directory.join("target")));
        self.continue_in(directory, words, change)
    }

    /// Likewise, with what is there.
    fn continue_in(
        &self,
        directory: &Path,
        words: &[&str],
        change: impl Fn(&mut Command),
    ) -> Built {
        self.settle();
        let before = self.user.stat("jobs.local.rustc");
        let mut command = self.command(directory, words);
        change(&mut command);
        let ended = run::start(command.stdin(std::process::Stdio::null())).within(LIMIT).wait();
        let compiled = self.user.stat("jobs.local.rustc") - before;
        Built { ended, files: outputs(directory), compiled }
    }

    /// `farmbuild cargo ARGS...`, from an empty target directory on, which must succeed.
    #[track_caller]
    fn cargo(&self, args: &[&str]) -> Built {
        let words: Vec<_> = [FARMBUILD, "cargo"].iter().chain(args).copied().collect();
        let built = self.build_in(self.tree.path(), &words, |_| {});
        assert!(built.ended.status.success(), "{}", built.ended);
        built
    }

    /// Runs cargo plainly and through farmbuild, each from an empty target directory on: the same files to the last byte and
    /// mode, the same words, the same end. How many crates were compiled.
    #[track_caller]
    fn same(&self, args: &[&str]) -> u64 {
        self.same_with(args, |_| {})
    }

    /// Likewise, of a build that fails.
    #[track_caller]
    fn fails_the_same(&self, args: &[&str]) -> u64 {
        let (plain, compiled) = self.compare(args, &|_| {});
        assert!(!plain.ended.status.success(), "{}", plain.ended);
        compiled
    }

    #[track_caller]
    fn same_with(&self, args: &[&str], change: impl Fn(&mut Command)) -> u64 {
        let (plain, compiled) = self.compare(args, &change);
        assert!(plain.ended.status.success(), "plain cargo fails as well: {}", plain.ended);
        compiled
    }

    #[track_caller]
    fn compare(&self, args: &[&str], change: &dyn Fn(&mut Command)) -> (Arc<Built>, u64) {
        let plain = self.plainly(args, change);
        let words: Vec<_> = [FARMBUILD, "cargo"].iter().chain(args).copied().collect();
        let ours = self.build_in(self.tree.path(), &words, change);
        same_words(&ours.ended, &plain.ended);
        same_files(&ours.files, &plain.files);
        (plain, ours.compiled)
    }

    /// What plain cargo makes of the tree, from an empty target directory on.
    fn plainly(&self, args: &[&str], change: &dyn Fn(&mut Command)) -> Arc<Built> {
        let directory = self.tree.path();
        let words: Vec<_> = [CARGO].iter().chain(args).copied().collect();
        let mut command = self.command(directory, &words);
        change(&mut command);
        drop(fs::remove_dir_all(directory.join("target")));
        let mut sources = snapshot(directory);
        // The first build writes it.
        sources.remove(Path::new("Cargo.lock"));
        let command = format!("{command:?}");
        let mut known = self.plain.lock().unwrap();
        if let Some(plain) = known.as_ref()
            && (&plain.command, &plain.sources) == (&command, &sources)
        {
            return Arc::clone(&plain.built);
        }
        let built = Arc::new(self.build_in(directory, &words, change));
        *known = Some(Plain { command, sources, built: Arc::clone(&built) });
        built
    }

    /// Waits until all results are kept.
    fn settle(&self) {
        self.user.ask(["daemon", "stop"]).ok();
    }
}

/// What crates became, without cargo's own notes.
fn outputs(directory: &Path) -> BTreeMap<PathBuf, Content> {
    let target = directory.join("target");
    if !target.exists() {
        return BTreeMap::new();
    }
    let mut files = snapshot(&target);
    let notes = [".fingerprint", ".rustc_info.json", ".cargo-lock", ".cargo-build-lock"];
    files.retain(|path, _| !path.iter().any(|part| notes.iter().any(|note| part == *note)));
    // cargo 1.95 names either of its two outputs in there, by chance: plain cargo alone does so, too.
    files.retain(|path, _| !path.ends_with("libplugin.d"));
    files
}

/// The same words in any order, but for times and names of temporary directories.
#[track_caller]
fn same_words(ours: &Ended, plain: &Ended) {
    let lines = |ended: &Ended| {
        let text = ended.out() + &ended.err();
        // The first build of a tree writes its lock file.
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("Locking "));
        let mut lines: Vec<_> = lines.map(timeless).collect();
        lines.sort();
        lines.join("\n")
    };
    assert_eq!(ours.status, plain.status, "farmbuild's:\n{ours}\nplain:\n{plain}");
    let (ours, plain) = (lines(ours), lines(plain));
    assert!(ours == plain, "farmbuild's:\n{ours}\nplain:\n{plain}");
}

fn timeless(line: &str) -> String {
    let line = match line.split_once(" in ") {
        Some((before, time)) if time.ends_with('s') => before,
        _ => line,
    };
    let mut words: Vec<_> = line.split("/rustc").map(str::to_owned).collect();
    for word in words.iter_mut().skip(1) {
        let end = word.find('/').unwrap_or(0);
        word.replace_range(..end.min(6), "");
    }
    words.join("/rustc")
}

const WORKSPACE: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\"app\", \"macros\", \"native\", \"middle\", \"plugin\"]\nexclude = [\"twin-1\", \"twin-2\"]\n",
    ),
    (
        "app/Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n\
         macros = { path = \"../macros\" }\nmiddle = { path = \"../middle\" }\n\
         twin = { path = \"../twin-1\" }\ntwin-2 = { path = \"../twin-2\", package = \"twin\" }\n",
    ),
    (
        "app/src/main.rs",
        "mod more;\nfn main() {\n    println!(\"{} {} {}\", middle::native(), twin::number(), twin_2::number());\n    \
         println!(\"{} {}\", macros::same!(7), more::text());\n}\n",
    ),
    ("app/src/more.rs", "pub fn text() -> &'static str { include_str!(\"text.txt\") }\n"),
    ("app/src/text.txt", "some text\n"),
    (
        "app/tests/whole.rs",
        "#[test]\nfn it_runs() {\n    let run = std::process::Command::new(env!(\"CARGO_BIN_EXE_app\"));\n    \
         let mut run = run;\n    assert!(run.status().unwrap().success());\n}\n",
    ),
    (
        "macros/Cargo.toml",
        "[package]\nname = \"macros\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n",
    ),
    (
        "macros/src/lib.rs",
        "#[proc_macro]\npub fn same(text: proc_macro::TokenStream) -> proc_macro::TokenStream { text }\n",
    ),
    (
        "native/Cargo.toml",
        "[package]\nname = \"native\"\nversion = \"0.1.0\"\nedition = \"2021\"\nlinks = \"number\"\n",
    ),
    (
        "native/build.rs",
        "use std::process::Command;\nfn main() {\n    let out = std::env::var(\"OUT_DIR\").unwrap();\n    \
         let run = |program: &str, args: &[&str]| assert!(Command::new(program).args(args).status().unwrap().success());\n    \
         let (object, archive) = (format!(\"{out}/number.o\"), format!(\"{out}/libnumber.a\"));\n    \
         run(\"cc\", &[\"-O1\", \"-c\", \"number.c\", \"-o\", &object]);\n    \
         run(\"ar\", &[\"crsD\", &archive, &object]);\n    \
         std::fs::write(format!(\"{out}/generated.rs\"), \"pub const GENERATED: i32 = 4;\\n\").unwrap();\n    \
         println!(\"cargo::rerun-if-changed=number.c\");\n    \
         println!(\"cargo::rustc-link-search=native={out}\");\n    \
         println!(\"cargo::rustc-link-lib=static=number\");\n}\n",
    ),
    ("native/number.c", "int number(void) { return 1; }\n"),
    (
        "native/src/lib.rs",
        "include!(concat!(env!(\"OUT_DIR\"), \"/generated.rs\"));\n\
         extern \"C\" { fn number() -> i32; }\n\
         pub fn value() -> i32 { unsafe { number() + GENERATED } }\n",
    ),
    (
        "middle/Cargo.toml",
        "[package]\nname = \"middle\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n\
         native = { path = \"../native\" }\n",
    ),
    (
        "middle/src/lib.rs",
        "//! ```\n//! assert!(middle::native() > 0);\n//! ```\n\
         pub fn native() -> i32 { let unused = 1; native::value() }\n\
         #[test]\nfn it_is_more_than_generated() { assert!(native() > 4) }\n",
    ),
    (
        "plugin/Cargo.toml",
        "[package]\nname = \"plugin\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\ncrate-type = [\"cdylib\", \"staticlib\"]\n\
         [dependencies]\nmiddle = { path = \"../middle\" }\n",
    ),
    (
        "plugin/src/lib.rs",
        "#[no_mangle]\npub extern \"C\" fn plugin() -> i32 { middle::native() }\n",
    ),
    (
        "twin-1/Cargo.toml",
        "[package]\nname = \"twin\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[workspace]\n",
    ),
    ("twin-1/src/lib.rs", "pub fn number() -> i32 { 1 }\n"),
    (
        "twin-2/Cargo.toml",
        "[package]\nname = \"twin\"\nversion = \"2.0.0\"\nedition = \"2021\"\n[workspace]\n",
    ),
    ("twin-2/src/lib.rs", "pub fn number() -> i32 { 2 }\n"),
];
