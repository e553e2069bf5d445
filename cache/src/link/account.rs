//! What a link that ended was made of: every file that was read, and the names that would have been read instead.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farmbuild_core::pipeline::{Home, Uncached};

use super::options::Line;
use super::search::{self, of_library};
use crate::absent::Absent;
use crate::account::Account;
use crate::by_content::ByContent;
use crate::job::Job;
use crate::reason::Reason;
use crate::rule::Rule;
use crate::tier::Parts;

/// Draws up the account of a link that ended; `told` is what the linker wrote.
pub(crate) async fn of(
    parts: &Parts,
    inputs: &Inputs,
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
        let hash = parts.files.unchanged_since(job.began, &place(path))?;
        let input = inputs.0.get(&place(path), hash, Input::of)?;
        match *input {
            Input::Odd => return Err(Reason::LinkInput.about(path.display())),
            // Only the linker knows what an option's file means to it.
            Input::Script(_) if !line.option_files.contains(path) => scripts.push(input),
            Input::Script(_) | Input::Code => {}
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
                let hash = parts.files.unchanged_since(job.began, &place(&path))?;
                files.push((path, hash));
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
    let named = line.libraries.iter().filter(|library| !library.as_bytes().starts_with(b":"));
    let named = named.flat_map(|library| of_library(&[b"lib", library.as_bytes()].concat()));
    named.chain(read.iter().flat_map(|path| search::rivals(path))).collect()
}

/// Whether each file was named outright, or named by a script, or is in one of the directories.
fn all_were_searched_for(
    read: &[PathBuf],
    line: &Line,
    directories: &[PathBuf],
    scripts: &[Arc<Input>],
    place: impl Fn(&Path) -> PathBuf,
) -> bool {
    let real = |path: &Path| fs::canonicalize(place(path)).ok();
    let known: BTreeSet<PathBuf> = directories.iter().filter_map(|it| real(it)).collect();
    let named = |path: &Path| {
        let path = path.as_os_str().as_bytes();
        let names = |script: &Input| match script {
            Input::Script(text) => memchr::memmem::find(text, path).is_some(),
            Input::Code | Input::Odd => false,
        };
        scripts.iter().any(|script| names(script))
    };
    read.iter().all(|path| {
        line.inputs.contains(path)
            || line.option_files.contains(path)
            || path.parent().and_then(real).is_some_and(|it| known.contains(&it))
            || path.is_absolute() && named(path)
    })
}

/// What inputs of links are.
#[derive(Default)]
pub(crate) struct Inputs(ByContent<Input>);

/// What an input is to the linker.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    /// An object, a library or an archive.
    Code,
    /// A linker script, which names others; its text.
    Script(Vec<u8>),
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
            false => Self::Script(bytes.to_vec()),
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
        let script = b"/* GNU ld script */ GROUP ( /lib/libc.so.6 )";
        let rows: [(&[u8], Input); 8] = [
            (b"\x7fELF...", Input::Code),
            (b"!<arch>\nlib", Input::Code),
            (script, Input::Script(script.to_vec())),
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
