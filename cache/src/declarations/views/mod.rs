//! What an object is made of, where some structures are only looked into: of these, the members that expressions name, and where
//! these lie.
//!
//! A member more, in a hole that was there, then is nothing to who doesn't name it. Where members lie only a compiler can say:
//! [`View::layouts`] are what is to be asked, by [`question`], and [`View::used`] takes the answers.

mod carriers;
mod contents;
mod members;
mod operands;
mod question;
mod reader;
mod uses;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

pub use self::question::Question;
pub(super) use self::question::question;

use self::carriers::Carriers;
use self::contents::Contents;
use self::members::{Definition, Member, members};
use self::uses::Uses;
use super::Text;
use super::id::Id;
use super::in_force::Places;
use super::lexer::{Kind, Tokens};
use super::reach::Reach;
use super::units::{Unit, Units};
use super::words::Name;

/// The used declarations of a text, some of them by what is seen of them.
#[derive(Debug)]
pub struct View {
    /// Structures whose layouts are to be known, by what these are up to.
    pub layouts: Vec<Id>,
    /// What has to be known to be all right beside [`super::Split::unused`]: those structures.
    pub unused: Vec<Id>,
    parts: Vec<Part>,
    rest: Vec<u8>,
}

#[derive(Debug)]
enum Part {
    /// A declaration.
    Whole(Id),
    /// A structure: what of it is seen, and the number of its layout; what it is if that can't be told.
    Seen { id: Id, numbers: Vec<u32>, layout: usize, whole: Id },
}

/// Where a structure's members lie, in the order of its definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout(pub Vec<u64>);

/// The numbers of a layout: the size, the alignment, and then those of the members.
const SIZE: u32 = 0;
const ALIGNMENT: u32 = 1;
const MEMBERS: u32 = 2;

impl View {
    /// Of used declarations, each with its number and what it is otherwise; `None` if there is nothing that is only looked into.
    pub(super) fn of(
        text: &Text<'_>,
        reach: &Reach<'_>,
        ids: &[(usize, Id)],
        closures: &[Id],
        sections: &[u8],
    ) -> Option<Self> {
        let Text { tokens, units, places, declarers, .. } = text;
        let definition = |at: usize| Some((at, definition(tokens, units, places, at)?));
        let definitions: HashMap<usize, Definition> =
            ids.iter().filter_map(|&(at, _)| definition(at)).collect();
        let used: Vec<usize> = ids.iter().map(|(at, _)| *at).collect();
        let carriers = Carriers::of(tokens, units, &used, &definitions)?;
        let others = used.into_iter().filter(|at| !definitions.contains_key(at));
        let uses = Uses::of(carriers, units, others);
        let is_seen = |it: &Definition| !uses.has(it.tag) && !it.is_union;
        let looked_into = definitions.iter().filter(|(_, it)| is_seen(it));
        let seen: HashMap<usize, Seen> = looked_into
            .filter_map(|(&at, it)| Some((at, Seen::of(text, &uses, &units.all[at], it)?)))
            .collect();
        if seen.is_empty() {
            return None;
        }
        // What the members that nobody names are of is nobody's affair.
        let limits = seen.iter().map(|(&at, it)| (at as u32, it.words.clone())).collect();
        let found = reach.used_but(&limits);
        let (mut layouts, mut unused, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for &(at, id) in ids {
            if found.by[at].is_none() {
                unused.push(closures[at]);
                continue;
            }
            let Some(Seen { id: seen, numbers, .. }) = seen.get(&at) else {
                parts.push(Part::Whole(id));
                continue;
            };
            let (layout, numbers) = (layouts.len(), numbers.clone());
            parts.push(Part::Seen { id: *seen, numbers, layout, whole: id });
            layouts.push(closures[at]);
            unused.push(closures[at]);
        }
        let mut rest = super::opaque(tokens, declarers, &found.opaque);
        rest.extend_from_slice(sections);
        Some(Self { layouts, unused, parts, rest })
    }

    /// What the object is made of as far as it is seen, with the layouts that are known; `None` if one isn't of its structure.
    #[must_use]
    pub fn used(&self, known: &[Option<Layout>]) -> Option<Id> {
        let mut bytes = b"view".to_vec();
        for part in &self.parts {
            let (id, numbers) = match part {
                Part::Whole(id) => (id, None),
                Part::Seen { id, numbers, layout, whole } => match known.get(*layout)? {
                    Some(layout) => (id, Some((numbers, layout))),
                    None => (whole, None),
                },
            };
            bytes.push(u8::from(numbers.is_some()));
            bytes.extend_from_slice(&id.0);
            let Some((numbers, Layout(layout))) = numbers else { continue };
            for &number in numbers {
                bytes.extend_from_slice(&layout.get(number as usize)?.to_le_bytes());
            }
        }
        bytes.extend_from_slice(&self.rest);
        Some(Id::of(&bytes))
    }
}

/// The definition that a unit is, if it is one that members may be added to.
fn definition(
    tokens: &Tokens<'_>,
    units: &Units,
    places: &Places,
    at: usize,
) -> Option<Definition> {
    let unit = &units.all[at];
    let is_one = !unit.root && unit.is_plain() && unit.declares.len() == 1;
    let start = tokens.tokens[unit.first].start as usize;
    // Pragmas may say how members are packed.
    (is_one && places.in_force(start).is_empty()).then(|| Definition::of(tokens, unit))?
}

/// What is seen of a structure.
struct Seen {
    /// The members that expressions name, as they are declared.
    id: Id,
    /// The numbers of its layout that count.
    numbers: Vec<u32>,
    /// The words of what is seen.
    words: HashSet<Name>,
}

impl Seen {
    fn of(text: &Text<'_>, uses: &Uses<'_>, unit: &Unit, definition: &Definition) -> Option<Self> {
        let tokens = &text.tokens;
        let (mut seen, head) = (Vec::new(), unit.first..definition.body.start);
        seen.push(head);
        let mut ends = Vec::new();
        let mut numbers = vec![ALIGNMENT];
        // One that is as large as what is in it may be told from that by its size.
        let is_larger = definition.members.iter().any(|it| it.is_scalar(tokens) && !it.bits);
        let mut is_sized = !is_larger || uses.measures(definition.tag);
        let mut contents = Contents::default();
        let mut count = MEMBERS;
        for (index, member) in definition.members.iter().enumerate() {
            contents.add(text, member)?;
            let asked = asked(tokens, member);
            let first = count;
            count += asked.len() as u32;
            if !is_named(tokens, uses, definition.tag, member) {
                continue;
            }
            if member.bits || asked.is_empty() {
                return None;
            }
            numbers.extend(first..count);
            seen.push(member.tokens.clone());
            // An array at the end may go on, up to where it all ends.
            let may_go_on = index + 1 == definition.members.len() && !member.is_scalar(tokens);
            ends.push(u8::from(may_go_on));
            is_sized |= may_go_on;
        }
        seen.push(definition.body.end..unit.end);
        if is_sized {
            numbers.push(SIZE);
        }
        let mut bytes = b"seen".to_vec();
        let mut words = HashSet::new();
        for token in seen.into_iter().flat_map(|range| &tokens.tokens[range]) {
            bytes.extend_from_slice(&tokens.text[token.start as usize..token.end as usize]);
            bytes.push(b' ');
            if let Kind::Name(name) = token.kind {
                words.insert(name);
            }
        }
        bytes.extend(ends);
        for word in contents.0 {
            bytes.push(0);
            bytes.extend_from_slice(word);
            words.extend(tokens.words.find(word));
        }
        Some(Self { id: Id::of(&bytes), numbers, words })
    }
}

fn is_named(tokens: &Tokens<'_>, uses: &Uses<'_>, tag: Name, member: &Member) -> bool {
    let named = |at: usize| match tokens.tokens[at].kind {
        Kind::Name(name) => uses.names(tag, name),
        _ => false,
    };
    match &member.braces {
        Some(braces) if member.names.is_empty() => braces.clone().any(named),
        _ => member.names.iter().any(|&at| named(at)),
    }
}

/// The tokens of a member whose places are asked for.
fn asked(tokens: &Tokens<'_>, member: &Member) -> Vec<usize> {
    if member.bits {
        return Vec::new();
    }
    match &member.braces {
        // Where the first one in it lies.
        Some(braces) if member.names.is_empty() => {
            let inner = members(tokens, braces.clone()).unwrap_or_default();
            inner
                .first()
                .map(|it| asked(tokens, it))
                .unwrap_or_default()
                .into_iter()
                .take(1)
                .collect()
        }
        _ => member.names.clone(),
    }
}

fn spelling<'a>(tokens: &Tokens<'a>, at: usize) -> &'a [u8] {
    match tokens.tokens[at].kind {
        Kind::Name(name) => tokens.words.spelling(name),
        _ => b"",
    }
}
