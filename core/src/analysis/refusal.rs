//! Why an invocation stays on this machine: a word for the statistics and a sentence for people.

use std::ffi::OsString;
use std::fmt;

use crate::named_reasons;

named_reasons! {
    /// A reason why an invocation is run here.
    pub enum Refusal in "jobs.local" {
    Probe "probe" "it asks the compiler about itself and compiles nothing"
    PreprocessOnly "preprocess-only" "it only preprocesses, and preprocessing is done here"
    SyntaxOnly "syntax-only" "it only checks the source, so there is no object to bring back"
    AssemblyOutput "assembly-output" "it stops at assembly (-S), and hosts give back objects"
    Link "link" "it links, and linking is done here"
    CompileAndLink "compile-and-link" "it compiles and links in one step; with -c the compile could travel"
    PrecompiledHeader "precompiled-header" "it makes or names a precompiled header, which only the same compiler on the same machine may read"
    NoSource "no-source" "it names nothing to compile"
    SeveralSources "several-sources" "it names several sources; one compile for each could travel"
    SourceOnStdin "source-on-stdin" "its source comes from standard input"
    SourceNotAFile "source-not-a-file" "its source isn't a regular file"
    Assembly "assembly" "assembling costs less than sending"
    Language "language" "its language is neither C nor C++"
    Modules "modules" "C++ modules read and write files beside the object"
    Gpu "gpu" "it compiles for several processors at once"
    OddName "odd-name" "the names of its outputs can't be told from its source's name"
    OutputNotAFile "output-not-a-file" "its output isn't a regular file"
    SeveralOutputs "several-outputs" "it names its output more than once"
    OutputIsSource "output-is-source" "its output would replace its source"
    Rustc "rustc" "no host of the farm takes crates of Rust; those over ssh do"
    BeforeRustc "before-rustc" "a program that stands before rustc does the work (clippy, RUSTC_WORKSPACE_WRAPPER)"
    Incremental "incremental" "it compiles incrementally, with files of its own; CARGO_INCREMENTAL=0 would let it be cached"
    UnstableOption "unstable-option" "an unstable option (-Z) may change anything"
    LinkArgument "link-argument" "an argument for the linker isn't known to read and write nothing else"
    LinkTarget "link-target" "it links for a system whose files have other names"
    UnknownCompiler "unknown-compiler" "the name says neither gcc nor clang"
    UnresolvedCompiler "unresolved-compiler" "whether gcc or clang stands behind the name isn't known yet"
    UnknownOption "unknown-option" "an option isn't known, so what it reads and writes isn't either"
    MissingArgument "missing-argument" "an option lacks its argument"
    EmptyArgument "empty-argument" "an empty argument is a file name or a mistake"
    Native "native" "it asks for this machine's processor; name the processor and it can travel"
    Plugin "plugin" "a compiler plugin is loaded"
    Specs "specs" "a specs or configuration file changes what the compiler does"
    ToolPath "tool-path" "the compiler's own programs come from somewhere else (-B, -wrapper, ...)"
    Verbose "verbose" "it makes the compiler print what it runs or how long that takes"
    SaveTemps "save-temps" "it keeps the intermediate files"
    Dump "dump" "it dumps the compiler's inner state"
    Coverage "coverage" "coverage data (.gcno) is written beside the object and names this directory"
    Profile "profile" "it reads or writes a profile"
    SplitDebugInfo "split-debug-info" "debug information goes to a file of its own (.dwo)"
    StackUsage "stack-usage" "it writes a stack usage file (.su)"
    CallGraph "call-graph" "it writes a call graph (.ci)"
    OptimizationRecord "optimization-record" "it writes or prints what the optimizer did"
    Lto "lto" "objects with link-time optimization record the whole command line"
    RecordedCommandLine "recorded-command-line" "the object records the command line, which differs elsewhere"
    EmbeddedSource "embedded-source" "the object embeds the source file"
    AssemblerFile "assembler-file" "an option for the assembler names a file or prints a listing"
    AssemblerOption "assembler-option" "an option for the assembler isn't known to leave files alone"
    PreprocessorOption "preprocessor-option" "an option handed straight to the preprocessor can't be understood"
    FrontendOption "frontend-option" "an option handed straight to the compiler proper can't be understood"
    DependencyOptions "dependency-options" "its dependency options can't be followed"
    DependenciesOfPreprocessed "dependencies-of-preprocessed" "it asks for the dependencies of preprocessed source"
    PreprocessorOutput "preprocessor-output" "it changes the form of preprocessed text (-C, -P, ...)"
    Traditional "traditional" "traditional C can't be preprocessed apart from its compile"
    Charset "charset" "its source isn't in UTF-8, which preprocessed text always is"
    OptionNamesFile "option-names-file" "an option names a file that hosts don't have"
    DiagnosticsFile "diagnostics-file" "diagnostics go to a file or are read by a program"
    SeveralArchitectures "several-architectures" "-arch may mean several objects in one"
    NotAnObject "not-an-object" "its output isn't a native object"
    CompareDebug "compare-debug" "it compiles twice and compares"
    WorkingDirectory "working-directory" "it compiles as if in another directory"
    Environment "environment" "an environment variable changes what the compiler reads or writes"
    }
}

/// A [`Refusal`] and the argument that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub reason: Refusal,
    /// The argument or the variable to blame, where there is one.
    pub argument: Option<OsString>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.argument {
            Some(argument) => {
                write!(f, "{}: {}", argument.to_string_lossy(), self.reason.sentence())
            }
            None => f.write_str(self.reason.sentence()),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(reason: Refusal) -> Self {
        Self { reason, argument: None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_kebab_case_and_no_two_are_the_same() {
        let names: HashSet<_> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
        assert_eq!(names.len(), Refusal::ALL.len());
        for name in names {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        }
    }

    #[test]
    fn a_refusal_shown_names_the_argument_to_blame() {
        let refused = Refused { reason: Refusal::Native, argument: Some("-march=native".into()) };
        assert!(refused.to_string().starts_with("-march=native: it asks for this machine's"));
    }
}
