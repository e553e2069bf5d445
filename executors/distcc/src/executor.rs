//! One host of the farm that runs a stock `distccd`.

use std::io;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Buf;
use farmbuild_core::executor::{Capacity, ExecError, Executor, Outcome, Traffic};
use farmbuild_core::job::SharedJob;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tracing::debug;

use crate::address::Address;
use crate::connection::{self, Failure, Incoming};
use crate::reply::{self, Expected, Reply, ReplyError};
use crate::request::Request;
use crate::verdict::Verdict;

/// How long the processes of a dying server may take to be gone.
const SETTLING: Duration = Duration::from_millis(250);

const SENDING: &str = "sending the source";
const COMPILING: &str = "waiting for the compile";
const RECEIVING: &str = "receiving the object";

/// Whether jobs are compressed on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Plain bytes: version 1 of the protocol.
    #[default]
    None,
    /// LZO1X, both ways: version 2.
    Lzo,
}

impl Compression {
    /// The version of the protocol that this is.
    pub(crate) fn version(self) -> u32 {
        match self {
            Self::None => 1,
            Self::Lzo => 2,
        }
    }
}

/// How long a server may keep us waiting. Each but `connect` counts from the last byte that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Duration,
    /// While sending. A server whose slots are all taken accepts the connection and stops reading until a slot is
    /// free, which takes as long as a compile: this is no measure of a dead board.
    pub send: Duration,
    /// From the last byte sent to the first one received: the compile, and the wait for a slot.
    pub compile: Duration,
    /// While receiving. The server has everything ready by then.
    pub receive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            send: Duration::from_secs(60),
            compile: Duration::from_secs(20 * 60),
            receive: Duration::from_secs(15),
        }
    }
}

/// A host, as the farm describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistccConfig {
    /// What people call it.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// How many jobs it takes.
    pub capacity: Capacity,
    /// Whether to compress.
    pub compression: Compression,
    /// How patient to be.
    pub timeouts: Timeouts,
}

/// Runs jobs on one `distccd`, one connection a job.
#[derive(Debug)]
pub struct DistccExecutor {
    config: DistccConfig,
}

impl DistccExecutor {
    /// An executor for this host. Connects only when there is a job.
    #[must_use]
    pub fn new(config: DistccConfig) -> Self {
        Self { config }
    }

    /// The host's description.
    #[must_use]
    pub fn config(&self) -> &DistccConfig {
        &self.config
    }

    async fn connect(&self) -> Result<TcpStream, ExecError> {
        let DistccConfig { address, timeouts, .. } = &self.config;
        connection::connect(address, timeouts.connect)
            .await
            .map_err(|source| ExecError::Unreachable { host: self.host().to_owned(), source })
    }

    /// The connection failed before the first byte of a reply: the server died, or it hung up on us on purpose, which
    /// it doesn't explain.
    async fn unanswered(&self, failure: Failure, during: &'static str) -> ExecError {
        let cure = match &failure {
            Failure::Closed => {
                "it read the job and hung up without a word: it may not list this compiler (its masquerade \
                 directory, usually /usr/lib/distcc, must have a link of that name; update-distcc-symlinks makes \
                 it; or start distccd with --enable-tcp-insecure), or not allow this machine (--allow)"
            }
            Failure::Io(error) if is_hang_up(error) => {
                "it hung up before it had read the job: it may not allow this machine (start distccd with --allow and \
                 this machine's address), not accept one of the arguments, or have no room in its temporary \
                 directory; its log says which"
            }
            _ => return self.failed(failure, during),
        };
        if self.is_served().await {
            ExecError::Refused { host: self.host().to_owned(), detail: cure.to_owned() }
        } else {
            self.failed(failure, during)
        }
    }

    /// Whether someone takes a new connection there. Asked a moment later: the processes of a server that is being
    /// killed don't end at the same time, and the last one keeps its port open.
    async fn is_served(&self) -> bool {
        sleep(SETTLING).await;
        self.connect().await.is_ok()
    }

    fn failed(&self, failure: Failure, during: &'static str) -> ExecError {
        let host = self.host().to_owned();
        match failure {
            Failure::Io(source) => ExecError::Broken { host, during, source },
            Failure::Closed => {
                ExecError::Broken { host, during, source: io::ErrorKind::UnexpectedEof.into() }
            }
            Failure::Stalled(after) => ExecError::Stalled { host, during, after },
        }
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
    )
}

#[async_trait]
impl Executor for DistccExecutor {
    fn host(&self) -> &str {
        &self.config.name
    }

    fn capacity(&self) -> Capacity {
        self.config.capacity
    }

    /// Connects and closes: distccd doesn't even wake up for a connection without data. A compile is what proves
    /// more.
    async fn probe(&self) -> Result<(), ExecError> {
        self.connect().await.map(drop)
    }

    /// Dropping the future closes the connection; distccd then kills the compiler within a second.
    async fn execute(&self, job: SharedJob) -> Result<Outcome, ExecError> {
        let DistccConfig { compression, timeouts, .. } = self.config;
        let mut stream = self.connect().await?;
        let request = Request::new(&job, compression).await.map_err(|error| {
            ExecError::Refused { host: self.host().to_owned(), detail: error.to_string() }
        })?;
        let bytes = request.head.chain(request.source);
        let sent = bytes.remaining() as u64;
        let started = Instant::now();
        if let Err(failure) = connection::send(&mut stream, bytes, timeouts.send).await {
            return Err(self.unanswered(failure, SENDING).await);
        }
        let upload = started.elapsed();
        let mut incoming = Incoming::new(stream, timeouts.compile);
        let expected = Expected {
            compression,
            patience: timeouts.receive,
            object: &job.object,
            umask: job.umask,
        };
        let reply = match reply::read(&mut incoming, expected).await {
            Ok(reply) => reply,
            Err(ReplyError::Unanswered(failure)) => {
                drop(incoming);
                return Err(self.unanswered(failure, COMPILING).await);
            }
            Err(ReplyError::Cut(failure)) => return Err(self.failed(failure, RECEIVING)),
            Err(ReplyError::Packet(error)) => {
                return Err(ExecError::Protocol {
                    host: self.host().to_owned(),
                    detail: error.to_string(),
                });
            }
            Err(ReplyError::Output(source)) => {
                return Err(ExecError::Output { path: job.object.clone(), source });
            }
        };
        let Reply { verdict, stdout, stderr, object } = reply;
        let status = match verdict {
            Verdict::Compiled(status) => status,
            Verdict::HostFault(detail) => {
                return Err(ExecError::Refused { host: self.host().to_owned(), detail });
            }
        };
        let traffic = Traffic { sent, received: incoming.received, upload };
        debug!(job = %job.id, host = self.host(), ?status, ?traffic, "compiled");
        Ok(Outcome { status, stdout, stderr, object, beside: None, traffic })
    }
}
