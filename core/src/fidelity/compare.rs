//! Where two objects differ: nowhere, in debug info alone, or in what a program runs.

use object::elf;
use object::endian::Endianness;
use object::read::elf::{ElfFile, FileHeader, SectionHeader};
use object::read::{
    FileKind, Object, ObjectSection, ObjectSymbol, RelocationTarget, Result, SectionFlags,
};

/// What two objects don't have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Nothing.
    None,
    /// Only these sections of debug info (and the tables that count them).
    DebugInfo(Vec<String>),
    /// The section or table of this name, which is more than debug info; or the file as a whole.
    Code(String),
}

/// Compares the object of a plain local compile with another one.
pub(super) fn compare(local: &[u8], other: &[u8]) -> Difference {
    if local == other {
        return Difference::None;
    }
    let compared = match (FileKind::parse(local), FileKind::parse(other)) {
        (Ok(FileKind::Elf32), Ok(FileKind::Elf32)) => {
            compare_elf::<elf::FileHeader32<Endianness>>(local, other)
        }
        (Ok(FileKind::Elf64), Ok(FileKind::Elf64)) => {
            compare_elf::<elf::FileHeader64<Endianness>>(local, other)
        }
        _ => Ok(Difference::Code("file format".to_owned())),
    };
    compared.unwrap_or_else(|error| Difference::Code(error.to_string()))
}

fn compare_elf<Elf: FileHeader<Endian = Endianness>>(
    local: &[u8],
    other: &[u8],
) -> Result<Difference> {
    let local = ElfFile::<Elf>::parse(local)?;
    let other = ElfFile::<Elf>::parse(other)?;
    if local.flags() != other.flags() || local.architecture() != other.architecture() {
        return Ok(Difference::Code("ELF header".to_owned()));
    }
    let mut debug = Vec::new();
    let mut theirs = program_sections(&other)?.into_iter();
    for mine in program_sections(&local)? {
        if theirs.next().as_ref() != Some(&mine) {
            return Ok(Difference::Code(mine.name));
        }
    }
    if let Some(more) = theirs.next() {
        return Ok(Difference::Code(more.name));
    }
    if symbols(&local)? != symbols(&other)? {
        return Ok(Difference::Code(".symtab".to_owned()));
    }
    for section in local.sections() {
        let name = section.name()?;
        let same = match other.section_by_name(name) {
            Some(twin) => {
                twin.data()? == section.data()?
                    && relocations(&local, &section)? == relocations(&other, &twin)?
            }
            None => false,
        };
        if is_debug(name) && !same && !debug.iter().any(|known| known == name) {
            debug.push(name.to_owned());
        }
    }
    Ok(Difference::DebugInfo(debug))
}

/// Everything about a section that a linker or a program can see.
#[derive(PartialEq, Eq)]
struct Program {
    name: String,
    flags: SectionFlags,
    align: u64,
    size: u64,
    data: Vec<u8>,
    relocations: Vec<Relocation>,
}

/// Place, type, target by name, and addend.
type Relocation = (u64, object::RelocationFlags, Vec<u8>, i64);

fn program_sections<Elf: FileHeader<Endian = Endianness>>(
    file: &ElfFile<'_, Elf>,
) -> Result<Vec<Program>> {
    let mut sections = Vec::new();
    for section in file.sections() {
        let name = section.name()?;
        let table = matches!(
            section.elf_section_header().sh_type(file.endian()),
            elf::SHT_SYMTAB
                | elf::SHT_STRTAB
                | elf::SHT_REL
                | elf::SHT_RELA
                | elf::SHT_SYMTAB_SHNDX
                | elf::SHT_GROUP
        );
        if table || is_debug(name) {
            continue;
        }
        sections.push(Program {
            name: name.to_owned(),
            flags: section.flags(),
            align: section.align(),
            size: section.size(),
            data: section.data()?.to_owned(),
            relocations: relocations(file, &section)?,
        });
    }
    Ok(sections)
}

fn relocations<'data, Elf: FileHeader<Endian = Endianness>>(
    file: &ElfFile<'data, Elf>,
    section: &impl ObjectSection<'data>,
) -> Result<Vec<Relocation>> {
    section
        .relocations()
        .map(|(offset, relocation)| {
            let target = match relocation.target() {
                RelocationTarget::Symbol(index) => {
                    let symbol = file.symbol_by_index(index)?;
                    match symbol.section_index() {
                        Some(section) if symbol.name_bytes()?.is_empty() => {
                            file.section_by_index(section)?.name_bytes()?.to_owned()
                        }
                        _ => symbol.name_bytes()?.to_owned(),
                    }
                }
                RelocationTarget::Section(index) => {
                    file.section_by_index(index)?.name_bytes()?.to_owned()
                }
                _ => Vec::new(),
            };
            Ok((offset, relocation.flags(), target, relocation.addend()))
        })
        .collect()
}

/// Name, value, size, home section and binding of each named symbol, in order.
type Symbol = (Vec<u8>, u64, u64, Option<String>, bool, bool);

fn symbols<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> Result<Vec<Symbol>> {
    file.symbols()
        .filter(|symbol| symbol.name_bytes().is_ok_and(|name| !name.is_empty()))
        .map(|symbol| {
            let home = match symbol.section_index() {
                Some(index) => Some(file.section_by_index(index)?.name()?.to_owned()),
                None => None,
            };
            let name = symbol.name_bytes()?.to_owned();
            Ok((name, symbol.address(), symbol.size(), home, symbol.is_global(), symbol.is_weak()))
        })
        // Groups of macros under -g3 have symbols of their own, in the debug info or its section group.
        .filter(|symbol| {
            let home = symbol.as_ref().ok().and_then(|symbol| symbol.3.as_deref());
            home.is_none_or(|home| home != ".group" && !is_debug(home))
        })
        .collect()
}

fn is_debug(name: &str) -> bool {
    let name = name.strip_prefix(".rela").or(name.strip_prefix(".rel")).unwrap_or(name);
    name.starts_with(".debug_") || name.starts_with(".zdebug_")
}
