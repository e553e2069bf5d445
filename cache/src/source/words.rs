//! The names and numbers that a file mentions, each once.
//!
//! Is told where they are.

use super::{IdHash, Signs, definition};

/// How many of the last names are known, so that most repeated ones are dropped at once.
const RECENT: usize = 4096;

pub(super) struct Words {
    recent: Vec<u64>,
    names: Vec<IdHash>,
    /// Names within strings, outside of definitions.
    quoted: Vec<IdHash>,
    recent_quoted: Vec<u64>,
    numbers: Vec<IdHash>,
    /// The names of a definition that may be dropped, while in one.
    definition: Vec<IdHash>,
    in_definition: bool,
    pub(super) signs: Signs,
}

impl Words {
    pub(super) fn new() -> Self {
        Self {
            recent: vec![0; RECENT],
            names: Vec::new(),
            quoted: Vec::new(),
            recent_quoted: vec![0; RECENT / 16],
            numbers: Vec::new(),
            definition: Vec::new(),
            in_definition: false,
            signs: Signs::default(),
        }
    }

    /// Adds a name.
    pub(super) fn name(&mut self, name: &[u8]) {
        self.signs.add_name(name);
        let id = IdHash::of(name);
        if self.in_definition {
            self.definition.push(id);
        } else if is_new(&mut self.recent, id) {
            self.names.push(id);
        }
    }

    fn quoted(&mut self, name: &[u8]) {
        if self.in_definition {
            return self.name(name);
        }
        self.signs.add_name(name);
        let id = IdHash::of(name);
        if is_new(&mut self.recent_quoted, id) {
            self.quoted.push(id);
        }
    }

    /// Adds a number, or a piece of one, in letters and digits.
    pub(super) fn number(&mut self, number: &[u8]) {
        if super::paste::is_plain_number(number) {
            return;
        }
        let id = IdHash::of(number);
        if is_new(&mut self.recent, id) {
            self.numbers.push(id);
        }
    }

    /// Adds all names in `text`, which is within a string: a pragma may be made of it.
    pub(super) fn text(&mut self, text: &[u8]) {
        for word in names(text) {
            self.quoted(word);
        }
    }

    /// Adds all names in `text`, of which nobody knows what it is.
    pub(super) fn any(&mut self, text: &[u8]) {
        for word in names(text) {
            self.name(word);
        }
    }

    /// Keeps the names from here on apart.
    pub(super) fn begin_definition(&mut self) {
        self.in_definition = true;
    }

    /// Ends a definition. The names behind its own one, if it is dropped; else all of them are mentioned.
    /// Its parameters are none: what is given for them is.
    pub(super) fn end_definition(&mut self, dropped: bool, text: &[u8]) -> Box<[IdHash]> {
        self.in_definition = false;
        let mut names = std::mem::take(&mut self.definition);
        if names.len() > 1 {
            for parameter in definition::parameters(text).map(IdHash::of) {
                let mut at = 0;
                names.retain(|&id| {
                    at += 1;
                    at == 1 || id != parameter
                });
                if !dropped && is_new(&mut self.recent_quoted, parameter) {
                    self.quoted.push(parameter);
                }
            }
        }
        let mut body = Box::default();
        if dropped && let Some(behind) = names.get_mut(1..) {
            behind.sort_unstable();
            names.dedup();
            body = names[1..].into();
        } else {
            for &id in &names {
                if is_new(&mut self.recent, id) {
                    self.names.push(id);
                }
            }
        }
        // Its room is for the next one.
        names.clear();
        self.definition = names;
        body
    }

    pub(super) fn finish(self) -> Found {
        let sorted = |mut ids: Vec<IdHash>| {
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let mut names = sorted(self.names);
        let mut quoted = sorted(self.quoted);
        quoted.retain(|id| names.binary_search(id).is_err());
        if !quoted.is_empty() {
            names.extend_from_slice(&quoted);
            names.sort();
        }
        Found {
            mentions: names.into(),
            quoted: quoted.into(),
            numbers: sorted(self.numbers).into(),
            signs: self.signs,
        }
    }
}

/// What was found, sorted.
pub(super) struct Found {
    pub(super) mentions: Box<[IdHash]>,
    /// Those of the mentions that are within strings alone.
    pub(super) quoted: Box<[IdHash]>,
    pub(super) numbers: Box<[IdHash]>,
    pub(super) signs: Signs,
}

fn is_new(recent: &mut [u64], id: IdHash) -> bool {
    let place = &mut recent[id.0 as usize % recent.len()];
    std::mem::replace(place, id.0) != id.0
}

/// The names in `text`; where the first letter may be that of an escape, also without it.
fn names(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].iter().position(|&byte| is_word(byte))?;
        let length = text[at..].iter().take_while(|&&byte| is_word(byte)).count();
        let word = &text[at..at + length];
        let escaped = length > 1 && at > 0 && text[at - 1] == b'\\';
        at += length;
        let is_name = !word[0].is_ascii_digit();
        Some([is_name.then_some(word), (is_name && escaped).then(|| &word[1..])])
    })
    .flatten()
    .flatten()
}

/// Whether `byte` may be part of an identifier.
pub(super) fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

const WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let ascii = byte as u8;
        word[byte] = ascii.is_ascii_alphanumeric() || ascii == b'_' || ascii == b'$';
        byte += 1;
    }
    word
};
