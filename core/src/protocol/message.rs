//! The requests that the daemon answers, and its replies.
//!
//! One connection carries one request and its replies. A connection that closes cancels what it asked for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::job::{CompilerStatus, Invocation};
use crate::pipeline::sampling::burn_in::Burned;

/// A compiler invocation on the wire. Paths are `OsString`s because a path needn't be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// The real compiler.
    pub program: OsString,
    /// `argv` as the build gave it.
    pub argv: Vec<OsString>,
    /// The wrapper's working directory.
    pub cwd: OsString,
    /// The wrapper's environment.
    pub env: Vec<(OsString, OsString)>,
    /// The wrapper's file mode creation mask.
    pub umask: u32,
    /// What shows of the terminal in a compiler's messages, if they go to one; else empty.
    pub terminal: String,
    /// Whether standard input is the null device. Only asked for a command line that may read it.
    pub null_input: bool,
}

impl JobRequest {
    /// The value of an environment variable.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        var(&self.env, name)
    }
}

impl From<JobRequest> for Invocation {
    fn from(request: JobRequest) -> Self {
        let JobRequest { program, argv, cwd, env, umask, terminal: _, null_input: _ } = request;
        Self { program: program.into(), argv, cwd: cwd.into(), env, umask }
    }
}

/// The value of `name` in an environment.
#[must_use]
pub fn var<'a>(env: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
}

/// Names the build that a job belongs to; in the environment of its processes as `FARMBUILD_BUILD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BuildId(pub u64);

/// What is asked of the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Run one compiler invocation. Answered by one [`Reply::Done`], [`Reply::RunHere`] or
    /// [`Reply::Failed`], and before it by any number of [`Reply::Said`].
    Job(JobRequest),
    /// Run one compiler invocation of which the program isn't known yet: it is the compiler that `argv[0]` stands for on the
    /// job's PATH, both as the build gave them. For an absolute name or one without a slash, on a PATH of absolute
    /// directories. Answered as a [`Request::Job`]. The front writes it by hand, and counts on its being the second.
    Masqueraded(JobRequest),
    /// Open a build, which lasts as long as the connection. Answered by [`Reply::Build`], then [`Reply::Progress`]
    /// whenever something changed, until the other side sends [`BuildNote::End`].
    Build {
        /// The build's name, chosen by its owner, so that it can be opened again after a daemon died.
        id: BuildId,
        /// The build's environment: it chooses the farm.
        env: Vec<(OsString, OsString)>,
        /// Whether local work is to take tokens of an outer jobserver, through this connection.
        outer_tokens: bool,
    },
    /// The farm that this environment chooses. Answered by [`Reply::Hosts`].
    Hosts {
        /// The caller's environment.
        env: Vec<(OsString, OsString)>,
        /// Ask each host now, with a canary compile by this compiler.
        check: Option<OsString>,
    },
    /// Keep a host busy and compare what it makes. Answered by [`Reply::BurnIn`], now and then and at the end.
    BurnIn {
        /// The caller's environment.
        env: Vec<(OsString, OsString)>,
        /// The host.
        host: String,
        /// The compilers; those that a farm usually has if none is named.
        compilers: Vec<OsString>,
        /// For how long.
        seconds: u64,
        /// How many jobs at most.
        jobs: Option<u64>,
    },
    /// Give a host jobs again that was set aside for wrong bytes. Answered by [`Reply::Hosts`].
    Trust {
        /// The caller's environment.
        env: Vec<(OsString, OsString)>,
        /// The host.
        host: String,
    },
    /// The counters since they were last set to zero. Answered by [`Reply::Stats`].
    Stats {
        /// Set them to zero afterwards.
        zero: bool,
    },
    /// What came of the last lookups in the cache. Answered by [`Reply::Why`].
    Why {
        /// The caller's environment.
        env: Vec<(OsString, OsString)>,
        /// The source, absolute, or the end of its path.
        source: OsString,
    },
    /// Who is there. Answered by [`Reply::Status`].
    Status,
    /// End the jobs, then exit. Answered by [`Reply::Status`].
    Stop,
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The job ran; its outputs are in place.
    Done {
        /// The compiler's exit status.
        status: i32,
        /// What it printed on standard output.
        stdout: Vec<u8>,
        /// What it printed on standard error.
        stderr: Vec<u8>,
    },
    /// The compiler runs still, and has said this on standard error. Another reply follows. A compile in the place of the
    /// wrapper says it again: once is enough.
    Said {
        /// What it said.
        stderr: Vec<u8>,
    },
    /// Run the compiler in the place of the wrapper: local CPU is granted until the process ends.
    RunHere {
        /// Keep the connection open across `exec`, because the daemon can't watch the process otherwise.
        keep_open: bool,
        /// Arguments to add to the compiler's own.
        extra: Vec<OsString>,
    },
    /// Run the compiler as a child of the wrapper and tell how it went, by [`WrapperNote`]s.
    RunAndTell {
        /// Arguments to add to the compiler's own.
        extra: Vec<OsString>,
        /// More of them. If there are any, the last one wants the name of a file behind it, which the wrapper makes up; its
        /// content is to be told. One that ends in `=` has that name within it.
        telling: Vec<OsString>,
    },
    /// What a wrapper told has been taken in: the outputs may change now.
    Kept,
    /// The job was not run (`FARMBUILD_FALLBACK=0`) or the request can't be served; a sentence for people.
    Failed(String),
    /// A build is open.
    Build {
        /// Where it stands.
        progress: Progress,
        /// What people should know about the farm's configuration.
        warnings: Vec<String>,
    },
    /// A build's progress.
    Progress(Progress),
    /// Local work of the build wants a token of the outer jobserver. Answered by [`BuildNote::Token`].
    TokenWanted,
    /// A token of the outer jobserver is no longer needed.
    TokenReturned,
    /// The end of a build is held up: objects of a host that gave wrong bytes are being made again.
    Settling,
    /// The last message of a build.
    Summary(Summary),
    /// The farm.
    Hosts(FarmReport),
    /// How a burn-in goes.
    BurnIn {
        /// So far.
        burned: Burned,
        /// It has ended.
        ended: bool,
    },
    /// The counters.
    Stats(Counters),
    /// The last lookups, of one source or of several whose paths end alike.
    Why(Vec<Why>),
    /// The daemon.
    Status(DaemonStatus),
}

/// What the owner of an open build says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BuildNote {
    /// A token of the outer jobserver is granted.
    Token,
    /// The build's command ended: send the summary.
    End,
}

/// What a wrapper tells of the compiler that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WrapperNote {
    /// The compiler runs, as this process.
    Started(u32),
    /// It succeeded. Answered by [`Reply::Kept`]. Of a compiler that failed nothing is told.
    Succeeded {
        /// What it printed on standard output.
        stdout: Vec<u8>,
        /// What it printed on standard error.
        stderr: Vec<u8>,
        /// The content of the file whose name was added to its arguments.
        told: Option<Vec<u8>>,
    },
}

/// Where a build stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Jobs that ended.
    pub done: u64,
    /// Jobs in flight, preprocessing, local and remote.
    pub in_flight: u64,
    /// Of those, jobs compiling at home.
    pub at_home: u64,
    /// Lines compiled.
    pub lines: u64,
    /// Jobs in flight on each host.
    pub hosts: Vec<(String, u64)>,
    /// Hosts that take no jobs now.
    pub down: Vec<String>,
    /// How many jobs the farm and this machine take at once, now.
    pub capacity: u64,
}

/// A build's end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What was counted for this build.
    pub counters: Counters,
    /// Things to say once, in whole sentences (a host set aside, debug info that isn't exact).
    pub notices: Vec<String>,
    /// Objects that a host made wrongly, or may have: what was made of them can't be trusted.
    #[serde(default)]
    pub untrusted: Vec<Untrusted>,
}

/// An object of a host that gave wrong bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untrusted {
    /// The object.
    pub path: PathBuf,
    /// The host.
    pub host: String,
    /// `None` if it was made again and is right now; else why not.
    pub left: Option<String>,
}

/// What came of jobs that were compiled twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// The bytes were the same.
    pub agreed: u64,
    /// They weren't.
    pub differed: u64,
    /// Of those, the ones that nobody is to blame for.
    pub undecided: u64,
    /// Jobs that should have been compiled twice, and weren't.
    pub dropped: u64,
    /// Wrong objects that were made again.
    pub redone: u64,
}

/// What is counted, for one build or for the daemon's life.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// All jobs.
    pub total: u64,
    /// Jobs answered from the cache, by tier.
    pub hit: BTreeMap<String, u64>,
    /// Jobs whose result can't be kept in the cache, by reason.
    #[serde(default)]
    pub uncached: BTreeMap<String, u64>,
    /// Jobs that the cache's declaration tier didn't look at, by reason.
    #[serde(default)]
    pub undeclared: BTreeMap<String, u64>,
    /// How often a compiler read a source for what it says of new declarations, which isn't a compile.
    #[serde(default)]
    pub syntax_checks: u64,
    /// Jobs compiled by a host.
    pub remote: BTreeMap<String, u64>,
    /// Jobs run at home, by reason.
    pub local: BTreeMap<String, u64>,
    /// Jobs that a host failed and that ran elsewhere.
    pub retried: BTreeMap<String, u64>,
    /// Jobs compiled twice.
    #[serde(default)]
    pub samples: Samples,
    /// Lines compiled.
    pub lines: u64,
    /// Seconds that builds took.
    pub wall_seconds: f64,
    /// Bytes sent to hosts.
    pub sent: u64,
    /// Bytes received from hosts.
    pub received: u64,
    /// Of those, by host: sent and received.
    #[serde(default)]
    pub bytes: BTreeMap<String, (u64, u64)>,
}

/// The farm as the daemon sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FarmReport {
    /// Where the farm was read from, for people.
    pub source: String,
    /// What is wrong with it.
    pub warnings: Vec<String>,
    /// Local slots.
    pub local_slots: u64,
    /// The hosts.
    pub hosts: Vec<HostReport>,
}

/// One host as the daemon sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// Its name.
    pub name: String,
    /// Its transport.
    pub via: String,
    /// Its address.
    pub address: String,
    /// `up`, `down`, `checking` or `aside`.
    pub state: String,
    /// Why, for people.
    pub reason: Option<String>,
    /// Jobs it runs at once.
    pub slots: u64,
    /// Jobs sent beyond that.
    pub queue: u64,
    /// Jobs in flight.
    pub in_flight: u64,
    /// Jobs it ended.
    pub done: u64,
    /// Bytes that were sent to it for them.
    pub sent: u64,
    /// Bytes that it sent for them.
    pub received: u64,
    /// Jobs it failed.
    pub failed: u64,
    /// Source text it compiles, bytes a second and slot, once it is known.
    pub speed: Option<f64>,
    /// What is known of its compilers: the name there, and why it isn't used if it isn't.
    pub toolchains: Vec<ToolchainReport>,
    /// What it made wrongly, if it is set aside for that.
    #[serde(default)]
    pub doubt: Option<DoubtReport>,
}

/// Why a host is set aside for what it made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtReport {
    /// The file whose bytes were wrong.
    pub file: String,
    /// When that was found, in seconds since 1970.
    pub at: u64,
    /// Wrong objects that were made again.
    pub redone: Vec<PathBuf>,
    /// Objects that it made before and that weren't looked at.
    pub unchecked: Vec<PathBuf>,
}

impl DoubtReport {
    /// What follows upon the reason in a sentence about the host `name`.
    #[must_use]
    pub fn words(&self, name: &str) -> String {
        let mut words = format!("; `farmbuild hosts --burn-in {name}` takes it back if it passes");
        if !self.unchecked.is_empty() {
            words += &format!(
                ". Not looked at, and to be made again, is what it made for builds before: {}",
                paths(&self.unchecked)
            );
        }
        words
    }
}

/// Some paths for people: the first ones, and how many more there are.
#[must_use]
pub fn paths(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = paths.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What is known of one compiler on one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolchainReport {
    /// The compiler here.
    pub compiler: String,
    /// Its name there, if it made the same bytes as the one here.
    pub there: Option<String>,
    /// Why it isn't used.
    pub reason: Option<String>,
}

/// The last lookup of a source in the cache, for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The source, absolute.
    pub source: OsString,
    /// When, in seconds since 1970.
    pub at: u64,
    /// The tier that found it; `None` if none did.
    pub tier: Option<String>,
    /// What came of it, in a sentence.
    pub verdict: String,
    /// How it differed from the nearest result that is known: what was overlooked for a hit, and what stood in the way
    /// of one otherwise.
    pub changes: Vec<WhyChange>,
}

/// One difference from a result that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyChange {
    /// `file`, `appeared`, `macro`, `argument`, `variable`, `compiler`, `terminal`, `text`, `directory` or `more`.
    pub kind: String,
    /// Which one.
    pub what: String,
}

/// The daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Seconds since it started.
    pub uptime_seconds: f64,
    /// Open builds.
    pub builds: u64,
    /// Jobs in flight.
    pub jobs: u64,
}

/// The exit status that stands for `status` in a shell.
#[must_use]
pub fn exit_code(status: CompilerStatus) -> i32 {
    match status {
        CompilerStatus::Exited(code) => code,
        CompilerStatus::Signaled(signal) => 128 + signal,
    }
}

/// A path from the wire.
#[must_use]
pub fn path(text: &OsStr) -> PathBuf {
    PathBuf::from(text)
}
