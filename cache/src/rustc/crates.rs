//! Every crate that a compile may read, by content: those that it names, and those that these use in their turn.
//!
//! rustc finds the latter by itself, in the directories of `-L`. A crate's metadata lists all that it uses, with the ends of
//! their file names, such as `-0123456789abcdef`: what has such an end and is named in the metadata belongs to it. What
//! has no such end belongs to it, to be safe.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farmbuild_core::analysis::RustcCompile;
use farmbuild_core::analysis::rustc::SearchKind;
use farmbuild_core::pipeline::Uncached;
use farmbuild_core::pipeline::crate_files::{end_of, ends, is_dynamic, is_macro, list};

use crate::by_content::ByContent;
use crate::files::Files;
use crate::reason::Reason;
use crate::source::ContentHash;

/// Crates without an ending of their own that are taken in; more are somebody's whole library.
const MOST: usize = 512;

/// A file that counts by its content.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) hash: ContentHash,
}

impl Input {
    pub(super) fn at(files: &Files, path: PathBuf) -> Result<Self, Reason> {
        let hash = files.hash(&path).ok_or(Reason::OddInput)?;
        Ok(Self { path, hash })
    }

    /// What it is called, wherever it is.
    pub(super) fn name(&self) -> &[u8] {
        self.path.file_name().unwrap_or_default().as_encoded_bytes()
    }
}

/// The crates of a compile.
pub(super) struct Crates {
    /// Those with a file on the command line, in its order.
    pub(super) named: Vec<Input>,
    /// The others.
    pub(super) used: Vec<Input>,
    /// Procedural macros are among them.
    pub(super) have_macros: bool,
}

/// What was found in crates.
#[derive(Default)]
pub(super) struct Seen(ByContent<Found>);

struct Found {
    /// All that looks like the end of a crate's name.
    ends: BTreeSet<u64>,
    is_macro: bool,
    /// It is a crate, and no library for other languages.
    has_metadata: bool,
}

impl Seen {
    fn look_into(&self, input: &Input) -> Result<Arc<Found>, Reason> {
        self.0.get(&input.path, input.hash, |bytes| {
            let has = |text: &[u8]| memchr::memmem::find(bytes, text).is_some();
            Found {
                ends: ends(bytes),
                is_macro: is_macro(bytes),
                has_metadata: has(b"rust_metadata_"),
            }
        })
    }
}

/// The crates of a compile in `cwd`. Of crates that have both, `compile` reads the metadata or the archive.
pub(super) fn of(
    files: &Files,
    seen: &Seen,
    cwd: &Path,
    compile: &RustcCompile,
) -> Result<Crates, Uncached> {
    let mut crates = Crates { named: Vec::new(), used: Vec::new(), have_macros: false };
    let mut ends = BTreeSet::new();
    for path in &compile.externs {
        let input = Input::at(files, cwd.join(path))?;
        if is_dynamic(&input.path) {
            // What a dynamic library of Rust uses isn't written out in it.
            if !seen.look_into(&input)?.is_macro {
                return Err(Reason::CrateMetadata.into());
            }
            crates.have_macros = true;
        } else {
            let found = seen.look_into(&input)?;
            // Its own end is in there, unless metadata are written in another way by now.
            if end_of(&input.path).is_some_and(|own| !found.ends.contains(&own)) {
                return Err(Reason::CrateMetadata.into());
            }
            ends.extend(found.ends.iter().copied());
        }
        crates.named.push(input);
    }
    let own: BTreeSet<PathBuf> = compile.outputs.iter().map(|it| cwd.join(&it.path)).collect();
    let mut unnamed = 0;
    for search in &compile.search {
        let is_used = |path: &Path| match (search.kind, end_of(path)) {
            (SearchKind::Native, _) => false,
            (SearchKind::Dependencies, Some(end)) => ends.contains(&end),
            (SearchKind::Dependencies, None) => !compile.externs.is_empty(),
            (SearchKind::Crates | SearchKind::All, _) => true,
        };
        let mut found: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        for path in list(&cwd.join(&search.directory)) {
            if own.contains(&path) || !is_used(&path) {
                continue;
            }
            unnamed += usize::from(end_of(&path).is_none_or(|end| !ends.contains(&end)));
            let declares = path.extension().is_some_and(|it| it == "rmeta");
            // Of `.rlib` and `.rmeta` one is read; a dynamic library stands for itself.
            let place = if is_dynamic(&path) { path.clone() } else { path.with_extension("") };
            let wins = declares != compile.reads_code();
            if wins || !found.contains_key(&place) {
                found.insert(place, path);
            }
        }
        if unnamed > MOST {
            return Err(Reason::SearchedLibraries.into());
        }
        for path in found.into_values() {
            let input = Input::at(files, path)?;
            if is_dynamic(&input.path) {
                let found = seen.look_into(&input)?;
                match (found.is_macro, found.has_metadata) {
                    (true, _) => crates.have_macros = true,
                    (false, false) => continue,
                    (false, true) => return Err(Reason::CrateMetadata.into()),
                }
            }
            crates.used.push(input);
        }
    }
    Ok(crates)
}
