//! The declarations of each name.

use super::units::{Symbol, Units, slice};

/// By symbol, in the order of the text.
pub(super) struct Declarers {
    starts: Vec<u32>,
    by: Vec<u32>,
}

impl Declarers {
    /// Of a text with so many words.
    pub(super) fn of(units: &Units, words: usize) -> Self {
        let mut starts = vec![0_u32; words * 2 + 1];
        for &symbol in &units.declared {
            starts[symbol as usize + 1] += 1;
        }
        for at in 0..words * 2 {
            starts[at + 1] += starts[at];
        }
        let mut fill = starts.clone();
        let mut by = vec![0_u32; units.declared.len()];
        for (index, unit) in units.all.iter().enumerate() {
            for &symbol in slice(&units.declared, &unit.declares) {
                let slot = &mut fill[symbol as usize];
                by[*slot as usize] = index as u32;
                *slot += 1;
            }
        }
        Self { starts, by }
    }

    pub(super) fn of_symbol(&self, symbol: Symbol) -> &[u32] {
        let symbol = symbol as usize;
        &self.by[self.starts[symbol] as usize..self.starts[symbol + 1] as usize]
    }
}
