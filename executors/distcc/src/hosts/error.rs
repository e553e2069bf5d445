//! What can be wrong with a host list, and where.

use crate::AddressError;

/// A word of a host list that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: \"{}\": {problem}", .word.escape_debug())]
pub struct HostListError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The word.
    pub word: String,
    /// What is wrong with it.
    pub problem: HostListProblem,
}

/// What is wrong with a word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostListProblem {
    /// `,cpp`.
    #[error(
        "pump mode (,cpp) is not supported: preprocessing is done here; write the host without it"
    )]
    Pump,
    /// `,auth`.
    #[error(
        "GSSAPI authentication (,auth) is not supported; reach that host by ssh, with via = \"ssh\" in farm.toml"
    )]
    Auth,
    /// `@HOST`, `USER@HOST`.
    #[error("distcc over ssh (@) is not supported here; give the host via = \"ssh\" in farm.toml")]
    Ssh,
    /// `+zeroconf`.
    #[error("hosts can't be found by Zeroconf; list them by name")]
    Zeroconf,
    /// A word with a dash that distcc doesn't know.
    #[error(
        "there is no such option; distcc has --randomize, --localslots=N and --localslots_cpp=N"
    )]
    UnknownGlobalOption,
    /// A word behind a comma that distcc doesn't know.
    #[error("there is no host option \",{0}\"; there is \",lzo\"")]
    UnknownHostOption(String),
    /// `/LIMIT` or the number of an option.
    #[error("\"{0}\" is no number of jobs (1 or more)")]
    BadLimit(String),
    /// `/LIMIT` twice, or a port twice.
    #[error("there is more than one {0}")]
    Repeated(&'static str),
    /// The host or its port.
    #[error(transparent)]
    Address(#[from] AddressError),
}
