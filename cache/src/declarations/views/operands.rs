//! Tokens as expressions: operands, and what they may be of.

use std::ops::Range;

use super::reader::Reader;
use crate::declarations::builtins::is_in_compiler;
use crate::declarations::lexer::Kind;
use crate::declarations::words::Word;

/// More often than anything is to be looked behind.
const OFTEN: i64 = 1 << 32;

impl Reader<'_> {
    /// Whether the asterisk at `at` may be the operator that looks behind a pointer, for more than a size or another pointer's type.
    pub(super) fn looks_behind(&self, at: usize) -> bool {
        // The first of several.
        let mut first = at;
        while first > 0
            && matches!(
                self.kind(first - 1),
                Some(Kind::Mark(b'*') | Kind::Keyword(Word::Qualifier))
            )
        {
            first -= 1;
        }
        let Some(before) = first.checked_sub(1) else { return false };
        match self.kind(before) {
            Some(Kind::Keyword(Word::Type)) => false,
            // A product, or a declarator; of several asterisks the first is one of these.
            Some(Kind::Name(_) | Kind::Number | Kind::Text | Kind::Mark(b']')) => {
                first != at && !self.is_in_declaration(first)
            }
            // `sizeof *it`
            Some(Kind::Keyword(Word::Operator)) => false,
            Some(Kind::Mark(b')')) => !self.is_declarator(before),
            Some(Kind::Mark(b',')) => !self.is_in_declaration(before),
            Some(Kind::Mark(b'(')) => !self.is_unevaluated_group(before),
            _ => true,
        }
    }

    /// Whether what stands behind the bracket that closes at `close` is a declarator: that of a `typeof`, or of an attribute's.
    pub(super) fn is_declarator(&self, close: usize) -> bool {
        let open = self.opens[close] as usize;
        let before = open.checked_sub(1).and_then(|at| self.kind(at));
        matches!(before, Some(Kind::Keyword(Word::Typeof)))
    }

    /// Whether a comma at `at` separates declarators.
    pub(super) fn is_in_declaration(&self, at: usize) -> bool {
        let mut first = at;
        while first > 0 {
            match self.kind(first - 1) {
                Some(Kind::Mark(b';' | b'{' | b'}')) => break,
                Some(Kind::Mark(b')' | b']')) => first = self.opens[first - 1] as usize,
                // Arguments.
                Some(Kind::Mark(b'(' | b'[')) | None => return false,
                _ => first -= 1,
            }
        }
        match self.kind(first) {
            Some(Kind::Keyword(word)) => !matches!(
                word,
                Word::Statement | Word::Operator | Word::Asm | Word::Extension | Word::Position
            ),
            Some(Kind::Name(_)) => matches!(
                self.kind(first + 1),
                Some(Kind::Name(_) | Kind::Mark(b'*') | Kind::Keyword(Word::Qualifier))
            ),
            _ => false,
        }
    }

    /// Whether a bracket opens what is only measured, or a type that another pointer is said to have.
    pub(super) fn is_unevaluated_group(&self, open: usize) -> bool {
        let before = open.checked_sub(1).and_then(|at| self.kind(at));
        match before {
            Some(Kind::Keyword(Word::Operator)) => true,
            Some(Kind::Keyword(Word::Typeof)) => {
                let behind = self.behind(open);
                self.is(behind, b'*') || self.is(behind, b',')
            }
            _ => false,
        }
    }

    /// Of an expression or a type, the tokens that say what it is.
    pub(super) fn determining_all(&self, range: Range<usize>) -> Range<usize> {
        match self.end_of_operand(range.start) == range.end {
            true => self.determining(range.start),
            false => range,
        }
    }

    /// The tokens that say what the operand that begins at `at` is of.
    pub(super) fn determining(&self, mut at: usize) -> Range<usize> {
        // Operators before it change nothing, for names say no more than what may be carried.
        let first = self.behind_operators(at);
        at = first;
        let mut said = match self.kind(at) {
            Some(Kind::Mark(b'(')) => {
                at = self.behind(at);
                // Of one that has but an operand in it, what that says.
                let inside = self.determining(first + 1);
                if self.end_of_operand(first + 1) == at - 1 { inside } else { first..at }
            }
            Some(Kind::Keyword(Word::Typeof | Word::Operator)) => {
                at = self.behind(at + 1);
                first..at
            }
            Some(Kind::Name(_)) if self.is_generic(at) => {
                at = self.behind(at + 1);
                first..at
            }
            _ => {
                at += 1;
                first..at
            }
        };
        loop {
            match self.kind(at) {
                Some(Kind::Arrow | Kind::Mark(b'.')) => {
                    said = at + 1..at + 2;
                    at += 2;
                }
                Some(Kind::Mark(b'(' | b'[')) => at = self.behind(at),
                // Behind a cast, what it says is all.
                _ => return said,
            }
        }
    }

    /// The token behind the operators before an operand.
    fn behind_operators(&self, mut at: usize) -> usize {
        while matches!(
            self.kind(at),
            Some(
                Kind::Mark(b'*' | b'&' | b'+' | b'-' | b'!' | b'~')
                    | Kind::Keyword(Word::Extension)
            )
        ) {
            at += 1;
        }
        at
    }

    /// How often the operand that begins at `at` looks behind what [`Reader::determining`] says of it, at most.
    pub(super) fn looks(&self, mut at: usize) -> i64 {
        let mut looks = 0;
        loop {
            match self.kind(at) {
                Some(Kind::Mark(b'*')) => looks += 1,
                Some(Kind::Mark(b'&')) => looks -= 1,
                Some(Kind::Mark(b'+' | b'-' | b'!' | b'~') | Kind::Keyword(Word::Extension)) => {}
                _ => break,
            }
            at += 1;
        }
        let first = at;
        let mut behind = 0;
        at = match self.kind(at) {
            Some(Kind::Mark(b'(')) => {
                at = self.behind(at);
                let is_operand = self.end_of_operand(first + 1) == at - 1;
                behind = if is_operand { self.looks(first + 1) } else { OFTEN };
                at
            }
            Some(Kind::Keyword(Word::Typeof | Word::Operator)) => return OFTEN,
            Some(Kind::Name(_)) if self.is_generic(at) => return OFTEN,
            _ => at + 1,
        };
        loop {
            match self.kind(at) {
                Some(Kind::Arrow | Kind::Mark(b'.')) => {
                    behind = 0;
                    at += 2;
                }
                Some(Kind::Mark(b'[')) => {
                    behind += 1;
                    at = self.behind(at);
                }
                Some(Kind::Mark(b'(')) => at = self.behind(at),
                _ => return looks + behind,
            }
        }
    }

    /// Likewise of what the bracket at `at` indexes, with what stands before it and behind.
    pub(super) fn looks_by_index(&self, at: usize) -> i64 {
        if self.operand_before(at).len() != 1 {
            return OFTEN;
        }
        let (mut first, mut last, mut looks) = (at, at, 0);
        while first > 0 && self.is(first - 1, b']') {
            first = self.opens[first - 1] as usize;
            looks += 1;
        }
        while self.is(last, b'[') {
            last = self.behind(last);
            looks += 1;
        }
        // In brackets, nobody knows what is done with it.
        if self.is(first - 1, b')') {
            return OFTEN;
        }
        let start = self.start_of_operand(first);
        let before = self.tokens.tokens[..start].iter().rev();
        let asterisks = before.take_while(|token| token.kind == Kind::Mark(b'*')).count();
        let is_element = matches!(self.kind(last), Some(Kind::Arrow | Kind::Mark(b'.')));
        looks + if is_element { 0 } else { asterisks as i64 }
    }

    /// The token behind an operand that begins at `at`, with what is before and behind it.
    pub(super) fn end_of_operand(&self, mut at: usize) -> usize {
        at = self.behind_operators(at);
        at = match self.kind(at) {
            Some(Kind::Mark(b'(')) => self.behind(at),
            _ => at + 1,
        };
        loop {
            at = match self.kind(at) {
                Some(Kind::Arrow | Kind::Mark(b'.')) => at + 2,
                Some(Kind::Mark(b'(' | b'[')) => self.behind(at),
                _ => return at,
            };
        }
    }

    /// The tokens that say what the operand that ends before `at` is of, but for a cast before it.
    pub(super) fn operand_before(&self, at: usize) -> Range<usize> {
        let mut end = at;
        loop {
            let Some(before) = end.checked_sub(1) else { return at..at };
            match self.kind(before) {
                Some(Kind::Name(_)) => return before..end,
                Some(Kind::Mark(b']')) => end = self.opens[before] as usize,
                Some(Kind::Mark(b')')) => {
                    let open = self.opens[before] as usize;
                    return match open.checked_sub(1).and_then(|at| self.kind(at)) {
                        // A call.
                        Some(Kind::Name(_)) if self.is_generic(open - 1) => open - 1..end,
                        Some(Kind::Name(_)) => open - 1..open,
                        // Perhaps one, or a cast; both count.
                        Some(Kind::Mark(b')' | b']')) => self.opens[open - 1] as usize..end,
                        _ => self.determining_all(open + 1..before),
                    };
                }
                // An array without a name.
                Some(Kind::Mark(b'}')) => {
                    let open = self.opens[before] as usize;
                    return match open.checked_sub(1).and_then(|at| self.kind(at)) {
                        Some(Kind::Mark(b')')) => self.opens[open - 1] as usize..end,
                        _ => open..end,
                    };
                }
                _ => return at..at,
            }
        }
    }

    /// Whether a function is in the compiler, and what it gives is up to what it is given.
    fn is_generic(&self, at: usize) -> bool {
        is_in_compiler(self.spelling(at))
    }

    /// Where the operand begins that ends before `at`, with what may be casts before it.
    fn start_of_operand(&self, at: usize) -> usize {
        let mut first = at;
        while first > 0 {
            first = match self.kind(first - 1) {
                Some(Kind::Arrow | Kind::Mark(b'.') | Kind::Name(_)) => first - 1,
                Some(Kind::Mark(b')' | b']')) => self.opens[first - 1] as usize,
                _ => break,
            };
        }
        first
    }

    /// Brackets that may be casts of the operand that ends before `at`.
    pub(super) fn casts_before(&self, at: usize) -> Vec<Range<usize>> {
        let mut casts = Vec::new();
        let mut next = self.start_of_operand(at);
        while next < at {
            let here = next;
            next = match self.kind(here) {
                Some(Kind::Mark(b'(' | b'[')) => self.behind(here),
                _ => here + 1,
            };
            let goes_on = matches!(self.kind(next), Some(Kind::Name(_) | Kind::Mark(b'(')));
            if self.is(here, b'(') && next < at && goes_on {
                casts.push(here..next);
            }
        }
        casts
    }

    /// Whether the name at `at` is a member's.
    pub(super) fn is_member(&self, at: usize) -> bool {
        at > 0 && matches!(self.kind(at - 1), Some(Kind::Arrow | Kind::Mark(b'.')))
    }

    /// Whether a member that is a structure is named at `at` for one of its own, or for where it lies.
    pub(super) fn is_looked_into(&self, at: usize) -> bool {
        if self.is(at + 1, b'.') {
            return true;
        }
        // Where the operand begins that ends here, in brackets or not.
        let (mut first, mut last) = (at, at);
        loop {
            first = self.start_of_operand(first);
            match first.checked_sub(1).and_then(|at| self.kind(at)) {
                // Structures have no other use for it.
                Some(Kind::Mark(b'&')) => return true,
                Some(Kind::Mark(b'(')) if self.is(last + 1, b')') => {
                    (first, last) = (first - 1, last + 1);
                    if self.is(last + 1, b'.') {
                        return true;
                    }
                    // A call's argument.
                    let before = first.checked_sub(1).and_then(|at| self.kind(at));
                    if matches!(before, Some(Kind::Name(_) | Kind::Mark(b')' | b']'))) {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }
}
