//! What a compile of a crate may read: every file of its package, what its build script wrote, and the crates that it uses.
//!
//! More than it reads, because that is known only afterwards; what is missing fails the compile there, and it is
//! repeated here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{CrateStay, variable};
use crate::analysis::rustc::{RustcCompile, SearchKind};
use crate::job::Invocation;
use crate::pipeline::crate_files::{end_of, ends, is_dynamic, is_macro, list};
use crate::pipeline::toolchain::Stamp;

/// The most files of one package, and of crates in one directory without names of their own.
const MOST_FILES: usize = 2048;
/// The most bytes of a package's files, and of everything.
const MOST_OF_PACKAGE: u64 = 64 << 20;
const MOST_BYTES: u64 = 1 << 30;

/// Where a host has its own files.
const SYSTEM: [&str; 13] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/proc", "/dev",
    "/sys", "/run", "/nix",
];

/// What a compile may read.
pub(super) struct Read {
    /// Absolute, sorted.
    pub(super) files: Vec<PathBuf>,
    /// Bytes of its sources.
    pub(super) source_bytes: usize,
    /// What may be names of variables in its sources.
    pub(super) words: BTreeSet<Vec<u8>>,
}

/// What was found in a crate's file.
#[derive(Debug)]
struct Found {
    ends: BTreeSet<u64>,
    is_macro: bool,
}

/// Remembers what was found in crates.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<HashMap<Stamp, Arc<Found>>>);

impl Seen {
    pub(super) fn inputs(
        &self,
        invocation: &Invocation,
        compile: &RustcCompile,
    ) -> Result<Read, CrateStay> {
        let cwd = &invocation.cwd;
        let source = cwd.join(&compile.source);
        let package = variable(invocation, "CARGO_MANIFEST_DIR").map(PathBuf::from);
        let package = package.filter(|it| it.is_absolute() && source.starts_with(it));
        let directory = package.as_deref().or(source.parent()).unwrap_or(Path::new("/"));
        let mut package = Package::default();
        package.list(directory)?;
        if let Some(out) = variable(invocation, "OUT_DIR") {
            package.list(Path::new(out))?;
        }
        let words = package.words();
        let (mut files, source_bytes) = (package.files, package.source_bytes);
        let (crates, have_macros) = self.crates(cwd, compile)?;
        // What is published can't count on files of somebody's.
        if have_macros && !is_published(invocation, directory) {
            return Err(CrateStay::Macros);
        }
        files.extend(crates);
        let lists = invocation.argv.iter().filter_map(|arg| arg.to_str()?.strip_prefix('@'));
        files.extend(lists.map(|it| cwd.join(it)));
        files.sort();
        files.dedup();
        let reserved = |path: &&PathBuf| SYSTEM.iter().any(|it| path.starts_with(it));
        let outputs: Vec<_> = compile.outputs.iter().map(|it| cwd.join(&it.path)).collect();
        if let Some(path) = files.iter().chain(&outputs).chain([cwd]).find(reserved) {
            return Err(CrateStay::Place(path.clone()));
        }
        let odd = |path: &&PathBuf| path.components().any(|it| it.as_os_str() == "..");
        if let Some(path) = files.iter().chain(&outputs).find(odd) {
            return Err(CrateStay::Place(path.clone()));
        }
        let sizes = files.iter().map(|path| fs::metadata(path).map_or(0, |meta| meta.len()));
        if sizes.sum::<u64>() > MOST_BYTES {
            return Err(CrateStay::Large);
        }
        Ok(Read { files, source_bytes, words })
    }

    /// The crates that may be read, and whether macros are among them.
    fn crates(
        &self,
        cwd: &Path,
        compile: &RustcCompile,
    ) -> Result<(Vec<PathBuf>, bool), CrateStay> {
        let (mut files, mut have_macros) = (Vec::new(), false);
        let mut used = BTreeSet::new();
        for path in &compile.externs {
            let path = cwd.join(path);
            let found = self.look_into(&path)?;
            match is_dynamic(&path) {
                true if !found.is_macro => return Err(CrateStay::Native),
                true => have_macros = true,
                false => used.extend(found.ends.iter().copied()),
            }
            files.push(path);
        }
        let own: BTreeSet<PathBuf> = compile.outputs.iter().map(|it| cwd.join(&it.path)).collect();
        for search in compile.search.iter().filter(|it| it.kind != SearchKind::Native) {
            let is_used = |path: &Path| match (search.kind, end_of(path)) {
                (SearchKind::Dependencies, Some(end)) => used.contains(&end),
                (SearchKind::Dependencies, None) => !compile.externs.is_empty(),
                _ => true,
            };
            // Of metadata and archive, the metadata are enough.
            let mut found: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
            for path in list(&cwd.join(&search.directory)) {
                if own.contains(&path) || !is_used(&path) {
                    continue;
                }
                let declares = path.extension().is_some_and(|it| it == "rmeta");
                let place = if is_dynamic(&path) { path.clone() } else { path.with_extension("") };
                if declares || !found.contains_key(&place) {
                    found.insert(place, path);
                }
            }
            if found.len() > MOST_FILES {
                return Err(CrateStay::Large);
            }
            for path in found.into_values() {
                have_macros |= is_dynamic(&path) && self.look_into(&path)?.is_macro;
                files.push(path);
            }
        }
        Ok((files, have_macros))
    }

    fn look_into(&self, path: &Path) -> Result<Arc<Found>, CrateStay> {
        let unknown = |_| CrateStay::Place(path.to_owned());
        let stamp = Stamp::of(path).map_err(unknown)?;
        if let Some(found) = self.lock().get(&stamp) {
            return Ok(Arc::clone(found));
        }
        let bytes = fs::read(path).map_err(unknown)?;
        let found = Arc::new(Found { ends: ends(&bytes), is_macro: is_macro(&bytes) });
        let mut seen = self.lock();
        // They are made anew all the time.
        if seen.len() >= 4096 {
            seen.clear();
        }
        seen.insert(stamp, Arc::clone(&found));
        Ok(found)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Stamp, Arc<Found>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Package {
    files: Vec<PathBuf>,
    source_bytes: usize,
    bytes: u64,
}

impl Package {
    /// Adds every file, but for those of packages within, of version control, and what cargo built.
    fn list(&mut self, directory: &Path) -> Result<(), CrateStay> {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            // Links to directories aren't followed: they may lead round in circles.
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                if !is_apart(&path) {
                    self.list(&path)?;
                }
                continue;
            }
            let Some(meta) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) else {
                continue;
            };
            self.bytes += meta.len();
            if path.extension().is_some_and(|it| it == "rs") {
                // It fits: it is bounded below.
                self.source_bytes += usize::try_from(meta.len()).unwrap_or(usize::MAX);
            }
            self.files.push(path);
            if self.files.len() > MOST_FILES || self.bytes > MOST_OF_PACKAGE {
                return Err(CrateStay::Large);
            }
        }
        Ok(())
    }

    /// What stands in quotes in its sources and may be the name of a variable.
    fn words(&self) -> BTreeSet<Vec<u8>> {
        let sources = self.files.iter().filter(|it| it.extension().is_some_and(|it| it == "rs"));
        let mut words = BTreeSet::new();
        for source in sources {
            let text = fs::read(source).unwrap_or_default();
            if memchr::memmem::find(&text, b"env!").is_none() {
                continue;
            }
            let quoted = text.split(|&byte| byte == b'"').filter(|word| is_name(word));
            words.extend(quoted.map(<[u8]>::to_vec));
        }
        words
    }
}

fn is_name(word: &[u8]) -> bool {
    (1..=64).contains(&word.len())
        && word.iter().all(|it| it.is_ascii_alphanumeric() || *it == b'_')
}

fn is_apart(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default();
    [".git", ".hg", ".jj"].iter().any(|it| name == *it)
        || ["CACHEDIR.TAG", "Cargo.toml"].iter().any(|it| directory.join(it).exists())
}

/// Whether a package is in cargo's own home, and so one of a registry or repository.
fn is_published(invocation: &Invocation, directory: &Path) -> bool {
    let home = variable(invocation, "CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(variable(invocation, "HOME")?).join(".cargo")));
    home.is_some_and(|home| {
        ["registry/src", "git/checkouts"].iter().any(|it| directory.starts_with(home.join(it)))
    })
}

/// The variables that a compile is given there: cargo's and rustc's own, and those that its sources may ask for by name.
/// Nothing else of this machine's is told. What it asked for is looked at again when it has been compiled.
pub(super) fn environment(
    invocation: &Invocation,
    words: &BTreeSet<Vec<u8>>,
) -> Vec<(OsString, OsString)> {
    let counts = |name: &OsStr| {
        let Some(name) = name.to_str().filter(|it| is_name(it.as_bytes())) else { return false };
        let secret = name.ends_with("_TOKEN") || name.ends_with("_CREDENTIALS");
        let around = ["RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_MAKEFLAGS"];
        let own = name.starts_with("CARGO") || name.starts_with("RUSTC") || name == "OUT_DIR";
        !secret && (own && !around.contains(&name) || words.contains(name.as_bytes()))
    };
    let mut env: Vec<_> = invocation.env.iter().filter(|(name, _)| counts(name)).cloned().collect();
    env.sort();
    env
}
