//! In what two contents of a file differ.
//!
//! Knows the two contents only. What else has to hold is up to who asks.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Macro};

/// Whether the lines of what is compiled show in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positions {
    /// As with `-g`, `__LINE__`, `-fsanitize`, `--coverage`, `-flto`, `-p` ... or if in doubt.
    Matter,
    /// No position of this file gets into the result.
    DontMatter,
}

/// In what two contents differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// They are the same.
    None,
    /// In ordinary comments and blanks; where positions don't matter in blank lines too.
    Comments,
    /// Beside that in definitions of these macros: in what they say, where they stand, or whether they exist. Sorted.
    Macros(Vec<Box<str>>),
    /// In more, or nobody knows.
    Other,
}

/// In what `old` and `new`, contents of the same file, differ.
///
/// # What the caller has to ensure
/// A result of `old` is one of `new` too, if the difference is [`Difference::Comments`] and
/// - the compile of `old` succeeded and printed nothing: diagnostics show comments;
/// - it writes an object or assembly by gcc or clang: not preprocessed text, precompiled headers, or modules. With
///   clang no bitcode either (`-flto`, `-emit-llvm`): inline assembly has offsets in bytes there;
/// - clang writes no debug info: since DWARF 5 it has a checksum of each file; and no `-fcoverage-mapping`;
/// - the language is C or C++, in UTF-8 or ASCII: no assembly, no `-traditional-cpp`, no `-finput-charset`, no
///   `-fno-...` that changes what a token is. Trigraphs, digraphs and raw strings are taken care of;
/// - none of these is on: `-std=c90` and its like (if the old or the new content [`Facts::has_line_comments`]),
///   `-pedantic` with the same, `-Wimplicit-fallthrough=1`, `-Wdocumentation`, `-fparse-all-comments`,
///   `-Wleading-whitespace`, `-Wtrailing-whitespace`, `-Weverything`, `-Wc90-c99-compat`, `-Wtraditional`, `-C`, `-CC`,
///   `-Xclang -verify`, plugins; nor does it write listings (`-fverbose-asm`, `-Wa,-a`), which quote the source;
/// - no file of the compile has [`super::Sign::LineDirective`]: gcc looks up columns for `-Wmisleading-indentation` in
///   the file and line that it names. With `-Wno-misleading-indentation` it doesn't;
/// - the compile isn't so long that gcc runs out of locations, which takes millions of lines;
/// - `positions` is [`Positions::Matter`] unless there is no debug info, no instrumentation, no link-time code and no
///   mention of [`super::Sign::Line`] in any file;
/// - if the file has [`super::Sign::Once`], no other file of the compile is a copy of its old or new content;
/// - what [`super::Sign::Date`], `Time`, `Timestamp`, `AssemblerFile`, `Embed`, `OddPragma` and `Module` stand for is
///   seen to, as without any change.
///
/// If it is [`Difference::Macros`], then also for each name
/// - [`super::Mentions::reach`] is false, and [`super::Mentions::definitions`] is at most 1, both for the files with
///   the old content and with the new. The files are all that are read, also by `-include` and `-imacros`, and one more:
///   the facts of a text that holds the names and values of all `-D` and `-U` as plain words, and those of
///   environment variables and files of options that define macros. So what they name is mentioned, and may be pasted;
/// - no file has [`super::Sign::Poison`];
/// - none of these is on: `-Wunused-macros`, `-g3`, `-ggdb3`, `-fdebug-macro`, `-dD` and its like, `-pedantic`,
///   `-Wvariadic-macros`, `-Wc++-compat`, `-Wembedded-directive`, `-Wkeyword-macro`, `-Wtraditional`.
///
/// Where several files of a compile change at once, each pair is compared, and the old and the new set are asked for
/// the names of all.
#[must_use]
pub fn same_for(old: &Facts, new: &Facts, positions: Positions) -> Difference {
    if old.raw == new.raw {
        return Difference::None;
    }
    let skeleton = |facts: &Facts| match positions {
        Positions::Matter => facts.in_place,
        Positions::DontMatter => facts.flowing,
    };
    if skeleton(old).is_none() || skeleton(old) != skeleton(new) {
        return Difference::Other;
    }
    let (old, new) = (by_name(old), by_name(new));
    let names: BTreeSet<&str> = old
        .keys()
        .chain(new.keys())
        .copied()
        .filter(|name| old.get(name) != new.get(name))
        .collect();
    if names.is_empty() {
        Difference::Comments
    } else {
        Difference::Macros(names.into_iter().map(Box::from).collect())
    }
}

/// What is said of each macro, and where, in the order of the file.
fn by_name(facts: &Facts) -> BTreeMap<&str, Vec<([u64; 2], u32)>> {
    let mut all: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for Macro { name, definition, after, .. } in &facts.macros {
        all.entry(name).or_default().push((*definition, *after));
    }
    all
}
