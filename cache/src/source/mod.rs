//! What is known of a source file's bytes, whoever compiles it.
//!
//! A pure function of the bytes of one file: [`Facts::of`]. Knows no path, no option and no other file. Its purpose is
//! to recall a result although a file changed: [`same_for`] tells whether two contents differ in more than comments
//! and definitions of macros, and [`Mentions`] whether such a macro is mentioned anywhere.
//!
//! It is a scanner, not a preprocessor: what a condition leaves out counts like the rest. Where compilers or standards
//! might read a byte in different ways, or it would take a parser to know, the file is opaque and only its raw hash
//! counts; [`Doubt`] says why.
//!
//! # What is not kept
//! The skeletons keep every line, and every column of what is code. They don't keep what an ordinary comment says, how
//! long it is behind the code of its line, and blanks at a line's end. So the result of a compile is the same for the
//! same skeletons only if no option makes the compiler look there; see [`same_for`] for those that do.

mod comment;
mod compare;
mod definition;
mod directive;
mod identity;
mod indentation;
mod literal;
mod loose;
mod mentions;
mod paste;
mod place;
mod probe;
mod scan;
mod sign;
mod skeleton;
mod words;

use serde::{Deserialize, Serialize};

pub use compare::{Difference, Positions, same_for};
pub use identity::{ContentHash, IdHash};
pub use mentions::Mentions;
pub use paste::could_paste;
pub use sign::{Sign, Signs};

/// What is known of the content of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The hash of the bytes.
    pub raw: ContentHash,
    /// The hash of the code with all its positions, without macros that may be dropped; `None` if opaque.
    pub in_place: Option<ContentHash>,
    /// The same, without the lines that are blank or hold only comments or definitions that may be dropped.
    pub flowing: Option<ContentHash>,
    /// A hash of the comments that a compiler may read, if there are any; of an opaque file, that of all its bytes.
    pub comments: Option<ContentHash>,
    /// Why the file is opaque.
    pub doubt: Option<Doubt>,
    /// What else is in the file.
    pub signs: Signs,
    /// The definitions that may be dropped, in order. Of an opaque file those that are certain all the same.
    pub macros: Vec<Macro>,
    /// Every identifier outside of comments, sorted: those of directives and within strings too, but not of `macros`.
    pub mentions: Box<[IdHash]>,
    /// Those of them that are nowhere but in strings, sorted: `##` can't join these.
    pub quoted: Box<[IdHash]>,
    /// Numbers that `##` could make part of a name, sorted.
    pub numbers: Box<[IdHash]>,
    /// The headers that `#include`, `#include_next` and `#import` name, sorted.
    pub includes: Vec<Include>,
    /// The headers that `__has_include` and `__has_include_next` name, sorted.
    pub has_include: Vec<Include>,
}

/// The definition of a macro that nobody notices unless the macro is mentioned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Macro {
    /// Its name, which is ASCII.
    pub name: Box<str>,
    /// A hash of the directive as it is written, but for comments behind it.
    pub definition: [u64; 2],
    /// How many lines are kept before it.
    pub after: u32,
    /// The identifiers of its body, sorted, but for its parameters.
    pub body: Box<[IdHash]>,
}

/// A header as a file names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Include {
    /// The bytes between the quotes or brackets.
    pub name: Box<[u8]>,
    /// Whether they are quotes.
    pub quoted: bool,
    /// Whether the search begins behind the directory of this file.
    pub next: bool,
}

/// Why a file is opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Doubt {
    /// A control character, a carriage return among them.
    #[error("it has a control character")]
    Control,
    /// Other bytes than ASCII outside of comments and literals, or such that are no UTF-8.
    #[error("it has bytes beyond ASCII in its code")]
    NotAscii,
    /// A trigraph.
    #[error("it has a trigraph")]
    Trigraph,
    /// `%:`, another `#`.
    #[error("it has a digraph for #")]
    Digraph,
    /// A string, character or comment without an end; or an apostrophe in text that is no code.
    #[error("it has a literal or comment without an end")]
    Unterminated,
    /// `R"(...)"`, which is something else in C.
    #[error("it has a raw string")]
    RawString,
    /// `1'000`, which is something else in C.
    #[error("it has a separator of digits")]
    DigitSeparator,
    /// A backslash within the code, or a continued line in the middle of a token.
    #[error("it has a backslash in a doubtful place")]
    Splice,
    /// A header's name in a doubtful place or with doubtful characters.
    #[error("it has a header's name that may be read as something else")]
    HeaderName,
    /// A pragma over several lines, or with a header's name.
    #[error("it has a pragma that may be read in several ways")]
    Pragma,
    /// `#embed`.
    #[error("it embeds a file")]
    Embed,
    /// A line with a comment is so long that gcc drops columns.
    #[error("it has a comment on a long line")]
    LongLine,
    /// It has 4 GiB or more.
    #[error("it is too long")]
    TooLong,
}

impl Facts {
    /// Reads `bytes`, which may be anything.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut scanner = scan::Scanner::new(bytes);
        let checked = check(bytes);
        // Comments and literals may be in any encoding, to find the words beside them.
        let outcome = match checked {
            Ok(()) | Err(Doubt::NotAscii) => scanner.run(),
            Err(doubt) => Err(doubt),
        };
        let scan::Scanner { lines, mut words, mut found, speaking, mut assembler_words, .. } =
            scanner;
        let (in_place, flowing) = match outcome {
            Ok(()) if checked.is_ok() => {
                let (in_place, flowing) = lines.finish();
                (Some(in_place), Some(flowing))
            }
            Ok(()) => (None, None),
            Err(_) => {
                found = directive::Found::default();
                words = loose::scan(bytes, &mut found);
                assembler_words = sign::assembler_words_in_comments(bytes);
                (None, None)
            }
        };
        found.has_includes.extend(probe::asked(bytes));
        let words::Found { mentions, quoted, numbers, mut signs } = words.finish();
        if sign::assembler_words(bytes) > assembler_words {
            signs.add(Sign::AssemblerFile);
        }
        let doubt = outcome.and(checked).err();
        let raw = ContentHash::of(bytes);
        let speaking = speaking.map(|hasher| ContentHash(*hasher.finalize().as_bytes()));
        Self {
            raw,
            comments: if doubt.is_some() { Some(raw) } else { speaking },
            in_place,
            flowing,
            doubt,
            signs,
            macros: found.macros,
            mentions,
            quoted,
            numbers,
            includes: sorted(found.includes),
            has_include: sorted(found.has_includes),
        }
    }

    /// Whether something outside of `macros` mentions the identifier `name`.
    ///
    /// A macro that is defined on the command line can't matter if no file that is read mentions it, in `macros`
    /// neither ([`Mentions`] looks at both), and nothing could paste it.
    #[must_use]
    pub fn mentions(&self, name: &[u8]) -> bool {
        self.mentions.binary_search(&IdHash::of(name)).is_ok()
    }

    /// Whether the file asks for or tells what `sign` says.
    #[must_use]
    pub fn has(&self, sign: Sign) -> bool {
        self.signs.has(sign)
    }

    /// Whether the file has a `// comment`, which C90 doesn't know.
    #[must_use]
    pub fn has_line_comments(&self) -> bool {
        self.has(Sign::LineComments)
    }

    /// Whether `id` is of a name or a number outside of `macros` that `##` could join.
    fn has_piece(&self, id: IdHash) -> bool {
        let has = |ids: &[IdHash]| ids.binary_search(&id).is_ok();
        (has(&self.mentions) && !has(&self.quoted)) || has(&self.numbers)
    }
}

fn sorted(mut includes: Vec<Include>) -> Vec<Include> {
    includes.sort_unstable();
    includes.dedup();
    includes
}

/// What is looked for in comments and literals too.
fn check(bytes: &[u8]) -> Result<(), Doubt> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(Doubt::TooLong);
    }
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | 0x0b | 0x0c);
    // In pieces, so that it is vectorised.
    if bytes.chunks(256).any(|piece| piece.iter().fold(false, |any, byte| any | control(byte))) {
        return Err(Doubt::Control);
    }
    std::str::from_utf8(bytes).map_err(|_| Doubt::NotAscii).map(|_| ())
}
