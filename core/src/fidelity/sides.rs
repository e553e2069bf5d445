//! What a compile writes beside its object, and how it writes the same elsewhere.
//!
//! Names of side outputs follow the object's, so it has the same relative name there. Code that counts for coverage also
//! holds the directory of the compile, and so do its notes: it runs in a directory whose name is as long as that of here,
//! and the name is exchanged in what comes back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use memchr::memmem;
use object::endian::Endian;
use object::read::{File, Object, ObjectSection};

/// A kind of file beside an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Coverage notes (`.gcno`).
    Notes,
    /// Split debug information (`.dwo`).
    DebugInfo,
    /// Stack usage (`.su`).
    StackUsage,
    /// The call graph (`.ci`).
    CallGraph,
}

/// What flags say of files beside an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// The files.
    kinds: Vec<Side>,
    /// The outputs hold the directory of the compile.
    names_directory: bool,
}

impl Side {
    /// Its file's name extension.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Notes => "gcno",
            Self::DebugInfo => "dwo",
            Self::StackUsage => "su",
            Self::CallGraph => "ci",
        }
    }
}

impl Sides {
    /// What these flags ask for.
    #[must_use]
    pub fn of<S: AsRef<OsStr>>(flags: &[S]) -> Self {
        let mut sides = Self::default();
        for flag in flags.iter().map(|flag| flag.as_ref().as_bytes()) {
            let counts = [&b"--coverage"[..], b"-coverage", b"-fprofile-arcs"].contains(&flag);
            sides.names_directory |= counts || flag == b"-ftest-coverage";
            let kind = match flag {
                b"-fprofile-arcs" => continue,
                b"-ftest-coverage" => Side::Notes,
                _ if counts => Side::Notes,
                b"-fstack-usage" => Side::StackUsage,
                _ if flag.starts_with(b"-fcallgraph-info") => Side::CallGraph,
                _ if flag.starts_with(b"-gsplit-dwarf") => Side::DebugInfo,
                _ => continue,
            };
            if !sides.kinds.contains(&kind) {
                sides.kinds.push(kind);
            }
        }
        sides
    }

    /// The files.
    #[must_use]
    pub fn kinds(&self) -> &[Side] {
        &self.kinds
    }

    /// Whether nothing is special about the compile.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && !self.names_directory
    }

    /// Whether debug info is apart from the object.
    #[must_use]
    pub fn splits_debug_info(&self) -> bool {
        self.kinds.contains(&Side::DebugInfo)
    }

    /// Whether the outputs hold the directory of the compile.
    #[must_use]
    pub fn names_directory(&self) -> bool {
        self.names_directory
    }
}

/// Whether files beside an object of this name can have the same name in another directory.
#[must_use]
pub fn keeps_name(object: &Path) -> bool {
    let plain = |part| matches!(part, Component::Normal(_));
    let bytes = object.as_os_str().as_bytes();
    object.components().all(plain) && !bytes.starts_with(b"-") && !bytes.is_empty()
}

/// What is called `object`'s file of this kind.
#[must_use]
pub fn beside(object: &Path, kind: Side) -> PathBuf {
    object.with_extension(kind.suffix())
}

/// The number that an object and its split debug info know each other by. gcc makes it up anew each time, also in a plain
/// compile: what it is says nothing. `None` before DWARF 5, which has it elsewhere.
pub(super) fn number_of(debug_info: &[u8]) -> Option<[u8; 8]> {
    const VERSION: u16 = 5;
    const SPLIT_COMPILE: u8 = 5;
    let file = File::parse(debug_info).ok()?;
    let section = file.section_by_name(".debug_info.dwo")?;
    let unit = section.data().ok()?;
    let version = file.endianness().read_u16(*unit.get(4..)?.first_chunk()?);
    let known = version == VERSION && *unit.get(6)? == SPLIT_COMPILE;
    unit.get(12..)?.first_chunk().copied().filter(|_| known)
}

/// Puts the name of one directory in the place of another one, of the same length. Says whether nothing is left of that, in
/// a form that a compiler may have tidied up, say.
#[must_use]
pub fn exchange(bytes: &mut [u8], there: &OsStr, here: &OsStr) -> bool {
    let (there, here) = (there.as_bytes(), here.as_bytes());
    if there.len() != here.len() {
        return false;
    }
    let places: Vec<usize> = memmem::find_iter(bytes, there).collect();
    for place in places {
        bytes[place..place + here.len()].copy_from_slice(here);
    }
    let end = there.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    there == here || memmem::find(bytes, &there[..end]).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_what_is_written() {
        let kinds = |flags: &[&str]| Sides::of(flags).kinds().to_vec();
        assert_eq!(kinds(&["-O2", "-g"]), []);
        assert!(Sides::of(&["-O2", "-g"]).is_empty());
        assert_eq!(kinds(&["-fprofile-arcs", "-ftest-coverage"]), [Side::Notes]);
        assert!(!Sides::of(&["-fprofile-arcs"]).is_empty());
        let several = ["-fstack-usage", "-gsplit-dwarf", "-fcallgraph-info=su"];
        assert_eq!(kinds(&several), [Side::StackUsage, Side::DebugInfo, Side::CallGraph]);
    }

    #[test]
    fn an_object_keeps_its_name_unless_that_leads_out() {
        assert!(keeps_name(Path::new("out/a.o")));
        for object in ["/out/a.o", "../a.o", "out/../a.o", "-a.o", "./a.o", ""] {
            assert!(!keeps_name(Path::new(object)), "{object}");
        }
    }

    #[test]
    fn names_are_exchanged_wherever_they_are() {
        let mut bytes = b"x/there/y\0/there".to_vec();
        assert!(exchange(&mut bytes, OsStr::new("/there"), OsStr::new("/where")));
        assert_eq!(bytes, b"x/where/y\0/where");
        assert!(!exchange(&mut bytes, OsStr::new("/where"), OsStr::new("/longer")));
        assert_eq!(bytes, b"x/where/y\0/where");
        let mut tidied = b"/tmp/a///x /tmp/a/x".to_vec();
        assert!(!exchange(&mut tidied, OsStr::new("/tmp/a///"), OsStr::new("/home/bcd")));
    }
}
