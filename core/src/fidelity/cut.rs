//! Takes the traces of our own options out of an object's debug strings.
//!
//! The result is what the assembler would have written without them: the text is cut out of the one string that
//! holds it, every reference to a string behind it is lowered, and the sections behind it move up. Knows nothing of
//! compilers; whatever it doesn't expect in the object is an error, and the object is then of no use.

use std::mem::offset_of;

use object::elf;
use object::endian::{Endian, Endianness};
use object::read::elf::{FileHeader, Rel, Rela, SectionHeader, SectionTable, Sym};
use object::read::{FileKind, SectionIndex, SymbolIndex};

use super::layout::{Layout, Rank, Section, lay_out};

/// Why an object couldn't be rewritten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// It isn't a well-formed relocatable ELF object.
    #[error("the object is damaged or no relocatable ELF object: {0}")]
    NotAnObject(#[from] object::read::Error),
    /// Its parts aren't where GNU as puts them.
    #[error("the object isn't laid out as GNU as does it")]
    UnknownLayout,
    /// `.debug_str` is compressed (`-gz`).
    #[error("the object's debug strings are compressed")]
    Compressed,
    /// There is debug info, but the text to cut isn't there exactly once, behind the expected text.
    #[error("the object's debug strings name our options {0} times instead of once")]
    Occurrences(usize),
    /// Something refers to the debug strings in an unknown way.
    #[error("an unknown kind of reference to a debug string at {offset:#x} of section {section}")]
    UnknownReference {
        /// The number of the relocation section or, for a symbol, of the symbol table.
        section: usize,
        /// The place it relocates, or the symbol's number.
        offset: u64,
    },
}

/// A text to cut out of the compiler's description of itself, `DW_AT_producer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerCut {
    /// What the producer string begins with.
    pub(super) prefix: Vec<u8>,
    /// What follows and is to go.
    pub(super) excess: Vec<u8>,
}

impl ProducerCut {
    /// The object without the excess text. An object without debug info is given back as it is.
    ///
    /// Takes memory for one copy of the object and a few words for each of its sections.
    ///
    /// # Errors
    /// [`RewriteError`] for an object that gcc and GNU as don't write.
    pub fn apply(&self, object: &[u8]) -> Result<Vec<u8>, RewriteError> {
        match FileKind::parse(object)? {
            FileKind::Elf32 => self.apply_to::<elf::FileHeader32<Endianness>>(object),
            FileKind::Elf64 => self.apply_to::<elf::FileHeader64<Endianness>>(object),
            _ => Err(RewriteError::UnknownLayout),
        }
    }

    fn apply_to<Elf: FileHeader<Endian = Endianness>>(
        &self,
        object: &[u8],
    ) -> Result<Vec<u8>, RewriteError> {
        let header = Elf::parse(object)?;
        let endian = header.endian()?;
        let table = header.sections(endian, object)?;
        if header.e_type(endian) != elf::ET_REL || table.is_empty() {
            return Err(RewriteError::UnknownLayout);
        }
        let sections = describe(header, endian, &table);
        let class = Class::of(header, endian);
        let layout =
            lay_out(&sections, class.header_size, class.word).ok_or(RewriteError::UnknownLayout)?;
        check(&layout, &sections, &class, object)?;

        let Some((strings, string_header)) = table.section_by_name(endian, b".debug_str") else {
            let has_debug_info = table.section_by_name(endian, b".debug_info").is_some();
            return if has_debug_info {
                Err(RewriteError::Occurrences(0))
            } else {
                Ok(object.to_owned())
            };
        };
        if string_header.sh_flags(endian).contains(elf::SHF_COMPRESSED) {
            return Err(RewriteError::Compressed);
        }
        let cut = self.find(string_header.data(endian, object)?)?;

        let mut lowered = object.to_owned();
        lower_references::<Elf>(header, endian, &table, object, strings, &cut, &mut lowered)?;
        Ok(write(&lowered, &sections, strings, &cut, &class).ok_or(RewriteError::UnknownLayout)?)
    }

    /// Where the excess text is in `strings`.
    fn find(&self, strings: &[u8]) -> Result<Cut, RewriteError> {
        let whole = [self.prefix.as_slice(), &self.excess].concat();
        let mut found = memchr::memmem::find_iter(strings, &whole)
            .filter(|&at| at == 0 || strings[at - 1] == 0);
        let first = found.next().ok_or(RewriteError::Occurrences(0))?;
        match found.count() {
            0 => {
                let start = first + self.prefix.len();
                Ok(Cut { start, end: start + self.excess.len(), size: strings.len() })
            }
            more => Err(RewriteError::Occurrences(1 + more)),
        }
    }
}

/// The bytes to go, as offsets into a section of `size` bytes.
struct Cut {
    start: usize,
    end: usize,
    size: usize,
}

impl Cut {
    fn length(&self) -> usize {
        self.end - self.start
    }

    /// What an offset into the section becomes; `None` for one that a reference can't have.
    fn lower(&self, offset: u64) -> Option<u64> {
        let offset = usize::try_from(offset).ok()?;
        match offset {
            _ if offset < self.start => Some(offset as u64),
            _ if offset < self.end || offset >= self.size => None,
            _ => Some((offset - self.length()) as u64),
        }
    }
}

/// What differs between 32-bit and 64-bit objects, where it is written.
struct Class {
    /// Bytes in a word: the size of a file offset, and the alignment of tables.
    word: u64,
    header_size: u64,
    /// The place of `e_shoff` in the ELF header.
    header_table_field: usize,
    section_header_size: u64,
    /// The places of `sh_offset` and `sh_size` in a section header.
    offset_field: usize,
    size_field: usize,
    /// The place of `r_addend` in a relocation with an addend, and the relocation's size.
    addend_field: usize,
    rela_size: usize,
    /// Where the section header table is.
    headers: u64,
    endian: Endianness,
}

impl Class {
    fn of<Elf: FileHeader<Endian = Endianness>>(header: &Elf, endian: Endianness) -> Self {
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
    fn put(&self, bytes: &mut [u8], at: usize, value: u64) -> Option<()> {
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

fn describe<Elf: FileHeader<Endian = Endianness>>(
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
fn check(
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

/// Lowers, in the copy `lowered`, every reference of `object` to a place behind the cut of section `strings`.
fn lower_references<Elf: FileHeader<Endian = Endianness>>(
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

/// The object without the cut, its sections moved up. `None` if a number doesn't fit its field.
fn write(
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
