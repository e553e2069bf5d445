//! What the pipeline asks of a cache of results, without knowing how one keeps them.
//!
//! A job is looked up before anything of it has run. What isn't found comes back as a [`Miss`], which is asked again
//! when the job's preprocessed text is there, and is given the result at the end.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::home::Home;
use crate::analysis::Analysis;
use crate::job::Invocation;
use crate::staging::StagedFile;

/// What a cache may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheMode {
    /// Nothing.
    Off,
    /// Results are looked up, and none is kept.
    Read,
    /// Results are looked up and kept.
    #[default]
    ReadWrite,
}

impl CacheMode {
    /// The mode that the environment variable `FARMBUILD_CACHE` names; `None` if it is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "read" => Some(Self::Read),
            "readwrite" | "" => Some(Self::ReadWrite),
            _ => None,
        }
    }
}

/// A job to be looked up.
#[derive(Clone)]
pub struct Question {
    /// The invocation.
    pub invocation: Arc<Invocation>,
    /// What it is.
    pub analysis: Arc<Analysis>,
    /// Where messages go, as far as it shows in them: empty for a file or a pipe, else the terminal's kind and width.
    pub terminal: String,
    /// Whether standard input is known to be empty.
    pub null_input: bool,
    /// A directory whose name is not to matter: results are shared with other directories in its place. The compile maps
    /// it away in what it writes.
    pub base: Option<PathBuf>,
    /// What the cache may be used for.
    pub mode: CacheMode,
}

/// A result that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The tier that found it, as `farmbuild stats` counts it.
    pub tier: &'static str,
    /// What the compiler printed on standard output.
    pub stdout: Bytes,
    /// What it printed on standard error.
    pub stderr: Bytes,
    /// Lines of its source.
    pub lines: u64,
}

/// Why a job isn't cached: a word for statistics and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncached {
    /// The word behind `jobs.uncached.` in `farmbuild stats`.
    pub name: &'static str,
    /// One sentence without a full stop.
    pub sentence: String,
}

impl fmt::Display for Uncached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// What a lookup comes to.
pub enum LookUp {
    /// The outputs are in their places.
    Hit(Hit),
    /// The job has to run, or its text decides.
    Miss(Box<dyn Miss>),
    /// The job has to run, and its result isn't kept.
    Uncached(Uncached),
}

/// How the text of a job was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// By `-E`: no macro is left in it.
    Expanded,
    /// In the form in which it travels.
    Travelling(&'static str),
}

/// A job's preprocessed text.
pub struct Text<'a> {
    /// How it was made.
    pub kind: TextKind,
    /// The text.
    pub bytes: &'a Bytes,
    /// The dependency file that preprocessing wrote, not yet in its place.
    pub dependencies: Option<&'a mut StagedFile>,
}

/// How a compile that ended may be kept.
pub struct Compiled {
    /// What it printed on standard output.
    pub stdout: Bytes,
    /// What it printed on standard error.
    pub stderr: Bytes,
    /// Every file that it read, as named in the rule that the compiler wrote, if it was asked to write one on the
    /// side; otherwise its own dependency file, or its text, tells.
    pub dependencies: Option<Bytes>,
    /// Lines of its source.
    pub lines: u64,
}

/// A job that wasn't found.
#[async_trait]
pub trait Miss: Send + Sync {
    /// Whether it is worth preprocessing the job for the sake of looking it up: it was seen before, with other headers.
    fn wants_text(&self) -> bool;

    /// Whether a job that travels is worth a second preprocessing, which expands its macros, before it does.
    fn wants_expanded_text(&self) -> bool {
        false
    }

    /// Whether the result is wanted.
    fn keeps(&self) -> bool;

    /// Looks the job up by its text. Of a hit, all outputs but the dependency file are in their places.
    async fn look_up_text(&mut self, text: Text<'_>) -> Option<Hit>;

    /// What the compile must be given beside its own arguments so that it tells what it reads: the file that is to
    /// follow the last of them isn't part of it, within the argument where that ends in `=`. Empty if it tells by itself.
    fn telling_args(&self) -> Vec<OsString>;

    /// Takes the result of a compile that succeeded, its outputs in their places. When this returns, outputs may change.
    /// What comes back says why the result is of no use.
    async fn keep(self: Box<Self>, compiled: Compiled) -> Option<Uncached>;
}

/// A cache of results.
#[async_trait]
pub trait Cache: Send + Sync {
    /// Looks a job up before anything of it has run; may run its compiler on `home` to ask what it is.
    async fn look_up(&self, question: Question, home: &Arc<dyn Home>) -> LookUp;
}
