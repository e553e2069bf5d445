//! Response files: `@file` stands for the arguments that the file holds.
//!
//! The quoting rules are those of the manual of gcc (which clang follows): white space separates, single and double
//! quotes group, and a backslash takes the next character as it is, also between quotes.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::plan::is_special;

/// Where response files are read from.
pub trait ResponseFiles {
    /// Reads at most `limit` bytes, plus one where there are more, of the file with this absolute name.
    ///
    /// # Errors
    /// Whatever the file system says. [`io::ErrorKind::NotFound`] leaves the argument as it stands, as compilers do.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
}

/// Response files of this machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

impl ResponseFiles for FileSystem {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        // A pipe can be read once only, and the compiler has to read it again; opening one may wait for ever. Names
        // such as `/dev/fd/63` mean a file that the compiler has open, not this process.
        if is_special(path) || !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        io::Read::read_to_end(&mut io::Read::take(file, limit.saturating_add(1)), &mut bytes)?;
        Ok(bytes)
    }
}

/// A command line that can't be told; the compiler itself has to look at it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// There is no `argv[0]`.
    #[error("the command line is empty")]
    Empty,
    /// A response file is there and can't be read.
    #[error("can't read the response file {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A response file holds an open quote, a backslash at its end, or a NUL.
    #[error("the response file {} ends within a quote or holds a NUL", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Response files name each other in a circle, or there are too many bytes in them.
    #[error("the response file {} is one too many, or too long", .path.display())]
    TooMuch {
        /// The file at which the limit was reached.
        path: PathBuf,
    },
}

/// The most response files that one command line may read.
const MOST_FILES: usize = 256;
/// The most bytes that they may hold together; a longer command line could not be given to a compiler anyway.
const MOST_BYTES: u64 = 2 << 20;

/// Replaces every `@file` of `args` by the file's arguments, and so on within them. Relative names start from `cwd`,
/// also within response files.
pub(super) fn expand(
    args: &[OsString],
    cwd: &Path,
    files: &dyn ResponseFiles,
) -> Result<Vec<OsString>, AnalysisError> {
    let mut expanded = Vec::with_capacity(args.len());
    // The next argument is the last one here.
    let mut pending: Vec<OsString> = args.iter().rev().cloned().collect();
    let mut files_left = MOST_FILES;
    let mut bytes_left = MOST_BYTES;
    while let Some(arg) = pending.pop() {
        let Some(name) = arg.as_bytes().strip_prefix(b"@").filter(|name| !name.is_empty()) else {
            expanded.push(arg);
            continue;
        };
        let path = cwd.join(OsStr::from_bytes(name));
        let bytes = match files.read(&path, bytes_left) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                expanded.push(arg);
                continue;
            }
            Err(source) => return Err(AnalysisError::Unreadable { path, source }),
        };
        files_left -= 1;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match bytes_left.checked_sub(length) {
            Some(left) if files_left > 0 => bytes_left = left,
            _ => return Err(AnalysisError::TooMuch { path }),
        }
        let Some(words) = split(&bytes) else { return Err(AnalysisError::Malformed { path }) };
        pending.extend(words.into_iter().rev());
    }
    Ok(expanded)
}

/// Splits the text of a response file; `None` if it is malformed.
fn split(text: &[u8]) -> Option<Vec<OsString>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (0, _) => return None,
            (b'\\', _) => word.get_or_insert_default().push(bytes.next().filter(|&b| b != 0)?),
            (b'\'' | b'"', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (_, Some(open)) if byte == open => quote = None,
            (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, None) => {
                words.extend(word.take().map(OsString::from_vec));
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word.map(OsString::from_vec));
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    struct Texts(HashMap<&'static str, &'static [u8]>);

    impl ResponseFiles for Texts {
        fn read(&self, path: &Path, _limit: u64) -> io::Result<Vec<u8>> {
            let name = path.to_str().unwrap();
            self.0.get(name).map(|text| text.to_vec()).ok_or(io::ErrorKind::NotFound.into())
        }
    }

    fn expanded(
        args: &[&str],
        files: &[(&'static str, &'static [u8])],
    ) -> Result<Vec<OsString>, AnalysisError> {
        let args: Vec<_> = args.iter().map(OsString::from).collect();
        expand(&args, Path::new("/w"), &Texts(files.iter().copied().collect()))
    }

    #[test]
    fn quotes_group_and_a_backslash_takes_the_next_character() {
        let rows: &[(&[u8], &[&str])] = &[
            (b"", &[]),
            (b" \t\n\r ", &[]),
            (b"-c a.c", &["-c", "a.c"]),
            (b"-c\na.c\n", &["-c", "a.c"]),
            (br"a\ b", &["a b"]),
            (b"'a b'", &["a b"]),
            (b"\"a b\"c", &["a bc"]),
            (br#"-DX=\"a\""#, &["-DX=\"a\""]),
            (br#"'-DX="a"'"#, &["-DX=\"a\""]),
            (br"'a\'b'", &["a'b"]),
            (br#""a\"b""#, &["a\"b"]),
            (b"a\\\nb", &["a\nb"]),
            (b"'' x", &["", "x"]),
            (br"C:\\x", &[r"C:\x"]),
        ];
        for (text, words) in rows {
            let expected: Vec<_> = words.iter().map(OsString::from).collect();
            assert_eq!(split(text), Some(expected), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn an_open_quote_a_last_backslash_or_a_nul_is_malformed() {
        for text in [&b"'a"[..], b"\"a'", b"a\\", b"a\0b", b"a\\\0"] {
            assert_eq!(split(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_response_file_may_name_others_and_names_start_from_the_working_directory() {
        let files: &[(&str, &[u8])] = &[("/w/d/one", b"-c @two -g"), ("/w/two", b"a.c")];
        assert_eq!(expanded(&["@d/one", "-O2"], files).unwrap(), ["-c", "a.c", "-g", "-O2"]);
    }

    #[test]
    fn an_argument_without_such_a_file_stands_as_it_is() {
        assert_eq!(expanded(&["@none", "@"], &[]).unwrap(), ["@none", "@"]);
    }

    #[test]
    fn a_circle_of_response_files_is_an_error() {
        let error = expanded(&["@loop"], &[("/w/loop", b"@loop @loop")]).unwrap_err();
        assert!(matches!(error, AnalysisError::TooMuch { .. }), "{error}");
    }

    #[test]
    fn a_response_file_that_can_not_be_read_is_an_error() {
        let error = expand(&["@/".into()], Path::new("/"), &FileSystem).unwrap_err();
        assert!(matches!(error, AnalysisError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_pipe_or_an_open_file_is_left_to_the_compiler() {
        for name in ["@/dev/fd/0", "@/proc/self/fd/0", "@/dev/null"] {
            let error = expand(&[name.into()], Path::new("/"), &FileSystem).unwrap_err();
            assert!(matches!(error, AnalysisError::Unreadable { .. }), "{name}: {error}");
        }
    }

    proptest! {
        #[test]
        fn words_are_never_longer_than_their_text(text in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Some(words) = split(&text) {
                prop_assert!(words.iter().map(|word| word.len()).sum::<usize>() <= text.len());
            }
        }
    }
}
