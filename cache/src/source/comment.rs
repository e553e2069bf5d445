//! How far a comment goes, and whether a compiler might read it.
//!
//! Knows one comment at a time, not where it stands.

use std::ops::ControlFlow;

use memchr::{memchr, memchr_iter, memmem};

use super::Doubt;

/// How long the comment `/*` at the start of `rest` is.
pub(super) fn block(rest: &[u8]) -> Result<usize, Doubt> {
    let end =
        rest.get(2..).and_then(|inner| memmem::find(inner, b"*/")).ok_or(Doubt::Unterminated)?;
    let length = end + 4;
    // Its end may be split by a continued line.
    let split = memmem::find_iter(&rest[..length], b"*\\").any(|at| ends_line(&rest[at + 2..]));
    if split { Err(Doubt::Splice) } else { Ok(length) }
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
                Ok(rest.len())
            };
        };
        let end = from + next;
        if !rest[..end].trim_ascii_end().ends_with(b"\\") {
            return Ok(end);
        }
        if rest[end - 1] != b'\\' {
            return Err(Doubt::Splice);
        }
        from = end + 1;
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
    let found = comment.iter().try_fold(0_u32, |last, &byte| {
        let last = last << 8 | u32::from(byte | 0x20);
        let special = byte >= 0x80 || byte == 0x0b || byte == 0x0c || NAMES.contains(&last);
        if special { ControlFlow::Break(()) } else { ControlFlow::Continue(last) }
    });
    let nested = || comment[1] == b'*' && memmem::find(&comment[1..], b"/*").is_some();
    let continued = || memchr_iter(b'\\', comment).any(|at| ends_line(&comment[at + 1..]));
    found.is_break() || nested() || continued()
}

/// Parts of `fallthrough`, `lint` and `NOTREACHED` in lower case.
const NAMES: [u32; 3] =
    [u32::from_be_bytes(*b"fall"), u32::from_be_bytes(*b"lint"), u32::from_be_bytes(*b"otre")];
