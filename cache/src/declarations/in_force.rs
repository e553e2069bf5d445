//! Which pragmas are in force where.

use super::doubt::Doubt;
use super::id::Id;
use super::lexer::{Tokens, words_of};
use super::pragmas::Pragmas;
use super::units::Units;

/// What is in force where.
pub(super) struct Places {
    /// From which byte on, and what.
    states: Vec<(u32, Vec<u8>)>,
    /// Every pragma, by its words.
    pub(super) pragmas: Vec<Id>,
}

impl Places {
    pub(super) fn of(tokens: &Tokens<'_>, units: &Units) -> Result<Self, Doubt> {
        let (mut states, mut pragmas) = (vec![(0, Vec::new())], Vec::new());
        let mut following = Pragmas::default();
        let mut system = false;
        for line in &tokens.lines {
            if let Some(place) = line.place {
                system = place.system;
                continue;
            }
            let text = &tokens.text[line.start as usize..line.end as usize];
            let place = |token: usize| tokens.tokens[token].start;
            let next = units.all.partition_point(|unit| place(unit.first) < line.start);
            let outer = units.all[..next].iter().rev().find(|unit| !unit.inner);
            let within = outer.is_some_and(|unit| place(unit.end - 1) > line.start);
            // What is said of a pragma may be up to those before it.
            let mut words = [b"pragma ", &following.bytes()[..]].concat();
            words.push(u8::from(system));
            if following.follow(text, within)? {
                states.push((line.end, following.bytes()));
            }
            words.extend(words_of(text).flat_map(|word| [b" ", word].concat()));
            pragmas.push(Id::of(&words));
        }
        if !following.may_end() {
            return Err(Doubt::Pragma);
        }
        pragmas.sort_unstable();
        pragmas.dedup();
        Ok(Self { states, pragmas })
    }

    /// What is in force at a byte, as bytes.
    pub(super) fn in_force(&self, at: usize) -> &[u8] {
        let next = self.states.partition_point(|(from, _)| *from as usize <= at);
        // The first one is from the start on.
        &self.states[next - 1].1
    }
}
