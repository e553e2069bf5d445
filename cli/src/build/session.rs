//! A build's connection to the daemon: opened before the build, followed while it runs, ended after it.
//!
//! If the daemon dies meanwhile, the build goes on (its wrappers run their compilers or start a new daemon), and the
//! session is opened again under the same name.

use std::ffi::OsString;
use std::process;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use farmbuild_core::protocol::message::{BuildId, BuildNote, Progress, Reply, Request, Summary};

use super::child::Aftermath;
use super::outer::{Fetcher, Outer, Wish};
use super::progress::View;
use super::tool::Parallelism;
use crate::client::connection::Connection;
use crate::client::start::{self, StartError};

/// How long the end of a build waits for the daemon's next or last words.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a build has no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0}")]
    Refused(String),
    #[error("the daemon answered what it wasn't asked")]
    Odd,
}

/// An open build.
pub(crate) struct Session {
    id: BuildId,
    connection: Connection,
    request: Request,
}

/// What the daemon said when the build was opened.
pub(crate) struct Opened {
    pub(crate) session: Session,
    pub(crate) progress: Progress,
    pub(crate) warnings: Vec<String>,
}

impl Session {
    /// Opens a build, with the environment that chooses its farm.
    pub(crate) fn open(
        env: Vec<(OsString, OsString)>,
        outer_tokens: bool,
    ) -> Result<Opened, SessionError> {
        let id = new_id();
        let request = Request::Build { id, env, outer_tokens };
        let mut connection = start::ask(&request)?;
        match connection.reply() {
            Ok(Reply::Build { progress, warnings }) => {
                Ok(Opened { session: Self { id, connection, request }, progress, warnings })
            }
            Ok(Reply::Failed(sentence)) => Err(SessionError::Refused(sentence)),
            _ => Err(SessionError::Odd),
        }
    }

    pub(crate) fn id(&self) -> BuildId {
        self.id
    }

    /// Shows the build's progress, in a thread, until [`Following::end`].
    pub(crate) fn follow(
        self,
        view: Box<dyn View>,
        parallelism: Option<Parallelism>,
        outer: Option<Outer>,
    ) -> Following {
        let writer = Arc::new(Mutex::new(self.connection.try_clone().ok()));
        let fetcher = outer.and_then(|outer| outer.serve(self.connection.try_clone().ok()?));
        let (sender, summary) = mpsc::channel();
        let follower =
            Follower { view, parallelism, fetcher, writer: Arc::clone(&writer), summary: sender };
        thread::spawn(move || follower.run(self));
        Following { writer, summary }
    }
}

/// A name that no other build has: who opens it and when.
fn new_id() -> BuildId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = u64::from(now.subsec_nanos()) ^ now.as_secs().rotate_left(30);
    BuildId(nanoseconds.rotate_left(24) ^ u64::from(process::id()))
}

/// A build whose progress is being shown.
pub(crate) struct Following {
    writer: Arc<Mutex<Option<Connection>>>,
    summary: Receiver<LastWords>,
}

/// What a daemon says when it is told of a build's end.
enum LastWords {
    /// It is still at something that concerns the build.
    NotYet,
    Are(Box<Summary>),
}

impl Following {
    /// Ends the build; its summary, if the daemon still has one to give, and nobody gives up waiting for it.
    pub(crate) fn end(self, aftermath: &Aftermath) -> Option<Summary> {
        {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.take().and_then(|connection| connection.note(BuildNote::End).ok());
        }
        let mut told = false;
        loop {
            match self.summary.recv_timeout(LAST_WORDS).ok()? {
                LastWords::NotYet if aftermath.is_given_up() => return None,
                LastWords::NotYet if !told => {
                    told = true;
                    aftermath.hold_up();
                    eprintln!(
                        "farmbuild: a host gave wrong bytes; what it made is looked at before the build ends"
                    );
                }
                LastWords::NotYet => {}
                LastWords::Are(summary) => return Some(*summary),
            }
        }
    }
}

/// The thread that listens to the daemon.
struct Follower {
    view: Box<dyn View>,
    parallelism: Option<Parallelism>,
    fetcher: Option<Fetcher>,
    /// Empty once the build has ended.
    writer: Arc<Mutex<Option<Connection>>>,
    summary: Sender<LastWords>,
}

impl Follower {
    fn run(mut self, session: Session) {
        let Session { mut connection, request, .. } = session;
        loop {
            match connection.reply() {
                Ok(Reply::Progress(progress) | Reply::Build { progress, .. }) => {
                    self.view.show(&progress);
                    if let Some(parallelism) = &self.parallelism {
                        parallelism.follow(progress.capacity);
                    }
                }
                Ok(Reply::TokenWanted) => self.wish(Wish::Wanted),
                Ok(Reply::TokenReturned) => self.wish(Wish::Returned),
                Ok(Reply::Summary(summary)) => {
                    self.view.finish();
                    // Before this process ends: there are a fifo to remove and tokens to give back.
                    self.parallelism = None;
                    self.fetcher = None;
                    // Nobody waits for it any more if the build gave up on the daemon.
                    let _ = self.summary.send(LastWords::Are(Box::new(summary)));
                    return;
                }
                Ok(Reply::Settling) => drop(self.summary.send(LastWords::NotYet)),
                Ok(_) => {}
                Err(_) => match self.reopen(&request) {
                    Some(new) => connection = new,
                    None => return self.view.finish(),
                },
            }
        }
    }

    fn wish(&self, wish: Wish) {
        if let Some(fetcher) = &self.fetcher {
            fetcher.wish(wish);
        }
    }

    /// Opens the build again after the daemon died. Tokens of an outer jobserver aren't fetched any more: what the
    /// dead daemon held goes back, and local work goes on within the local budget.
    fn reopen(&mut self, request: &Request) -> Option<Connection> {
        self.fetcher = None;
        let Request::Build { id, env, .. } = request else { return None };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // The build has ended: the daemon was the last to be told.
        writer.as_ref()?;
        let request = Request::Build { id: *id, env: env.clone(), outer_tokens: false };
        let connection = start::ask(&request).ok()?;
        *writer = connection.try_clone().ok();
        Some(connection)
    }
}
