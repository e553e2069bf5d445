//! Preprocessed text to tokens, line markers and pragmas, in one pass.
//!
//! Knows what a token is, not what a declaration is. White space and positions aren't kept: a declaration is hashed by its
//! bytes.

use std::collections::HashMap;

use memchr::memchr;

use super::doubt::Doubt;
use super::words::{self, Name, Word, Words};

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Token {
    /// The keyword before a tag.
    pub(super) fn tag_word(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Keyword(Word::Struct) => Some("struct"),
            Kind::Keyword(Word::Union) => Some("union"),
            Kind::Keyword(Word::Enum) => Some("enum"),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier.
    Name(Name),
    Keyword(Word),
    Number,
    Text,
    /// A punctuator by its first byte; those of several bytes are several tokens, but for the next two.
    Mark(u8),
    Arrow,
    Ellipsis,
}

/// Where text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From a system header, whose warnings aren't given.
    pub(super) system: bool,
    /// From the file that is compiled.
    pub(super) main: bool,
}

/// A line that is no text of the program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) start: u32,
    pub(super) end: u32,
    /// What follows a line marker; `None` for a pragma.
    pub(super) place: Option<Place>,
    /// The file, among [`Tokens::files`], and in it the number of the line behind the marker.
    pub(super) file: u32,
    pub(super) number: u32,
}

/// A text, taken apart.
pub(super) struct Tokens<'a> {
    pub(super) text: &'a [u8],
    pub(super) tokens: Vec<Token>,
    /// For each token that opens a bracket the one behind that which closes it; else 0.
    pub(super) behind: Vec<u32>,
    /// Markers and pragmas.
    pub(super) lines: Vec<Line>,
    /// Tokens that are `__attribute__`.
    pub(super) attributes: Vec<u32>,
    pub(super) words: Words<'a>,
    /// The names of files in markers, as they are spelt there.
    pub(super) files: Vec<&'a [u8]>,
}

/// Longer texts aren't looked at.
const LONGEST: usize = 256 << 20;

const BLANK: u8 = 1;
const LETTER: u8 = 2;
const DIGIT: u8 = 3;
const QUOTE: u8 = 4;
/// A mark by itself.
const MARK: u8 = 5;
const BRACKET: u8 = 6;
/// May be part of a longer mark, or of something that isn't understood.
const PART: u8 = 7;

/// What each byte begins; 0 for what no C text has.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        class[at] = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => BLANK,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80..=0xff => LETTER,
            b'0'..=b'9' => DIGIT,
            b'"' | b'\'' => QUOTE,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' => BRACKET,
            b'/' | b'<' | b'%' | b':' | b'?' | b'-' | b'.' => PART,
            b'!' | b'&' | b'*'..=b',' | b';' | b'=' | b'>' | b'^' | b'|' | b'~' => MARK,
            _ => 0,
        };
        at += 1;
    }
    class
};

fn goes_on(byte: u8) -> bool {
    matches!(CLASS[byte as usize], LETTER | DIGIT)
}

/// Whether there is nothing before a byte in its line.
fn begins_line(text: &[u8], at: usize) -> bool {
    let before =
        text[..at].iter().rev().find(|byte| **byte == b'\n' || CLASS[**byte as usize] != BLANK);
    before.is_none_or(|byte| *byte == b'\n')
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a [u8]) -> Result<Self, Doubt> {
        if text.len() > LONGEST {
            return Err(Doubt::Size);
        }
        let mut lexer = Lexer {
            text,
            tokens: Vec::with_capacity(text.len() / 4),
            brackets: Vec::new(),
            pairs: Vec::new(),
            lines: Vec::new(),
            attributes: Vec::new(),
            words: Words::new(),
            open: Vec::new(),
            files: Vec::new(),
            numbers: HashMap::new(),
        };
        lexer.run()?;
        if !lexer.brackets.is_empty() {
            return Err(Doubt::Unfinished);
        }
        let Lexer { tokens, pairs, lines, attributes, words, files, .. } = lexer;
        let mut behind = vec![0; tokens.len()];
        pairs.iter().for_each(|(open, close)| behind[*open as usize] = close + 1);
        Ok(Self { text, tokens, behind, lines, attributes, words, files })
    }
}

struct Lexer<'a> {
    text: &'a [u8],
    tokens: Vec<Token>,
    /// Brackets that are open: tokens, and what closes each.
    brackets: Vec<(u32, u8)>,
    /// Those that were closed, and by which token.
    pairs: Vec<(u32, u32)>,
    lines: Vec<Line>,
    attributes: Vec<u32>,
    words: Words<'a>,
    /// The files that are open, the first one being compiled.
    open: Vec<u32>,
    /// The files by number. That of the first marker is compiled.
    files: Vec<&'a [u8]>,
    numbers: HashMap<&'a [u8], u32>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), Doubt> {
        let text = self.text;
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            at = match CLASS[byte as usize] {
                BLANK => self.behind_blanks(at + 1),
                LETTER => self.word(at)?,
                MARK => self.push(Kind::Mark(byte), at, at + 1),
                BRACKET => self.bracket(byte, at)?,
                DIGIT => self.number(at)?,
                PART => self.mark(at)?,
                QUOTE => self.literal(at)?,
                _ if byte == b'#' && begins_line(text, at) => self.line(at)?,
                _ => return Err(Doubt::Byte),
            };
        }
        Ok(())
    }

    fn behind_blanks(&self, from: usize) -> usize {
        let blank = |byte: &u8| CLASS[*byte as usize] == BLANK;
        from + self.text[from..].iter().take_while(|byte| blank(byte)).count()
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> usize {
        // Texts are shorter than 2^32.
        self.tokens.push(Token { kind, start: start as u32, end: end as u32 });
        end
    }

    fn word(&mut self, start: usize) -> Result<usize, Doubt> {
        let rest = &self.text[start..];
        let length = rest.iter().position(|&byte| !goes_on(byte)).unwrap_or(rest.len());
        let word = &rest[..length];
        if word.last() == Some(&b'R') && rest.get(length) == Some(&b'"') {
            return Err(Doubt::Literal);
        }
        let name = self.words.number(word, words::hash_of(rest, length));
        let kind = match self.words.keyword(name) {
            None => Kind::Name(name),
            Some(Word::Position) => return Err(Doubt::Position),
            Some(Word::Macro) => return Err(Doubt::Macros),
            Some(Word::Odd) => return Err(Doubt::Specifiers),
            Some(word) => {
                if word == Word::Attribute {
                    self.attributes.push(self.tokens.len() as u32);
                }
                Kind::Keyword(word)
            }
        };
        Ok(self.push(kind, start, start + length))
    }

    fn number(&mut self, start: usize) -> Result<usize, Doubt> {
        let mut at = start + 1;
        while let Some(&byte) = self.text.get(at) {
            let exponent = matches!(self.text[at - 1], b'e' | b'E' | b'p' | b'P');
            match byte {
                b'.' => {}
                b'+' | b'-' if exponent => {}
                // A separator of digits in C23, the start of a literal before.
                b'\'' => return Err(Doubt::Literal),
                _ if goes_on(byte) => {}
                _ => break,
            }
            at += 1;
        }
        Ok(self.push(Kind::Number, start, at))
    }

    fn literal(&mut self, start: usize) -> Result<usize, Doubt> {
        let quote = self.text[start];
        let mut at = start + 1;
        loop {
            match self.text.get(at) {
                None | Some(b'\n' | 0) => return Err(Doubt::Literal),
                Some(b'\\') if matches!(self.text.get(at + 1), Some(b'\n') | None) => {
                    return Err(Doubt::Literal);
                }
                Some(b'\\') => at += 2,
                Some(&byte) => {
                    at += 1;
                    if byte == quote {
                        return Ok(self.push(Kind::Text, start, at));
                    }
                }
            }
        }
    }

    fn mark(&mut self, start: usize) -> Result<usize, Doubt> {
        let rest = &self.text[start..];
        match rest {
            [b'/', b'/' | b'*', ..] => Err(Doubt::Comment),
            [b'<', b':' | b'%', ..] | [b'%' | b':', b'>', ..] | [b'%', b':', ..] => {
                Err(Doubt::Byte)
            }
            [b'?', b'?', b'=' | b'(' | b')' | b'/' | b'<' | b'>' | b'!' | b'\'' | b'-', ..] => {
                Err(Doubt::Byte)
            }
            [b'-', b'>', ..] => Ok(self.push(Kind::Arrow, start, start + 2)),
            [b'.', b'.', b'.', ..] => Ok(self.push(Kind::Ellipsis, start, start + 3)),
            [b'.', b'0'..=b'9', ..] => self.number(start),
            [byte, ..] => Ok(self.push(Kind::Mark(*byte), start, start + 1)),
            [] => Err(Doubt::Byte),
        }
    }

    fn bracket(&mut self, mark: u8, start: usize) -> Result<usize, Doubt> {
        let at = self.tokens.len() as u32;
        let closes = match mark {
            b'(' => Some(b')'),
            // An attribute of C23.
            b'[' if self.tokens.last().is_some_and(|it| it.kind == Kind::Mark(b'[')) => {
                return Err(Doubt::Byte);
            }
            b'[' => Some(b']'),
            b'{' => Some(b'}'),
            _ => None,
        };
        match closes {
            Some(_) if self.brackets.len() >= DEEPEST_BRACKETS => return Err(Doubt::Depth),
            Some(closes) => self.brackets.push((at, closes)),
            None => {
                let open = self.brackets.pop().filter(|(_, closes)| *closes == mark);
                self.pairs.push((open.ok_or(Doubt::Brackets)?.0, at));
            }
        }
        Ok(self.push(Kind::Mark(mark), start, start + 1))
    }

    /// A line that begins with `#`.
    fn line(&mut self, start: usize) -> Result<usize, Doubt> {
        let rest = &self.text[start..];
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..length];
        let (start, end) = (start as u32, (start + length) as u32);
        let line = if words_of(line).next() == Some(&b"#pragma"[..]) {
            Line { start, end, place: None, file: 0, number: 0 }
        } else {
            let marker = marker(line).ok_or(Doubt::Directive)?;
            let file = self.follow(&marker)?;
            let place = Place { system: marker.system, main: file == 0 };
            Line { start, end, place: Some(place), file, number: marker.number }
        };
        self.lines.push(line);
        Ok(end as usize)
    }
}

impl<'a> Lexer<'a> {
    /// Follows a marker; the number of its file. Compilers warn of one that comes back to a file that it can't have come
    /// from.
    fn follow(&mut self, marker: &Marker<'a>) -> Result<u32, Doubt> {
        let file = *self.numbers.entry(marker.file).or_insert_with(|| {
            self.files.push(marker.file);
            // Fewer than bytes.
            self.files.len() as u32 - 1
        });
        match (marker.way, self.open.len()) {
            (Way::Along, 0) => self.open.push(file),
            (Way::Along, open) => self.open[open - 1] = file,
            (Way::In, 1..DEEPEST) => self.open.push(file),
            (Way::Out, 2..) => {
                self.open.pop();
                if self.open.last() != Some(&file) {
                    return Err(Doubt::Directive);
                }
            }
            _ => return Err(Doubt::Directive),
        }
        Ok(file)
    }
}

/// More brackets in brackets than anybody writes.
const DEEPEST_BRACKETS: usize = 10_000;

/// More files in files than compilers allow.
const DEEPEST: usize = 250;

/// Where a marker leads.
#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
    Along,
}

struct Marker<'a> {
    number: u32,
    file: &'a [u8],
    system: bool,
    way: Way,
}

/// The words of a directive.
pub(super) fn words_of(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty())
}

/// `# 12 "file" 1 3 4`.
fn marker(line: &[u8]) -> Option<Marker<'_>> {
    let rest = line.strip_prefix(b"# ")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
    let rest = rest.get(digits..)?.strip_prefix(b" \"").filter(|_| digits < 10)?;
    let mut end = 0;
    while *rest.get(end)? != b'"' {
        end += if rest[end] == b'\\' { 2 } else { 1 };
    }
    let mut marker = Marker { number, file: &rest[..end], system: false, way: Way::Along };
    for flag in words_of(&rest[end + 1..]) {
        match flag {
            b"1" => marker.way = Way::In,
            b"2" => marker.way = Way::Out,
            b"3" => marker.system = true,
            // `extern "C"`, which in C says nothing.
            b"4" => {}
            _ => return None,
        }
    }
    Some(marker)
}
