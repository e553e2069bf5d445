//! Names of functions and of their types: what is declared by such a type, or by `typeof` of such a name, is a function.

use super::Parser;
use crate::declarations::lexer::Kind;
use crate::declarations::words::Word;

/// What a name may have to do with functions, in any of its meanings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Functional {
    #[default]
    No,
    /// A function, or perhaps one.
    Function,
    /// A type that is perhaps a function's.
    PerhapsType,
    /// A function's type.
    Type,
}

impl Functional {
    pub(super) fn add(&mut self, other: Self) {
        *self = (*self).max(other);
    }

    /// Whether it may be the name of a function's type.
    pub(super) fn is_type(self) -> bool {
        self >= Self::PerhapsType
    }
}

impl Parser<'_> {
    /// Whether what `typeof` names, in the brackets from `open` to before `end`, may be a function: unless it is plain that it isn't.
    pub(super) fn may_be_function(&self, open: usize, end: usize) -> bool {
        let (mut from, mut to) = self.bare(open, end);
        // `*&it` is `it`.
        while self.kind(from) == Some(Kind::Mark(b'*')) {
            let (inner, end) = self.bare(from + 1, to);
            if self.kind(inner) != Some(Kind::Mark(b'&')) || inner + 1 >= end {
                break;
            }
            (from, to) = self.bare(inner + 1, end);
        }
        let Some((first, last)) = self.tokens[from..to].split_first() else { return true };
        let last = last.last().unwrap_or(first);
        match first.kind {
            Kind::Keyword(Word::Operator) | Kind::Mark(_) => true,
            _ if self.is_type_or_name(from, to) => {
                last.kind != Kind::Mark(b'*')
                    && (from..to).any(|at| match self.tokens[at].kind {
                        Kind::Name(name) => {
                            let tag = at > from && self.tokens[at - 1].tag_word().is_some();
                            !tag && self.functional[name as usize] != Functional::No
                        }
                        _ => false,
                    })
            }
            // No member is a function.
            _ => !self.is_member(from, to),
        }
    }

    /// What stands within all brackets that are around all of it.
    fn bare(&self, mut from: usize, mut to: usize) -> (usize, usize) {
        while self.kind(from) == Some(Kind::Mark(b'('))
            && self.behind_brackets(from).is_ok_and(|behind| behind == to)
        {
            (from, to) = (from + 1, to - 1);
        }
        (from, to)
    }

    /// Whether there are but words and, behind them, asterisks.
    fn is_type_or_name(&self, from: usize, to: usize) -> bool {
        let is_asterisk = |kind| kind == Kind::Mark(b'*');
        let mut kinds = self.tokens[from..to].iter().map(|token| token.kind).peekable();
        while kinds.next_if(|kind| matches!(kind, Kind::Name(_) | Kind::Keyword(_))).is_some() {}
        kinds.all(is_asterisk)
    }

    /// Whether it is `name->member`, `name[0].member` and so on.
    fn is_member(&self, from: usize, to: usize) -> bool {
        let mut at = from;
        while at < to {
            at = match self.tokens[at].kind {
                Kind::Name(_) | Kind::Arrow | Kind::Mark(b'.') => at + 1,
                Kind::Mark(b'(' | b'[') => match self.behind_brackets(at) {
                    Ok(behind) => behind,
                    Err(_) => return false,
                },
                _ => return false,
            };
        }
        let kind = |back: usize| (to - from >= back).then(|| self.tokens[to - back].kind);
        matches!(kind(1), Some(Kind::Name(_)))
            && matches!(kind(2), Some(Kind::Arrow | Kind::Mark(b'.')))
    }
}
