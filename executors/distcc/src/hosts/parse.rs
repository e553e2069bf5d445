//! Reads a host list. Knows nothing of files and environments.

use super::{
    DEFAULT_LIMIT, DEFAULT_LOCAL_LIMIT, HostList, HostListError, HostListProblem, LocalHost,
    RemoteHost,
};
use crate::address::{Address, AddressError, DEFAULT_PORT, parse_port};
use crate::executor::Compression;

/// Reads a host list: words between white space, with comments from `#` to the end of a line.
///
/// # Errors
/// The first word that can't be used, with its place.
pub fn parse(text: &str) -> Result<HostList, HostListError> {
    let mut list = HostList::default();
    for (number, line) in text.split('\n').enumerate() {
        let line = line.split_once('#').map_or(line, |(before, _comment)| before);
        for word in line.split_whitespace() {
            list.add(word).map_err(|problem| HostListError {
                line: number + 1,
                column: column(line, word),
                word: word.to_owned(),
                problem,
            })?;
        }
    }
    Ok(list)
}

/// Where in `line` the slice `word` of it starts.
fn column(line: &str, word: &str) -> usize {
    let offset = word.as_ptr() as usize - line.as_ptr() as usize;
    line[..offset].chars().count() + 1
}

impl HostList {
    fn add(&mut self, word: &str) -> Result<(), HostListProblem> {
        if word == "--randomize" {
            self.randomize = true;
        } else if let Some(number) = word.strip_prefix("--localslots=") {
            self.local_slots = Some(limit(number)?);
        } else if let Some(number) = word.strip_prefix("--localslots_cpp=") {
            self.local_preprocessors = Some(limit(number)?);
        } else if word.starts_with('-') {
            return Err(HostListProblem::UnknownGlobalOption);
        } else if word == "+zeroconf" {
            return Err(HostListProblem::Zeroconf);
        } else if let Some(slots) = local_host(word)? {
            self.local = Some(LocalHost { slots, position: self.hosts.len() });
        } else {
            self.hosts.push(remote_host(word)?);
        }
        Ok(())
    }
}

/// `localhost[/LIMIT]`. With a port or an option it is a server like any other.
fn local_host(word: &str) -> Result<Option<usize>, HostListProblem> {
    match word.strip_prefix("localhost") {
        Some("") => Ok(Some(DEFAULT_LOCAL_LIMIT)),
        Some(rest) if rest.starts_with('/') && !rest.contains([',', ':']) => {
            Ok(Some(limit(&rest[1..])?))
        }
        _ => Ok(None),
    }
}

/// `HOSTID[:PORT][/LIMIT][OPTIONS]`, or the old `HOSTID[/LIMIT][:PORT][OPTIONS]`.
fn remote_host(word: &str) -> Result<RemoteHost, HostListProblem> {
    // First of all: an ssh command behind the host may hold anything.
    if word.split(['/', ':', ',']).next().is_some_and(|host| host.contains('@')) {
        return Err(HostListProblem::Ssh);
    }
    let (place, options) = match word.split_once(',') {
        Some((place, options)) => (place, Some(options)),
        None => (word, None),
    };
    let mut compression = Compression::None;
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        match option {
            "lzo" => compression = Compression::Lzo,
            "cpp" => return Err(HostListProblem::Pump),
            "auth" => return Err(HostListProblem::Auth),
            _ if option.starts_with("auth=") => return Err(HostListProblem::Auth),
            _ => return Err(HostListProblem::UnknownHostOption(option.to_owned())),
        }
    }
    let (host, mut rest) = split_host(place)?;
    let (mut port, mut slots) = (None, None);
    while let Some(mark) = rest.chars().next() {
        let value = &rest[1..];
        let end = value.find([':', '/']).unwrap_or(value.len());
        let (value, after) = value.split_at(end);
        rest = after;
        let previous = if mark == ':' {
            port.replace(parse_port(value)?).map(|_| "port")
        } else {
            slots.replace(limit(value)?).map(|_| "limit")
        };
        if let Some(what) = previous {
            return Err(HostListProblem::Repeated(what));
        }
    }
    let address = Address::with_port(host, port.unwrap_or(DEFAULT_PORT))?;
    Ok(RemoteHost { address, slots: slots.unwrap_or(DEFAULT_LIMIT), compression })
}

/// Splits a place behind its host: what is left is empty or starts with `:` or `/`.
fn split_host(place: &str) -> Result<(&str, &str), AddressError> {
    if !place.starts_with('[') {
        // An address such as ::1 has colons that no port follows.
        if place.matches(':').count() > 1 && !place.contains('/') {
            return Err(AddressError::BareIpv6);
        }
        return Ok(place.split_at(place.find([':', '/']).unwrap_or(place.len())));
    }
    let end = place.find(']').ok_or(AddressError::BadBrackets)? + 1;
    let (host, rest) = place.split_at(end);
    if rest.is_empty() || rest.starts_with([':', '/']) {
        Ok((host, rest))
    } else {
        Err(AddressError::BadBrackets)
    }
}

fn limit(text: &str) -> Result<usize, HostListProblem> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && number != 0 => Ok(number),
        _ => Err(HostListProblem::BadLimit(text.to_owned())),
    }
}
