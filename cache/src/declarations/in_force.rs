//! What a declaration is, in bytes: its lines, and what is in force where it stands.

use super::doubt::Doubt;
use super::id::Id;
use super::lexer::{Kind, Place, Tokens, words_of};
use super::pragmas::Pragmas;
use super::reach::Named;
use super::units::{Unit, Units, slice};

/// What is in force where.
pub(super) struct Places {
    /// From which byte on, and what.
    states: Vec<(u32, Vec<u8>)>,
    /// Every pragma, by its words.
    pub(super) pragmas: Vec<Id>,
}

const START: Place = Place { system: false, main: true };

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

    /// What a declaration is without the names of its own that nobody uses: of members that aren't `named`, and of prototypes'
    /// parameters. `None` if there are none. Without `named`, nothing is.
    pub(super) fn project(
        &self,
        tokens: &Tokens<'_>,
        units: &Units,
        unit: &Unit,
        named: Option<&Named>,
        buffer: &mut Vec<u8>,
    ) -> Option<Id> {
        let hidden = |&&(at, is_member): &&(usize, bool)| match tokens.tokens[at].kind {
            Kind::Name(name) => !is_member || !named.is_some_and(|named| named.has(name)),
            _ => false,
        };
        let mut names = slice(&units.own_names, &unit.own_names).iter().filter(hidden).peekable();
        names.peek().filter(|_| unit.is_plain())?;
        // The words alone don't tell of a pragma between them.
        let [start, end] = [unit.first, unit.end - 1].map(|at| tokens.tokens[at].start);
        let from = tokens.lines.partition_point(|line| line.start < start);
        let mut within = tokens.lines[from..].iter().take_while(|line| line.start < end);
        if within.any(|line| line.place.is_none()) {
            return None;
        }
        // Where it stands, and what is in force there.
        self.write(tokens, unit.first + 1, units, unit, buffer);
        for (at, token) in tokens.tokens[unit.first..unit.end].iter().enumerate() {
            buffer.push(0);
            if names.next_if(|(name, _)| *name == unit.first + at).is_none() {
                buffer.extend_from_slice(&tokens.text[token.start as usize..token.end as usize]);
            }
        }
        Some(Id::of(buffer))
    }

    /// Writes what a declaration is up to some token: its lines, and what is in force there. Whether any of it stands in the
    /// main file.
    pub(super) fn write(
        &self,
        tokens: &Tokens<'_>,
        end: usize,
        units: &Units,
        unit: &Unit,
        buffer: &mut Vec<u8>,
    ) -> bool {
        let text = tokens.text;
        let first = tokens.tokens[unit.first].start as usize;
        let end = tokens.tokens[end - 1].end as usize;
        let blanks = text[..first].iter().rev().take_while(|it| matches!(it, b' ' | b'\t')).count();
        let indented = first == blanks || text[first - blanks - 1] == b'\n';
        let start = if indented { first - blanks } else { first };
        let before = tokens.lines.partition_point(|line| (line.start as usize) < start);
        let place = tokens.lines[..before].iter().rev().find_map(|line| line.place);
        let place = place.unwrap_or(START);
        let (mut main, mut system) = (place.main, place.system);
        let state = self.states.partition_point(|(from, _)| *from as usize <= start) - 1;
        buffer.clear();
        buffer.push(u8::from(system));
        buffer.extend_from_slice(&self.states[state].1);
        buffer.push(0);
        for &tag in slice(&units.early, &unit.early) {
            buffer.extend_from_slice(tokens.words.spelling(tag / 2));
            buffer.push(0);
        }
        buffer.push(0);
        let mut from = start;
        for line in tokens.lines[before..].iter().take_while(|line| (line.start as usize) < end) {
            let Some(place) = line.place else { continue };
            write_lines(&text[from..line.start as usize], buffer);
            from = line.end as usize;
            main |= place.main;
            if place.system != system {
                system = place.system;
                buffer.extend_from_slice(&[0, u8::from(system)]);
            }
        }
        write_lines(&text[from..end], buffer);
        main
    }
}

/// Lines that aren't blank.
fn write_lines(mut text: &[u8], buffer: &mut Vec<u8>) {
    while !text.is_empty() {
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let (line, rest) = text.split_at(end);
        if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
            buffer.extend_from_slice(line);
            buffer.push(b'\n');
        }
        text = rest.get(1..).unwrap_or_default();
    }
}
