//! An ELF file as its parts: describing them, checking that they are where GNU as puts them, and writing them anew.
//!
//! Serves 32-bit and 64-bit objects of either byte order. Knows nothing of what is cut, or why.

use std::mem::offset_of;

use object::elf;
use object::endian::{Endian, Endianness};
use object::read::SectionIndex;
use object::read::elf::{FileHeader, SectionHeader, SectionTable};

use super::cut::{Cut, RewriteError};
use super::layout::{Layout, Rank, Section, lay_out};

/// What differs between 32-bit and 64-bit objects, where it is written.
pub(super) struct Class {
    /// Bytes in a word: the size of a file offset, and the alignment of tables.
    pub(super) word: u64,
    pub(super) header_size: u64,
    /// The place of `e_shoff` in the ELF header.
    header_table_field: usize,
    section_header_size: u64,
    /// The places of `sh_offset` and `sh_size` in a section header.
    offset_field: usize,
    size_field: usize,
    /// The place of `r_addend` in a relocation with an addend, and the relocation's size.
    pub(super) addend_field: usize,
    pub(super) rela_size: usize,
    /// Where the section header table is.
    headers: u64,
    endian: Endianness,
}

impl Class {
    pub(super) fn of<Elf: FileHeader<Endian = Endianness>>(
        header: &Elf,
        endian: Endianness,
    ) -> Self {
        type E = Endianness;
        let headers = header.e_shoff(endian).into();
        if header.is_type_64() {
            Self {
                word: 8,
                header_size: size_of::<elf::FileHeader64<E>>() as u64,
                header_table_field: offset_of!(elf::FileHeader64<E>, e_shoff),
                section_header_size: size_of::<elf::SectionHeader64<E>>() as u64,
                offset_field: offset_of!(elf::SectionHeader64<E>, sh_offset),
                size_field: offset_of!(elf::SectionHeader64<E>, sh_size),
                addend_field: offset_of!(elf::Rela64<E>, r_addend),
                rela_size: size_of::<elf::Rela64<E>>(),
                headers,
                endian,
            }
        } else {
            Self {
                word: 4,
                header_size: size_of::<elf::FileHeader32<E>>() as u64,
                header_table_field: offset_of!(elf::FileHeader32<E>, e_shoff),
                section_header_size: size_of::<elf::SectionHeader32<E>>() as u64,
                offset_field: offset_of!(elf::SectionHeader32<E>, sh_offset),
                size_field: offset_of!(elf::SectionHeader32<E>, sh_size),
                addend_field: offset_of!(elf::Rela32<E>, r_addend),
                rela_size: size_of::<elf::Rela32<E>>(),
                headers,
                endian,
            }
        }
    }

    /// Writes `value` as a word at `at`; `None` if there is no room.
    pub(super) fn put(&self, bytes: &mut [u8], at: usize, value: u64) -> Option<()> {
        if self.word == 8 {
            let place = bytes.get_mut(at..at.checked_add(8)?)?;
            place.copy_from_slice(&self.endian.write_u64(value));
        } else {
            let value = u32::try_from(value).ok()?;
            let place = bytes.get_mut(at..at.checked_add(4)?)?;
            place.copy_from_slice(&self.endian.write_u32(value));
        }
        Some(())
    }
}

/// The sections of an object, as far as their places go.
pub(super) fn describe<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    table: &SectionTable<'_, Elf>,
) -> Vec<Section> {
    let symbol_names = table
        .iter()
        .find(|section| section.sh_type(endian) == elf::SHT_SYMTAB)
        .map(|symbols| symbols.link(endian));
    let section_names = header.e_shstrndx(endian).index().map(|index| SectionIndex(index.into()));
    table
        .enumerate()
        .map(|(index, section)| Section {
            rank: match section.sh_type(endian) {
                elf::SHT_SYMTAB | elf::SHT_SYMTAB_SHNDX => Rank::SymbolTable,
                elf::SHT_REL | elf::SHT_RELA => Rank::Relocations,
                _ if Some(index) == symbol_names => Rank::SymbolNames,
                _ if Some(index) == section_names => Rank::SectionNames,
                _ => Rank::Contents,
            },
            offset: section.sh_offset(endian).into(),
            size: section.sh_size(endian).into(),
            in_file: section.sh_type(endian) != elf::SHT_NOBITS,
            align: section.sh_addralign(endian).into(),
        })
        .collect()
}

/// Whether `layout` is the one that the object has, down to the gaps.
pub(super) fn check(
    layout: &Layout,
    sections: &[Section],
    class: &Class,
    object: &[u8],
) -> Result<(), RewriteError> {
    let places = sections.iter().skip(1).zip(layout.offsets.iter().skip(1));
    let same = places.clone().all(|(section, &offset)| section.offset == offset);
    let size = class.section_header_size * sections.len() as u64;
    if !same
        || layout.headers != class.headers
        || class.headers.checked_add(size) != Some(object.len() as u64)
    {
        return Err(RewriteError::UnknownLayout);
    }
    // Gaps are copied as zeros.
    let mut filled: Vec<(u64, u64)> = places
        .filter(|(section, _)| section.in_file)
        .map(|(section, &offset)| (offset, offset + section.size))
        .collect();
    filled.push((class.headers, object.len() as u64));
    filled.sort_unstable();
    let mut end = class.header_size;
    for (start, next) in filled {
        let gap = usize::try_from(end).ok().zip(usize::try_from(start).ok());
        let gap = gap.and_then(|(end, start)| object.get(end..start));
        if gap.is_none_or(|gap| gap.iter().any(|&byte| byte != 0)) {
            return Err(RewriteError::UnknownLayout);
        }
        end = next;
    }
    Ok(())
}

/// The object without the cut, its sections moved up. `None` if a number doesn't fit its field.
pub(super) fn write(
    object: &[u8],
    sections: &[Section],
    strings: SectionIndex,
    cut: &Cut,
    class: &Class,
) -> Option<Vec<u8>> {
    let mut shorter = sections.to_owned();
    shorter.get_mut(strings.0)?.size -= cut.length() as u64;
    let layout = lay_out(&shorter, class.header_size, class.word)?;
    let headers = usize::try_from(layout.headers).ok()?;
    let header_size = usize::try_from(class.header_size).ok()?;
    let old_headers = object.get(usize::try_from(class.headers).ok()?..)?;

    let mut out = vec![0; headers];
    out.get_mut(..header_size)?.copy_from_slice(object.get(..header_size)?);
    for (index, section) in sections.iter().enumerate().skip(1).filter(|(_, s)| s.in_file) {
        let from = usize::try_from(section.offset).ok()?;
        let bytes = object.get(from..from.checked_add(usize::try_from(section.size).ok()?)?)?;
        let parts = if index == strings.0 {
            [bytes.get(..cut.start)?, bytes.get(cut.end..)?]
        } else {
            [bytes, &[]]
        };
        let mut to = usize::try_from(layout.offsets[index]).ok()?;
        for part in parts {
            out.get_mut(to..to.checked_add(part.len())?)?.copy_from_slice(part);
            to += part.len();
        }
    }
    out.extend_from_slice(old_headers);
    class.put(&mut out, class.header_table_field, layout.headers)?;
    let header_at = |index: usize| headers + index * class.section_header_size as usize;
    for (index, &offset) in layout.offsets.iter().enumerate().skip(1) {
        class.put(&mut out, header_at(index) + class.offset_field, offset)?;
    }
    let size = shorter.get(strings.0)?.size;
    class.put(&mut out, header_at(strings.0) + class.size_field, size)?;
    Some(out)
}
