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

/// Options of debug info that show no more than the used declarations and where they stand.
const PLAIN: [&str; 22] = [
    "-g",
    "-g0",
    "-g1",
    "-g2",
    "-ggdb",
    "-ggdb0",
    "-ggdb1",
    "-ggdb2",
    "-gdwarf",
    "-gdwarf-2",
    "-gdwarf-3",
    "-gdwarf-4",
    "-gdwarf-5",
    "-gz",
    "-gz=none",
    "-gz=zlib",
    "-gcolumn-info",
    "-gno-column-info",
    "-gstrict-dwarf",
    "-gno-strict-dwarf",
    "-grecord-gcc-switches",
    "-gno-record-gcc-switches",
];

/// Beginnings of options with which debug info shows more, or other columns.
const TELLING: [&str; 4] = [
    "-fno-eliminate-unused-debug",
    "-femit-struct-debug",
    "-femit-class-debug",
    "-ftrack-macro-expansion",
];

/// Whether what a job's options say of debug info is understood.
pub(super) fn plain_debug_info(others: &[OsString]) -> bool {
    others.iter().map(|arg| arg.as_bytes()).all(|arg| {
        let plain = !arg.starts_with(b"-g") || PLAIN.iter().any(|it| it.as_bytes() == arg);
        plain && !TELLING.iter().any(|prefix| arg.starts_with(prefix.as_bytes()))
    })
}

/// Options by which gcc looks at members that no expression names: for what pointers point to, and to lay them out anew.
const LOOKING_AROUND: [&str; 4] =
    ["-fipa-pta", "-fipa-struct", "-fipa-reorder", "-fstrict-volatile"];

/// Whether, with a job's options, gcc goes by the members that expressions name alone.
pub(super) fn members_alone_show(others: &[OsString]) -> bool {
    let looks = |arg: &OsString| {
        LOOKING_AROUND.iter().any(|prefix| arg.as_bytes().starts_with(prefix.as_bytes()))
    };
    !others.iter().any(looks)
}

/// Whether one of a job's options lets what isn't used show.
pub(super) fn refused(others: &[OsString]) -> bool {
    others.iter().any(|arg| {
        let arg = arg.as_bytes();
        REFUSED.iter().any(|prefix| arg.starts_with(prefix.as_bytes()))
    })
}
