//! The greedy compressor: one hash table of positions, the first match wins.

use super::{END, MAX_DISTANCE, MIDDLE_DISTANCE, NEAR_DISTANCE, NEAR_LENGTH};

/// The table's size as a power of two: 64 KiB of positions stay in a core's own cache.
const TABLE_BITS: u32 = 14;
/// The shortest match looked for.
const MIN_MATCH: usize = 4;
/// The search needs this many bytes ahead; the stream's last ones are literals.
const AHEAD: usize = 8;

/// Compresses `input`. The result is at most 1/255 longer than the input, and 32 bytes.
#[must_use]
pub fn compress(input: &[u8]) -> Vec<u8> {
    let mut stream = Stream { out: Vec::with_capacity(input.len() / 3 + 64) };
    // Positions cut to 32 bits. What is found there is compared before it is used, so that a stale or a cut
    // position costs a match and nothing else.
    let mut table = vec![0_u32; 1 << TABLE_BITS];
    // Where the literals that aren't written yet start. The first byte can't be a match.
    let mut pending = 0;
    let mut at = 1;
    while at + AHEAD <= input.len() {
        let here = word(input, at);
        let slot = &mut table[(here.wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS)) as usize];
        let candidate = *slot as usize;
        *slot = at as u32;
        let distance = at.wrapping_sub(candidate);
        if distance.wrapping_sub(1) < MAX_DISTANCE && word(input, candidate) == here {
            let length = MIN_MATCH + common(input, candidate + MIN_MATCH, at + MIN_MATCH);
            stream.literals(&input[pending..at]);
            stream.matched(distance, length);
            at += length;
            pending = at;
        } else {
            // The longer nothing matches the bigger the steps: noise costs little.
            at += 1 + ((at - pending) >> 5);
        }
    }
    stream.literals(&input[pending..]);
    stream.out.extend(END);
    stream.out
}

/// Four bytes of `input` as a number. Out of bounds only for a caller's mistake.
#[inline]
fn word(input: &[u8], at: usize) -> u32 {
    input[at..at + 4].iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// How many bytes are the same from `earlier` and from `later` on.
#[inline]
fn common(input: &[u8], earlier: usize, later: usize) -> usize {
    let ahead = &input[later..];
    let behind = &input[earlier..earlier + ahead.len()];
    let mut length = 0;
    for (a, b) in behind.chunks_exact(8).zip(ahead.chunks_exact(8)) {
        let [a, b] =
            [a, b].map(|bytes| bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)));
        if a != b {
            return length + ((a ^ b).trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    length + behind[length..].iter().zip(&ahead[length..]).take_while(|(a, b)| a == b).count()
}

/// The instructions written so far.
struct Stream {
    out: Vec<u8>,
}

impl Stream {
    /// Writes literals as the place in the stream demands.
    fn literals(&mut self, bytes: &[u8]) {
        let count = bytes.len();
        match count {
            0 => return,
            // At the start: 17 more than their number.
            1..=238 if self.out.is_empty() => self.out.push(17 + count as u8),
            // In the two low bits of the match before, which are in its last byte but one.
            1..=3 => {
                let carrier = self.out.len() - 2;
                self.out[carrier] |= count as u8;
            }
            4..=18 => self.out.push(count as u8 - 3),
            _ => {
                self.out.push(0);
                self.length(count - 18);
            }
        }
        self.out.extend_from_slice(bytes);
    }

    /// Writes a match in the shortest instruction that can hold it.
    fn matched(&mut self, distance: usize, length: usize) {
        if distance <= NEAR_DISTANCE && length <= NEAR_LENGTH {
            let back = distance - 1;
            self.out.push(((length - 1) << 5 | (back & 7) << 2) as u8);
            self.out.push((back >> 3) as u8);
            return;
        }
        let (opcode, longest, back) = if distance <= MIDDLE_DISTANCE {
            (0x20, 33, distance - 1)
        } else {
            let back = distance - MIDDLE_DISTANCE;
            (0x10 | (back >> 11 & 8) as u8, 9, back)
        };
        if length <= longest {
            self.out.push(opcode | (length - 2) as u8);
        } else {
            self.out.push(opcode);
            self.length(length - longest);
        }
        self.out.extend(((back << 2) as u16).to_le_bytes());
    }

    /// A length's rest: a zero byte for each 255, then what is left, never zero.
    fn length(&mut self, mut rest: usize) {
        while rest > 255 {
            self.out.push(0);
            rest -= 255;
        }
        self.out.push(rest as u8);
    }
}
