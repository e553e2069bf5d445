//! The names and numbers that a file mentions, each once.
//!
//! Is told where they are.

use super::{IdHash, Signs};

/// How many of the last names are known, so that most repeated ones are dropped at once.
const RECENT: usize = 4096;

pub(super) struct Words {
    recent: Vec<u64>,
    names: Vec<IdHash>,
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
        } else if self.is_new(id) {
            self.names.push(id);
        }
    }

    /// Adds a number, or a piece of one, in letters and digits.
    pub(super) fn number(&mut self, number: &[u8]) {
        if super::paste::is_plain_number(number) {
            return;
        }
        let id = IdHash::of(number);
        if self.is_new(id) {
            self.numbers.push(id);
        }
    }

    fn is_new(&mut self, id: IdHash) -> bool {
        let place = &mut self.recent[id.0 as usize % RECENT];
        std::mem::replace(place, id.0) != id.0
    }

    /// Adds all names in `text`, which is within a string: a pragma may be made of it.
    pub(super) fn text(&mut self, text: &[u8]) {
        let mut at = 0;
        while at < text.len() {
            let length = text[at..].iter().take_while(|&&byte| is_word(byte)).count();
            let word = &text[at..at + length];
            if length > 0 && !word[0].is_ascii_digit() {
                self.name(word);
                // The first letter may be that of an escape.
                if length > 1 && at > 0 && text[at - 1] == b'\\' {
                    self.name(&word[1..]);
                }
            }
            at += length.max(1);
        }
    }

    /// Keeps the names from here on apart.
    pub(super) fn begin_definition(&mut self) {
        self.in_definition = true;
    }

    /// Ends a definition. The names behind its own one, if it is dropped; else all of them are mentioned.
    pub(super) fn end_definition(&mut self, dropped: bool) -> Box<[IdHash]> {
        self.in_definition = false;
        let mut names = std::mem::take(&mut self.definition);
        let mut body = Box::default();
        if dropped && let Some(behind) = names.get_mut(1..) {
            behind.sort_unstable();
            names.dedup();
            body = names[1..].into();
        } else {
            for &id in &names {
                if self.is_new(id) {
                    self.names.push(id);
                }
            }
        }
        // Its room is for the next one.
        names.clear();
        self.definition = names;
        body
    }

    /// Names and numbers, sorted, and what they show.
    pub(super) fn finish(self) -> (Box<[IdHash]>, Box<[IdHash]>, Signs) {
        let sorted = |mut ids: Vec<IdHash>| {
            ids.sort_unstable();
            ids.dedup();
            ids.into_boxed_slice()
        };
        (sorted(self.names), sorted(self.numbers), self.signs)
    }
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
