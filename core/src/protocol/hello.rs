//! The first thing that each side says: who it is. This form is for ever; all else may change with the version.
//!
//! 64 bytes: the magic `farmbuild/hello\n`, then the program's identity, padded with zeros. Only programs of the same
//! identity talk on: a wrapper that meets a daemon of another build of the program asks it to retire, by a second
//! connection that says [`Identity::RETIRE`], and starts its own. The old daemon gives up its socket, answers with
//! its hello, ends the jobs it has and goes.

use std::io::{self, Read};

/// Bytes of a hello.
pub const LENGTH: usize = 64;

const MAGIC: &[u8; 16] = b"farmbuild/hello\n";

/// Which build of the program this is. Equal identities speak the same protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity([u8; LENGTH - MAGIC.len()]);

impl Identity {
    /// Said in place of one's own identity to ask a daemon, of whatever build, to retire.
    pub const RETIRE: Self = Self([0xff; LENGTH - MAGIC.len()]);

    /// An identity from the program's version and what tells one build of it from another.
    #[must_use]
    pub fn new(version: &str, build: &str) -> Self {
        let mut bytes = [0; LENGTH - MAGIC.len()];
        let text = version.bytes().chain([b' ']).chain(build.bytes());
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = from;
        }
        Self(bytes)
    }

    /// The hello to send.
    #[must_use]
    pub fn hello(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        bytes[MAGIC.len()..].copy_from_slice(&self.0);
        bytes
    }

    /// The identity in a hello; `None` if it is none of ours.
    #[must_use]
    pub fn parse(hello: &[u8; LENGTH]) -> Option<Self> {
        let (magic, identity) = hello.split_at(MAGIC.len());
        (magic == MAGIC).then(|| identity.try_into().ok().map(Self)).flatten()
    }

    /// Reads the other side's hello, blocking.
    ///
    /// # Errors
    /// If the stream fails, or says something else than a hello (`InvalidData`).
    pub fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut hello = [0; LENGTH];
        stream.read_exact(&mut hello)?;
        Self::parse(&hello).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_builds_of_one_version_differ() {
        assert_ne!(Identity::new("0.1.0", "1"), Identity::new("0.1.0", "2"));
    }

    #[test]
    fn a_hello_is_recognised_and_anything_else_is_not() {
        let identity = Identity::new("0.1.0", "1");
        assert_eq!(Identity::parse(&identity.hello()), Some(identity));
        assert_eq!(Identity::parse(&[b'x'; LENGTH]), None);
    }
}
