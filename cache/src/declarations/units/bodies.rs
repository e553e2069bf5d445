//! What is in a function's body: the names, and what it declares that is known outside.

use super::{Parser, tag};
use crate::declarations::doubt::Doubt;
use crate::declarations::lexer::{Kind, Token};
use crate::declarations::words::{Name, Word};

impl Parser<'_> {
    /// A function's body; whether it is to be a root.
    pub(super) fn body(&mut self, from: usize, to: usize, unit: u32) -> Result<bool, Doubt> {
        let mut root = false;
        let (mut at, mut attribute_end) = (from, from);
        while at < to {
            match self.tokens[at].kind {
                Kind::Keyword(Word::Extern) => root |= !self.inner_extern(at, to),
                Kind::Keyword(Word::Type) => self.inner_function(at, from),
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
                    at = next;
                    continue;
                }
                Kind::Keyword(Word::Attribute) => {
                    let end = self.behind_brackets(at + 1)?;
                    // That of a static object goes with the function; that of a function stays.
                    root |= self.has_odd_attributes(at, end) && !self.is_of_static(at, from);
                    attribute_end = end;
                }
                Kind::Keyword(Word::Typeof) => {
                    // `typeof(f) g;` declares a function if `f` is one.
                    let end = self.behind_brackets(at + 1)?;
                    let declares = matches!(self.kind(end), Some(Kind::Name(_)))
                        && matches!(self.kind(end + 1), Some(Kind::Mark(b';' | b',')));
                    root |= declares;
                }
                Kind::Name(name) if at < attribute_end => drop(self.name(at, name, unit)),
                Kind::Name(name) => root |= self.body_name(at, name, unit),
                _ => {}
            }
            at += 1;
        }
        Ok(root)
    }

    /// Whether the statement of a body that `at` stands in declares something `static`.
    fn is_of_static(&self, at: usize, body: usize) -> bool {
        let ends = |token: &Token| matches!(token.kind, Kind::Mark(b';' | b'{' | b'}'));
        let before = self.tokens[body..at].iter().rposition(ends);
        let first = before.map_or(body, |before| body + before + 1);
        self.kind(first) == Some(Kind::Keyword(Word::Static))
    }

    /// A name in a body; whether it may declare a function.
    fn body_name(&mut self, at: usize, name: Name, unit: u32) -> bool {
        if !self.name(at, name, unit) {
            return false;
        }
        let next = self.kind(at + 1);
        let called = next == Some(Kind::Mark(b'('))
            || (next == Some(Kind::Mark(b')')) && self.kind(at + 2) == Some(Kind::Mark(b'(')));
        if called {
            self.units.called.push(name);
        }
        matches!(next, Some(Kind::Name(_))) && self.function_types.contains(&name)
    }

    fn is_name(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Name(_)))
    }

    /// Notes `int f(void);` at the beginning of a statement likewise.
    fn inner_function(&mut self, first: usize, body: usize) {
        let begins =
            first == body || matches!(self.tokens[first - 1].kind, Kind::Mark(b';' | b'{' | b'}'));
        if !begins {
            return;
        }
        let mut at = first + 1;
        while matches!(
            self.kind(at),
            Some(Kind::Keyword(Word::Type | Word::Qualifier) | Kind::Mark(b'*'))
        ) {
            at += 1;
        }
        let (Some(Kind::Name(name)), Some(Kind::Mark(b'('))) = (self.kind(at), self.kind(at + 1))
        else {
            return;
        };
        let Ok(end) = self.behind_brackets(at + 1) else { return };
        // A tag may be the function's own.
        let tagged = self.tokens[at..end].iter().any(|token| token.tag_word().is_some());
        if !tagged && self.kind(end) == Some(Kind::Mark(b';')) {
            self.externs.push((first, end + 1, vec![name]));
        }
    }

    /// What is declared `extern` in a body is known to all that follows: a declaration of its own. Whether it is understood.
    fn inner_extern(&mut self, first: usize, to: usize) -> bool {
        let (mut at, mut depth) = (first + 1, 0_usize);
        let mut names = Vec::new();
        while at < to {
            match self.tokens[at].kind {
                // `(*name)`, which isn't looked into.
                Kind::Mark(b'(') if depth == 0 && !self.is_name(at - 1) => return false,
                Kind::Mark(b'(' | b'[') => depth += 1,
                Kind::Mark(b')' | b']') => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return false,
                },
                Kind::Mark(b';') if depth == 0 => {
                    if names.is_empty() {
                        return false;
                    }
                    self.externs.push((first, at + 1, names));
                    return true;
                }
                Kind::Mark(b'*' | b',') | Kind::Ellipsis | Kind::Number | Kind::Text => {}
                Kind::Keyword(Word::Type | Word::Qualifier | Word::Extension | Word::Thread) => {}
                Kind::Keyword(Word::Struct | Word::Union | Word::Enum) => {
                    // A tag that isn't known outside would belong to the function.
                    match self.kind(at + 1) {
                        Some(Kind::Name(name)) if self.tags[name as usize].is_some() => at += 1,
                        _ => return false,
                    }
                }
                Kind::Name(name) => {
                    let declared =
                        matches!(self.kind(at + 1), Some(Kind::Mark(b'(' | b'[' | b';' | b',')));
                    if depth == 0 && declared {
                        names.push(name);
                    }
                }
                _ => return false,
            }
            at += 1;
        }
        false
    }
}
