//! Preprocessed text that makes the assembler read a file: `.incbin` and `.include` in inline assembly.
//!
//! A scan for the words, no parse: it may call text harmful that isn't, and it can't see a directive that macros of
//! the assembler put together.

use memchr::memmem;

/// Whether the text may make the assembler read a file, which a host doesn't have.
#[must_use]
pub fn reads_files(text: &[u8]) -> bool {
    memmem::find(text, b".incbin").is_some()
        || memmem::find_iter(text, b".include").any(|at| {
            // A member called `include` is followed by anything but a quote.
            let rest = &text[at + b".include".len()..];
            let rest = rest.trim_ascii_start();
            rest.starts_with(b"\\\"") || rest.starts_with(b"\"")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_that_read_a_file_are_found() {
        let rows: &[(&[u8], bool)] = &[
            (b"asm(\".incbin \\\"a.bin\\\"\");", true),
            (b"asm(\"\\t.include \\\"a.s\\\"\");", true),
            (b"asm(\".include \" \"\\\"a.s\\\"\");", true),
            (b"struct s x = { .include = 1 };", false),
            (b"int f(void) { return x.included; }", false),
            (b"", false),
            (b".include", false),
        ];
        for (text, expected) in rows {
            assert_eq!(reads_files(text), *expected, "{}", String::from_utf8_lossy(text));
        }
    }
}
