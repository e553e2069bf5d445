//! Objects that were compiled elsewhere are those of a plain compile, byte for byte.

use crate::compiler::Split;

/// Flags with which gcc's objects are exact, debug info included.
const EXACT: &[(&str, &str)] = &[
    ("gcc", ""),
    ("gcc", "-O2"),
    ("gcc", "-g"),
    ("gcc", "-g -O0"),
    ("gcc", "-g1 -O1"),
    ("gcc", "-gdwarf-4 -O2"),
    ("gcc", "-gdwarf-2 -O2"),
    ("gcc", "-gdwarf-3 -gstrict-dwarf -O2"),
    ("gcc", "-gdwarf-5 -gdwarf64 -O2"),
    ("gcc", "-g -O2 -gno-record-gcc-switches"),
    ("gcc", "-g -O2 -gno-column-info"),
    ("gcc", "-g -O2 -fPIC -ffunction-sections -fdata-sections"),
    ("gcc", "-g -O2 -fdebug-types-section"),
    ("gcc", "-g -O2 -std=c89 -ansi"),
    ("gcc", "-g -O2 -m32"),
    ("gcc", "-g -O2 -m32 -gdwarf-4"),
    ("gcc", "-g -O2 -mx32"),
    ("gcc", "-g -O2 -finstrument-functions"),
    ("gcc", "-g -O2 -ftrack-macro-expansion=0"),
    ("gcc", "-g -O2 -Wa,--compress-debug-sections=none"),
    ("gcc", "-O2 -fopenmp"),
    ("g++", "-O2"),
    ("g++", "-g -O0"),
    ("g++", "-g -O2 -std=c++20"),
    ("g++", "-g -O2 -fdebug-types-section -gdwarf-4"),
    ("g++", "-g -O2 -fno-exceptions -fno-rtti -ffunction-sections"),
    ("g++", "-g -O2 -m32 -std=c++98"),
];

#[test]
fn a_probe_proves_gcc_exact_under_the_flags_that_builds_use() {
    let inexact: Vec<_> = EXACT
        .iter()
        .filter_map(|(compiler, flags)| {
            let caveat = Split::new(compiler, flags).recipe.caveat?;
            Some(format!("{compiler} {flags}: {caveat}"))
        })
        .collect();
    assert!(inexact.is_empty(), "{inexact:#?}");
}
