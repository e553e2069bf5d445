//! What one hit costs: wall time and CPU, the server's included, beside starting a program that does nothing.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use super::client::Client;
use super::counts::Counts;
use super::tree::{Flags, Tree, settle};
use super::{Check, rotation};
use crate::measure::{Usage, run};
use crate::row;
use crate::source;
use crate::statistics::{mean, median};
use crate::table::table;

/// One client's figures for one source, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// The source's name.
    pub source: &'static str,
    /// The client, and the way it found the result.
    pub client: String,
    /// Wall time, median.
    pub wall_ms: f64,
    /// Wall time above that of `true` in the same turn, median.
    pub over_true_ms: f64,
    /// CPU of the process that stands where the compiler stood, mean.
    pub wrapper_cpu_ms: f64,
    /// CPU of the client's server, mean; zero without one.
    pub server_cpu_ms: f64,
}

/// Plain gcc's turns: it is only there to show what a hit saves.
const COMPILES: usize = 5;

/// One who takes turns.
struct Turn<'a> {
    name: String,
    command: Command,
    client: Option<&'a Client>,
    most: usize,
}

/// Runs the part.
pub(super) fn measure(
    tree: &Tree,
    clients: &[Client],
    turns: usize,
    check: &mut Check,
) -> Vec<Cost> {
    tree.write("tiny.c", &source::tiny());
    let tiny = ["gcc", "-O2", "-g", "-c", "-o", "src/tiny.o", "tiny.c"].map(str::to_owned).to_vec();
    let real = tree.compile_of("src/cfgparse.c", Flags { unoptimized: false, debug: true });
    settle();
    // As after `make clean`, or after `touch`.
    let sources = [
        ("one line", &tiny, Some("src/tiny.o")),
        ("one line, object there", &tiny, None),
        ("cfgparse.c", &real, Some("src/cfgparse.o")),
        ("cfgparse.c, object there", &real, None),
    ];
    for client in clients {
        client.empty();
    }
    let costs = sources.iter().flat_map(|(name, words, gone)| {
        take_turns(tree, name, words, *gone, clients, turns, check)
    });
    costs.collect()
}

fn take_turns(
    tree: &Tree,
    source: &'static str,
    words: &[String],
    gone: Option<&str>,
    clients: &[Client],
    turns: usize,
    check: &mut Check,
) -> Vec<Cost> {
    let in_tree = |mut command: Command| {
        command.current_dir(tree.path());
        command
    };
    for client in clients {
        for _ in 0..3 {
            let _ = run(&mut in_tree(client.compile(words)));
            if !client.caches() {
                break;
            }
        }
        check.compare(client, tree.objects(), &format!("hit, {source}"));
    }
    let mut all = vec![Turn::new("true", Command::new("true"), None, turns)];
    for client in clients {
        let most = if client.caches() { turns } else { turns.min(COMPILES) };
        let command = in_tree(client.compile(words));
        all.push(Turn::new(client.name(), command, Some(client), most));
        if client.name() == "ccache" {
            let mut command = in_tree(client.compile(words));
            command.env("CCACHE_NODIRECT", "1");
            all.push(Turn::new("ccache, preprocessed", command, Some(client), turns));
        }
    }
    let before: Vec<_> = all.iter().map(Turn::so_far).collect();
    let mut used: Vec<Vec<Usage>> = vec![Vec::new(); all.len()];
    for round in 0..turns {
        for at in rotation(all.len(), round) {
            if round < all[at].most {
                if let Some(object) = gone {
                    let _ = fs::remove_file(tree.path().join(object));
                }
                used[at].push(run(&mut all[at].command));
            }
        }
    }
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let costs = all.iter().zip(&used).zip(before).map(|((turn, runs), (counts, server))| {
        let (after, server_after) = turn.so_far();
        let counts = after.since(counts);
        // ccache's two ways share its statistics.
        if turn.client.is_some_and(Client::caches) && counts.compiled > 0 {
            eprintln!("{source}, {}: not only hits: {counts:?}", turn.name);
        }
        let walls: Vec<f64> = runs.iter().map(|usage| millis(usage.wall)).collect();
        let over: Vec<f64> =
            walls.iter().zip(&used[0]).map(|(own, floor)| own - millis(floor.wall)).collect();
        let cpus: Vec<f64> = runs.iter().map(|usage| millis(usage.cpu)).collect();
        Cost {
            source,
            client: turn.name.clone(),
            wall_ms: median(&walls),
            over_true_ms: median(&over),
            wrapper_cpu_ms: mean(&cpus),
            server_cpu_ms: millis(server_after.saturating_sub(server)) / runs.len() as f64,
        }
    });
    costs.collect()
}

impl<'a> Turn<'a> {
    fn new(name: &str, command: Command, client: Option<&'a Client>, most: usize) -> Self {
        Self { name: name.to_owned(), command, client, most }
    }

    fn so_far(&self) -> (Counts, Duration) {
        self.client.map_or_else(Default::default, |c| (c.counts(), c.server_cpu()))
    }
}

/// The figures as a table.
#[must_use]
pub fn show(costs: &[Cost]) -> String {
    let mut rows =
        vec![row!["source, client", "wall ms", "over true ms", "wrapper CPU ms", "server CPU ms"]];
    rows.extend(costs.iter().map(|cost| {
        row![
            format!("{}, {}", cost.source, cost.client),
            format!("{:.2}", cost.wall_ms),
            format!("{:+.2}", cost.over_true_ms),
            format!("{:.2}", cost.wrapper_cpu_ms),
            format!("{:.2}", cost.server_cpu_ms),
        ]
    }));
    format!("cache-hit\n{}", table(&rows))
}
