//! What a link that ended was made of: every file that was read, and the names that would have been read instead.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use farmbuild_core::pipeline::{Home, Uncached};

use super::options::Line;
use super::search;
use crate::absent::Absent;
use crate::account::{Account, unchanged};
use crate::job::Job;
use crate::reason::Reason;
use crate::rule::Rule;
use crate::tier::Parts;

/// Draws up the account of a link that ended; `told` is what the linker wrote.
pub(crate) async fn of(
    parts: &Parts,
    home: &dyn Home,
    job: &Job,
    told: &[u8],
) -> Result<Account, Uncached> {
    let invocation = &job.question.invocation;
    let rule = Rule::parse(told).ok_or(Reason::Dependencies)?;
    let mut read: Vec<PathBuf> = rule.files();
    let mut seen = BTreeSet::new();
    read.retain(|path| seen.insert(path.clone()));
    let line = Line::parse(invocation.argv.get(1..).unwrap_or_default())?;
    if !line.inputs.iter().chain(&line.option_files).all(|path| seen.contains(path)) {
        return Err(Reason::Dependencies.into());
    }
    let linker = job.compiler.linker.as_deref().ok_or(Reason::Linker)?;
    let directories =
        search::directories(home, invocation, linker, &line).await.ok_or(Reason::LinkSearch)?;
    let place = |path: &Path| invocation.cwd.join(path);
    let mut scripts = Vec::new();
    let mut files = Vec::with_capacity(read.len());
    for path in &read {
        let hash = unchanged(parts, job, &place(path))?;
        let bytes = fs::read(place(path)).map_err(|_| Reason::OddInput)?;
        match Input::of(&bytes) {
            Input::Odd => {
                let (name, sentence) = (Reason::LinkInput.name(), Reason::LinkInput.sentence());
                let sentence = format!("{}: {sentence}", path.display());
                return Err(Uncached { name, sentence });
            }
            // Only the linker knows what an option's file means to it.
            Input::Script if !line.option_files.contains(path) => scripts.push(bytes),
            Input::Script | Input::Code => {}
        }
        files.push((path.clone(), hash));
    }
    if !all_were_searched_for(&read, &line, &directories, &scripts, place) {
        return Err(Reason::LinkSearch.into());
    }
    let mut absent = Absent::default();
    for name in names(&read, &line) {
        for directory in &directories {
            let path = directory.join(OsStr::from_bytes(&name));
            if seen.contains(&path) {
                continue;
            }
            if fs::symlink_metadata(place(&path)).is_err() {
                absent.insert(&path);
            } else if !place(&path).is_dir() {
                // Passed over, or found by another name for its directory.
                files.push((path.clone(), unchanged(parts, job, &place(&path))?));
            }
        }
    }
    if job.began.clock_was_set_since() {
        return Err(Reason::ClockMoved.into());
    }
    Ok(Account { files, absent })
}

/// The names of files that were looked for: those that were found, and those that would have been taken instead.
fn names(read: &[PathBuf], line: &Line) -> BTreeSet<Vec<u8>> {
    let mut names = BTreeSet::new();
    let mut either = |stem: &[u8]| {
        names.insert([stem, b".so"].concat());
        names.insert([stem, b".a"].concat());
    };
    for library in &line.libraries {
        match library.as_bytes() {
            [b':', ..] => {}
            name => either(&[b"lib", name].concat()),
        }
    }
    for path in read {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let stem = memchr::memmem::find(name, b".so")
            .map(|at| &name[..at])
            .or_else(|| name.strip_suffix(b".a"));
        stem.into_iter().for_each(&mut either);
    }
    names.extend(read.iter().filter_map(|path| Some(path.file_name()?.as_bytes().to_vec())));
    names
}

/// Whether each file was named outright, or named by a script, or is in one of the directories.
fn all_were_searched_for(
    read: &[PathBuf],
    line: &Line,
    directories: &[PathBuf],
    scripts: &[Vec<u8>],
    place: impl Fn(&Path) -> PathBuf,
) -> bool {
    let real = |path: &Path| fs::canonicalize(place(path)).ok();
    let known: BTreeSet<PathBuf> = directories.iter().filter_map(|it| real(it)).collect();
    let named = |path: &Path| {
        let path = path.as_os_str().as_bytes();
        scripts.iter().any(|script| memchr::memmem::find(script, path).is_some())
    };
    read.iter().all(|path| {
        line.inputs.contains(path)
            || line.option_files.contains(path)
            || path.parent().and_then(real).is_some_and(|it| known.contains(&it))
            || path.is_absolute() && named(path)
    })
}

/// What an input is to the linker.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    /// An object, a library or an archive.
    Code,
    /// A linker script, which names others.
    Script,
    /// More than the linker decides what becomes of it: code for link-time optimisation, an archive that names its
    /// members' files, a script that includes others.
    Odd,
}

impl Input {
    fn of(bytes: &[u8]) -> Self {
        let has = |text: &str| memchr::memmem::find(bytes, text.as_bytes()).is_some();
        let is_code = bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"!<arch>\n");
        match is_code {
            true if has(".gnu.lto_") || has("offload_lto_") || has(".llvm.lto") => Self::Odd,
            true => Self::Code,
            false if bytes.starts_with(b"BC\xc0\xde") || bytes.starts_with(b"!<thin>\n") => {
                Self::Odd
            }
            false if bytes.contains(&0) || has("INCLUDE") || has("SEARCH_DIR") => Self::Odd,
            false => Self::Script,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_may_be_found_as_an_archive_or_a_shared_object() {
        let line = Line { libraries: vec!["m".into(), ":x.a".into()], ..Line::default() };
        let read = ["a.o", "/lib/libc.so.6", "/usr/lib/libgcc.a"].map(PathBuf::from);
        let names = names(&read, &line);
        let expected =
            ["a.o", "libc.a", "libc.so", "libc.so.6", "libgcc.a", "libgcc.so", "libm.a", "libm.so"];
        let names: Vec<_> = names.iter().map(|it| OsStr::from_bytes(it)).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn inputs_that_others_decide_about_are_odd() {
        let rows: [(&[u8], Input); 8] = [
            (b"\x7fELF...", Input::Code),
            (b"!<arch>\nlib", Input::Code),
            (b"/* GNU ld script */ GROUP ( /lib/libc.so.6 )", Input::Script),
            (b"\x7fELF....gnu.lto_main", Input::Odd),
            (b"!<thin>\n", Input::Odd),
            (b"BC\xc0\xde", Input::Odd),
            (b"INCLUDE other", Input::Odd),
            (b"\x7fPE\0", Input::Odd),
        ];
        for (bytes, expected) in rows {
            assert_eq!(Input::of(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
