//! Libraries that aren't of Rust, in the directories of `-L`: what `#[link]` in a source takes from there isn't on the command
//! line, so that all of them count, by content.

use std::fs;
use std::path::Path;

use farmbuild_core::analysis::RustcCompile;

use super::crates::Input;
use crate::files::Files;
use crate::reason::Reason;

/// More of them are those of a whole system.
const MOST: usize = 256;

/// The libraries that a compile in `cwd` may take.
pub(super) fn of(files: &Files, cwd: &Path, compile: &RustcCompile) -> Result<Vec<Input>, Reason> {
    let mut libraries = Vec::new();
    let searched = compile.search.iter().filter(|it| it.kind.has_libraries());
    for search in searched {
        let entries = fs::read_dir(cwd.join(&search.directory)).into_iter().flatten().flatten();
        let found = entries.filter(|entry| is_library(entry.file_name().as_encoded_bytes()));
        let mut found: Vec<_> = found.map(|entry| entry.path()).collect();
        found.retain(|path| path.is_file());
        if libraries.len() + found.len() > MOST {
            return Err(Reason::SearchedLibraries);
        }
        found.sort();
        for path in found {
            libraries.push(Input::at(files, path)?);
        }
    }
    Ok(libraries)
}

fn is_library(name: &[u8]) -> bool {
    let ends = [&b".a"[..], b".so", b".o", b".lib", b".dylib", b".bc"];
    ends.iter().any(|end| name.ends_with(end)) || memchr::memmem::find(name, b".so.").is_some()
}
