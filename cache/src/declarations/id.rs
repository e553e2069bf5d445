//! 128 bits of a hash: enough to tell declarations apart.

use serde::{Deserialize, Serialize};

/// What a declaration is, or what it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// Of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        Self(id)
    }

    /// In the same order.
    pub(super) fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}
