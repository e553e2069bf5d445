//! The files a line writes beside its main output.

use farmbuild_core::analysis::{DebugInfo, Family, SideKind};

use crate::line::analysed;

fn word(kind: SideKind) -> &'static str {
    match kind {
        SideKind::Dependencies => "dependencies",
        SideKind::CoverageNotes => "coverage",
        SideKind::SplitDebugInfo => "debug-info",
        SideKind::StackUsage => "stack",
        SideKind::CallGraph => "calls",
        SideKind::Intermediate => "intermediate",
        SideKind::Dump => "dump",
        SideKind::OptimizationRecord => "optimization",
        SideKind::TimeTrace => "time",
        SideKind::Listing => "listing",
    }
}

/// A line, and what it writes as `kind:name`; a name that others begin with ends in `*`.
const ROWS: &[(&str, &str)] = &[
    ("gcc -c a.c", ""),
    ("gcc -MD -c s/a.c", "dependencies:a.d"),
    ("gcc -MMD -c s/a.c -o o/b.x.o", "dependencies:o/b.x.d"),
    ("gcc -MD -MF f.d -c a.c", "dependencies:f.d"),
    ("gcc -MF e.d -MF f.d -MMD -c a.c", "dependencies:f.d"),
    ("gcc -MF f.d -c a.c", ""),
    ("gcc -Wp,-MMD,o/.a.d -c a.c -o o/a.o", "dependencies:o/.a.d"),
    ("gcc -MD -c a.S", "dependencies:a.d"),
    ("gcc -MD -c a.s", ""),
    ("gcc -MD -S a.c", "dependencies:a.d"),
    ("gcc --coverage -c a.c -o o/b.o", "coverage:o/b.gcno"),
    ("gcc -fprofile-arcs -ftest-coverage --coverage -c a.c", "coverage:a.gcno"),
    ("gcc -g -gsplit-dwarf -c a.c -o o/b.o", "debug-info:o/b.dwo"),
    ("gcc -fstack-usage -MD -c a.c -o b.o", "dependencies:b.d stack:b.su"),
    ("gcc -fcallgraph-info=su -c a.c", "calls:a.ci"),
    ("gcc -save-temps -c a.c -o o/b.o", "intermediate:o/b.i intermediate:o/b.s"),
    ("g++ -save-temps=cwd -c a.cc -o o/b.o", "intermediate:b.ii intermediate:b.s"),
    ("clang -save-temps -c a.c -o o/b.o", "intermediate:a.i intermediate:a.s intermediate:a.bc"),
    (
        "clang -save-temps=obj -c a.c -o o/b.o",
        "intermediate:o/a.i intermediate:o/a.s intermediate:o/a.bc",
    ),
    ("gcc -fdump-tree-all -c a.c -o o/b.o", "dump:o/b.*"),
    ("gcc -fdump-tree-optimized=x.txt -c a.c", "dump:x.txt"),
    ("gcc -fopt-info-vec=x.txt -c a.c", "optimization:x.txt"),
    ("gcc -fopt-info -c a.c", ""),
    ("gcc -fsave-optimization-record -c a.c", "optimization:a.c.opt-record.json.gz"),
    ("clang -fsave-optimization-record -c a.c", "optimization:a.opt.yaml"),
    ("clang -ftime-trace -c a.c -o o/b.o", "time:o/b.json"),
    ("gcc -Wa,-adhln=a.lst -c a.c", "listing:a.lst"),
    ("gcc -Wa,--MD,a.ad -c a.c", "listing:a.ad"),
];

#[test]
fn a_line_writes_these_files_beside_its_main_output() {
    for (line, expected) in ROWS {
        let analysis = analysed(line);
        assert_ne!(analysis.compiler.family, Family::Unknown, "{line}");
        let written: Vec<_> = analysis
            .side_outputs
            .iter()
            .map(|one| {
                let star = if one.is_prefix { "*" } else { "" };
                format!("{}:{}{star}", word(one.kind), one.path.display())
            })
            .collect();
        assert_eq!(written.join(" "), *expected, "{line}");
    }
}

#[test]
fn debug_information_adds_up() {
    let rows = [
        ("gcc -c a.c", 0, false, false),
        ("gcc -g -c a.c", 2, false, false),
        ("gcc --debug -c a.c", 2, false, false),
        ("gcc -ggdb3 -c a.c", 3, false, false),
        ("gcc -g3 -gdwarf-4 -c a.c", 3, false, false),
        ("gcc -g -g0 -c a.c", 0, false, false),
        ("clang -gline-tables-only -c a.c", 1, false, false),
        ("gcc -g -gz=zlib -c a.c", 2, false, true),
        ("gcc -g -gsplit-dwarf -c a.c", 2, true, false),
    ];
    for (line, level, split, compressed) in rows {
        let expected = DebugInfo { level, split, compressed };
        assert_eq!(analysed(line).debug_info, expected, "{line}");
    }
}
