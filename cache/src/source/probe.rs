//! Headers that a condition may ask about by way of a macro: `#define HAS(x) __has_include(x)`, then `#if HAS(<a.h>)`.
//!
//! Whatever looks like a header's name in the parentheses of a condition is taken for one: too many do no harm. What
//! can't be seen so is a name that is itself a macro, handed to such a macro.

use super::Include;

/// The names of headers in the conditions of a file.
pub(super) fn asked(bytes: &[u8]) -> Vec<Include> {
    let mut found = Vec::new();
    let mut lines = bytes.split(|&byte| byte == b'\n');
    while let Some(line) = lines.next() {
        let Some(mut condition) = condition(line) else { continue };
        loop {
            find_names(condition, &mut found);
            if !condition.trim_ascii_end().ends_with(b"\\") {
                break;
            }
            let Some(next) = lines.next() else { break };
            condition = next;
        }
    }
    found
}

/// What follows `#if` or `#elif`.
fn condition(line: &[u8]) -> Option<&[u8]> {
    let rest = line.trim_ascii_start().strip_prefix(b"#")?.trim_ascii_start();
    rest.strip_prefix(b"if").or_else(|| rest.strip_prefix(b"elif"))
}

fn find_names(text: &[u8], found: &mut Vec<Include>) {
    for at in memchr::memchr_iter(b'(', text) {
        let operand = text[at + 1..].trim_ascii_start();
        let (end, quoted) = match operand.first() {
            Some(b'<') => (b'>', false),
            Some(b'"') => (b'"', true),
            _ => continue,
        };
        let Some(length) = memchr::memchr(end, &operand[1..]) else { continue };
        if length > 0 {
            found.push(Include { name: operand[1..=length].into(), quoted, next: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_conditions_are_found() {
        let text = b"#if HAS(<a.h>) || HAS( \"b.h\" ) \\\n  || HAS(<c.h>)\n# elif (X < 3)\nint a = f(\"d.h\");\n";
        let names: Vec<_> = asked(text)
            .into_iter()
            .map(|it| (String::from_utf8_lossy(&it.name).into_owned(), it.quoted))
            .collect();
        let expected = [("a.h", false), ("b.h", true), ("c.h", false)];
        assert_eq!(names, expected.map(|(name, quoted)| (name.to_owned(), quoted)));
    }
}
