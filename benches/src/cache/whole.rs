//! A whole build with everything cached, and with nothing.

use serde::Serialize;

use super::client::Client;
use super::tree::{Build, Flags, Subset, Tree, settle};
use super::{Check, rotation};
use crate::row;
use crate::statistics::median;
use crate::table::table;

/// One client's builds.
#[derive(Clone, Debug, Serialize)]
pub struct Builds {
    /// The client, and whether the link counts.
    pub client: String,
    /// One after the other.
    pub builds: Vec<Build>,
}

/// Rebuilds from each client's full cache, beside a compiler that does nothing; without the link, and, of the
/// whole program, with it.
pub(super) fn warm(
    tree: &Tree,
    mut clients: Vec<Client>,
    flags: Flags,
    subset: &Subset,
    rounds: usize,
    check: &mut Check,
) -> Vec<Builds> {
    settle();
    for client in &clients {
        client.empty();
        let _ = tree.build(client, flags, subset, false);
        if client.caches() {
            // What the first one left is what is measured.
            let _ = tree.build(client, flags, subset, false);
        }
        check.compare(client, tree.objects(), "warm");
    }
    // Plain gcc was only there for its objects.
    clients.retain(Client::caches);
    let linked: &[bool] = if subset.is_none() { &[false, true] } else { &[false] };
    let mut turns: Vec<(&Client, bool, Builds)> = Vec::new();
    let floor = Client::nothing();
    turns.push((&floor, false, Builds::none(&floor, "")));
    for link in linked {
        let note = if *link { ", with the link" } else { "" };
        turns.extend(clients.iter().map(|client| (client, *link, Builds::none(client, note))));
    }
    take_turns(tree, turns, flags, subset, rounds, |_, _| {})
}

/// Builds from each client's empty cache.
pub(super) fn cold(
    tree: &Tree,
    clients: &[Client],
    flags: Flags,
    subset: &Subset,
    rounds: usize,
    check: &mut Check,
) -> Vec<Builds> {
    settle();
    let plain = &clients[0];
    let _ = tree.build(plain, flags, subset, false);
    check.compare(plain, tree.objects(), "cold");
    let turns = clients.iter().map(|client| (client, false, Builds::none(client, ""))).collect();
    let compare = |client: &Client, tree: &Tree| {
        check.compare(client, tree.objects(), "cold");
        client.empty();
    };
    for client in clients {
        client.empty();
    }
    take_turns(tree, turns, flags, subset, rounds, compare)
}

fn take_turns(
    tree: &Tree,
    mut turns: Vec<(&Client, bool, Builds)>,
    flags: Flags,
    subset: &Subset,
    rounds: usize,
    mut after: impl FnMut(&Client, &Tree),
) -> Vec<Builds> {
    for round in 0..rounds {
        for at in rotation(turns.len(), round) {
            let (client, link, builds) = &mut turns[at];
            builds.builds.push(tree.build(client, flags, subset, *link));
            after(client, tree);
        }
    }
    turns.into_iter().map(|(_, _, builds)| builds).collect()
}

impl Builds {
    fn none(client: &Client, note: &str) -> Self {
        Self { client: format!("{}{note}", client.name()), builds: Vec::new() }
    }

    fn median(&self, of: impl Fn(&Build) -> f64) -> f64 {
        median(&self.builds.iter().map(of).collect::<Vec<_>>())
    }
}

/// The figures as a table; ratios are to the first row.
#[must_use]
pub fn show(part: &str, all: &[Builds]) -> String {
    let mut rows = vec![row!["client", "seconds", "ratio", "CPU s", "files", "hits", "compiled"]];
    let wall = |builds: &Builds| builds.median(|build| build.wall_seconds);
    let first = all.first().map_or(f64::NAN, wall);
    rows.extend(all.iter().map(|builds| {
        let last = builds.builds.last();
        row![
            builds.client,
            format!("{:.2}", wall(builds)),
            format!("{:.2}", wall(builds) / first),
            format!("{:.2}", builds.median(|build| build.cpu_seconds)),
            last.map_or(0, |build| build.files),
            last.map_or(0, |build| build.direct + build.preprocessed),
            last.map_or(0, |build| build.compiled),
        ]
    }));
    let rounds = all.first().map_or(0, |builds| builds.builds.len());
    format!("{part}, medians of {rounds} builds\n{}", table(&rows))
}
