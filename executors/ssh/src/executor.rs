//! One host of the farm that is reached by `ssh`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use farmbuild_core::executor::telltale::{host_fault_in, killed_from_outside};
use farmbuild_core::executor::{Beside, Capacity, ExecError, Executor, Outcome, Traffic};
use farmbuild_core::job::{CompilerStatus, Job, SharedJob};
use tokio::sync::Semaphore;
use tracing::debug;

use crate::agent::Agent;
use crate::client::Client;
use crate::content::ContentHash;
use crate::destination::Destination;
use crate::keeper::Keeper;
use crate::lines::Failure;
use crate::reply::{self, Answer, BodyError};
use crate::request::{Input, Request, RequestError, Terms, directory_name};
use crate::trouble::Subject;
use crate::worker::{Unanswered, Worker};

/// How long a host that refused us isn't asked again. Those who ask meanwhile get the same answer; some sshds lock out who
/// knocks too often.
const LEFT_ALONE: Duration = Duration::from_secs(2);

/// Shells that are started at the same time. Where a server allows few sessions on a connection each has a connection of its
/// own, and sshd drops some of more than ten that haven't logged in yet (its MaxStartups).
const STARTING: usize = 4;

const SENDING: &str = "sending the source";
const COMPILING: &str = "waiting for the compile";
const RECEIVING: &str = "receiving the object";

/// Whether sources are compressed on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// By zstd, where the board has it and the source is long enough.
    #[default]
    Auto,
    /// Never.
    None,
}

/// How long a host may keep us waiting. Each but `connect` counts from the last byte that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection, and again for the login shell.
    pub connect: Duration,
    /// While sending.
    pub send: Duration,
    /// From the last byte sent to the first one received: the compile.
    pub compile: Duration,
    /// While receiving. The host has everything ready by then.
    pub receive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            send: Duration::from_secs(60),
            compile: Duration::from_secs(20 * 60),
            receive: Duration::from_secs(15),
        }
    }
}

/// What a board keeps of the inputs that it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    /// Whose it is, in letters and digits: clients with other names have stores of their own there.
    pub client: String,
    /// The most bytes that it takes; 0 keeps nothing.
    pub size: u64,
}

impl Store {
    /// A store of this user of this machine, of so many bytes at most.
    #[must_use]
    pub fn of_this_user(size: u64) -> Self {
        let read = |path: &str| std::fs::read(path).unwrap_or_default();
        // Not told as they are: a machine's name for itself is nobody else's business.
        let mut words = [read("/etc/machine-id"), read("/proc/sys/kernel/hostname")].concat();
        words.extend(rustix::process::geteuid().as_raw().to_le_bytes());
        words.extend(std::env::var_os("HOME").unwrap_or_default().into_encoded_bytes());
        let mut client = ContentHash::of(&words).to_string();
        client.truncate(16);
        Self { client, size }
    }
}

/// A host, as the farm describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshConfig {
    /// What people call it.
    pub name: String,
    /// Where it is.
    pub destination: Destination,
    /// A configuration of `ssh` to be read in place of the user's.
    pub ssh_config: Option<PathBuf>,
    /// How many jobs it takes.
    pub capacity: Capacity,
    /// Whether to compress.
    pub compression: Compression,
    /// What is kept there.
    pub store: Store,
    /// How patient to be.
    pub timeouts: Timeouts,
}

/// Runs jobs on one host over `ssh`: one connection, and a shell there for each job in flight, which stays for the next.
#[derive(Debug)]
pub struct SshExecutor {
    config: SshConfig,
    pub(crate) client: Client,
    pub(crate) subject: Subject,
    /// Compiles at the same time; jobs beyond are sent and wait there.
    slots: Semaphore,
    starting: Semaphore,
    connection: tokio::sync::Mutex<Connection>,
    idle: Mutex<Vec<Worker>>,
}

/// What was sent for a job.
struct Sent {
    bytes: u64,
    upload: Duration,
}

#[derive(Debug, Default)]
struct Connection {
    keeper: Option<Arc<Keeper>>,
    /// When it was refused, and why.
    refused: Option<(Instant, String)>,
}

impl SshExecutor {
    /// An executor for this host. Connects only when there is a job.
    #[must_use]
    pub fn new(config: SshConfig) -> Self {
        let client = Client {
            destination: config.destination.clone(),
            config: config.ssh_config.clone(),
            connect: config.timeouts.connect,
            agent: Agent::default(),
        };
        let subject =
            Subject { name: config.name.clone(), destination: config.destination.clone() };
        let slots = Semaphore::new(config.capacity.slots.clamp(1, Semaphore::MAX_PERMITS));
        let (connection, idle) = Default::default();
        let starting = Semaphore::new(STARTING);
        Self { config, client, subject, slots, starting, connection, idle }
    }

    /// The same host, with keys from this agent.
    #[must_use]
    pub fn with_agent(mut self, agent: &Agent) -> Self {
        self.client.agent = agent.clone();
        self
    }

    /// The host's description.
    #[must_use]
    pub fn config(&self) -> &SshConfig {
        &self.config
    }

    /// The connection; made now if there is none. Those who come meanwhile wait for the one.
    pub(crate) async fn keeper(&self) -> Result<Arc<Keeper>, ExecError> {
        let mut connection = self.connection.lock().await;
        if let Some(keeper) = connection.keeper.as_ref().filter(|keeper| keeper.is_alive()) {
            return Ok(Arc::clone(keeper));
        }
        if let Some((_, why)) =
            connection.refused.as_ref().filter(|(at, _)| at.elapsed() < LEFT_ALONE)
        {
            return Err(self.subject.unusable(why.clone()));
        }
        connection.keeper = None;
        self.idle().clear();
        let of_board = (&self.config.store, self.config.capacity.slots.max(1));
        match Keeper::start(&self.client, of_board, &self.subject).await {
            Ok(keeper) => {
                let keeper = Arc::new(keeper);
                *connection = Connection { keeper: Some(Arc::clone(&keeper)), refused: None };
                Ok(keeper)
            }
            Err(error) => {
                if let ExecError::Unusable { detail, .. } = &error {
                    connection.refused = Some((Instant::now(), detail.clone()));
                }
                Err(error)
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        // Workers are pushed and popped whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A shell there: one that rests, or a new one.
    async fn worker(&self, keeper: &Arc<Keeper>) -> Result<Worker, ExecError> {
        if let Some(worker) = self.rested(keeper) {
            return Ok(worker);
        }
        // The semaphore is never closed.
        let _permit = self.starting.acquire().await;
        match self.rested(keeper) {
            Some(worker) => Ok(worker),
            None => Worker::start(&self.client, keeper, &self.subject).await,
        }
    }

    fn rested(&self, keeper: &Arc<Keeper>) -> Option<Worker> {
        let mut idle = self.idle();
        idle.retain_mut(|worker| worker.is_of(keeper));
        idle.pop()
    }

    /// Sends a job, waits for a slot there, and for the compile.
    async fn compile(
        &self,
        worker: &mut Worker,
        keeper: &Keeper,
        request: &Request,
        job: &Job,
    ) -> Result<(Answer, Sent), ExecError> {
        let send = self.config.timeouts.send;
        let asked = (request.outputs, request.inputs.len());
        let started = Instant::now();
        let mut sent = Sent { bytes: request.head.len() as u64, upload: Duration::ZERO };
        if let Err(failure) = worker.send_head(request.head.clone(), send).await {
            return Err(self.unsent(worker, failure).await);
        }
        for input in request.inputs.iter().filter(|input| !input.is_there) {
            sent.bytes += self.send_input(worker, input).await?;
        }
        sent.upload = started.elapsed();
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        // What was sent though it should have been there.
        let mut again: Vec<usize> = Vec::new();
        let answer = loop {
            if let Err(failure) = worker.go(send).await {
                return Err(self.unsent(worker, failure).await);
            }
            match self.answer(worker, asked).await? {
                // What was there is gone: evicted, or damaged.
                Answer::Lacks(lacking) if lacking.iter().all(|at| !again.contains(at)) => {
                    again.extend_from_slice(&lacking);
                    let inputs = lacking.iter().filter_map(|at| request.inputs.get(*at));
                    for input in inputs {
                        input.hash.iter().for_each(|it| keeper.stored.forget(*it, input.form));
                        sent.bytes += self.send_input(worker, input).await?;
                    }
                }
                Answer::Early(size) => {
                    self.receive_early(worker, job, size).await?;
                    break self.answer(worker, asked).await?;
                }
                Answer::Lacks(_) => {
                    return Err(self.subject.protocol("it lacks inputs that it was just sent"));
                }
                answer => break answer,
            }
        };
        if let Answer::Done { .. } = answer {
            for input in &request.inputs {
                input.hash.iter().for_each(|it| keeper.stored.add(*it, input.form));
            }
            let new = request.inputs.iter().filter(|it| !it.is_there && it.hash.is_some());
            keeper.note_added(new.map(|input| input.size).sum());
        }
        Ok((answer, sent))
    }

    /// The next answer of a worker that compiles.
    async fn answer(
        &self,
        worker: &mut Worker,
        asked: (usize, usize),
    ) -> Result<Answer, ExecError> {
        match worker.answer(asked, self.config.timeouts.compile).await {
            Ok(answer) => Ok(answer),
            Err(Unanswered::Failure(failure)) => Err(self.subject.failed(failure, COMPILING)),
            Err(Unanswered::Odd(error)) => Err(self.subject.protocol(error.to_string())),
        }
    }

    async fn receive_early(
        &self,
        worker: &mut Worker,
        job: &Job,
        size: u64,
    ) -> Result<(), ExecError> {
        let early = job.of_crate.as_ref().and_then(|it| it.early.as_ref());
        let Some(early) = early else {
            return Err(self.subject.protocol("it sent an output that wasn't asked for yet"));
        };
        let place = match early.output.checked_sub(1) {
            None => Some(&job.object),
            Some(side) => job.side_outputs.get(side).map(|it| &it.path),
        };
        let Some(place) = place else { return Ok(()) };
        let receive = self.config.timeouts.receive;
        let place = (place.as_path(), job.umask);
        let file = reply::file(&mut worker.incoming, size, receive, place).await;
        // Nobody may wait for it any more.
        let _ = early.to.send(file.map_err(|error| self.not_received(error, job))?);
        Ok(())
    }

    async fn send_input(&self, worker: &mut Worker, input: &Input) -> Result<u64, ExecError> {
        let content = input.wire().await;
        let content = content.map_err(|(path, source)| ExecError::Input { path, source })?;
        match worker.send_content(content, self.config.timeouts.send).await {
            Ok(sent) => Ok(sent),
            Err(failure) => Err(self.unsent(worker, failure).await),
        }
    }

    /// A job couldn't be sent: a script that gave up has said why before it went.
    async fn unsent(&self, worker: &mut Worker, failure: Failure) -> ExecError {
        /// What was said is here already.
        const SAID: Duration = Duration::from_secs(1);
        match worker.answer((0, 0), SAID).await {
            Ok(Answer::Failed { word, text }) => self.subject.gave_up(&word, &text),
            _ => self.subject.failed(failure, SENDING),
        }
    }

    fn not_received(&self, error: BodyError, job: &Job) -> ExecError {
        match error {
            BodyError::Cut(failure) => self.subject.failed(failure, RECEIVING),
            BodyError::Output(source) => ExecError::Output { path: job.object.clone(), source },
        }
    }
}

#[async_trait]
impl Executor for SshExecutor {
    fn host(&self) -> &str {
        &self.config.name
    }

    fn capacity(&self) -> Capacity {
        self.config.capacity
    }

    fn returns_side_outputs(&self) -> bool {
        true
    }

    fn takes_crates(&self) -> bool {
        true
    }

    /// Connects if need be, and asks the session there for a sign of life. A compile is what proves more.
    async fn probe(&self) -> Result<(), ExecError> {
        const PROBING: &str = "being probed";
        let keeper = self.keeper().await?;
        keeper
            .ping(self.config.timeouts.connect)
            .await
            .map_err(|failure| self.subject.failed(failure, PROBING))
    }

    /// Dropping the future has the compiler killed there, at once.
    async fn execute(&self, job: SharedJob) -> Result<Outcome, ExecError> {
        let receive = self.config.timeouts.receive;
        let keeper = self.keeper().await?;
        let terms = Terms {
            unpacks: keeper.unpacks && self.config.compression == Compression::Auto,
            stored: Some(&keeper.stored).filter(|_| keeper.keeps()),
        };
        let unsendable = |error| match error {
            RequestError::Input(path, source) => ExecError::Input { path, source },
            error => self.subject.refused(error.to_string()),
        };
        let directory = match job.directory_length {
            // Where it runs in its room.
            None if job.of_crate.is_some() => job.of_crate.as_ref().map(|it| it.cwd.clone()),
            Some(length) => Some(
                directory_name(length)
                    .ok_or(RequestError::Directory(length))
                    .map_err(unsendable)?,
            ),
            None => None,
        };
        let request = Request::new(&job, directory.as_deref(), terms).await.map_err(unsendable)?;
        let mut worker = self.worker(&keeper).await?;
        let before = worker.incoming.received;
        let wanted = request.outputs;
        let (answer, sent) = self.compile(&mut worker, &keeper, &request, &job).await?;
        let (status, stdout, stderr, sizes) = match answer {
            Answer::Done { status, stdout, stderr, outputs } => (status, stdout, stderr, outputs),
            Answer::NoCompiler => {
                worker.rest();
                self.idle().push(worker);
                let (compiler, to) = (job.compiler.to_string_lossy(), &self.subject.destination);
                return Err(self.subject.refused(format!(
                    "it has no {}: install it there, where the PATH of `ssh {to} env` finds it, or `farmbuild toolchain push` \
                     the one here",
                    compiler.escape_debug()
                )));
            }
            Answer::Failed { word, text } => return Err(self.subject.gave_up(&word, &text)),
            Answer::NoRoom => {
                worker.rest();
                self.idle().push(worker);
                return Err(self.subject.refused(
                    "it can't show a crate's files at their places: `unshare -rm true` must succeed there, as it does where \
                     user namespaces are allowed",
                ));
            }
            // Answered before.
            Answer::Lacks(_) | Answer::Early(_) => {
                return Err(self.subject.protocol("it answered out of turn"));
            }
        };
        let incoming = &mut worker.incoming;
        let cut = |error| self.not_received(error, &job);
        let stdout = reply::text(incoming, stdout, receive).await.map_err(cut)?;
        let stderr = reply::text(incoming, stderr, receive).await.map_err(cut)?;
        let places = std::iter::once(&job.object).chain(job.side_outputs.iter().map(|it| &it.path));
        let mut files = Vec::with_capacity(sizes.len());
        for (size, place) in sizes.iter().zip(places) {
            files.push(match size {
                Some(size) => {
                    let place = (place.as_path(), job.umask);
                    Some(reply::file(incoming, *size, receive, place).await.map_err(cut)?)
                }
                None => None,
            });
        }
        let received = incoming.received - before;
        worker.rest();
        self.idle().push(worker);
        self.judge(status, &stderr)?;
        let mut files = files.into_iter();
        let object = files.next().flatten();
        let of_crate = job.of_crate.is_some();
        if status.success() && !of_crate && (object.is_none() || sizes.first() == Some(&Some(0))) {
            return Err(self
                .subject
                .refused("it sent no object for a successful compile; is its disk full?"));
        }
        let traffic = Traffic { sent: sent.bytes, received, upload: sent.upload };
        debug!(job = %job.id, host = self.host(), ?status, ?traffic, "compiled");
        let asked = wanted > 1 || directory.is_some();
        let beside = asked.then(|| Box::new(Beside { files: files.collect(), directory }));
        Ok(Outcome { status, stdout, stderr, object, beside, traffic })
    }
}

impl SshExecutor {
    /// Whether a compile ended for a reason of the host's own.
    fn judge(&self, status: CompilerStatus, stderr: &[u8]) -> Result<(), ExecError> {
        match status {
            CompilerStatus::Signaled(signal) if killed_from_outside(signal) => {
                Err(self.subject.refused(format!(
                    "its compiler was killed by signal {signal}; is its memory full?"
                )))
            }
            CompilerStatus::Exited(code) if code != 0 => match host_fault_in(stderr) {
                Some(fault) => Err(self.subject.refused(fault)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
