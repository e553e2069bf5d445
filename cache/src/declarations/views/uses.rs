//! What is used of structures: as wholes are objects, parameters and results, and what is copied or indexed. Of any other one an
//! expression has nothing but pointers to it, and looks at one member after the other.
//!
//! Nothing is known of types. So what an expression may be of is up to the names that are in it: a name *carries* a structure if
//! something of that name is declared that is one, or points to one. What isn't clear makes a whole, or refuses all.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::members::{Definition, Member, members as members_of};
use super::reader::{Declared, Reader};
use crate::declarations::lexer::{Kind, Tokens};
use crate::declarations::units::{Unit, Units};
use crate::declarations::words::{Name, Word};

/// What is found out.
pub(super) struct Uses<'a> {
    reader: Reader<'a>,
    /// By tag.
    whole: Vec<bool>,
    /// Those whose size counts, by tag.
    measured: Vec<bool>,
    /// Which members are named, each with whose it is.
    named: HashSet<(Name, Name)>,
    /// By name, and where that is known; each with how often it is to be looked behind at least, to have one.
    carriers: HashMap<(Scope, Name), Vec<(Name, u32)>>,
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
const UNFOLLOWED: [&[u8]; 6] = [
    b"__builtin_clear_padding",
    b"optimize",
    b"__optimize__",
    b"typeof_unqual",
    b"__typeof_unqual",
    b"__typeof_unqual__",
];

impl<'a> Uses<'a> {
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
        let mut uses = Self {
            reader: Reader::new(tokens),
            whole: vec![false; tokens.words.len()],
            measured: vec![false; tokens.words.len()],
            named: HashSet::new(),
            carriers: HashMap::new(),
            by_value: HashMap::new(),
            within: Vec::new(),
            alike: Vec::new(),
        };
        for &at in used {
            match definitions.get(&at) {
                Some(Definition { tag, members, is_union, .. }) => {
                    let values = uses.declare_members(*tag, members)?;
                    if *is_union {
                        uses.use_whole(values);
                    }
                }
                None => uses.declare(at, &units.all[at])?,
            }
        }
        uses.follow_alike();
        for &at in used.iter().filter(|at| !definitions.contains_key(at)) {
            let unit = &units.all[at];
            if !unit.plain_head {
                uses.expressions(unit.first..unit.first + unit.head(), Scope::Unit(at));
            }
            if unit.has_body() {
                uses.expressions(unit.first + unit.head()..unit.end, Scope::Unit(at));
            }
        }
        uses.spread();
        Some(uses)
    }

    /// Whether a structure is used as a whole.
    pub(super) fn has(&self, tag: Name) -> bool {
        self.whole[tag as usize]
    }

    /// Whether its size counts: somebody asks for it, or goes from one to the next.
    pub(super) fn measures(&self, tag: Name) -> bool {
        self.measured[tag as usize]
    }

    /// Whether an expression names a structure's member.
    pub(super) fn names(&self, tag: Name, member: Name) -> bool {
        self.named.contains(&(tag, member))
    }

    fn carry(&mut self, scope: Scope, name: Name, (tag, depth): (Name, u32)) {
        let tags = self.carriers.entry((scope, name)).or_default();
        match tags.iter_mut().find(|(known, _)| *known == tag) {
            Some((_, known)) => *known = depth.min(*known),
            None => tags.push((tag, depth)),
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
                self.use_whole(values.clone());
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
                    let known = self.carriers.get(&(*scope, *name));
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

    /// What the names and tags among some tokens carry, within a scope, and how often these are to be looked behind for it at least.
    fn carried(&self, range: Range<usize>, scope: Scope) -> Vec<(Name, u32)> {
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
                    let known = scopes.iter().filter_map(|it| self.carriers.get(&(*it, name)));
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

    fn measure(&mut self, tags: Vec<Name>) {
        for tag in tags {
            self.measured[tag as usize] = true;
        }
    }

    fn tags(&self, range: Range<usize>, scope: Scope) -> Vec<Name> {
        self.carried(range, scope).into_iter().map(|(tag, _)| tag).collect()
    }

    fn use_whole(&mut self, tags: impl IntoIterator<Item = Name>) {
        for tag in tags {
            self.whole[tag as usize] = true;
        }
    }

    /// What is carried is looked behind so often.
    fn look_behind(&mut self, carried: Vec<(Name, u32)>, looks: i64) {
        let enough = carried.into_iter().filter(|(_, depth)| looks >= i64::from(*depth));
        self.use_whole(enough.map(|(tag, _)| tag));
    }

    /// What the expressions among some tokens use.
    fn expressions(&mut self, range: Range<usize>, scope: Scope) {
        for at in range {
            let reader = &self.reader;
            match reader.kind(at) {
                Some(Kind::Mark(b'*')) if reader.looks_behind(at) => {
                    let looks = reader.looks(at);
                    let carried = self.carried(reader.determining(at), scope);
                    self.look_behind(carried, looks);
                }
                Some(Kind::Mark(b'[')) => {
                    let looks = reader.looks_by_index(at);
                    let carried = self.carried(reader.operand_before(at), scope);
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
        for tag in self.tags(self.reader.operand_before(at - 1), scope) {
            self.named.insert((tag, name));
        }
        if !self.reader.is_looked_into(at) {
            self.use_whole(self.by_value.get(&name).cloned().unwrap_or_default());
        }
    }

    /// `__builtin_offsetof(struct T, one.two[3])`: all names that are said may be members of all that they may be of.
    fn offset(&mut self, said: Range<usize>, scope: Scope) {
        let mut tags = self.tags(said.clone(), scope);
        let names: Vec<Name> = self.reader.names(said).collect();
        for name in &names {
            let inner = self.carriers.get(&(Scope::Members, *name)).into_iter().flatten();
            let inner: Vec<Name> = inner.map(|(tag, _)| *tag).collect();
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
