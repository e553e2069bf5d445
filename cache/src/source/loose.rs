//! What can be said of a file that can't be scanned for sure.
//!
//! Knows neither comments nor literals, so that it finds more than there is and misses nothing.

use memchr::memmem;

use super::directive::{Found, is_definition, is_only_named};
use super::literal::header_name;
use super::words::{Words, is_word};
use super::{Include, Sign};

/// All names, signs and includes that could be in `bytes`.
pub(super) fn scan(bytes: &[u8], found: &mut Found) -> Words {
    let mut words = Words::new();
    let text = joined(bytes);
    for sign in [Sign::LineComments, Sign::ComputedInclude, Sign::LineDirective] {
        words.signs.add(sign);
    }
    if memmem::find(&text, b"##").is_some() || memmem::find(&text, b"%:%:").is_some() {
        words.signs.add(Sign::Pastes);
    }
    names(bytes, &mut words);
    names(&text, &mut words);
    for at in memmem::find_iter(&text, b"pragma").chain(memmem::find_iter(&text, b"_Pragma")) {
        let line = &text[at..];
        words.signs.add_pragma(&line[..memchr::memchr(b'\n', line).unwrap_or(line.len())]);
    }
    includes(&text, &mut words, found);
    words
}

/// Without trigraphs and continued lines.
fn joined(bytes: &[u8]) -> Vec<u8> {
    let mut text = replace(bytes, b"\r\n", b"\n");
    for (from, to) in [(&b"\r"[..], &b"\n"[..]), (b"??=", b"#"), (b"??/", b"\\")] {
        text = replace(&text, from, to);
    }
    let mut all = Vec::with_capacity(text.len());
    let mut at = 0;
    for backslash in memchr::memchr_iter(b'\\', &text) {
        let blanks = text[backslash + 1..].iter().take_while(|byte| b" \t\x0b\x0c".contains(byte));
        let newline = backslash + 1 + blanks.count();
        if text.get(newline) == Some(&b'\n') {
            all.extend_from_slice(&text[at..backslash]);
            at = newline + 1;
        }
    }
    all.extend_from_slice(&text[at..]);
    all
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(text.len());
    let mut at = 0;
    for next in memmem::find_iter(text, from) {
        all.extend_from_slice(&text[at..next]);
        all.extend_from_slice(to);
        at = next + from.len();
    }
    all.extend_from_slice(&text[at..]);
    all
}

/// Adds all names and numbers in `text`, also where an escape's or a number's letters stand before them.
fn names(text: &[u8], words: &mut Words) {
    for word in text.split(|&byte| !is_word(byte)).filter(|word| !word.is_empty()) {
        match word {
            _ if word[0].is_ascii_digit() => words.number(word),
            b"embed" => words.signs.add(Sign::Embed),
            b"import" | b"module" | b"export" => words.signs.add(Sign::Module),
            _ => {}
        }
    }
    words.text(text);
}

fn includes(text: &[u8], words: &mut Words, found: &mut Found) {
    for word in [&b"include"[..], b"import", b"include_next"] {
        for at in memmem::find_iter(text, word) {
            let next = text[at + word.len()..].starts_with(b"_next");
            let behind =
                text[at + word.len()..].strip_prefix(b"_next").unwrap_or(&text[at + word.len()..]);
            let behind = behind.strip_prefix(b"__").unwrap_or(behind).trim_ascii_start();
            let before = text[..at].strip_suffix(b"__has_");
            let probes = before.is_some_and(|before| !is_only_named(before));
            let asked = behind.first() == Some(&b'(');
            let operand = behind.strip_prefix(b"(").unwrap_or(behind).trim_ascii_start();
            match header_name(operand) {
                Ok(Some(header)) => {
                    let include = Include { name: header.name.into(), quoted: header.quoted, next };
                    let all = if asked { &mut found.has_includes } else { &mut found.includes };
                    all.push(include);
                }
                _ if probes && !is_definition(last_line(&text[..at])) => {
                    words.signs.add(Sign::ComputedProbe);
                }
                _ => {}
            }
        }
    }
}

/// What stands on the line that a text ends in.
fn last_line(text: &[u8]) -> &[u8] {
    memchr::memrchr(b'\n', text).map_or(text, |at| &text[at + 1..])
}
