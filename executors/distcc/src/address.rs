//! Where a server listens, as people write it.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The port that `distccd` listens on unless told.
pub const DEFAULT_PORT: u16 = 3632;

/// A host's name or IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name, an IPv4 address or an IPv6 address (without brackets, perhaps with a `%zone`).
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no name before the port.
    #[error("there is no host name")]
    NoHost,
    /// A character that no host name has.
    #[error("{0:?} can't be in a host name")]
    BadCharacter(char),
    /// The brackets hold no IPv6 address.
    #[error("[{0}] is no IPv6 address")]
    BadIpv6(String),
    /// A bracket without its partner, or something other than a port behind it.
    #[error("an IPv6 address is written [ADDRESS] or [ADDRESS]:PORT")]
    BadBrackets,
    /// More than one colon outside brackets.
    #[error("an IPv6 address must be in brackets, such as [::1]:3632")]
    BareIpv6,
    /// Not a number from 1 to 65535.
    #[error("{0:?} is no port number (1 to 65535)")]
    BadPort(String),
}

impl Address {
    /// Reads `HOST`, without a port, and puts `port` to it.
    ///
    /// # Errors
    /// Any [`AddressError`] but a bad port.
    pub(crate) fn with_port(host: &str, port: u16) -> Result<Self, AddressError> {
        if let Some(rest) = host.strip_prefix('[') {
            let inner = rest.strip_suffix(']').ok_or(AddressError::BadBrackets)?;
            let bare = inner.split_once('%').map_or(inner, |(address, _zone)| address);
            if bare.parse::<Ipv6Addr>().is_err() {
                return Err(AddressError::BadIpv6(inner.to_owned()));
            }
            return Ok(Self { host: inner.to_owned(), port });
        }
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        if host.contains(':') {
            return Err(AddressError::BareIpv6);
        }
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        match host.chars().find(|c| !allowed(*c)) {
            Some(bad) => Err(AddressError::BadCharacter(bad)),
            None => Ok(Self { host: host.to_owned(), port }),
        }
    }
}

/// Reads a port.
pub(crate) fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(AddressError::BadPort(text.to_owned())),
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = match text.rfind(']') {
            Some(end) => match text[end + 1..].strip_prefix(':') {
                Some(port) => (&text[..=end], Some(port)),
                None if text.len() == end + 1 => (text, None),
                None => return Err(AddressError::BadBrackets),
            },
            None => match text.split_once(':') {
                Some((_, port)) if port.contains(':') => return Err(AddressError::BareIpv6),
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        Self::with_port(host, port.map_or(Ok(DEFAULT_PORT), parse_port)?)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, host, port) in [
            ("neo4a", "neo4a", 3632),
            ("neo4a:4200", "neo4a", 4200),
            ("192.168.0.11:3632", "192.168.0.11", 3632),
            ("[::1]", "::1", 3632),
            ("[fe80::1%eth0]:99", "fe80::1%eth0", 99),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port), "{text}");
            assert_eq!(address.to_string().parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, error) in [
            ("", AddressError::NoHost),
            (":3632", AddressError::NoHost),
            ("a b", AddressError::BadCharacter(' ')),
            ("::1", AddressError::BareIpv6),
            ("[::1", AddressError::BareIpv6),
            ("[nonsense]", AddressError::BadIpv6("nonsense".into())),
            ("[::1]3632", AddressError::BadBrackets),
            ("a:", AddressError::BadPort(String::new())),
            ("a:0", AddressError::BadPort("0".into())),
            ("a:+80", AddressError::BadPort("+80".into())),
            ("a:65536", AddressError::BadPort("65536".into())),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
