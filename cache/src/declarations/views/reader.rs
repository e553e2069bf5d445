//! Tokens as declarations: tags and what is declared by them, wherever they stand.
//!
//! Nothing is known of types, and of names nothing but how they are spelt.

use std::ops::Range;

use super::members::behind;
use crate::declarations::lexer::{Kind, Token, Tokens};
use crate::declarations::units::Unit;
use crate::declarations::words::{Name, Word};

/// The tokens of a text.
pub(super) struct Reader<'a> {
    pub(super) tokens: &'a Tokens<'a>,
    /// The token that opens each closing bracket.
    pub(super) opens: Vec<u32>,
}

/// What is declared by a type.
#[derive(Default)]
pub(super) struct Declared {
    /// Each name with how often it is to be looked behind at least to come to that type.
    pub(super) names: Vec<(Name, u32)>,
    /// Something is without an asterisk of its own.
    pub(super) has_values: bool,
    /// A pointer is `restrict`: what it points to is then taken for an object of its own.
    pub(super) restricted: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tokens: &'a Tokens<'a>) -> Self {
        let mut opens = vec![0; tokens.tokens.len()];
        for (at, &behind) in tokens.behind.iter().enumerate().filter(|(_, behind)| **behind > 0) {
            opens[behind as usize - 1] = at as u32;
        }
        Self { tokens, opens }
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.tokens.get(at).map(|token| token.kind)
    }

    pub(super) fn spelling(&self, at: usize) -> &'a [u8] {
        let Token { start, end, .. } = self.tokens.tokens[at];
        &self.tokens.text[start as usize..end as usize]
    }

    pub(super) fn is(&self, at: usize, mark: u8) -> bool {
        self.kind(at) == Some(Kind::Mark(mark))
    }

    pub(super) fn behind(&self, at: usize) -> usize {
        behind(self.tokens, at).unwrap_or(at + 1)
    }

    pub(super) fn behind_attributes(&self, mut at: usize) -> usize {
        while self.kind(at) == Some(Kind::Keyword(Word::Attribute)) {
            at = self.behind(at + 1);
        }
        at
    }

    /// The tag behind a keyword, past its attributes, and where it stands.
    pub(super) fn tag(&self, keyword: usize) -> Option<(Name, usize)> {
        let at = self.behind_attributes(keyword + 1);
        match self.kind(at) {
            Some(Kind::Name(tag)) => Some((tag, at)),
            _ => None,
        }
    }

    /// The tag that is named at `at`, behind the keyword that stands there.
    pub(super) fn named_tag(&self, at: usize) -> Option<Name> {
        let is_keyword = matches!(self.kind(at), Some(Kind::Keyword(Word::Struct | Word::Union)));
        self.tag(at).filter(|_| is_keyword).map(|(tag, _)| tag)
    }

    pub(super) fn is_pointer(&self, mut at: usize) -> bool {
        while let Some(Kind::Keyword(Word::Qualifier | Word::Attribute)) = self.kind(at) {
            at = match self.kind(at) {
                Some(Kind::Keyword(Word::Attribute)) => self.behind(at + 1),
                _ => at + 1,
            };
        }
        self.is(at, b'*')
    }

    /// Whether a tag that stands for its type is only measured, or declared to be one.
    pub(super) fn is_unevaluated(&self, at: usize, tag_at: usize, unit: &Unit) -> bool {
        let before = |back: usize| at.checked_sub(back).and_then(|at| self.kind(at));
        let is_alone = at == unit.first && self.is(tag_at + 1, b';');
        let is_offset = |kind| match kind {
            Some(Kind::Name(name)) => self.tokens.words.spelling(name) == b"__builtin_offsetof",
            _ => false,
        };
        is_alone
            || before(1) == Some(Kind::Mark(b'('))
                && (before(2) == Some(Kind::Keyword(Word::Operator)) && self.is(tag_at + 1, b')')
                    || is_offset(before(2)) && self.is(tag_at + 1, b','))
    }

    /// What is declared by a type that ends before `at`.
    pub(super) fn declarators(&self, mut at: usize, open: &[(u8, usize)]) -> Declared {
        let mut declared = Declared::default();
        let (mut depth, mut is_named) = (0, false);
        // A list of parameters ends at the first comma; the brackets of a loop are none.
        let in_parameters = matches!(open.last(), Some(&(b'(', open))
            if self.kind(open.wrapping_sub(1)) != Some(Kind::Keyword(Word::Statement)));
        while let Some(kind) = self.kind(at) {
            match kind {
                Kind::Mark(b'*') => {
                    depth += 1;
                    at += 1;
                }
                Kind::Keyword(Word::Qualifier) => {
                    declared.restricted |=
                        memchr::memmem::find(self.spelling(at), b"restrict").is_some();
                    at += 1;
                }
                Kind::Keyword(Word::Attribute | Word::Asm) => at = self.behind(at + 1),
                Kind::Name(name) => {
                    at += 1;
                    let mut depth = depth;
                    while self.is(at, b'[') {
                        depth += 1;
                        at = self.behind(at);
                    }
                    declared.names.push((name, depth));
                    is_named = true;
                }
                Kind::Mark(b'(') => {
                    let behind = self.behind(at);
                    // The name is in there, or has stood before parameters.
                    if !is_named || self.is(at + 1, b'*') {
                        is_named = true;
                        declared.names.extend(self.names(at..behind).map(|name| (name, 1)));
                    }
                    at = behind;
                }
                Kind::Mark(b'[') => at = self.behind(at),
                Kind::Mark(b'=') => at = self.behind_initializer(at),
                Kind::Mark(b',') if !in_parameters || self.is_pointer(at + 1) => {
                    at += 1;
                    (depth, is_named) = (0, false);
                    declared.has_values |= !self.is_pointer(at);
                }
                _ => break,
            }
        }
        declared
    }

    pub(super) fn behind_initializer(&self, mut at: usize) -> usize {
        loop {
            match self.kind(at) {
                None | Some(Kind::Mark(b',' | b';' | b')' | b'}' | b']')) => return at,
                Some(Kind::Mark(b'(' | b'[' | b'{')) => at = self.behind(at),
                Some(_) => at += 1,
            }
        }
    }

    pub(super) fn names(&self, range: Range<usize>) -> impl Iterator<Item = Name> + use<'a> {
        let tokens: &'a [Token] = &self.tokens.tokens[range];
        tokens.iter().filter_map(|token| match token.kind {
            Kind::Name(name) => Some(name),
            _ => None,
        })
    }
}
