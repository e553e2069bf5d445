//! Deterministic C to compile: one line, ten thousand lines, and texts of a given size.

use std::fmt::Write as _;

/// What the text of [`sized`] begins with, and the board compiler looks for.
pub const MARK: &str = "extern int farmbuild_sized_";

/// The smallest file worth compiling.
#[must_use]
pub fn tiny() -> String {
    "int farmbuild_tiny(int a) { return a + 1; }\n".to_owned()
}

/// Ten thousand lines of functions, macros and comments below the headers that every C file includes.
#[must_use]
pub fn ten_thousand_lines() -> String {
    let mut text = String::from(
        "#include <errno.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n\
         #define CLAMP(value, low, high) ((value) < (low) ? (low) : (value) > (high) ? (high) : (value))\n\
         #define ROTATE(value, by) (((value) << ((by) & 31)) | ((value) >> (-(by) & 31)))\n\n",
    );
    // Twelve lines a function.
    for number in 0..832_u32 {
        let (factor, low) = (number.wrapping_mul(2_654_435_761) >> 8, number % 97);
        let _ = write!(
            text,
            "/* Step {number}: mixes the words of a buffer and keeps the result in range. */\n\
             uint32_t step_{number}(const uint32_t *words, size_t count, uint32_t seed)\n\
             {{\n\
             \tuint32_t sum = seed ^ {factor}u;\n\n\
             \tfor (size_t at = 0; at < count; at++) {{\n\
             \t\tsum += ROTATE(words[at], at + {low});\n\
             \t\tif (sum == {factor}u)\n\
             \t\t\tfprintf(stderr, \"step %u at %zu\\n\", {number}u, at);\n\
             \t}}\n\
             \treturn CLAMP(sum, {low}u, {factor}u + 1000u);\n\
             }}\n"
        );
    }
    text
}

/// Preprocessed C of exactly `size` bytes (or one declaration, if that is longer), different for each `number`.
/// It has no directives, macros or comments: every client sends the same bytes, whatever its way to preprocess.
#[must_use]
pub fn sized(number: usize, size: usize) -> String {
    let mut text = format!("{MARK}{number};\n");
    let mut line = 0_u64;
    while text.len() < size {
        let mix = (number as u64 ^ line << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let _ = writeln!(
            text,
            "static inline unsigned long item_{line}(unsigned long a) {{ return (a ^ {}ul) * {}ul; }}",
            mix >> 32,
            mix >> 44
        );
        line += 1;
    }
    if line > 0 {
        // Cut inside the last line, and made whole again with blank space.
        let start = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
        text.truncate(start);
        text.extend(std::iter::repeat_n(' ', size.saturating_sub(start + 1)));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_lines_are_about_that_many() {
        let lines = ten_thousand_lines().lines().count();
        assert!((9_900..=10_100).contains(&lines), "{lines}");
    }

    #[test]
    fn a_sized_text_has_its_size_and_its_mark() {
        for size in [100, 4_096, 700_001] {
            let text = sized(7, size);
            assert_eq!(text.len(), size);
            assert!(text.starts_with(MARK));
        }
    }

    #[test]
    fn sized_texts_differ() {
        assert_ne!(sized(1, 10_000), sized(2, 10_000));
        assert_eq!(sized(1, 10_000), sized(1, 10_000));
    }
}
