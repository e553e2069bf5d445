//! The cache beside other compile caches: one hit, whole builds, edits of a header, and a stretch of real history.
//!
//! Every client builds the same tree in the same directory with the same command lines, in turns, and its objects are
//! compared with plain gcc's.

pub mod client;
pub mod counts;
pub mod declarations;
pub mod edits;
pub mod history;
pub mod hit;
pub mod kernel;
pub mod sccache;
pub mod tree;
pub mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use client::Client;
use tree::{Flags, RELEASE, Tree};

/// The parts of the section, in their order.
pub const PARTS: [&str; 7] = [
    "cache-hit",
    "cache-warm",
    "cache-cold",
    "cache-edits",
    "cache-history",
    "cache-declarations",
    "cache-kernel",
];

/// What is measured, and how large it is.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which of [`PARTS`].
    pub parts: Vec<&'static str>,
    /// A few files, few turns and three commits.
    pub quick: bool,
    /// A git repository of haproxy.
    pub haproxy_git: Option<PathBuf>,
    /// Where sccache is built; `None` leaves it out.
    pub sccache: Option<PathBuf>,
    /// Edits and history with debug info, or without; `None`: both, or with it if quick.
    pub debug: Option<bool>,
    /// How many commits of history aren't built, from the release on.
    pub skipped: usize,
    /// How many commits of history.
    pub commits: Option<usize>,
}

/// The section's figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// One hit.
    pub hit: Vec<hit::Cost>,
    /// Whole rebuilds with everything cached.
    pub warm: Vec<whole::Builds>,
    /// Whole builds with nothing cached.
    pub cold: Vec<whole::Builds>,
    /// Builds after each edit of a header.
    pub edits: Vec<edits::Edits>,
    /// Builds of one commit after the other.
    pub history: Vec<history::History>,
    /// The same, for how much of what ccache compiles the declaration tier needn't.
    pub declarations: Vec<declarations::Precision>,
    /// Objects that weren't plain gcc's: there should be none.
    pub different_objects: Vec<String>,
}

/// Runs the parts; `say` is given each one's table as soon as it is done.
///
/// # Errors
/// If the sources or sccache can't be had.
pub fn measure(
    binary: Option<&Path>,
    options: &Options,
    say: &dyn Fn(&str),
) -> Result<Report, String> {
    let wanted = |part: &str| options.parts.contains(&part);
    let git = options.haproxy_git.as_deref();
    let with_history = ["cache-history", "cache-declarations"].into_iter().find(|it| wanted(it));
    if let Some(part) = with_history.filter(|_| git.is_none()) {
        return Err(format!("{part} needs a git repository{}", tree::HOW));
    }
    // It takes minutes to build, and two parts have no use for it.
    let measures_it = |part: &&str| !["cache-declarations", "cache-kernel"].contains(part);
    let sccache = options.sccache.as_deref().filter(|_| options.parts.iter().any(measures_it));
    let sccache = sccache.map(sccache::provide).transpose()?;
    let clients = || {
        let mut clients = vec![Client::plain(), Client::ccache()];
        clients.extend(sccache.as_deref().map(Client::sccache));
        clients.extend(binary.map(Client::farmbuild));
        clients
    };
    let tree = Tree::new(git)?;
    let debugs: &[bool] = match options.debug {
        None if options.quick => &[true],
        None => &[true, false],
        Some(true) => &[true],
        Some(false) => &[false],
    };
    let unoptimized = debugs.iter().map(|debug| Flags { unoptimized: true, debug: *debug });
    let subset = |flags| options.quick.then(|| some_of(&tree.sources(flags)));

    let mut report = Report::default();
    let mut check = Check::default();
    if wanted("cache-hit") {
        report.hit =
            hit::measure(&tree, &clients(), if options.quick { 20 } else { 100 }, &mut check);
        say(&hit::show(&report.hit));
    }
    let flags = Flags { unoptimized: options.quick, debug: true };
    let rounds = if options.quick { 2 } else { 5 };
    if wanted("cache-warm") {
        report.warm = whole::warm(&tree, clients(), flags, &subset(flags), rounds, &mut check);
        say(&whole::show("cache-warm", &report.warm));
    }
    if wanted("cache-cold") {
        let rounds = rounds.min(3);
        report.cold = whole::cold(&tree, &clients(), flags, &subset(flags), rounds, &mut check);
        say(&whole::show("cache-cold", &report.cold));
    }
    if wanted("cache-edits") {
        for flags in unoptimized.clone() {
            let edits = edits::measure(&tree, &clients(), flags, &subset(flags), &mut check);
            say(&edits::show(&edits));
            report.edits.push(edits);
        }
    }
    if let Some(git) = git.filter(|_| wanted("cache-history")) {
        let commits = options.commits.unwrap_or(if options.quick { 3 } else { 50 });
        let series = history::series(git, options.skipped, commits)?;
        for flags in unoptimized {
            let subset = subset(flags);
            let history = history::measure(&tree, &clients(), flags, &subset, &series, &mut check);
            say(&history::show(&history));
            report.history.push(history);
        }
    }
    if let (Some(git), Some(binary)) = (git.filter(|_| wanted("cache-declarations")), binary) {
        let commits = options.commits.unwrap_or(if options.quick { 3 } else { 150 });
        let series = history::series(git, options.skipped, commits)?;
        // Without debug info unless asked for: with it, what moves is compiled.
        let flags = Flags { debug: options.debug.unwrap_or(false), unoptimized: options.quick };
        let subset = subset(flags);
        let mut commits =
            declarations::Commits { tree: &tree, flags, subset: &subset, series: &series };
        let debug = if flags.debug { "-g" } else { "no debug info" };
        let what = format!("cache-declarations, {debug}");
        let clients = by_declarations(binary);
        let precision = declarations::measure(&what, &mut commits, &clients, &mut check);
        say(&declarations::show(&precision));
        report.declarations.push(precision);
        tree.check_out(RELEASE);
    }
    if let Some(binary) = binary.filter(|_| wanted("cache-kernel")) {
        let changes = options.commits.unwrap_or(if options.quick { 10 } else { 150 });
        let mut kernel = kernel::Kernel::new(changes, options.quick);
        let clients = by_declarations(binary);
        let precision = declarations::measure("cache-kernel", &mut kernel, &clients, &mut check);
        say(&declarations::show(&precision));
        report.declarations.push(precision);
    }
    report.different_objects = check.different;
    Ok(report)
}

fn by_declarations(binary: &Path) -> [Client; 2] {
    [Client::ccache(), Client::farmbuild_by_declarations(binary)]
}

/// Eight of them or a few less, spread evenly.
fn some_of(sources: &[String]) -> Vec<String> {
    sources.iter().step_by(sources.len().div_ceil(8).max(1)).cloned().collect()
}

/// Compares each client's objects with those of plain gcc.
#[derive(Debug, Default)]
struct Check {
    reference: BTreeMap<PathBuf, Vec<u8>>,
    different: Vec<String>,
}

impl Check {
    /// Plain gcc's objects are what they are; others' must be the same.
    fn compare(&mut self, client: &Client, objects: BTreeMap<PathBuf, Vec<u8>>, when: &str) {
        if client.name() == "gcc" {
            self.reference = objects;
            return;
        }
        let reference = std::mem::take(&mut self.reference);
        self.compare_with(&reference, client, &objects, when);
        self.reference = reference;
    }

    /// A client's objects must be the same as those.
    fn compare_with(
        &mut self,
        reference: &BTreeMap<PathBuf, Vec<u8>>,
        client: &Client,
        objects: &BTreeMap<PathBuf, Vec<u8>>,
        when: &str,
    ) {
        let names =
            reference.keys().chain(objects.keys().filter(|name| !reference.contains_key(*name)));
        let different = names.filter(|name| reference.get(*name) != objects.get(*name));
        let tell = |name: &PathBuf| {
            let name = name.file_name().unwrap_or_default().to_string_lossy();
            let text = format!("{when}: {}: {name} isn't the compiler's", client.name());
            eprintln!("{text}");
            text
        };
        let different: Vec<String> = different.map(tell).collect();
        self.different.extend(different);
    }
}

/// The order of a round's turns: everyone is first once. The reference stays first where objects are compared.
fn rotation(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| (at + round) % count)
}
