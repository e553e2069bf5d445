//! Tokens to external declarations: where each begins and ends, which names it declares and which it mentions, and
//! whether it makes output by itself.
//!
//! Knows the grammar of what stands at file scope, and nothing of types. In a function's body only brackets and words
//! count. What isn't understood for certain is an error.

mod attributes;
mod bodies;
mod functional;
mod grammar;
mod inner;
mod names;
mod pointers;

use std::collections::HashSet;
use std::mem::take;

use self::functional::Functional;
use super::doubt::Doubt;
use super::lexer::{Kind, Token, Tokens};
use super::words::{Name, Word};

/// A name in its name space: that of tags, or that of all else.
pub(super) type Symbol = u32;

pub(super) fn ordinary(name: Name) -> Symbol {
    name * 2
}

pub(super) fn tag(name: Name) -> Symbol {
    name * 2 + 1
}

/// An external declaration.
#[derive(Debug)]
pub(super) struct Unit {
    /// Tokens.
    pub(super) first: usize,
    pub(super) end: usize,
    /// It makes output by itself, or is taken to.
    pub(super) root: bool,
    /// A function that is `static` and has no body here.
    pub(super) promises: Option<Name>,
    /// It has no expression, but perhaps in a body: what it names as `struct T *` needs no definition for its sake.
    pub(super) plain_head: bool,
    /// An `extern` within the function before.
    pub(super) inner: bool,
    /// Within [`Units::declared`], [`Units::mentioned`] and so on.
    pub(super) declares: Range,
    /// What it mentions before a function's body, and right behind those what it mentions in it.
    pub(super) head_mentions: Range,
    pub(super) body_mentions: Range,
    /// Tags that it only points to.
    pub(super) points: Range,
    /// Members that it names.
    pub(super) accesses: Range,
    /// Tokens that name its own members and parameters.
    pub(super) own_names: Range,
    /// Tags that are mentioned before they are known at file scope.
    pub(super) early: Range,
    /// What its body calls, or may declare.
    pub(super) calls: Range,
    /// Where its body's tokens are.
    body: Option<(usize, usize)>,
}

pub(super) type Range = std::ops::Range<u32>;

/// All external declarations of a text.
#[derive(Default)]
pub(super) struct Units {
    pub(super) all: Vec<Unit>,
    pub(super) declared: Vec<Symbol>,
    pub(super) mentioned: Vec<Symbol>,
    pub(super) pointed: Vec<Pointed>,
    pub(super) carriers: Vec<Name>,
    pub(super) accessed: Vec<Name>,
    /// Each with whether it is a member, rather than a prototype's parameter.
    pub(super) own_names: Vec<(usize, bool)>,
    pub(super) enumerators: Vec<Name>,
    pub(super) early: Vec<Symbol>,
    pub(super) called: Vec<Name>,
    /// Tokens that say in which section a function goes.
    pub(super) sections: Vec<(usize, usize)>,
}

/// A tag that a plain declaration points to.
#[derive(Debug)]
pub(super) struct Pointed {
    pub(super) tag: Symbol,
    /// Within [`Units::carriers`]: who names none of these has no such pointer from there.
    pub(super) carriers: Range,
    /// They are members, which are named behind `.` and `->`.
    pub(super) in_members: bool,
}

pub(super) fn slice<'a, T>(all: &'a [T], range: &Range) -> &'a [T] {
    &all[range.start as usize..range.end as usize]
}

impl Units {
    pub(super) fn of(text: &Tokens<'_>) -> Result<Self, Doubt> {
        let words = text.words.len();
        let mut parser = Parser {
            text,
            tokens: &text.tokens,
            at: 0,
            units: Units::default(),
            tags: vec![None; words],
            seen: vec![0; words * 2],
            seen_member: vec![0; words],
            functional: vec![Functional::No; words],
            externs: Vec::new(),
            said: HashSet::new(),
            room: Room::default(),
        };
        while parser.at < parser.tokens.len() {
            parser.unit()?;
        }
        Ok(parser.units)
    }
}

struct Parser<'a> {
    text: &'a Tokens<'a>,
    tokens: &'a [Token],
    at: usize,
    units: Units,
    /// The keyword by which each tag is known at file scope.
    tags: Vec<Option<Word>>,
    /// The last unit that mentioned each symbol.
    seen: Vec<u32>,
    /// Likewise for members.
    seen_member: Vec<u32>,
    /// What each name has to do with functions.
    functional: Vec<Functional>,
    /// What the function in hand declares `extern`: tokens, and the names.
    externs: Vec<(usize, usize, Vec<Name>)>,
    /// All that functions have declared so.
    said: HashSet<&'a [u8]>,
    /// Room for the next unit's lists.
    room: Room,
}

/// Lists without anything in them.
#[derive(Default)]
struct Room {
    parameters: Vec<(usize, usize)>,
    names: Vec<Name>,
    open: Vec<(u8, bool)>,
}

/// What is known of the unit in hand.
#[derive(Default)]
struct Draft {
    root: bool,
    promises: Option<Name>,
    body: Option<(usize, usize)>,
    /// Lists of parameters, in order.
    parameters: Vec<(usize, usize)>,
    /// What declarators declare.
    names: Vec<Name>,
    has_declarators: bool,
    /// All that it declares are certainly functions.
    only_functions: bool,
    attributed: bool,
    typedef: bool,
    plain: bool,
    inner: bool,
}

impl Parser<'_> {
    fn unit(&mut self) -> Result<(), Doubt> {
        let first = self.at;
        let (parameters, names) = (take(&mut self.room.parameters), take(&mut self.room.names));
        let mut draft = Draft { parameters, names, ..Draft::default() };
        while self.here() == Some(Kind::Keyword(Word::Extension)) {
            self.at += 1;
        }
        match self.here() {
            Some(Kind::Mark(b';')) => {
                self.at += 1;
                draft.root = true;
            }
            Some(Kind::Keyword(Word::Asm)) => {
                self.at += 1;
                while self.here() == Some(Kind::Keyword(Word::Qualifier)) {
                    self.at += 1;
                }
                self.skip_parentheses()?;
                self.semicolon()?;
                draft.root = true;
            }
            Some(Kind::Keyword(Word::StaticAssert)) => {
                self.at += 1;
                self.skip_parentheses()?;
                self.semicolon()?;
                draft.root = true;
            }
            _ => self.declaration(&mut draft)?,
        }
        self.finish(first, draft)
    }

    /// Notes the names of the unit that ends here, and those of what its body declares.
    fn finish(&mut self, first: usize, draft: Draft) -> Result<(), Doubt> {
        let head_end = draft.body.map_or(self.at, |(from, _)| from);
        let plain = self.is_plain(first, head_end);
        self.note(first, self.at, Draft { plain, ..draft })?;
        for (first, end, names) in take(&mut self.externs) {
            let [from, .., to] = &self.tokens[first..end] else { continue };
            // Said once more, it adds nothing.
            if !self.said.insert(&self.text.text[from.start as usize..to.end as usize]) {
                continue;
            }
            let plain = self.is_plain(first, end);
            let draft =
                Draft { names, plain, inner: true, has_declarators: true, ..Draft::default() };
            self.note(first, end, draft)?;
        }
        Ok(())
    }

    fn note(&mut self, first: usize, end: usize, draft: Draft) -> Result<(), Doubt> {
        // Two for each, of which there are fewer than bytes: what is mentioned before a body is told apart.
        let number = self.units.all.len() as u32 * 2 + 1;
        let before = self.units.lengths();
        let Draft { promises, body, parameters, names, .. } = &draft;
        let mut root = draft.root;
        self.units.declared.extend(names.iter().map(|name| ordinary(*name)));
        // Names of declarators are mentioned too, since their own words are among the tokens.
        let head_end = body.map_or(end, |(from, _)| from - 1);
        self.head(first, head_end, parameters, &draft, number)?;
        let head = self.units.lengths()[1];
        if let Some((from, to)) = *body {
            root |= self.body(from, to, number + 1)?;
        }
        // Attributes within a body go with it.
        root |= self.has_odd_attributes(first, head_end, draft.only_functions);
        let after = self.units.lengths();
        let range = |index: usize| before[index]..after[index];
        self.units.all.push(Unit {
            first,
            end,
            root,
            promises: *promises,
            plain_head: draft.plain,
            inner: draft.inner,
            declares: range(0),
            head_mentions: before[1]..head,
            body_mentions: head..after[1],
            points: range(2),
            accesses: range(3),
            early: range(4),
            calls: range(5),
            own_names: range(6),
            body: *body,
        });
        let Draft { mut parameters, mut names, .. } = draft;
        parameters.clear();
        names.clear();
        (self.room.parameters, self.room.names) = (parameters, names);
        Ok(())
    }
}

impl Units {
    fn lengths(&self) -> [u32; 7] {
        let Self { declared, mentioned, pointed, accessed, early, called, own_names, .. } = self;
        [
            declared.len(),
            mentioned.len(),
            pointed.len(),
            accessed.len(),
            early.len(),
            called.len(),
            own_names.len(),
        ]
        .map(|length| length as u32)
    }
}

impl Unit {
    /// All that it mentions.
    pub(super) fn mentions(&self) -> Range {
        self.head_mentions.start..self.body_mentions.end
    }

    /// How many tokens stand before a function's body.
    pub(super) fn head(&self) -> usize {
        self.body.map_or(self.end, |(from, _)| from) - self.first
    }

    /// Whether it has no expression at all.
    pub(super) fn is_plain(&self) -> bool {
        self.plain_head && !self.has_body()
    }

    /// Whether it is a function's definition.
    pub(super) fn has_body(&self) -> bool {
        self.body.is_some()
    }
}
