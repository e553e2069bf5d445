//! The connection to a board, and the session that it keeps there.
//!
//! One `ssh` is the master of the connection, and runs a script on the board that cleans up after dead sessions, answers
//! whether it is there, and ends workers. When the master ends, however it does, that script sees its input close, kills
//! what runs and removes what is left. Workers come and go over the same connection, see `worker`.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use farmbuild_core::executor::ExecError;
use rustix::process::geteuid;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::client::{Client, Running};
use crate::content::Stored;
use crate::executor::Store;
use crate::lines::{Failure, Incoming};
use crate::reply::{Answer, parse};
use crate::scripts::{self, Owner};
use crate::trouble::Subject;

/// What directories of control sockets are called; the process that they belong to follows.
const PREFIX: &str = "farmbuild-ssh-";

/// A live session on a board; ends there when dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    session: String,
    /// Whether the board can unpack sources.
    pub(crate) unpacks: bool,
    /// What is known to be in the store there.
    pub(crate) stored: Stored,
    store: Store,
    slots: usize,
    /// Bytes that were added to it since it was last asked to keep within its bounds.
    added: AtomicU64,
    sockets: TempDir,
    orders: mpsc::UnboundedSender<String>,
    /// Changes with each sign of life, and is closed when the session is gone.
    pongs: watch::Receiver<u64>,
    workers: AtomicU64,
}

impl Keeper {
    /// Connects. Cancel-safe: dropping the future ends whatever was begun.
    pub(crate) async fn start(
        client: &Client,
        (store, slots): (&Store, usize),
        subject: &Subject,
    ) -> Result<Self, ExecError> {
        let sockets = socket_directory().map_err(|error| subject.unreachable(error))?;
        let session = session_name(&sockets);
        let running = client.start_master(&socket_in(&sockets)).map_err(|error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            match missing {
                true => {
                    subject.unusable("there is no `ssh` on this machine; install OpenSSH's client")
                }
                false => subject.unreachable(error),
            }
        })?;
        let owner = Owner { session: &session, client: &store.client, slots };
        let (running, mut incoming, line) =
            greet(running, &scripts::keeper(owner, store.size >> 10), &session, client)
                .await
                .map_err(|(failure, said)| subject.unconnected(&said, failure))?;
        let unpacks = match line.as_str() {
            "ready yes" => true,
            "ready no" => false,
            other => return Err(refusal(other, subject)),
        };
        let stored = listed(&mut incoming, client.connect * 2)
            .await
            .map_err(|failure| subject.failed(failure, "listing its store"))?;
        let (orders, to_do) = mpsc::unbounded_channel();
        let (signs, pongs) = watch::channel(0);
        tokio::spawn(listen(incoming, signs));
        tokio::spawn(give(running, to_do));
        let (store, workers, added) = (store.clone(), AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { session, unpacks, stored, store, slots, added, sockets, orders, pongs, workers })
    }

    /// Whether the session is there, as far as is known.
    pub(crate) fn is_alive(&self) -> bool {
        self.pongs.has_changed().is_ok() && !self.orders.is_closed()
    }

    /// Asks the board for a sign of life.
    pub(crate) async fn ping(&self, patience: Duration) -> Result<(), Failure> {
        let mut pongs = self.pongs.clone();
        pongs.mark_unchanged();
        self.orders.send("ping\n".to_owned()).map_err(|_| Failure::Closed)?;
        match timeout(patience, pongs.changed()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Failure::Closed),
            Err(_) => Err(Failure::Stalled(patience)),
        }
    }

    /// Has a worker and all that it runs killed. Doesn't wait.
    pub(crate) fn kill(&self, worker: u64) {
        // A session that is gone has killed its workers itself.
        let _ = self.orders.send(format!("kill {worker}\n"));
    }

    /// A number for a new worker of this session.
    pub(crate) fn next_worker(&self) -> u64 {
        self.workers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn owner(&self) -> Owner<'_> {
        let Self { session, store, slots, .. } = self;
        Owner { session, client: &store.client, slots: *slots }
    }

    /// Whether inputs are kept there.
    pub(crate) fn keeps(&self) -> bool {
        self.store.size > 0
    }

    /// Takes note of what was added to the store, which is swept now and then, apart from all jobs.
    pub(crate) fn note_added(&self, bytes: u64) {
        // Once for each sixteenth of what it may hold.
        let part = self.store.size / 16;
        let before = self.added.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > part && self.added.swap(0, Ordering::Relaxed) > 0 {
            // A session that is gone needs no sweeping.
            let _ = self.orders.send("sweep\n".to_owned());
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket_in(&self.sockets)
    }
}

/// Sends a script to a shell there and reads its first line behind the mark.
pub(crate) async fn greet(
    running: Running,
    script: &[u8],
    session: &str,
    client: &Client,
) -> Result<(Greeted, Incoming<ChildStdout>, String), (Failure, String)> {
    let Running { mut stdin, stdout, mut said, child } = running;
    let mut incoming = Incoming::new(stdout);
    // Twice: for the connection, which `ssh` gives up itself, and for the login shell.
    let patience = client.connect * 2;
    let greeting = async {
        stdin.write_all(script).await.map_err(Failure::Io)?;
        incoming.skip_to(&scripts::mark(session), patience).await?;
        incoming.line(patience).await
    };
    match greeting.await {
        Ok(line) => Ok((Greeted { stdin, child }, incoming, line)),
        Err(failure) => {
            drop(stdin);
            Err((failure, said.text().await))
        }
    }
}

/// A script that runs on a board; killed, as far as it is here, when dropped.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) stdin: ChildStdin,
    child: Child,
}

impl Greeted {
    /// Whether its `ssh` runs still.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// What a first line means that isn't the one to be expected.
pub(crate) fn refusal(line: &str, subject: &Subject) -> ExecError {
    match parse(line, 0, 0) {
        Ok(Answer::Failed { word, text }) => subject.gave_up(&word, &text),
        Ok(_) => subject.protocol("it answered before it was asked"),
        Err(error) => subject.protocol(error.to_string()),
    }
}

/// Reads the names of the store's entries.
async fn listed(
    incoming: &mut Incoming<ChildStdout>,
    patience: Duration,
) -> Result<Stored, Failure> {
    /// More than a store of any sense has.
    const MOST: usize = 1 << 20;
    let stored = Stored::default();
    for _ in 0..MOST {
        let line = incoming.line(patience).await?;
        if line == "end" {
            return Ok(stored);
        }
        stored.add_name(&line);
    }
    Err(Failure::TooLong)
}

async fn listen(mut incoming: Incoming<ChildStdout>, signs: watch::Sender<u64>) {
    while let Ok(line) = incoming.line(Duration::MAX).await {
        if line != "pong" {
            break;
        }
        signs.send_modify(|count| *count += 1);
    }
}

async fn give(mut greeted: Greeted, mut to_do: mpsc::UnboundedReceiver<String>) {
    while let Some(order) = to_do.recv().await {
        if greeted.stdin.write_all(order.as_bytes()).await.is_err() {
            break;
        }
    }
}

/// A private directory for a control socket, short enough for one. Removes those of processes that are gone.
fn socket_directory() -> io::Result<TempDir> {
    /// What `ssh` may add to the name while it makes the socket, and the directory's own name.
    const ROOM: usize = 107 - 64;
    let of_session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let mut places =
        [of_session, Some(std::env::temp_dir()), Some("/tmp".into())].into_iter().flatten();
    let short = |path: &PathBuf| path.is_dir() && path.as_os_str().len() <= ROOM;
    let place = places.find(short).unwrap_or_else(|| "/tmp".into());
    sweep(&place);
    // Its mode is 0700.
    tempfile::Builder::new().prefix(&format!("{PREFIX}{}-", process::id())).tempdir_in(place)
}

fn sweep(place: &Path) {
    let user = geteuid().as_raw();
    for entry in fs::read_dir(place).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        let Some(owner) = owner.and_then(|(owner, _)| owner.parse::<u32>().ok()) else { continue };
        let ours = entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == user);
        if ours && !Path::new("/proc").join(owner.to_string()).exists() {
            // Somebody else may be at it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn socket_in(directory: &TempDir) -> PathBuf {
    directory.path().join("master")
}

/// A name that no other session on the board has, of letters and digits.
fn session_name(sockets: &TempDir) -> String {
    let random = sockets.path().file_name().unwrap_or_default().to_string_lossy();
    let random: String = random.chars().filter(char::is_ascii_alphanumeric).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}{random}", now.as_nanos())
}
