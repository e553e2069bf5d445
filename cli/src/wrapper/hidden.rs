//! What farmbuild adds to a compile's arguments doesn't show in what the compiler prints: rustc shows the whole command of a
//! link that fails.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// How the last of the `added` arguments may be shown, if that can be: in quotes, in JSON or not.
pub(super) fn words(added: &[OsString]) -> Vec<Vec<u8>> {
    let Some(word) = added.last().and_then(|last| last.as_bytes().strip_prefix(b"link-arg="))
    else {
        return Vec::new();
    };
    let quoted = |quote: &[u8]| [b" ", quote, word, quote].concat();
    vec![quoted(b"\\\""), quoted(b"\"")]
}

/// Text on its way to its reader. It goes on at once where nothing is hidden, else line by line.
pub(super) struct Hiding {
    words: Vec<Vec<u8>>,
    line: Vec<u8>,
}

impl Hiding {
    pub(super) fn new(words: Vec<Vec<u8>>) -> Self {
        Self { words, line: Vec::new() }
    }

    /// Passes on some bytes, as far as their lines are whole.
    pub(super) fn pass(&mut self, bytes: &[u8], pass_on: &mut impl FnMut(&[u8])) {
        if self.words.is_empty() {
            return pass_on(bytes);
        }
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|&byte| byte == b'\n') {
            let rest = self.line.split_off(end + 1);
            self.end(pass_on);
            self.line = rest;
        }
    }

    /// Passes on what is left.
    pub(super) fn end(&mut self, pass_on: &mut impl FnMut(&[u8])) {
        let mut text = std::mem::take(&mut self.line);
        for word in &self.words {
            while let Some(at) = text.windows(word.len()).position(|it| it == word) {
                text.drain(at..at + word.len());
            }
        }
        if !text.is_empty() {
            pass_on(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(added: &[&str], chunks: &[&str]) -> String {
        let added: Vec<_> = added.iter().map(OsString::from).collect();
        let (mut hiding, mut text) = (Hiding::new(words(&added)), Vec::new());
        let mut pass_on = |bytes: &[u8]| text.extend_from_slice(bytes);
        chunks.iter().for_each(|chunk| hiding.pass(chunk.as_bytes(), &mut pass_on));
        hiding.end(&mut pass_on);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn an_argument_for_the_linker_is_hidden_wherever_its_text_is_cut() {
        let added = ["-C", "link-arg=-Wl,--x=/f/5"];
        assert_eq!(
            shown(&added, &["note: \"cc\" \"-Wl,--x", "=/f/5\" \"-m64\"\nrest"]),
            "note: \"cc\" \"-m64\"\nrest"
        );
        assert_eq!(
            shown(&added, &["{\"note\":\"\\\"cc\\\" \\\"-Wl,--x=/f/5\\\"\"}\n"]),
            "{\"note\":\"\\\"cc\\\"\"}\n"
        );
    }

    #[test]
    fn other_text_stays_as_it_is() {
        assert_eq!(shown(&["-MD", "-MF", "/f/5"], &["a \"/f/5", "\" b"]), "a \"/f/5\" b");
    }
}
