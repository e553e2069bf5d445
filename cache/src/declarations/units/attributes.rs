//! The attributes of a declaration: whether one of them might make it show.

use super::Parser;
use crate::declarations::attributes;
use crate::declarations::lexer::Kind;
use crate::declarations::words::Word;

impl Parser<'_> {
    /// Whether an attribute isn't known to be harmless, to `functions` perhaps. To those a section is, and is noted.
    pub(super) fn has_odd_attributes(&mut self, first: usize, end: usize, functions: bool) -> bool {
        let text = self.text;
        let attributes = &text.attributes;
        let mut next = attributes.partition_point(|&at| (at as usize) < first);
        let mut done = first;
        while let Some(at) = attributes.get(next).map(|&at| at as usize).filter(|at| *at < end) {
            next += 1;
            // One within another one's brackets belongs to that.
            if at < done {
                continue;
            }
            let Ok(behind) = self.behind_brackets(at + 1) else { return true };
            if !self.attributes_are_harmless(at + 1, behind, functions) {
                return true;
            }
            done = behind;
        }
        false
    }

    /// Of `((a, b(1, x)))`.
    fn attributes_are_harmless(&mut self, open: usize, behind: usize, functions: bool) -> bool {
        let mut depth = 0_usize;
        for at in open..behind {
            match self.tokens[at].kind {
                Kind::Mark(b'(') => depth += 1,
                Kind::Mark(b')') => depth = depth.saturating_sub(1),
                Kind::Name(name) if depth == 2 => {
                    let name = self.text.words.spelling(name);
                    if functions && attributes::is_section(name) {
                        let end = self.behind_brackets(at + 1).unwrap_or(at);
                        self.units.sections.push((at + 1, end));
                    } else if !(attributes::is_harmless(name)
                        || functions && attributes::is_harmless_to_function(name))
                    {
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
