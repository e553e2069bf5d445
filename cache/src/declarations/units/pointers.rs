//! Tags that a declaration only points to, and what carries the pointer.

use super::{Draft, Parser, Range};
use crate::declarations::lexer::{Kind, Token};
use crate::declarations::words::Word;

impl Parser<'_> {
    /// Of a tag before `next`, within a bracket, what the declaration that only points to it declares; `None` if it may do more.
    pub(super) fn carriers(
        &mut self,
        next: usize,
        bracket: Option<u8>,
        draft: &Draft,
    ) -> Option<Range> {
        let from = self.units.carriers.len() as u32;
        if !draft.plain || !self.is_pointer(next) {
            return None;
        }
        let is_parameter = bracket == Some(b'(');
        match bracket {
            // What is given for it is somebody else's pointer, and only a body has it then.
            Some(b'(') if draft.body.is_none() => return Some(from..from),
            Some(b'(' | b'{') => {}
            None if !draft.typedef => {}
            _ => return None,
        }
        // The parameter, or all declarators of a member or of the declaration.
        let (mut at, mut depth) = (next, 0_usize);
        loop {
            match self.kind(at)? {
                // What a body names carries nothing but to itself.
                Kind::Mark(b'{') if draft.body.is_some_and(|(from, _)| at + 1 == from) => break,
                // Sizes and parameters are of other types.
                Kind::Mark(mark @ (b'[' | b'('))
                    if mark == b'['
                        || matches!(self.kind(at - 1), Some(Kind::Name(_) | Kind::Mark(b')'))) =>
                {
                    at = self.behind_brackets(at).ok()?;
                    continue;
                }
                Kind::Mark(b'(' | b'{') => depth += 1,
                Kind::Mark(b')' | b',') if depth == 0 && is_parameter => break,
                Kind::Mark(b')' | b'}') => depth = depth.checked_sub(1)?,
                Kind::Mark(b',') if depth == 0 && !self.is_pointer(at + 1) => {
                    self.units.carriers.truncate(from as usize);
                    return None;
                }
                Kind::Mark(b';') if depth == 0 => break,
                Kind::Name(name) => self.units.carriers.push(name),
                _ => {}
            }
            at += 1;
        }
        Some(from..self.units.carriers.len() as u32)
    }

    /// Whether a `*` stands here, perhaps behind `const`.
    fn is_pointer(&self, mut at: usize) -> bool {
        while self.kind(at) == Some(Kind::Keyword(Word::Qualifier)) {
            at += 1;
        }
        self.kind(at) == Some(Kind::Mark(b'*'))
    }

    /// Whether tokens without a function's body have no expression in them but of numbers and enumerators.
    pub(super) fn is_plain(&self, first: usize, end: usize) -> bool {
        // Brackets that are open, and up to where an expression goes at least.
        let (mut round, mut until) = (0_usize, first);
        for at in first..end {
            match self.tokens[at].kind {
                Kind::Keyword(Word::Operator) if !self.is_of_plain_type(at + 1) => return false,
                // `__builtin_offsetof`, say.
                Kind::Name(name) if self.text.words.is_builtin(name) => return false,
                Kind::Mark(b'=' | b'.')
                | Kind::Arrow
                | Kind::Keyword(
                    Word::Typeof
                    | Word::StaticAssert
                    | Word::Statement
                    | Word::Align
                    | Word::Atomic,
                ) => return false,
                // A cast.
                Kind::Keyword(Word::Struct | Word::Union | Word::Enum) if at < until => {
                    return false;
                }
                Kind::Mark(b'(') => round += 1,
                Kind::Mark(b')') => round = round.saturating_sub(1),
                Kind::Mark(b'[') => {
                    let behind = self.behind_brackets(at).unwrap_or(end);
                    let is_name = |token: &Token| matches!(token.kind, Kind::Name(_));
                    // A parameter's size needn't be constant.
                    if round > 0 && self.tokens[at..behind].iter().any(is_name) {
                        return false;
                    }
                    until = until.max(behind);
                }
                Kind::Mark(b':') => {
                    let ends = |token: &Token| token.kind == Kind::Mark(b';');
                    let width = self.tokens[at..end].iter().position(ends);
                    until = until.max(width.map_or(end, |width| at + width));
                }
                Kind::Keyword(Word::Attribute) => {
                    until = until.max(self.behind_brackets(at + 1).unwrap_or(end));
                }
                _ => {}
            }
        }
        true
    }

    /// Whether a type of keywords alone stands here in brackets, as in `sizeof(void *)`.
    fn is_of_plain_type(&self, at: usize) -> bool {
        let plain =
            |kind| matches!(kind, Kind::Keyword(Word::Type | Word::Qualifier) | Kind::Mark(b'*'));
        let inside = self.tokens.iter().skip(at + 1).take_while(|token| plain(token.kind)).count();
        self.kind(at) == Some(Kind::Mark(b'('))
            && self.kind(at + 1 + inside) == Some(Kind::Mark(b')'))
    }
}
