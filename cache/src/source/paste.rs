//! Whether `##` could make a name.
//!
//! Knows the pieces that files hold, not which of them meet: any two might.

use super::{Facts, IdHash, Sign};

/// Pieces that the compiler's own macros expand to.
const PREDEFINED: [&[u8]; 26] = [
    b"L",
    b"l",
    b"U",
    b"u",
    b"UL",
    b"ul",
    b"LL",
    b"ll",
    b"ULL",
    b"ull",
    b"int",
    b"long",
    b"short",
    b"char",
    b"signed",
    b"unsigned",
    b"float",
    b"double",
    b"bool",
    b"F",
    b"f",
    b"DF",
    b"DD",
    b"DL",
    b"Q",
    b"W",
];

/// The longest name that is taken apart; a longer one could always be pasted.
const LONGEST: usize = 128;

/// Whether some macros in `files` could make the identifier `name` with `##`.
///
/// Conservative: `name` need only be a row of two or more identifiers and numbers that the files mention, whatever
/// macro may join them. False if no file pastes.
#[must_use]
pub fn could_paste(name: &[u8], files: &[&Facts]) -> bool {
    could_paste_of(name, files, |id| {
        let mut macros = files.iter().flat_map(|facts| &facts.macros);
        macros.any(|defined| defined.body.binary_search(&id).is_ok())
    })
}

/// The same, with the names in the bodies of [`Facts::macros`] already known.
pub(super) fn could_paste_of(
    name: &[u8],
    files: &[&Facts],
    in_body: impl Fn(IdHash) -> bool,
) -> bool {
    if !files.iter().any(|facts| facts.signs.has(Sign::Pastes)) {
        return false;
    }
    if name.len() > LONGEST {
        return true;
    }
    let is_piece = |piece: &[u8]| {
        let id = IdHash::of(piece);
        is_plain_number(piece)
            || PREDEFINED.contains(&piece)
            || in_body(id)
            || files.iter().any(|facts| facts.has_piece(id))
    };
    // Up to which places rows of pieces go.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for from in 0..name.len() {
        if !reached[from] {
            continue;
        }
        for to in from + 1..=name.len() {
            // The whole name is no row of two.
            if !reached[to] && (from, to) != (0, name.len()) {
                reached[to] = is_piece(&name[from..to]);
            }
        }
    }
    reached[name.len()]
}

/// Whether `text` is a number that is taken to be everywhere: `__COUNTER__` and `__LINE__` expand to any.
pub(super) fn is_plain_number(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let suffix = &text[digits..];
    digits > 0 && suffix.len() <= 3 && suffix.iter().all(|byte| b"uUlL".contains(byte))
}
