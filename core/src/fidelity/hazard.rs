//! Texts that mean something else on another machine, or later.
//!
//! Most of what a source may ask of its surroundings is settled by preprocessing here. This module looks for the rest
//! in the finished text, by name and without parsing it: a name in a string counts as well, which costs a local
//! compile and never a wrong object. One in a `/* comment */` doesn't: a header that all of a kernel includes has one.

use std::cell::OnceCell;

use memchr::memmem;

use super::comments::Comments;
use super::technique::Technique;
use super::{bitcode, counter};

/// Why a text must be compiled where it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Hazard {
    /// `__DATE__` or `__TIME__`: the other machine's clock, and its `SOURCE_DATE_EPOCH`.
    #[error("the text asks for the time of the compile")]
    Clock,
    /// `__TIMESTAMP__`: the age of a file that is another one there.
    #[error("the text asks for the age of its file")]
    Timestamp,
    /// `__BASE_FILE__`: the name of the main input, which is a temporary one there.
    #[error("the text asks for the name of the main input")]
    BaseFile,
    /// `#pragma pop_macro`: gcc's `-fdirectives-only` drops the pragma and leaves the macro undefined.
    #[error("the text brings back a macro from a stack")]
    MacroStack,
    /// `.incbin` or `.include` in assembly: the assembler there would open a file of that name.
    #[error("the text makes the assembler read another file")]
    AssemblerFile,
    /// `#pragma GCC pch_preprocess`, `#pragma GCC dependency`, `#embed` or a module: the compiler there would open a
    /// file of that name.
    #[error("the text makes the compiler read another file")]
    CompilerFile,
    /// `__COUNTER__` in the condition of an `#if`: clang's `-frewrite-includes` puts the outcome in its place, so that
    /// the compiler there counts less.
    #[error("the text counts in a directive")]
    Counter,
    /// The source's name, or an option for macros (`-imacros`, `-undef`, `-Xclang -D`), can't be written into the text,
    /// which clang's `-frewrite-includes` needs, or means something else there. Found by [`super::Recipe::finish`].
    #[error("the command line can't be written into the text")]
    CommandLine,
    /// `#pragma message` or `redefine_extname`: gcc's `-fdirectives-only` drops them. Found in a source only, by
    /// [`super::source_hazard`].
    #[error("a source holds a pragma that preprocessing drops")]
    DroppedPragma,
    /// The text is longer than [`LONGEST_TEXT`]: gcc runs out of locations and drops columns from debug info, sooner
    /// in a source than in its text. Code is unharmed.
    #[error("the text is too long for the compiler to track its columns")]
    TooLong,
}

impl Hazard {
    /// Whether code and data are those of a local compile all the same, so that only debug info is at stake.
    #[must_use]
    pub fn spares_code(self) -> bool {
        self == Self::TooLong
    }
}

/// The longest text, in bytes, whose columns are trusted. gcc 12 was seen to drop columns at 3.3 million source
/// lines (16 MiB of text), and not yet at 2.3 million (11 MiB).
pub const LONGEST_TEXT: usize = 8 << 20;

/// A name to look for, and what has to stand beside it.
struct Name {
    text: &'static [u8],
    hazard: Hazard,
    /// Whether it may be part of a longer identifier.
    whole: bool,
    /// Whether it is harmless once macros are expanded.
    only_unexpanded: bool,
}

const fn name(text: &'static [u8], hazard: Hazard, whole: bool, only_unexpanded: bool) -> Name {
    Name { text, hazard, whole, only_unexpanded }
}

const NAMES: [Name; 11] = [
    name(b"__DATE__", Hazard::Clock, true, true),
    name(b"__TIME__", Hazard::Clock, true, true),
    name(b"__TIMESTAMP__", Hazard::Timestamp, true, true),
    name(b"__BASE_FILE__", Hazard::BaseFile, true, true),
    name(b"incbin", Hazard::AssemblerFile, false, false),
    name(b".include", Hazard::AssemblerFile, true, false),
    name(b"GCC pch_preprocess", Hazard::CompilerFile, true, false),
    name(b"GCC dependency", Hazard::CompilerFile, true, false),
    name(b"embed", Hazard::CompilerFile, true, false),
    name(b"pragma clang module", Hazard::CompilerFile, true, false),
    name(b"__import__", Hazard::CompilerFile, true, false),
];

/// The first hazard of `text`, made by `technique`; `None` if it can be compiled anywhere.
///
/// One pass of a vectorised search for each name, so some GB/s.
#[must_use]
pub fn hazards(text: &[u8], technique: Technique) -> Option<Hazard> {
    if technique == Technique::Bitcode {
        return bitcode::reads_files(text).then_some(Hazard::AssemblerFile);
    }
    let unexpanded = technique.keeps_macros();
    let directives_only = technique == Technique::DirectivesOnly;
    let rewritten = technique == Technique::RewrittenIncludes;
    // Looked for in the rare text that has such a name.
    let comments = OnceCell::new();
    let in_comment = |at| comments.get_or_init(|| Comments::of(text)).hold(at);
    NAMES
        .iter()
        .filter(|name| unexpanded || !name.only_unexpanded)
        .find(|name| occurs(text, name, in_comment))
        .map(|name| name.hazard)
        .or_else(|| (directives_only && pops_macro(text)).then_some(Hazard::MacroStack))
        .or_else(|| (rewritten && counter::counts_in_directives(text)).then_some(Hazard::Counter))
        .or_else(|| (directives_only && text.len() > LONGEST_TEXT).then_some(Hazard::TooLong))
}

/// Whether a macro was popped: gcc blanks the pragma's line out and puts a line marker and an `#undef` behind it.
fn pops_macro(text: &[u8]) -> bool {
    memmem::find_iter(text, b"\n#undef ").any(|at| {
        let mut before = text[..at].rsplit(|&byte| byte == b'\n');
        let marker = before.next().unwrap_or_default();
        let pragma = before.next().unwrap_or_default();
        marker.starts_with(b"# ") && !pragma.is_empty() && pragma.iter().all(|&byte| byte == b' ')
    })
}

fn occurs(text: &[u8], name: &Name, in_comment: impl Fn(usize) -> bool) -> bool {
    memmem::find_iter(text, name.text).any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let after = text.get(at + name.text.len());
        let alone = !before.is_some_and(is_identifier) && !after.is_some_and(is_identifier);
        // `embed` is a common word: only the directive counts.
        let directive = name.text != b"embed" || follows_hash(&text[..at]);
        (alone || !name.whole) && directive && !in_comment(at)
    })
}

fn is_identifier(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'$'
}

/// Whether `text` ends in `#` and blanks.
fn follows_hash(text: &[u8]) -> bool {
    text.trim_ascii_end().ends_with(b"#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_evaluated_elsewhere_is_named() {
        let cases: [(&str, Option<Hazard>, Option<Hazard>); 15] = [
            ("int a; /* a plain text */", None, None),
            ("char *t = __TIME__;", Some(Hazard::Clock), None),
            ("#define WHEN __DATE__ \" \" __TIME__", Some(Hazard::Clock), None),
            ("__TIMESTAMP__", Some(Hazard::Timestamp), None),
            ("f(__BASE_FILE__)", Some(Hazard::BaseFile), None),
            ("int a;\n       \n# 9 \"a.c\"\n#undef F\n", Some(Hazard::MacroStack), None),
            ("int a;\n\n# 9 \"a.c\"\n#undef F\n", None, None),
            ("int MY__TIME__ = 1, __TIME__R, __DATE__s;", None, None),
            (
                "asm(\".incbin \\\"a\\\"\");",
                Some(Hazard::AssemblerFile),
                Some(Hazard::AssemblerFile),
            ),
            (
                "asm(\".include \\\"a\\\"\");",
                Some(Hazard::AssemblerFile),
                Some(Hazard::AssemblerFile),
            ),
            ("#include_next is no directive of the text; s.includes", None, None),
            (
                "#pragma GCC pch_preprocess \"a.gch\"",
                Some(Hazard::CompilerFile),
                Some(Hazard::CompilerFile),
            ),
            ("# embed \"a\"", Some(Hazard::CompilerFile), Some(Hazard::CompilerFile)),
            ("int embed = 1, embedded;", None, None),
            ("/* not __DATE__, nor .include */ int a; /* incbin */", None, None),
        ];
        for (text, unexpanded, expanded) in cases {
            assert_eq!(hazards(text.as_bytes(), Technique::DirectivesOnly), unexpanded, "{text}");
            assert_eq!(hazards(text.as_bytes(), Technique::PlainText), expanded, "{text}");
        }
    }
}
