//! The programs that run on a board: scripts for a POSIX shell, and how they get there.
//!
//! Nothing is installed: each connection brings its script along. The remote command itself is read by the user's login
//! shell, which may be fish or csh, so it holds nothing that these read in their own ways; the script comes behind it,
//! through standard input.

use std::fmt::Write as _;

/// What `ssh` is told to run. A shell that reads its own script from standard input may read too far; this one reads as
/// many bytes as it is told, one at a time.
///
/// In single quotes, without a backslash, a quote, an exclamation mark or a new line.
pub(crate) const COMMAND: &str =
    "exec /bin/sh -c 'read -r n && s=$(dd bs=1 count=\"$n\" 2>/dev/null) && eval \"$s\"'";

/// A line that a board says before anything else of its own; what its login shell prints comes before it.
pub(crate) fn mark(session: &str) -> String {
    format!("farmbuild-board 2 {session}")
}

/// Whose script it is. The names are of letters and digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) session: &'a str,
    pub(crate) client: &'a str,
    /// Jobs that run at once.
    pub(crate) slots: usize,
}

/// What to send first to start a keeper of a store of so many KiB.
pub(crate) fn keeper(owner: Owner<'_>, limit: u64) -> Vec<u8> {
    packaged(owner, ("fb_limit", limit), include_str!("keeper.sh"))
}

/// What to send first to start a worker of a session.
pub(crate) fn worker(owner: Owner<'_>, number: u64) -> Vec<u8> {
    packaged(owner, ("fb_number", number), include_str!("worker.sh"))
}

/// What to send first to start a shell for toolchains; it has a worker's number.
pub(crate) fn toolchain(owner: Owner<'_>, number: u64) -> Vec<u8> {
    packaged(owner, ("fb_number", number), include_str!("toolchain.sh"))
}

fn packaged(owner: Owner<'_>, (name, number): (&str, u64), script: &str) -> Vec<u8> {
    let Owner { session, client, slots } = owner;
    let mark = mark(session);
    let mut text =
        format!("fb_session={session}\nfb_client={client}\nfb_slots={slots}\nfb_mark='{mark}'\n");
    // Writing to a string doesn't fail.
    let _ = writeln!(text, "{name}={number}");
    // Fewer bytes to read one at a time.
    for line in script.lines().map(str::trim_start).filter(|line| !line.starts_with('#')) {
        text.push_str(line);
        text.push('\n');
    }
    let mut packaged = format!("{}\n", text.len()).into_bytes();
    packaged.extend(text.into_bytes());
    packaged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_holds_nothing_that_shells_read_in_their_own_ways() {
        let quoted = COMMAND.strip_prefix("exec /bin/sh -c '").and_then(|it| it.strip_suffix('\''));
        let quoted = quoted.expect("one word in single quotes");
        assert!(!quoted.contains(['\'', '\\', '!', '\n']), "{quoted}");
    }

    #[test]
    fn a_script_announces_its_length() {
        let owner = Owner { session: "0af3", client: "c1", slots: 4 };
        for packaged in [keeper(owner, 1024), worker(owner, 7), toolchain(owner, 7)] {
            let at = packaged.iter().position(|byte| *byte == b'\n').expect("a first line");
            let length = std::str::from_utf8(&packaged[..at]).expect("digits");
            assert_eq!(length.parse(), Ok(packaged.len() - at - 1));
            assert!(packaged.is_ascii());
        }
    }
}
