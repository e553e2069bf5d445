//! A preprocessed C text as declarations: which of them the object is made of, and what each of the others depends on.
//!
//! [`Split::of`] takes a text apart. Two texts with the same [`Split::used`] give the same object, by the same compiler with
//! the same arguments, where positions don't show. And a text prints nothing if each of its [`Split::unused`] was part of
//! a text that printed nothing, for it depends on all that a diagnostic about it could.
//! `docs/declaration-tier.md` argues why, point by point.
//!
//! Pure: no file is read. What isn't understood for certain refuses the text with a [`Doubt`].

mod attributes;
mod builtins;
mod declarers;
mod doubt;
mod id;
mod identity;
mod in_force;
mod lexer;
mod positions;
mod pragmas;
mod reach;
mod roots;
mod units;
mod views;
mod words;

use std::collections::BTreeSet;

pub use self::builtins::Builtins;
pub use self::doubt::Doubt;
pub use self::id::Id;
pub use self::positions::{Positions, Stretch};
pub use self::views::{Layout, Question, View};

use self::declarers::Declarers;
use self::identity::{Identity, with_names};
use self::in_force::Places;
use self::lexer::{Token, Tokens};
use self::reach::{Reach, Used};
use self::roots::is_root;
use self::units::{Symbol, Units, slice};

/// A text, taken apart.
#[derive(Debug)]
pub struct Split {
    /// The declarations that the object is made of, in their order, as one hash.
    pub used: Id,
    /// What each of the others depends on, and each used one of which not all is in the hash; pragmas are among them.
    pub unused: Vec<Id>,
    /// Likewise for all that may be unused in another text.
    pub known: Vec<Id>,
    /// The used ones by name.
    pub parts: Vec<Part>,
    /// What counts beside them where positions show, if that was asked for.
    pub positions: Option<Positions>,
    /// The used ones by what is seen of them, if that was asked for.
    pub view: Option<View>,
}

/// A used declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its first name: `struct buffer`, `b_alloc`.
    pub name: String,
    /// What it is, to those who use it.
    pub id: Id,
    /// How many members a struct or union has, where that is plain; else 0.
    pub members: usize,
    /// By which part it is used: an index. Its own, if it makes output by itself.
    pub user: usize,
}

impl Split {
    /// Takes a text apart, for a compiler that knows `builtins`.
    ///
    /// # Errors
    /// If anything isn't understood for certain.
    pub fn of(text: &[u8], builtins: &Builtins) -> Result<Self, Doubt> {
        Text::of(text, builtins)?.split(Beside::Nothing)
    }

    /// Likewise, and tells [`Split::positions`].
    ///
    /// # Errors
    /// If anything isn't understood for certain.
    pub fn with_positions(text: &[u8], builtins: &Builtins) -> Result<Self, Doubt> {
        Text::of(text, builtins)?.split(Beside::Positions)
    }

    /// Likewise, and tells [`Split::view`].
    ///
    /// # Errors
    /// If anything isn't understood for certain.
    pub fn with_view(text: &[u8], builtins: &Builtins) -> Result<Self, Doubt> {
        Text::of(text, builtins)?.split(Beside::View)
    }
}

impl Question {
    /// Asks for some of [`View::layouts`] of a text.
    ///
    /// # Errors
    /// If anything isn't understood for certain.
    pub fn of(text: &[u8], builtins: &Builtins, layouts: &[Id]) -> Result<Self, Doubt> {
        let text = Text::of(text, builtins)?;
        let Text { tokens, places, identities, .. } = &text;
        views::question(tokens, &text.reach(false), places, identities, layouts)
    }
}

/// What is told beside the declarations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    Positions,
    View,
}

/// A text's declarations, and what is known of each.
struct Text<'a> {
    tokens: Tokens<'a>,
    units: Units,
    places: Places,
    declarers: Declarers,
    identities: Vec<Identity>,
}

impl<'a> Text<'a> {
    fn of(text: &'a [u8], builtins: &Builtins) -> Result<Self, Doubt> {
        let tokens = Tokens::of(text)?;
        let mut units = Units::of(&tokens)?;
        let places = Places::of(&tokens, &units)?;
        let declarers = Declarers::of(&units, tokens.words.len());
        let mut identities = Vec::with_capacity(units.all.len());
        let mut buffer = Vec::new();
        for index in 0..units.all.len() {
            let unit = &units.all[index];
            let identity = Identity::of(&tokens, &units, unit, &places, &mut buffer);
            let root =
                unit.root || identity.main || is_root(&tokens, &units, index, &declarers, builtins);
            identities.push(identity);
            units.all[index].root = root;
        }
        Ok(Self { tokens, units, places, declarers, identities })
    }

    fn reach(&self, follows_pointers: bool) -> Reach<'_> {
        let Self { tokens, units, declarers, .. } = self;
        Reach { units, declarers, words: tokens.words.len(), follows_pointers }
    }

    fn split(&self, beside: Beside) -> Result<Split, Doubt> {
        let Self { tokens, units, places, declarers, identities } = self;
        let with_positions = beside == Beside::Positions;
        let reach = self.reach(with_positions);
        let found = reach.used();
        let closures = reach.closures(tokens, identities)?;
        let (mut used, mut parts) = (Vec::new(), Parts::of(&found));
        let mut buffer = Vec::new();
        // What is known to be all right if all of this is, each with whether it must be known before.
        let mut known: Vec<(Id, bool)> = places.pragmas.iter().map(|id| (*id, true)).collect();
        for (at, unit) in units.all.iter().enumerate() {
            if found.by[at].is_none() {
                known.push((closures[at], true));
                continue;
            }
            let Identity { own, head, is_frame, .. } = identities[at];
            let (mut id, mut is_part) = (own, false);
            if is_frame && !with_positions && !unit.root {
                // What its members are called is up to who names them.
                let own_names = slice(&units.own_names, &unit.own_names);
                let named = own_names.iter().enumerate().filter(|(_, (token, is_member))| {
                    *is_member && found.named.has(&tokens.tokens[*token])
                });
                is_part = named.clone().count() < own_names.len();
                if is_part {
                    id = with_names(head, tokens, named, &mut buffer);
                }
            }
            if !unit.root {
                // Of a part, what the object is made of doesn't say that all of it is all right.
                known.push((closures[at], is_part));
            }
            used.push((at, id));
            parts.add(tokens, units, at, id);
        }
        // Which sections have functions in them may count, too.
        let sections =
            [b"\0sections", &sections(tokens, units).into_iter().flatten().collect::<Vec<_>>()[..]]
                .concat();
        let mut bytes: Vec<u8> = used.iter().flat_map(|(_, id)| id.0).collect();
        bytes.extend(opaque(tokens, declarers, &found.opaque));
        bytes.extend_from_slice(&sections);
        let view = (beside == Beside::View)
            .then(|| View::of(self, &reach, &used, &closures, &sections))
            .flatten();
        // The first one stays.
        known.sort_unstable_by_key(|(id, unused)| (id.number(), !unused));
        known.dedup_by_key(|(id, _)| *id);
        let unused = known.iter().filter(|(_, unused)| *unused).map(|(id, _)| *id).collect();
        let known = known.into_iter().map(|(id, _)| id).collect();
        let positions =
            with_positions.then(|| Positions::of(tokens, units, identities, &reach.shown(&found)));
        Ok(Split { used: Id::of(&bytes), unused, known, parts: parts.all, positions, view })
    }
}

/// Whether what is pointed to is there at all, which may decide which pointers may be the same.
fn opaque(tokens: &Tokens<'_>, declarers: &Declarers, tags: &[Symbol]) -> Vec<u8> {
    let mut bytes = b"\0opaque".to_vec();
    for &tag in tags {
        bytes.extend_from_slice(tokens.words.spelling(tag / 2));
        bytes.push(u8::from(declarers.of_symbol(tag).is_empty()));
    }
    bytes
}

/// The sections that functions are put in, used or not: clang complains of those that have objects as well.
fn sections(tokens: &Tokens<'_>, units: &Units) -> BTreeSet<Vec<u8>> {
    let text = |token: &Token| &tokens.text[token.start as usize..token.end as usize];
    let said = |&(first, end): &(usize, usize)| {
        tokens.tokens[first..end].iter().map(text).collect::<Vec<_>>().join(&0)
    };
    units.sections.iter().map(said).collect()
}

/// The used declarations by name, and who uses them.
struct Parts<'a> {
    found: &'a Used,
    /// The number of each used declaration among them.
    numbers: Vec<usize>,
    all: Vec<Part>,
}

impl<'a> Parts<'a> {
    fn of(found: &'a Used) -> Self {
        let mut count = 0;
        let number = |by: &Option<u32>| {
            let number = count;
            count += usize::from(by.is_some());
            number
        };
        Self { found, numbers: found.by.iter().map(number).collect(), all: Vec::new() }
    }

    /// The next one, which is `id` to those who use it.
    fn add(&mut self, tokens: &Tokens<'_>, units: &Units, at: usize, id: Id) {
        let unit = &units.all[at];
        let name = match slice(&units.declared, &unit.declares).first() {
            None => String::new(),
            Some(symbol) => {
                let spelling = tokens.words.spelling(symbol / 2);
                let name = String::from_utf8_lossy(spelling);
                match tokens.tokens[unit.first..unit.end].iter().find_map(|it| it.tag_word()) {
                    Some(word) if symbol % 2 == 1 => format!("{word} {name}"),
                    _ => name.into_owned(),
                }
            }
        };
        let own_names = slice(&units.own_names, &unit.own_names).iter();
        let members = own_names.filter(|(_, is_member)| *is_member).count();
        let user = self.found.by[at].map_or(at, |by| by as usize);
        self.all.push(Part { name, id, members, user: self.numbers[user] });
    }
}
