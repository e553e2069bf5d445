//! What went wrong with a host, as a sentence with the cure.

use std::io;

use farmbuild_core::executor::ExecError;

use crate::destination::Destination;
use crate::lines::Failure;

/// Phrases of `ssh`, what each means, and whether the host is out of reach (rather than unwilling). The first one that is
/// found counts.
const SSH_SAYS: [(&str, Meaning); 15] = [
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Meaning::KeyChanged),
    ("Host key for", Meaning::KeyChanged),
    ("host key is known for", Meaning::KeyUnknown),
    ("Host key verification failed", Meaning::KeyUnknown),
    ("Permission denied", Meaning::KeyRefused),
    ("Too many authentication failures", Meaning::TooManyKeys),
    ("no matching host key type", Meaning::NoCommonMethod),
    ("Unable to negotiate", Meaning::NoCommonMethod),
    ("Bad configuration option", Meaning::Configuration),
    ("Bad owner or permissions", Meaning::Configuration),
    ("Can't open user config file", Meaning::Configuration),
    ("Could not resolve hostname", Meaning::Away),
    ("Connection refused", Meaning::Away),
    ("timed out", Meaning::Away),
    ("No route to host", Meaning::Away),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    KeyChanged,
    KeyUnknown,
    KeyRefused,
    TooManyKeys,
    NoCommonMethod,
    Configuration,
    Away,
}

/// A host, as sentences about it need it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its name in the farm.
    pub(crate) name: String,
    pub(crate) destination: Destination,
}

impl Subject {
    pub(crate) fn refused(&self, detail: impl Into<String>) -> ExecError {
        ExecError::Refused { host: self.name.clone(), detail: detail.into() }
    }

    pub(crate) fn unusable(&self, detail: impl Into<String>) -> ExecError {
        ExecError::Unusable { host: self.name.clone(), detail: detail.into() }
    }

    pub(crate) fn protocol(&self, detail: impl Into<String>) -> ExecError {
        ExecError::Protocol { host: self.name.clone(), detail: detail.into() }
    }

    /// No session came about, and this is what `ssh` printed.
    pub(crate) fn unconnected(&self, said: &str, failure: Failure) -> ExecError {
        let (to, host) = (&self.destination, self.destination.host());
        let said_last = || {
            let line = said.lines().map(str::trim).rfind(|line| !line.is_empty());
            line.map(|line| line.chars().take(300).collect::<String>().escape_debug().to_string())
        };
        let found = SSH_SAYS.iter().find(|(words, _)| said.contains(words));
        match found.map(|(_, meaning)| *meaning) {
            Some(Meaning::KeyChanged) => self.unusable(format!(
                "its host key has changed: if it was set up anew, `ssh-keygen -R {host}` forgets the old key (with a port: \
                 `ssh-keygen -R '[{host}]:PORT'`), and `ssh {to}` once by hand shows the new one; if not, somebody may \
                 stand between"
            )),
            Some(Meaning::KeyUnknown) => self.unusable(format!(
                "its host key isn't known: run `ssh {to}` once by hand and compare the key, or add it with `ssh-keyscan \
                 {host} >> ~/.ssh/known_hosts`"
            )),
            Some(Meaning::KeyRefused) => self.unusable(format!(
                "it refuses this user's key: `ssh -o BatchMode=yes {to}` must work without a question; `ssh-copy-id {to}` \
                 puts the key there, `ssh-add` gives it to the agent"
            )),
            Some(Meaning::TooManyKeys) => self.unusable(format!(
                "it refuses to try so many keys: name the right one as IdentityFile, with IdentitiesOnly yes, for {host} in \
                 ~/.ssh/config"
            )),
            Some(Meaning::NoCommonMethod) => self.unusable(format!(
                "its sshd and the ssh here have no method in common ({})",
                said_last().unwrap_or_default()
            )),
            Some(Meaning::Configuration) => {
                self.unusable(format!("ssh can't be used: {}", said_last().unwrap_or_default()))
            }
            Some(Meaning::Away) => self.unreachable(io::Error::other(said_last().unwrap_or_default())),
            None => match (failure, said_last()) {
                (Failure::Stalled(after), None) => self.unreachable(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no shell answered within {} s", after.as_secs()),
                )),
                (Failure::TooLong, _) => self.protocol(
                    "its login shell prints without end; is it a shell, and is it quiet where there is no terminal?",
                ),
                (Failure::Io(error), None) => self.unreachable(error),
                (_, Some(line)) => self.unreachable(io::Error::other(line)),
                (Failure::Closed, None) => self.unusable(format!(
                    "its login shell ended before farmbuild's script ran: `ssh {to} /bin/sh -c true` must succeed"
                )),
            },
        }
    }

    pub(crate) fn unreachable(&self, source: io::Error) -> ExecError {
        ExecError::Unreachable { host: self.name.clone(), source }
    }

    /// A session that was there failed.
    pub(crate) fn failed(&self, failure: Failure, during: &'static str) -> ExecError {
        let host = self.name.clone();
        match failure {
            Failure::Io(source) => ExecError::Broken { host, during, source },
            Failure::Closed => {
                ExecError::Broken { host, during, source: io::ErrorKind::UnexpectedEof.into() }
            }
            Failure::Stalled(after) => ExecError::Stalled { host, during, after },
            Failure::TooLong => self.protocol("it sent a line without an end"),
        }
    }

    /// The board's own script gave up, with a word and a text.
    pub(crate) fn gave_up(&self, word: &str, text: &str) -> ExecError {
        let full = ["No space left", "Disk quota exceeded", "write error", "File too large"];
        let closed = ["Permission denied", "Read-only file system", "Operation not permitted"];
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        match word {
            "place" | "input" if says(&full) => self.unusable(format!(
                "its disk is full: make room in ~/.cache of {} ({text})",
                self.destination
            )),
            "place" | "input" if says(&closed) => self.unusable(format!(
                "its user may not write ~/.cache/farmbuild-board: give {} a home that can be written ({text})",
                self.destination
            )),
            "place" => self.unusable(format!("it can't make ~/.cache/farmbuild-board: {text}")),
            "short" => self.refused(format!("it can't make a name in /tmp: {text}")),
            "input" => self.refused(format!("it can't keep the source: {text}")),
            "head" => self.unusable("its `head -c` isn't that of coreutils: install coreutils there"),
            word => {
                let word: String = word.chars().take(40).collect();
                self.protocol(format!("its script gave up: {} {text}", word.escape_debug()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Subject {
        Subject { name: "board".to_owned(), destination: "ssh://pi@neo4a:2222".parse().unwrap() }
    }

    #[test]
    fn what_ssh_prints_becomes_a_state_with_its_cure() {
        for (said, words) in [
            (
                "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n",
                "ssh-keygen -R neo4a",
            ),
            (
                "No ED25519 host key is known for neo4a and you have requested strict checking.\n\
                 Host key verification failed.\n",
                "ssh-keyscan neo4a",
            ),
            ("pi@neo4a: Permission denied (publickey).\n", "ssh-copy-id ssh://pi@neo4a:2222"),
            ("ssh: connect to host neo4a port 22: Connection refused\n", "Connection refused"),
            ("ssh: Could not resolve hostname neo4a: Name or service not known\n", "not known"),
            ("", "login shell ended"),
        ] {
            let error = board().unconnected(said, Failure::Closed).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn what_the_script_says_becomes_a_state_with_its_cure() {
        for (word, text, words) in [
            ("place", "mkdir: cannot create directory: No space left on device", "disk is full"),
            ("input", "head: write error: No space left on device", "disk is full"),
            ("place", "mkdir: cannot create directory: Permission denied", "may not write"),
            ("head", "abcd", "install coreutils"),
        ] {
            let error = board().gave_up(word, text).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
