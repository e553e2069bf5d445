//! Command lines as a person would type them, and their analysis.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::{Analysis, ResponseFiles, analyse};

/// Splits a line as a shell would: quotes group, a backslash takes the next character.
pub(crate) fn words(line: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match (char, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            ('\'' | '"', None) => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (_, Some(open)) if char == open => quote = None,
            (' ', None) => words.extend(word.take().map(OsString::from)),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word.map(OsString::from));
    words
}

/// Response files by their absolute names.
#[derive(Default)]
pub(crate) struct Texts(pub(crate) HashMap<PathBuf, Vec<u8>>);

impl ResponseFiles for Texts {
    fn read(&self, path: &Path, _limit: u64) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The analysis of a line that names no response file.
pub(crate) fn analysed(line: &str) -> Analysis {
    analyse(&words(line), Path::new("/w"), &Texts::default()).unwrap()
}

/// The reason of the refusal, or "remote".
pub(crate) fn verdict(analysis: &Analysis) -> &'static str {
    match &analysis.remote {
        Ok(_) => "remote",
        Err(refused) => refused.reason.name(),
    }
}
