//! How long a whole build takes on ten boards of two speeds, by who schedules it.
//!
//! Each board is stock distccd; its compiler sleeps in proportion to what it is sent. The sources are already
//! preprocessed and have the sizes of haproxy's, so every client sends the same bytes to the same boards, and only
//! the order and the places differ. Local CPU plays no part but for sending.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher;
use std::path::Path;
use std::process::Command;

use farmbuild_testkit::{Distccd, Haproxy, TestSpace};
use serde::Serialize;

use crate::board::{self, CompilerDirectory};
use crate::farmbuild::{Farmbuild, Host, without_foreign_settings};
use crate::measure::run;
use crate::statistics::median;
use crate::table::table;
use crate::{row, source};

/// Bytes of preprocessed source of haproxy's translation units, in the order that make starts them.
const SIZES: &str = include_str!("../haproxy-3.2.0.sizes");

const BOARDS: usize = 10;
const SLOTS: usize = 4;
const IN_FLIGHT: usize = 60;

/// How large the section is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// What a job takes on a slow board, on average over all jobs, in seconds.
    pub mean_seconds: f64,
    /// Sources have haproxy's sizes divided by this.
    pub shrink: usize,
    /// How often each client builds.
    pub rounds: usize,
}

/// The section's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Makespan {
    /// How many jobs a build has.
    pub jobs: usize,
    /// The lower bound in seconds: the work over the boards' speed, or the longest job on the fastest slot.
    pub bound_seconds: f64,
    /// Each client's builds.
    pub clients: Vec<Builds>,
}

/// One client's builds.
#[derive(Clone, Debug, Serialize)]
pub struct Builds {
    /// The client.
    pub client: String,
    /// Seconds, one build after the other. farmbuild's first one starts its daemon and checks the boards.
    pub seconds: Vec<f64>,
    /// CPU seconds of each build on the client's machine, farmbuild's daemon included.
    pub cpu_seconds: Vec<f64>,
    /// Jobs that ran on this machine instead of a board, in all builds.
    pub at_home: u64,
}

/// Who builds.
enum Client {
    Distcc { name: String, hosts: String },
    Farmbuild(Farmbuild),
}

/// Runs the section.
///
/// # Panics
/// If a build fails, or two clients' objects differ.
#[must_use]
pub fn measure(
    binary: Option<&Path>,
    board_compiler: &Path,
    scale: Scale,
    with_peers: bool,
) -> Makespan {
    let sizes: Vec<usize> = haproxy_sizes().iter().map(|size| size / scale.shrink).collect();
    let tree = write_tree(&sizes);
    let total: usize = sizes.iter().sum();
    let pace = scale.mean_seconds * sizes.len() as f64 / total as f64;
    let compilers =
        |speed: f64| CompilerDirectory::new(board_compiler, (pace / speed * 1e9) as u64);
    let (home, slow, fast) = (compilers(1.0), compilers(1.0), compilers(2.0));
    let boards = board::start(BOARDS, SLOTS, &[&slow, &fast]);
    let limits: &[usize] = if with_peers { &[4, 8] } else { &[] };
    let proxy = |&most| (most, Haproxy::start(boards.iter().map(Distccd::port), most));
    let proxies: Vec<_> = limits.iter().map(proxy).collect();

    let mut clients: Vec<Client> = limits.iter().map(|limit| distcc(&boards, *limit)).collect();
    clients.extend(proxies.iter().map(|(most, proxy)| Client::Distcc {
        name: format!("distcc, haproxy leastconn maxconn {most}"),
        hosts: format!("{}/{IN_FLIGHT},lzo", proxy.address()),
    }));
    clients.extend(binary.map(|binary| {
        let host = |board: &Distccd| Host {
            address: board.address(),
            ssh_config: None,
            slots: SLOTS,
            queue: None,
        };
        Client::Farmbuild(Farmbuild::new(binary, &boards.iter().map(host).collect::<Vec<_>>()))
    }));

    let mut results: Vec<Builds> = clients.iter().map(Builds::none).collect();
    let mut objects = None;
    for _ in 0..scale.rounds {
        for (client, builds) in clients.iter().zip(&mut results) {
            let before = home.runs();
            build(client, &tree, &home, builds);
            builds.at_home += home.runs() - before;
            let sum = digest_of_objects(&tree, sizes.len());
            assert_eq!(*objects.get_or_insert(sum), sum, "{}: other objects", builds.client);
        }
    }
    Makespan { jobs: sizes.len(), bound_seconds: bound(&sizes, pace), clients: results }
}

impl Builds {
    fn none(client: &Client) -> Self {
        let client = match client {
            Client::Distcc { name, .. } => name.clone(),
            Client::Farmbuild(_) => "farmbuild".to_owned(),
        };
        Self { client, seconds: Vec::new(), cpu_seconds: Vec::new(), at_home: 0 }
    }
}

fn haproxy_sizes() -> Vec<usize> {
    let lines = SIZES.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')?.0.parse().ok()).collect()
}

fn write_tree(sizes: &[usize]) -> TestSpace {
    let tree = TestSpace::new();
    for (number, size) in sizes.iter().enumerate() {
        tree.write(format!("{number}.i"), source::sized(number, *size));
    }
    let objects: Vec<String> = (0..sizes.len()).map(|number| format!("{number}.o")).collect();
    tree.write(
        "Makefile",
        format!("CC = gcc\nall: {}\n%.o: %.i\n\t@$(CC) -c -o $@ $<\n", objects.join(" ")),
    );
    tree
}

fn distcc(boards: &[Distccd], limit: usize) -> Client {
    let hosts: Vec<String> =
        boards.iter().map(|board| format!("{}/{limit},lzo", board.address())).collect();
    Client::Distcc { name: format!("distcc, /{limit} a board"), hosts: hosts.join(" ") }
}

fn build(client: &Client, tree: &TestSpace, home: &CompilerDirectory, builds: &mut Builds) {
    for name in tree.names().iter().filter(|name| name.ends_with(".o")) {
        fs::remove_file(tree.join(name)).expect("our own file");
    }
    let jobs = format!("-j{IN_FLIGHT}");
    let usual = std::env::var("PATH").unwrap_or_default();
    // The daemon of an earlier build has used CPU already.
    let mut daemon_before = 0.0;
    // Locks and times of hosts that were down aren't carried from build to build.
    let distcc_directory = TestSpace::new();
    let mut command = match client {
        Client::Distcc { hosts, .. } => {
            let mut command = Command::new("make");
            without_foreign_settings(&mut command)
                .args([&jobs, "CC=distcc gcc"])
                .env("DISTCC_HOSTS", hosts)
                .env("DISTCC_DIR", distcc_directory.path())
                .env("DISTCC_FALLBACK", "0")
                .env("DISTCC_SKIP_LOCAL_RETRY", "1");
            command
        }
        Client::Farmbuild(farmbuild) => {
            daemon_before =
                farmbuild.daemon().map_or(0.0, |_| farmbuild.daemon_cpu().as_secs_f64());
            let mut command = farmbuild.command();
            command.args(["make", &jobs]);
            command
        }
    };
    command.current_dir(tree.path()).env("PATH", format!("{}:{usual}", home.path().display()));
    let used = run(&mut command);
    let daemon = match client {
        Client::Farmbuild(farmbuild) => farmbuild.daemon_cpu().as_secs_f64() - daemon_before,
        Client::Distcc { .. } => 0.0,
    };
    builds.seconds.push(used.wall.as_secs_f64());
    builds.cpu_seconds.push(used.cpu.as_secs_f64() + daemon);
}

fn digest_of_objects(tree: &TestSpace, count: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    for number in 0..count {
        hasher.write(&tree.read(format!("{number}.o")));
    }
    hasher.finish()
}

/// No schedule of the boards is faster. `pace` is the seconds that a byte takes at speed 1.
fn bound(sizes: &[usize], pace: f64) -> f64 {
    let speeds = (0..BOARDS).map(|board| if board % 2 == 0 { 1.0 } else { 2.0 });
    let total_speed = speeds.sum::<f64>() * SLOTS as f64;
    let work = sizes.iter().sum::<usize>() as f64 * pace;
    let longest = sizes.iter().max().copied().unwrap_or(0) as f64 * pace;
    f64::max(work / total_speed, longest / 2.0)
}

/// The figures as a table.
#[must_use]
pub fn show(makespan: &Makespan) -> String {
    let mut rows = vec![row!["client", "seconds", "median", "/ bound", "client CPU s", "at home"]];
    for builds in &makespan.clients {
        let all: Vec<String> = builds.seconds.iter().map(|s| format!("{s:.2}")).collect();
        let middle = median(&builds.seconds);
        rows.push(row![
            builds.client,
            all.join(" "),
            format!("{middle:.2}"),
            format!("{:.2}", middle / makespan.bound_seconds),
            format!("{:.2}", median(&builds.cpu_seconds)),
            builds.at_home,
        ]);
    }
    format!(
        "{} jobs, {BOARDS} boards with {SLOTS} slots, speeds 1x and 2x, {IN_FLIGHT} in flight; lower bound {:.2} s\n{}",
        makespan.jobs,
        makespan.bound_seconds,
        table(&rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_sizes_is_whole() {
        assert_eq!(haproxy_sizes().len(), 165);
        assert!(haproxy_sizes().iter().all(|size| *size > 1000));
    }

    #[test]
    fn the_bound_is_the_work_over_all_speed_or_the_longest_job() {
        // Ten boards of four slots, half of them twice as fast: 60 seconds of work a second.
        assert!((bound(&[10; 600], 1.0) - 100.0).abs() < 1e-9);
        assert!((bound(&[10, 90], 1.0) - 45.0).abs() < 1e-9);
    }
}
