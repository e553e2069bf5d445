//! The farm as people write it down: which machines there are and how much they take.
//!
//! [`source`] decides where it is written (a file, a host list in the environment, nowhere), [`mod@file`] reads
//! `farm.toml`, [`hosts`] reads distcc's host lists. What comes out is a [`FarmConfig`], which [`executors`] turns
//! into executors. Nothing here talks to a host.

pub(crate) mod executors;
pub(crate) mod file;
pub(crate) mod hosts;
pub(crate) mod source;

use std::io;
use std::path::PathBuf;
use std::thread;

/// A farm, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FarmConfig {
    pub(crate) local: LocalConfig,
    pub(crate) hosts: Vec<HostConfig>,
    /// What people should know: settings that have no effect yet, doubtful values.
    pub(crate) warnings: Vec<String>,
}

/// This machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalConfig {
    /// Preprocessing, compiles and links at the same time.
    pub(crate) slots: usize,
    /// Whether a job whose bytes can't be proven may travel.
    pub(crate) fidelity: Fidelity,
}

impl Default for LocalConfig {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { slots: cores, fidelity: Fidelity::Default }
    }
}

/// See promise 1 of the design: code never differs; this is about debug info.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fidelity {
    /// A job may travel if nothing but a named detail of its debug info can differ.
    #[default]
    Default,
    /// A job travels only if its object is proven identical.
    Strict,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HostConfig {
    pub(crate) name: String,
    pub(crate) via: Via,
    pub(crate) address: String,
    pub(crate) slots: usize,
    pub(crate) queue: usize,
    pub(crate) lzo: bool,
}

/// The transport to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Via {
    Distcc,
    Ssh,
}

/// Why a farm can't be used. Each names the place and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FarmError {
    #[error("can't read the farm file {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the farm file {}: {error}", .path.display())]
    File { path: PathBuf, error: file::FileError },
    #[error("the host file {}: {error} (a farm file's name ends in .toml)", .path.display())]
    HostFile { path: PathBuf, error: hosts::HostListError },
    #[error("{variable}: {error}")]
    Hosts { variable: &'static str, error: hosts::HostListError },
    #[error(
        "the farm file {0} is not an absolute path; give `--farm FILE` to `farmbuild`, or set FARMBUILD_FARM to an absolute path"
    )]
    Relative(String),
}
