//! A server process and everything below it, as one thing to stop, suspend and resume.
//!
//! Servers put their compilers into process groups of their own, so a group's signal doesn't reach them: the tree
//! is read from `/proc`.

use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A child process; dropping it kills it and all its descendants.
#[derive(Debug)]
pub struct ProcessTree {
    child: Child,
    ended: bool,
}

impl ProcessTree {
    /// Starts `command`.
    pub fn spawn(command: &mut Command) -> Self {
        let child = command.spawn().unwrap_or_else(|e| {
            panic!("can't start {}: {e}", command.get_program().to_string_lossy())
        });
        Self { child, ended: false }
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process itself still runs.
    pub fn is_running(&mut self) -> bool {
        !self.ended && matches!(self.child.try_wait(), Ok(None))
    }

    /// Stops the process and its descendants where they are (`SIGSTOP`).
    pub fn suspend(&self) {
        // Several times: what forked just before its turn came has a child more.
        for _ in 0..5 {
            self.signal_all(Signal::STOP);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets suspended processes run on.
    pub fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    /// Kills the process and its descendants, and waits until none is left.
    pub fn kill(&mut self) {
        if self.ended {
            return;
        }
        // Suspended first, so that nothing new is forked while the tree is read.
        self.suspend();
        let below = self.signal_all(Signal::KILL);
        drop(self.child.wait());
        self.ended = true;
        // They are init's now, who may be slow to bury them; but they let go of ports and files.
        while below.iter().any(|&id| is_alive(id)) {
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Returns the descendants that got the signal.
    fn signal_all(&self, signal: Signal) -> Vec<u32> {
        if self.ended {
            return Vec::new();
        }
        // The tree is read first: it falls apart when its root is killed.
        let mut below = descendants(self.id());
        send(self.id(), signal);
        for &id in &below {
            send(id, signal);
        }
        below.sort_unstable();
        below
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        self.kill();
    }
}

fn send(id: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // A process that is already gone is as good as signalled.
        let _ = kill_process(pid, signal);
    }
}

/// The processes below `root`, parents before children, without `root` itself.
#[must_use]
pub fn descendants(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("a mounted /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id: u32| Some((id, parent_of(id)?)))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == id).map(|(child, _)| child));
        next += 1;
    }
    found.remove(0);
    found
}

/// Whether there is a process of this id that has not ended yet.
#[must_use]
pub fn is_alive(id: u32) -> bool {
    status_field(id, 0).is_some_and(|state| !matches!(state.as_str(), "Z" | "X"))
}

fn parent_of(id: u32) -> Option<u32> {
    status_field(id, 1)?.parse().ok()
}

/// A field of `/proc/ID/stat`, counted behind the name.
fn status_field(id: u32, index: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // "ID (NAME) STATE PARENT ...", and NAME may hold anything.
    Some(stat.rsplit_once(')')?.1.split_whitespace().nth(index)?.to_owned())
}
