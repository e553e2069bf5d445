//! Tokens to external declarations: where each begins and ends, which names it declares and which it mentions, and
//! whether it makes output by itself.
//!
//! Knows the grammar of what stands at file scope, and nothing of types. In a function's body only brackets and words
//! count. What isn't understood for certain is an error.

use std::collections::HashSet;

use super::attributes;
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

/// Deeper declarators than anybody writes.
const DEEPEST: usize = 64;

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

/// What a declaration's specifiers say.
#[derive(Default)]
struct Specifiers {
    typedef: bool,
    external: bool,
    is_static: bool,
    inline: bool,
    odd: bool,
    /// A type has been named.
    typed: bool,
    /// A struct, union or enum was named or defined.
    tagged: bool,
    /// By this typedef name.
    by_name: Option<Name>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Pointer,
    Function,
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
    fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn here(&self) -> Option<Kind> {
        self.kind(self.at)
    }

    fn is(&self, mark: u8) -> bool {
        self.here() == Some(Kind::Mark(mark))
    }

    /// The token behind the bracket that closes the one at `at`.
    fn behind_brackets(&self, at: usize) -> Result<usize, Doubt> {
        let mut open = Vec::new();
        for (index, token) in self.tokens.iter().enumerate().skip(at) {
            match token.kind {
                Kind::Mark(b'(') => open.push(b')'),
                Kind::Mark(b'[') => open.push(b']'),
                Kind::Mark(b'{') => open.push(b'}'),
                Kind::Mark(mark @ (b')' | b']' | b'}')) if open.pop() != Some(mark) => {
                    return Err(Doubt::Brackets);
                }
                _ => {}
            }
            if open.is_empty() {
                return Ok(index + 1);
            }
            if open.len() > 10_000 {
                return Err(Doubt::Depth);
            }
        }
        Err(Doubt::Unfinished)
    }

    fn skip_parentheses(&mut self) -> Result<(), Doubt> {
        if !self.is(b'(') {
            return Err(Doubt::Specifiers);
        }
        self.at = self.behind_brackets(self.at)?;
        Ok(())
    }

    /// `__attribute__((...))`, if there is one here.
    fn attribute(&mut self, draft: &mut Draft) -> Result<bool, Doubt> {
        if self.here() != Some(Kind::Keyword(Word::Attribute)) {
            return Ok(false);
        }
        draft.attributed = true;
        self.at += 1;
        self.skip_parentheses()?;
        Ok(true)
    }

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

    fn semicolon(&mut self) -> Result<(), Doubt> {
        if !self.is(b';') {
            return Err(if self.here().is_none() { Doubt::Unfinished } else { Doubt::Declarator });
        }
        self.at += 1;
        Ok(())
    }

    fn declaration(&mut self, draft: &mut Draft) -> Result<(), Doubt> {
        let said = self.specifiers(draft)?;
        if said.odd {
            draft.root = true;
        }
        if self.is(b';') {
            self.at += 1;
            return if said.tagged && !said.typedef { Ok(()) } else { Err(Doubt::Specifiers) };
        }
        if !said.typed {
            return Err(Doubt::ImplicitInt);
        }
        draft.has_declarators = true;
        let mut first = true;
        loop {
            let (name, shape) = self.declarator(draft, 0)?;
            draft.names.push(name);
            let by_function_type =
                said.by_name.is_some_and(|name| self.function_types.contains(&name));
            let is_function =
                shape == Shape::Function || (shape == Shape::Plain && by_function_type);
            if said.typedef && is_function {
                self.function_types.insert(name);
            }
            let mut initialised = false;
            loop {
                match self.here() {
                    Some(Kind::Keyword(Word::Asm)) => {
                        self.at += 1;
                        self.skip_parentheses()?;
                    }
                    Some(Kind::Keyword(Word::Attribute)) => drop(self.attribute(draft)?),
                    _ => break,
                }
            }
            if self.is(b'=') {
                initialised = true;
                self.initializer()?;
            }
            let body = self.is(b'{');
            if body && !(first && shape == Shape::Function && !said.typedef) {
                return Err(Doubt::Declarator);
            }
            draft.root |= match (said.typedef, is_function) {
                (true, _) => initialised,
                (false, true) if body => !(said.is_static && said.inline && !said.external),
                (false, true) => {
                    if said.is_static {
                        // Two promises in one declaration are rare enough.
                        draft.root |= draft.promises.is_some();
                        draft.promises = Some(name);
                    }
                    (said.inline && !said.is_static) || initialised
                }
                (false, false) => !said.external || initialised || said.is_static,
            };
            if body {
                let end = self.behind_brackets(self.at)?;
                draft.body = Some((self.at + 1, end - 1));
                self.at = end;
                return Ok(());
            }
            first = false;
            match self.here() {
                Some(Kind::Mark(b',')) => self.at += 1,
                Some(Kind::Mark(b';')) => {
                    self.at += 1;
                    return Ok(());
                }
                None => return Err(Doubt::Unfinished),
                Some(Kind::Name(_) | Kind::Keyword(_)) if shape == Shape::Function => {
                    return Err(Doubt::OldStyle);
                }
                _ => return Err(Doubt::Declarator),
            }
        }
    }

    fn specifiers(&mut self, draft: &mut Draft) -> Result<Specifiers, Doubt> {
        let mut said = Specifiers::default();
        loop {
            let kind = self.here().ok_or(Doubt::Unfinished)?;
            match kind {
                Kind::Keyword(word) => {
                    self.at += 1;
                    match word {
                        Word::Typedef => said.typedef = true,
                        Word::Extern => said.external = true,
                        Word::Static => said.is_static = true,
                        Word::Inline => said.inline = true,
                        Word::Register | Word::Auto => said.odd = true,
                        Word::Thread | Word::NoReturn | Word::Qualifier | Word::Extension => {}
                        Word::Complex => {}
                        Word::Type => said.typed = true,
                        Word::Atomic => {
                            if self.is(b'(') {
                                said.typed = true;
                                self.skip_parentheses()?;
                            }
                        }
                        Word::Typeof => {
                            said.typed = true;
                            self.skip_parentheses()?;
                        }
                        Word::Align => self.skip_parentheses()?,
                        Word::Attribute => {
                            self.at -= 1;
                            self.attribute(draft)?;
                        }
                        Word::Struct | Word::Union | Word::Enum => {
                            if said.typed {
                                return Err(Doubt::Specifiers);
                            }
                            (said.typed, said.tagged) = (true, true);
                            self.tagged_type(draft)?;
                        }
                        _ => return Err(Doubt::Specifiers),
                    }
                }
                Kind::Name(name) if !said.typed => {
                    let next = self.kind(self.at + 1);
                    // A type's name, unless this is a declaration without a type.
                    let plain = match next {
                        Some(Kind::Name(_) | Kind::Keyword(_) | Kind::Mark(b'*')) => true,
                        Some(Kind::Mark(b'(')) => self.kind(self.at + 2) == Some(Kind::Mark(b'*')),
                        _ => false,
                    };
                    if !plain {
                        return Err(Doubt::ImplicitInt);
                    }
                    said.typed = true;
                    said.by_name = Some(name);
                    self.at += 1;
                }
                Kind::Name(_) | Kind::Mark(b'*' | b'(' | b';') => return Ok(said),
                _ => return Err(Doubt::Specifiers),
            }
        }
    }

    /// What follows `struct`, `union` or `enum`.
    fn tagged_type(&mut self, draft: &mut Draft) -> Result<(), Doubt> {
        while self.attribute(draft)? {}
        let named = matches!(self.here(), Some(Kind::Name(_)));
        if named {
            self.at += 1;
        }
        while self.attribute(draft)? {}
        if self.is(b'{') {
            self.at = self.behind_brackets(self.at)?;
        } else if !named {
            return Err(Doubt::Specifiers);
        }
        Ok(())
    }

    fn declarator(&mut self, draft: &mut Draft, depth: usize) -> Result<(Name, Shape), Doubt> {
        if depth > DEEPEST {
            return Err(Doubt::Depth);
        }
        let mut pointer = false;
        loop {
            match self.here() {
                Some(Kind::Mark(b'*')) => {
                    pointer = true;
                    self.at += 1;
                }
                Some(Kind::Keyword(Word::Qualifier | Word::Atomic | Word::Extension)) => {
                    self.at += 1;
                }
                Some(Kind::Keyword(Word::Attribute)) => drop(self.attribute(draft)?),
                _ => break,
            }
        }
        let (name, mut shape) = match self.here() {
            Some(Kind::Name(name)) => {
                self.at += 1;
                (name, Shape::Plain)
            }
            Some(Kind::Mark(b'(')) => {
                self.at += 1;
                let inner = self.declarator(draft, depth + 1)?;
                if !self.is(b')') {
                    return Err(Doubt::Declarator);
                }
                self.at += 1;
                inner
            }
            None => return Err(Doubt::Unfinished),
            _ => return Err(Doubt::Declarator),
        };
        loop {
            match self.here() {
                Some(Kind::Mark(b'[')) => {
                    self.at = self.behind_brackets(self.at)?;
                    if shape == Shape::Plain {
                        shape = Shape::Pointer;
                    }
                }
                Some(Kind::Mark(b'(')) => {
                    let end = self.behind_brackets(self.at)?;
                    draft.parameters.push((self.at, end));
                    self.at = end;
                    if shape == Shape::Plain {
                        shape = Shape::Function;
                    }
                }
                _ => break,
            }
        }
        if pointer && shape == Shape::Plain {
            shape = Shape::Pointer;
        }
        Ok((name, shape))
    }

    /// Up to the comma or semicolon behind an initializer.
    fn initializer(&mut self) -> Result<(), Doubt> {
        loop {
            match self.here() {
                None => return Err(Doubt::Unfinished),
                Some(Kind::Mark(b',' | b';')) => return Ok(()),
                Some(Kind::Mark(b'(' | b'[' | b'{')) => self.at = self.behind_brackets(self.at)?,
                Some(Kind::Mark(b')' | b']' | b'}')) => return Err(Doubt::Brackets),
                Some(_) => self.at += 1,
            }
        }
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

    fn mention(&mut self, symbol: Symbol, unit: u32) {
        let seen = &mut self.seen[symbol as usize];
        if *seen != unit {
            *seen = unit;
            self.units.mentioned.push(symbol);
        }
    }

    /// Names in a function's body, or in what stands before it.
    fn name(&mut self, at: usize, name: Name, unit: u32) {
        let member = at > 0 && matches!(self.tokens[at - 1].kind, Kind::Arrow | Kind::Mark(b'.'));
        if !member {
            self.mention(ordinary(name), unit);
        }
    }

    /// All of a unit but a function's body.
    fn head(
        &mut self,
        first: usize,
        end: usize,
        parameters: &[(usize, usize)],
        draft: &Draft,
        unit: u32,
    ) -> Result<(), Doubt> {
        let mut parameters = parameters.iter().copied().peekable();
        let mut at = first;
        // Brackets that are open, and whether they are an enumeration's.
        let mut open: Vec<(u8, bool)> = Vec::new();
        // Of them, those that are no braces.
        let mut inner = 0_usize;
        let mut parameters_end = first;
        let mut enumerates = false;
        while at < end {
            if let Some(&(from, to)) = parameters.peek()
                && from == at
            {
                parameters_end = parameters_end.max(to);
                parameters.next();
            }
            match self.tokens[at].kind {
                Kind::Mark(mark @ (b'(' | b'[')) => {
                    open.push((mark, false));
                    inner += 1;
                }
                Kind::Mark(b'{') => {
                    if at < parameters_end {
                        // A struct or a statement expression in a parameter's type.
                        return Err(Doubt::TagScope);
                    }
                    open.push((b'{', enumerates));
                    enumerates = false;
                }
                Kind::Mark(b')' | b']' | b'}') => {
                    let braces = matches!(open.pop(), Some((b'{', _)));
                    inner = inner.saturating_sub(usize::from(!braces));
                }
                Kind::Keyword(word @ (Word::Struct | Word::Union | Word::Enum)) => {
                    let scope = match (at < parameters_end, inner > 0) {
                        (true, _) => TagIn::Parameters,
                        (false, true) => TagIn::Brackets,
                        (false, false) => TagIn::File,
                    };
                    let (next, defines) = self.tag_here(at, word, scope, draft, unit)?;
                    enumerates = defines && word == Word::Enum;
                    at = next;
                    continue;
                }
                Kind::Name(name) => {
                    let begins = matches!(
                        self.tokens[at - usize::from(at > 0)].kind,
                        Kind::Mark(b'{' | b',')
                    );
                    if open.last() == Some(&(b'{', true)) && begins {
                        self.units.declared.push(ordinary(name));
                    }
                    self.name(at, name, unit);
                }
                Kind::Text => self.text_mention(first, at, unit)?,
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    /// A tag behind its keyword at `at`; the token from which to go on, and whether a definition begins there.
    fn tag_here(
        &mut self,
        at: usize,
        word: Word,
        scope: TagIn,
        draft: &Draft,
        unit: u32,
    ) -> Result<(usize, bool), Doubt> {
        let mut next = at + 1;
        let name = self.tag_name(&mut next, unit)?;
        let defines = self.kind(next) == Some(Kind::Mark(b'{'));
        // A type behind a colon hides an enumeration's body.
        let typed = word == Word::Enum && self.kind(next) == Some(Kind::Mark(b':'));
        if typed || (defines && scope != TagIn::File) {
            return Err(Doubt::TagScope);
        }
        let Some(name) = name else { return Ok((next, defines)) };
        self.mention(tag(name), unit);
        let known = &mut self.tags[name as usize];
        match (*known, scope) {
            (Some(known), _) if known != word => return Err(Doubt::TagKind),
            (Some(_), _) => {}
            (None, TagIn::Parameters) => self.units.early.push(tag(name)),
            (None, TagIn::Brackets) => return Err(Doubt::TagScope),
            (None, TagIn::File) => *known = Some(word),
        }
        let alone = !draft.has_declarators && scope == TagIn::File;
        if defines || (alone && draft.attributed) {
            self.units.declared.push(tag(name));
        }
        Ok((next, defines))
    }

    /// The name behind `struct` and its attributes.
    fn tag_name(&mut self, next: &mut usize, unit: u32) -> Result<Option<Name>, Doubt> {
        let mut name = None;
        loop {
            match self.kind(*next) {
                Some(Kind::Keyword(Word::Attribute)) => {
                    let end = self.behind_brackets(*next + 1)?;
                    for at in *next..end {
                        match self.tokens[at].kind {
                            Kind::Name(name) => self.mention(ordinary(name), unit),
                            // A type within an attribute.
                            Kind::Keyword(Word::Struct | Word::Union | Word::Enum) => {
                                return Err(Doubt::TagScope);
                            }
                            _ => {}
                        }
                    }
                    *next = end;
                }
                Some(Kind::Name(it)) if name.is_none() => {
                    name = Some(it);
                    *next += 1;
                }
                _ => return Ok(name),
            }
        }
    }

    /// A symbol that a literal outside of bodies may name (`alias("f")`, `asm("f")`).
    fn text_mention(&mut self, first: usize, at: usize, unit: u32) -> Result<(), Doubt> {
        const NEAR: usize = 12;
        let literal = |at: usize| {
            let Token { start, end, .. } = self.tokens[at];
            &self.text.text[start as usize + 1..end as usize - 1]
        };
        let before = &self.tokens[first.max(at.saturating_sub(NEAR))..at];
        let says = |token: &Token| matches!(token.kind, Kind::Keyword(Word::Attribute | Word::Asm));
        if !before.iter().any(says) {
            return Ok(());
        }
        let text = literal(at);
        let pieces = matches!(before.last(), Some(Token { kind: Kind::Text, .. }))
            && !literal(at - 1).is_empty();
        let names_target = |token: &Token| match token.kind {
            Kind::Name(name) => attributes::names_target(self.text.words.spelling(name)),
            _ => false,
        };
        if (pieces || text.contains(&b'\\')) && before.iter().any(names_target) {
            return Err(Doubt::Literal);
        }
        // Any name that isn't one of this text's words is declared by nothing in it.
        if let Some(name) = self.text.words.find(text) {
            self.mention(ordinary(name), unit);
        }
        Ok(())
    }

    /// A function's body; whether it is to be a root.
    fn body(&mut self, from: usize, to: usize, unit: u32) -> Result<bool, Doubt> {
        let mut root = false;
        let mut at = from;
        while at < to {
            match self.tokens[at].kind {
                // A static object is numbered; what is declared `extern` here is known everywhere.
                Kind::Keyword(Word::Static | Word::Extern | Word::Register | Word::Auto) => {
                    root = true;
                }
                Kind::Keyword(word @ (Word::Struct | Word::Union | Word::Enum)) => {
                    let mut next = at + 1;
                    let name = self.tag_name(&mut next, unit)?;
                    if let Some(name) = name {
                        self.mention(tag(name), unit);
                        match self.tags[name as usize] {
                            Some(known) if known != word => return Err(Doubt::TagKind),
                            Some(_) => {}
                            None => self.units.early.push(tag(name)),
                        }
                    }
                    at = next;
                    continue;
                }
                Kind::Keyword(Word::Typeof) => {
                    // `typeof(f) g;` declares a function if `f` is one.
                    let end = self.behind_brackets(at + 1)?;
                    let declares = matches!(self.kind(end), Some(Kind::Name(_)))
                        && matches!(self.kind(end + 1), Some(Kind::Mark(b';' | b',')));
                    root |= declares;
                }
                Kind::Name(name) => {
                    let member = matches!(self.tokens[at - 1].kind, Kind::Arrow | Kind::Mark(b'.'));
                    if !member {
                        self.mention(ordinary(name), unit);
                        let next = self.kind(at + 1);
                        let called = next == Some(Kind::Mark(b'('))
                            || (next == Some(Kind::Mark(b')'))
                                && self.kind(at + 2) == Some(Kind::Mark(b'(')));
                        if called {
                            self.units.called.push(name);
                        }
                        if matches!(next, Some(Kind::Name(_)))
                            && self.function_types.contains(&name)
                        {
                            root = true;
                        }
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Ok(root)
    }

    /// Whether an attribute isn't known to be harmless.
    fn has_odd_attributes(&self, first: usize, end: usize) -> bool {
        let mut at = first;
        while at < end {
            if self.tokens[at].kind == Kind::Keyword(Word::Attribute) {
                let Ok(behind) = self.behind_brackets(at + 1) else { return true };
                if !self.attributes_are_harmless(at + 1, behind) {
                    return true;
                }
                at = behind;
            } else {
                at += 1;
            }
        }
        false
    }

    /// Of `((a, b(1, x)))`.
    fn attributes_are_harmless(&self, open: usize, behind: usize) -> bool {
        let mut depth = 0_usize;
        for at in open..behind {
            match self.tokens[at].kind {
                Kind::Mark(b'(') => depth += 1,
                Kind::Mark(b')') => depth = depth.saturating_sub(1),
                Kind::Name(name) if depth == 2 => {
                    if !attributes::is_harmless(self.text.words.spelling(name)) {
                        return false;
                    }
                }
                // `const` is a keyword, and an attribute.
                Kind::Keyword(Word::Qualifier) | Kind::Mark(b',') => {}
                _ if depth >= 3 => {}
                _ => return false,
            }
        }
        true
    }
}

/// Where a tag is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TagIn {
    /// At file scope, in no brackets but those of a struct.
    File,
    /// In a declarator's parameters: not known behind them.
    Parameters,
    /// In other brackets: a type's, a size's, a cast's, or a member's parameters.
    Brackets,
}

impl Unit {
    /// Whether it is a function's definition.
    pub(super) fn has_body(&self) -> bool {
        self.body.is_some()
    }
}
