//! The files of a crate's package, which a procedural macro may read without rustc's knowing: queries, templates, schemas.
//!
//! Packages in cargo's own home never change. Of others, every file counts but for version control's, those of packages
//! within, and what cargo built.

use std::fs;
use std::path::{Path, PathBuf};

use farmbuild_core::job::Invocation;

use crate::digest::Digest;
use crate::files::Files;
use crate::plan::variable;
use crate::reason::Reason;
use crate::store::Key;

/// More of them aren't read for each crate.
const MOST: usize = 4096;

/// What the package of a compile holds; `None` for one that never changes, or for a compile without a package.
pub(super) fn content(files: &Files, invocation: &Invocation) -> Result<Option<Key>, Reason> {
    let directory = variable(invocation, "CARGO_MANIFEST_DIR").map(Path::new);
    let Some(directory) = directory.filter(|it| it.is_absolute() && !never_changes(invocation, it))
    else {
        return Ok(None);
    };
    let mut paths = Vec::new();
    list(directory, &mut paths)?;
    let mut digest = Digest::new("farmbuild package 1");
    for path in paths {
        // What is no regular file, or can't be read, isn't there for a macro either.
        if let Some(hash) = files.hash(&path) {
            let name = path.strip_prefix(directory).unwrap_or(&path);
            digest.bytes("name", name.as_os_str().as_encoded_bytes());
            digest.bytes("content", &hash.0);
        }
    }
    Ok(Some(digest.key()))
}

fn never_changes(invocation: &Invocation, directory: &Path) -> bool {
    let home = variable(invocation, "CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(variable(invocation, "HOME")?).join(".cargo")));
    home.is_some_and(|home| {
        ["registry/src", "git/checkouts"].iter().any(|it| directory.starts_with(home.join(it)))
    })
}

fn list(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Reason> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Links to directories aren't followed: they may lead round in circles.
        if !entry.file_type().is_ok_and(|it| it.is_dir()) {
            paths.push(path);
        } else if !is_apart(&path) {
            list(&path, paths)?;
        }
        if paths.len() > MOST {
            return Err(Reason::LargePackage);
        }
    }
    Ok(())
}

fn is_apart(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default();
    [".git", ".hg", ".jj"].iter().any(|it| name == *it)
        || ["CACHEDIR.TAG", "Cargo.toml"].iter().any(|it| directory.join(it).exists())
}
