//! The lines of the files that a text says it was made of, as far as the text has them.

use std::collections::HashMap;

/// Lines by file, as a marker spells it, and number.
#[derive(Default)]
pub(crate) struct Lines(HashMap<(Vec<u8>, u32), Vec<u8>>);

impl Lines {
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut lines = Self::default();
        let (mut file, mut number) = (Vec::new(), 1);
        for line in text.split(|byte| *byte == b'\n') {
            if let Some((at, name)) = marker(line) {
                (file, number) = (name.to_vec(), at);
                continue;
            }
            // What stands there twice is both.
            lines.0.entry((file.clone(), number)).or_default().extend([line, b"\n"].concat());
            number = number.saturating_add(1);
        }
        lines
    }

    pub(crate) fn get(&self, file: &[u8], number: u32) -> &[u8] {
        self.0.get(&(file.to_vec(), number)).map_or(&[], Vec::as_slice)
    }
}

/// `# 12 "file" 1`.
fn marker(line: &[u8]) -> Option<(u32, &[u8])> {
    let rest = line.strip_prefix(b"# ")?;
    let end = rest.iter().position(|byte| *byte == b' ')?;
    let number = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let name = rest[end..].strip_prefix(b" \"")?;
    let close = name.iter().rposition(|byte| *byte == b'"')?;
    Some((number, &name[..close]))
}
