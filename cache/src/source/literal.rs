//! How far a string or a character goes, and a header's name.
//!
//! Knows one literal at a time. What might be read in another way by some compiler or standard is a doubt.

use memchr::{memchr, memchr2, memchr3, memmem};

use super::Doubt;
use super::comment::ends_line;
use super::words::is_word;

/// How long the string or character is that begins at `at`. It may go over continued lines.
pub(super) fn length(text: &[u8], at: usize) -> Result<usize, Doubt> {
    let rest = &text[at..];
    if rest[0] == b'"' {
        // Only a token of its own, but any word that ends so is rare.
        if text[..at].ends_with(b"R") {
            return Err(Doubt::RawString);
        }
    } else if follows_number(&text[..at]) {
        return Err(Doubt::DigitSeparator);
    }
    let mut length = 1;
    loop {
        let Some(next) = memchr3(rest[0], b'\\', b'\n', &rest[length..]) else {
            return Err(Doubt::Unterminated);
        };
        length += next;
        match rest[length] {
            b'\n' => return Err(Doubt::Unterminated),
            b'\\' if rest.get(length + 1) == Some(&b'\n') => length += 2,
            b'\\' if ends_line(&rest[length + 1..]) => return Err(Doubt::Splice),
            b'\\' => length += 2,
            _ => break,
        }
    }
    let literal = &rest[..length + 1];
    if has_trigraph(literal) { Err(Doubt::Trigraph) } else { Ok(length + 1) }
}

/// Whether a number goes up to the end of `before`, so that a `'` separates its digits.
fn follows_number(before: &[u8]) -> bool {
    let length = before.iter().rev().take_while(|&&byte| is_word(byte) || byte == b'.').count();
    let word = &before[before.len() - length..];
    let word = word.strip_prefix(b".").unwrap_or(word);
    word.first().is_some_and(u8::is_ascii_digit)
}

/// Whether `text` holds what may be a trigraph.
pub(super) fn has_trigraph(text: &[u8]) -> bool {
    memmem::find_iter(text, b"??")
        .any(|at| text[at + 2..].first().is_some_and(|byte| b"=/'()!<>-?".contains(byte)))
}

/// A header's name at the start of a text.
pub(super) struct HeaderName<'a> {
    pub(super) name: &'a [u8],
    pub(super) quoted: bool,
}

/// The name `<...>` or `"..."` at the start of `rest`; `None` if something else is there.
pub(super) fn header_name(rest: &[u8]) -> Result<Option<HeaderName<'_>>, Doubt> {
    let (quoted, close) = match rest.first() {
        Some(b'"') => (true, b'"'),
        Some(b'<') => (false, b'>'),
        _ => return Ok(None),
    };
    let end = 1 + memchr2(close, b'\n', &rest[1..]).ok_or(Doubt::Unterminated)?;
    let name = &rest[1..end];
    if rest[end] != close {
        return Err(Doubt::Unterminated);
    }
    // Something else as a string, or in the eyes of a scanner that doesn't expect a header.
    let plain = memchr3(b'\\', b'"', b'\'', name).is_none()
        && (quoted || memmem::find(name, b"//").or(memmem::find(name, b"/*")).is_none())
        && memchr(b'?', name).is_none();
    if plain { Ok(Some(HeaderName { name, quoted })) } else { Err(Doubt::HeaderName) }
}
