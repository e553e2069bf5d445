//! Tokens to external declarations: where each begins and ends, which names it declares and which it mentions, and
//! whether it makes output by itself.
//!
//! Knows the grammar of what stands at file scope, and nothing of types. In a function's body only brackets and words
//! count. What isn't understood for certain is an error.

mod attributes;
mod grammar;
mod names;

use std::collections::HashSet;

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
    /// Within [`Units::declared`], [`Units::mentioned`], [`Units::early`] and [`Units::called`].
    pub(super) declares: Range,
    pub(super) mentions: Range,
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
    pub(super) early: Vec<Symbol>,
    pub(super) called: Vec<Name>,
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
            function_types: HashSet::new(),
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
    /// Typedef names of functions.
    function_types: HashSet<Name>,
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
    attributed: bool,
}

impl Parser<'_> {
    fn unit(&mut self) -> Result<(), Doubt> {
        let first = self.at;
        let mut draft = Draft::default();
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

    /// Notes the names of the unit that ends here.
    fn finish(&mut self, first: usize, draft: Draft) -> Result<(), Doubt> {
        let end = self.at;
        // Fewer than bytes.
        let number = self.units.all.len() as u32 + 1;
        let mark = |it: &Units| {
            [it.declared.len(), it.mentioned.len(), it.early.len(), it.called.len()]
                .map(|length| length as u32)
        };
        let before = mark(&self.units);
        let Draft { promises, body, parameters, names, .. } = &draft;
        let mut root = draft.root;
        self.units.declared.extend(names.iter().map(|name| ordinary(*name)));
        // Names that are declared are mentioned too, since their own words are among the tokens.
        let head_end = body.map_or(end, |(from, _)| from - 1);
        self.head(first, head_end, parameters, &draft, number)?;
        if let Some((from, to)) = *body {
            root |= self.body(from, to, number)?;
        }
        root |= self.has_odd_attributes(first, end);
        let after = mark(&self.units);
        let range = |index: usize| before[index]..after[index];
        self.units.all.push(Unit {
            first,
            end,
            root,
            promises: *promises,
            declares: range(0),
            mentions: range(1),
            early: range(2),
            calls: range(3),
            body: *body,
        });
        Ok(())
    }
}

impl Unit {
    /// Whether it is a function's definition.
    pub(super) fn has_body(&self) -> bool {
        self.body.is_some()
    }
}
