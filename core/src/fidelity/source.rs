//! What only the source files can tell: pragmas that gcc's `-E -fdirectives-only` drops without a trace.
//!
//! Reads no file itself; [`sources`] names those that a text was made of, and the answer of [`source_hazard`] may be
//! remembered for as long as a file stays the same.

use std::collections::HashSet;

use memchr::memmem;

use super::hazard::Hazard;

/// Pragmas that gcc keeps back when it only preprocesses. Their lines are missing from the text, too, so that lines
/// behind them have wrong numbers.
const DROPPED: [&[u8]; 2] = [b"message", b"redefine_extname"];

/// Whether the text of `-E -fdirectives-only` lacks something that stands in this source or header file.
#[must_use]
pub fn source_hazard(source: &[u8]) -> Option<Hazard> {
    memmem::find_iter(source, b"pragma")
        .any(|at| {
            let name = source[at + b"pragma".len()..].trim_ascii_start();
            let directive = source[..at].trim_ascii_end();
            (directive.ends_with(b"#") || directive.ends_with(b"%:") || directive.ends_with(b"??="))
                && DROPPED.iter().any(|dropped| name.starts_with(dropped))
        })
        .then_some(Hazard::DroppedPragma)
}

/// The names in the line markers of a preprocessed text, each once, in order: the files that it was made of, besides
/// a few that are none (`<built-in>`, the compiler's directory under `-g`). Escapes are kept as they are.
pub fn sources(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut seen = HashSet::new();
    let first = text.strip_prefix(b"# ").and_then(marked);
    let rest = memmem::find_iter(text, b"\n# ").filter_map(|at| marked(&text[at + 3..]));
    first.into_iter().chain(rest).filter(move |name| seen.insert(*name))
}

/// The name in a line marker without its `# `.
fn marked(marker: &[u8]) -> Option<&[u8]> {
    let line = marker.split(|&byte| byte == b'\n').next()?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let name = line.get(digits..)?.strip_prefix(b" \"")?;
    if digits == 0 {
        return None;
    }
    // Flags behind the closing quote hold none.
    let end = memchr::memrchr(b'"', name)?;
    name.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pragmas_that_gcc_drops_are_found_in_a_source() {
        for (source, dropped) in [
            ("#pragma message \"a\"", true),
            ("  # pragma\tredefine_extname a b", true),
            ("#pragma GCC diagnostic push", false),
            ("/* a pragma message */", false),
            ("_Pragma(\"message\")", false),
        ] {
            assert_eq!(source_hazard(source.as_bytes()).is_some(), dropped, "{source}");
        }
    }

    #[test]
    fn a_text_names_the_files_that_it_was_made_of() {
        let text = b"# 0 \"a.c\"\n# 1 \"<built-in>\"\nint a;\n# 1 \"b \\\" c.h\" 1 3\n# 2 \"a.c\" 2\n#define A\n# b\n";
        let names: Vec<_> = sources(text).collect();
        assert_eq!(names, [&b"a.c"[..], b"<built-in>", b"b \\\" c.h"]);
    }
}
