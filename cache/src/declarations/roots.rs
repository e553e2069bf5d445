//! Which declarations make output by themselves, for what is known of the whole text.

use super::builtins::{Builtins, is_in_compiler};
use super::declarers::Declarers;
use super::lexer::{Kind, Token, Tokens};
use super::units::{Units, ordinary, slice};
use super::words::{Name, Word};

/// Whether a declaration is to be taken for one that makes output.
pub(super) fn is_root(
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
            && !is_in_compiler(spelling(name))
            && !is_local(&tokens.tokens[unit.first..unit.end], unit.head(), name)
    });
    by_compiler || broken || declares_by_call
}

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
