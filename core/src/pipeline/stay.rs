//! Why a job runs at home: every reason has a word, which `farmbuild stats` counts, and a sentence.

use std::fmt;

use super::crates::CrateStay;
use super::toolchain::ToolchainError;
use crate::analysis::{AnalysisError, Refused};
use crate::fidelity::{Caveat, Hazard};
use crate::scheduler::HomeReason;

/// Why a job runs at home.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stay {
    /// Its command line says so.
    Refused(Refused),
    /// Its command line can't be told.
    Unreadable(AnalysisError),
    /// Its compiler isn't known.
    Toolchain(ToolchainError),
    /// It couldn't be proven that this compiler with these flags gives the same code elsewhere.
    Unproven(String),
    /// Debug info would differ in more than the compiler's name for itself.
    DebugInfo(Caveat),
    /// The compiler's name for itself would differ in debug info, and the farm asks for strict fidelity.
    Strict(Caveat),
    /// A warning that was asked for would be lost.
    LosesWarnings,
    /// Its text means something else elsewhere.
    Hazard(Hazard),
    /// Its source is preprocessed already and lacks what names its origin.
    NoOrigin,
    /// A precompiled header lies beside a header that it includes by option.
    PrecompiledHeader,
    /// Preprocessing failed or had something to say; the compiler says it again, in full.
    PreprocessorSaid,
    /// The compile elsewhere failed or had something to say; the local compiler says it in its own words.
    CompilerSaid,
    /// What came back isn't what it should be.
    OddObject(String),
    /// Its output isn't a regular file, or can't be written.
    Output(String),
    /// It is a crate of Rust that doesn't travel.
    Crate(CrateStay),
    /// The scheduler sent it home.
    Farm(HomeReason),
}

impl Stay {
    /// The word behind `jobs.local.` in `farmbuild stats`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.reason.name(),
            Self::Unreadable(_) => "unreadable-arguments",
            Self::Toolchain(_) => "unknown-compiler",
            Self::Unproven(_) => "unproven",
            Self::DebugInfo(_) => "debug-info",
            Self::Strict(_) => "strict-fidelity",
            Self::LosesWarnings => "loses-warnings",
            Self::Hazard(_) => "text-hazard",
            Self::NoOrigin => "no-origin",
            Self::PrecompiledHeader => "precompiled-header",
            Self::PreprocessorSaid => "preprocessor-said",
            Self::CompilerSaid => "compiler-said",
            Self::OddObject(_) => "odd-object",
            Self::Output(_) => "output",
            Self::Crate(stay) => stay.name(),
            Self::Farm(reason) => reason.name(),
        }
    }

    /// Whether the farm failed a job that it should have run.
    #[must_use]
    pub fn is_the_farms_fault(&self) -> bool {
        match self {
            Self::Farm(reason) => !matches!(
                reason,
                HomeReason::NoHosts
                    | HomeReason::HomeIsFree
                    | HomeReason::OutputUnwritable
                    | HomeReason::InputUnreadable
            ),
            Self::OddObject(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Stay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Unreadable(error) => error.fmt(f),
            Self::Toolchain(error) => error.fmt(f),
            Self::Unproven(why) => {
                write!(f, "the compile can't be split without changing its code: {why}")
            }
            Self::DebugInfo(caveat) => caveat.fmt(f),
            Self::Strict(caveat) => write!(f, "{caveat}, and the farm's fidelity is strict"),
            Self::LosesWarnings => {
                f.write_str("warnings that were asked for would be lost elsewhere")
            }
            Self::Hazard(hazard) => hazard.fmt(f),
            Self::NoOrigin => {
                f.write_str("its preprocessed source doesn't say which directory it comes from")
            }
            Self::PrecompiledHeader => f.write_str("a precompiled header may be used"),
            Self::PreprocessorSaid => f.write_str("preprocessing had something to say"),
            Self::CompilerSaid => f.write_str("the compiler had something to say"),
            Self::OddObject(what) => write!(f, "the object that came back is odd: {what}"),
            Self::Output(what) => write!(f, "its output can't be put in place: {what}"),
            Self::Crate(stay) => stay.fmt(f),
            Self::Farm(reason) => reason.fmt(f),
        }
    }
}
