//! The variables of the environment that show in a crate before its sources are known.
//!
//! What the sources themselves ask for (`env!`) is in the dep-info. A procedural macro can ask behind rustc's back: what cargo
//! sets for a crate counts for one that macros may be expanded in.

use std::ffi::OsStr;

use farmbuild_core::analysis::{Refusal, Refused};
use farmbuild_core::job::Invocation;

/// Of cargo's variables, those that say nothing of the crate.
const NOISE: [&str; 5] = [
    "CARGO_MAKEFLAGS",
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_INCREMENTAL",
];
/// rustc's own that name the programs around it.
const AROUND: [&str; 3] = ["RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"];
/// What a link looks at, if only for its messages.
const LINK: [&str; 11] = [
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_MESSAGES",
    "LIBRARY_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "LD_RUN_PATH",
    "LDEMULATION",
    "SOURCE_DATE_EPOCH",
    "ZERO_AR_DATE",
];

/// A variable that keeps a compile from being cached.
pub(super) fn refused(invocation: &Invocation) -> Option<Refused> {
    let names = ["RUST_TARGET_PATH", "RUSTC_LOG", "RUSTC_ICE"];
    let set = invocation.env.iter().find(|(name, _)| names.iter().any(|it| name == it))?;
    Some(Refused { reason: Refusal::Environment, argument: Some(set.0.clone()) })
}

/// The variables that count, sorted, with their values; of some only whether they are set.
pub(super) fn counting(
    invocation: &Invocation,
    links: bool,
    have_macros: bool,
) -> Vec<(&OsStr, Option<&OsStr>)> {
    let mut counting: Vec<_> = invocation
        .env
        .iter()
        .filter_map(|(name, value)| {
            let text = name.to_str()?;
            let of_rustc = text.starts_with("RUSTC") && !AROUND.contains(&text);
            let of_link = links && LINK.contains(&text);
            let of_crate = have_macros && (is_cargos(text) || text == "OUT_DIR");
            if of_rustc || of_link || of_crate {
                return Some((name.as_os_str(), Some(value.as_os_str())));
            }
            // rustc says other things to cargo's users.
            ["CARGO", "CARGO_CRATE_NAME"].contains(&text).then_some((name.as_os_str(), None))
        })
        .collect();
    counting.sort();
    counting
}

fn is_cargos(name: &str) -> bool {
    let other = name.ends_with("_TOKEN") || name.starts_with("CARGO_TERM_");
    name.starts_with("CARGO") && !other && !NOISE.contains(&name)
}
