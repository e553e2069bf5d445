//! The attributes of a declaration: whether one of them might make it show.

use super::Parser;
use crate::declarations::attributes;
use crate::declarations::lexer::Kind;
use crate::declarations::words::Word;

impl Parser<'_> {
    /// Whether an attribute isn't known to be harmless.
    pub(super) fn has_odd_attributes(&self, first: usize, end: usize) -> bool {
        let mut at = first;
        while at < end {
            if self.tokens[at].kind == Kind::Keyword(Word::Attribute) {
                let Ok(behind) = self.behind_brackets(at + 1) else { return true };
                if !self.attributes_are_harmless(at + 1, behind) {
                    return true;
                }
                at = behind;
            } else {
                at += 1;
            }
        }
        false
    }

    /// Of `((a, b(1, x)))`.
    fn attributes_are_harmless(&self, open: usize, behind: usize) -> bool {
        let mut depth = 0_usize;
        for at in open..behind {
            match self.tokens[at].kind {
                Kind::Mark(b'(') => depth += 1,
                Kind::Mark(b')') => depth = depth.saturating_sub(1),
                Kind::Name(name) if depth == 2 => {
                    if !attributes::is_harmless(self.text.words.spelling(name)) {
                        return false;
                    }
                }
                // `const` is a keyword, and an attribute.
                Kind::Keyword(Word::Qualifier) | Kind::Mark(b',') => {}
                _ if depth >= 3 => {}
                _ => return false,
            }
        }
        true
    }
}
