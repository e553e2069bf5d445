//! Bytes on the wire for a first and a second build of a tree over ssh: what a board has been sent doesn't travel again.
//!
//! The cache is off, so that every job runs again. Figures are the daemon's own counters.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use farmbuild_testkit::{Sshd, TestSpace, trees};
use serde::Serialize;

use crate::farmbuild::{Farmbuild, Host};
use crate::measure::run;
use crate::row;
use crate::source;
use crate::table::table;

/// Sources of the small tree.
const FEW: usize = 24;

/// One build of the tree.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Build {
    /// Jobs that the board compiled.
    pub remote: u64,
    /// Bytes sent to it.
    pub sent: u64,
    /// Bytes that it sent.
    pub received: u64,
}

/// The section's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was built.
    pub tree: &'static str,
    /// Its builds, in order.
    pub builds: Vec<Build>,
}

/// Builds a tree twice over one board: haproxy, or a small one.
///
/// # Panics
/// If a build fails.
#[must_use]
pub fn measure(binary: &Path, quick: bool) -> Report {
    let sshd = Sshd::start();
    let config = Some(sshd.client_config());
    let host = Host { address: sshd.destination(), ssh_config: config, slots: 4, queue: None };
    let farmbuild = Farmbuild::new(binary, &[host]);
    let space = TestSpace::new();
    let tree = if quick { "24 sources of 10 kLOC" } else { "haproxy" };
    let directory = space.join("tree");
    let build = || {
        // In the same place: its name shows in sources that say where they are.
        drop(fs::remove_dir_all(&directory));
        prepare(quick, &directory);
        let before = counted(&farmbuild);
        make(&farmbuild, &directory, quick);
        let after = counted(&farmbuild);
        Build {
            remote: after.remote - before.remote,
            sent: after.sent - before.sent,
            received: after.received - before.received,
        }
    };
    // Some of a first build's jobs stay at home while the board is vetted, so it is compared with none: it is the one after
    // it that finds an empty store.
    build();
    empty_stores(&sshd.home().join(".cache/farmbuild-board"));
    let builds = [build(), build()];
    Report { tree, builds: builds.to_vec() }
}

fn empty_stores(board: &Path) {
    let list = |directory: &Path| fs::read_dir(directory).expect("the board's directory").flatten();
    let is_store = |name: &OsStr| name.as_encoded_bytes().starts_with(b"c-");
    for store in list(board).filter(|entry| is_store(&entry.file_name())) {
        list(&store.path()).for_each(|entry| fs::remove_file(entry.path()).expect("an entry"));
    }
}

fn prepare(quick: bool, directory: &Path) {
    fs::create_dir(directory).expect("a directory in our own");
    if !quick {
        return trees::copy(&trees::haproxy(), directory);
    }
    let text = source::ten_thousand_lines();
    let objects: Vec<_> = (0..FEW).map(|number| format!("f{number}.o")).collect();
    let rule = "%.o: %.c\n\tgcc -O1 -c -o $@ $<\n";
    let makefile = format!("all: {}\n{rule}", objects.join(" "));
    fs::write(directory.join("Makefile"), makefile).expect("our own file");
    for number in 0..FEW {
        let text = format!("static const int number = {number};\n{text}");
        fs::write(directory.join(format!("f{number}.c")), text).expect("our own file");
    }
}

fn make(farmbuild: &Farmbuild, directory: &Path, quick: bool) {
    let mut command: Command = farmbuild.command();
    command.args(["make", "-j12"]).current_dir(directory);
    if !quick {
        command.arg("TARGET=linux-glibc");
    }
    // What counts is what went over the wire.
    let _ = run(&mut command);
}

fn counted(farmbuild: &Farmbuild) -> Build {
    let stats = farmbuild.stats();
    let number = |pointer: &str| {
        stats.pointer(pointer).and_then(serde_json::Value::as_u64).unwrap_or_default()
    };
    Build {
        remote: number("/jobs/remote/board0"),
        sent: number("/bytes/hosts/board0/sent"),
        received: number("/bytes/hosts/board0/received"),
    }
}

/// The figures as a table; shares are of the first build.
#[must_use]
pub fn show(report: &Report) -> String {
    let mut rows = vec![row!["build", "remote jobs", "bytes sent", "share", "received"]];
    let first = report.builds.first().map_or(f64::NAN, |build| build.sent as f64);
    for (number, build) in report.builds.iter().enumerate() {
        rows.push(row![
            number + 1,
            build.remote,
            build.sent,
            format!("{:.1} %", 100.0 * build.sent as f64 / first),
            build.received,
        ]);
    }
    format!("{}\n{}", report.tree, table(&rows))
}
