//! The order in which gcc writes its debug strings, and free text that leaves this order alone.
//!
//! gcc keeps the strings of `.debug_str` in a hash table and writes them in the table's order. A string's slot
//! follows from the 32-bit value of libiberty's `htab_hash_string`, so a string that is replaced by another one
//! of the same hash moves no other string.

/// The multiplier of `htab_hash_string`: `r = r * 67 + c - 113`, modulo 2^32.
const MULTIPLIER: u32 = 67;
const BIAS: u32 = 113;

/// What a filler is made of: characters that no shell, whitelist or option parser treats in a special way.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How many characters a filler has.
pub(super) const FILLER_LENGTH: usize = 7;

/// Goes on hashing `text` from `state`; an empty text's state is 0.
fn hash_on(state: u32, text: &[u8]) -> u32 {
    text.iter().fold(state, |state, &byte| {
        state.wrapping_mul(MULTIPLIER).wrapping_add(u32::from(byte)).wrapping_sub(BIAS)
    })
}

/// Finds a filler such that `prefix`, `insertion` and the filler together hash as `prefix` alone does. Whatever
/// follows then hashes alike too.
///
/// Seven characters give some 60^7 texts for 2^32 hashes, so there is one for all inputs of real length; `None`
/// is for completeness.
pub(super) fn neutral_filler(prefix: &[u8], insertion: &[u8]) -> Option<[u8; FILLER_LENGTH]> {
    let target = hash_on(0, prefix);
    let state = hash_on(target, insertion);
    // The last three characters reach only a small range of sums, so the first four are tried until the rest
    // falls into it: one in some 15 000 does.
    let head_length = FILLER_LENGTH - 3;
    let heads = (ALPHABET.len() as u64).pow(head_length as u32);
    for number in 0..heads {
        let mut filler = [0; FILLER_LENGTH];
        let mut rest = number;
        for byte in &mut filler[..head_length] {
            *byte = ALPHABET[(rest % ALPHABET.len() as u64) as usize];
            rest /= ALPHABET.len() as u64;
        }
        let hashed = hash_on(state, &filler[..head_length]);
        if let Some(tail) = tail_between(hashed, target) {
            filler[head_length..].copy_from_slice(&tail);
            return Some(filler);
        }
    }
    None
}

/// The three characters that lead from the hash state `from` to `to`.
fn tail_between(from: u32, to: u32) -> Option<[u8; 3]> {
    let cube = MULTIPLIER.pow(3);
    let bias = BIAS * (MULTIPLIER * MULTIPLIER + MULTIPLIER + 1);
    // What a*67^2 + b*67 + c must be for the characters a, b and c.
    let sum = to.wrapping_sub(from.wrapping_mul(cube)).wrapping_add(bias);
    let square = MULTIPLIER * MULTIPLIER;
    if sum > u32::from(u8::MAX) * (square + MULTIPLIER + 1) {
        return None;
    }
    ALPHABET.iter().find_map(|&a| {
        let rest = sum.checked_sub(u32::from(a) * square)?;
        ALPHABET.iter().find_map(|&b| {
            let c = u8::try_from(rest.checked_sub(u32::from(b) * MULTIPLIER)?).ok()?;
            ALPHABET.contains(&c).then_some([a, b, c])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filler_gives_the_hash_that_was_there_before_the_insertion() {
        for prefix in
            ["", "GNU C17 12.2.0 -mtune=generic -march=x86-64 -g -O2", &"-fa ".repeat(900)]
        {
            for insertion in [" -fdirectives-only -fx=", " ", ""] {
                let filler = neutral_filler(prefix.as_bytes(), insertion.as_bytes()).unwrap();
                let longer = [prefix.as_bytes(), insertion.as_bytes(), &filler].concat();
                for rest in ["", " -fasynchronous-unwind-tables"] {
                    let plain = [prefix, rest].concat();
                    let full = [&longer, rest.as_bytes()].concat();
                    assert_eq!(
                        hash_on(0, &full),
                        hash_on(0, plain.as_bytes()),
                        "{prefix}{insertion}"
                    );
                }
            }
        }
    }
}
