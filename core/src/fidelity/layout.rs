//! Where the assembler puts the sections of a relocatable object in its file.
//!
//! The rule is GNU as's: contents follow each other in a fixed order, each at the next multiple of its alignment,
//! and the section header table ends the file. [`lay_out`] is tried on the untouched object first; an object that
//! it can't reproduce is somebody else's and is left alone.

/// What the layout needs to know of one section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Its rank among sections at the same place.
    pub(super) rank: Rank,
    /// Where it is in the file.
    pub(super) offset: u64,
    /// Bytes it has; those of a section without contents take no room.
    pub(super) size: u64,
    /// Whether its bytes are in the file (all but `SHT_NOBITS`).
    pub(super) in_file: bool,
    /// Its alignment; 0 and 1 mean none.
    pub(super) align: u64,
}

/// The assembler's order of kinds of sections; within a kind it is that of the section header table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Contents,
    SymbolTable,
    SymbolNames,
    Relocations,
    SectionNames,
}

/// The places of an object's parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Of each section but the null one, as numbered in the section header table (so 0 is unused).
    pub(super) offsets: Vec<u64>,
    /// Of the section header table.
    pub(super) headers: u64,
}

/// Lays out `sections` (the null section first) behind an ELF header of `start` bytes. `table_align` is that of
/// the section header table. `None` if an alignment is no power of two or a sum overflows.
pub(super) fn lay_out(sections: &[Section], start: u64, table_align: u64) -> Option<Layout> {
    let mut order: Vec<usize> = (1..sections.len()).collect();
    order.sort_by_key(|&index| (sections[index].offset, sections[index].rank, index));
    let mut offsets = vec![0; sections.len()];
    let mut end = start;
    for index in order {
        let section = sections[index];
        offsets[index] = round_up(end, section.align)?;
        end = offsets[index];
        if section.in_file {
            end = end.checked_add(section.size)?;
        }
    }
    Some(Layout { offsets, headers: round_up(end, table_align)? })
}

fn round_up(offset: u64, align: u64) -> Option<u64> {
    match align {
        0 | 1 => Some(offset),
        _ if align.is_power_of_two() => Some(offset.checked_add(align - 1)? & !(align - 1)),
        _ => None,
    }
}
