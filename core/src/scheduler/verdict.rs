//! What becomes of a job: done on a host, or sent home for a named reason.

use std::fmt;

use serde::Serialize;

use crate::budget::LocalPermit;
use crate::executor::Outcome;

/// What the scheduler says of a job, exactly once.
#[derive(Debug)]
pub enum Verdict {
    /// A host compiled it (or found it wrong: that is in the outcome's status).
    Done {
        /// The host's name.
        host: String,
        /// What it brought back.
        outcome: Outcome,
        /// The hosts that failed the job before.
        faults: Vec<Fault>,
    },
    /// It is to be compiled on this machine.
    Home {
        /// Why.
        reason: HomeReason,
        /// The local slot that was taken for it, where it came home for a spare one.
        permit: Option<LocalPermit>,
        /// The hosts that failed the job before.
        faults: Vec<Fault>,
    },
}

/// One host's failure at one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The host's name.
    pub host: String,
    /// The executor's error.
    pub error: String,
}

/// Why a job goes home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HomeReason {
    /// The farm has no hosts.
    NoHosts,
    /// Every host that could run it is set aside.
    AllHostsDown,
    /// No host was vetted in time.
    NoHostVetted,
    /// No host has the local compiler's equal.
    NoHostHasCompiler,
    /// Every host that could run it is set aside for wrong bytes.
    HostsInDoubt,
    /// It failed on as many hosts as it may, or on all there are.
    AttemptsUsedUp,
    /// Every board is busy and a local slot was spare.
    HomeIsFree,
    /// Its output can't be written on this machine; the local compiler will say so in its own words.
    OutputUnwritable,
    /// An input can't be read on this machine, or was changed meanwhile.
    InputUnreadable,
}

impl HomeReason {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::NoHosts,
        Self::AllHostsDown,
        Self::NoHostVetted,
        Self::NoHostHasCompiler,
        Self::HostsInDoubt,
        Self::AttemptsUsedUp,
        Self::HomeIsFree,
        Self::OutputUnwritable,
        Self::InputUnreadable,
    ];

    /// Its name in `farmbuild stats`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoHosts => "no-hosts",
            Self::AllHostsDown => "all-hosts-down",
            Self::NoHostVetted => "no-host-vetted",
            Self::NoHostHasCompiler => "no-host-has-compiler",
            Self::HostsInDoubt => "hosts-in-doubt",
            Self::AttemptsUsedUp => "attempts-used-up",
            Self::HomeIsFree => "home-is-free",
            Self::OutputUnwritable => "output-unwritable",
            Self::InputUnreadable => "input-unreadable",
        }
    }

    /// Why the job stays home, for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoHosts => "no farm is configured",
            Self::AllHostsDown => "no host could be reached; see `farmbuild hosts`",
            Self::NoHostVetted => "no host answered the first canary in time",
            Self::NoHostHasCompiler => {
                "no host has this very compiler; see `farmbuild hosts --check`"
            }
            Self::HostsInDoubt => {
                "its host gave wrong bytes and is set aside; see `farmbuild hosts`"
            }
            Self::AttemptsUsedUp => "hosts failed it; see `farmbuild hosts`",
            Self::HomeIsFree => "every board was busy and this machine wasn't",
            Self::OutputUnwritable => "its output can't be written here",
            Self::InputUnreadable => "an input can't be read here, or was changed meanwhile",
        }
    }
}

impl fmt::Display for HomeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}
