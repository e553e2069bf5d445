//! The directory of symbolic links that stands first in a build's PATH: one for each compiler found there, all
//! leading to a wrapper.
//!
//! Knows names only.

use std::collections::{BTreeSet, HashSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::{CompilerName, Family};

use super::made_once;
use crate::real_compiler;

/// Makes the masquerade directory for the compilers on `path`, below `parent`, with links to `wrapper`, and returns it.
pub(crate) fn prepare(parent: &Path, path: &OsStr, wrapper: &Path) -> io::Result<PathBuf> {
    let names = compilers_on(path, &env::current_exe()?);
    made_once::directory(parent, &(wrapper, &names), |directory| {
        names.iter().try_for_each(|name| symlink(wrapper, directory.join(name)))
    })
}

/// The names of the compilers on `path`.
fn compilers_on(path: &OsStr, own: &Path) -> BTreeSet<OsString> {
    let mut seen = HashSet::new();
    let directories =
        env::split_paths(path).filter(|it| it.is_absolute() && seen.insert(it.clone()));
    let entries =
        directories.filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
    let compilers = entries.filter(|entry| is_compiler(&entry.file_name()));
    // A link to another compile wrapper counts only if there is a real compiler behind it somewhere.
    compilers
        .filter(|entry| real_compiler::is_real(&entry.path(), Some(own)))
        .map(|entry| entry.file_name())
        .collect()
}

/// Whether a program of this name compiles C or C++. Rust's compiler is reached by `RUSTC_WRAPPER` instead.
pub(crate) fn is_compiler(name: &OsStr) -> bool {
    matches!(CompilerName::of(name).family, Family::Gcc | Family::Clang | Family::System)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_made_for_each_compiler_and_for_nothing_else() {
        let space = tempfile::tempdir().unwrap();
        let bin = space.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for name in ["gcc", "x86_64-gcc730-linux-gcc", "clang++-14", "gcc-ar", "make", "gccgo"] {
            fs::copy("/bin/true", bin.join(name)).unwrap();
        }
        let prepare =
            || prepare(&space.path().join("masquerade"), bin.as_os_str(), Path::new("/bin/true"));
        let made = prepare().unwrap();
        let names: BTreeSet<_> =
            fs::read_dir(&made).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(prepare().unwrap(), made);
    }
}
