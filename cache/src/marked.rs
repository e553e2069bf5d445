//! Preprocessed text and its line markers: `# 12 "file.h" 1 3` (gcc's manual, "Preprocessor Output").

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A line marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Marker<'a> {
    /// The file's name, quoted as in the text.
    file: &'a [u8],
    /// What follows lies in a system header, and perhaps in `extern "C"`.
    system: bool,
}

/// Understands a line marker; `None` for any other line.
fn marker(line: &[u8]) -> Option<Marker<'_>> {
    let rest = line.strip_prefix(b"# ")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest.get(digits..)?.strip_prefix(b" \"").filter(|_| digits > 0)?;
    let mut end = 0;
    while *rest.get(end)? != b'"' {
        end += if rest[end] == b'\\' { 2 } else { 1 };
    }
    let flags = &rest[end + 1..];
    Some(Marker { file: &rest[..end], system: flags.split(|&b| b == b' ').any(|it| it == b"3") })
}

/// The files that a text was made of, each once. Names of no file (`<built-in>`) and of directories aren't among them.
pub(crate) fn files(text: &[u8]) -> Vec<OsString> {
    let (mut seen, mut names) = (HashSet::new(), Vec::new());
    for line in text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"# ")) {
        let Some(Marker { file, .. }) = marker(line) else { continue };
        if file.starts_with(b"<") || file.ends_with(b"//") || !seen.insert(file) {
            continue;
        }
        names.push(unescaped(file));
    }
    names
}

/// A name as it is in a marker, with its backslashes undone.
pub(crate) fn unescaped(name: &[u8]) -> OsString {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name.iter().copied();
    while let Some(byte) = rest.next() {
        plain.push(if byte == b'\\' { rest.next().unwrap_or(byte) } else { byte });
    }
    OsStr::from_bytes(&plain).to_owned()
}

/// Whether the code of a text may ask where in which file it stands. The macros that tell it are gone.
pub(crate) fn asks_for_positions(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 4] =
        [b"__builtin_LINE", b"__builtin_COLUMN", b"__builtin_FILE", b"__builtin_source_location"];
    WORDS.iter().any(|word| memchr::memmem::find(text, word).is_some())
}

/// The hash of a text without its positions: blank lines and markers are left out, but for whether what follows lies in
/// a system header (whose warnings aren't given) and in the main file `source` (some are given only there).
pub(crate) fn flowing(text: &[u8], source: &Path) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut place = (false, true);
    let mut hashed = None;
    for line in text.split(|&byte| byte == b'\n') {
        if line.iter().all(|byte| byte.is_ascii_whitespace()) {
            continue;
        }
        if let Some(Marker { file, system }) = marker(line) {
            place = (system, unescaped(file) == source.as_os_str());
            continue;
        }
        if hashed != Some(place) {
            hashed = Some(place);
            // No line begins so.
            hasher.update(&[0, u8::from(place.0), u8::from(place.1)]);
        }
        hasher.update(line);
        hasher.update(b"\n");
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"# 0 \"a.c\"\n# 0 \"<built-in>\"\n# 1 \"/build//\"\n# 1 \"a.c\"\n# 1 \"b \\\"q.h\" 1\nint b;\n\n\n# 2 \"a.c\" 2\nint a;\n";

    #[test]
    fn files_are_those_of_the_markers() {
        assert_eq!(files(TEXT), ["a.c", "b \"q.h"]);
    }

    #[test]
    fn blank_lines_and_line_numbers_do_not_count() {
        let moved =
            String::from_utf8(TEXT.to_vec()).unwrap().replace("\n\n", "\n").replace("# 2", "# 7");
        let source = Path::new("a.c");
        assert_eq!(flowing(TEXT, source), flowing(moved.as_bytes(), source));
    }

    #[test]
    fn what_moves_into_a_system_header_or_the_main_file_counts() {
        let text = String::from_utf8(TEXT.to_vec()).unwrap();
        let source = Path::new("a.c");
        for other in [text.replace(".h\" 1\n", ".h\" 1 3\n"), text.replace("b \\\"q.h", "a.c")] {
            assert_ne!(flowing(TEXT, source), flowing(other.as_bytes(), source));
        }
    }

    #[test]
    fn a_line_that_only_looks_like_a_marker_is_text() {
        for line in [&b"# 1"[..], b"# 1 \"a", b"#pragma once", b"# x \"a\"", b"# 1 \"a\\"] {
            assert_eq!(marker(line), None);
        }
    }
}
