//! distcc's host lists, as `$DISTCC_HOSTS` and host files hold them.
//!
//! The whole grammar of distcc(1), "HOST SPECIFICATIONS". What distcc can do and we don't (pump mode, GSSAPI, ssh in
//! this form, Zeroconf) is recognised and refused with a sentence. The result is a plain list that knows nothing of
//! `farm.toml`.

mod error;
mod parse;

pub use error::{HostListError, HostListProblem};
pub use parse::parse;

use crate::{Address, Compression};

/// How many jobs a remote host takes unless its `/LIMIT` says otherwise: distcc's own default.
pub const DEFAULT_LIMIT: usize = 4;
/// Likewise for `localhost`.
pub const DEFAULT_LOCAL_LIMIT: usize = 2;

/// A host list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostList {
    /// The remote hosts, in the list's order: distcc prefers those that come first.
    pub hosts: Vec<RemoteHost>,
    /// Where the word `localhost` stands: compile here too.
    pub local: Option<LocalHost>,
    /// `--localslots=N`: how many jobs that can't travel run here at the same time.
    pub local_slots: Option<usize>,
    /// `--localslots_cpp=N`: how many preprocessors run here at the same time.
    pub local_preprocessors: Option<usize>,
    /// `--randomize`: the order means nothing.
    pub randomize: bool,
}

/// A `TCP_HOST` of the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteHost {
    /// Where it listens.
    pub address: Address,
    /// The most jobs in flight there.
    pub slots: usize,
    /// `,lzo`.
    pub compression: Compression,
}

/// The `LOCAL_HOST` of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalHost {
    /// The most jobs at the same time.
    pub slots: usize,
    /// How many remote hosts stand before it in the list.
    pub position: usize,
}

#[cfg(test)]
mod tests;
