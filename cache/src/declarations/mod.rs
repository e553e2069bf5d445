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
mod doubt;
mod graph;
mod id;
mod lexer;
mod pragmas;
mod units;
mod words;

use std::collections::HashMap;

pub use self::builtins::Builtins;
pub use self::doubt::Doubt;
pub use self::id::Id;

use self::graph::Graph;
use self::lexer::{Place, Tokens};
use self::pragmas::Pragmas;
use self::units::{Symbol, Unit, Units, ordinary, slice};

/// A text, taken apart.
#[derive(Debug)]
pub struct Split {
    /// The declarations that the object is made of, in their order, as one hash.
    pub used: Id,
    /// What each of the others depends on; pragmas are among them.
    pub unused: Vec<Id>,
    /// Likewise for all that may be unused in another text.
    pub known: Vec<Id>,
    /// The used ones by name.
    pub parts: Vec<Part>,
}

/// A used declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its first name: `struct buffer`, `b_alloc`.
    pub name: String,
    /// What it is.
    pub id: Id,
    /// By which part it is used: an index. Its own, if it makes output by itself.
    pub user: usize,
}

impl Split {
    /// Takes a text apart, for a compiler that knows `builtins`.
    ///
    /// # Errors
    /// If anything isn't understood for certain.
    pub fn of(text: &[u8], builtins: &Builtins) -> Result<Self, Doubt> {
        let tokens = Tokens::of(text)?;
        let mut units = Units::of(&tokens)?;
        let places = Places::of(&tokens, &units)?;
        let declarers = Declarers::of(&units, tokens.words.len());
        let mut own = Vec::with_capacity(units.all.len());
        let mut buffer = Vec::new();
        for index in 0..units.all.len() {
            let unit = &units.all[index];
            let main = places.write(&tokens, &units, unit, &mut buffer);
            own.push(Id::of(&buffer));
            let root = unit.root || main || is_root(&tokens, &units, unit, &declarers, builtins);
            units.all[index].root = root;
        }
        let graph = declarers.graph(&units);
        let reached = graph.reached((0..units.all.len()).filter(|&at| units.all[at].root));
        let closures = graph.closures(&own)?;
        let mut component_is_used = vec![false; closures.hashes.len()];
        let mut component_is_root = vec![false; closures.hashes.len()];
        let mut used = Vec::new();
        for (at, unit) in units.all.iter().enumerate() {
            let component = closures.component[at] as usize;
            component_is_root[component] |= unit.root;
            if reached[at].is_some() {
                component_is_used[component] = true;
                used.extend_from_slice(&own[at].0);
            }
        }
        let (mut unused, mut known) = (places.pragmas.clone(), places.pragmas);
        for (component, &id) in closures.hashes.iter().enumerate() {
            if !component_is_root[component] {
                known.push(id);
            }
            if !component_is_used[component] {
                unused.push(id);
            }
        }
        let parts = parts(&tokens, &units, &own, &reached);
        Ok(Self { used: Id::of(&used), unused, known, parts })
    }
}

/// Whether a declaration is to be taken for one that makes output, for what is known of the whole text.
fn is_root(
    tokens: &Tokens<'_>,
    units: &Units,
    unit: &Unit,
    declarers: &Declarers,
    builtins: &Builtins,
) -> bool {
    let spelling = |name| tokens.words.spelling(name);
    let by_compiler = slice(&units.declared, &unit.declares)
        .iter()
        .any(|symbol| symbol % 2 == 0 && builtins.has(spelling(symbol / 2)));
    // A static function that is promised and never comes is warned of, or not, by who uses it.
    let broken = unit.promises.is_some_and(|name| {
        !declarers.of_symbol(ordinary(name)).iter().any(|&it| units.all[it as usize].has_body())
    });
    // What isn't known at file scope may be declared by its call, and be known then to all that follows.
    let declares_by_call = slice(&units.called, &unit.calls).iter().any(|&name| {
        declarers.of_symbol(ordinary(name)).is_empty() && !spelling(name).starts_with(b"__builtin_")
    });
    by_compiler || broken || declares_by_call
}

/// The used declarations by name, and who uses them.
fn parts(tokens: &Tokens<'_>, units: &Units, own: &[Id], reached: &[Option<u32>]) -> Vec<Part> {
    let mut index = HashMap::new();
    for at in (0..reached.len()).filter(|&at| reached[at].is_some()) {
        index.insert(at, index.len());
    }
    let mut parts = Vec::with_capacity(index.len());
    for (at, by) in reached.iter().enumerate() {
        let Some(by) = by else { continue };
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
        let user = index.get(&(*by as usize)).copied().unwrap_or_default();
        parts.push(Part { name, id: own[at], user });
    }
    parts
}

/// The declarations of each symbol.
struct Declarers {
    starts: Vec<u32>,
    by: Vec<u32>,
}

impl Declarers {
    fn of(units: &Units, words: usize) -> Self {
        let mut starts = vec![0_u32; words * 2 + 1];
        for &symbol in &units.declared {
            starts[symbol as usize + 1] += 1;
        }
        for at in 0..words * 2 {
            starts[at + 1] += starts[at];
        }
        let mut fill = starts.clone();
        let mut by = vec![0_u32; units.declared.len()];
        for (index, unit) in units.all.iter().enumerate() {
            for &symbol in slice(&units.declared, &unit.declares) {
                let slot = &mut fill[symbol as usize];
                by[*slot as usize] = index as u32;
                *slot += 1;
            }
        }
        Self { starts, by }
    }

    fn of_symbol(&self, symbol: Symbol) -> &[u32] {
        let symbol = symbol as usize;
        &self.by[self.starts[symbol] as usize..self.starts[symbol + 1] as usize]
    }

    /// From each declaration to all declarations of the names that it mentions or declares.
    fn graph(&self, units: &Units) -> Graph {
        let mut starts = Vec::with_capacity(units.all.len() + 1);
        let mut targets = Vec::new();
        let mut seen = vec![u32::MAX; units.all.len()];
        for (at, unit) in units.all.iter().enumerate() {
            let at = at as u32;
            starts.push(targets.len() as u32);
            seen[at as usize] = at;
            let declared = slice(&units.declared, &unit.declares);
            for symbol in slice(&units.mentioned, &unit.mentions).iter().chain(declared) {
                for &to in self.of_symbol(*symbol) {
                    if seen[to as usize] != at {
                        seen[to as usize] = at;
                        targets.push(to);
                    }
                }
            }
        }
        starts.push(targets.len() as u32);
        Graph { starts, targets }
    }
}

/// What is in force where.
struct Places {
    /// From which byte on, and what.
    states: Vec<(u32, Vec<u8>)>,
    /// Every pragma, by its words.
    pragmas: Vec<Id>,
}

const START: Place = Place { system: false, main: true };

impl Places {
    fn of(tokens: &Tokens<'_>, units: &Units) -> Result<Self, Doubt> {
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
            let within = next > 0 && place(units.all[next - 1].end - 1) > line.start;
            // What is said of a pragma may be up to those before it.
            let mut words = [b"pragma ", &following.bytes()[..]].concat();
            words.push(u8::from(system));
            if following.follow(text, within)? {
                states.push((line.end, following.bytes()));
            }
            words.extend(lexer::words_of(text).flat_map(|word| [b" ", word].concat()));
            pragmas.push(Id::of(&words));
        }
        if !following.may_end() {
            return Err(Doubt::Pragma);
        }
        pragmas.sort_unstable();
        pragmas.dedup();
        Ok(Self { states, pragmas })
    }

    /// Writes what a declaration is: its lines, and what is in force there. Whether any of it stands in the main file.
    fn write(&self, tokens: &Tokens<'_>, units: &Units, unit: &Unit, buffer: &mut Vec<u8>) -> bool {
        let text = tokens.text;
        let first = tokens.tokens[unit.first].start as usize;
        let end = tokens.tokens[unit.end - 1].end as usize;
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
fn write_lines(text: &[u8], buffer: &mut Vec<u8>) {
    for line in text.split(|&byte| byte == b'\n') {
        if !line.trim_ascii().is_empty() {
            buffer.extend_from_slice(line);
            buffer.push(b'\n');
        }
    }
}
