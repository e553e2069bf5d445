//! The members of a structure or union, as its definition declares them one after the other.

use std::ops::Range;

use crate::declarations::lexer::{Kind, Token, Tokens};
use crate::declarations::units::Unit;
use crate::declarations::words::{Name, Word};

/// A definition that defines nothing but a tag.
pub(super) struct Definition {
    pub(super) tag: Name,
    pub(super) is_union: bool,
    /// The tokens within its braces.
    pub(super) body: Range<usize>,
    pub(super) members: Vec<Member>,
}

/// A declaration of members, `int a, *b;`, or of a structure without a name.
pub(super) struct Member {
    /// With the semicolon.
    pub(super) tokens: Range<usize>,
    /// The tokens that name what is declared.
    pub(super) names: Vec<usize>,
    /// What stands in the braces of a structure that is defined there; if nothing has that type by name, the names in there are
    /// its owner's.
    pub(super) braces: Option<Range<usize>>,
    /// It has a bit-field.
    pub(super) bits: bool,
}

impl Definition {
    /// Of a unit, if it is one in a way that is understood.
    pub(super) fn of(tokens: &Tokens<'_>, unit: &Unit) -> Option<Self> {
        let all = &tokens.tokens;
        let mut at = unit.first;
        while all[at].kind == Kind::Keyword(Word::Extension) {
            at += 1;
        }
        let is_union = match all[at].kind {
            Kind::Keyword(Word::Struct) => false,
            Kind::Keyword(Word::Union) => true,
            _ => return None,
        };
        at = behind_attributes(tokens, at + 1)?;
        let Kind::Name(tag) = all.get(at)?.kind else { return None };
        let open = at + 1;
        if all.get(open)?.kind != Kind::Mark(b'{') {
            return None;
        }
        let close = behind(tokens, open)? - 1;
        let last = behind_attributes(tokens, close + 1)?;
        if last + 1 != unit.end || all.get(last)?.kind != Kind::Mark(b';') {
            return None;
        }
        let body = open + 1..close;
        Some(Self { tag, is_union, members: members(tokens, body.clone())?, body })
    }
}

impl Member {
    /// Whether it declares pointers and nothing else.
    pub(super) fn is_pointer(&self, tokens: &Tokens<'_>) -> bool {
        let is_one = |&at: &usize| tokens.tokens[at - 1].kind == Kind::Mark(b'*');
        self.braces.is_none() && !self.names.is_empty() && self.names.iter().all(is_one)
    }

    /// Whether what it declares is plainly no array and has none in it.
    pub(super) fn is_scalar(&self, tokens: &Tokens<'_>) -> bool {
        let all = &tokens.tokens;
        let by_keyword = |at: usize| match all[at].kind {
            Kind::Name(_) => self.names.contains(&at),
            Kind::Keyword(word) => matches!(word, Word::Type | Word::Qualifier),
            _ => true,
        };
        self.braces.is_none()
            && !all[self.tokens.clone()].iter().any(|it| it.kind == Kind::Mark(b'['))
            && (self.is_pointer(tokens) || self.tokens.clone().all(by_keyword))
    }
}

/// Those between two braces.
pub(super) fn members(tokens: &Tokens<'_>, body: Range<usize>) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    let mut at = body.start;
    while at < body.end {
        let (end, braces) = end_of(tokens, at, body.end)?;
        let declarators = braces.as_ref().map_or(at, |braces| braces.end + 1);
        let (names, bits) = declared(tokens, declarators..end)?;
        if end == at {
            // A semicolon too many.
        } else if names.is_empty() && braces.is_none() && !bits {
            return None;
        } else {
            members.push(Member { tokens: at..end + 1, names, braces, bits });
        }
        at = end + 1;
    }
    Some(members)
}

/// The semicolon at which a declaration ends, and what stands in the last braces before it.
fn end_of(tokens: &Tokens<'_>, from: usize, end: usize) -> Option<(usize, Option<Range<usize>>)> {
    let (mut at, mut braces) = (from, None);
    while at < end {
        at = match tokens.tokens[at].kind {
            Kind::Mark(b';') => return Some((at, braces)),
            Kind::Mark(b'{') => {
                let behind = behind(tokens, at)?;
                braces = Some(at + 1..behind - 1);
                behind
            }
            Kind::Mark(b'(' | b'[') => behind(tokens, at)?,
            _ => at + 1,
        };
    }
    None
}

/// What the declarators among some tokens are called, and whether there is a width. If a name is taken for a member's that is none, nobody
/// can be asked where it lies, so that no harm is done.
fn declared(tokens: &Tokens<'_>, range: Range<usize>) -> Option<(Vec<usize>, bool)> {
    let all = &tokens.tokens;
    let (mut names, mut bits) = (Vec::new(), false);
    let (mut name, mut grouped, mut width) = (None, None, false);
    let mut at = range.start;
    while at < range.end {
        at = match all[at].kind {
            Kind::Mark(b',') => {
                names.extend(grouped.take().or(name.take()));
                width = false;
                at + 1
            }
            Kind::Mark(b':') => {
                (bits, width) = (true, true);
                at + 1
            }
            Kind::Mark(b'(') => {
                let behind = behind(tokens, at)?;
                let is_name = |token: &Token| matches!(token.kind, Kind::Name(_));
                let is_attribute = |token: &Token| token.kind == Kind::Keyword(Word::Attribute);
                // Members aren't functions: the first brackets have a name in them.
                if grouped.is_none() && !width {
                    let inside = &all[at..behind];
                    if inside.iter().any(is_attribute) {
                        return None;
                    }
                    grouped = Some(at + inside.iter().position(is_name)?);
                }
                behind
            }
            Kind::Mark(b'[') => behind(tokens, at)?,
            Kind::Keyword(Word::Attribute) => behind(tokens, at + 1)?,
            Kind::Name(_) if !width => {
                name = Some(at);
                at + 1
            }
            _ => at + 1,
        };
    }
    names.extend(grouped.or(name));
    Some((names, bits))
}

fn behind_attributes(tokens: &Tokens<'_>, mut at: usize) -> Option<usize> {
    while tokens.tokens.get(at)?.kind == Kind::Keyword(Word::Attribute) {
        at = behind(tokens, at + 1)?;
    }
    Some(at)
}

/// The token behind the bracket that closes the one at `at`.
pub(super) fn behind(tokens: &Tokens<'_>, at: usize) -> Option<usize> {
    tokens.behind.get(at).filter(|&&behind| behind > 0).map(|&behind| behind as usize)
}
