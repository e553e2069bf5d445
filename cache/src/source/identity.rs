//! Hashes that stand for a content and for a name.
//!
//! Knows no C. A [`ContentHash`] is trusted to be unique; an [`IdHash`] needn't be: where two names share one, a name
//! counts as mentioned that isn't, which costs a hit and never gives a wrong result.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The BLAKE3 hash of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// Hashes `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Hashes what `file` holds, without having all of it in memory.
    ///
    /// # Errors
    /// Whatever reading gives.
    pub fn of_file(file: &std::fs::File) -> std::io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A 64-bit hash of an identifier's or a number's text; the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdHash(pub u64);

impl IdHash {
    /// Hashes `name`.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15 ^ name.len() as u64;
        let (words, rest) = name.as_chunks::<8>();
        for word in words {
            state = fold(state ^ u64::from_le_bytes(*word));
        }
        let rest = rest.iter().rev().fold(0, |all, &byte| all << 8 | u64::from(byte));
        Self(fold(fold(state ^ rest)))
    }
}

fn fold(value: u64) -> u64 {
    let product = u128::from(value) * 0xe703_7ed1_a0b4_28db;
    (product as u64) ^ (product >> 64) as u64
}
