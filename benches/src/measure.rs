//! Wall time and CPU of a command and everything below it that was waited for, and of a process that stays.

use std::fs;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// What a finished command took.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// From its start to its end.
    pub wall: Duration,
    /// User and system time of it and of the descendants that it waited for.
    pub cpu: Duration,
}

/// Runs a command to its end.
///
/// # Panics
/// With what it printed, if it fails: a benchmark of failures is none.
#[must_use]
pub fn run(command: &mut Command) -> Usage {
    let mut printed = tempfile::tempfile().expect("a temporary file");
    let clone = || Stdio::from(printed.try_clone().expect("a handle of our own file"));
    command.stdin(Stdio::null()).stdout(clone()).stderr(clone());
    let start = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|e| panic!("can't start {command:?}: {e}"));
    let used = child.wait4().expect("our own child");
    let wall = start.elapsed();
    if !used.status.success() {
        let mut text = Vec::new();
        printed.rewind().expect("our own file");
        printed.read_to_end(&mut text).expect("our own file");
        let text = String::from_utf8_lossy(&text);
        panic!("{command:?} failed, {}\n{text}", used.status);
    }
    Usage { wall, cpu: used.rusage.utime + used.rusage.stime }
}

/// User and system time so far of a running process and of the children that it waited for. Steps of 10 ms.
///
/// # Panics
/// If there is no such process.
#[must_use]
pub fn cpu_of(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))
        .unwrap_or_else(|e| panic!("process {process} is gone: {e}"));
    Duration::from_millis(10 * ticks(&stat))
}

/// The clock ticks (a hundredth of a second on every Linux) in a line of `/proc/PID/stat`: fields 14 to 17.
fn ticks(stat: &str) -> u64 {
    // "ID (NAME) STATE ...", and NAME may hold anything.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().skip(11).take(4).filter_map(|n| n.parse::<u64>().ok()).sum()
}

/// One of the sizes in `/proc/PID/status`, in bytes, such as `VmRSS` or `VmHWM`.
///
/// # Panics
/// If there is no such process or no such field.
#[must_use]
pub fn memory_of(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status"))
        .unwrap_or_else(|e| panic!("process {process} is gone: {e}"));
    kibibytes(&status, field).unwrap_or_else(|| panic!("no {field} of process {process}")) * 1024
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_those_of_the_process_and_its_children() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 1 0 5 6 7";
        assert_eq!(ticks(stat), 4330);
    }

    #[test]
    fn a_size_is_found_by_its_whole_name() {
        let status = "VmRSSx:\t1 kB\nVmRSS:\t  2048 kB\n";
        assert_eq!(kibibytes(status, "VmRSS"), Some(2048));
        assert_eq!(kibibytes(status, "VmHWM"), None);
    }

    #[test]
    fn a_command_is_charged_with_what_it_waited_for() {
        let used = run(Command::new("sh")
            .args(["-c", "sh -c 'i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done'; sleep 0.05"]));
        assert!(used.cpu > Duration::from_millis(5), "{used:?}");
        assert!(used.wall >= Duration::from_millis(50), "{used:?}");
    }
}
