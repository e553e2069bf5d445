//! Where in which files used declarations stand, columns included, for a key.
//!
//! A text has their lines. The columns are in the files: the lines are hashed as they are there.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memchr_iter;

use crate::declarations::{Doubt, Positions, Stretch};
use crate::digest::Digest;
use crate::job::Job;
use crate::marked;
use crate::source::ContentHash;

/// Adds them.
///
/// # Errors
/// If a file isn't what it was, or its lines aren't where the text says.
pub(super) fn add(
    positions: &Positions,
    files: &[(PathBuf, ContentHash)],
    job: &Job,
    digest: &mut Digest,
) -> Result<(), Doubt> {
    digest.bytes("content", &positions.content.0);
    let hashes: HashMap<&Path, ContentHash> =
        files.iter().map(|(path, hash)| (path.as_path(), *hash)).collect();
    let mut read: Vec<Option<Lines>> = positions.files.iter().map(|_| None).collect();
    let mut hasher = blake3::Hasher::new();
    for Stretch { file, first, last } in &positions.stretches {
        let at = *file as usize;
        let (Some(name), Some(slot)) = (positions.files.get(at), read.get_mut(at)) else {
            return Err(Doubt::Files);
        };
        let lines = match slot {
            Some(lines) => lines,
            none => {
                let name = marked::unescaped(name);
                let path = job.question.invocation.cwd.join(&name);
                // What an option defines stands in no file.
                let hash = *hashes.get(path.as_path()).ok_or(Doubt::Files)?;
                digest.bytes("file", &job.base.marked(name.as_bytes()));
                none.insert(Lines::of(&path, hash)?)
            }
        };
        hasher.update(&file.to_le_bytes()).update(&first.to_le_bytes());
        hasher.update(lines.between(*first, *last).ok_or(Doubt::Files)?).update(&[0]);
    }
    digest.bytes("stretches", hasher.finalize().as_bytes());
    Ok(())
}

/// A file's lines.
struct Lines {
    text: Vec<u8>,
    /// Where each begins, and the end.
    starts: Vec<usize>,
}

impl Lines {
    fn of(path: &Path, hash: ContentHash) -> Result<Self, Doubt> {
        let text = fs::read(path).map_err(|_| Doubt::Files)?;
        if ContentHash::of(&text) != hash {
            return Err(Doubt::Files);
        }
        let mut starts = vec![0];
        for end in memchr_iter(b'\n', &text) {
            let line = text[starts[starts.len() - 1]..end].trim_ascii_start();
            // Behind it the text speaks of other lines than those here.
            if names_line(line) {
                return Err(Doubt::Line);
            }
            starts.push(end + 1);
        }
        starts.push(text.len());
        Ok(Self { text, starts })
    }

    /// From one line to another one, with those by which the last one goes on.
    fn between(&self, first: u32, last: u32) -> Option<&[u8]> {
        if first > last {
            return None;
        }
        let from = *self.starts.get((first as usize).checked_sub(1)?)?;
        let mut last = last as usize;
        loop {
            let to = *self.starts.get(last)?;
            let line = self.text.get(from..to)?.trim_ascii_end();
            if !line.ends_with(b"\\") && !line.ends_with(b"??/") {
                return self.text.get(from..to);
            }
            last += 1;
        }
    }
}

/// Whether a line is a `#line` directive, or a line marker.
fn names_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"#").or_else(|| line.strip_prefix(b"%:")) else {
        return false;
    };
    let rest = rest.trim_ascii_start();
    rest.starts_with(b"line") || rest.first().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Lines, Doubt> {
        let space = tempfile::tempdir().unwrap();
        let path = space.path().join("a.h");
        fs::write(&path, text).unwrap();
        Lines::of(&path, ContentHash::of(text.as_bytes()))
    }

    #[test]
    fn lines_go_on_behind_a_backslash() {
        let lines = lines("one\ntwo \\\n  three\nfour").unwrap();
        assert_eq!(lines.between(1, 1), Some(&b"one\n"[..]));
        assert_eq!(lines.between(2, 2), Some(&b"two \\\n  three\n"[..]));
        assert_eq!(lines.between(4, 4), Some(&b"four"[..]));
    }

    #[test]
    fn lines_that_are_not_there_are_no_lines() {
        let lines = lines("one\n").unwrap();
        for (first, last) in [(0, 1), (1, 9), (7, 7), (2, 1)] {
            assert_eq!(lines.between(first, last), None, "{first} to {last}");
        }
    }

    #[test]
    fn a_file_that_names_its_lines_is_not_understood() {
        for text in ["#line 3\n", "  #  line 3 \"b\"\n", "# 12 \"a\"\n"] {
            assert_eq!(lines(text).err(), Some(Doubt::Line), "{text}");
        }
        assert!(lines("#define line 3\n").is_ok());
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_not_read() {
        let space = tempfile::tempdir().unwrap();
        let path = space.path().join("a.h");
        fs::write(&path, "now").unwrap();
        assert_eq!(Lines::of(&path, ContentHash::of(b"then")).err(), Some(Doubt::Files));
    }
}
