//! One pass over the tokens of a file.
//!
//! Knows where tokens, comments and lines end, and nothing of macros' values: what a condition leaves out is read
//! all the same. At the first place that some compiler might read in another way it gives up.

use super::directive::{Directive, Keyword};
use super::literal::{has_trigraph, length as literal_length};
use super::skeleton::{End, Skeleton};
use super::words::{Words, is_word};
use super::{Doubt, Sign, comment, place, sign};

pub(super) struct Scanner<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) lines: Skeleton<'a>,
    pub(super) words: Words,
    pub(super) place: place::Place,
    pub(super) directive: Option<Directive>,
    pub(super) found: super::directive::Found,
    /// Whether there was a token on this line, continued ones included.
    begun: bool,
    /// The last token's kind.
    last: u8,
    /// The comments that a compiler may read.
    pub(super) speaking: Option<blake3::Hasher>,
    /// How often the assembler's words for more files are in comments, where no assembler sees them.
    pub(super) assembler_words: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            lines: Skeleton::new(text),
            words: Words::new(),
            place: place::Place::default(),
            directive: None,
            found: super::directive::Found::default(),
            begun: false,
            last: 0,
            speaking: None,
            assembler_words: 0,
        }
    }

    /// Reads everything.
    pub(super) fn run(&mut self) -> Result<(), Doubt> {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | 0x0b | 0x0c => self.at += 1,
                b'\n' => {
                    self.lines.end_line(self.at, End::Newline)?;
                    self.at += 1;
                    self.end_logical_line();
                }
                b'0'..=b'9' => {
                    let number = self.word();
                    self.words.number(number);
                    self.token(b'0');
                    self.at += number.len();
                }
                b'"' | b'\'' => self.literal()?,
                b'/' => self.slash()?,
                b'\\' => self.splice()?,
                _ if is_word(byte) => self.name()?,
                b'#' => self.hash()?,
                _ if byte >= 0x80 => return Err(Doubt::NotAscii),
                b'%' if self.next_is(b':') => return Err(Doubt::Digraph),
                b'?' if self.next_is(b'?') && has_trigraph(&self.text[self.at..]) => {
                    return Err(Doubt::Trigraph);
                }
                _ => {
                    self.token(byte);
                    self.at += 1;
                }
            }
        }
        if self.lines.line_start() < self.text.len() {
            self.lines.end_line(self.text.len(), End::Newline)?;
        }
        self.end_logical_line();
        Ok(())
    }

    fn next_is(&self, byte: u8) -> bool {
        self.text.get(self.at + 1) == Some(&byte)
    }

    fn word(&self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        &rest[..rest.iter().position(|&byte| !is_word(byte)).unwrap_or(rest.len())]
    }

    /// Where the next thing on the line is.
    pub(super) fn skip_blanks(&self, mut at: usize) -> usize {
        while matches!(self.text.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    }

    /// Notes a token of some kind at the current place.
    fn token(&mut self, kind: u8) {
        self.begun = true;
        self.last = kind;
        if self.directive == Some(Directive::Begun) {
            self.directive = Some(Directive::Of(Keyword::Other));
            if kind == b'0' {
                self.words.signs.add(Sign::LineDirective);
            }
        }
    }

    fn literal(&mut self) -> Result<(), Doubt> {
        let length = literal_length(self.text, self.at)?;
        let literal = &self.text[self.at..self.at + length];
        self.token(b'"');
        if memchr::memchr(b'\n', literal).is_some() {
            let mut joined = Vec::with_capacity(length);
            for line in literal.split_inclusive(|&byte| byte == b'\n') {
                joined.extend_from_slice(line.strip_suffix(b"\\\n").unwrap_or(line));
            }
            self.words.text(&joined);
        } else if literal[0] == b'"' {
            self.words.text(literal);
        }
        for newline in memchr::memchr_iter(b'\n', literal) {
            self.lines.end_line(self.at + newline, End::Splice)?;
        }
        if self.text[..self.at].trim_ascii_end().ends_with(b"(") && literal[0] == b'"' {
            self.pragma_operand(literal);
        }
        self.at += length;
        Ok(())
    }

    fn slash(&mut self) -> Result<(), Doubt> {
        let rest = &self.text[self.at..];
        let length = match rest.get(1) {
            Some(b'*') => comment::block(rest)?,
            Some(b'/') => {
                self.words.signs.add(Sign::LineComments);
                comment::line(rest)?
            }
            _ => {
                self.token(b'/');
                self.at += 1;
                return Ok(());
            }
        };
        let end = self.at + length;
        let joins = self.begun && !comment::ends_line(&self.text[end..]);
        let comment = &rest[..length];
        let speaks = comment::speaks(comment);
        if speaks {
            self.speaking.get_or_insert_default().update(comment);
        }
        self.assembler_words += sign::assembler_words(comment);
        self.lines.comment(self.at..end, speaks, joins)?;
        self.at = end;
        Ok(())
    }

    /// A backslash outside of literals and comments: it continues the line, between tokens, or is a doubt.
    fn splice(&mut self) -> Result<(), Doubt> {
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at));
        let after = self.text.get(self.at + 2);
        // Nor are these part of a longer token.
        let ends = |byte: Option<&u8>| byte.is_none_or(|byte| b" \t\n;,()[]{}".contains(byte));
        let begins = |byte: Option<&u8>| byte != Some(&b'(') && ends(byte);
        if !self.next_is(b'\n') || after.is_none() || !ends(before) && !begins(after) {
            return Err(Doubt::Splice);
        }
        self.lines.end_line(self.at + 1, End::Splice)?;
        self.at += 2;
        Ok(())
    }

    fn hash(&mut self) -> Result<(), Doubt> {
        if self.next_is(b'#') {
            self.words.signs.add(Sign::Pastes);
            self.token(b'#');
            self.at += 2;
            return Ok(());
        }
        let begins = !self.begun;
        self.token(b'#');
        if begins {
            self.directive = Some(Directive::Begun);
            self.found.hash = self.at;
        }
        self.at += 1;
        Ok(())
    }

    fn name(&mut self) -> Result<(), Doubt> {
        let name = self.word();
        let first = !self.begun;
        let keyword = self.directive == Some(Directive::Begun);
        self.token(b'a');
        let at = self.at;
        self.at += name.len();
        if keyword {
            return self.directive_keyword(name);
        }
        self.words.name(name);
        if first || self.text[..at].ends_with(b"@") {
            self.module_line(name, at)?;
        }
        if name.starts_with(b"__has_") {
            self.has_include(name)?;
        }
        Ok(())
    }

    fn end_logical_line(&mut self) {
        if self.directive.is_some() {
            self.end_directive();
        } else if self.begun {
            self.place.after_code(self.last);
        }
        self.begun = false;
    }
}
