//! The names of a declaration: which it declares as a tag or an enumerator, and which it mentions.

use super::{Draft, Parser, Symbol, ordinary, tag};
use crate::declarations::attributes;
use crate::declarations::doubt::Doubt;
use crate::declarations::lexer::{Kind, Token};
use crate::declarations::words::{Name, Word};

/// Where a tag is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TagIn {
    /// At file scope, in no brackets but those of a struct.
    File,
    /// In a declarator's parameters: not known behind them.
    Parameters,
    /// In other brackets: a type's, a size's, a cast's, or a member's parameters.
    Brackets,
}

impl Parser<'_> {
    fn mention(&mut self, symbol: Symbol, unit: u32) {
        let seen = &mut self.seen[symbol as usize];
        if *seen != unit {
            *seen = unit;
            self.units.mentioned.push(symbol);
        }
    }

    /// Names in a function's body, or in what stands before it.
    fn name(&mut self, at: usize, name: Name, unit: u32) {
        let member = at > 0 && matches!(self.tokens[at - 1].kind, Kind::Arrow | Kind::Mark(b'.'));
        if !member {
            self.mention(ordinary(name), unit);
        }
    }

    /// All of a unit but a function's body.
    pub(super) fn head(
        &mut self,
        first: usize,
        end: usize,
        parameters: &[(usize, usize)],
        draft: &Draft,
        unit: u32,
    ) -> Result<(), Doubt> {
        let mut parameters = parameters.iter().copied().peekable();
        let mut at = first;
        // Brackets that are open, and whether they are an enumeration's.
        let mut open: Vec<(u8, bool)> = Vec::new();
        // Of them, those that are no braces.
        let mut inner = 0_usize;
        let mut parameters_end = first;
        let mut enumerates = false;
        while at < end {
            if let Some(&(from, to)) = parameters.peek()
                && from == at
            {
                parameters_end = parameters_end.max(to);
                parameters.next();
            }
            match self.tokens[at].kind {
                Kind::Mark(mark @ (b'(' | b'[')) => {
                    open.push((mark, false));
                    inner += 1;
                }
                Kind::Mark(b'{') => {
                    if at < parameters_end {
                        // A struct or a statement expression in a parameter's type.
                        return Err(Doubt::TagScope);
                    }
                    open.push((b'{', enumerates));
                    enumerates = false;
                }
                Kind::Mark(b')' | b']' | b'}') => {
                    let braces = matches!(open.pop(), Some((b'{', _)));
                    inner = inner.saturating_sub(usize::from(!braces));
                }
                Kind::Keyword(word @ (Word::Struct | Word::Union | Word::Enum)) => {
                    let scope = match (at < parameters_end, inner > 0) {
                        (true, _) => TagIn::Parameters,
                        (false, true) => TagIn::Brackets,
                        (false, false) => TagIn::File,
                    };
                    let (next, defines) = self.tag_here(at, word, scope, draft, unit)?;
                    enumerates = defines && word == Word::Enum;
                    at = next;
                    continue;
                }
                Kind::Name(name) => {
                    let begins = matches!(
                        self.tokens[at - usize::from(at > 0)].kind,
                        Kind::Mark(b'{' | b',')
                    );
                    if open.last() == Some(&(b'{', true)) && begins {
                        self.units.declared.push(ordinary(name));
                    }
                    self.name(at, name, unit);
                }
                Kind::Text => self.text_mention(first, at, unit)?,
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    /// A tag behind its keyword at `at`; the token from which to go on, and whether a definition begins there.
    fn tag_here(
        &mut self,
        at: usize,
        word: Word,
        scope: TagIn,
        draft: &Draft,
        unit: u32,
    ) -> Result<(usize, bool), Doubt> {
        let mut next = at + 1;
        let name = self.tag_name(&mut next, unit)?;
        let defines = self.kind(next) == Some(Kind::Mark(b'{'));
        // A type behind a colon hides an enumeration's body.
        let typed = word == Word::Enum && self.kind(next) == Some(Kind::Mark(b':'));
        if typed || (defines && scope != TagIn::File) {
            return Err(Doubt::TagScope);
        }
        let Some(name) = name else { return Ok((next, defines)) };
        self.mention(tag(name), unit);
        let known = &mut self.tags[name as usize];
        match (*known, scope) {
            (Some(known), _) if known != word => return Err(Doubt::TagKind),
            (Some(_), _) => {}
            (None, TagIn::Parameters) => self.units.early.push(tag(name)),
            (None, TagIn::Brackets) => return Err(Doubt::TagScope),
            (None, TagIn::File) => *known = Some(word),
        }
        let alone = !draft.has_declarators && scope == TagIn::File;
        if defines || (alone && draft.attributed) {
            self.units.declared.push(tag(name));
        }
        Ok((next, defines))
    }

    /// The name behind `struct` and its attributes.
    fn tag_name(&mut self, next: &mut usize, unit: u32) -> Result<Option<Name>, Doubt> {
        let mut name = None;
        loop {
            match self.kind(*next) {
                Some(Kind::Keyword(Word::Attribute)) => {
                    let end = self.behind_brackets(*next + 1)?;
                    for at in *next..end {
                        match self.tokens[at].kind {
                            Kind::Name(name) => self.mention(ordinary(name), unit),
                            // A type within an attribute.
                            Kind::Keyword(Word::Struct | Word::Union | Word::Enum) => {
                                return Err(Doubt::TagScope);
                            }
                            _ => {}
                        }
                    }
                    *next = end;
                }
                Some(Kind::Name(it)) if name.is_none() => {
                    name = Some(it);
                    *next += 1;
                }
                _ => return Ok(name),
            }
        }
    }

    /// A symbol that a literal outside of bodies may name (`alias("f")`, `asm("f")`).
    fn text_mention(&mut self, first: usize, at: usize, unit: u32) -> Result<(), Doubt> {
        const NEAR: usize = 12;
        let literal = |at: usize| {
            let Token { start, end, .. } = self.tokens[at];
            &self.text.text[start as usize + 1..end as usize - 1]
        };
        let before = &self.tokens[first.max(at.saturating_sub(NEAR))..at];
        let says = |token: &Token| matches!(token.kind, Kind::Keyword(Word::Attribute | Word::Asm));
        if !before.iter().any(says) {
            return Ok(());
        }
        let text = literal(at);
        let pieces = matches!(before.last(), Some(Token { kind: Kind::Text, .. }))
            && !literal(at - 1).is_empty();
        let names_target = |token: &Token| match token.kind {
            Kind::Name(name) => attributes::names_target(self.text.words.spelling(name)),
            _ => false,
        };
        if (pieces || text.contains(&b'\\')) && before.iter().any(names_target) {
            return Err(Doubt::Literal);
        }
        // Any name that isn't one of this text's words is declared by nothing in it.
        if let Some(name) = self.text.words.find(text) {
            self.mention(ordinary(name), unit);
        }
        Ok(())
    }

    /// A function's body; whether it is to be a root.
    pub(super) fn body(&mut self, from: usize, to: usize, unit: u32) -> Result<bool, Doubt> {
        let mut root = false;
        let mut at = from;
        while at < to {
            match self.tokens[at].kind {
                // A static object is numbered; what is declared `extern` here is known everywhere.
                Kind::Keyword(Word::Static | Word::Extern | Word::Register | Word::Auto) => {
                    root = true;
                }
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
                Kind::Keyword(Word::Typeof) => {
                    // `typeof(f) g;` declares a function if `f` is one.
                    let end = self.behind_brackets(at + 1)?;
                    let declares = matches!(self.kind(end), Some(Kind::Name(_)))
                        && matches!(self.kind(end + 1), Some(Kind::Mark(b';' | b',')));
                    root |= declares;
                }
                Kind::Name(name) => {
                    let member = matches!(self.tokens[at - 1].kind, Kind::Arrow | Kind::Mark(b'.'));
                    if !member {
                        self.mention(ordinary(name), unit);
                        let next = self.kind(at + 1);
                        let called = next == Some(Kind::Mark(b'('))
                            || (next == Some(Kind::Mark(b')'))
                                && self.kind(at + 2) == Some(Kind::Mark(b'(')));
                        if called {
                            self.units.called.push(name);
                        }
                        if matches!(next, Some(Kind::Name(_)))
                            && self.function_types.contains(&name)
                        {
                            root = true;
                        }
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Ok(root)
    }
}
