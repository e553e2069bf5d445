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
    words.signs.add(Sign::LineComments);
    for directive in directives(&text) {
        let length = directive.iter().take_while(|&&byte| is_word(byte)).count();
        let (name, operand) = directive.split_at(length);
        if name == b"line" || name.first().is_some_and(u8::is_ascii_digit) {
            words.signs.add(Sign::LineDirective);
        }
        let includes = [&b"include"[..], b"include_next", b"import"].contains(&name);
        if includes && !matches!(operand.trim_ascii_start().first(), Some(b'<' | b'"')) {
            words.signs.add(Sign::ComputedInclude);
        }
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

/// What follows each `#` that may begin a directive: nothing or the end of a comment stands before it.
fn directives(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let begins = |before: &[u8]| {
        let before = before.trim_ascii_end();
        before.is_empty() || before.ends_with(b"*/")
    };
    text.split(|&byte| byte == b'\n').flat_map(move |line| {
        let hashes = memchr::memchr_iter(b'#', line).map(|at| (at, 1));
        let digraphs = memmem::find_iter(line, b"%:").map(|at| (at, 2));
        let starts: Vec<_> =
            hashes.chain(digraphs).filter(|(at, _)| begins(&line[..*at])).collect();
        starts.into_iter().map(move |(at, length)| without_comments(&line[at + length..]))
    })
}

/// The rest of a line without the blanks and comments that it begins with.
fn without_comments(line: &[u8]) -> &[u8] {
    let mut rest = line.trim_ascii_start();
    while let Some(comment) = rest.strip_prefix(b"/*") {
        let Some(end) = memmem::find(comment, b"*/") else { break };
        rest = comment[end + 2..].trim_ascii_start();
    }
    rest
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
    words.any(text);
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
                _ if probes && !(asked && is_definition(last_line(&text[..at]))) => {
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
