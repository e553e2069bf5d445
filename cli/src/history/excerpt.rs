//! Finds the lines of a build's log that say why it failed.
//!
//! Knows what gcc, clang, rustc, linkers and make print in English; of anything else the last lines are taken. Reads the
//! log line by line: that of a kernel with all warnings is as large as the kernel.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The most lines of an excerpt, and of what leads to its first error.
const LINES: usize = 30;
const LEAD: usize = 6;

/// Why a build failed, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The line that says it.
    pub(crate) first_error: Option<String>,
    /// That line, what leads to it and what follows.
    pub(crate) text: String,
}

/// The excerpt of a log. One that can't be read has nothing to say.
pub(crate) fn of(log: &Path) -> Excerpt {
    File::open(log).map(|file| read(BufReader::new(file))).unwrap_or_default()
}

fn read(log: impl BufRead) -> Excerpt {
    let mut last: VecDeque<String> = VecDeque::new();
    let mut text: Vec<String> = Vec::new();
    let mut first_error = None;
    let mut make_error = None;
    let lines = log.split(b'\n').map_while(Result::ok);
    for line in lines.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned()) {
        if first_error.is_some() {
            text.push(line);
            if text.len() >= LINES {
                break;
            }
        } else if is_error(&line) {
            let lead = last.iter().rev().take(LEAD).take_while(|line| leads(line)).count();
            text.extend(last.drain(last.len() - lead..));
            text.push(line.clone());
            first_error = Some(line);
        } else {
            if line.contains("*** ") && make_error.is_none() {
                make_error = Some(line.clone());
            }
            if last.len() == LINES {
                last.pop_front();
            }
            last.push_back(line);
        }
    }
    if first_error.is_none() {
        let telling = last.iter().rev().find(|line| !line.trim().is_empty()).cloned();
        return Excerpt { first_error: make_error.or(telling), text: joined(last) };
    }
    Excerpt { first_error, text: joined(text) }
}

fn joined(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

fn is_error(line: &str) -> bool {
    const WITHIN: [&str; 4] =
        [": error: ", ": fatal error: ", "undefined reference to", "multiple definition of"];
    const IN_FRONT: [&str; 3] = ["error: ", "error[", "collect2: error"];
    WITHIN.iter().any(|words| line.contains(words))
        || IN_FRONT.iter().any(|words| line.starts_with(words))
}

/// Whether a line belongs to the error below it.
fn leads(line: &str) -> bool {
    const IN_FRONT: [&str; 3] = ["In file included from", "                 from ", "In function "];
    IN_FRONT.iter().any(|words| line.starts_with(words))
        || line.contains(": In function ")
        || line.contains(": in function ")
        || line.contains(": At top level:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compilers_error_comes_with_its_function_and_without_what_was_before() {
        let log = "cc -c a.c\na.c:1:5: warning: dull\nb.c: In function 'f':\nb.c:3:2: error: no\n    3 | no\n\
                   make: *** [b.o] Error 1\n";
        let excerpt = read(log.as_bytes());
        assert_eq!(excerpt.first_error.unwrap(), "b.c:3:2: error: no");
        assert!(excerpt.text.starts_with("b.c: In function 'f':\n"), "{}", excerpt.text);
        assert!(excerpt.text.ends_with("Error 1"), "{}", excerpt.text);
    }

    #[test]
    fn a_failure_without_a_compilers_error_is_told_by_make_or_by_the_last_line() {
        let log = "running\nmake: *** [Makefile:2: all] Error 3\nmake: leaving\n\n";
        let excerpt = read(log.as_bytes());
        assert_eq!(excerpt.first_error.unwrap(), "make: *** [Makefile:2: all] Error 3");
        assert_eq!(read(&b"one\ntwo\n\n"[..]).first_error.unwrap(), "two");
        assert_eq!(read(&b""[..]), Excerpt::default());
    }

    #[test]
    fn an_endless_log_gives_a_short_excerpt() {
        let log = "x.c:1:1: error: again\n".repeat(1000);
        assert_eq!(read(log.as_bytes()).text.lines().count(), LINES);
    }
}
