//! Who lives below a build, and how many tokens they can possibly hold. Reads `/proc`; touches no pool.
//!
//! Used to find tokens that died with their holder, so every doubt is decided towards "may still hold it".

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

/// One process, as `/proc/PID/stat` shows it (proc(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pid: u32,
    parent: u32,
    group: u32,
    threads: usize,
    zombie: bool,
    /// Whether it is a program known to hold tokens for its children only, one for each but the first.
    dispatcher: bool,
}

/// The most tokens that the living clients of the pool can hold.
///
/// `us` is this process, `build` the root of the build, `link` what a descriptor of the pool links to in `/proc`.
/// Only processes with the pool open count (one whose descriptors can't be seen counts as well):
///
/// - make and ninja hold one token for each child but the first, living or not yet reaped;
/// - anyone else may hold one for each thread and each child, less the implicit one;
/// - a single thread whose child is a make waits for it, and lent it its implicit token;
/// - a process of the build that lost its parent (adopted by us, a subreaper) may be what a killed make held a token
///   for: it runs still, so its token isn't put back yet. One outside the build's process group is a server that
///   the build left behind, or a child of our own, and counts for nothing.
pub(super) fn may_hold(us: u32, build: u32, link: &OsStr) -> io::Result<usize> {
    let processes = processes()?;
    Ok(claims(us, build, &processes, |pid| has_open(pid, link)))
}

fn claims(us: u32, build: u32, processes: &[Process], has_open: impl Fn(u32) -> bool) -> usize {
    let mut children: HashMap<u32, Vec<&Process>> = HashMap::new();
    for process in processes {
        children.entry(process.parent).or_default().push(process);
    }
    let group = processes.iter().find(|process| process.pid == build).map(|build| build.group);
    let mut claims = 0;
    let mut seen = HashSet::new();
    let mut left = Vec::new();
    for &child in children.get(&us).into_iter().flatten() {
        if child.pid == build {
            left.push(child);
        } else if !child.zombie && Some(child.group) == group {
            claims += 1;
            left.push(child);
        }
    }
    while let Some(process) = left.pop() {
        // A pid used twice within one reading of /proc could close a circle.
        if !seen.insert(process.pid) {
            continue;
        }
        let below = children.get(&process.pid).map_or(&[][..], Vec::as_slice);
        left.extend(below);
        if process.zombie || !has_open(process.pid) {
            continue;
        }
        let waits = process.threads == 1
            && (process.dispatcher || below.iter().any(|child| child.dispatcher));
        let threads = if waits { 0 } else { process.threads };
        claims += (threads + below.len()).saturating_sub(1);
    }
    claims
}

fn processes() -> io::Result<Vec<Process>> {
    let mut found = Vec::new();
    let mut text = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        text.clear();
        // A process that ended meanwhile is no process.
        let read = fs::File::open(format!("/proc/{pid}/stat"))
            .and_then(|file| file.take(4096).read_to_end(&mut text));
        if read.is_ok() {
            found.extend(parse(pid, &text));
        }
    }
    Ok(found)
}

/// Reads `PID (COMM) STATE PPID PGRP SESSION ...`; COMM may hold anything, parentheses too.
fn parse(pid: u32, stat: &[u8]) -> Option<Process> {
    let open = memchr::memchr(b'(', stat)?;
    let close = memchr::memrchr(b')', stat)?;
    let comm = stat.get(open + 1..close)?;
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        dispatcher: [&b"make"[..], b"gmake", b"remake", b"ninja", b"samu"].contains(&comm),
    })
}

fn has_open(pid: u32, link: &OsStr) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        // Gone, or another user's: only the latter may still hold something.
        return fs::exists(format!("/proc/{pid}")).unwrap_or(true);
    };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str().as_bytes() == link.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const US: u32 = 10;
    const BUILD: u32 = 11;

    fn process(pid: u32, parent: u32, dispatcher: bool) -> Process {
        Process { pid, parent, group: 1, threads: 1, zombie: false, dispatcher }
    }

    /// `us -> make` with `jobs` children.
    fn make_with(jobs: u32) -> Vec<Process> {
        let mut all = vec![process(US, 1, false), process(BUILD, US, true)];
        all.extend((0..jobs).map(|n| process(20 + n, BUILD, false)));
        all
    }

    fn makes_only(pid: u32) -> bool {
        pid == BUILD
    }

    #[test]
    fn a_make_holds_one_token_for_each_child_but_the_first() {
        for (jobs, tokens) in [(0, 0), (1, 0), (2, 1), (5, 4)] {
            assert_eq!(claims(US, BUILD, &make_with(jobs), makes_only), tokens, "{jobs} children");
        }
    }

    #[test]
    fn a_child_that_its_make_has_not_reaped_still_holds_its_token() {
        let mut all = make_with(3);
        all[4].zombie = true;
        assert_eq!(claims(US, BUILD, &all, makes_only), 2);
    }

    #[test]
    fn an_unknown_client_may_hold_a_token_for_each_thread_and_child() {
        let mut all = make_with(1);
        all[2].threads = 4;
        all.push(process(30, 20, false));
        assert_eq!(claims(US, BUILD, &all, |_| true), 4);
        assert_eq!(claims(US, BUILD, &all, makes_only), 0, "without the pool it holds none");
    }

    #[test]
    fn a_shell_that_waits_for_a_sub_make_holds_nothing() {
        let mut all = make_with(1);
        all.push(process(30, 20, true));
        all.extend((31..34).map(|pid| process(pid, 30, false)));
        assert_eq!(claims(US, BUILD, &all, |pid| pid <= 30), 2);
    }

    #[test]
    fn what_a_killed_make_left_running_still_counts_but_a_server_it_started_does_not() {
        let mut all = make_with(1);
        all.push(process(30, US, false));
        all.push(Process { group: 31, ..process(31, US, false) });
        all.push(Process { zombie: true, ..process(32, US, false) });
        assert_eq!(claims(US, BUILD, &all, makes_only), 1);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let all = [process(US, 1, false), process(BUILD, US, true), process(BUILD, BUILD, true)];
        assert_eq!(claims(US, BUILD, &all, |_| true), 0);
    }

    #[test]
    fn a_command_name_may_hold_anything() {
        let stat = b"42 (a) R (b) S 7 7 3 0 -1 0 0 0 0 0 0 0 0 0 20 0 5 0 9";
        let expected =
            Process { pid: 42, parent: 7, group: 7, threads: 5, zombie: false, dispatcher: false };
        assert_eq!(parse(42, stat), Some(expected));
        for bad in [&b""[..], b"42", b")(", b"42 (make", b"42 (make) S", b"42 (make) S x y z"] {
            assert_eq!(parse(42, bad), None);
        }
    }

    proptest! {
        #[test]
        fn no_stat_line_is_too_odd(text: Vec<u8>, tail in "[ ()0-9SZ-]{0,60}") {
            parse(1, &text);
            parse(1, &[&text[..], tail.as_bytes()].concat());
        }
    }
}
