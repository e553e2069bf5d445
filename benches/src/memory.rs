//! The daemon's memory at rest and with hundreds of jobs in flight.

use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use farmbuild_testkit::{Distccd, ProcessTree, TestSpace};
use serde::Serialize;

use crate::board::{self, CompilerDirectory};
use crate::farmbuild::{Farmbuild, Host};
use crate::measure::memory_of;
use crate::table::table;
use crate::{row, source};

const HOSTS: usize = 100;
const SLOTS: usize = 5;
/// Bytes of each job's source.
const SOURCE: usize = 256 * 1024;
/// Jobs have to be in flight for as long as it takes to start them all.
const HOLD: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(240);

/// The daemon's resident memory, in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// After one local job, with no host in the farm.
    pub at_rest: u64,
    /// After one job, with all hosts in the farm and none busy.
    pub at_rest_with_hosts: u64,
    /// With `in_flight` jobs on the hosts.
    pub loaded: u64,
    /// The most it ever was.
    pub peak: u64,
    /// Jobs that ran on the hosts at the time of `loaded`.
    pub in_flight: u64,
    /// The bytes of source of those.
    pub source_in_flight: u64,
}

/// Runs the section.
///
/// # Panics
/// If the jobs don't all get in flight.
#[must_use]
pub fn measure(binary: &Path, board_compiler: &Path) -> Memory {
    let pace = HOLD.as_nanos() as u64 / SOURCE as u64;
    let compilers = CompilerDirectory::new(board_compiler, pace);
    let boards = board::start(HOSTS, SLOTS, &[&compilers]);
    let host = |board: &Distccd| Host {
        address: board.address(),
        ssh_config: None,
        slots: SLOTS,
        queue: Some(0),
    };
    let hosts: Vec<Host> = boards.iter().map(host).collect();

    let at_rest = resting(&Farmbuild::new(binary, &[]));
    let farmbuild = Farmbuild::new(binary, &hosts);
    let at_rest_with_hosts = resting(&farmbuild);

    let tree = TestSpace::new();
    let wanted = HOSTS * SLOTS;
    // Some more than there is room for: the local slots may take a few.
    let jobs = wanted + 20;
    let mut makefile = String::from("CC = gcc\nall:");
    for number in 0..jobs {
        tree.write(format!("{number}.i"), source::sized(number, SOURCE));
        makefile.push_str(&format!(" {number}.o"));
    }
    makefile.push_str("\n%.o: %.i\n\t@$(CC) -c -o $@ $<\n");
    tree.write("Makefile", makefile);

    let mut build = ProcessTree::spawn(
        farmbuild
            .command()
            .args(["make", &format!("-j{jobs}")])
            .current_dir(tree.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    let start = Instant::now();
    while compilers.runs() < wanted as u64 {
        assert!(build.is_running(), "the build ended by itself");
        assert!(start.elapsed() < PATIENCE, "only {} of {wanted} in flight", compilers.runs());
        thread::sleep(Duration::from_millis(100));
    }
    // Let what was needed for sending go.
    thread::sleep(Duration::from_secs(2));
    let daemon = farmbuild.daemon().expect("a running daemon");
    let memory = Memory {
        at_rest,
        at_rest_with_hosts,
        loaded: memory_of(daemon, "VmRSS"),
        peak: memory_of(daemon, "VmHWM"),
        in_flight: compilers.runs(),
        source_in_flight: compilers.runs() * SOURCE as u64,
    };
    build.kill();
    memory
}

/// The daemon's memory after one job.
fn resting(farmbuild: &Farmbuild) -> u64 {
    let space = TestSpace::new();
    space.write("a.c", source::tiny());
    let mut command = farmbuild.command();
    command.args(["cc", "gcc", "-c", "a.c"]).current_dir(space.path());
    let _ = crate::measure::run(&mut command);
    thread::sleep(Duration::from_secs(1));
    memory_of(farmbuild.daemon().expect("a running daemon"), "VmRSS")
}

/// The figures as a table.
#[must_use]
pub fn show(memory: &Memory) -> String {
    let mebibytes = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    table(&[
        row!["daemon", "MiB"],
        row!["at rest, no hosts", mebibytes(memory.at_rest)],
        row![format!("at rest, {HOSTS} hosts"), mebibytes(memory.at_rest_with_hosts)],
        row![
            format!(
                "{} jobs in flight on {HOSTS} hosts ({} MiB of source)",
                memory.in_flight,
                memory.source_in_flight >> 20
            ),
            mebibytes(memory.loaded)
        ],
        row!["peak", mebibytes(memory.peak)],
    ])
}
