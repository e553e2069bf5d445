//! make's command line, as far as a jobserver needs it: how many jobs, and whether any recipe runs at all.
//!
//! A pure function of the words. Source: the GNU make manual, "Summary of Options"; how options are bundled,
//! abbreviated and mixed with targets is GNU `getopt_long`'s.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::style::Style;

/// What `-j` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// `-jN`: this many at once.
    Count(NonZeroUsize),
    /// `-j`: as many as there are. make runs no jobserver then.
    Unlimited,
}

/// make's arguments without their `-j`, and what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MakeArgs {
    /// The arguments without any well-formed `-j`. A malformed one (`-j0`, `-jx`) stays, so that make itself refuses it.
    pub args: Vec<OsString>,
    /// The last `-j`; `None` without one.
    pub jobs: Option<Jobs>,
    /// `-n`, `-q`, `-t`, `-v` or `-h`: no recipe runs (but those marked `+`), and a jobserver is of no use.
    pub dry: bool,
    /// `-s`: make doesn't echo recipes, and nor should we say much.
    pub silent: bool,
    /// `--jobserver-style` (since make 4.4).
    pub style: Option<Style>,
    /// The goals: words that are neither options nor variables.
    pub goals: Vec<OsString>,
}

/// How an option takes an argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// Attached or as the next word.
    Required,
    /// Attached only.
    Attached,
    /// Attached, or the next word if it is a number.
    Number,
}

/// make's long options. Those with the same letter are one option to `getopt_long`, so that a prefix of both isn't ambiguous.
const LONG: &[(&str, char, Takes)] = &[
    ("always-make", 'B', Takes::Nothing),
    ("assume-new", 'W', Takes::Required),
    ("assume-old", 'o', Takes::Required),
    ("check-symlink-times", 'L', Takes::Nothing),
    ("debug", '\0', Takes::Attached),
    ("directory", 'C', Takes::Required),
    ("dry-run", 'n', Takes::Nothing),
    ("environment-overrides", 'e', Takes::Nothing),
    ("eval", 'E', Takes::Required),
    ("file", 'f', Takes::Required),
    ("help", 'h', Takes::Nothing),
    ("ignore-errors", 'i', Takes::Nothing),
    ("include-dir", 'I', Takes::Required),
    ("jobs", 'j', Takes::Number),
    ("jobserver-auth", '\u{1}', Takes::Required),
    ("jobserver-fds", '\u{1}', Takes::Required),
    ("jobserver-style", '\u{2}', Takes::Required),
    ("just-print", 'n', Takes::Nothing),
    ("keep-going", 'k', Takes::Nothing),
    ("load-average", 'l', Takes::Number),
    ("makefile", 'f', Takes::Required),
    ("max-load", 'l', Takes::Number),
    ("new-file", 'W', Takes::Required),
    ("no-builtin-rules", 'r', Takes::Nothing),
    ("no-builtin-variables", 'R', Takes::Nothing),
    ("no-keep-going", 'S', Takes::Nothing),
    ("no-print-directory", '\u{3}', Takes::Nothing),
    ("no-silent", '\u{4}', Takes::Nothing),
    ("old-file", 'o', Takes::Required),
    ("output-sync", 'O', Takes::Attached),
    ("print-data-base", 'p', Takes::Nothing),
    ("print-directory", 'w', Takes::Nothing),
    ("question", 'q', Takes::Nothing),
    ("quiet", 's', Takes::Nothing),
    ("recon", 'n', Takes::Nothing),
    ("shuffle", '\u{5}', Takes::Attached),
    ("silent", 's', Takes::Nothing),
    ("stop", 'S', Takes::Nothing),
    ("sync-mutex", '\u{6}', Takes::Required),
    ("touch", 't', Takes::Nothing),
    ("trace", '\u{7}', Takes::Nothing),
    ("version", 'v', Takes::Nothing),
    ("warn-undefined-variables", '\u{8}', Takes::Nothing),
    ("what-if", 'W', Takes::Required),
];

impl MakeArgs {
    /// Reads the arguments behind make's name.
    pub fn parse<I, S>(args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        let words: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let mut found = Self::default();
        let mut words = words.as_slice();
        while let Some((word, rest)) = words.split_first() {
            if word == "--" {
                found.args.extend_from_slice(words);
                rest.iter().for_each(|word| found.note_goal(word));
                break;
            }
            let bytes = word.as_bytes();
            let used = if let Some(long) = bytes.strip_prefix(b"--") {
                found.long(word, long, rest)
            } else if bytes.len() > 1 && bytes[0] == b'-' {
                found.bundle(word, rest)
            } else {
                found.args.push(word.clone());
                found.note_goal(word);
                0
            };
            words = &rest[used..];
        }
        found
    }

    /// Whether one of several goals is to clean up: without a `-j` make does the goals one after the other, and a jobserver
    /// would have it clean what it builds.
    #[must_use]
    pub fn cleans_among_others(&self) -> bool {
        let cleans = |goal: &OsString| {
            let goal = goal.as_bytes();
            goal.ends_with(b"clean") || goal.starts_with(b"clean") || goal == b"mrproper"
        };
        self.goals.len() > 1 && self.goals.iter().any(cleans)
    }

    fn note_goal(&mut self, word: &OsStr) {
        if !word.as_bytes().contains(&b'=') {
            self.goals.push(word.to_owned());
        }
    }

    /// Reads `--long`; says how many of the `next` words belong to it.
    fn long(&mut self, word: &OsStr, long: &[u8], next: &[OsString]) -> usize {
        let (name, attached) = match memchr::memchr(b'=', long) {
            Some(at) => (&long[..at], Some(&long[at + 1..])),
            None => (long, None),
        };
        let Some((letter, takes)) = resolve(name) else {
            self.args.push(word.to_owned());
            return 0;
        };
        let used = extra_words(takes, attached.is_some(), next);
        let argument = attached.or_else(|| next[..used].first().map(|word| word.as_bytes()));
        if letter == 'j' && self.take_jobs(argument) {
            return used;
        }
        self.note(letter);
        if letter == '\u{2}' {
            self.style = match argument {
                Some(b"pipe") => Some(Style::Pipe),
                Some(b"fifo") => Some(Style::Fifo),
                _ => self.style,
            };
        }
        self.args.push(word.to_owned());
        self.args.extend_from_slice(&next[..used]);
        used
    }

    /// Reads `-abc`; says how many of the `next` words belong to it.
    fn bundle(&mut self, word: &OsStr, next: &[OsString]) -> usize {
        let bytes = word.as_bytes();
        let mut kept = vec![b'-'];
        let mut used = 0;
        for (at, &letter) in bytes.iter().enumerate().skip(1) {
            let takes = match letter {
                b'C' | b'f' | b'I' | b'o' | b'W' | b'E' => Takes::Required,
                b'O' => Takes::Attached,
                b'j' | b'l' => Takes::Number,
                _ => Takes::Nothing,
            };
            if !letter.is_ascii_alphabetic() {
                // No option at all: make refuses the word, so it stays whole.
                break;
            }
            if takes == Takes::Nothing {
                self.note(char::from(letter));
                kept.push(letter);
                continue;
            }
            let attached = Some(&bytes[at + 1..]).filter(|rest| !rest.is_empty());
            used = extra_words(takes, attached.is_some(), next);
            let argument = attached.or_else(|| next[..used].first().map(|word| word.as_bytes()));
            if letter == b'j' && self.take_jobs(argument) {
                if kept.len() > 1 {
                    self.args.push(OsString::from_vec(kept));
                }
                return used;
            }
            break;
        }
        self.args.push(word.to_owned());
        self.args.extend_from_slice(&next[..used]);
        used
    }

    /// Takes the argument of a `-j`, unless make would refuse it.
    fn take_jobs(&mut self, argument: Option<&[u8]>) -> bool {
        let jobs = match argument {
            None => Some(Jobs::Unlimited),
            Some(text) if text.iter().all(u8::is_ascii_digit) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok())
                // make's own number is an int.
                .filter(|&n: &NonZeroUsize| i32::try_from(n.get()).is_ok())
                .map(Jobs::Count),
            Some(_) => None,
        };
        self.jobs = jobs.or(self.jobs);
        jobs.is_some()
    }

    fn note(&mut self, letter: char) {
        match letter {
            'n' | 'q' | 't' | 'v' | 'h' => self.dry = true,
            's' => self.silent = true,
            '\u{4}' => self.silent = false,
            _ => {}
        }
    }
}

/// How many words behind an option are its argument.
fn extra_words(takes: Takes, attached: bool, next: &[OsString]) -> usize {
    let Some(word) = next.first().filter(|_| !attached) else { return 0 };
    let bytes = word.as_bytes();
    match takes {
        Takes::Required => 1,
        Takes::Number if !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_digit()) => 1,
        Takes::Nothing | Takes::Attached | Takes::Number => 0,
    }
}

/// The long option that `name` is, or is an unambiguous abbreviation of.
fn resolve(name: &[u8]) -> Option<(char, Takes)> {
    if let Some(&(_, letter, takes)) = LONG.iter().find(|(long, ..)| long.as_bytes() == name) {
        return Some((letter, takes));
    }
    let mut candidates = LONG.iter().filter(|(long, ..)| long.as_bytes().starts_with(name));
    let &(_, letter, takes) = candidates.next()?;
    candidates.all(|&(_, other, _)| other == letter).then_some((letter, takes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(n: usize) -> Option<Jobs> {
        NonZeroUsize::new(n).map(Jobs::Count)
    }

    fn parse(line: &str) -> MakeArgs {
        MakeArgs::parse(line.split_whitespace())
    }

    #[test]
    fn a_goal_that_cleans_is_told_from_names_that_are_no_goals() {
        for (line, cleans) in [
            ("clean all", true),
            ("all distclean", true),
            ("mrproper defconfig", true),
            ("-- clean all", true),
            ("CC=gcc clean-local all", true),
            ("clean", false),
            ("V=1 clean", false),
            ("-C dir clean", false),
            ("-C clean all", false),
            ("all install", false),
        ] {
            assert_eq!(parse(line).cleans_among_others(), cleans, "{line:?}");
        }
    }

    #[test]
    fn a_j_is_found_and_stripped_wherever_getopt_would_find_it() {
        for (line, left, jobs) in [
            ("", "", None),
            ("all", "all", None),
            ("-j4", "", count(4)),
            ("-j 4", "", count(4)),
            ("-j", "", Some(Jobs::Unlimited)),
            ("-j all", "all", Some(Jobs::Unlimited)),
            ("-j 4all", "4all", Some(Jobs::Unlimited)),
            ("-j -k", "-k", Some(Jobs::Unlimited)),
            ("--jobs", "", Some(Jobs::Unlimited)),
            ("--jobs=8 all", "all", count(8)),
            ("--jobs 8 all", "all", count(8)),
            ("-kj8", "-k", count(8)),
            ("-kj 8", "-k", count(8)),
            ("-sj", "-s", Some(Jobs::Unlimited)),
            ("-j4 -j6", "", count(6)),
            ("all -j3", "all", count(3)),
            ("CC=gcc -j3 V=1", "CC=gcc V=1", count(3)),
            ("-- -j4", "-- -j4", None),
            ("-C dir -j4", "-C dir", count(4)),
            ("-C -j4", "-C -j4", None),
            ("-Cj4", "-Cj4", None),
            ("-kC -j4 -j5", "-kC -j4", count(5)),
            ("-f -j2", "-f -j2", None),
            ("-I -j2 -o -j3 -W -j4 -E -j5", "-I -j2 -o -j3 -W -j4 -E -j5", None),
            ("--eval=-j4 --file -j4", "--eval=-j4 --file -j4", None),
            ("--dir -j4", "--dir -j4", None),
            ("-l 4 -j2", "-l 4", count(2)),
            ("-l4 -j 2", "-l4", count(2)),
            ("-l -j2", "-l", count(2)),
            ("-O -j2", "-O", count(2)),
            ("-Otarget -j2", "-Otarget", count(2)),
            ("-Oj2", "-Oj2", None),
            ("--output-sync -j2", "--output-sync", count(2)),
            ("--job=4", "--job=4", None),
            ("--unknown -j2", "--unknown", count(2)),
            ("-", "-", None),
        ] {
            let found = parse(line);
            let args: Vec<&str> = found.args.iter().map(|arg| arg.to_str().unwrap()).collect();
            assert_eq!((args.join(" ").as_str(), found.jobs), (left, jobs), "{line:?}");
        }
    }

    #[test]
    fn a_malformed_j_stays_for_make_to_refuse() {
        for line in ["-j0", "-jx", "-j4k", "--jobs=", "--jobs=-1", "-kj0", "-j 0", "-j99999999999"]
        {
            let found = parse(line);
            assert_eq!(found.args, parse(line).args);
            assert_eq!((found.args.join(OsStr::new(" ")).to_str(), found.jobs), (Some(line), None));
        }
    }

    #[test]
    fn a_make_that_runs_no_recipes_is_told_from_one_that_does() {
        for (line, dry) in [
            ("-n", true),
            ("-sn", true),
            ("-q all", true),
            ("-t", true),
            ("--dry-run", true),
            ("--recon", true),
            ("--just", true),
            ("--version", true),
            ("-C n", false),
            ("-fn", false),
            ("-k", false),
            ("--new-file=n", false),
        ] {
            assert_eq!(parse(line).dry, dry, "{line:?}");
        }
    }

    #[test]
    fn silence_is_heard_in_all_its_spellings() {
        for (line, silent) in [
            ("-s", true),
            ("-ks", true),
            ("--silent", true),
            ("--quiet", true),
            ("--qui", true),
            ("--sil", true),
            ("-s --no-silent", false),
            ("-Is", false),
            ("--s", false),
        ] {
            assert_eq!(parse(line).silent, silent, "{line:?}");
        }
    }

    #[test]
    fn the_style_a_user_asks_of_make_4_4_is_heard() {
        assert_eq!(parse("--jobserver-style=pipe").style, Some(Style::Pipe));
        assert_eq!(parse("--jobserver-style fifo").style, Some(Style::Fifo));
        assert_eq!(parse("--jobserver-style=sem").style, None);
    }

    proptest! {
        #[test]
        fn no_words_are_invented_and_a_second_reading_finds_no_j(
            words in prop::collection::vec("-{0,2}[jkCfOl=sx0-9]{0,5}", 0..8),
        ) {
            let found = MakeArgs::parse(&words);
            prop_assert!(found.args.len() <= words.len());
            let again = MakeArgs::parse(&found.args);
            prop_assert_eq!(again.jobs, None);
            prop_assert_eq!(again.args, found.args);
        }
    }
}
