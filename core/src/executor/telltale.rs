//! What gives a failing host away in what its compiler printed. For executors, whose transports don't tell.

use rustix::process::Signal;

/// What compilers and assemblers print when the machine fails them, not the source. A host with a full disk or
/// without memory answers with an ordinary compile error: this is all there is to tell it by. A source that makes
/// its diagnostics hold one of these only loses a try: the job runs at home at last.
const TELLTALES: [(&str, &str); 8] = [
    ("No space left on device", "its disk is full"),
    (": Fatal error: ", "its temporary directory is full or gone"),
    ("error writing to", "its disk is full"),
    ("Killed signal terminated program", "its memory is full; give it fewer slots"),
    ("out of memory", "its memory is full; give it fewer slots"),
    ("memory exhausted", "its memory is full; give it fewer slots"),
    ("Cannot allocate memory", "its memory is full; give it fewer slots"),
    ("cannot execute", "a part of its compiler is missing"),
];

/// Why the host, not the source, made a compile fail that printed `stderr`; `None` if nothing says so.
#[must_use]
pub fn host_fault_in(stderr: &[u8]) -> Option<String> {
    // Only what the tools say of themselves: a diagnostic of the source never has these words.
    let fatal = |line: &&str| {
        line.to_ascii_lowercase().contains("fatal error: ") || line.contains("out of memory")
    };
    let text = String::from_utf8_lossy(stderr);
    text.lines().filter(fatal).find_map(|line| {
        let (_, meaning) = TELLTALES.iter().find(|(words, _)| line.contains(words))?;
        Some(format!("{meaning} ({})", cut(line).escape_debug()))
    })
}

/// A stranger's line, at a length for people.
#[must_use]
pub fn cut(line: &str) -> &str {
    let end = line.char_indices().nth(200).map_or(line.len(), |(index, _)| index);
    &line[..end]
}

/// Whether no compiler raises this signal in itself, whatever it compiles.
#[must_use]
pub fn killed_from_outside(signal: i32) -> bool {
    [Signal::KILL, Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::XCPU, Signal::XFSZ]
        .iter()
        .any(|outside| outside.as_raw() == signal)
}
