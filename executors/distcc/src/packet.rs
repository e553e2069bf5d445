//! The protocol's packets: four letters, eight hexadecimal digits and perhaps a body.
//!
//! Source: distcc's `protocol-1.txt`. Knows neither the order of packets nor where they come from.

use std::fmt;

/// The size of a packet without its body.
pub(crate) const HEADER: usize = 12;

/// A packet's name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(pub [u8; 4]);

impl Token {
    pub(crate) const DIST: Self = Self(*b"DIST");
    pub(crate) const ARGC: Self = Self(*b"ARGC");
    pub(crate) const ARGV: Self = Self(*b"ARGV");
    pub(crate) const DOTI: Self = Self(*b"DOTI");
    pub(crate) const DONE: Self = Self(*b"DONE");
    pub(crate) const STAT: Self = Self(*b"STAT");
    pub(crate) const SERR: Self = Self(*b"SERR");
    pub(crate) const SOUT: Self = Self(*b"SOUT");
    pub(crate) const DOTO: Self = Self(*b"DOTO");
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a server sent that the protocol doesn't allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// Another packet than the one whose turn it was, or none at all.
    #[error("it sent \"{found}\" where {expected} belongs; is it a distccd?")]
    Unexpected {
        /// The name of the packet whose turn it was.
        expected: String,
        /// What came, with escapes.
        found: String,
    },
    /// The parameter isn't eight hexadecimal digits.
    #[error("it sent \"{digits}\" behind {token} where eight hexadecimal digits belong")]
    BadNumber {
        /// The packet's name.
        token: String,
        /// What came, with escapes.
        digits: String,
    },
    /// It answered in another version of the protocol.
    #[error("it answered in version {found} of the protocol to a request in version {sent}")]
    Version {
        /// The request's version.
        sent: u32,
        /// The reply's.
        found: u32,
    },
    /// A wait status that no process ends with.
    #[error("it sent the wait status {0:#x}, which no process ends with")]
    BadStatus(u32),
    /// More diagnostics than we hold.
    #[error("it sent more than {limit} bytes of {what}")]
    TooLong {
        /// Which stream.
        what: &'static str,
        /// [`crate::DIAGNOSTICS_LIMIT`].
        limit: usize,
    },
    /// The compression is broken.
    #[error("in {what}, {source}")]
    Corrupt {
        /// Which packet's body.
        what: &'static str,
        /// What is wrong with it.
        source: crate::lzo::Corrupt,
    },
}

/// Appends a packet's head.
pub(crate) fn put(out: &mut Vec<u8>, token: Token, parameter: u32) {
    out.extend_from_slice(&token.0);
    out.extend_from_slice(format!("{parameter:08x}").as_bytes());
}

/// Reads the head of a packet that must be `expected`.
pub(crate) fn parse(header: &[u8; HEADER], expected: Token) -> Result<u32, PacketError> {
    let (name, digits) = header.split_at(4);
    if name != expected.0 {
        return Err(PacketError::Unexpected {
            expected: expected.to_string(),
            found: header.escape_ascii().to_string(),
        });
    }
    digits
        .iter()
        .try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
        .ok_or_else(|| PacketError::BadNumber {
            token: expected.to_string(),
            digits: digits.escape_ascii().to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_twelve_bytes_and_comes_back() {
        for number in [0, 1, 0x0123_abcd, u32::MAX] {
            let mut out = Vec::new();
            put(&mut out, Token::DOTI, number);
            assert_eq!(parse(out.as_slice().try_into().unwrap(), Token::DOTI), Ok(number));
        }
    }

    #[test]
    fn another_packet_is_named_in_the_error() {
        let error = parse(b"HTTP/1.1 400", Token::DONE).unwrap_err();
        let expected = "it sent \"HTTP/1.1 400\" where DONE belongs; is it a distccd?";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_sign_or_a_space_is_no_digit() {
        for digits in ["+0000001", " 0000001", "0000000g", "0x000001"] {
            let head: Vec<u8> = [b"DONE", digits.as_bytes()].concat();
            let error = parse(head.as_slice().try_into().unwrap(), Token::DONE).unwrap_err();
            assert!(matches!(error, PacketError::BadNumber { .. }), "{digits}");
        }
    }
}
