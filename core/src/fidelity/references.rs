//! References to debug strings: the relocations against the section that holds them or, in a file of split debug info,
//! which has none, the table of their offsets.

use object::elf;
use object::endian::{Endian, Endianness};
use object::read::elf::{FileHeader, Rel, Rela, SectionHeader, SectionTable, Sym};
use object::read::{SectionIndex, SymbolIndex};

use super::cut::{Cut, RewriteError};
use super::image::Class;

/// Lowers, in the copy `lowered`, every reference of `object` to a place behind the cut of section `strings`.
pub(super) fn lower_references<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    table: &SectionTable<'_, Elf>,
    object: &[u8],
    strings: SectionIndex,
    cut: &Cut,
    lowered: &mut [u8],
) -> Result<(), RewriteError> {
    let class = Class::of(header, endian);
    let mips = header.is_mips64el(endian);
    let symbols = table.symbols(endian, object, elf::SHT_SYMTAB)?;
    // Only the section's own symbol may stand for it: any other one would have to move.
    for (index, symbol) in symbols.enumerate() {
        let its_own = symbol.st_type() == elf::STT_SECTION && symbol.st_value(endian).into() == 0;
        if symbols.symbol_section(endian, symbol, index)? == Some(strings) && !its_own {
            return Err(RewriteError::UnknownReference {
                section: symbols.section().0,
                offset: index.0 as u64,
            });
        }
    }
    let refers = |index: Option<SymbolIndex>| -> Result<bool, RewriteError> {
        let Some(index) = index else { return Ok(false) };
        let symbol = symbols.symbol(index)?;
        Ok(symbols.symbol_section(endian, symbol, index)? == Some(strings))
    };
    for (number, section) in table.enumerate() {
        let unknown = |offset| RewriteError::UnknownReference { section: number.0, offset };
        let start = usize::try_from(section.sh_offset(endian).into()).map_err(|_| unknown(0))?;
        if let Some((relocations, _)) = section.rela(endian, object)? {
            for (index, relocation) in relocations.iter().enumerate() {
                if !refers(relocation.symbol(endian, mips))? {
                    continue;
                }
                let at = relocation.r_offset(endian).into();
                let addend: i64 = relocation.r_addend(endian).into();
                let addend = u64::try_from(addend).ok().and_then(|addend| cut.lower(addend));
                let place = start + index * class.rela_size + class.addend_field;
                addend.and_then(|addend| class.put(lowered, place, addend)).ok_or(unknown(at))?;
            }
        }
        if let Some((relocations, _)) = section.rel(endian, object)? {
            let target = table.section(section.info_link(endian))?;
            let target_range = target.file_range(endian).unwrap_or_default();
            for relocation in relocations {
                if !refers(relocation.symbol(endian))? {
                    continue;
                }
                let at: u64 = relocation.r_offset(endian).into();
                // The addend is in the place itself, four bytes for the types that debug info uses.
                let absolute = matches!(
                    (header.e_machine(endian), relocation.r_type(endian)),
                    (elf::EM_386, elf::R_386_32) | (elf::EM_ARM, elf::R_ARM_ABS32)
                );
                let inside = at.checked_add(4).is_some_and(|end| end <= target_range.1);
                let place = usize::try_from(target_range.0.saturating_add(at)).ok();
                place
                    .filter(|_| absolute && inside)
                    .and_then(|place| {
                        let bytes = object.get(place..)?.first_chunk()?;
                        let addend = endian.read_u32(*bytes);
                        class.put(lowered, place, cut.lower(addend.into())?)
                    })
                    .ok_or(unknown(at))?;
            }
        }
    }
    Ok(())
}

/// Lowers, in the copy `lowered`, every offset behind the cut in `.debug_str_offsets.dwo`.
pub(super) fn lower_offsets<S: SectionHeader<Endian = Endianness>>(
    (number, section): (SectionIndex, &S),
    endian: Endianness,
    cut: &Cut,
    lowered: &mut [u8],
) -> Result<(), RewriteError> {
    let unknown = |offset| RewriteError::UnknownReference { section: number.0, offset };
    let (start, size) = section.file_range(endian).ok_or(unknown(0))?;
    let range = usize::try_from(start).ok().zip(usize::try_from(start.saturating_add(size)).ok());
    let table = range.and_then(|(start, end)| lowered.get_mut(start..end)).ok_or(unknown(0))?;
    // Since DWARF 5 the table has a head: the length of what follows, the version, and two bytes of nothing. A table
    // without one begins with the offset of a string, and the first one is never so far behind.
    let length = table.first_chunk().map(|bytes| endian.read_u32(*bytes)).unwrap_or_default();
    let has_head = table.len() >= 8 && length as usize == table.len() - 4;
    let head = if has_head { 8 } else { 0 };
    for (index, place) in table[head..].chunks_mut(4).enumerate() {
        let offset = (head + index * 4) as u64;
        let bytes = place.first_chunk_mut::<4>().ok_or(unknown(offset))?;
        let lower = cut.lower(endian.read_u32(*bytes).into()).ok_or(unknown(offset))?;
        // A smaller number than one that fitted.
        *bytes = endian.write_u32(u32::try_from(lower).map_err(|_| unknown(offset))?);
    }
    Ok(())
}
