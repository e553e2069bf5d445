//! Which declarations others lead to: all that the object is made of, and what each declaration depends on.
//!
//! A declaration leads to all declarations of the names that it mentions or declares. A pointer to a struct leads to the
//! struct only where an expression may look behind it: somebody then names what carries the pointer, a member, a function or
//! an object. Where no expression names a carrier, there is no value of that type, and the struct might as well be incomplete.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::iter::once;

use xxhash_rust::xxh3::xxh3_128;

use super::declarers::Declarers;
use super::doubt::Doubt;
use super::id::Id;
use super::identity::{Identity, with_names};
use super::lexer::{Kind, Token, Tokens};
use super::units::{Pointed, Symbol, Unit, Units, slice};
use super::words::Name;

/// Steps after which a text is given up.
const MOST_STEPS: usize = 30_000_000;

/// Declarations and who leads to whom.
pub(super) struct Reach<'a> {
    pub(super) units: &'a Units,
    pub(super) declarers: &'a Declarers,
    /// How many words there are.
    pub(super) words: usize,
    /// Pointers lead to what they point to, whoever carries them: debug info shows it.
    pub(super) follows_pointers: bool,
}

/// What the object is made of.
pub(super) struct Used {
    /// Each used declaration has the one that led to it, a root itself.
    pub(super) by: Vec<Option<u32>>,
    /// Tags that the used ones point to without leading there.
    pub(super) opaque: Vec<Symbol>,
    /// What used expressions name.
    pub(super) named: Named,
}

impl Reach<'_> {
    /// Everything that the roots lead to.
    pub(super) fn used(&self) -> Used {
        self.used_but(&HashMap::new())
    }

    /// Likewise, where some declarations lead no further than what is named by these words.
    pub(super) fn used_but(&self, limits: &HashMap<u32, HashSet<Name>>) -> Used {
        let roots = self.units.all.iter().enumerate().filter(|(_, unit)| unit.root);
        self.from(roots.map(|(at, _)| at as u32).collect(), limits)
    }

    /// Whether debug info may show where a declaration stands.
    ///
    /// gcc says of a variable which types the expressions used that stand at file scope before it, whoever's they are:
    /// enumerators in sizes, what `sizeof` names. These show, beside the `used`.
    pub(super) fn shown(&self, used: &Used) -> Vec<bool> {
        let enumerators: HashSet<Name> = self.units.enumerators.iter().copied().collect();
        let mut shown: Vec<u32> = Vec::new();
        for unit in &self.units.all {
            let mentioned = slice(&self.units.mentioned, &unit.head_mentions).iter();
            let in_expressions = mentioned.filter(|&symbol| {
                !unit.plain_head || (symbol % 2 == 0 && enumerators.contains(&(symbol / 2)))
            });
            shown.extend(in_expressions.flat_map(|&symbol| self.declarers.of_symbol(symbol)));
        }
        let shown = self.from(shown, &HashMap::new());
        used.by.iter().zip(shown.by).map(|(used, shown)| used.or(shown).is_some()).collect()
    }

    fn from(&self, mut waiting: Vec<u32>, limits: &HashMap<u32, HashSet<Name>>) -> Used {
        let units = &self.units.all;
        let mut by: Vec<Option<u32>> = vec![None; units.len()];
        let mut named = Named::new(self.words);
        for &at in &waiting {
            by[at as usize] = Some(at);
        }
        // Pointers whose carriers nobody has named yet, each with whose it is.
        let mut pending: Vec<(&Pointed, u32)> = Vec::new();
        loop {
            while let Some(at) = waiting.pop() {
                let unit = &units[at as usize];
                let limit = limits.get(&at);
                let leads =
                    |symbol: Symbol| limit.is_none_or(|names| names.contains(&(symbol / 2)));
                for &symbol in self.symbols(unit).filter(|symbol| leads(**symbol)) {
                    self.lead(symbol, at, &mut by, &mut waiting);
                }
                if !unit.is_plain() {
                    named.add(self.units, unit);
                }
                let points = slice(&self.units.pointed, &unit.points).iter();
                pending.extend(points.filter(|it| leads(it.tag)).map(|it| (it, at)));
            }
            let before = waiting.len();
            pending.retain(|(pointed, at)| {
                let carried = self.follows_pointers || named.carries(self.units, pointed);
                if carried {
                    self.lead(pointed.tag, *at, &mut by, &mut waiting);
                }
                !carried
            });
            if waiting.len() == before {
                break;
            }
        }
        let mut opaque: Vec<Symbol> = pending.iter().map(|(pointed, _)| pointed.tag).collect();
        opaque.sort_unstable();
        opaque.dedup();
        Used { by, opaque, named }
    }

    fn lead(&self, symbol: Symbol, from: u32, by: &mut [Option<u32>], waiting: &mut Vec<u32>) {
        for &to in self.declarers.of_symbol(symbol) {
            let slot = &mut by[to as usize];
            if slot.is_none() {
                *slot = Some(from);
                waiting.push(to);
            }
        }
    }

    fn symbols(&self, unit: &Unit) -> impl Iterator<Item = &Symbol> {
        let mentioned = slice(&self.units.mentioned, &unit.mentions());
        mentioned.iter().chain(slice(&self.units.declared, &unit.declares))
    }

    /// What each declaration depends on as far as a compiler may have something to say of it: of a function the head, of a
    /// struct all but the names of its members, which count where they are named.
    ///
    /// That is what stands before it: of what stands behind it, a compiler says something there.
    pub(super) fn closures(
        &self,
        tokens: &Tokens<'_>,
        identities: &[Identity],
    ) -> Result<Vec<Id>, Doubt> {
        let mut walk = Walk::new(self);
        // Whether two of those that it depends on may change places is up to those two. So what each is where it stands
        // comes first; of a function its head, since what its body does is its own affair.
        let mut placed: Vec<Id> = Vec::with_capacity(identities.len());
        let mut closures = Vec::with_capacity(identities.len());
        for (at, unit) in self.units.all.iter().enumerate() {
            walk.go(at as u32, false)?;
            let mut members = self.members(tokens, identities, &walk);
            let others = walk.found[1..].iter().map(|&it| identities[it as usize].head);
            placed.push(sum_of(identities[at].head, others.chain(members.iter().copied())));
            if unit.has_body() {
                walk.go(at as u32, true)?;
                members = self.members(tokens, identities, &walk);
            }
            // All of them stand before it.
            let others = walk.found[1..].iter().map(|&it| placed[it as usize]);
            closures.push(sum_of(identities[at].own, others.chain(members)));
        }
        Ok(closures)
    }

    /// Adds a declaration and all that it is made of, as far as that is needed to understand it.
    pub(super) fn gather(&self, at: usize, all: &mut BTreeSet<usize>) -> Result<(), Doubt> {
        let mut walk = Walk::new(self);
        let (mut waiting, mut done) = (vec![at as u32], HashSet::new());
        while let Some(at) = waiting.pop() {
            if !done.insert(at) {
                continue;
            }
            walk.go(at, false)?;
            all.extend(walk.found.iter().map(|&it| it as usize));
            // Their own expressions lead further than those of the first one.
            let looks = |it: &&u32| !self.units.all[**it as usize].plain_head;
            waiting.extend(walk.found.iter().filter(looks));
        }
        Ok(())
    }

    /// The members that the walk's first declaration names, of all structs that it came by: whose, which one, and its name.
    fn members(&self, tokens: &Tokens<'_>, identities: &[Identity], walk: &Walk<'_>) -> Vec<Id> {
        let (mut members, mut buffer) = (Vec::new(), Vec::new());
        if !walk.looks_behind {
            return members;
        }
        for &at in &walk.found[1..] {
            let own_names = &self.units.all[at as usize].own_names;
            let head = identities[at as usize].head;
            for own in slice(&self.units.own_names, own_names).iter().enumerate() {
                let (_, (token, is_member)) = own;
                if *is_member && walk.named.has(&tokens.tokens[*token]) {
                    members.push(with_names(head, tokens, once(own), &mut buffer));
                }
            }
        }
        members
    }
}

/// What expressions name.
pub(super) struct Named {
    /// The last round that named each word: an object or a function, and a member.
    ordinary: Vec<u32>,
    members: Vec<u32>,
    round: u32,
}

impl Named {
    fn new(words: usize) -> Self {
        Self { ordinary: vec![0; words], members: vec![0; words], round: 1 }
    }

    /// Whether an expression has this name in it, in whatever sense: members are named by `offsetof`, too.
    pub(super) fn has(&self, token: &Token) -> bool {
        let Kind::Name(name) = token.kind else { return false };
        let Self { ordinary, members, round } = self;
        members[name as usize] == *round || ordinary[name as usize] == *round
    }

    fn clear(&mut self) {
        self.round += 1;
    }

    fn add(&mut self, units: &Units, unit: &Unit) {
        // A function's parameters carry something only if an expression names them, in its body or before it.
        let mentions = match unit.has_body() && unit.plain_head {
            true => unit.body_mentions.clone(),
            false => unit.mentions(),
        };
        for symbol in slice(&units.mentioned, &mentions).iter().filter(|symbol| *symbol % 2 == 0) {
            self.ordinary[*symbol as usize / 2] = self.round;
        }
        for member in slice(&units.accessed, &unit.accesses) {
            self.members[*member as usize] = self.round;
        }
    }

    fn carries(&self, units: &Units, pointed: &Pointed) -> bool {
        let named = if pointed.in_members { &self.members } else { &self.ordinary };
        let mut carriers = slice(&units.carriers, &pointed.carriers).iter();
        carriers.any(|&name| named[name as usize] == self.round)
    }
}

/// The hash of one and a set of others.
///
/// Those are added up, 128 bits each, so that their order is nothing: nobody chooses them, and hashes that nobody chooses have the same
/// sum no more often than they are the same. For such, a hash that is quick with a few bytes does.
fn sum_of(first: Id, others: impl Iterator<Item = Id>) -> Id {
    let (mut sum, mut count) = (0_u128, 0_u64);
    for id in others {
        sum = sum.wrapping_add(u128::from_le_bytes(id.0));
        count += 1;
    }
    if count == 0 {
        return first;
    }
    let mut bytes = [0; 40];
    bytes[..16].copy_from_slice(&first.0);
    bytes[16..32].copy_from_slice(&sum.to_le_bytes());
    bytes[32..].copy_from_slice(&count.to_le_bytes());
    Id(xxh3_128(&bytes).to_le_bytes())
}

/// Walks from one declaration after the other.
struct Walk<'a> {
    reach: &'a Reach<'a>,
    /// The last walk that came by each declaration.
    visited: Vec<u32>,
    named: Named,
    walks: u32,
    /// All that this walk has come by, from the first one on.
    found: Vec<u32>,
    /// Whether the first one has an expression that may look behind pointers, and name members.
    looks_behind: bool,
    steps: usize,
}

impl<'a> Walk<'a> {
    fn new(reach: &'a Reach<'a>) -> Self {
        Self {
            reach,
            visited: vec![0; reach.units.all.len()],
            named: Named::new(reach.words),
            walks: 0,
            found: Vec::new(),
            looks_behind: false,
            steps: 0,
        }
    }

    /// Finds what a declaration depends on, with its body or without.
    fn go(&mut self, from: u32, with_body: bool) -> Result<(), Doubt> {
        let Reach { units, declarers, .. } = self.reach;
        self.walks += 1;
        let first = &units.all[from as usize];
        let with_body = with_body && first.has_body();
        self.looks_behind = with_body || !first.plain_head;
        let looks_behind = self.looks_behind;
        if looks_behind {
            self.named.clear();
            self.named.add(units, first);
        }
        self.found.clear();
        self.found.push(from);
        self.visited[from as usize] = self.walks;
        let mut next = 0;
        while let Some(&at) = self.found.get(next) {
            let unit = &units.all[at as usize];
            let mentions = match next == 0 && with_body {
                true => unit.mentions(),
                false => unit.head_mentions.clone(),
            };
            next += 1;
            let declared = slice(&units.declared, &unit.declares);
            for &symbol in slice(&units.mentioned, &mentions).iter().chain(declared) {
                self.visit(from, declarers.of_symbol(symbol));
            }
            for pointed in slice(&units.pointed, &unit.points).iter().filter(|_| looks_behind) {
                self.steps += pointed.carriers.len();
                if self.named.carries(units, pointed) {
                    self.visit(from, declarers.of_symbol(pointed.tag));
                }
            }
            if self.steps > MOST_STEPS {
                return Err(Doubt::Tangled);
            }
        }
        Ok(())
    }

    /// Those before the first one.
    fn visit(&mut self, first: u32, all: &[u32]) {
        self.steps += 1;
        for &at in all.iter().take_while(|&&at| at < first) {
            let slot = &mut self.visited[at as usize];
            if *slot != self.walks {
                *slot = self.walks;
                self.found.push(at);
            }
        }
        self.steps += all.len();
    }
}
