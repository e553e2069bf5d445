//! The ways to split one compile into a preprocessing here and a compile of the text elsewhere.

use std::ffi::OsStr;

/// Whose command line and whose habits a compiler has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// GNU gcc and g++.
    Gcc,
    /// LLVM's clang and clang++.
    Clang,
}

/// The language of a source, as far as it names files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// C.
    C,
    /// C++.
    Cxx,
}

impl Language {
    /// The name extension of a source.
    #[must_use]
    pub fn source_extension(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cxx => "cc",
        }
    }

    /// The name extension of preprocessed text, by which the compiler there knows what it is given.
    #[must_use]
    pub fn text_extension(self) -> &'static str {
        match self {
            Self::C => "i",
            Self::Cxx => "ii",
        }
    }
}

/// How a source becomes a text that compiles elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Technique {
    /// The whole preprocessing happens here (`-E`): macros are gone from the text, and with them the columns that
    /// debug info and diagnostics speak of.
    PlainText,
    /// Only directives are obeyed here (`-E -fdirectives-only`); macros are expanded there, where tokens still
    /// stand in the columns of the source and comments are still seen. gcc only.
    DirectivesOnly,
    /// Only includes and the conditions of `#if` are resolved here (`-E -frewrite-includes`); `#ifdef` is obeyed and macros
    /// are expanded there, in the columns of the source. clang only.
    RewrittenIncludes,
    /// The whole frontend runs here (`-emit-llvm`, nothing optimised); the "text" is bitcode, from which the host
    /// makes the object. Dearer here than a text, but it carries debug info whole. clang only.
    Bitcode,
}

impl Technique {
    /// The techniques that a compiler family knows, the best one first.
    #[must_use]
    pub fn of(family: Family) -> &'static [Self] {
        match family {
            Family::Gcc => &[Self::DirectivesOnly, Self::PlainText],
            Family::Clang => &[Self::RewrittenIncludes, Self::Bitcode, Self::PlainText],
        }
    }

    /// Its name, for keys and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PlainText => "plain-text",
            Self::DirectivesOnly => "directives-only",
            Self::RewrittenIncludes => "rewritten-includes",
            Self::Bitcode => "bitcode",
        }
    }

    /// Whether a compile that warns at home is sure to print something in one of the two steps. Compilers warn about some
    /// macros (`-Wmultistatement-macros`), and about what macros hide, only while they see them, so a job with
    /// warnings on stays home where this doesn't hold.
    #[must_use]
    pub fn keeps_warnings(self, _family: Family) -> bool {
        self != Self::PlainText
    }

    /// Whether macros are expanded elsewhere, so that the text still names them.
    pub(super) fn keeps_macros(self) -> bool {
        matches!(self, Self::DirectivesOnly | Self::RewrittenIncludes)
    }

    /// What to add to a compile's flags, in place of `-c`, to make the text on standard output.
    #[must_use]
    pub fn preprocess_flags(self) -> &'static [&'static str] {
        match self {
            Self::PlainText => &["-E"],
            Self::DirectivesOnly => &["-E", "-fdirectives-only"],
            Self::RewrittenIncludes => &["-E", "-frewrite-includes"],
            // Without the order of use lists the optimiser would find users of a value in another order.
            // Asked of the frontend, so that the driver sees a compile like any other and finds the same options of no
            // use. Without the order of use lists the optimiser would come across a value's users in another order.
            Self::Bitcode => &[
                "-c",
                "-Xclang",
                "-emit-llvm-bc",
                "-Xclang",
                "-emit-llvm-uselists",
                "-Xclang",
                "-disable-llvm-passes",
                "-o",
                "-",
            ],
        }
    }

    /// What to put before a compile's flags to compile the text, whatever its file is called there.
    #[must_use]
    pub fn compile_lead(self, language: Language) -> &'static [&'static str] {
        match (self, language) {
            (Self::PlainText | Self::DirectivesOnly, _) => &[],
            // As preprocessed input, of which the first line tells the name, see `prologue`.
            (Self::RewrittenIncludes, Language::C) => &["-x", "cpp-output"],
            (Self::RewrittenIncludes, Language::Cxx) => &["-x", "c++-cpp-output"],
            // `-x` in full, since distccd takes `-x` itself with the languages that it knows only.
            (Self::Bitcode, _) => &["--language=ir"],
        }
    }

    /// What to add to a compile's flags, beside `-c`, to compile the text.
    #[must_use]
    pub fn compile_flags(self) -> &'static [&'static str] {
        match self {
            Self::PlainText => &[],
            Self::DirectivesOnly => &["-fpreprocessed", "-fdirectives-only"],
            // `-fmacro-prefix-map=` and `-std=`, say, are of no use to a later stage. The first step tells of options that
            // are of no use to any.
            Self::RewrittenIncludes | Self::Bitcode => &["-Wno-unused-command-line-argument"],
        }
    }
}

/// Whether an argument can change what the probe of [`super::prove`] compiles to. Those that can't (macros, search
/// paths, dependency files, warnings) differ from file to file and are no part of a recipe's key. Meant for the
/// arguments of a compile without its input and output; those that take a separate value must come as a pair, see
/// [`recipe_flags`].
fn matters(argument: &[u8]) -> bool {
    const IRRELEVANT: [&[u8]; 9] =
        [b"-D", b"-U", b"-I", b"-M", b"-W", b"-isystem", b"-iquote", b"-idirafter", b"-include"];
    // -Wa, and -Wp, reach the assembler and the preprocessor: no warnings.
    let passed_on = argument.starts_with(b"-Wa,") || argument.starts_with(b"-Wp,");
    passed_on || !IRRELEVANT.iter().any(|start| argument.starts_with(start))
}

/// The part of a compile's arguments (without input, output and `-c`) that decides about its recipe, in order.
#[must_use]
pub fn recipe_flags<S: AsRef<OsStr>>(arguments: &[S]) -> Vec<std::ffi::OsString> {
    const WITH_VALUE: [&str; 11] = [
        "-D",
        "-U",
        "-I",
        "-MF",
        "-MT",
        "-MQ",
        "-isystem",
        "-iquote",
        "-idirafter",
        "-include",
        "-imacros",
    ];
    let mut flags = Vec::new();
    let mut arguments = arguments.iter().map(AsRef::as_ref);
    while let Some(argument) = arguments.next() {
        if WITH_VALUE.iter().any(|name| argument == *name) {
            arguments.next();
        } else if matters(argument.as_encoded_bytes()) {
            flags.push(argument.to_owned());
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_reach_the_code_or_the_debug_info_decides_about_a_recipe() {
        let arguments = [
            "-DA=1",
            "-g",
            "-I",
            "include",
            "-O2",
            "-Wall",
            "-Wa,--noexecstack",
            "-MD",
            "-MF",
            "x.d",
            "-isystem",
            "/opt/include",
            "-Iinclude",
            "-std=gnu11",
            "-include",
            "config.h",
            "-m32",
        ];
        let kept = ["-g", "-O2", "-Wa,--noexecstack", "-std=gnu11", "-m32"];
        assert_eq!(recipe_flags(&arguments), kept);
    }
}
