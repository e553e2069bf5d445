//! What becomes of a job, and what it brings with it.

use std::ffi::OsString;
use std::path::Path;

use bytes::Bytes;

use super::cache::{Cache, CacheMode, Hit, Miss, Uncached};
use super::stay::Stay;
use crate::budget::{LocalPermit, TokenSource};
use crate::executor::Traffic;
use crate::job::CompilerStatus;
use crate::protocol::message::BuildId;
use crate::scheduler::Fault;

/// What became of a job.
pub enum Answer {
    /// Its result was in the cache; its outputs are in place.
    Hit(Hit),
    /// A host compiled it, without a word; its outputs are in place.
    Done {
        /// The host.
        host: String,
        /// How the compiler ended there.
        status: CompilerStatus,
        /// What it printed on standard output.
        stdout: Bytes,
        /// What it printed on standard error.
        stderr: Bytes,
        /// Lines of its source.
        lines: u64,
        /// What went over the wire.
        traffic: Traffic,
        /// Something to tell people once.
        notice: Option<String>,
        /// Hosts that failed it before.
        faults: Vec<Fault>,
        /// Why its result wasn't kept.
        uncached: Option<Uncached>,
        /// Samples that won't be compiled again, because this one came.
        samples_dropped: u64,
    },
    /// The caller is to run it here.
    Home {
        /// Why.
        reason: Stay,
        /// Local CPU for it; `None` for a job that needs none to speak of.
        permit: Option<LocalPermit>,
        /// Lines of its source.
        lines: u64,
        /// Bytes of its preprocessed text, if it came to that: tell [`super::Pipeline::note_home`] how long it took.
        bytes: Option<u64>,
        /// Hosts that failed it before.
        faults: Vec<Fault>,
        /// Who wants the result, if it succeeds; or why nobody does, where there is a cache.
        result: Wanted,
        /// Arguments to add to its own, in front of what [`Miss::telling_args`] asks for.
        extra: Vec<OsString>,
    },
}

/// What is to become of the result of a compile.
pub enum Wanted {
    /// It is to be given to the cache.
    By(Box<dyn Miss>),
    /// The cache has no use for it.
    Not(Uncached),
    /// There is no cache, or none is to be written.
    Nowhere,
}

/// What a job brings with it beside its command line.
#[derive(Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// Under somebody else's jobserver: where local work takes its tokens from.
    pub tokens: Option<&'a dyn TokenSource>,
    /// The cache to ask, and what it may be used for.
    pub cache: Option<(&'a dyn Cache, CacheMode)>,
    /// As [`cache::Question::terminal`](super::cache::Question::terminal).
    pub terminal: &'a str,
    /// As [`cache::Question::null_input`](super::cache::Question::null_input).
    pub null_input: bool,
    /// As [`cache::Question::base`](super::cache::Question::base).
    pub base: Option<&'a Path>,
    /// The build that it belongs to.
    pub build: Option<BuildId>,
    /// Passes on what the compiler has said on standard error while it still runs. It isn't in the answer then, and a
    /// compile at home says it again.
    pub early: Option<&'a (dyn Fn(Bytes) + Send + Sync)>,
}

impl Wanted {
    /// The same, but for a lookup whose result isn't to be kept.
    pub(super) fn if_kept(self) -> Self {
        match self {
            Self::By(miss) if !miss.keeps() => Self::Nowhere,
            other => other,
        }
    }
}

impl Answer {
    /// The hosts that failed the job before it found its place.
    pub fn retried(&self) -> impl Iterator<Item = &String> {
        let faults = match self {
            Self::Done { faults, .. } | Self::Home { faults, .. } => faults.as_slice(),
            Self::Hit(_) => &[],
        };
        faults.iter().map(|fault| &fault.host)
    }
}
