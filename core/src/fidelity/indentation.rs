//! Indentation that gcc might call misleading.
//!
//! `-Wmisleading-indentation` is the one warning for which gcc opens the source itself, to see where tabs lead to.
//! Where the source isn't, it stays silent. So this module looks over a text for every place at which it might warn:
//! a statement that is indented more than the one before it, or that shares its line with a guarded one. It knows
//! no grammar and errs towards `true`, which costs a local compile.

use std::ffi::OsStr;

use memchr::memmem;

/// Whether these arguments of a compile switch the warning on.
#[must_use]
pub fn warns_of_indentation<S: AsRef<OsStr>>(arguments: &[S]) -> bool {
    let mut on = false;
    for argument in arguments {
        match argument.as_ref().as_encoded_bytes() {
            b"-w" => return false,
            b"-Wno-misleading-indentation" => return false,
            b"-Wall" | b"-Wmisleading-indentation" | b"-Werror=misleading-indentation" => on = true,
            _ => {}
        }
    }
    on
}

/// Whether gcc might find an indentation of `text`, made by `-E -fdirectives-only`, misleading. Looks at the parts
/// that come from no system header.
#[must_use]
pub fn may_mislead(text: &[u8]) -> bool {
    let mut scan = Scan::default();
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        rest = tail.get(1..).unwrap_or_default();
        if scan.in_directive {
            scan.in_directive = line.ends_with(b"\\");
        } else if !scan.in_comment && line.trim_ascii_start().starts_with(b"#") {
            scan.in_directive = line.ends_with(b"\\");
            if is_system_marker(line) {
                // On to the next marker: this part's indentation is nobody's concern.
                rest = memmem::find(tail, b"\n# ").map_or(&b""[..], |at| &tail[at + 1..]);
            }
        } else if scan.line(line) {
            return true;
        }
    }
    false
}

/// Whether a line marker says that a system header follows.
fn is_system_marker(line: &[u8]) -> bool {
    let Some(marker) = line.strip_prefix(b"# ") else { return false };
    let flags = memchr::memrchr(b'"', marker).map_or(&b""[..], |at| &marker[at + 1..]);
    flags.split(|&byte| byte == b' ').any(|flag| flag == b"3")
}

/// The statement that is being read, or was last.
#[derive(Clone, Copy, Default)]
struct Statement {
    /// The column of its first token; `None` before that.
    column: Option<usize>,
    /// Whether it starts with a word that guards another statement.
    guard: bool,
    /// Whether its end was seen, so that the next token starts the next statement (or goes on with `else`).
    ended: bool,
    /// How many parentheses are open.
    parentheses: usize,
    /// Whether it is part of a type's members or of an initializer, where no statement is guarded.
    in_aggregate: bool,
    /// Whether a brace here would open such a list: `struct s {`, `= {`.
    opens_aggregate: bool,
}

impl Statement {
    /// The statement behind this one, in the same block.
    fn next(self) -> Self {
        let in_aggregate = self.in_aggregate;
        Self { in_aggregate, opens_aggregate: in_aggregate, ..Self::default() }
    }
}

#[derive(Default)]
struct Scan {
    in_comment: bool,
    in_directive: bool,
    statement: Statement,
    /// The statements around the blocks that are open.
    outer: Vec<Statement>,
}

impl Scan {
    /// Reads a line; whether gcc might warn there.
    fn line(&mut self, line: &[u8]) -> bool {
        let mut column = 0;
        let mut at = 0;
        let mut first = true;
        while let Some(&byte) = line.get(at) {
            let here = column;
            let rest = &line[at..];
            let mut length = 1;
            if self.in_comment {
                if rest.starts_with(b"*/") {
                    self.in_comment = false;
                    length = 2;
                }
            } else if rest.starts_with(b"//") {
                break;
            } else if rest.starts_with(b"/*") {
                self.in_comment = true;
                length = 2;
            } else if !byte.is_ascii_whitespace() {
                length = token_length(rest);
                if self.token(&rest[..length], &rest[length..], here, first) {
                    return true;
                }
                first = false;
            }
            column = if byte == b'\t' { column / 8 * 8 + 8 } else { column + length };
            at += length;
        }
        false
    }

    fn token(&mut self, token: &[u8], rest: &[u8], column: usize, first: bool) -> bool {
        let statement = &mut self.statement;
        match token {
            b"{" => {
                let in_aggregate = statement.opens_aggregate;
                self.outer.push(*statement);
                *statement = Statement {
                    in_aggregate,
                    opens_aggregate: in_aggregate,
                    ..Statement::default()
                };
                return false;
            }
            b"}" => {
                *statement = self.outer.pop().unwrap_or_default();
                statement.ended = statement.parentheses == 0;
                // What follows a block on its line is seen with the block's own brace.
                statement.guard = false;
                return false;
            }
            _ => {}
        }
        if statement.ended && token != b";" {
            if matches!(token, b"else" | b"while" | b"catch") {
                statement.ended = false;
                statement.guard = true;
                return false;
            }
            let more_indented = statement.column.is_some_and(|before| column > before);
            let misleading = if first { more_indented } else { statement.guard };
            // Guarded statements stand in function bodies only.
            let misleading = misleading && !self.outer.is_empty() && !statement.in_aggregate;
            if misleading {
                return true;
            }
            *statement = statement.next();
        }
        if statement.column.is_none() {
            statement.column = Some(column);
            statement.guard = matches!(token, b"if" | b"else" | b"for" | b"while");
        }
        match token {
            b"(" | b"[" => statement.parentheses += 1,
            b")" | b"]" => statement.parentheses = statement.parentheses.saturating_sub(1),
            b";" if statement.parentheses == 0 => statement.ended = true,
            // A label: the statement is what follows.
            b":" if statement.parentheses == 0 && !statement.guard && is_label_end(rest) => {
                *statement = statement.next();
            }
            _ => {}
        }
        match token {
            b"struct" | b"union" | b"enum" | b"=" => statement.opens_aggregate = true,
            // A function's parameters, a condition, a statement within an expression.
            b"(" | b")" => statement.opens_aggregate = false,
            _ => {}
        }
        false
    }
}

/// Whether a colon with `rest` behind it may end a label rather than stand in `a ? b : c` or `A::b`.
fn is_label_end(rest: &[u8]) -> bool {
    !rest.starts_with(b":")
}

/// How long the token at the start of `rest` is: a word, a literal or one character.
fn token_length(rest: &[u8]) -> usize {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    match rest[0] {
        quote @ (b'"' | b'\'') => {
            let mut escaped = false;
            let end = rest.iter().skip(1).position(|&byte| {
                let closes = byte == quote && !escaped;
                escaped = byte == b'\\' && !escaped;
                closes
            });
            end.map_or(rest.len(), |end| end + 2)
        }
        b':' if rest.starts_with(b"::") => 2,
        byte if word(&byte) => rest.iter().take_while(|byte| word(byte)).count(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_indentation_that_gcc_warns_of_is_suspected() {
        for body in [
            "\tif (a)\n\t\tb();\n\t\tc();\n",
            "\tif (a) b(); c();\n",
            "\tif (a)\n\t\tb(); c();\n",
            "\tif (a) b();\n\t\tc();\n",
            "\twhile (a);\n\t\tb();\n",
            "\tfor (;;)\n\t\tif (a) {\n\t\t\tb();\n\t\t}\n\t\tc();\n",
            "\tif (a)\n\t\tb();\n\telse\n\t\tc();\n\t\td();\n",
            "\tif (a)\n\t\tif (b)\n\t\t\tc();\n\t\telse\n\t\t\td();\n\t\te();\n",
            "\tEACH(a)\n\t\tb();\n\t\tc();\n",
            "\tstruct s *s = ({\n\t\tif (a)\n\t\t\tb();\n\t\t\tc();\n\t});\n",
            "\tstruct s s = f();\n\tif (a)\n\t\tb();\n\t\tc();\n",
            "\tif (a) /* ; */\n        \tb();\n\t\tc();\n",
        ] {
            assert!(may_mislead(format!("int f(void)\n{{\n{body}}}\n").as_bytes()), "{body}");
        }
    }

    #[test]
    fn ordinary_code_is_not_suspected() {
        for body in [
            "\tif (a)\n\t\tb();\n\tc();\n",
            "\tif (a) {\n\t\tb();\n\t\tc();\n\t}\n\td();\n",
            "\tif (a)\n\t\tb();\n\telse if (c)\n\t\td();\n\telse\n\t\te();\n\tf();\n",
            "\tswitch (a) {\n\tcase 1:\n\t\tb();\n\t\tc();\n\tdefault: d();\n\t\te();\n\t}\n",
            "\tdo\n\t\tb();\n\twhile (a);\n\tc();\n",
            "\ta = b(1,\n\t      2)\n\t    + 3;\n\tfor (i = 0; i < 3; i++)\n\t\tb();\n\tc();\n",
            "\tint a[] = {\n\t\t1,\n\t\t2,\n\t};\n\tchar *s = \"if (a) b; c;\"; /* if (a)\n b; */\n\td();\n",
            "out:\n\tb();\n\tc();\n",
            "# 1 \"s.h\" 1 3\n\ta();\n\t\tb();\n# 5 \"a.c\" 2\n\tc();\n",
            "}\nint a;\n  int b;\n{\n",
            "\tstruct s {\n\t\tint a;\n\t\t  int b;\n\t\tunion {\n\t\t\tint c;\n\t\t\t int d;\n\t\t};\n\t} s;\n\te();\n",
            "\tstruct s s[] = {\n\t\t{ 1, 2 },\n\t\t  { 3, 4 },\n\t};\n\te();\n",
        ] {
            assert!(!may_mislead(format!("int f(void)\n{{\n{body}}}\n").as_bytes()), "{body}");
        }
    }

    #[test]
    fn a_system_header_ends_at_the_very_next_marker() {
        let text = b"# 1 \"s.h\" 1 3\n# 2 \"a.c\" 2\nint f(void)\n{\n\ta();\n\t\tb();\n}\n";
        assert!(may_mislead(text));
    }

    #[test]
    fn the_last_word_of_the_arguments_counts() {
        assert!(warns_of_indentation(&["-O2", "-Wall"]));
        assert!(!warns_of_indentation(&["-Wall", "-Wno-misleading-indentation"]));
        assert!(!warns_of_indentation(&["-Wextra"]));
    }
}
