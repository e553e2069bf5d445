//! Options with which a declaration that nobody uses may show.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Beginnings of options that keep, print or analyse what isn't used, or read what the text doesn't show.
const REFUSED: [&str; 27] = [
    "-fkeep-",
    "-femit-all-decls",
    "-fdump",
    "-aux-info",
    "-fanalyzer",
    "--analyze",
    "-fplugin",
    "-fprofile",
    "-fbranch-probabilities",
    "-fauto-profile",
    "-fcallgraph-info",
    "-fopenmp",
    "-fopenacc",
    "-fgnu-tm",
    "-fdebug",
    "-fverbose-asm",
    "-fmodules",
    "-fcompare-debug",
    "-Wunused-macros",
    "-Wsystem-headers",
    "-fms-extensions",
    "-fplan9-extensions",
    "-mllvm",
    "-fblocks",
    "-Wlarger-than",
    "-fno-unit-at-a-time",
    "-fpch",
];

/// Whether one of a job's options is among them.
pub(super) fn refused(others: &[OsString]) -> bool {
    others.iter().any(|arg| {
        let arg = arg.as_bytes();
        REFUSED.iter().any(|prefix| arg.starts_with(prefix.as_bytes()))
    })
}
