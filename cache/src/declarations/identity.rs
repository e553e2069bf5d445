//! What a declaration is, in bytes: its lines, or its words where lines say nothing, and what is in force where it stands.

use super::id::Id;
use super::in_force::Places;
use super::lexer::{Place, Tokens};
use super::units::{Unit, Units, slice};

/// What a declaration is.
#[derive(Clone, Copy)]
pub(super) struct Identity {
    /// All of it.
    pub(super) own: Id,
    /// To others: of a function its head, of what has names of its own all but these.
    pub(super) head: Id,
    /// It has names of its own, which aren't in the head.
    pub(super) is_frame: bool,
    /// Some of it stands in the main file.
    pub(super) main: bool,
}

impl Identity {
    /// Of a declaration. The buffer is to be used again.
    pub(super) fn of(
        tokens: &Tokens<'_>,
        units: &Units,
        unit: &Unit,
        places: &Places,
        buffer: &mut Vec<u8>,
    ) -> Self {
        let token = |at: usize| tokens.tokens[at];
        let mut here = Standing::at(tokens, token(unit.first).start as usize);
        buffer.clear();
        buffer.push(u8::from(here.system));
        buffer.extend_from_slice(places.in_force(here.at));
        buffer.push(0);
        for &tag in slice(&units.early, &unit.early) {
            buffer.extend_from_slice(tokens.words.spelling(tag / 2));
            buffer.push(0);
        }
        buffer.push(0);
        let own_names = slice(&units.own_names, &unit.own_names);
        if !own_names.is_empty() && unit.is_plain() {
            let end = token(unit.end - 1).start;
            let lines = tokens.lines[here.next..].iter().take_while(|line| line.start < end);
            // Words alone don't tell of what comes between them.
            if lines.clone().all(|line| line.place.is_some_and(|it| it.system == here.system)) {
                let main = here.main || lines.filter_map(|line| line.place).any(|it| it.main);
                write_words(tokens, unit, own_names, buffer);
                let head = Id::of(buffer);
                let own = with_names(head, tokens, own_names.iter().enumerate(), buffer);
                return Self { own, head, is_frame: true, main };
            }
        }
        let head_end = token(unit.first + unit.head() - 1).end as usize;
        here.write(tokens, head_end, buffer);
        let head = Id::of(buffer);
        let mut own = head;
        if unit.has_body() {
            buffer.clear();
            buffer.extend_from_slice(&head.0);
            here.write(tokens, token(unit.end - 1).end as usize, buffer);
            own = Id::of(buffer);
        }
        Self { own, head, is_frame: false, main: here.main }
    }
}

/// What is in force where a text begins.
const START: Place = Place { system: false, main: true };

/// A byte of a text, and where it comes from.
struct Standing {
    at: usize,
    /// The marker or pragma that comes next.
    next: usize,
    /// The main file has been come by.
    main: bool,
    system: bool,
}

impl Standing {
    /// Where a declaration begins whose first token is there: with what indents it.
    fn at(tokens: &Tokens<'_>, first: usize) -> Self {
        let text = tokens.text;
        let blanks = text[..first].iter().rev().take_while(|it| matches!(it, b' ' | b'\t')).count();
        let indented = first == blanks || text[first - blanks - 1] == b'\n';
        let at = if indented { first - blanks } else { first };
        let next = tokens.lines.partition_point(|line| (line.start as usize) < at);
        let place = tokens.lines[..next].iter().rev().find_map(|line| line.place);
        let Place { main, system } = place.unwrap_or(START);
        Self { at, next, main, system }
    }

    /// Goes on to `end`, and writes down the lines up to there and whether they are a system header's.
    fn write(&mut self, tokens: &Tokens<'_>, end: usize, buffer: &mut Vec<u8>) {
        while let Some(line) = tokens.lines.get(self.next).filter(|it| (it.start as usize) < end) {
            self.next += 1;
            let Some(place) = line.place else { continue };
            write_lines(&tokens.text[self.at..line.start as usize], buffer);
            self.at = line.end as usize;
            self.main |= place.main;
            if place.system != self.system {
                self.system = place.system;
                buffer.extend_from_slice(&[0, u8::from(place.system)]);
            }
        }
        write_lines(&tokens.text[self.at..end], buffer);
        self.at = end;
    }
}

/// What is `frame` without names of its own, with some of them: each by its number and its token.
pub(super) fn with_names<'a>(
    frame: Id,
    tokens: &Tokens<'_>,
    names: impl Iterator<Item = (usize, &'a (usize, bool))>,
    buffer: &mut Vec<u8>,
) -> Id {
    buffer.clear();
    buffer.extend_from_slice(&frame.0);
    for (number, (token, _)) in names {
        let token = tokens.tokens[*token];
        // Fewer than tokens.
        buffer.extend_from_slice(&(number as u32).to_le_bytes());
        buffer.extend_from_slice(&tokens.text[token.start as usize..token.end as usize]);
        buffer.push(0);
    }
    Id::of(buffer)
}

/// The tokens of a declaration without its own names, with a space for whatever blanks are between them.
fn write_words(
    tokens: &Tokens<'_>,
    unit: &Unit,
    own_names: &[(usize, bool)],
    buffer: &mut Vec<u8>,
) {
    let text = tokens.text;
    let mut own_names = own_names.iter().map(|(token, _)| *token).peekable();
    // What isn't written yet, which is written in as few pieces as possible.
    let from = tokens.tokens[unit.first].start as usize;
    let (mut from, mut to) = (from, from);
    for (at, token) in tokens.tokens[unit.first..unit.end].iter().enumerate() {
        let (start, end) = (token.start as usize, token.end as usize);
        let is_own = own_names.next_if(|name| *name == unit.first + at).is_some();
        if start != to && (is_own || &text[to..start] != b" ") {
            buffer.extend_from_slice(&text[from..to]);
            buffer.push(b' ');
            from = start;
        }
        if is_own {
            buffer.extend_from_slice(&text[from..start]);
            buffer.push(0);
            from = end;
        }
        to = end;
    }
    buffer.extend_from_slice(&text[from..to]);
}

/// Lines that aren't blank.
fn write_lines(mut text: &[u8], buffer: &mut Vec<u8>) {
    while !text.is_empty() {
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let (line, rest) = text.split_at(end);
        if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
            buffer.extend_from_slice(line);
            buffer.push(b'\n');
        }
        text = rest.get(1..).unwrap_or_default();
    }
}
