//! What a structure has in it besides numbers and pointers: the structures, and whether there is a `char`. By these, gcc tells which
//! pointers may be the same: a member's type is in the structure in any case, and which other numbers are is nothing to it.

use std::collections::BTreeSet;

use super::members::{Member, members};
use crate::declarations::Text;
use crate::declarations::lexer::Kind;
use crate::declarations::units::ordinary;
use crate::declarations::words::{Name, Word};

/// Longer chains of typedefs aren't followed.
const LONGEST: usize = 16;

/// Words that tell it, in their order.
#[derive(Default)]
pub(super) struct Contents<'a>(pub(super) BTreeSet<&'a [u8]>);

impl<'a> Contents<'a> {
    /// Adds those of a member; `None` if that isn't clear.
    pub(super) fn add(&mut self, text: &Text<'a>, member: &Member) -> Option<()> {
        let tokens = &text.tokens;
        if let Some(braces) = &member.braces {
            for member in members(tokens, braces.clone())? {
                self.add(text, &member)?;
            }
        } else if !member.is_pointer(tokens) {
            for at in member.tokens.clone().filter(|at| !member.names.contains(at)) {
                match tokens.tokens[at].kind {
                    Kind::Name(name) => self.add_type(text, name, at),
                    _ => self.add_keyword(text, at),
                }
            }
        }
        Some(())
    }

    fn add_type(&mut self, text: &Text<'a>, name: Name, at: usize) {
        // A tag is in another name space.
        let is_tag = text.tokens.tokens[at - 1].tag_word().is_some();
        match (!is_tag).then(|| number(text, name, LONGEST)).flatten() {
            Some(keywords) => keywords.for_each(|at| self.add_keyword(text, at)),
            None => drop(self.0.insert(text.tokens.words.spelling(name))),
        }
    }

    fn add_keyword(&mut self, text: &Text<'a>, at: usize) {
        let token = &text.tokens.tokens[at];
        let spelling = &text.tokens.text[token.start as usize..token.end as usize];
        if spelling == b"char" {
            self.0.insert(spelling);
        }
    }
}

/// The keywords that a typedef name stands for, if it is a number's.
fn number(text: &Text<'_>, name: Name, most: usize) -> Option<std::ops::Range<usize>> {
    let [at] = text.declarers.of_symbol(ordinary(name)) else { return None };
    let unit = &text.units.all[*at as usize];
    let all = &text.tokens.tokens;
    let mut first = unit.first;
    while all[first].kind == Kind::Keyword(Word::Extension) {
        first += 1;
    }
    // `typedef unsigned char name;`
    let [own, semicolon] = [unit.end.checked_sub(2)?, unit.end - 1];
    if all[first].kind != Kind::Keyword(Word::Typedef)
        || all[own].kind != Kind::Name(name)
        || all[semicolon].kind != Kind::Mark(b';')
        || own <= first + 1
    {
        return None;
    }
    let types = first + 1..own;
    if let [token] = &all[types.clone()]
        && let Kind::Name(other) = token.kind
    {
        return number(text, other, most.checked_sub(1)?);
    }
    let is_keyword = |kind| matches!(kind, Kind::Keyword(Word::Type | Word::Qualifier));
    all[types.clone()].iter().all(|token| is_keyword(token.kind)).then_some(types)
}
