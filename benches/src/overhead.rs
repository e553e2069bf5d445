//! What one job costs above the compiler itself: wall time, and CPU on the client's machine.
//!
//! All clients take turns, so that a machine that changes its pace changes it for all of them, and the difference
//! to plain gcc is taken turn by turn before its median.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use farmbuild_testkit::{Distccd, TestSpace};
use serde::Serialize;

use crate::farmbuild::{Farmbuild, Host, without_foreign_settings};
use crate::measure::{Usage, run};
use crate::statistics::{mean, median};
use crate::table::table;
use crate::{row, source};

/// One client's figures for one source, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// The source's name.
    pub source: &'static str,
    /// The client.
    pub client: &'static str,
    /// Wall time, median.
    pub wall_ms: f64,
    /// Wall time above plain gcc's of the same turn, median.
    pub over_gcc_ms: f64,
    /// CPU of the process that stands where the compiler stood, and of those it waited for, mean.
    pub wrapper_cpu_ms: f64,
    /// CPU of the client's daemon and its children, mean; zero without one.
    pub daemon_cpu_ms: f64,
}

impl Cost {
    /// All that the client's machine spends on the job. (What a server on loopback spends isn't in it.)
    #[must_use]
    pub fn client_cpu_ms(&self) -> f64 {
        self.wrapper_cpu_ms + self.daemon_cpu_ms
    }
}

/// Who compiles.
pub(crate) enum Client {
    Gcc,
    Distcc {
        name: &'static str,
        hosts: String,
        ssh: Option<PathBuf>,
        directory: TestSpace,
    },
    Farmbuild {
        name: &'static str,
        farmbuild: Farmbuild,
    },
    /// A script that takes gcc's arguments.
    Script {
        name: &'static str,
        script: PathBuf,
    },
}

impl Client {
    fn name(&self) -> &'static str {
        match self {
            Self::Gcc => "gcc",
            Self::Distcc { name, .. }
            | Self::Farmbuild { name, .. }
            | Self::Script { name, .. } => name,
        }
    }

    fn compile(&self, source: &Path, object: &Path) -> Command {
        let mut command = match self {
            Self::Gcc => Command::new("gcc"),
            Self::Script { script, .. } => Command::new(script),
            Self::Distcc { hosts, ssh, directory, .. } => {
                let mut command = Command::new("distcc");
                without_foreign_settings(&mut command)
                    .arg("gcc")
                    .env("DISTCC_HOSTS", hosts)
                    .env("DISTCC_DIR", directory.path())
                    .env("DISTCC_FALLBACK", "0")
                    .env("DISTCC_SKIP_LOCAL_RETRY", "1");
                if let Some(ssh) = ssh {
                    command.env("DISTCC_SSH", ssh);
                }
                command
            }
            Self::Farmbuild { farmbuild, .. } => {
                let mut command = farmbuild.command();
                command.args(["cc", "gcc"]).env("FARMBUILD_FALLBACK", "0");
                command
            }
        };

        command.arg("-c").arg(source).arg("-o").arg(object);
        command
    }

    fn daemon_cpu(&self) -> Duration {
        match self {
            Self::Farmbuild { farmbuild, .. } => farmbuild.daemon_cpu(),
            _ => Duration::ZERO,
        }
    }
}

/// Runs the section: `turns` turns of every client for each source.
///
/// # Panics
/// If a client fails, or farmbuild's object differs from gcc's, or a remote job stayed at home.
#[must_use]
pub fn measure(binary: Option<&Path>, turns: usize) -> Vec<Cost> {
    let server = Distccd::builder().jobs(4).start();
    let mut clients = vec![
        Client::Gcc,
        Client::Distcc {
            name: "distcc, remote",
            hosts: format!("{},lzo", server.address()),
            ssh: None,
            directory: TestSpace::new(),
        },
    ];
    if let Some(binary) = binary {
        let host = Host { address: server.address(), ssh_config: None, slots: 4, queue: None };
        let one = Farmbuild::new(binary, &[]);
        let other = Farmbuild::new(binary, &[host]);
        clients.push(Client::Farmbuild { name: "farmbuild, local", farmbuild: one });
        clients.push(Client::Farmbuild { name: "farmbuild, remote", farmbuild: other });
    }
    let sources = [("one line", source::tiny()), ("10 kLOC", source::ten_thousand_lines())];
    let costs = sources.iter().flat_map(|(name, text)| take_turns(name, text, &clients, turns));
    let costs = costs.collect();
    if let Some(client) = clients.last() {
        were_remote(client, sources.len() * (turns + WARM_UP));
    }
    costs
}

/// Every job of a client of farmbuild's must have been remote.
pub(crate) fn were_remote(client: &Client, jobs: usize) {
    if let Client::Farmbuild { farmbuild, .. } = client {
        let stats = farmbuild.stats();
        let remote = stats.pointer("/jobs/remote/board0").and_then(serde_json::Value::as_u64);
        assert!(remote >= Some(jobs as u64), "of {jobs} jobs not all were remote: {stats:#}");
    }
}

/// Turns that aren't counted: they start daemons and fill caches.
const WARM_UP: usize = 2;

pub(crate) fn take_turns(
    name: &'static str,
    text: &str,
    clients: &[Client],
    turns: usize,
) -> Vec<Cost> {
    let space = TestSpace::new();
    let source = space.write("source.c", text);
    let objects: Vec<_> =
        (0..clients.len()).map(|number| space.join(format!("{number}.o"))).collect();
    for _ in 0..WARM_UP {
        for (client, object) in clients.iter().zip(&objects) {
            let _ = run(&mut client.compile(&source, object));
        }
    }
    for (client, object) in clients.iter().zip(&objects) {
        let same = fs::read(object).expect("an object") == space.read("0.o");
        assert!(same, "{}: another object than gcc's", client.name());
    }
    let daemons: Vec<Duration> = clients.iter().map(Client::daemon_cpu).collect();
    let mut used: Vec<Vec<Usage>> = vec![Vec::new(); clients.len()];
    for turn in 0..turns {
        for at in (0..clients.len()).map(|at| (at + turn) % clients.len()) {
            used[at].push(run(&mut clients[at].compile(&source, &objects[at])));
        }
    }
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let costs = clients.iter().zip(&used).zip(daemons).map(|((client, runs), daemon)| {
        let walls: Vec<f64> = runs.iter().map(|usage| millis(usage.wall)).collect();
        let over: Vec<f64> = runs
            .iter()
            .zip(&used[0])
            .map(|(own, gcc)| millis(own.wall) - millis(gcc.wall))
            .collect();
        let cpus: Vec<f64> = runs.iter().map(|usage| millis(usage.cpu)).collect();
        Cost {
            source: name,
            client: client.name(),
            wall_ms: median(&walls),
            over_gcc_ms: median(&over),
            wrapper_cpu_ms: mean(&cpus),
            daemon_cpu_ms: millis(client.daemon_cpu() - daemon) / turns as f64,
        }
    });
    costs.collect()
}

/// The figures as a table; the last column compares client CPU with distcc's for the same source.
#[must_use]
pub fn show(costs: &[Cost]) -> String {
    let mut rows = vec![row![
        "source, client",
        "wall ms",
        "over gcc ms",
        "wrapper CPU ms",
        "daemon CPU ms",
        "CPU/distcc"
    ]];
    for cost in costs {
        let distcc = costs.iter().find(|c| c.source == cost.source && c.client.contains("distcc"));
        let ratio = distcc.map_or(f64::NAN, |d| cost.client_cpu_ms() / d.client_cpu_ms());
        rows.push(row![
            format!("{}, {}", cost.source, cost.client),
            format!("{:.2}", cost.wall_ms),
            format!("{:+.2}", cost.over_gcc_ms),
            format!("{:.2}", cost.wrapper_cpu_ms),
            format!("{:.2}", cost.daemon_cpu_ms),
            format!("{ratio:.2}"),
        ]);
    }
    table(&rows)
}
