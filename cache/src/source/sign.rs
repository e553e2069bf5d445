//! What a file asks of its surroundings, or tells the compiler beside its code.
//!
//! Knows the names only. For an opaque file, and for some pragmas, a sign may be seen where there is none.

use serde::{Deserialize, Serialize};

/// Something that a file holds outside of comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Sign {
    /// `__DATE__` is mentioned.
    Date,
    /// `__TIME__` is mentioned.
    Time,
    /// `__TIMESTAMP__` is mentioned.
    Timestamp,
    /// `__LINE__`, `__builtin_LINE` or `source_location` is mentioned.
    Line,
    /// `__COUNTER__` is mentioned.
    Counter,
    /// `__FILE__`, `__FILE_NAME__`, `__BASE_FILE__` or `__builtin_FILE` is mentioned.
    File,
    /// `incbin` or `.include` is somewhere in the bytes; of a file that isn't opaque, outside of comments.
    AssemblerFile,
    /// `#embed` or `__has_embed`.
    Embed,
    /// `#pragma GCC system_header`, or clang's.
    SystemHeader,
    /// `#pragma once`. gcc compares whole files to know one that it has seen, including size and time.
    Once,
    /// `#pragma GCC pch_preprocess`.
    PchPreprocess,
    /// `#pragma hdrstop`.
    HeaderStop,
    /// A line that begins as those of C++20 modules do: `import`, `module` or `export`; or `@import`.
    Module,
    /// A pragma that names a file, a library or a module.
    OddPragma,
    /// `#pragma GCC poison`: even a definition that nobody uses may become an error.
    Poison,
    /// `#line`, or a line marker: positions are not those of this file.
    LineDirective,
    /// An `#include` whose operand is a macro.
    ComputedInclude,
    /// `// a comment`, which C90 doesn't know.
    LineComments,
    /// `##`, or a predefined macro that pastes.
    Pastes,
    /// A `__has_include` whose operand is a macro, or a macro that stands for it.
    ComputedProbe,
}

/// A set of [`Sign`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signs(u32);

impl Signs {
    /// Whether `sign` is in the set.
    #[must_use]
    pub fn has(self, sign: Sign) -> bool {
        self.0 & 1 << sign as u32 != 0
    }

    pub(super) fn add(&mut self, sign: Sign) {
        self.0 |= 1 << sign as u32;
    }

    /// Adds what the mention of `name` shows.
    pub(super) fn add_name(&mut self, name: &[u8]) {
        // A cheap look, since most names aren't special.
        if name.len() < 7 || !matches!(name[0], b'_' | b's' | b'p' | b'h') {
            return;
        }
        let sign = match name {
            b"__DATE__" => Sign::Date,
            b"__TIME__" => Sign::Time,
            b"__TIMESTAMP__" => Sign::Timestamp,
            b"__LINE__" | b"__builtin_LINE" | b"__builtin_COLUMN" | b"source_location" => {
                Sign::Line
            }
            b"__builtin_source_location" => Sign::Line,
            b"__COUNTER__" => Sign::Counter,
            b"__FILE__" | b"__FILE_NAME__" | b"__BASE_FILE__" => Sign::File,
            b"__builtin_FILE" | b"__builtin_FILE_NAME" => Sign::File,
            b"__has_embed" => Sign::Embed,
            b"system_header" => Sign::SystemHeader,
            b"pch_preprocess" => Sign::PchPreprocess,
            b"hdrstop" => Sign::HeaderStop,
            // `#define __INT64_C(c) c ## L`, which every gcc begins with.
            _ if name.starts_with(b"__") && name.ends_with(b"_C") => Sign::Pastes,
            _ => return,
        };
        self.add(sign);
    }

    /// Adds what the words of a pragma show.
    pub(super) fn add_pragma(&mut self, text: &[u8]) {
        for word in text.split(|&byte| !byte.is_ascii_alphanumeric() && byte != b'_') {
            match word {
                b"once" => self.add(Sign::Once),
                b"poison" => self.add(Sign::Poison),
                b"dependency" | b"comment" | b"include_alias" | b"module" | b"import" | b"link" => {
                    self.add(Sign::OddPragma);
                }
                _ => self.add_name(word),
            }
        }
    }
}

/// How often `incbin` and `.include` are in some bytes. The dot may be in a literal of its own, as macros for several
/// assemblers have it.
pub(super) fn assembler_words(bytes: &[u8]) -> usize {
    let count = |text: &[u8]| memchr::memmem::find_iter(bytes, text).count();
    count(b"incbin") + count(b".include")
}

/// How often they are in comments of some bytes that can't be scanned for sure: only such comments count whose beginning
/// can be nothing else.
pub(super) fn assembler_words_in_comments(bytes: &[u8]) -> usize {
    let places = |text: &'static [u8]| memchr::memmem::find_iter(bytes, text).collect::<Vec<_>>();
    let all = places(b"incbin").into_iter().chain(places(b".include"));
    all.filter(|&at| is_in_block_comment(bytes, at)).count()
}

fn is_in_block_comment(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[..at];
    let Some(begin) = memchr::memmem::rfind(before, b"/*") else { return false };
    if memchr::memmem::find(&before[begin + 2..], b"*/").is_some() {
        return false;
    }
    let line = memchr::memrchr(b'\n', &before[..begin]).map_or(0, |newline| newline + 1);
    let on_its_line = &before[line..begin];
    let continued = before[..line].trim_ascii_end().ends_with(b"\\");
    let in_something = on_its_line.iter().any(|byte| b"\"'".contains(byte))
        || memchr::memmem::find(on_its_line, b"//").is_some();
    !continued && !in_something
}
