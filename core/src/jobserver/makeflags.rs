//! The value of `MAKEFLAGS`: read, and written again with another jobserver in it.
//!
//! A pure function of the text. Source: the GNU make manual, "Communicating Options to a Sub-make", and what make 4.3
//! and 4.4 write: `LETTERS -jN --jobserver-auth=... --long -- VAR=value`, where spaces and backslashes of a
//! value are escaped by a backslash.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::error::OuterError;
use super::make_args::{Jobs, MakeArgs};

/// A `MAKEFLAGS` (or `GNUMAKEFLAGS`, or `CARGO_MAKEFLAGS`), without the jobs and jobserver it named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Makeflags {
    /// Single letters, without a dash.
    letters: Vec<u8>,
    /// Other options, each as it was written.
    options: Vec<OsString>,
    /// `VAR=value` words, each as it was written, backslashes and all.
    variables: Vec<Vec<u8>>,
    jobs: Option<Jobs>,
    auth: Option<OsString>,
    dry: bool,
    silent: bool,
}

impl Makeflags {
    /// Reads a value. Nothing is refused: make itself says what it doesn't understand.
    #[must_use]
    pub fn parse(value: &OsStr) -> Self {
        let mut words = words(without_dangling_backslash(value.as_bytes())).peekable();
        let mut options: Vec<OsString> = Vec::new();
        // make reads a first word without a dash as bundled letters, unless it is a variable.
        if let Some(first) = words.next_if(|word| word[0] != b'-' && !word.contains(&b'=')) {
            options.push(OsString::from_vec([b"-", first].concat()));
        }
        let mut variables = Vec::new();
        for word in words.by_ref() {
            match word {
                b"--" => break,
                _ if word[0] != b'-' && word.contains(&b'=') => variables.push(word.to_vec()),
                _ => options.push(OsStr::from_bytes(word).to_owned()),
            }
        }
        variables.extend(words.map(<[u8]>::to_vec));

        let MakeArgs { args, jobs, dry, silent, .. } = MakeArgs::parse(options);
        let mut flags = Self { variables, jobs, dry, silent, ..Self::default() };
        let mut auth = None;
        let mut fds = None;
        for word in args {
            let bytes = word.as_bytes();
            if let Some(value) = bytes.strip_prefix(b"--jobserver-auth=") {
                auth = Some(OsStr::from_bytes(value).to_owned());
            } else if let Some(value) = bytes.strip_prefix(b"--jobserver-fds=") {
                fds = Some(OsStr::from_bytes(value).to_owned());
            } else if let Some(letters) = plain_letters(bytes) {
                flags.letters.extend_from_slice(letters);
            } else {
                flags.options.push(word);
            }
        }
        flags.auth = auth.or(fds);
        flags
    }

    /// The `-j` it held.
    #[must_use]
    pub fn jobs(&self) -> Option<Jobs> {
        self.jobs
    }

    /// Whether it held `-n`, `-q` or `-t`.
    #[must_use]
    pub fn dry(&self) -> bool {
        self.dry
    }

    /// Whether it held `-s`.
    #[must_use]
    pub fn silent(&self) -> bool {
        self.silent
    }

    /// The jobserver it named, if any.
    ///
    /// # Errors
    /// [`OuterError::Malformed`] and [`OuterError::Disabled`].
    pub fn auth(&self) -> Result<Option<Auth>, OuterError> {
        self.auth.as_deref().map(Auth::parse).transpose()
    }

    /// The value for a child that shall use the pool `auth` of `jobs` jobs, with all else as it was.
    #[must_use]
    pub fn with_pool(&self, jobs: NonZeroUsize, auth: &Auth) -> OsString {
        let auth = auth.to_value();
        let pool = format!("-j{jobs} --jobserver-auth=");
        self.write(&[pool.as_bytes(), auth.as_bytes()].concat())
    }

    /// The value without jobs and jobserver, with all else as it was.
    #[must_use]
    pub fn without_pool(&self) -> OsString {
        self.write(b"")
    }

    /// As make does: an empty first word stands for no letters.
    fn write(&self, pool: &[u8]) -> OsString {
        let mut text = self.letters.clone();
        let options = self.options.iter().map(|option| option.as_bytes());
        for word in [pool].into_iter().filter(|word| !word.is_empty()).chain(options) {
            text.push(b' ');
            text.extend_from_slice(word);
        }
        if !self.variables.is_empty() {
            text.extend_from_slice(b" --");
        }
        for variable in &self.variables {
            text.push(b' ');
            text.extend_from_slice(variable);
        }
        OsString::from_vec(text)
    }
}

/// Where a pool is, as `--jobserver-auth` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `R,W`: two inherited descriptors.
    Pipe {
        /// The descriptor to read from.
        read: i32,
        /// The descriptor to write to.
        write: i32,
    },
    /// `fifo:PATH`.
    Fifo(PathBuf),
}

impl Auth {
    fn parse(value: &OsStr) -> Result<Self, OuterError> {
        let lossy = || value.to_string_lossy().into_owned();
        if let Some(path) = value.as_bytes().strip_prefix(b"fifo:") {
            return match path {
                b"" => Err(OuterError::Malformed(lossy())),
                path => Ok(Self::Fifo(OsStr::from_bytes(path).into())),
            };
        }
        let (read, write) = value
            .to_str()
            .and_then(|text| text.split_once(','))
            .and_then(|(read, write)| Some((read.parse().ok()?, write.parse().ok()?)))
            .ok_or_else(|| OuterError::Malformed(lossy()))?;
        if read < 0 || write < 0 {
            return Err(OuterError::Disabled(lossy()));
        }
        Ok(Self::Pipe { read, write })
    }

    fn to_value(&self) -> OsString {
        match self {
            Self::Pipe { read, write } => OsString::from(format!("{read},{write}")),
            Self::Fifo(path) => {
                let mut value = OsString::from("fifo:");
                value.push(path);
                value
            }
        }
    }
}

/// The letters of `-abc`, if none of them takes an argument.
fn plain_letters(word: &[u8]) -> Option<&[u8]> {
    let letters = word.strip_prefix(b"-")?;
    let plain = |letter: &u8| letter.is_ascii_alphabetic() && !b"CfIoWEOjl".contains(letter);
    (!letters.is_empty() && letters.iter().all(plain)).then_some(letters)
}

/// A backslash at the very end has nothing to escape, but would have once something follows.
fn without_dangling_backslash(text: &[u8]) -> &[u8] {
    let backslashes = text.iter().rev().take_while(|&&byte| byte == b'\\').count();
    &text[..text.len() - backslashes % 2]
}

/// Words between blanks; a backslash keeps the next byte in its word.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let mut escaped = false;
        let end = rest.iter().position(|&byte| {
            let ends = byte.is_ascii_whitespace() && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let (word, left) = rest.split_at(end.unwrap_or(rest.len()));
        rest = left;
        (!word.is_empty()).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_pool(value: &str) -> String {
        let auth = Auth::Pipe { read: 7, write: 8 };
        let jobs = NonZeroUsize::new(4).unwrap();
        let flags = Makeflags::parse(OsStr::new(value));
        flags.with_pool(jobs, &auth).into_string().unwrap()
    }

    #[test]
    fn a_users_makeflags_keep_all_but_their_jobs() {
        for (value, expected) in [
            ("", " -j4 --jobserver-auth=7,8"),
            ("k", "k -j4 --jobserver-auth=7,8"),
            ("-k", "k -j4 --jobserver-auth=7,8"),
            ("kj9", "k -j4 --jobserver-auth=7,8"),
            ("k -j9 --jobserver-auth=3,4", "k -j4 --jobserver-auth=7,8"),
            (" -j --jobserver-fds=3,4 --jobserver-auth=3,4", " -j4 --jobserver-auth=7,8"),
            (" --no-print-directory", " -j4 --jobserver-auth=7,8 --no-print-directory"),
            ("s -I inc -Otarget", "s -j4 --jobserver-auth=7,8 -I inc -Otarget"),
            ("k -- X=1 Y=a\\ b", "k -j4 --jobserver-auth=7,8 -- X=1 Y=a\\ b"),
            ("X=-j9", " -j4 --jobserver-auth=7,8 -- X=-j9"),
            ("w -- -j9", "w -j4 --jobserver-auth=7,8 -- -j9"),
            ("-- Y=a\\", " -j4 --jobserver-auth=7,8 -- Y=a"),
            ("-- Z=\\\\ A=1", " -j4 --jobserver-auth=7,8 -- Z=\\\\ A=1"),
        ] {
            assert_eq!(with_pool(value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_fifo_is_spelt_as_make_4_4_spells_it() {
        let auth = Auth::Fifo("/tmp/x/fifo".into());
        let text = Makeflags::default().with_pool(NonZeroUsize::new(2).unwrap(), &auth);
        assert_eq!(text, " -j2 --jobserver-auth=fifo:/tmp/x/fifo");
        assert_eq!(Makeflags::parse(&text).auth().unwrap(), Some(auth));
    }

    #[test]
    fn the_last_jobserver_auth_counts_and_the_old_spelling_only_without_it() {
        for (value, read) in [
            ("-j --jobserver-auth=3,4 --jobserver-auth=5,6", Some(5)),
            ("-j --jobserver-auth=5,6 --jobserver-fds=3,4", Some(5)),
            ("-j --jobserver-fds=3,4", Some(3)),
            ("k -- X=--jobserver-auth=3,4", None),
            ("k -- --jobserver-auth=3,4", None),
        ] {
            let found = Makeflags::parse(OsStr::new(value)).auth().unwrap();
            let expected = read.map(|read| Auth::Pipe { read, write: read + 1 });
            assert_eq!(found, expected, "{value:?}");
        }
    }

    #[test]
    fn a_malformed_or_negative_jobserver_is_named() {
        for value in ["3", "3,", "a,b", "fifo:", "", "3,4,5", "99999999999,1"] {
            let flags = Makeflags::parse(OsStr::new(&format!("-j --jobserver-auth={value}")));
            assert!(matches!(flags.auth(), Err(OuterError::Malformed(_))), "{value:?}");
        }
        let flags = Makeflags::parse(OsStr::new(" -j --jobserver-auth=-2,-2"));
        assert!(matches!(flags.auth(), Err(OuterError::Disabled(_))));
    }

    #[test]
    fn without_a_pool_nothing_of_one_is_left() {
        let flags = Makeflags::parse(OsStr::new("k -j9 --jobserver-auth=3,4 -- X=1"));
        assert_eq!(flags.without_pool(), "k -- X=1");
    }

    proptest! {
        #[test]
        fn any_value_takes_our_pool_and_loses_it_again(value in "[-=,a-zj0-9 \\\\]{0,60}") {
            let auth = Auth::Pipe { read: 7, write: 8 };
            let ours = Makeflags::parse(OsStr::new(&value));
            let jobs = NonZeroUsize::new(4).unwrap();
            let again = Makeflags::parse(&ours.with_pool(jobs, &auth));
            prop_assert_eq!(again.jobs(), Some(Jobs::Count(jobs)));
            prop_assert_eq!(again.auth().unwrap(), Some(auth));
            prop_assert_eq!(again.without_pool(), ours.without_pool());
        }
    }
}
