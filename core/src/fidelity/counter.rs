//! `__COUNTER__` in directives that clang's `-frewrite-includes` has obeyed already.
//!
//! Such a directive stays in the text between `#if 0` and `#endif`, for people to read. If obeying it counted, the
//! compiler that is given the text counts less. Works on words: macros are followed by their names, whatever their
//! definitions at that place.

use std::collections::HashSet;

use memchr::memmem;

const COUNTER: &[u8] = b"__COUNTER__";

/// Whether a directive that was obeyed names `__COUNTER__`, or a macro that may lead to it.
pub(super) fn counts_in_directives(text: &[u8]) -> bool {
    if memmem::find(text, COUNTER).is_none() {
        return false;
    }
    let counting = counting_macros(text);
    obeyed(text).any(|directive| words(directive).any(|word| counting.contains(word)))
}

/// The directives that were obeyed while the text was made.
fn obeyed(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    const MARKS: [(&[u8], &[u8]); 2] = [
        (
            b"#if 0 /* disabled by -frewrite-includes */",
            b"#endif /* disabled by -frewrite-includes */",
        ),
        (
            b"#if 0 /* expanded by -frewrite-includes */",
            b"#endif /* expanded by -frewrite-includes */",
        ),
    ];
    MARKS.into_iter().flat_map(move |(start, end)| {
        memmem::find_iter(text, start).map(move |at| {
            let rest = &text[at + start.len()..];
            &rest[..memmem::find(rest, end).unwrap_or(rest.len())]
        })
    })
}

/// `__COUNTER__` and the macros in whose definitions it may be reached.
fn counting_macros(text: &[u8]) -> HashSet<&[u8]> {
    let definitions: Vec<_> = definitions(text).collect();
    let mut counting = HashSet::from([COUNTER]);
    loop {
        let known = counting.len();
        for &(name, body) in &definitions {
            if !counting.contains(name) && words(body).any(|word| counting.contains(word)) {
                counting.insert(name);
            }
        }
        if counting.len() == known {
            return counting;
        }
    }
}

/// Each macro's name and what follows it, with continuation lines.
fn definitions(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    memmem::find_iter(text, b"define").filter_map(|at| {
        if !text[..at].trim_ascii_end().ends_with(b"#") {
            return None;
        }
        let definition = text[at + b"define".len()..].trim_ascii_start();
        let continued = |&end: &usize| definition[..end].trim_ascii_end().ends_with(b"\\");
        let end = memchr::memchr_iter(b'\n', definition).find(|end| !continued(end));
        let definition = &definition[..end.unwrap_or(definition.len())];
        let length = definition.iter().take_while(|&&byte| is_word(byte)).count();
        Some(definition.split_at(length))
    })
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| !is_word(byte)).filter(|word| !word.is_empty())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obeyed_if(condition: &str) -> String {
        format!(
            "#if 0 /* disabled by -frewrite-includes */\n#if {condition}\n#endif\n#endif /* disabled by -frewrite-includes */\n"
        )
    }

    #[test]
    fn a_condition_that_counts_is_found_through_macros() {
        for (before, condition, counts) in [
            ("int a = __COUNTER__;\n", "A", false),
            ("", "__COUNTER__ == 1", true),
            ("#define A __COUNTER__\n", "A", true),
            ("#define A __COUNTER__\n", "B", false),
            (" # define A(x) \\\n\t(x + __COUNTER__)\n#define B A(1)\n", "B > 2", true),
            ("// define A __COUNTER__\n", "A", false),
        ] {
            let text = format!("{before}{}int b;\n", obeyed_if(condition));
            assert_eq!(counts_in_directives(text.as_bytes()), counts, "{text}");
        }
    }
}
