//! How far a comment goes, and whether a compiler might read it.
//!
//! Knows one comment at a time, not where it stands.

use memchr::{memchr, memchr_iter, memmem};

use super::Doubt;

/// How long the comment `/*` at the start of `rest` is.
pub(super) fn block(rest: &[u8]) -> Result<usize, Doubt> {
    let end =
        rest.get(2..).and_then(|inner| memmem::find(inner, b"*/")).ok_or(Doubt::Unterminated)?;
    let length = end + 4;
    // Its end may be split by a continued line, or several.
    let splits = |at: usize| {
        let behind = &rest[at + 2..];
        let next = memchr(b'\n', behind).and_then(|newline| behind.get(newline + 1));
        ends_line(behind) && next.is_none_or(|next| b"/\\?".contains(next))
    };
    let split = memmem::find_iter(&rest[..length], b"*\\").any(splits);
    if split {
        return Err(Doubt::Splice);
    }
    without_trigraph(&rest[..length]).map(|()| length)
}

/// How long the comment `//` at the start of `rest` is; the line's end isn't part of it.
pub(super) fn line(rest: &[u8]) -> Result<usize, Doubt> {
    let mut from = 0;
    loop {
        let Some(next) = memchr(b'\n', &rest[from..]) else {
            // A backslash as the last byte of a file.
            return if rest.trim_ascii_end().ends_with(b"\\") {
                Err(Doubt::Splice)
            } else {
                without_trigraph(rest).map(|()| rest.len())
            };
        };
        let end = from + next;
        if !rest[..end].trim_ascii_end().ends_with(b"\\") {
            return without_trigraph(&rest[..end]).map(|()| end);
        }
        if rest[end - 1] != b'\\' {
            return Err(Doubt::Splice);
        }
        from = end + 1;
    }
}

/// The trigraph of a backslash continues a comment's line, or ends it otherwise than it seems.
fn without_trigraph(comment: &[u8]) -> Result<(), Doubt> {
    let mut trigraphs = memmem::find_iter(comment, b"??/");
    match trigraphs.any(|at| ends_line(&comment[at + 3..])) {
        true => Err(Doubt::Trigraph),
        false => Ok(()),
    }
}

/// Whether only blanks are left on the line.
pub(super) fn ends_line(rest: &[u8]) -> bool {
    rest.iter()
        .find(|&&byte| !matches!(byte, b' ' | b'\t' | 0x0b | 0x0c))
        .is_none_or(|&byte| byte == b'\n')
}

/// Whether a compiler might make something of `comment`: it falls through, warns of what is in it, or counts columns
/// in characters.
pub(super) fn speaks(comment: &[u8]) -> bool {
    let nested = || comment[1] == b'*' && memmem::find(&comment[1..], b"/*").is_some();
    let continued = || memchr_iter(b'\\', comment).any(|at| ends_line(&comment[at + 1..]));
    is_odd(comment) || NAMES.iter().any(|name| holds(comment, name)) || nested() || continued()
}

/// Parts of `fallthrough`, `lint` and `NOTREACHED` in lower case.
const NAMES: [[u8; 4]; 3] = [*b"fall", *b"lint", *b"otre"];

fn is_odd(comment: &[u8]) -> bool {
    // All of it, so that it is vectorised.
    comment.iter().fold(false, |any, &byte| any | (byte >= 0x80) | (byte == 0x0b) | (byte == 0x0c))
}

/// Whether `name` is in `text` in any case.
fn holds(text: &[u8], name: &[u8; 4]) -> bool {
    let Some(last) = text.len().checked_sub(4) else { return false };
    let [a, b, c, d] = [0, 1, 2, 3].map(|from| &text[from..=from + last]);
    let is = |byte: u8, letter: u8| byte | 0x20 == letter;
    let pairs = a.iter().zip(b).zip(c.iter().zip(d));
    pairs.fold(false, |any, ((&a, &b), (&c, &d))| {
        any | (is(a, name[0]) & is(b, name[1]) & is(c, name[2]) & is(d, name[3]))
    })
}
