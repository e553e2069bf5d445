//! Where declarations stand, for outputs that show it.
//!
//! Knows lines, by their markers. Columns aren't in a text: blanks and comments are lost, and macros are there expanded.

use memchr::memchr_iter;

use super::id::Id;
use super::identity::Identity;
use super::lexer::{Line, Tokens};
use super::units::{Unit, Units};

/// What of a text can show in outputs that show positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positions {
    /// All declarations, used or not, in their order and without their places: how many names there are in debug info before
    /// the unused are dropped decides in which order gcc writes out the others.
    pub content: Id,
    /// Names of files as line markers spell them, quoted.
    pub files: Vec<Vec<u8>>,
    /// Where those stand that may show it, in their order: the used, and some more.
    pub stretches: Vec<Stretch>,
}

/// Lines of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Among [`Positions::files`].
    pub file: u32,
    /// The first line, from 1 on.
    pub first: u32,
    /// The last one.
    pub last: u32,
}

impl Positions {
    /// Of all declarations `shown` says whether it may show where they stand.
    pub(super) fn of(
        tokens: &Tokens<'_>,
        units: &Units,
        identities: &[Identity],
        shown: &[bool],
    ) -> Self {
        let content: Vec<u8> = identities.iter().flat_map(|it| it.own.0).collect();
        let mut lines = Lines { tokens, next: 0, file: 0, at: 0, number: 1 };
        let mut stretches = Vec::new();
        let mut end = 0;
        for (unit, _) in units.all.iter().zip(shown).filter(|(_, shown)| **shown) {
            // What a function declares within stands where it stands.
            if unit.first >= end {
                lines.add(unit, &mut stretches);
                end = unit.end;
            }
        }
        let files = tokens.files.iter().map(|name| name.to_vec()).collect();
        Self { content: Id::of(&content), files, stretches }
    }
}

/// Goes through a text and counts its lines.
struct Lines<'a> {
    tokens: &'a Tokens<'a>,
    /// The marker or pragma that comes next.
    next: usize,
    file: u32,
    /// A byte, and the number of its line.
    at: usize,
    number: u32,
}

impl Lines<'_> {
    /// The lines of a declaration, a stretch for each file or jump.
    fn add(&mut self, unit: &Unit, stretches: &mut Vec<Stretch>) {
        let [first, .., last] = &self.tokens.tokens[unit.first..unit.end] else {
            // A semicolon alone.
            return self.stretch(unit.first, unit.first, stretches);
        };
        let (start, end) = (first.start, last.start);
        let mut from = unit.first;
        while let Some(line) = self.tokens.lines.get(self.next).filter(|line| line.start < end) {
            if line.start > start {
                // Tokens before a marker within the declaration.
                let behind = from
                    + self.tokens.tokens[from..unit.end]
                        .partition_point(|token| token.start < line.start);
                if behind > from && line.place.is_some() {
                    self.stretch(from, behind - 1, stretches);
                    from = behind;
                }
            }
            self.pass(*line);
        }
        self.stretch(from, unit.end - 1, stretches);
    }

    fn stretch(&mut self, first: usize, last: usize, stretches: &mut Vec<Stretch>) {
        let first = self.number_of(self.tokens.tokens[first].start);
        let last = self.number_of(self.tokens.tokens[last].start);
        stretches.push(Stretch { file: self.file, first, last });
    }

    /// The line of a byte that isn't before the last one asked for.
    fn number_of(&mut self, start: u32) -> u32 {
        let start = start as usize;
        let newlines = memchr_iter(b'\n', &self.tokens.text[self.at..start]).count();
        // Fewer than bytes.
        self.number = self.number.saturating_add(newlines as u32);
        self.at = start;
        self.number
    }

    fn pass(&mut self, line: Line) {
        self.next += 1;
        if line.place.is_some() {
            self.file = line.file;
            self.number = line.number;
            // The newline behind the marker isn't counted.
            self.at = (line.end as usize + 1).min(self.tokens.text.len());
        }
    }
}
