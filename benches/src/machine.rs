//! The machine and the peers that a result was measured with.

use std::fs;
use std::process::Command;
use std::thread;

use serde::Serialize;

/// What a reader has to know to compare figures.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor, as the kernel names it.
    pub processor: String,
    /// How many cores there are to use.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The first line that each program prints about its version.
    pub versions: Vec<String>,
}

impl Machine {
    /// This one. `farmbuild` is the binary under test, where there is one.
    #[must_use]
    pub fn here(farmbuild: Option<&std::path::Path>) -> Self {
        let peers = ["gcc", "distcc", "ccache", "make"];
        let mut versions: Vec<String> =
            peers.iter().map(|program| first_line(program, "--version")).collect();
        versions.push(first_line("/usr/sbin/haproxy", "-v"));
        if let Some(farmbuild) = farmbuild {
            versions.push(first_line(&farmbuild.to_string_lossy(), "--version"));
        }
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: processor(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            versions,
        }
    }
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

fn first_line(program: &str, flag: &str) -> String {
    match Command::new(program).arg(flag).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().next().unwrap_or_default().to_owned()
        }
        Err(error) => format!("{program}: {error}"),
    }
}
