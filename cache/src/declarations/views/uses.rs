//! What is used of structures: as wholes are objects, parameters and results, and what is copied or indexed. Of any other one an
//! expression has nothing but pointers to it, and looks at one member after the other.
//!
//! Nothing is known of types. So what an expression may be of is up to the names that are in it: a name *carries* a structure if
//! something of that name is declared that is one, or points to one. What isn't clear makes a whole, or refuses all.

use std::collections::HashSet;
use std::ops::Range;

use super::carriers::{Carriers, Scope};
use crate::declarations::lexer::Kind;
use crate::declarations::units::Units;
use crate::declarations::words::{Name, Word};

/// What is found out.
pub(super) struct Uses<'a> {
    carriers: Carriers<'a>,
    /// Those whose size counts, by tag.
    measured: Vec<bool>,
    /// Which members are named, each with whose it is.
    named: HashSet<(Name, Name)>,
}

impl<'a> Uses<'a> {
    /// Of the used units without a definition, for what is declared.
    pub(super) fn of(
        carriers: Carriers<'a>,
        units: &Units,
        others: impl Iterator<Item = usize>,
    ) -> Self {
        let measured = vec![false; carriers.whole.len()];
        let mut uses = Self { carriers, measured, named: HashSet::new() };
        for at in others {
            let unit = &units.all[at];
            if !unit.plain_head {
                uses.expressions(unit.first..unit.first + unit.head(), Scope::Unit(at));
            }
            if unit.has_body() {
                uses.expressions(unit.first + unit.head()..unit.end, Scope::Unit(at));
            }
        }
        uses.spread();
        uses
    }

    /// Whether a structure is used as a whole.
    pub(super) fn has(&self, tag: Name) -> bool {
        self.carriers.whole[tag as usize]
    }

    /// Whether its size counts: somebody asks for it, or goes from one to the next.
    pub(super) fn measures(&self, tag: Name) -> bool {
        self.measured[tag as usize]
    }

    /// Whether an expression names a structure's member.
    pub(super) fn names(&self, tag: Name, member: Name) -> bool {
        self.named.contains(&(tag, member))
    }

    fn measure(&mut self, tags: Vec<Name>) {
        for tag in tags {
            self.measured[tag as usize] = true;
        }
    }

    fn tags(&self, range: Range<usize>, scope: Scope) -> Vec<Name> {
        self.carriers.carried(range, scope).into_iter().map(|(tag, _)| tag).collect()
    }

    /// What is carried is looked behind so often.
    fn look_behind(&mut self, carried: Vec<(Name, u32)>, looks: i64) {
        let enough = carried.into_iter().filter(|(_, depth)| looks >= i64::from(*depth));
        self.carriers.mark_whole(enough.map(|(tag, _)| tag));
    }

    /// What the expressions among some tokens use.
    fn expressions(&mut self, range: Range<usize>, scope: Scope) {
        for at in range {
            let reader = &self.carriers.reader;
            match reader.kind(at) {
                Some(Kind::Mark(b'*')) if reader.looks_behind(at) => {
                    let looks = reader.looks(at);
                    let carried = self.carriers.carried(reader.determining(at), scope);
                    self.look_behind(carried, looks);
                }
                Some(Kind::Mark(b'[')) => {
                    let looks = reader.looks_by_index(at);
                    let carried = self.carriers.carried(reader.operand_before(at), scope);
                    self.look_behind(carried, looks);
                }
                // A step from one to the next, or how many there are between two.
                Some(Kind::Mark(b'+' | b'-')) => {
                    let mut operands = reader.casts_before(at);
                    operands.extend([reader.operand_before(at), reader.determining(at + 1)]);
                    let tags = |range| self.tags(range, scope);
                    self.measure(operands.into_iter().flat_map(tags).collect());
                }
                Some(Kind::Keyword(Word::Operator)) => {
                    let operand = match reader.is(at + 1, b'(') {
                        true => reader.determining_all(at + 2..reader.behind(at + 1) - 1),
                        false => reader.determining(at + 1),
                    };
                    self.measure(self.tags(operand, scope));
                }
                Some(Kind::Name(name)) => match reader.spelling(at) {
                    b"__builtin_offsetof" if reader.is(at + 1, b'(') => {
                        self.offset(at + 2..reader.behind(at + 1) - 1, scope);
                    }
                    // How much room there is may be told from a size.
                    b"__builtin_object_size" | b"__builtin_dynamic_object_size" => {
                        self.measured.fill(true);
                    }
                    _ if reader.is_member(at) => self.member(at, name, scope),
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// A member that an expression names.
    fn member(&mut self, at: usize, name: Name, scope: Scope) {
        for tag in self.tags(self.carriers.reader.operand_before(at - 1), scope) {
            self.named.insert((tag, name));
        }
        if !self.carriers.reader.is_looked_into(at) {
            let values = self.carriers.by_value.get(&name).cloned();
            self.carriers.mark_whole(values.unwrap_or_default());
        }
    }

    /// `__builtin_offsetof(struct T, one.two[3])`: all names that are said may be members of all that they may be of.
    fn offset(&mut self, said: Range<usize>, scope: Scope) {
        let mut tags = self.tags(said.clone(), scope);
        let names: Vec<Name> = self.carriers.reader.names(said).collect();
        for name in &names {
            let inner = self.carriers.of_members(*name);
            // Of an array the elements may be counted.
            self.measure(inner.clone());
            tags.extend(inner);
        }
        for &tag in &tags {
            self.named.extend(names.iter().map(|name| (tag, *name)));
        }
    }

    /// What is in a whole is used as one.
    fn spread(&mut self) {
        loop {
            let mut changed = false;
            for (outer, inner) in &self.carriers.within {
                if self.carriers.whole[*outer as usize] && !self.carriers.whole[*inner as usize] {
                    self.carriers.whole[*inner as usize] = true;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}
