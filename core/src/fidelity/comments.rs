//! Where a text's comments are.
//!
//! Knows literals and comments, no more. What is found is a comment for every compiler and standard: at the first
//! place that might be read in another way, the search ends.

use std::ops::Range;

use memchr::{memchr, memchr3, memmem};

/// The block comments of a text up to the first doubtful place, in order. Line comments are none in C90.
#[derive(Debug)]
pub(super) struct Comments(Vec<Range<usize>>);

impl Comments {
    /// Looks through `text`.
    pub(super) fn of(text: &[u8]) -> Self {
        // The trigraph for a backslash.
        let text = memmem::find(text, b"??/").map_or(text, |at| &text[..at]);
        let mut comments = Vec::new();
        let mut at = 0;
        while let Some(next) = text.get(at..).and_then(|rest| memchr3(b'"', b'\'', b'/', rest)) {
            at += next;
            let rest = &text[at..];
            let length = match (rest[0], rest.get(1)) {
                (b'/', Some(b'*')) => block(rest).inspect(|length| comments.push(at..at + length)),
                (b'/', Some(b'/')) => line(rest),
                (b'/', Some(b'\\')) => None,
                (b'/', _) => Some(1),
                (quote, _) => literal(&text[..at], quote, rest),
            };
            let Some(length) = length else { break };
            at += length;
        }
        Self(comments)
    }

    /// Whether the byte at `at` is within a comment.
    pub(super) fn hold(&self, at: usize) -> bool {
        let behind = self.0.partition_point(|comment| comment.start <= at);
        behind.checked_sub(1).is_some_and(|comment| self.0[comment].contains(&at))
    }
}

/// How long the comment `/*` at the start of `rest` is.
fn block(rest: &[u8]) -> Option<usize> {
    let length = 4 + memmem::find(rest.get(2..)?, b"*/")?;
    // Its end may be split by a continued line.
    memmem::find(&rest[..length], b"*\\").is_none().then_some(length)
}

/// How long the comment `//` at the start of `rest` is, if no backslash continues it on the next line.
fn line(rest: &[u8]) -> Option<usize> {
    let length = memchr(b'\n', rest).unwrap_or(rest.len());
    (!rest[..length].trim_ascii_end().ends_with(b"\\")).then_some(length)
}

/// How long the string or character at the start of `rest` is; at most to the end of its line.
fn literal(before: &[u8], quote: u8, rest: &[u8]) -> Option<usize> {
    let word = before.iter().rev().take_while(|&&byte| is_word(byte)).count();
    let word = &before[before.len() - word..];
    let doubtful = match quote {
        // A raw string may hold anything.
        b'"' => word.ends_with(b"R"),
        // Behind a number it may separate digits.
        _ => word.first().is_some_and(|&byte| byte.is_ascii_digit() || byte == b'.'),
    };
    if doubtful {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr3(quote, b'\\', b'\n', &rest[at..])?;
        match rest[at] {
            b'\n' => return Some(at),
            // White space behind a backslash is passed over if the line ends with it.
            b'\\'
                if rest
                    .get(at + 1)
                    .is_none_or(|&byte| byte != b'\n' && byte.is_ascii_whitespace()) =>
            {
                return None;
            }
            b'\\' => at += 2,
            _ => return Some(at + 1),
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_surely_in_a_comment_is_found() {
        for (text, found) in [
            ("a /* X */ b", true),
            ("a // X", false),
            ("'\"' /* X */", true),
            ("\"a\\\"\" /* X */", true),
            ("\"a\\\nb\" /* X */", true),
            ("u8\"a\" u8'a' PRIu64\"\" /* X */", true),
            ("a / b /* X */", true),
            ("/* a // */ /* X */", true),
            ("//*/ X /* */", false),
            ("' /* a\n X */", false),
            ("' a\n /* X */", true),
            ("/* a */ X", false),
            ("// a\nX", false),
            ("\"/*\" X /* */", false),
            ("'/*' X /* */", false),
            ("\"\\\"/*\" X /* */", false),
            ("\"a\\\n/*\" X /* */", false),
            ("// a \\\nX", false),
            ("// \\ \n \" /* \n X */", false),
            ("\"a\\ \n/* X */", false),
            ("R\"(\"/*)\" X /* */", false),
            ("1'0 + '\"' + \"/*\" X /* */", false),
            ("\"??/\"/*\" X /* */", false),
            ("/* *\\\n/ X /* */", false),
            ("/\\\n/ /*\nX */", false),
            ("/* X", false),
            ("\"X", false),
        ] {
            let at = text.find('X').unwrap();
            assert_eq!(Comments::of(text.as_bytes()).hold(at), found, "{text}");
        }
    }
}
