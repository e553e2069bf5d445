//! What a function's body declares that is known outside of it: functions, and what is `extern`.

use super::Parser;
use super::functional::Functional;
use crate::declarations::lexer::{Kind, Token};
use crate::declarations::words::{Name, Word};

/// What a statement's declarators have said so far.
#[derive(Default)]
struct Said {
    external: bool,
    functions: Vec<Name>,
    /// What is declared if `extern` is said.
    others: Vec<Name>,
    /// A type that may be a function's is named, and a name that has it then.
    by_function: bool,
    alike: bool,
    /// There is a declarator in brackets, and whether a function's name may be in there.
    grouped: bool,
    hides_function: bool,
    /// What it declares isn't known outside, or not for certain.
    odd: bool,
}

impl Parser<'_> {
    /// Whether a statement may begin at `at` of a body, and be a declaration.
    pub(super) fn may_declare(&self, at: usize, body: usize) -> bool {
        let name = match self.tokens[at].kind {
            Kind::Keyword(Word::Statement | Word::Operator | Word::Asm | Word::StaticAssert) => {
                return false;
            }
            Kind::Keyword(Word::Extension) if self.kind(at + 1) == Some(Kind::Mark(b'(')) => {
                return false;
            }
            Kind::Keyword(_) => None,
            Kind::Name(name) => Some(name),
            _ => return false,
        };
        let begins = at == body
            || match self.tokens[at - 1].kind {
                Kind::Mark(b';' | b'{' | b'}') => true,
                Kind::Mark(b':') => name.is_none() || self.is_label(at - 1, body),
                // `for (`
                Kind::Mark(b'(') => self.kind(at - 2) == Some(Kind::Keyword(Word::Statement)),
                _ => false,
            };
        let Some(name) = name.filter(|_| begins) else { return begins };
        match self.kind(at + 1) {
            Some(Kind::Name(_) | Kind::Keyword(_) | Kind::Mark(b'*')) => true,
            // `T (f)(int);`, which may be a call as well.
            Some(Kind::Mark(b'(')) => {
                self.functional[name as usize].is_type()
                    || self.behind_brackets(at + 1).is_ok_and(|end| {
                        self.kind(end) == Some(Kind::Mark(b'('))
                            && self.may_group_function(at + 1, end)
                    })
            }
            _ => false,
        }
    }

    /// Whether the colon at `at` of a body ends a label, as far as that can be told from what is right before it.
    fn is_label(&self, at: usize, body: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).filter(|at| *at >= body);
        let kind = |back: usize| before(back).and_then(|at| self.kind(at));
        let begins = matches!(kind(2), None | Some(Kind::Mark(b';' | b'{' | b'}' | b':')));
        match kind(1) {
            Some(Kind::Keyword(Word::Statement)) => true,
            Some(Kind::Name(_) | Kind::Number | Kind::Text) => {
                begins || kind(2) == Some(Kind::Keyword(Word::Statement))
            }
            _ => false,
        }
    }

    /// Notes what the statement at `first` declares that is known outside: a declaration of its own. Whether all is understood, and
    /// the token behind it.
    pub(super) fn inner_declaration(&mut self, first: usize, to: usize) -> (bool, usize) {
        let mut said = Said::default();
        let Some(end) = self.inner_statement(first, to, &mut said) else {
            return (!said.external, first);
        };
        let Said { external, functions: mut names, others, grouped, odd, .. } = said;
        if said.hides_function || (said.by_function && said.alike) || (external && grouped) {
            return (false, end);
        }
        for &name in &names {
            self.functional[name as usize].add(Functional::Function);
        }
        if external {
            names.extend(others);
        }
        if names.is_empty() {
            return (!external, end);
        }
        // A tag that isn't known outside would belong to the function.
        let is_known = |at: usize| match (self.tokens[at].tag_word(), self.kind(at + 1)) {
            (None, _) => true,
            (Some(_), Some(Kind::Name(name))) => self.tags[name as usize].is_some(),
            _ => false,
        };
        if odd || !(first..end).all(is_known) || !self.is_plain(first, end) {
            return (false, end);
        }
        self.externs.push((first, end, names));
        (true, end)
    }

    /// The token behind a statement; `None` if it is no declaration.
    fn inner_statement(&self, first: usize, to: usize, said: &mut Said) -> Option<usize> {
        let (mut at, mut initializer, mut tagged) = (first, false, false);
        // Whether a type was named, where, and whether a tag comes next.
        let (mut typed, mut type_at, mut tag) = (false, first, false);
        while at < to {
            let brackets = |at: usize| self.behind_brackets(at).ok();
            at = match self.tokens[at].kind {
                Kind::Mark(b';') => return Some(at + 1),
                Kind::Mark(b'=') => {
                    initializer = true;
                    at + 1
                }
                Kind::Mark(b',') => {
                    initializer = false;
                    at + 1
                }
                Kind::Mark(b'(' | b'[' | b'{') if initializer => brackets(at)?,
                Kind::Mark(b')' | b']' | b'}') => return None,
                _ if initializer => at + 1,
                Kind::Mark(b'[') => brackets(at)?,
                Kind::Mark(b'(') => {
                    let end = brackets(at)?;
                    match self.kind(at - 1) {
                        Some(Kind::Name(name)) if at - 1 > type_at => said.functions.push(name),
                        // The parameters of what was in the brackets before.
                        Some(Kind::Mark(b')')) if said.grouped => {}
                        _ => {
                            said.grouped = true;
                            said.hides_function |= self.may_group_function(at, end);
                        }
                    }
                    end
                }
                // The definition of a function within the function.
                Kind::Mark(b'{') if !said.functions.is_empty() => {
                    said.hides_function = true;
                    return Some(at + 1);
                }
                // A struct's members.
                Kind::Mark(b'{') if tagged => {
                    (said.odd, tag) = (true, false);
                    brackets(at)?
                }
                Kind::Keyword(Word::Attribute | Word::Align) => brackets(at + 1)?,
                Kind::Keyword(Word::Typeof) => {
                    let end = brackets(at + 1)?;
                    said.by_function |= self.may_be_function(at + 1, end);
                    typed = true;
                    end
                }
                Kind::Keyword(Word::Asm) => {
                    said.odd = true;
                    brackets(at + 1)?
                }
                Kind::Keyword(Word::Atomic) if self.kind(at + 1) == Some(Kind::Mark(b'(')) => {
                    typed = true;
                    brackets(at + 1)?
                }
                Kind::Keyword(Word::Statement) => return None,
                Kind::Keyword(word) => {
                    said.external |= word == Word::Extern;
                    said.odd |= word == Word::Typedef;
                    tag = matches!(word, Word::Struct | Word::Union | Word::Enum);
                    tagged |= tag;
                    typed |= tag || matches!(word, Word::Type | Word::Complex);
                    at + 1
                }
                Kind::Name(name) if tag || !typed => {
                    said.by_function |= !tag && self.functional[name as usize].is_type();
                    (tag, typed, type_at) = (false, true, at);
                    at + 1
                }
                Kind::Name(name) => {
                    let next = self.kind(at + 1);
                    let alone = match next {
                        Some(Kind::Mark(mark)) => b";,".contains(&mark),
                        Some(Kind::Keyword(word)) => matches!(word, Word::Attribute | Word::Asm),
                        _ => false,
                    };
                    if alone || matches!(next, Some(Kind::Mark(b'[' | b'='))) {
                        said.others.push(name);
                        said.alike |= alone && self.kind(at - 1) != Some(Kind::Mark(b'*'));
                    }
                    at + 1
                }
                Kind::Mark(b'*') => at + 1,
                _ => return None,
            };
        }
        None
    }

    /// Of brackets that may have a declarator in them, whether it may be a function's: `(name)`, `(*name(int))`.
    fn may_group_function(&self, open: usize, end: usize) -> bool {
        let is_bracket = |token: &Token| token.kind == Kind::Mark(b'(');
        self.kind(open + 1) != Some(Kind::Mark(b'*'))
            || self.tokens[open + 1..end].iter().any(is_bracket)
    }
}
