//! The options of gcc and clang as data: how each takes its argument, and what it means for a compile elsewhere.
//!
//! Knows nothing of a whole command line; see `scan` for that.

mod code;
mod driver;
mod preprocessor;
mod stay;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::refusal::Refusal;
use super::side_output::SideKind;

/// How an option takes its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// It takes none: `-c`.
    Flag,
    /// In the same word, possibly empty: `-Wall`, `-O`.
    Joined,
    /// In the next word: `-isysroot DIR`.
    Separate,
    /// In the same word or, if nothing is left of that, in the next: `-IDIR`, `-I DIR`.
    Either,
}

/// How far the compiler goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// `-c`
    Object,
    /// `-S`
    Assembly,
    /// `-fsyntax-only`
    Syntax,
    /// `-E`, `-M`, `-MM`
    Preprocessed,
}

/// An option about dependency files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dependency {
    /// `-MD`: write them.
    Write,
    /// `-MMD`: write them without system headers.
    WriteUsers,
    /// `-MF FILE`
    File,
    /// `-MT NAME`, `-MQ NAME`
    Target,
    /// `-MP`
    Phony,
}

/// What an option means for a compile elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It matters to preprocessing and to compiling.
    Both,
    /// It matters to preprocessing only.
    Preprocess,
    /// The same, and it names a header that comes before the source.
    Include,
    /// It matters to linking only.
    Link,
    /// The same, and it names an input.
    Library,
    /// It says how far to go.
    Stop(Stop),
    /// It asks the compiler about itself.
    Probe,
    /// `-v`: a probe if there is nothing to compile.
    Verbose,
    /// `-o`
    Output,
    /// `-x`
    Language,
    /// It is about dependency files.
    Dependency(Dependency),
    /// It is about debug information.
    Debug,
    /// It names a processor, `native` perhaps.
    Processor,
    /// `-flto...` (true), `-fno-lto` (false)
    Lto(bool),
    /// A warning that text from `-fdirectives-only` can't give, on or off.
    MacroWarning(bool),
    /// `-Wa,`: words for the assembler between commas.
    AssemblerWords,
    /// `-Xassembler`: one word for it.
    AssemblerWord,
    /// `-Wp,`: words for the preprocessor between commas.
    PreprocessorWords,
    /// `-Xclang`: one word for clang's frontend.
    FrontendWord,
    /// `-mllvm`: one option of LLVM.
    LlvmOption,
    /// It writes a file beside the object, and so stays here.
    Side(SideKind, Refusal),
    /// It stays here.
    Stay(Refusal),
}

/// One option, or all that begin with the same letters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The option, or its beginning.
    pub(super) spelling: &'static str,
    /// How it takes its argument.
    pub(super) style: Style,
    /// What it means.
    pub(super) class: Class,
}

const fn row(spelling: &'static str, style: Style, class: Class) -> Row {
    Row { spelling, style, class }
}

const TABLES: &[&[Row]] = &[driver::ROWS, preprocessor::ROWS, code::ROWS, stay::ROWS];

impl Row {
    /// Whether this row is about `arg`.
    fn matches(&self, arg: &[u8]) -> bool {
        match self.style {
            Style::Flag | Style::Separate => arg == self.spelling.as_bytes(),
            Style::Joined | Style::Either => arg.starts_with(self.spelling.as_bytes()),
        }
    }

    /// The argument within `arg`, which this row is about; `None` if it is the next word, or there is none.
    pub(super) fn joined<'a>(&self, arg: &'a OsStr) -> Option<&'a OsStr> {
        let rest = arg.as_bytes().get(self.spelling.len()..).map(OsStr::from_bytes)?;
        match self.style {
            Style::Joined => Some(rest),
            Style::Either => Some(rest).filter(|rest| !rest.is_empty()),
            Style::Flag | Style::Separate => None,
        }
    }

    /// `-D` or `-U`.
    pub(super) fn is_macro(&self) -> bool {
        let undefines = ["-U", "--undefine-macro", "--undefine-macro="].contains(&self.spelling);
        undefines || self.is_definition()
    }

    /// `-D`.
    pub(super) fn is_definition(&self) -> bool {
        ["-D", "--define-macro", "--define-macro="].contains(&self.spelling)
    }

    /// Whether the next word belongs to this option, spelt as `arg`.
    pub(super) fn takes_next(&self, arg: &OsStr) -> bool {
        match self.style {
            Style::Separate => true,
            Style::Either => arg.len() == self.spelling.len(),
            Style::Flag | Style::Joined => false,
        }
    }
}

/// The row that is about `arg`: the one that matches most of it. An exact spelling wins over a beginning.
pub(super) fn find(arg: &OsString) -> Option<&'static Row> {
    let arg = arg.as_bytes();
    let rows = TABLES.iter().flat_map(|rows| rows.iter());
    // Most rows fall at the letter behind the dash, which makes the walk over all of them cheap.
    let letter = arg.get(1);
    rows.filter(|row| row.spelling.as_bytes().get(1) == letter && row.matches(arg))
        .max_by_key(|row| row.spelling.len())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_spelling_has_two_rows() {
        let mut seen = HashSet::new();
        for row in TABLES.iter().flat_map(|rows| rows.iter()) {
            let exact = matches!(row.style, Style::Flag | Style::Separate);
            assert!(seen.insert((row.spelling, exact)), "{}", row.spelling);
        }
    }

    #[test]
    fn the_longest_spelling_wins() {
        let rows = [
            ("-include-pch", "-include-pch"),
            ("-includea.h", "-include"),
            ("-MMD", "-MMD"),
            ("-MFx", "-MF"),
            ("-fprofile-arcs", "-fprofile-arcs"),
            ("-finline", "-f"),
            ("-march=armv7", "-march="),
            ("-mllvm", "-mllvm"),
            ("-mllong", "-m"),
        ];
        for (arg, spelling) in rows {
            assert_eq!(find(&arg.into()).map(|row| row.spelling), Some(spelling), "{arg}");
        }
    }
}
