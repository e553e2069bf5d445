//! The system's `ssh`: how it is called, and what it prints when something is wrong.
//!
//! Our own `ssh -M` rather than the crate `openssh`: what `ssh` prints reaches us word for word, which tells a changed
//! key from a refused one; the connection is our child and ends with us, also when we are killed; and where a server
//! allows few sessions on a connection, `ssh` itself opens another one.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

use crate::agent::Agent;
use crate::destination::Destination;
use crate::scripts;

/// Bytes of `ssh`'s standard error that are kept.
const KEPT: usize = 8 * 1024;

/// How `ssh` reaches one host.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) destination: Destination,
    /// A configuration file in place of the user's own.
    pub(crate) config: Option<PathBuf>,
    pub(crate) connect: Duration,
    pub(crate) agent: Agent,
}

/// A running `ssh`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) said: Said,
    pub(crate) child: Child,
}

/// What `ssh` prints on standard error: the beginning of it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    text: Arc<Mutex<Vec<u8>>>,
    ended: watch::Receiver<()>,
}

impl Client {
    /// Starts `ssh` as the master of a connection, with its socket at `socket`.
    pub(crate) fn start_master(&self, socket: &Path) -> io::Result<Running> {
        self.start(socket, true)
    }

    /// Starts `ssh` for one more session on that connection.
    pub(crate) fn start_session(&self, socket: &Path) -> io::Result<Running> {
        self.start(socket, false)
    }

    fn start(&self, socket: &Path, master: bool) -> io::Result<Running> {
        let mut command = Command::new("ssh");
        if let Some(config) = &self.config {
            command.arg("-F").arg(config);
        }
        // Nobody is there to be asked; nothing of this machine is lent to the board; and what the user's configuration
        // has for sessions at a terminal is of no use here.
        command.args(["-T", "-a", "-x", "-e", "none"]);
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "ClearAllForwardings=yes",
            "PermitLocalCommand=no",
            "RemoteCommand=none",
            "ControlPersist=no",
            "LogLevel=ERROR",
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
        ] {
            command.args(["-o", option]);
        }
        command.args(["-o", &format!("ConnectTimeout={}", self.connect.as_secs().max(1))]);
        command.args(["-o", if master { "ControlMaster=yes" } else { "ControlMaster=no" }]);
        // `ssh` replaces what follows a `%`.
        let socket = socket.to_string_lossy().replace('%', "%%");
        command.args(["-S", &socket, "--", self.destination.as_str(), scripts::COMMAND]);
        command.envs(self.agent.socket().map(|socket| ("SSH_AUTH_SOCK", socket)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Not the build's Ctrl-C: the daemon's own business is when it ends.
        command.kill_on_drop(true).process_group(0);
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("ssh was started without pipes"));
        };
        Ok(Running { stdin, stdout, said: Said::collect(stderr), child })
    }
}

impl Said {
    /// Reads to the end, so that nobody has to wait for room in a pipe, and keeps the beginning.
    fn collect(mut stderr: ChildStderr) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = watch::channel(());
        let kept = Arc::clone(&text);
        tokio::spawn(async move {
            let mut piece = [0; 1024];
            while let Ok(count @ 1..) = stderr.read(&mut piece).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT.saturating_sub(kept.len());
                kept.extend_from_slice(&piece[..count.min(room)]);
            }
            drop(end);
        });
        Self { text, ended }
    }

    /// What was printed, all of it if `ssh` ends soon.
    pub(crate) async fn text(&mut self) -> String {
        /// An `ssh` whose session is gone has little left to do.
        const SOON: Duration = Duration::from_secs(1);
        // Either way there is nothing more to wait for.
        let _ = tokio::time::timeout(SOON, self.ended.changed()).await;
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }
}
