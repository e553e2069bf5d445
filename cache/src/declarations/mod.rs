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
mod units;
mod words;

use std::collections::BTreeSet;

pub use self::builtins::Builtins;
pub use self::doubt::Doubt;
pub use self::id::Id;
pub use self::positions::{Positions, Stretch};

use self::declarers::Declarers;
use self::identity::{Identity, with_names};
use self::in_force::Places;
use self::lexer::{Kind, Token, Tokens};
use self::reach::{Reach, Used};
use self::units::{Units, ordinary, slice};
use self::words::{Name, Word};

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
        Self::take_apart(text, builtins, false)
    }

    /// Likewise, and tells [`Split::positions`].
    ///
    /// # Errors
    /// If anything isn't understood for certain.
    pub fn with_positions(text: &[u8], builtins: &Builtins) -> Result<Self, Doubt> {
        Self::take_apart(text, builtins, true)
    }

    fn take_apart(text: &[u8], builtins: &Builtins, with_positions: bool) -> Result<Self, Doubt> {
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
        let reach = Reach {
            units: &units,
            declarers: &declarers,
            words: tokens.words.len(),
            follows_pointers: with_positions,
        };
        let found = reach.used();
        let closures = reach.closures(&tokens, &identities)?;
        let (mut used, mut parts) = (Vec::new(), Parts::of(&found));
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
                    id = with_names(head, &tokens, named, &mut buffer);
                }
            }
            if !unit.root {
                // Of a part, what the object is made of doesn't say that all of it is all right.
                known.push((closures[at], is_part));
            }
            used.extend_from_slice(&id.0);
            parts.add(&tokens, &units, at, id);
        }
        // Whether what is pointed to is there at all may decide which pointers may be the same.
        used.extend_from_slice(b"\0opaque");
        for &tag in &found.opaque {
            used.extend_from_slice(tokens.words.spelling(tag / 2));
            used.push(u8::from(declarers.of_symbol(tag).is_empty()));
        }
        // So may which sections have functions in them.
        used.extend_from_slice(b"\0sections");
        used.extend(sections(&tokens, &units).into_iter().flatten());
        // The first one stays.
        known.sort_unstable_by_key(|(id, unused)| (id.number(), !unused));
        known.dedup_by_key(|(id, _)| *id);
        let unused = known.iter().filter(|(_, unused)| *unused).map(|(id, _)| *id).collect();
        let known = known.into_iter().map(|(id, _)| id).collect();
        let positions = with_positions
            .then(|| Positions::of(&tokens, &units, &identities, &reach.shown(&found)));
        Ok(Self { used: Id::of(&used), unused, known, parts: parts.all, positions })
    }
}

/// Whether a declaration is to be taken for one that makes output, for what is known of the whole text.
fn is_root(
    tokens: &Tokens<'_>,
    units: &Units,
    index: usize,
    declarers: &Declarers,
    builtins: &Builtins,
) -> bool {
    let unit = &units.all[index];
    let spelling = |name| tokens.words.spelling(name);
    let by_compiler = slice(&units.declared, &unit.declares)
        .iter()
        .any(|symbol| symbol % 2 == 0 && builtins.has(spelling(symbol / 2)));
    // A static function that is promised and never comes is warned of, or not, by who uses it.
    let broken = unit.promises.is_some_and(|name| {
        !declarers.of_symbol(ordinary(name)).iter().any(|&it| units.all[it as usize].has_body())
    });
    // What isn't known at file scope yet may be declared by its call, and be known then to all that follows.
    let inner = units.all[index + 1..].iter().take_while(|unit| unit.inner).count();
    let is_declared = |name: Name| {
        let first = declarers.of_symbol(ordinary(name)).first();
        first.is_some_and(|&first| first as usize <= index + inner)
    };
    let declares_by_call = slice(&units.called, &unit.calls).iter().any(|&name| {
        !is_declared(name)
            && !BUILT_IN.iter().any(|prefix| spelling(name).starts_with(prefix))
            && !is_local(&tokens.tokens[unit.first..unit.end], unit.head(), name)
    });
    by_compiler || broken || declares_by_call
}

/// Beginnings of functions that are in the compiler, and declared nowhere.
const BUILT_IN: [&[u8]; 3] = [b"__builtin_", b"__atomic_", b"__sync_"];

/// Whether a function, whose parameters are within its first `head` tokens, uses a name for more than calls: then it must be
/// declared somewhere, or the compiler says so.
fn is_local(function: &[Token], head: usize, name: Name) -> bool {
    let kind = |at: usize| function.get(at).map(|token| token.kind);
    let named = |at: usize| kind(at) == Some(Kind::Name(name));
    let uses = |at: usize| {
        let before = at.checked_sub(1).and_then(kind);
        // `&&label` as well.
        let other_name_space = before == Some(Kind::Mark(b'&'))
            || matches!(
                before,
                Some(
                    Kind::Mark(b'.' | b'[')
                        | Kind::Arrow
                        | Kind::Keyword(Word::Statement | Word::Struct | Word::Union | Word::Enum)
                )
            );
        let called = matches!(kind(at + 1), Some(Kind::Mark(b'(' | b':')));
        !other_name_space && !called
    };
    (0..head).any(named) || (head..function.len()).any(|at| named(at) && uses(at))
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
