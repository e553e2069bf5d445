//! Why a job isn't cached: a word for the statistics and a sentence for people.
//!
//! Reasons that are about one argument are the analysis's own, see [`farmbuild_core::analysis::Refusal`].

use std::fmt;

use farmbuild_core::analysis::Refused;
use farmbuild_core::named_reasons;
use farmbuild_core::pipeline::Uncached;

named_reasons! {
    /// A reason why a job isn't looked up or its result isn't kept.
    pub enum Reason in "jobs.uncached" {
    NotACompile "not-a-compile" "it neither compiles a source to an object nor links (most questions, -E and -S aren't cached)"
    OddOutput "odd-output" "an output is no regular file, has several names, or can't be read back"
    ContestedOutput "contested-output" "another job wrote one of its outputs at the same time"
    OddInput "odd-input" "it read something that is neither a regular file nor `/dev/null`"
    CompilerScript "compiler-script" "its compiler is a script, which may do anything"
    CompilerUnknown "compiler-unknown" "its compiler's own programs can't be told"
    SearchPath "search-path" "where its compiler looks for headers can't be told"
    Dependencies "dependencies" "what it read can't be told"
    TimeMacro "time-macro" "a file that it read mentions __DATE__, __TIME__ or __TIMESTAMP__"
    IncludedByAssembler "incbin" "a file that it read may include others behind the preprocessor's back (.incbin, .include)"
    Embed "embed" "a file that it read mentions #embed"
    ComputedProbe "computed-probe" "a file that it read asks for a header whose name is a macro's (__has_include)"
    Modules "modules" "a file that it read is or imports a module"
    OddPragma "odd-pragma" "a pragma in a file that it read names another file"
    Precompiled "precompiled-header" "a precompiled header lies beside a header that it read"
    ChangedMeanwhile "changed-meanwhile" "a file that it read was changed while it ran, or just before"
    ClockMoved "clock-moved" "the clock was set while it ran, so that a change of a file could be overlooked"
    CrateMetadata "crate-metadata" "which crates a crate uses can't be told from its metadata"
    SearchedLibraries "searched-libraries" "it may take any of too many libraries from a directory of -L"
    Linker "linker" "its linker doesn't tell what it reads: GNU ld 2.35 or later under gcc does"
    LargePackage "large-package" "macros may read any file of its package, and there are too many"
    LinkOption "link-option" "an option of a link that may do more than is known here"
    LinkInput "link-input" "an input of a link that more than the linker decides about (LTO, a thin archive, an odd script)"
    LinkSearch "link-search" "where its linker found a file can't be told"
    LinkMessages "link-messages" "its linker had something to say"
    LargeOutput "large-output" "its outputs or messages are too large to be kept"
    }
}

impl From<Reason> for Uncached {
    fn from(reason: Reason) -> Self {
        Self { name: reason.name(), sentence: reason.sentence().to_owned() }
    }
}

impl Reason {
    /// The reason, with what gives it.
    pub(crate) fn about(self, what: impl fmt::Display) -> Uncached {
        Uncached { name: self.name(), sentence: format!("{what}: {}", self.sentence()) }
    }
}

/// As a reason, an argument that a compile can't be cached with.
pub(crate) fn objection(refused: &Refused) -> Uncached {
    Uncached { name: refused.reason.name(), sentence: refused.to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_kebab_case_and_no_two_are_the_same() {
        let names: HashSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for name in names {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        }
    }
}
