//! What is known of one command line: the results it had, each with the files it was made of.
//!
//! A manifest's key has all but the files and the macros of `-D`, so that its entries are the states that one source
//! and its headers went through.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::MacroArgument;
use serde::{Deserialize, Serialize};

use crate::absent::Absent;
use crate::source::ContentHash;
use crate::store::{BlobId, Key};

/// The most entries of a manifest; the oldest ones go first.
const MOST_ENTRIES: usize = 64;

/// All that is known of one command line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Names of files, as the compiler spells them.
    paths: Vec<Vec<u8>>,
    /// A path and what that file held: most entries share most of them.
    states: Vec<(u32, ContentHash)>,
    absents: Vec<(Key, Absent)>,
    /// The newest one last.
    pub(crate) entries: Vec<Entry>,
}

/// One state and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Which of the states the files were in that were read.
    pub(crate) files: Vec<u32>,
    /// Which of the sets of names weren't there.
    absent: u32,
    /// `-D` and `-U`, in order.
    pub(crate) macros: Vec<Macro>,
    pub(crate) result: StoredResult,
}

/// A `-D` (true) or `-U`, and what stands behind it.
pub(crate) type Macro = (bool, Vec<u8>);

/// The arguments of a job about macros, as entries have them.
pub(crate) fn macros(arguments: &[MacroArgument]) -> Vec<Macro> {
    arguments.iter().map(|it| (it.defines, it.text.as_bytes().to_vec())).collect()
}

/// What a compile wrote and printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredResult {
    /// By label.
    pub(crate) outputs: Vec<(String, BlobId)>,
    pub(crate) stdout: Option<BlobId>,
    pub(crate) stderr: Option<BlobId>,
    /// The terminal that the messages were made for.
    pub(crate) terminal: String,
    pub(crate) rule: Option<StoredRule>,
    /// The base directory whose name shows in it after all.
    pub(crate) base: Option<Vec<u8>>,
    pub(crate) lines: u64,
}

impl StoredResult {
    /// Whether the compiler printed nothing.
    pub(crate) fn is_silent(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }
}

/// A dependency file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredRule {
    pub(crate) text: BlobId,
    /// Without system headers.
    pub(crate) users_only: bool,
    /// As [`farmbuild_core::analysis::DependencyFile::form`].
    pub(crate) form: Vec<Vec<u8>>,
    /// The object in whose name it is, where it is in an object's name.
    pub(crate) object: Option<Vec<u8>>,
    /// The base directory that it names.
    pub(crate) base: Option<Vec<u8>>,
}

/// Far fewer than 2^32: a manifest is forgotten long before.
fn index_of_last<T>(all: &[T]) -> u32 {
    u32::try_from(all.len() - 1).unwrap_or(u32::MAX)
}

impl Manifest {
    /// A file and what it held.
    pub(crate) fn state(&self, index: u32) -> Option<(&Path, ContentHash)> {
        let (path, hash) = self.states.get(usize::try_from(index).ok()?)?;
        let path = self.paths.get(usize::try_from(*path).ok()?)?;
        Some((Path::new(OsStr::from_bytes(path)), *hash))
    }

    /// The file of each state.
    pub(crate) fn state_paths(&self) -> impl Iterator<Item = Option<&Path>> {
        self.states.iter().map(|(path, _)| {
            let path = self.paths.get(usize::try_from(*path).ok()?)?;
            Some(Path::new(OsStr::from_bytes(path)))
        })
    }

    /// The names that weren't there for an entry.
    pub(crate) fn absent(&self, entry: &Entry) -> Option<&(Key, Absent)> {
        self.absents.get(usize::try_from(entry.absent).ok()?)
    }

    /// Adds a state and its result, in the place of an entry for the same state.
    pub(crate) fn add(
        &mut self,
        files: &[(PathBuf, ContentHash)],
        absent: Absent,
        macros: Vec<Macro>,
        result: StoredResult,
    ) {
        let mut paths: HashMap<Vec<u8>, u32> = self.paths.iter().cloned().zip(0..).collect();
        let mut states: HashMap<(u32, ContentHash), u32> =
            self.states.iter().copied().zip(0..).collect();
        let mut number = |(path, hash): &(PathBuf, ContentHash)| {
            let path = path.as_os_str().as_bytes();
            let path = *paths.entry(path.to_vec()).or_insert_with(|| {
                self.paths.push(path.to_vec());
                index_of_last(&self.paths)
            });
            *states.entry((path, *hash)).or_insert_with(|| {
                self.states.push((path, *hash));
                index_of_last(&self.states)
            })
        };
        let files: Vec<_> = files.iter().map(&mut number).collect();
        let id = absent.id();
        let absent = match (0..).zip(&self.absents).find(|(_, (known, _))| *known == id) {
            Some((index, _)) => index,
            None => {
                self.absents.push((id, absent));
                index_of_last(&self.absents)
            }
        };
        let same = |it: &Entry| {
            it.files == files
                && it.macros == macros
                && it.result.terminal == result.terminal
                && it.result.base == result.base
        };
        self.entries.retain(|entry| !same(entry));
        self.entries.push(Entry { files, absent, macros, result });
        if self.entries.len() > MOST_ENTRIES {
            self.forget_the_oldest();
        }
    }

    /// Half of the entries go at once, and the names that only they had.
    fn forget_the_oldest(&mut self) {
        let kept = self.entries.split_off(MOST_ENTRIES / 2);
        let old = std::mem::take(self);
        for entry in kept {
            let named = |index: &u32| old.state(*index).map(|(path, hash)| (path.to_owned(), hash));
            let files: Option<Vec<_>> = entry.files.iter().map(named).collect();
            let absent = old.absent(&entry).map(|(_, absent)| absent.clone());
            if let (Some(files), Some(absent)) = (files, absent) {
                self.add(&files, absent, entry.macros, entry.result);
            }
        }
    }

    /// Roughly the bytes that this takes in memory.
    pub(crate) fn weight(&self) -> usize {
        let paths: usize = self.paths.iter().map(|path| path.len() + 24).sum();
        let absents: usize = self.absents.iter().map(|(_, absent)| absent.weight()).sum();
        let entries: usize = self.entries.iter().map(|it| it.files.len() * 4 + 256).sum();
        paths + self.states.len() * 36 + absents + entries
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        // Plain data: there is nothing in it that could fail.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// `None` for bytes of another version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
