//! What a board says of its toolchains. Its words are another machine's: each is looked at before it is kept.

/// The longest word that is kept.
const LONGEST: usize = 100;

/// The most toolchains that a board is believed to have.
pub(super) const MOST: usize = 1000;

/// A toolchain that a board has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostToolchain {
    /// What it is called.
    pub name: String,
    /// Which one of that name it is.
    pub version: String,
    /// Whether jobs use it. The one before is kept for jobs that run still.
    pub current: bool,
}

/// A line of a board's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Toolchain(HostToolchain),
    /// There are no more.
    End,
    /// It wants the files; its machine, and how many KiB it has room for, if it knows.
    Send {
        machine: String,
        room: Option<u64>,
    },
    /// It has this very toolchain, which jobs use.
    There,
    /// It has it, and jobs use it again from now on.
    Switched,
    /// It has it now.
    Done,
    /// It gave up, for a reason that is a word and a text.
    Failed {
        word: String,
        text: String,
    },
    /// None of these.
    Odd(String),
}

/// Understands a line.
pub(super) fn parse(line: &str) -> Line {
    let words: Vec<&str> = line.split(' ').take(5).collect();
    let plain = |word: &&str| {
        !word.is_empty() && word.len() <= LONGEST && word.chars().all(|c| c.is_ascii_graphic())
    };
    match words[..] {
        ["end"] => Line::End,
        ["there"] => Line::There,
        ["switched"] => Line::Switched,
        ["done"] => Line::Done,
        ["toolchain", name, version, state @ ("current" | "before")]
            if plain(&name) && plain(&version) =>
        {
            let (name, version) = (name.to_owned(), version.to_owned());
            Line::Toolchain(HostToolchain { name, version, current: state == "current" })
        }
        ["send", machine, room] if machine.len() <= LONGEST => {
            let machine = machine.chars().filter(char::is_ascii_graphic).collect();
            Line::Send { machine, room: room.parse().ok() }
        }
        ["fail", word, ..] if plain(&word) => {
            let text = line.splitn(3, ' ').nth(2).unwrap_or_default().trim();
            let text = text.chars().take(400).collect::<String>().escape_debug().to_string();
            Line::Failed { word: word.to_owned(), text }
        }
        _ => Line::Odd(line.chars().take(60).collect::<String>().escape_debug().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_boards_lines_are_understood() {
        let toolchain = |current| {
            let (name, version) = ("x86_64-gcc1220-linux".to_owned(), "0af3".to_owned());
            Line::Toolchain(HostToolchain { name, version, current })
        };
        for (line, expected) in [
            ("toolchain x86_64-gcc1220-linux 0af3 current", toolchain(true)),
            ("toolchain x86_64-gcc1220-linux 0af3 before", toolchain(false)),
            ("send aarch64 4711", Line::Send { machine: "aarch64".to_owned(), room: Some(4711) }),
            ("send  -", Line::Send { machine: String::new(), room: None }),
            (
                "fail run sh: not found",
                Line::Failed { word: "run".to_owned(), text: "sh: not found".to_owned() },
            ),
        ] {
            assert_eq!(parse(line), expected, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_line_is_a_word_fit_to_be_printed(line in "(toolchain |send |fail )?.{0,200}") {
            let shown = match parse(&line) {
                Line::Toolchain(it) => it.name + &it.version,
                Line::Send { machine, .. } => machine,
                Line::Failed { word, text } => word + &text,
                Line::Odd(text) => text,
                Line::End | Line::There | Line::Switched | Line::Done => String::new(),
            };
            prop_assert!(!shown.contains(char::is_control));
        }
    }
}
