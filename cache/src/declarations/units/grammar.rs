//! What a declaration begins with, its declarators and initializers: where one ends, and what it is.

use super::functional::Functional;
use super::{Draft, Parser};
use crate::declarations::doubt::Doubt;
use crate::declarations::lexer::Kind;
use crate::declarations::words::{Name, Word};

/// Deeper declarators than anybody writes.
const DEEPEST: usize = 64;

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
    /// By `typeof` of what may be a function.
    perhaps_function: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Pointer,
    Function,
}

impl Parser<'_> {
    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    pub(super) fn here(&self) -> Option<Kind> {
        self.kind(self.at)
    }

    pub(super) fn is(&self, mark: u8) -> bool {
        self.here() == Some(Kind::Mark(mark))
    }

    /// The token behind the bracket that closes the one at `at`; the next one, if there is none.
    pub(super) fn behind_brackets(&self, at: usize) -> Result<usize, Doubt> {
        match self.text.behind.get(at) {
            None => Err(Doubt::Unfinished),
            Some(0) => Ok(at + 1),
            Some(&behind) => Ok(behind as usize),
        }
    }

    pub(super) fn skip_parentheses(&mut self) -> Result<(), Doubt> {
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

    pub(super) fn semicolon(&mut self) -> Result<(), Doubt> {
        if !self.is(b';') {
            return Err(if self.here().is_none() { Doubt::Unfinished } else { Doubt::Declarator });
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn declaration(&mut self, draft: &mut Draft) -> Result<(), Doubt> {
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
            let by_type = match (shape, said.by_name) {
                (Shape::Function, _) => Functional::Type,
                (Shape::Plain, Some(type_name)) => self.functional[type_name as usize],
                (Shape::Plain, None) if said.perhaps_function => Functional::PerhapsType,
                _ => Functional::No,
            };
            let is_function = by_type == Functional::Type;
            let declared = if said.typedef { by_type } else { by_type.min(Functional::Function) };
            self.functional[name as usize].add(declared);
            draft.only_functions = is_function && !said.typedef && (first || draft.only_functions);
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
                        Word::Typedef => (said.typedef, draft.typedef) = (true, true),
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
                            let open = self.at;
                            self.skip_parentheses()?;
                            said.perhaps_function |= self.may_be_function(open, self.at);
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
                        Some(Kind::Mark(b'(')) => match self.kind(self.at + 2) {
                            Some(Kind::Mark(b'*')) => true,
                            // `T (name)(...)`: nothing returns a function.
                            Some(Kind::Name(_)) => {
                                self.kind(self.at + 3) == Some(Kind::Mark(b')'))
                                    && self.kind(self.at + 4) == Some(Kind::Mark(b'('))
                            }
                            _ => false,
                        },
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
}
