//! Which structures are used as wholes: as objects, parameters and results, copied, indexed. Of any other one an expression has
//! nothing but pointers to it, and looks at one member after the other.
//!
//! Nothing is known of types. So what an expression may be of is up to the names that are in it: a name *carries* a structure if
//! something of that name is declared that is one, or points to one. What isn't clear makes a whole, or refuses all.

use std::collections::HashMap;
use std::ops::Range;

use super::members::{Definition, Member, members as members_of};
use super::reader::Reader;
use crate::declarations::lexer::{Kind, Tokens};
use crate::declarations::units::{Unit, Units};
use crate::declarations::words::{Name, Word};

/// What is found out.
pub(super) struct Wholes<'a> {
    reader: Reader<'a>,
    /// By tag.
    whole: Vec<bool>,
    /// By name, and where that is known.
    carriers: HashMap<(Scope, Name), Vec<Name>>,
    /// Names of members that are structures themselves.
    by_value: HashMap<Name, Vec<Name>>,
    /// Structures that have others in them.
    within: Vec<(Name, Name)>,
    /// What `typeof` declares by other names.
    alike: Vec<(Scope, Name, Range<usize>)>,
}

/// What opens a list of members, rather than a block.
const MEMBERS: u8 = b's';

/// Where a name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    Members,
    File,
    /// Within a unit.
    Unit(usize),
}

/// Words with which types go ways that aren't followed here, or that ask for what lies between members.
const UNFOLLOWED: [&[u8]; 3] = [b"__builtin_clear_padding", b"optimize", b"__optimize__"];

impl<'a> Wholes<'a> {
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
        let mut wholes = Self {
            reader: Reader::new(tokens),
            whole: vec![false; tokens.words.len()],
            carriers: HashMap::new(),
            by_value: HashMap::new(),
            within: Vec::new(),
            alike: Vec::new(),
        };
        for &at in used {
            match definitions.get(&at) {
                Some(Definition { tag, members, .. }) => {
                    wholes.declare_members(*tag, members)?;
                }
                None => wholes.declare(at, &units.all[at])?,
            }
        }
        wholes.follow_alike();
        for &at in used.iter().filter(|at| !definitions.contains_key(at)) {
            let unit = &units.all[at];
            if !unit.plain_head {
                wholes.expressions(unit.first..unit.first + unit.head(), Scope::Unit(at));
            }
            if unit.has_body() {
                wholes.expressions(unit.first + unit.head()..unit.end, Scope::Unit(at));
            }
        }
        wholes.spread();
        Some(wholes)
    }

    /// Whether a structure is used as a whole.
    pub(super) fn has(&self, tag: Name) -> bool {
        self.whole[tag as usize]
    }

    fn carry(&mut self, scope: Scope, name: Name, tag: Name) {
        let tags = self.carriers.entry((scope, name)).or_default();
        if !tags.contains(&tag) {
            tags.push(tag);
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
                        at = self.reader.behind(here)
                    }
                    Some(Kind::Keyword(Word::Struct | Word::Union)) => {
                        let Some((tag, tag_at)) = self.reader.tag(here) else { continue };
                        for &name in &names {
                            self.carry(Scope::Members, name, tag);
                        }
                        if !self.reader.is_pointer(tag_at + 1) {
                            values.push(tag);
                        } else if self.reader.is_restricted(tag_at + 1) {
                            self.whole[tag as usize] = true;
                        }
                    }
                    _ => {}
                }
            }
            for &tag in &values {
                self.within.push((owner, tag));
                for &name in &names {
                    self.carry(Scope::Members, name, tag);
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
                Kind::Keyword(Word::Typeof) => {
                    if is_typedef || !self.reader.is(at + 1, b'(') {
                        return None;
                    }
                    let behind = self.reader.behind(at + 1);
                    let (names, _) = self.reader.declarators(behind, &open);
                    let group = at + 2..behind - 1;
                    for at in group.clone() {
                        let Some(tag) = self.reader.named_tag(at) else { continue };
                        names.iter().for_each(|&name| self.carry(scope, name, tag));
                    }
                    let said = self.reader.determining_all(group);
                    self.alike.extend(names.into_iter().map(|name| (scope, name, said.clone())));
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
                        let (names, has_values) = self.reader.declarators(tag_at + 1, &open);
                        for name in names {
                            self.carry(scope, name, tag);
                        }
                        // What is declared by that type isn't followed.
                        let by_name = is_typedef && !in_parameters;
                        if has_values || by_name || self.reader.is_restricted(tag_at + 1) {
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
                for tag in self.carried(said.clone(), *scope) {
                    let known = self.carriers.get(&(*scope, *name));
                    if known.is_none_or(|known| !known.contains(&tag)) {
                        self.carry(*scope, *name, tag);
                        changed = true;
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// What the names and tags among some tokens carry, within a scope.
    fn carried(&self, range: Range<usize>, scope: Scope) -> Vec<Name> {
        let mut tags = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let here = at;
            at += 1;
            match self.reader.kind(here) {
                Some(Kind::Name(name)) => {
                    let is_member = here > 0
                        && matches!(
                            self.reader.kind(here - 1),
                            Some(Kind::Arrow | Kind::Mark(b'.'))
                        );
                    let scopes = if is_member { [Scope::Members; 2] } else { [scope, Scope::File] };
                    let known = scopes.iter().filter_map(|it| self.carriers.get(&(*it, name)));
                    tags.extend(known.flatten());
                }
                Some(Kind::Keyword(Word::Typeof)) if self.reader.is(here + 1, b'(') => {
                    at = self.reader.behind(here + 1);
                    tags.extend(self.carried(self.reader.determining_all(here + 2..at - 1), scope));
                }
                _ => tags.extend(self.reader.named_tag(here)),
            }
        }
        tags
    }

    /// What the expressions among some tokens use as wholes.
    fn expressions(&mut self, range: Range<usize>, scope: Scope) {
        for at in range {
            let used = match self.reader.kind(at) {
                Some(Kind::Mark(b'*')) if self.reader.looks_behind(at) => {
                    self.reader.determining(at + 1)
                }
                Some(Kind::Mark(b'[')) => self.reader.indexed(at),
                Some(Kind::Name(name)) => {
                    let is_member = at > 0
                        && matches!(self.reader.kind(at - 1), Some(Kind::Arrow | Kind::Mark(b'.')));
                    if is_member
                        && self.by_value.contains_key(&name)
                        && !self.reader.is_looked_into(at)
                    {
                        for tag in self.by_value[&name].clone() {
                            self.whole[tag as usize] = true;
                        }
                    }
                    continue;
                }
                _ => continue,
            };
            for tag in self.carried(used, scope) {
                self.whole[tag as usize] = true;
            }
        }
    }

    /// What is in a whole is used as one.
    fn spread(&mut self) {
        loop {
            let mut changed = false;
            for (outer, inner) in &self.within {
                if self.whole[*outer as usize] && !self.whole[*inner as usize] {
                    self.whole[*inner as usize] = true;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}
