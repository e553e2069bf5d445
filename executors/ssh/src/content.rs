//! Inputs by content: what they are called in a board's store, and which of them that is known to hold.
//!
//! The name is the SHA-256 of the content, because that is what coreutils can check: an entry that was cut short, damaged
//! or mistaken is told by its own name, by whichever session meets it. Knows no board.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Texts above this size are hashed on a thread that may block: below, that takes about a millisecond.
const HASH_INLINE: usize = 512 * 1024;

/// The hash of some content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ContentHash([u8; 32]);

impl ContentHash {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The same, for bytes that may be many.
    pub(crate) async fn of_text(text: &Bytes) -> Self {
        if text.len() <= HASH_INLINE {
            return Self::of(text);
        }
        let bytes = text.clone();
        let hashed = tokio::task::spawn_blocking(move || Self::of(&bytes)).await;
        // A runtime that ends runs no more threads.
        hashed.unwrap_or_else(|_| Self::of(text))
    }

    fn parse(name: &str) -> Option<Self> {
        let mut hash = [0; 32];
        let digits = name.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            let digit = |digit: u8| match digit {
                b'0'..=b'9' => Some(digit - b'0'),
                b'a'..=b'f' => Some(digit - b'a' + 10),
                _ => None,
            };
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How content travels, and is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// As it is.
    Plain,
    /// Packed, and unpacked each time it is used: sources, which are used now and then.
    Packed,
    /// Packed on its way alone: crates, which are used again and again. Kept as [`Self::Plain`].
    Unpacked,
}

impl Form {
    /// On the wire.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::Plain => "u",
            Self::Packed => "p",
            Self::Unpacked => "x",
        }
    }

    /// As it is kept.
    fn kept(self) -> Self {
        if self == Self::Unpacked { Self::Plain } else { self }
    }
}

/// What a board's store is known to hold. It may have less by now, which it says when it is asked for it.
#[derive(Debug, Default)]
pub(crate) struct Stored(Mutex<HashSet<(ContentHash, Form)>>);

impl Stored {
    pub(crate) fn has(&self, hash: ContentHash, form: Form) -> bool {
        self.lock().contains(&(hash, form.kept()))
    }

    pub(crate) fn add(&self, hash: ContentHash, form: Form) {
        self.lock().insert((hash, form.kept()));
    }

    pub(crate) fn forget(&self, hash: ContentHash, form: Form) {
        self.lock().remove(&(hash, form.kept()));
    }

    /// Takes in the name of an entry, as the board has it; others than ours mean nothing.
    pub(crate) fn add_name(&self, name: &str) {
        let (digits, form) = match name.strip_suffix(".z") {
            Some(digits) => (digits, Form::Packed),
            None => (name, Form::Plain),
        };
        if let Some(hash) = ContentHash::parse(digits) {
            self.add(hash, form);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(ContentHash, Form)>> {
        // Changed whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_is_called_what_sha256sum_prints() {
        let hash = ContentHash::of(b"abc");
        let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), name);
        let stored = Stored::default();
        stored.add_name(&format!("{name}.z"));
        assert!(stored.has(hash, Form::Packed) && !stored.has(hash, Form::Plain));
        stored.add_name(name);
        stored.forget(hash, Form::Packed);
        assert!(!stored.has(hash, Form::Packed) && stored.has(hash, Form::Plain));
    }

    proptest! {
        #[test]
        fn any_name_is_an_entry_or_nothing(name in "[0-9a-fA-F/.z-]{0,70}|[0-9a-f]{64}(.z)?") {
            let stored = Stored::default();
            stored.add_name(&name);
            for (hash, form) in stored.lock().iter() {
                let end = if *form == Form::Packed { ".z" } else { "" };
                prop_assert_eq!(format!("{hash}{end}"), name.clone());
            }
        }
    }
}
