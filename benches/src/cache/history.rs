//! Commit after commit of haproxy built in one directory, as someone does who bisects: from a clean tree each time.
//!
//! haproxy gives the commit and its date to every compile by `-D`, so a cache that goes by the command line alone
//! finds nothing.

use std::path::Path;
use std::process::Command;

use serde::Serialize;

use super::client::Client;
use super::tree::{Build, Flags, HOW, RELEASE, Subset, Tree, settle};
use super::{Check, rotation};
use crate::row;
use crate::table::table;

/// The part's figures for one kind of debug info.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    /// With `-g`.
    pub debug: bool,
    /// The commits, after the one that fills the caches.
    pub commits: Vec<String>,
    /// Each client's builds: that one's, then one for each commit.
    pub clients: Vec<(String, Vec<Build>)>,
}

/// Consecutive commits.
pub(super) struct Series {
    /// The one before, which fills the caches.
    pub(super) before: String,
    /// Oldest first.
    pub(super) commits: Vec<String>,
}

impl Series {
    /// The one before, and then each.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.before).chain(&self.commits).map(String::as_str)
    }
}

/// The commits after the release, without the first `skipped`.
///
/// # Errors
/// If there aren't as many.
pub(super) fn series(git: &Path, skipped: usize, count: usize) -> Result<Series, String> {
    let mut list = Command::new("git");
    list.arg("-C").arg(git).args(["rev-list", "--reverse", "--first-parent"]);
    let output = list.arg(format!("{RELEASE}..HEAD")).output().map_err(|e| format!("git: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let wanted = skipped.saturating_add(count);
    let mut all = std::iter::once(RELEASE).chain(text.lines()).map(str::to_owned).skip(skipped);
    let before = all.next();
    let commits: Vec<String> = all.take(count).collect();
    match before {
        Some(before) if commits.len() == count => Ok(Series { before, commits }),
        _ => {
            let (found, place) = (text.lines().count(), git.display());
            Err(format!("{found} instead of {wanted} commits after {RELEASE} in {place}{HOW}"))
        }
    }
}

/// Builds each commit of a series.
pub(super) fn measure(
    tree: &Tree,
    clients: &[Client],
    flags: Flags,
    subset: &Subset,
    series: &Series,
    check: &mut Check,
) -> History {
    for client in clients {
        client.empty();
    }
    let mut builds = vec![Vec::new(); clients.len()];
    for (round, commit) in series.all().enumerate() {
        tree.check_out(commit);
        settle();
        // The reference first, then the others in turns.
        for at in std::iter::once(0).chain(rotation(clients.len() - 1, round).map(|at| at + 1)) {
            builds[at].push(tree.build(&clients[at], flags, subset, false));
            check.compare(&clients[at], tree.objects(), &format!("history, {commit}"));
        }
    }
    tree.check_out(RELEASE);
    let names = clients.iter().map(|client| client.name().to_owned());
    let clients = names.zip(builds).collect();
    History { debug: flags.debug, commits: series.commits.clone(), clients }
}

/// The sums over all commits as a table, without the build that filled the caches.
#[must_use]
pub fn show(history: &History) -> String {
    let mut rows =
        vec![row!["client", "files", "direct", "preprocessed", "compiled", "seconds", "CPU s"]];
    rows.extend(history.clients.iter().map(|(name, builds)| {
        let total = Build::total(builds.get(1..).unwrap_or_default());
        row![
            name,
            total.files,
            total.direct,
            total.preprocessed,
            total.compiled,
            format!("{:.1}", total.wall_seconds),
            format!("{:.1}", total.cpu_seconds),
        ]
    }));
    let debug = if history.debug { "-g" } else { "no debug info" };
    let count = history.commits.len();
    format!("cache-history, {count} commits, {debug}\n{}", table(&rows))
}
