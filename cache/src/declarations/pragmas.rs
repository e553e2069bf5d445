//! The pragmas in force at a place, followed through the text.
//!
//! Knows those whose reach is known: `diagnostic` and `pack` with their stacks, and some that say nothing to a compiler
//! behind its preprocessor. Any other refuses the text.

use super::doubt::Doubt;
use super::lexer::words_of;

/// What is in force. Equal states hash equally.
#[derive(Default)]
pub(super) struct Pragmas {
    diagnostics: State,
    pack: State,
}

#[derive(Default)]
struct State {
    now: Vec<u8>,
    stack: Vec<Vec<u8>>,
}

/// Deeper stacks aren't followed.
const DEEPEST: usize = 1000;

impl State {
    fn push(&mut self) -> Result<(), Doubt> {
        if self.stack.len() >= DEEPEST {
            return Err(Doubt::Pragma);
        }
        self.stack.push(self.now.clone());
        Ok(())
    }

    fn pop(&mut self) -> Result<(), Doubt> {
        self.now = self.stack.pop().ok_or(Doubt::Pragma)?;
        Ok(())
    }
}

impl Pragmas {
    /// Follows a pragma's line, which stands in a declaration or between two; false if it changes nothing.
    pub(super) fn follow(&mut self, line: &[u8], within: bool) -> Result<bool, Doubt> {
        let words: Vec<&[u8]> = words_of(line).skip(1).collect();
        match words.as_slice() {
            [b"once"] | [b"GCC", b"system_header"] => Ok(false),
            [word, ..] if word.starts_with(b"push_macro") || word.starts_with(b"pop_macro") => {
                Ok(false)
            }
            [b"GCC" | b"clang", b"diagnostic", rest @ ..] => self.diagnostic(&words, rest),
            // They belong to the loop behind them, in whose function they are hashed.
            [b"GCC", b"ivdep"] if within => Ok(false),
            [b"GCC", b"unroll", number] if within && number.iter().all(u8::is_ascii_digit) => {
                Ok(false)
            }
            [word, ..] if word.starts_with(b"pack") => self.pack(&words.concat()),
            _ => Err(Doubt::Pragma),
        }
    }

    fn diagnostic(&mut self, words: &[&[u8]], rest: &[&[u8]]) -> Result<bool, Doubt> {
        let plain = |option: &[u8]| {
            option.len() > 3
                && option.starts_with(b"\"-W")
                && option.ends_with(b"\"")
                && option[1..option.len() - 1]
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-=+".contains(byte))
        };
        match rest {
            [b"push"] => self.diagnostics.push()?,
            // Of an empty stack: gcc goes back to the command line, clang warns and changes nothing.
            [b"pop"] if self.diagnostics.stack.is_empty() => {
                self.diagnostics.now.extend(b"pop\n");
            }
            [b"pop"] => self.diagnostics.pop()?,
            [b"ignored" | b"warning" | b"error", option] if plain(option) => {
                if self.diagnostics.now.len() > 1 << 16 {
                    return Err(Doubt::Pragma);
                }
                self.diagnostics.now.extend(words.concat());
                self.diagnostics.now.push(b'\n');
            }
            _ => return Err(Doubt::Pragma),
        }
        Ok(true)
    }

    /// `pack()`, `pack(4)`, `pack(push)`, `pack(push,4)`, `pack(pop)`.
    fn pack(&mut self, text: &[u8]) -> Result<bool, Doubt> {
        let inner = text.strip_prefix(b"pack(").and_then(|it| it.strip_suffix(b")"));
        let inner = inner.ok_or(Doubt::Pragma)?;
        let number = |text: &[u8]| text.len() < 3 && text.iter().all(u8::is_ascii_digit);
        match inner.strip_prefix(b"push") {
            Some([]) => self.pack.push()?,
            Some([b',', size @ ..]) if number(size) && !size.is_empty() => {
                self.pack.push()?;
                self.pack.now = size.to_vec();
            }
            Some(_) => return Err(Doubt::Pragma),
            None if inner == b"pop" => self.pack.pop()?,
            None if number(inner) => self.pack.now = inner.to_vec(),
            None => return Err(Doubt::Pragma),
        }
        Ok(true)
    }

    /// Whether the text may end here: compilers warn of what was pushed and stayed.
    pub(super) fn may_end(&self) -> bool {
        self.pack.stack.is_empty() && self.pack.now.is_empty()
    }

    /// What is in force, in bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self { diagnostics, pack } = self;
        if diagnostics.now.is_empty() && pack.now.is_empty() {
            return Vec::new();
        }
        [&pack.now[..], b"|", &diagnostics.now[..]].concat()
    }
}
