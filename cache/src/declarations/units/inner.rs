//! What a function's body declares that is known outside of it: functions, and what is `extern`.

use super::Parser;
use crate::declarations::lexer::{Kind, Token};
use crate::declarations::words::{Name, Word};

/// What a statement's declarators have said so far.
#[derive(Default)]
struct Said {
    external: bool,
    functions: Vec<Name>,
    /// What is declared if `extern` is said.
    others: Vec<Name>,
    /// There is a declarator in brackets, and whether a function's name may be in there.
    grouped: bool,
    hides_function: bool,
    /// What it declares isn't known outside, or not for certain.
    odd: bool,
}

impl Parser<'_> {
    /// Whether a statement may begin at `at` of a body, and be a declaration.
    pub(super) fn may_declare(&self, at: usize, body: usize) -> bool {
        let keyword = match self.tokens[at].kind {
            Kind::Keyword(Word::Statement | Word::Operator | Word::Asm | Word::StaticAssert) => {
                return false;
            }
            Kind::Keyword(Word::Extension) if self.kind(at + 1) == Some(Kind::Mark(b'(')) => {
                return false;
            }
            Kind::Keyword(_) => true,
            Kind::Name(_) => false,
            _ => return false,
        };
        let begins = at == body
            || match self.tokens[at - 1].kind {
                Kind::Mark(b';' | b'{' | b'}') => true,
                // A label's, or an expression's.
                Kind::Mark(b':') => keyword,
                // `for (`
                Kind::Mark(b'(') => self.kind(at - 2) == Some(Kind::Keyword(Word::Statement)),
                _ => false,
            };
        begins
            && (keyword
                || match self.kind(at + 1) {
                    Some(Kind::Name(_) | Kind::Keyword(_) | Kind::Mark(b'*')) => true,
                    // `T (f)(int);`, which may be a call as well.
                    Some(Kind::Mark(b'(')) => self.behind_brackets(at + 1).is_ok_and(|end| {
                        self.kind(end) == Some(Kind::Mark(b'('))
                            && self.may_group_function(at + 1, end)
                    }),
                    _ => false,
                })
    }

    /// Notes what the statement at `first` declares that is known outside: a declaration of its own. Whether all is understood, and
    /// the token behind it.
    pub(super) fn inner_declaration(&mut self, first: usize, to: usize) -> (bool, usize) {
        let mut said = Said::default();
        let Some(end) = self.inner_statement(first, to, &mut said) else {
            return (!said.external, first);
        };
        let Said { external, functions: mut names, others, grouped, hides_function, odd } = said;
        if hides_function || (external && grouped) {
            return (false, end);
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
                        Some(Kind::Name(name)) if at - 1 > first => said.functions.push(name),
                        // The parameters of what was in the brackets before.
                        Some(Kind::Mark(b')')) if said.grouped => {}
                        _ => {
                            said.grouped = true;
                            said.hides_function |= self.may_group_function(at, end);
                        }
                    }
                    end
                }
                // A struct's members; of a function within the function, its body.
                Kind::Mark(b'{') if tagged && said.functions.is_empty() => {
                    said.odd = true;
                    brackets(at)?
                }
                Kind::Keyword(Word::Attribute | Word::Typeof | Word::Align) => brackets(at + 1)?,
                Kind::Keyword(Word::Asm) => {
                    said.odd = true;
                    brackets(at + 1)?
                }
                Kind::Keyword(Word::Atomic) if self.kind(at + 1) == Some(Kind::Mark(b'(')) => {
                    brackets(at + 1)?
                }
                Kind::Keyword(Word::Statement) => return None,
                Kind::Keyword(word) => {
                    said.external |= word == Word::Extern;
                    said.odd |= word == Word::Typedef;
                    tagged |= matches!(word, Word::Struct | Word::Union | Word::Enum);
                    at + 1
                }
                Kind::Name(name) => {
                    let ends = match self.kind(at + 1) {
                        Some(Kind::Mark(mark)) => b"[;,=".contains(&mark),
                        Some(Kind::Keyword(word)) => matches!(word, Word::Attribute | Word::Asm),
                        _ => false,
                    };
                    if ends {
                        said.others.push(name);
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
