//! Where a link looks for libraries and crt files: the directories of the command line, of the environment, of gcc and
//! of ld, in no particular order.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Home;

use super::directories_in;
use super::options::Line;

/// All of them, as spelt; `None` if one of the programs doesn't say. `linker` is the ld that gcc runs.
pub(super) async fn directories(
    home: &dyn Home,
    invocation: &Invocation,
    linker: &Path,
    line: &Line,
) -> Option<Vec<PathBuf>> {
    let mut all = line.directories.clone();
    for name in ["LIBRARY_PATH", "LD_RUN_PATH", "LD_LIBRARY_PATH"] {
        all.extend(directories_in(invocation, name));
    }
    let mut question: Vec<OsString> = invocation.argv.get(1..)?.to_vec();
    question.push("-print-search-dirs".into());
    all.extend(of_gcc(&home.run(invocation, &question).await.ok()?.stdout)?);
    let mut asking = invocation.clone();
    asking.program = linker.to_owned();
    all.extend(of_ld(&home.run(&asking, &["--verbose".into()]).await.ok()?.stdout)?);
    all.sort_unstable();
    all.dedup();
    Some(all)
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// The libraries' part of what gcc prints (`-print-search-dirs`): `libraries: =/usr/lib/gcc/...:/...`.
pub(crate) fn of_gcc(text: &[u8]) -> Option<Vec<PathBuf>> {
    let line =
        text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"libraries: ="))?;
    Some(line.split(|&byte| byte == b':').filter(|it| !it.is_empty()).map(path).collect())
}

/// The directories in ld's built-in script: `SEARCH_DIR("=/usr/local/lib");`. The `=` stands for the root.
fn of_ld(text: &[u8]) -> Option<Vec<PathBuf>> {
    const OPENING: &[u8] = b"SEARCH_DIR(\"";
    let mut all = Vec::new();
    for at in memchr::memmem::find_iter(text, OPENING) {
        let rest = &text[at + OPENING.len()..];
        let name = &rest[..memchr::memchr(b'"', rest)?];
        all.push(path(name.strip_prefix(b"=").unwrap_or(name)));
    }
    (!all.is_empty()).then_some(all)
}

/// The names under which a linker would have taken another file instead of one that it found: its own, and those of a
/// library as a shared object and as an archive.
pub(crate) fn rivals(found: &Path) -> Vec<Vec<u8>> {
    let name = found.file_name().unwrap_or_default().as_bytes();
    let stem = memchr::memmem::find(name, b".so")
        .map(|at| &name[..at])
        .or_else(|| name.strip_suffix(b".a"));
    let mut names = vec![name.to_vec()];
    names.extend(stem.into_iter().flat_map(of_library));
    names
}

/// The names of a library without its ending.
pub(super) fn of_library(stem: &[u8]) -> [Vec<u8>; 2] {
    [[stem, b".so"].concat(), [stem, b".a"].concat()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gcc_and_ld_say_is_understood() {
        let gcc = b"install: /usr/lib/gcc/\nprograms: =/a:/b\nlibraries: =/usr/lib/:/lib/../lib/\n";
        assert_eq!(of_gcc(gcc).unwrap(), [Path::new("/usr/lib/"), Path::new("/lib/../lib/")]);
        let ld = b"/* x */\nSEARCH_DIR(\"=/usr/local/lib\"); SEARCH_DIR(\"/lib\");\nSECTIONS\n";
        assert_eq!(of_ld(ld).unwrap(), [Path::new("/usr/local/lib"), Path::new("/lib")]);
    }

    #[test]
    fn what_they_do_not_say_is_not_guessed() {
        assert_eq!(of_gcc(b"programs: =/a\n"), None);
        assert_eq!(of_ld(b"SECTIONS\n"), None);
        assert_eq!(of_ld(b"SEARCH_DIR(\"/lib"), None);
    }
}
