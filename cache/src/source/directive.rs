//! What the directives of a file say.
//!
//! Knows their first words and operands; definitions are read in [`super::definition`].

use super::literal::header_name;
use super::scan::Scanner;
use super::{Doubt, Include, Macro, Sign, definition};

/// The directive that the current line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    /// Only `#` was seen.
    Begun,
    /// One with this first word.
    Of(Keyword),
}

/// What the directives are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Define,
    If { negated: bool },
    Else,
    Endif,
    Other,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    /// Where the last directive began.
    pub(super) hash: usize,
    pub(super) macros: Vec<Macro>,
    pub(super) includes: Vec<Include>,
    pub(super) has_includes: Vec<Include>,
}

/// Whether a directive is a `#define`.
pub(super) fn is_definition(directive: &[u8]) -> bool {
    let rest = directive.trim_ascii_start().strip_prefix(b"#");
    rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"define"))
}

/// Whether a `__has_include` behind `before` asks for no header: `#ifdef __has_include`, `defined(__has_include)`; or
/// `#define __has_include(x) 0`, for compilers that haven't got it.
pub(super) fn is_only_named(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let before = before.strip_suffix(b"(").unwrap_or(before).trim_ascii_end();
    let words: [&[u8]; 5] = [b"ifdef", b"ifndef", b"defined", b"define", b"undef"];
    words.iter().any(|word| before.ends_with(word))
}

impl<'a> Scanner<'a> {
    /// Takes up the first word of a directive, which was just passed.
    pub(super) fn directive_keyword(&mut self, word: &[u8]) -> Result<(), Doubt> {
        let line = self.rest_of_line();
        let keyword = match word {
            b"define" => {
                let begin = self.lines.line_start();
                if self.skip_blanks(begin) == self.found.hash && !self.lines.continues() {
                    self.lines.begin_definition();
                    self.words.begin_definition();
                }
                Keyword::Define
            }
            b"if" => Keyword::If { negated: line.contains(&b'!') || line.ends_with(b"\\") },
            b"ifndef" => Keyword::If { negated: true },
            b"ifdef" => Keyword::If { negated: false },
            b"elif" | b"else" | b"elifdef" | b"elifndef" => Keyword::Else,
            b"endif" => Keyword::Endif,
            b"include" | b"import" => self.include(false)?,
            b"include_next" => self.include(true)?,
            b"pragma" => self.pragma(line)?,
            b"line" => {
                self.words.signs.add(Sign::LineDirective);
                Keyword::Other
            }
            b"embed" => return Err(Doubt::Embed),
            _ => Keyword::Other,
        };
        self.directive = Some(Directive::Of(keyword));
        Ok(())
    }

    fn rest_of_line(&self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())]
    }

    fn include(&mut self, next: bool) -> Result<Keyword, Doubt> {
        let at = self.skip_blanks(self.at);
        if let Some(include) = self.operand(at, next)? {
            self.found.includes.push(include);
        } else if matches!(self.text.get(at), Some(b'/' | b'\\' | 0x0b | 0x0c)) {
            // A name behind a comment would have to be read as one.
            return Err(Doubt::HeaderName);
        } else {
            self.words.signs.add(Sign::ComputedInclude);
        }
        Ok(Keyword::Other)
    }

    /// Reads and passes a header's name at `at`.
    fn operand(&mut self, at: usize, next: bool) -> Result<Option<Include>, Doubt> {
        let Some(header) = header_name(&self.text[at..])? else { return Ok(None) };
        self.at = at + header.name.len() + 2;
        Ok(Some(Include { name: header.name.into(), quoted: header.quoted, next }))
    }

    fn pragma(&mut self, line: &[u8]) -> Result<Keyword, Doubt> {
        let continued = line.ends_with(b"\\");
        self.words.signs.add_pragma(line);
        let odd = self.words.signs.has(Sign::OddPragma) && line.contains(&b'<');
        // One that goes on behind a comment or on another line could say anything.
        let comment = memchr::memmem::rfind(line, b"/*");
        let hidden = continued || comment.is_some_and(|at| !line[at..].ends_with(b"*/"));
        if odd || hidden { Err(Doubt::Pragma) } else { Ok(Keyword::Other) }
    }

    /// Takes up a string behind `(`, which may be the operand of `_Pragma`.
    pub(super) fn pragma_operand(&mut self, literal: &[u8]) {
        let before = self.text[..self.at].trim_ascii_end();
        let before = before.strip_suffix(b"(").unwrap_or(before).trim_ascii_end();
        if before.ends_with(b"_Pragma") || before.ends_with(b"__pragma") {
            self.words.signs.add_pragma(literal);
        }
    }

    /// Takes up the operand of `__has_include` and its like, whose name was just passed.
    pub(super) fn has_include(&mut self, name: &[u8]) -> Result<(), Doubt> {
        let next = match name {
            b"__has_include" | b"__has_include__" => false,
            b"__has_include_next" | b"__has_include_next__" => true,
            b"__has_embed" => return Err(Doubt::Embed),
            _ => return Ok(()),
        };
        if is_only_named(&self.text[..self.at - name.len()]) {
            return Ok(());
        }
        let at = self.skip_blanks(self.at);
        if self.text.get(at) != Some(&b'(') {
            self.words.signs.add(Sign::ComputedProbe);
            return Ok(());
        }
        let at = self.skip_blanks(at + 1);
        match self.operand(at, next)? {
            // In a macro's body these are tokens.
            Some(include) => {
                self.words.text(&include.name);
                self.found.has_includes.push(include);
            }
            // A macro that stands for it; see `probe` for where it is used.
            None if is_definition(&self.text[self.found.hash..]) => {}
            None => self.words.signs.add(Sign::ComputedProbe),
        }
        Ok(())
    }

    /// Looks whether a line that begins with `name` at `at` may be one of C++20's modules.
    pub(super) fn module_line(&mut self, name: &[u8], at: usize) -> Result<(), Doubt> {
        let next = self.text.get(self.skip_blanks(self.at)).copied().unwrap_or(b'\n');
        let word = next.is_ascii_alphabetic() || next == b'_';
        let begins = match name {
            b"import" if matches!(next, b'<' | b'"') => return Err(Doubt::HeaderName),
            b"import" => word || next == b':',
            b"module" => word || matches!(next, b';' | b':'),
            b"export" => word || next == b'{',
            _ => return Ok(()),
        };
        if begins || at > 0 && self.text[at - 1] == b'@' {
            self.words.signs.add(Sign::Module);
        }
        Ok(())
    }

    /// Ends the current directive with its line.
    pub(super) fn end_directive(&mut self) {
        match self.directive.take() {
            Some(Directive::Of(Keyword::Define)) => self.end_definition(),
            Some(Directive::Of(Keyword::If { negated })) => self.place.after_if(negated),
            Some(Directive::Of(Keyword::Else)) => self.place.after_else(),
            Some(Directive::Of(Keyword::Endif)) => self.place.after_endif(),
            _ => self.place.after_directive(),
        }
    }

    fn end_definition(&mut self) {
        let text = self.lines.definition();
        let name = text.filter(|_| self.place.allows_dropping()).and_then(definition::name);
        let (Some(definition), Some(name)) = (text, name) else {
            self.words.end_definition(false, text.unwrap_or_default());
            self.lines.end_definition(false);
            self.place.after_directive();
            return;
        };
        let body = self.words.end_definition(true, definition);
        let definition = definition::hash(definition);
        self.lines.end_definition(true);
        let after = self.lines.lines();
        self.found.macros.push(Macro { name, definition, after, body });
    }
}
