//! What is in a function's body: the names, and whether any of it shows outside.

use super::{Parser, tag};
use crate::declarations::doubt::Doubt;
use crate::declarations::lexer::{Kind, Token};
use crate::declarations::words::{Name, Word};

impl Parser<'_> {
    /// A function's body; whether it is to be a root.
    pub(super) fn body(&mut self, from: usize, to: usize, unit: u32) -> Result<bool, Doubt> {
        let mut root = false;
        let (mut at, mut attribute_end, mut declaration_end) = (from, from, from);
        // Whether a type's name may mean another one than outside.
        let mut has_types = false;
        while at < to {
            if self.may_declare(at, from) {
                let (understood, end) = self.inner_declaration(at, to);
                root |= !understood;
                declaration_end = declaration_end.max(end);
            }
            match self.tokens[at].kind {
                Kind::Keyword(Word::Extern) => root |= at >= declaration_end,
                Kind::Keyword(Word::Typedef) => has_types = true,
                Kind::Keyword(word @ (Word::Struct | Word::Union | Word::Enum)) => {
                    let mut next = at + 1;
                    let name = self.tag_name(&mut next, unit)?;
                    if let Some(name) = name {
                        self.mention(tag(name), unit);
                        match self.tags[name as usize] {
                            Some(known) if known != word => return Err(Doubt::TagKind),
                            Some(_) => {}
                            None => self.units.early.push(tag(name)),
                        }
                    }
                    has_types |= matches!(self.kind(next), Some(Kind::Mark(b'{' | b';')));
                    at = next;
                    continue;
                }
                Kind::Keyword(Word::Attribute) => {
                    let end = self.behind_brackets(at + 1)?;
                    // That of a static object goes with the function; that of a function stays.
                    root |= self.has_odd_attributes(at, end, false) && !self.is_of_static(at, from);
                    attribute_end = end;
                }
                Kind::Name(name) if at < attribute_end => drop(self.name(at, name, unit)),
                Kind::Name(name) => self.body_name(at, name, unit),
                _ => {}
            }
            at += 1;
        }
        Ok(root || (has_types && !self.externs.is_empty()))
    }

    /// Whether the statement of a body that `at` stands in declares something `static`.
    fn is_of_static(&self, at: usize, body: usize) -> bool {
        let ends = |token: &Token| matches!(token.kind, Kind::Mark(b';' | b'{' | b'}'));
        let before = self.tokens[body..at].iter().rposition(ends);
        let first = before.map_or(body, |before| body + before + 1);
        self.kind(first) == Some(Kind::Keyword(Word::Static))
    }

    /// A name in a body, which may be a call.
    fn body_name(&mut self, at: usize, name: Name, unit: u32) {
        if self.name(at, name, unit) && self.kind(at + 1) == Some(Kind::Mark(b'(')) {
            self.units.called.push(name);
        }
    }
}
