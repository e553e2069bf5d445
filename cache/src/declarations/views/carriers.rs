//! Which names carry which structures: are declared to be one, or to point to one.
//!
//! Nothing is known of types: what an expression may be of is up to the names that are in it.

use std::collections::HashMap;
use std::ops::Range;

use super::members::{Definition, Member, members as members_of};
use super::reader::{Declared, Reader};
use crate::declarations::lexer::{Kind, Tokens};
use crate::declarations::units::{Unit, Units};
use crate::declarations::words::{Name, Word};

/// What is declared.
pub(super) struct Carriers<'a> {
    pub(super) reader: Reader<'a>,
    /// By name, and where that is known; each with how often it is to be looked behind at least, to have one.
    by_name: HashMap<(Scope, Name), Vec<(Name, u32)>>,
    /// Names of members that are structures themselves.
    pub(super) by_value: HashMap<Name, Vec<Name>>,
    /// Structures that have others in them.
    pub(super) within: Vec<(Name, Name)>,
    /// Those that are used as wholes, by tag; to begin with, by what is declared.
    pub(super) whole: Vec<bool>,
    /// What `typeof` declares by other names.
    alike: Vec<(Scope, Name, Range<usize>)>,
}

/// What opens a list of members, rather than a block.
const MEMBERS: u8 = b's';

/// Where a name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Members,
    File,
    /// Within a unit.
    Unit(usize),
}

/// Words with which types go ways that aren't followed here, or that ask for what lies between members.
const UNFOLLOWED: [&[u8]; 6] = [
    b"__builtin_clear_padding",
    b"optimize",
    b"__optimize__",
    b"typeof_unqual",
    b"__typeof_unqual",
    b"__typeof_unqual__",
];

impl<'a> Carriers<'a> {
    /// Of the used units, those with a definition apart; `None` if it can't be told.
    pub(super) fn of(
        tokens: &'a Tokens<'a>,
        units: &Units,
        used: &[usize],
        definitions: &HashMap<usize, Definition>,
    ) -> Option<Self> {
        if UNFOLLOWED.iter().any(|word| tokens.words.find(word).is_some()) {
            return None;
        }
        let mut carriers = Self {
            reader: Reader::new(tokens),
            by_name: HashMap::new(),
            by_value: HashMap::new(),
            within: Vec::new(),
            whole: vec![false; tokens.words.len()],
            alike: Vec::new(),
        };
        for &at in used {
            match definitions.get(&at) {
                Some(Definition { tag, members, is_union, .. }) => {
                    let values = carriers.declare_members(*tag, members)?;
                    if *is_union {
                        carriers.mark_whole(values);
                    }
                }
                None => carriers.declare(at, &units.all[at])?,
            }
        }
        carriers.follow_alike();
        Some(carriers)
    }

    /// What the names and tags among some tokens carry, within a scope, and how often these are to be looked behind for it at least.
    pub(super) fn carried(&self, range: Range<usize>, scope: Scope) -> Vec<(Name, u32)> {
        let mut tags = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let here = at;
            at += 1;
            match self.reader.kind(here) {
                Some(Kind::Name(name)) => {
                    let scopes = if self.reader.is_member(here) {
                        [Scope::Members; 2]
                    } else {
                        [scope, Scope::File]
                    };
                    let known = scopes.iter().filter_map(|it| self.by_name.get(&(*it, name)));
                    tags.extend(known.flatten());
                }
                Some(Kind::Keyword(Word::Typeof)) if self.reader.is(here + 1, b'(') => {
                    at = self.reader.behind(here + 1);
                    tags.extend(self.carried(self.reader.determining_all(here + 2..at - 1), scope));
                }
                _ => tags.extend(self.reader.named_tag(here).map(|tag| (tag, 1))),
            }
        }
        tags
    }

    /// What members of this name carry.
    pub(super) fn of_members(&self, name: Name) -> Vec<Name> {
        let known = self.by_name.get(&(Scope::Members, name)).into_iter().flatten();
        known.map(|(tag, _)| *tag).collect()
    }

    fn carry(&mut self, scope: Scope, name: Name, (tag, depth): (Name, u32)) {
        let tags = self.by_name.entry((scope, name)).or_default();
        match tags.iter_mut().find(|(known, _)| *known == tag) {
            Some((_, known)) => *known = depth.min(*known),
            None => tags.push((tag, depth)),
        }
    }

    pub(super) fn mark_whole(&mut self, tags: impl IntoIterator<Item = Name>) {
        for tag in tags {
            self.whole[tag as usize] = true;
        }
    }

    /// Notes what the members of a structure carry, and says which structures they are; `None` if that isn't clear.
    fn declare_members(&mut self, owner: Name, members: &[Member]) -> Option<Vec<Name>> {
        let mut within = Vec::new();
        for member in members {
            let mut values = Vec::new();
            if let Some(braces) = &member.braces {
                let nested = members_of(self.reader.tokens, braces.clone())?;
                values = self.declare_members(owner, &nested)?;
                // In a union they are accessed as all that they have in them, and how large they are isn't asked for.
                self.mark_whole(values.iter().copied());
            }
            let names: Vec<Name> =
                member.names.iter().flat_map(|&at| self.reader.names(at..at + 1)).collect();
            let mut at = member.tokens.start;
            while at < member.tokens.end {
                let here = at;
                at += 1;
                match self.reader.kind(here) {
                    Some(Kind::Mark(b'{')) => at = self.reader.behind(here),
                    // Parameters of what a member points to belong to who calls it.
                    Some(Kind::Mark(b'(')) if !self.reader.is(here + 1, b'*') => {
                        at = self.reader.behind(here);
                    }
                    Some(Kind::Keyword(Word::Struct | Word::Union)) => {
                        let Some((tag, tag_at)) = self.reader.tag(here) else { continue };
                        if !self.reader.is_pointer(tag_at + 1) {
                            values.push(tag);
                            continue;
                        }
                        let declared = self.reader.declarators(tag_at + 1, &[]);
                        // `struct T *one, two;`
                        if declared.has_values {
                            self.within.push((owner, tag));
                            within.push(tag);
                            let values = declared.names.iter().filter(|(_, depth)| *depth == 0);
                            for (name, _) in values {
                                self.by_value.entry(*name).or_default().push(tag);
                            }
                        }
                        for &name in &names {
                            let of_name = declared.names.iter().filter(|(it, _)| *it == name);
                            let depth = of_name.map(|(_, depth)| *depth).min().unwrap_or(1);
                            self.carry(Scope::Members, name, (tag, depth));
                        }
                        if declared.restricted {
                            self.whole[tag as usize] = true;
                        }
                    }
                    _ => {}
                }
            }
            for &tag in &values {
                self.within.push((owner, tag));
                for &name in &names {
                    self.carry(Scope::Members, name, (tag, 0));
                    self.by_value.entry(name).or_default().push(tag);
                }
            }
            within.extend(values);
        }
        Some(within)
    }

    /// Notes what any other unit declares, in its body as well; `None` if that isn't clear.
    fn declare(&mut self, number: usize, unit: &Unit) -> Option<()> {
        let all = &self.reader.tokens.tokens;
        let mut is_typedef = false;
        // Where a structure's members would begin.
        let mut members_at = None;
        let mut open: Vec<(u8, usize)> = Vec::new();
        for (token, at) in all[unit.first..unit.end].iter().zip(unit.first..) {
            // Parameters and what a body declares are known to itself.
            let is_inside = at >= unit.first + unit.head() || open.iter().any(|it| it.0 == b'(');
            let braces = open.iter().rev().find(|it| matches!(it.0, b'{' | MEMBERS));
            let scope = match braces {
                Some((MEMBERS, _)) => Scope::Members,
                _ if is_inside => Scope::Unit(number),
                _ => Scope::File,
            };
            match token.kind {
                Kind::Mark(b'{') if members_at == Some(at) => open.push((MEMBERS, at)),
                Kind::Mark(mark @ (b'(' | b'[' | b'{')) => open.push((mark, at)),
                Kind::Mark(b')' | b']' | b'}') => drop(open.pop()),
                Kind::Keyword(Word::Typedef) => is_typedef = true,
                Kind::Mark(b';') => is_typedef = false,
                Kind::Keyword(Word::Type) if self.reader.spelling(at) == b"__auto_type" => {
                    return None;
                }
                // In newer dialects what it declares has the type of what it is made of.
                Kind::Keyword(Word::Auto) => return None,
                Kind::Keyword(Word::Typeof) => {
                    if is_typedef || !self.reader.is(at + 1, b'(') {
                        return None;
                    }
                    let behind = self.reader.behind(at + 1);
                    let Declared { names, restricted, .. } = self.reader.declarators(behind, &open);
                    if restricted {
                        return None;
                    }
                    let group = at + 2..behind - 1;
                    for at in group.clone() {
                        let Some(tag) = self.reader.named_tag(at) else { continue };
                        names.iter().for_each(|(name, _)| self.carry(scope, *name, (tag, 1)));
                    }
                    let said = self.reader.determining_all(group);
                    self.alike
                        .extend(names.into_iter().map(|(name, _)| (scope, name, said.clone())));
                }
                Kind::Keyword(Word::Struct | Word::Union) => {
                    let tag = self.reader.tag(at);
                    members_at = Some(match tag {
                        Some((_, tag_at)) => self.reader.behind_attributes(tag_at + 1),
                        None => self.reader.behind_attributes(at + 1),
                    });
                    let Some((tag, tag_at)) = tag else { continue };
                    let in_parameters = matches!(open.last(), Some((b'(', _)));
                    if self.reader.is_pointer(tag_at + 1) {
                        let declared = self.reader.declarators(tag_at + 1, &open);
                        for (name, depth) in declared.names {
                            self.carry(scope, name, (tag, depth));
                        }
                        // What is declared by that type isn't followed.
                        let by_name = is_typedef && !in_parameters;
                        if declared.has_values || declared.restricted || by_name {
                            self.whole[tag as usize] = true;
                        }
                    } else if !self.reader.is_unevaluated(at, tag_at, unit) {
                        self.whole[tag as usize] = true;
                    }
                }
                _ => {}
            }
        }
        Some(())
    }

    /// What `typeof` declares carries all that the names in it carry.
    fn follow_alike(&mut self) {
        let alike = std::mem::take(&mut self.alike);
        loop {
            let mut changed = false;
            for (scope, name, said) in &alike {
                for (tag, depth) in self.carried(said.clone(), *scope) {
                    let known = self.by_name.get(&(*scope, *name));
                    if known.is_none_or(|known| known.iter().all(|(it, _)| *it != tag)) {
                        // It may be of what that points to.
                        self.carry(*scope, *name, (tag, depth.min(1)));
                        changed = true;
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }
}
