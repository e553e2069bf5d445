//! How precise the declaration tier is: one step of a tree's history after the other beside ccache, from a clean tree each
//! time, and of what ccache compiles, how much gave the object that was there before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::client::{Client, Explained};
use super::history::Series;
use super::tree::{Build, Flags, Subset, Tree, settle};
use super::{Check, rotation};
use crate::row;
use crate::table::table;

/// The figures of one series.
#[derive(Clone, Debug, Serialize)]
pub struct Precision {
    /// What was built, and how.
    pub what: String,
    /// The commits or changes, after what fills the caches.
    pub steps: Vec<String>,
    /// Each client's builds: the one that fills its cache, then one for each step. The first is the one to compare with.
    pub clients: Vec<(String, Vec<Build>)>,
    /// How many objects weren't what the step before had, for each step.
    pub changed: Vec<u64>,
    /// What the last client compiled though the object didn't change.
    pub rest: Vec<Rest>,
}

/// A compile that gave the object that was there before.
#[derive(Clone, Debug, Serialize)]
pub struct Rest {
    /// The commit or change.
    pub step: String,
    /// The source.
    pub source: String,
    /// Why it was compiled, in the client's own words.
    pub why: Vec<String>,
}

impl Precision {
    /// How many of a client's compiles, after the first, gave the object that was there before.
    #[must_use]
    pub fn in_vain(&self, builds: &[Build]) -> u64 {
        let compiled = Build::total(builds.get(1..).unwrap_or_default()).compiled;
        compiled.saturating_sub(self.changed.iter().sum())
    }
}

/// What is built one after the other: the first one fills the caches.
pub(super) trait Steps {
    /// How many, the first one included.
    fn count(&self) -> usize;

    /// Makes the tree that of a step; its name.
    fn go(&mut self, step: usize) -> String;

    /// Builds it from its sources.
    fn build(&self, client: &Client) -> Build;

    /// What the build made.
    fn objects(&self) -> Objects;
}

/// haproxy's commits.
pub(super) struct Commits<'a> {
    pub(super) tree: &'a Tree,
    pub(super) flags: Flags,
    pub(super) subset: &'a Subset,
    pub(super) series: &'a Series,
}

impl Steps for Commits<'_> {
    fn count(&self) -> usize {
        self.series.commits.len() + 1
    }

    fn go(&mut self, step: usize) -> String {
        let commit = self.series.all().nth(step).expect("a step of the series");
        self.tree.check_out(commit);
        settle();
        commit.to_owned()
    }

    fn build(&self, client: &Client) -> Build {
        self.tree.build(client, self.flags, self.subset, false)
    }

    fn objects(&self) -> Objects {
        self.tree.objects()
    }
}

/// Builds each step with the client to compare with, and with the other one, which is asked for its reasons.
pub(super) fn measure(
    what: &str,
    steps: &mut dyn Steps,
    clients: &[Client; 2],
    check: &mut Check,
) -> Precision {
    for client in clients {
        client.empty();
    }
    let mut builds = vec![Vec::new(); clients.len()];
    let (mut changed, mut rest) = (Vec::new(), Vec::new());
    let mut before: Objects = Objects::new();
    let mut names = Vec::new();
    let last = steps.count() - 1;
    for round in 0..=last {
        let name = steps.go(round);
        let mut made = [Objects::new(), Objects::new()];
        for at in rotation(clients.len(), round) {
            builds[at].push(steps.build(&clients[at]));
            made[at] = steps.objects();
        }
        let [first, second] = made;
        check.compare_with(&first, &clients[1], &second, &format!("{what}, {name}"));
        if round > 0 {
            let same = |object: &Path| before.get(object) == first.get(object);
            changed.push(first.keys().filter(|object| !same(object)).count() as u64);
            let kept = first.keys().filter(|object| same(object));
            rest.extend(kept.filter_map(|object| compiled(&clients[1], object, &name)));
        }
        before = first;
        let [one, other] = [0, 1].map(|at| builds[at].last().map_or(0, |build| build.compiled));
        let changed = changed.last().map_or(before.len() as u64, |changed| *changed);
        eprintln!("{round}/{last}: {name}: {changed} objects changed, compiled {one} and {other}");
        names.push(name);
    }
    let clients = clients.iter().map(|client| client.name().to_owned()).zip(builds).collect();
    Precision { what: what.to_owned(), steps: names.split_off(1), clients, changed, rest }
}

/// Objects by their names.
pub(super) type Objects = BTreeMap<PathBuf, Vec<u8>>;

/// Why the client compiled the source of an object, if it did.
fn compiled(client: &Client, object: &Path, step: &str) -> Option<Rest> {
    let source = object.with_extension("c");
    let Explained { tier: None, changes } = client.why(&source)? else { return None };
    let source = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Some(Rest { step: step.to_owned(), source, why: changes })
}

/// The sums over all steps, without the build that filled the caches, and what the rest is.
#[must_use]
pub fn show(precision: &Precision) -> String {
    let mut rows = vec![row!["client", "files", "compiled", "in vain", "read", "seconds", "CPU s"]];
    rows.extend(precision.clients.iter().map(|(name, builds)| {
        let total = Build::total(builds.get(1..).unwrap_or_default());
        row![
            name,
            total.files,
            total.compiled,
            precision.in_vain(builds),
            total.read,
            format!("{:.1}", total.wall_seconds),
            format!("{:.1}", total.cpu_seconds),
        ]
    }));
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for rest in &precision.rest {
        *reasons.entry(class(&rest.why)).or_default() += 1;
    }
    let mut why = vec![row!["of the second one's, in vain", "compiles"]];
    why.extend(reasons.into_iter().map(|(reason, count)| row![reason, count]));
    let vain: Vec<u64> = precision.clients.iter().map(|it| precision.in_vain(&it.1)).collect();
    let avoided = match vain.as_slice() {
        [first, second] if *first > 0 => {
            format!("{:.1} % avoided", 100.0 * (1.0 - *second as f64 / *first as f64))
        }
        _ => "nothing was compiled in vain".to_owned(),
    };
    let (what, count) = (&precision.what, precision.steps.len());
    let changed: u64 = precision.changed.iter().sum();
    format!(
        "{what}, {count} steps: {changed} objects changed; {avoided}\n{}\n{}",
        table(&rows),
        table(&why)
    )
}

/// A reason without its names and numbers: the last one given is the last tier's.
fn class(why: &[String]) -> String {
    let last = why.last().map_or("no reason given", String::as_str);
    let quoted =
        last.split('`').enumerate().map(|(at, part)| if at % 2 == 1 { "..." } else { part });
    let plain: String = quoted.collect();
    let digits = |it: &char| !it.is_ascii_digit();
    plain.chars().filter(digits).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart_without_names_and_numbers() {
        let why = |text: &str| class(&["the text".to_owned(), text.to_owned()]);
        assert_eq!(why("`struct a` changed, used by `b`"), "... changed, used by ...");
        assert_eq!(why("12 declarations are new"), why("3 declarations are new"));
        assert_eq!(class(&[]), "no reason given");
    }
}
