//! Files that a compile looked for and didn't find: if one of them appears, the compile would read it.
//!
//! ccache doesn't notice a header that appears earlier in the search path. Here the names that were looked for in vain
//! are kept by directory. A directory that is unchanged since its names were looked at costs one `stat`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use serde::{Deserialize, Serialize};

use crate::base::Base;
use crate::clock::Moment;
use crate::digest::Digest;
use crate::search::Chain;

use crate::source::{Facts, Sign};
use crate::state::State;
use crate::store::Key;

/// Names that weren't there, by directory; directories as the compiler spells them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Absent(BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>);

/// A file that was read, and what is known of it.
pub(crate) struct Read<'a> {
    /// As the compiler spells it.
    pub(crate) path: &'a Path,
    pub(crate) facts: &'a Facts,
}

impl Absent {
    /// What a compile in `cwd` that read `files` must have looked for in vain, at most.
    ///
    /// The rules of gcc's manual ("Search Path") and clang's: a quoted name is looked for beside the file that names it,
    /// then in the quote directories, then like one in brackets. More names than were really looked for do no harm.
    ///
    /// `None` if one of the names is a link to nothing or to a directory: what it becomes doesn't show where it is.
    pub(crate) fn of(cwd: &Path, chain: &Chain, files: &[Read<'_>]) -> Option<Self> {
        let (mut absent, mut told) = (Self::default(), true);
        let mut look = |path: PathBuf| {
            let place = cwd.join(&path);
            match (fs::symlink_metadata(&place), fs::metadata(&place)) {
                (Err(_), _) => absent.insert(&path),
                (Ok(entry), Ok(meta)) if !meta.is_dir() || !entry.is_symlink() => {
                    // Compilers pass over a directory with a header's name.
                    if meta.is_dir() {
                        absent.insert(&path);
                    }
                }
                _ => told = false,
            }
        };
        let order: Vec<&Path> =
            chain.quote.iter().chain(&chain.bracket).map(|it| undotted(it)).collect();
        let mut names: BTreeSet<PathBuf> = BTreeSet::new();
        for file in files {
            let path = undotted(file.path);
            for (position, directory) in order.iter().enumerate() {
                let Some(name) = below(directory, path) else { continue };
                for earlier in &order[..position] {
                    look(earlier.join(name));
                }
                names.insert(name.to_owned());
            }
            let mut precompiled = path.as_os_str().to_owned();
            precompiled.push(".gch");
            look(precompiled.clone().into());
            // It may be a directory of several.
            precompiled.push("/");
            look(precompiled.into());
        }
        for file in files {
            let beside = undotted(file.path).parent().unwrap_or(Path::new(""));
            for include in file.facts.includes.iter().filter(|include| include.quoted) {
                look(beside.join(OsStr::from_bytes(&include.name)));
            }
            for probe in &file.facts.has_include {
                let name = OsStr::from_bytes(&probe.name);
                let beside = probe.quoted.then_some(beside);
                order.iter().copied().chain(beside).for_each(|it| look(it.join(name)));
            }
            if file.facts.has(Sign::ComputedInclude) {
                // Any of the names may be the one that was computed.
                names.iter().for_each(|name| look(beside.join(name)));
            }
        }
        for header in &chain.forced {
            look(header.clone());
        }
        for directory in &chain.missing {
            let mut directory = directory.clone().into_os_string();
            directory.push("/");
            look(directory.into());
        }
        told.then_some(absent)
    }

    /// The files that were only asked about and are there, as the compiler spells them: if one goes, it shows.
    pub(crate) fn present(cwd: &Path, chain: &Chain, files: &[Read<'_>]) -> BTreeSet<PathBuf> {
        let mut present = BTreeSet::new();
        let order = || chain.quote.iter().chain(&chain.bracket).map(PathBuf::as_path);
        for file in files {
            let beside = file.path.parent().unwrap_or(Path::new(""));
            for probe in &file.facts.has_include {
                let name = OsStr::from_bytes(&probe.name);
                let places = order().chain(probe.quoted.then_some(beside));
                let places = places.map(|directory| directory.join(name));
                present.extend(places.filter(|path| cwd.join(path).is_file()));
            }
        }
        present
    }

    /// A name with a slash at its end is one of a directory.
    pub(crate) fn insert(&mut self, path: &Path) {
        let Some(name) = path.file_name() else { return };
        let directory = path.parent().unwrap_or(Path::new("")).as_os_str().as_bytes().to_vec();
        let mut name = name.as_bytes().to_vec();
        if path.as_os_str().as_bytes().ends_with(b"/") {
            name.push(b'/');
        }
        self.0.entry(directory).or_default().insert(name);
    }

    /// The same, with the mark of a base directory.
    pub(crate) fn marked(self, base: &Base) -> Self {
        let spelled = |directory: Vec<u8>| {
            let path = base.spelled(Path::new(OsStr::from_bytes(&directory)));
            path.into_os_string().into_encoded_bytes()
        };
        Self(self.0.into_iter().map(|(directory, names)| (spelled(directory), names)).collect())
    }

    /// Whether a precompiled header would have been found.
    pub(crate) fn has_precompiled(cwd: &Path, files: &[Read<'_>]) -> bool {
        files.iter().any(|file| {
            [".gch", ".pch"].iter().any(|suffix| {
                let mut path = cwd.join(file.path).into_os_string();
                path.push(suffix);
                fs::symlink_metadata(path).is_ok()
            })
        })
    }

    /// Equal for equal sets of names.
    pub(crate) fn id(&self) -> Key {
        let mut digest = Digest::new("farmbuild absent 1");
        for (directory, names) in &self.0 {
            digest.bytes("directory", directory);
            digest.list("names", names.iter().map(|name| OsStr::from_bytes(name)));
        }
        digest.key()
    }

    /// Roughly the bytes that this takes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.0
            .values()
            .map(|names| 64 + names.iter().map(|name| name.len() + 32).sum::<usize>())
            .sum()
    }

    /// The place of the directory that `directory` is or would be an entry of, among those with names.
    fn parent_of(&self, directory: &[u8]) -> Option<usize> {
        let slash = directory.iter().rposition(|byte| *byte == b'/')?;
        let (parent, name) = (&directory[..slash], &directory[slash + 1..]);
        // Those are in every directory.
        if [&b""[..], b".", b".."].contains(&name) {
            return None;
        }
        self.0.keys().position(|key| key == parent)
    }

    fn appeared(&self, base: &Path, directory: &[u8]) -> Option<PathBuf> {
        let names = self.0.get(directory)?;
        let appeared = names.iter().find(|name| {
            // Even a dangling link is no longer nothing.
            fs::symlink_metadata(base.join(OsStr::from_bytes(name)))
                .is_ok_and(|meta| name.ends_with(b"/") || !meta.is_dir())
        });
        appeared.map(|name| base.join(OsStr::from_bytes(name)))
    }
}

/// `path` without `./` in front: compilers leave it out here and there.
fn undotted(path: &Path) -> &Path {
    let mut rest = path;
    while let Ok(stripped) = rest.strip_prefix(".") {
        if stripped == rest {
            break;
        }
        rest = stripped;
    }
    rest
}

/// The name by which `path` is found in `directory`, as it is spelt: no link is followed.
fn below<'a>(directory: &Path, path: &'a Path) -> Option<&'a Path> {
    let name = path.strip_prefix(directory).ok()?;
    (!name.as_os_str().is_empty() && !name.is_absolute()).then_some(name)
}

/// Remembers which directories were unchanged when their names were looked at last.
pub(crate) struct Absences {
    /// By set of names: each of its directories.
    seen: Mutex<LruCache<Key, Arc<Vec<Seen>>>>,
}

/// A directory as it was seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// Its state; `None` for one that isn't there, or that was changed so lately that another change wouldn't show.
    state: Option<State>,
    /// The place among the directories of the one that it wasn't in, not even as a link to nothing: as long as that one is
    /// unchanged, or isn't there either, so it is.
    missing_from: Option<usize>,
}

impl Absences {
    pub(crate) fn new() -> Self {
        const MOST: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
        Self { seen: Mutex::new(LruCache::new(MOST)) }
    }

    /// The first of the names that has appeared, if any has. `id` is that of `absent`.
    pub(crate) fn appeared(
        &self,
        absent: &Absent,
        id: Key,
        cwd: &Path,
        base: &Base,
    ) -> Option<PathBuf> {
        let mut digest = Digest::new("farmbuild absent here 1");
        digest.bytes("id", id.as_bytes());
        digest.bytes("cwd", cwd.as_os_str().as_bytes());
        digest.bytes("base", base.directory().unwrap_or_default());
        let key = digest.key();
        let known = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.get(&key).cloned()
        };
        // What is there now, and what is to be remembered of it.
        let mut states: Vec<Option<State>> = Vec::with_capacity(absent.0.len());
        let mut all = Vec::with_capacity(absent.0.len());
        let mut changed = known.is_none();
        for (index, directory) in absent.0.keys().enumerate() {
            let then = known.as_ref().and_then(|known| known.get(index).copied());
            let still_missing = then.and_then(|then| then.missing_from).is_some_and(|parent| {
                let before = known.as_ref().and_then(|known| known.get(parent)?.state);
                // In bounds: a directory comes before those that are in it.
                states[parent] == before || states[parent].is_none()
            });
            if still_missing {
                states.push(None);
                all.extend(then);
                continue;
            }
            let now = Moment::now();
            let place = base.place(cwd, Path::new(OsStr::from_bytes(directory)));
            let state = State::of(&place);
            // A directory that isn't there holds nothing.
            if state.is_some() && then.map(|then| then.state) != Some(state) {
                if let Some(path) = absent.appeared(&place, directory) {
                    return Some(path);
                }
                changed = true;
            }
            states.push(state);
            let no_entry = state.is_none() && fs::symlink_metadata(&place).is_err();
            let seen = Seen {
                // Changed so lately that another change wouldn't show: to be looked at again.
                state: state.filter(|state| now.would_show_a_change(*state)),
                missing_from: no_entry.then(|| absent.parent_of(directory)).flatten(),
            };
            changed |= seen.state != state || then != Some(seen);
            all.push(seen);
        }
        if changed {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.put(key, Arc::new(all));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(directories: &[&str]) -> Chain {
        Chain { bracket: directories.iter().map(PathBuf::from).collect(), ..Chain::default() }
    }

    fn appeared(space: &Path, absent: &Absent, absences: &Absences) -> Option<PathBuf> {
        absences.appeared(absent, absent.id(), space, &Base::default())
    }

    /// A file `b/h.h` found behind `a`, and `main.c` that names it.
    fn shadowed(text: &str) -> (tempfile::TempDir, Absent) {
        let space = tempfile::tempdir().unwrap();
        for directory in ["a", "b"] {
            fs::create_dir(space.path().join(directory)).unwrap();
        }
        let facts = Facts::of(text.as_bytes());
        let none = Facts::of(b"");
        let files = [
            Read { path: Path::new("main.c"), facts: &facts },
            Read { path: Path::new("b/h.h"), facts: &none },
        ];
        let absent = Absent::of(space.path(), &chain(&["a", "b"]), &files).unwrap();
        (space, absent)
    }

    #[test]
    fn a_header_that_appears_earlier_in_the_path_is_noticed() {
        let (space, absent) = shadowed("#include <h.h>\n");
        let absences = Absences::new();
        assert_eq!(appeared(space.path(), &absent, &absences), None);
        fs::write(space.path().join("a/other.h"), "").unwrap();
        assert_eq!(appeared(space.path(), &absent, &absences), None);
        fs::write(space.path().join("a/h.h"), "").unwrap();
        let path = Some(space.path().join("a/h.h"));
        assert_eq!(appeared(space.path(), &absent, &absences), path);
    }

    #[test]
    fn a_header_that_appears_beside_the_file_that_quotes_it_is_noticed() {
        let (space, absent) = shadowed("#include \"h.h\"\n");
        fs::write(space.path().join("h.h"), "").unwrap();
        assert!(appeared(space.path(), &absent, &Absences::new()).is_some());
        let (space, absent) = shadowed("#include <h.h>\n");
        fs::write(space.path().join("h.h"), "").unwrap();
        assert!(appeared(space.path(), &absent, &Absences::new()).is_none());
    }

    #[test]
    fn a_header_that_was_only_asked_about_is_noticed() {
        let (space, absent) = shadowed("#if __has_include(<new.h>)\n#endif\n");
        fs::write(space.path().join("b/new.h"), "").unwrap();
        assert!(appeared(space.path(), &absent, &Absences::new()).is_some());
    }

    #[test]
    fn a_header_that_was_only_asked_about_and_is_there_is_one_of_the_files() {
        let space = tempfile::tempdir().unwrap();
        fs::write(space.path().join("there.h"), "").unwrap();
        let facts =
            Facts::of(b"#if __has_include(\"there.h\") && __has_include(\"not.h\")\n#endif\n");
        let files = [Read { path: Path::new("main.c"), facts: &facts }];
        let present = Absent::present(space.path(), &chain(&["a"]), &files);
        assert_eq!(present.into_iter().collect::<Vec<_>>(), [Path::new("there.h")]);
    }

    #[test]
    fn a_directory_with_the_name_of_a_header_is_none() {
        let (space, _) = shadowed("#include <h.h>\n");
        fs::create_dir(space.path().join("a/h.h")).unwrap();
        let none = Facts::of(b"");
        let files = [Read { path: Path::new("b/h.h"), facts: &none }];
        let absent = Absent::of(space.path(), &chain(&["a", "b"]), &files).unwrap();
        let absences = Absences::new();
        assert_eq!(appeared(space.path(), &absent, &absences), None);
        fs::remove_dir(space.path().join("a/h.h")).unwrap();
        fs::write(space.path().join("a/h.h"), "").unwrap();
        assert!(appeared(space.path(), &absent, &absences).is_some());
    }

    #[test]
    fn a_link_to_nothing_with_the_name_of_a_header_cannot_be_watched() {
        let (space, _) = shadowed("#include <h.h>\n");
        std::os::unix::fs::symlink("later", space.path().join("a/h.h")).unwrap();
        let none = Facts::of(b"");
        let files = [Read { path: Path::new("b/h.h"), facts: &none }];
        assert_eq!(Absent::of(space.path(), &chain(&["a", "b"]), &files), None);
    }

    #[test]
    fn a_directory_of_the_path_that_appears_is_noticed() {
        let space = tempfile::tempdir().unwrap();
        let missing = Chain { missing: vec!["later".into()], ..Chain::default() };
        let (absent, absences) =
            (Absent::of(space.path(), &missing, &[]).unwrap(), Absences::new());
        assert_eq!(appeared(space.path(), &absent, &absences), None);
        fs::create_dir(space.path().join("later")).unwrap();
        assert!(appeared(space.path(), &absent, &absences).is_some());
    }

    #[test]
    fn a_subdirectory_that_appears_with_the_header_is_noticed() {
        let space = tempfile::tempdir().unwrap();
        fs::create_dir_all(space.path().join("b/sys")).unwrap();
        let none = Facts::of(b"");
        let files = [Read { path: Path::new("b/sys/h.h"), facts: &none }];
        let absent = Absent::of(space.path(), &chain(&["a", "b"]), &files).unwrap();
        let absences = Absences::new();
        assert_eq!(appeared(space.path(), &absent, &absences), None);
        fs::create_dir_all(space.path().join("a/sys")).unwrap();
        assert_eq!(appeared(space.path(), &absent, &absences), None);
        fs::write(space.path().join("a/sys/h.h"), "").unwrap();
        assert!(appeared(space.path(), &absent, &absences).is_some());
    }

    /// `b/sys/h.h` and `b/k.h` behind `a`, which is old enough to be trusted and was looked at once.
    fn missing_subdirectory(before: impl FnOnce(&Path)) -> (tempfile::TempDir, Absent, Absences) {
        let space = tempfile::tempdir().unwrap();
        for directory in ["a", "b/sys"] {
            fs::create_dir_all(space.path().join(directory)).unwrap();
        }
        before(space.path());
        let none = Facts::of(b"");
        let read = |path| Read { path: Path::new(path), facts: &none };
        let files = [read("b/k.h"), read("b/sys/h.h")];
        let absent = Absent::of(space.path(), &chain(&["a", "b"]), &files).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        let absences = Absences::new();
        for _ in 0..3 {
            assert_eq!(appeared(space.path(), &absent, &absences), None);
        }
        (space, absent, absences)
    }

    #[test]
    fn a_subdirectory_that_appears_in_a_directory_that_was_unchanged_for_long_is_noticed() {
        let (space, absent, absences) = missing_subdirectory(|_| {});
        fs::create_dir(space.path().join("a/sys")).unwrap();
        fs::write(space.path().join("a/sys/h.h"), "").unwrap();
        assert!(appeared(space.path(), &absent, &absences).is_some());
    }

    #[test]
    fn a_subdirectory_that_comes_with_its_directory_is_noticed() {
        let (space, absent, absences) = missing_subdirectory(|_| {});
        fs::rename(space.path().join("a"), space.path().join("away")).unwrap();
        assert_eq!(appeared(space.path(), &absent, &absences), None);
        fs::create_dir_all(space.path().join("a/sys")).unwrap();
        fs::write(space.path().join("a/sys/h.h"), "").unwrap();
        assert!(appeared(space.path(), &absent, &absences).is_some());
    }

    #[test]
    fn where_the_name_of_a_subdirectory_was_a_link_to_nothing_its_target_is_noticed() {
        let (space, absent, absences) = missing_subdirectory(|space| {
            std::os::unix::fs::symlink("../later", space.join("a/sys")).unwrap();
        });
        fs::create_dir(space.path().join("later")).unwrap();
        fs::write(space.path().join("later/h.h"), "").unwrap();
        assert!(appeared(space.path(), &absent, &absences).is_some());
    }
}
