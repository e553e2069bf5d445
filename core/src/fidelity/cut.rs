//! Takes the traces of our own options out of an object's debug strings.
//!
//! The result is what the assembler would have written without them: the text is cut out of the one string that
//! holds it, every reference to a string behind it is lowered, and the sections behind it move up. Knows nothing of
//! compilers; whatever it doesn't expect in the object is an error, and the object is then of no use.

use object::elf;
use object::endian::Endianness;
use object::read::FileKind;
use object::read::elf::{FileHeader, SectionHeader};

use super::image::{Class, check, describe, write};
use super::layout::lay_out;
use super::references::{lower_offsets, lower_references};

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

        let split = table.section_by_name(endian, b".debug_str.dwo");
        let Some((strings, string_header)) =
            split.or_else(|| table.section_by_name(endian, b".debug_str"))
        else {
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
        match table.section_by_name(endian, b".debug_str_offsets.dwo") {
            Some(offsets) if split.is_some() => lower_offsets(offsets, endian, &cut, &mut lowered)?,
            _ if split.is_some() => return Err(RewriteError::UnknownLayout),
            _ => lower_references::<Elf>(
                header,
                endian,
                &table,
                object,
                strings,
                &cut,
                &mut lowered,
            )?,
        }
        write(&lowered, &sections, strings, &cut, &class).ok_or(RewriteError::UnknownLayout)
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
pub(super) struct Cut {
    pub(super) start: usize,
    pub(super) end: usize,
    size: usize,
}

impl Cut {
    pub(super) fn length(&self) -> usize {
        self.end - self.start
    }

    /// What an offset into the section becomes; `None` for one that a reference can't have.
    pub(super) fn lower(&self, offset: u64) -> Option<u64> {
        let offset = usize::try_from(offset).ok()?;
        match offset {
            _ if offset < self.start => Some(offset as u64),
            _ if offset < self.end || offset >= self.size => None,
            _ => Some((offset - self.length()) as u64),
        }
    }
}
