//! Becoming a daemon: nobody's child, no terminal, and no file descriptor of the build that happened to start it.

use std::env;
use std::fs;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

use crate::client::runtime_dir::RuntimeDir;
use crate::client::start::open_private;

/// The largest log that a new daemon goes on with, in bytes; a longer one is kept as `daemon.log.old`.
const MAX_LOG: u64 = 4 << 20;

/// Starts `farmbuild daemon run` and returns at once, so that the caller's end makes it nobody's child.
pub(crate) fn spawn_detached(runtime: &RuntimeDir) -> io::Result<()> {
    let log = runtime.log();
    if fs::metadata(&log).is_ok_and(|meta| meta.len() > MAX_LOG) {
        fs::rename(&log, log.with_extension("log.old"))?;
    }
    Command::new(env::current_exe()?)
        .args(["daemon", "run", "--detached"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(open_private(&log)?)
        .spawn()
        .map(drop)
}

/// Leaves the session and the inherited descriptors of whoever started this process.
///
/// Must come before anything else in the process opens a file. A pipe to a make's jobserver or to `make | tee` that
/// stayed open here would keep its other side waiting for as long as the daemon lives.
pub(crate) fn leave_the_starter() {
    // Fails only for the leader of a process group, which has what it wants already.
    let _ = rustix::process::setsid();
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open: Vec<i32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    for fd in open {
        // The listing's own descriptor is closed by now; it is the one that is gone.
        if fs::symlink_metadata(format!("/proc/self/fd/{fd}")).is_ok() {
            close(fd);
        }
    }
}

#[expect(unsafe_code, reason = "closing a descriptor that nobody in this process owns")]
fn close(fd: i32) {
    // SAFETY: called by the only thread before anything was opened: no object in this process owns `fd`.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
}
