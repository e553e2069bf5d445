//! One child process: its output is collected, and its whole process group dies when the future is dropped.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use farmbuild_core::job::{CompilerStatus, Invocation};
use farmbuild_core::pipeline::Ran;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Room asked for in the pipe of a child that prints much, in bytes: a preprocessor then rarely waits for its reader.
const PIPE_SIZE: usize = 1 << 20;

/// How much standard output is read at first, in bytes: preprocessed text is seldom less.
const READ_SIZE: usize = 64 << 10;

/// The command for `invocation`'s program with other arguments, in its directory and environment.
#[must_use]
pub fn command<'a>(
    invocation: &Invocation,
    args: impl IntoIterator<Item = &'a std::ffi::OsString>,
) -> Command {
    let mut command = std::process::Command::new(&invocation.program);
    if let Some(name) = invocation.argv.first() {
        std::os::unix::process::CommandExt::arg0(&mut command, name);
    }
    command.args(args).current_dir(&invocation.cwd).env_clear();
    command.envs(invocation.env.iter().map(|(key, value)| (key, value)));
    command.into()
}

/// Runs `command` to its end with nothing on its standard input.
///
/// Cancel-safe: dropping the future kills the child and all of its process group, and reaps it.
///
/// # Errors
/// If the program can't be started or its output can't be read.
pub async fn capture(mut command: Command) -> io::Result<Ran> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    if let Some(pipe) = &stdout {
        // Refused where the user's pipes are used up: then it stays at its default size.
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_SIZE);
    }
    let (stdout, stderr) = tokio::try_join!(drain(stdout, READ_SIZE), drain(stderr, 0))?;
    let status = child.wait().await?;
    group.disarm();
    Ok(Ran { status: compiler_status(status), stdout, stderr })
}

async fn drain(pipe: Option<impl AsyncRead + Unpin>, expected: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(expected);
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    // A text may wait long for a host.
    bytes.shrink_to_fit();
    Ok(bytes.into())
}

/// How a child ended, in the words of a job.
#[must_use]
pub fn compiler_status(status: ExitStatus) -> CompilerStatus {
    match status.signal() {
        Some(signal) => CompilerStatus::Signaled(signal),
        // Without a signal there is a code: these are the only two ways in which a process ends.
        None => CompilerStatus::Exited(status.code().unwrap_or(1)),
    }
}

/// Kills a process group on drop. A compiler driver's own children (`cc1`, `as`) are in it.
struct Group(Option<Pid>);

impl Group {
    /// The leader was reaped: its number may belong to somebody else from now on.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // Already gone is as good as killed.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn output_and_status_are_collected() {
        let captured = capture(shell("echo out; echo err >&2; exit 3")).await.unwrap();
        assert_eq!(captured.status, CompilerStatus::Exited(3));
        assert_eq!((&captured.stdout[..], &captured.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
    }

    #[tokio::test]
    async fn a_killed_child_is_told_by_its_signal() {
        let captured = capture(shell("kill -TERM $$")).await.unwrap();
        assert_eq!(captured.status, CompilerStatus::Signaled(15));
    }

    #[tokio::test]
    async fn a_dropped_child_takes_its_grandchildren_along() {
        let space = tempfile::tempdir().unwrap();
        let pid_file = space.path().join("pid");
        let script =
            format!("sleep 100 & echo $! > {0}.new; mv {0}.new {0}; wait", pid_file.display());
        let mut running = Box::pin(capture(shell(&script)));
        let start = Instant::now();
        while !pid_file.exists() && start.elapsed() < Duration::from_secs(10) {
            let _ = tokio::time::timeout(Duration::from_millis(10), &mut running).await;
        }
        drop(running);
        let process = format!("/proc/{}/cmdline", fs::read_to_string(&pid_file).unwrap().trim());
        // A process that is dead but not yet reaped has no command line.
        let gone = || fs::read(Path::new(&process)).map_or(true, |line| line.is_empty());
        let start = Instant::now();
        while !gone() && start.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(gone());
    }

    #[tokio::test]
    async fn large_output_on_both_streams_does_not_deadlock() {
        let captured =
            capture(shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2")).await;
        let captured = captured.unwrap();
        assert_eq!((captured.stdout.len(), captured.stderr.len()), (3_000_000, 3_000_000));
    }
}
