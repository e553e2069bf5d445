//! Choices that a seed repeats. Knows nothing of what is chosen.

/// A source of choices: splitmix64, so that a seed means the same everywhere and for good.
pub(in crate::cache) struct Chance(u64);

impl Chance {
    pub(in crate::cache) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(in crate::cache) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// A digit, to be put in the place of another one: sizes stay.
    pub(in crate::cache) fn digit(&mut self) -> char {
        char::from(b'0' + u8::try_from(self.below(10)).unwrap())
    }

    pub(in crate::cache) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
