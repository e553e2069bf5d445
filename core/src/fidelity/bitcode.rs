//! Words of inline assembly in LLVM bitcode.
//!
//! Knows one fact about the format: the characters of inline assembly are written as the fields of an unabbreviated
//! record, six bits at a time (VBR6, see LLVM's "Bitcode File Format"), at any bit of the stream. Parses nothing.

use memchr::memmem;

/// Directives with which an assembler opens another file.
const DIRECTIVES: [&[u8]; 2] = [b"incbin", b".include"];

/// Whether inline assembly in `bitcode` may make the assembler read a file.
pub(super) fn reads_files(bitcode: &[u8]) -> bool {
    DIRECTIVES
        .iter()
        .flat_map(|word| (0..8).map(move |shift| packed(word, shift)))
        .any(|pattern| memmem::find(bitcode, &pattern).is_some())
}

/// The whole bytes that `word`, printable ASCII, takes up where it begins `shift` bits into a byte.
fn packed(word: &[u8], shift: usize) -> Vec<u8> {
    let fields = word.iter().flat_map(|byte| [byte & 31 | 32, byte >> 5]);
    let bits: Vec<u8> = fields
        .flat_map(|field| (0..6).map(move |bit| field >> bit & 1))
        .skip((8 - shift) % 8)
        .collect();
    bits.chunks_exact(8)
        .map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_packed_least_significant_bits_first() {
        // 'i' is 105 = 3 * 32 + 9: the fields 41 (9 and "more follows") and 3.
        assert_eq!(packed(b"ii", 0), [0b11_101001, 0b1001_0000, 0b0000_1110]);
        assert_eq!(packed(b"ii", 7).len(), 2);
    }
}
