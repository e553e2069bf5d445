//! The names of a declaration: which it declares as a tag or an enumerator, and which it mentions.

use std::mem::take;

use super::{Draft, Parser, Pointed, Symbol, ordinary, tag};
use crate::declarations::attributes;
use crate::declarations::doubt::Doubt;
use crate::declarations::lexer::{Kind, Token};
use crate::declarations::words::{Name, Word};

/// A tag's keyword, and where it stands.
struct Here {
    at: usize,
    word: Word,
    scope: TagIn,
    /// The innermost bracket that is open.
    bracket: Option<u8>,
}

/// Where a tag is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TagIn {
    /// At file scope, in no brackets but those of a struct.
    File,
    /// In a declarator's parameters: not known behind them.
    Parameters,
    /// In those of a `typeof` alone, which are no scope: known behind them.
    Typeof,
    /// In other brackets: a type's, a size's, a cast's, or a member's parameters.
    Brackets,
}

impl Parser<'_> {
    pub(super) fn mention(&mut self, symbol: Symbol, unit: u32) {
        let seen = &mut self.seen[symbol as usize];
        if *seen != unit {
            *seen = unit;
            self.units.mentioned.push(symbol);
        }
    }

    /// A name in a function's body, or in what stands before it; whether it is no member's.
    pub(super) fn name(&mut self, at: usize, name: Name, unit: u32) -> bool {
        let member = at > 0 && matches!(self.tokens[at - 1].kind, Kind::Arrow | Kind::Mark(b'.'));
        if !member {
            self.mention(ordinary(name), unit);
            return true;
        }
        let seen = &mut self.seen_member[name as usize];
        if *seen != unit {
            *seen = unit;
            self.units.accessed.push(name);
        }
        false
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
        let mut open = take(&mut self.room.open);
        // Of them, those that are no braces.
        let mut inner = 0_usize;
        let mut parameters_end = first;
        let mut enumerates = false;
        // Up to where an attribute goes, and whether a bit-field's width is said.
        let (mut attribute_end, mut width) = (first, false);
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
                        (false, true) if inner == 1 && self.is_behind_typeof(at) => TagIn::Typeof,
                        (false, true) => TagIn::Brackets,
                        (false, false) => TagIn::File,
                    };
                    let bracket = open.last().map(|it| it.0);
                    let here = Here { at, word, scope, bracket };
                    let (next, defines) = self.tag_here(&here, draft, unit)?;
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
                        self.units.enumerators.push(name);
                        at += 1;
                        continue;
                    }
                    let declares = draft.plain && draft.body.is_none();
                    let own = match declares && at >= attribute_end && !width {
                        true => self.own_name(at, &open),
                        false => None,
                    };
                    match own {
                        Some(is_member) => self.units.own_names.push((at, is_member)),
                        None => drop(self.name(at, name, unit)),
                    }
                }
                Kind::Text => self.text_mention(first, at, unit)?,
                Kind::Keyword(Word::Attribute) => attribute_end = self.behind_brackets(at + 1)?,
                Kind::Mark(b':') => width = true,
                Kind::Mark(b',' | b';') => width = false,
                _ => {}
            }
            at += 1;
        }
        open.clear();
        self.room.open = open;
        Ok(())
    }

    /// Whether a name is a member's (true) or a prototype's parameter's (false): behind a type, which it can't be then, and
    /// before what ends a declarator. Then it says nothing of what else has that name.
    fn own_name(&self, at: usize, open: &[(u8, bool)]) -> Option<bool> {
        // A size is an expression.
        if open.iter().any(|(bracket, _)| *bracket == b'[') {
            return None;
        }
        let mut back = at.checked_sub(1)?;
        let before = self.kind(back)?;
        while matches!(self.kind(back), Some(Kind::Mark(b'*') | Kind::Keyword(Word::Qualifier))) {
            back = back.checked_sub(1)?;
        }
        let pointer = before == Kind::Mark(b'*');
        // `(*name)` is declared by whoever the brackets belong to.
        let grouped = pointer && self.kind(back) == Some(Kind::Mark(b'('));
        let typed = pointer || matches!(before, Kind::Name(_) | Kind::Keyword(Word::Type));
        let next = self.kind(at + 1);
        let ends = |marks: &[u8]| matches!(next, Some(Kind::Mark(mark)) if marks.contains(&mark));
        match open {
            [.., (b'{', false)] => {
                let typed = typed || matches!(before, Kind::Mark(b'}' | b','));
                (typed && ends(b",;:[")).then_some(true)
            }
            [.., (b'{', false), (b'(', _)] if grouped => ends(b")[").then_some(true),
            [.., (b'(', _)] if !grouped => (typed && ends(b",)[")).then_some(false),
            _ => None,
        }
    }

    /// A tag behind its keyword at `at`; the token from which to go on, and whether a definition begins there.
    fn tag_here(&mut self, here: &Here, draft: &Draft, unit: u32) -> Result<(usize, bool), Doubt> {
        let Here { at, word, scope, bracket } = *here;
        let mut next = at + 1;
        let name = self.tag_name(&mut next, unit)?;
        let defines = self.kind(next) == Some(Kind::Mark(b'{'));
        // A type behind a colon hides an enumeration's body.
        let typed = word == Word::Enum && self.kind(next) == Some(Kind::Mark(b':'));
        if typed || (defines && scope != TagIn::File) {
            return Err(Doubt::TagScope);
        }
        let Some(name) = name else { return Ok((next, defines)) };
        let carriers = match defines {
            true => None,
            false => self.carriers(next, bracket, draft),
        };
        match carriers {
            Some(carriers) => {
                let in_members = bracket == Some(b'{');
                self.units.pointed.push(Pointed { tag: tag(name), carriers, in_members });
            }
            // Its own is declared.
            None if defines => {}
            None => self.mention(tag(name), unit),
        }
        let known = &mut self.tags[name as usize];
        match (*known, scope) {
            (Some(known), _) if known != word => return Err(Doubt::TagKind),
            (Some(_), _) => {}
            (None, TagIn::Parameters) => self.units.early.push(tag(name)),
            (None, TagIn::Brackets) => return Err(Doubt::TagScope),
            (None, TagIn::File | TagIn::Typeof) => *known = Some(word),
        }
        // `struct T __attribute__((...));`
        let alone = !draft.has_declarators && scope == TagIn::File && bracket.is_none();
        if defines || (alone && draft.attributed) {
            self.units.declared.push(tag(name));
        }
        Ok((next, defines))
    }

    /// Whether `typeof(` stands before `at`.
    fn is_behind_typeof(&self, at: usize) -> bool {
        at >= 2
            && self.kind(at - 1) == Some(Kind::Mark(b'('))
            && self.kind(at - 2) == Some(Kind::Keyword(Word::Typeof))
    }

    /// The name behind `struct` and its attributes.
    pub(super) fn tag_name(&mut self, next: &mut usize, unit: u32) -> Result<Option<Name>, Doubt> {
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
}
