//! Keys: blake3 over named fields, each with its length, so that no two lists of fields run together.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::store::Key;

/// A key in the making.
#[derive(Clone)]
pub(crate) struct Digest(blake3::Hasher);

impl Digest {
    /// Begins a key of this kind. Another meaning of the same fields wants another kind.
    pub(crate) fn new(kind: &str) -> Self {
        let mut digest = Self(blake3::Hasher::new());
        digest.bytes(kind, &[]);
        digest
    }

    /// Adds a field.
    pub(crate) fn bytes(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// Adds a field with several values in order.
    pub(crate) fn list<T: AsRef<OsStr>>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) {
        for value in values {
            self.bytes(name, value.as_ref().as_bytes());
        }
        self.bytes(name, &[]);
    }

    /// The key.
    pub(crate) fn key(&self) -> Key {
        self.0.finalize().into()
    }
}
