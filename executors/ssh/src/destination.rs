//! Where a host is, in `ssh`'s own words.

use std::fmt;
use std::str::FromStr;

/// What `ssh` takes as its destination: an alias of the user's configuration, `HOST`, `USER@HOST` or
/// `ssh://[USER@]HOST[:PORT]`. It is `ssh` who reads it; here it is only kept from being taken for something else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination(String);

/// Why a text is no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// There is nothing.
    #[error("an address is missing")]
    Empty,
    /// `ssh` would take it for an option.
    #[error("an address can't begin with `-`")]
    Option,
    /// No host's name holds this.
    #[error("{0:?} can't be part of an address")]
    Character(char),
    /// A port behind a bare name, which `ssh` doesn't take.
    #[error("ssh takes a port only in the form `ssh://{0}`, or from its configuration")]
    BarePort(String),
}

impl Destination {
    /// The text as `ssh` takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host's name or address alone, as known_hosts has it where no configuration says otherwise.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.0.strip_prefix("ssh://").unwrap_or(&self.0);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        if !self.0.starts_with("ssh://") {
            return rest;
        }
        let rest = rest.trim_end_matches('/');
        match rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((host, _)) => host,
            None => rest.split_once(':').map_or(rest, |(host, _)| host),
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(DestinationError::Empty);
        }
        if text.starts_with('-') {
            return Err(DestinationError::Option);
        }
        let odd = |c: &char| c.is_control() || c.is_whitespace() || "'\"`$\\;&<>|(){}".contains(*c);
        if let Some(odd) = text.chars().find(odd) {
            return Err(DestinationError::Character(odd));
        }
        // One colon: more of them are an IPv6 address.
        if !text.starts_with("ssh://")
            && let Some((host, port)) = text.rsplit_once(':')
            && !host.contains(':')
            && port.parse::<u16>().is_ok()
        {
            return Err(DestinationError::BarePort(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_takes_is_taken_and_its_host_is_found() {
        for (text, host) in [
            ("neo4a", "neo4a"),
            ("pi@192.168.0.11", "192.168.0.11"),
            ("ssh://pi@neo4a:2222", "neo4a"),
            ("ssh://neo4a", "neo4a"),
            ("ssh://pi@[fe80::1]:2222/", "fe80::1"),
            ("pi@fe80::1%eth0", "fe80::1%eth0"),
            ("odd@name@neo4a", "neo4a"),
        ] {
            assert_eq!(text.parse::<Destination>().unwrap().host(), host, "{text}");
        }
    }

    #[test]
    fn what_ssh_would_take_for_something_else_is_refused() {
        for text in ["", "-oProxyCommand=x", "a b", "a\nb", "$(x)", "neo4a:2222", "pi@neo4a:22"] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }
}
