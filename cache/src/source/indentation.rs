//! What gcc's `-Wmisleading-indentation` sees of a line.
//!
//! Knows one line at a time, not which statement it belongs to.

/// Stands where the comment began with which a line begins.
pub(super) const LEADING_COMMENT: u8 = 1;

/// The blanks before the first byte that is none.
pub(super) fn indent(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &line[..blanks]
}

/// Whether a statement may begin within `line`, right of where the line does.
pub(super) fn goes_on(line: &[u8]) -> bool {
    if line.contains(&LEADING_COMMENT) {
        return true;
    }
    let loops = line.trim_ascii_start().starts_with(b"for");
    let mut ends = line.iter().enumerate().filter(|(at, byte)| {
        let rest = line[at + 1..].trim_ascii_start();
        match byte {
            b';' => !rest.is_empty(),
            b'}' => !rest.is_empty() && !rest.starts_with(b";") && !rest.starts_with(b"else"),
            _ => false,
        }
    });
    ends.nth(if loops { 2 } else { 0 }).is_some()
}
