//! What is known of files: the hash of each, read once for each of its states, and the facts of each content.
//!
//! A state is what `stat` tells: device, inode, size and both times. It is trusted when the file's last change is old
//! enough that another one would show; until then the file is read each time.

use std::ffi::CString;
use std::fs;
use std::num::NonZeroUsize;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::clock::Moment;
use crate::reason::Reason;
use crate::source::{ContentHash, Facts};
use crate::state::{self, State};

/// Files whose hashes are remembered: the headers of several kernels.
const MOST_FILES: usize = 100_000;
/// Bytes of facts that are remembered.
const MOST_FACTS: usize = 8 << 20;

/// Hashes by path, and facts by hash. Bounded; what falls out is read again.
pub(crate) struct Files {
    known: Mutex<LruCache<PathBuf, Arc<KnownFile>>>,
    facts: Mutex<KnownFacts>,
}

/// A file whose content was hashed once.
pub(crate) struct KnownFile {
    path: CString,
    /// Where in `path` the last name begins.
    name: usize,
    content: Mutex<Option<(State, ContentHash)>>,
}

struct KnownFacts {
    by_content: LruCache<ContentHash, (Arc<Facts>, usize)>,
    bytes: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Entries are whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Files {
    pub(crate) fn new() -> Self {
        const MOST: NonZeroUsize = NonZeroUsize::new(MOST_FILES).unwrap();
        Self {
            known: Mutex::new(LruCache::new(MOST)),
            facts: Mutex::new(KnownFacts { by_content: LruCache::unbounded(), bytes: 0 }),
        }
    }

    /// The file at the absolute `path`, whatever is there; `None` if the path holds a NUL.
    pub(crate) fn file(&self, path: &Path) -> Option<Arc<KnownFile>> {
        if let Some(file) = lock(&self.known).get(path) {
            return Some(Arc::clone(file));
        }
        let name = state::name(path)?;
        let start = name.as_bytes().iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
        let file = Arc::new(KnownFile { path: name, name: start, content: Mutex::default() });
        lock(&self.known).put(path.to_owned(), Arc::clone(&file));
        Some(file)
    }

    /// The content's hash of the file at the absolute `path`; `None` if there is none that can be read.
    pub(crate) fn hash(&self, path: &Path) -> Option<ContentHash> {
        self.examine(path).map(|(hash, _)| hash)
    }

    /// Likewise, with its state.
    pub(crate) fn examine(&self, path: &Path) -> Option<(ContentHash, State)> {
        self.file(path)?.examine()
    }

    /// The content's hash of a file that hasn't been changed since a job began.
    pub(crate) fn unchanged_since(
        &self,
        began: Moment,
        path: &Path,
    ) -> Result<ContentHash, Reason> {
        let (hash, state) = self.examine(path).ok_or(Reason::OddInput)?;
        if began.is_after(state) { Ok(hash) } else { Err(Reason::ChangedMeanwhile) }
    }

    /// The facts of the file at `path`, whose content's hash is `hash`; `None` if it is another one by now.
    pub(crate) fn facts(&self, path: &Path, hash: ContentHash) -> Option<Arc<Facts>> {
        if let Some((facts, _)) = lock(&self.facts).by_content.get(&hash) {
            return Some(Arc::clone(facts));
        }
        let facts = Facts::of(&fs::read(path).ok()?);
        if facts.raw != hash {
            return None;
        }
        let facts = Arc::new(facts);
        self.remember(&facts);
        Some(facts)
    }

    /// The facts of this content, if they are remembered.
    pub(crate) fn known_facts(&self, hash: ContentHash) -> Option<Arc<Facts>> {
        lock(&self.facts).by_content.get(&hash).map(|(facts, _)| Arc::clone(facts))
    }

    pub(crate) fn remember(&self, facts: &Arc<Facts>) {
        let size = weight(facts);
        let mut known = lock(&self.facts);
        if let Some((_, (_, old))) = known.by_content.push(facts.raw, (Arc::clone(facts), size)) {
            known.bytes -= old;
        }
        known.bytes += size;
        while known.bytes > MOST_FACTS
            && let Some((_, (_, old))) = known.by_content.pop_lru()
        {
            known.bytes -= old;
        }
    }
}

impl KnownFile {
    /// The directory that its path names, as spelt there.
    pub(crate) fn directory(&self) -> &[u8] {
        &self.path.as_bytes()[..self.name]
    }

    /// The hash of its content and its state; `None` if it has no content, or can't be read.
    pub(crate) fn examine(&self) -> Option<(ContentHash, State)> {
        self.examine_from(None)
    }

    /// Likewise, where its directory is open already.
    pub(crate) fn examine_from(
        &self,
        directory: Option<BorrowedFd<'_>>,
    ) -> Option<(ContentHash, State)> {
        let (from, path) = match directory {
            // In bounds: a path has room for the NUL behind its last `/`.
            Some(directory) => (directory, &self.path.as_c_str()[self.name..]),
            None => (CWD, self.path.as_c_str()),
        };
        let now = || State::at(from, path);
        let state = now().filter(|state| state.has_content())?;
        if let Some((then, hash)) = *lock(&self.content)
            && then == state
        {
            return Some((hash, state));
        }
        let before = Moment::now();
        let file = openat(from, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let hash = ContentHash::of_file(&file.into()).ok()?;
        let trusted = now() == Some(state) && before.would_show_a_change(state);
        *lock(&self.content) = trusted.then_some((state, hash));
        Some((hash, state))
    }
}

/// Roughly the bytes that facts take in memory.
fn weight(facts: &Facts) -> usize {
    let macros: usize = facts.macros.iter().map(|it| 64 + it.body.len() * 8).sum();
    256 + (facts.mentions.len() + facts.numbers.len()) * 8 + macros + facts.includes.len() * 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_a_file_is_seen_however_fast_it_comes() {
        let space = tempfile::tempdir().unwrap();
        let (files, path) = (Files::new(), space.path().join("a.h"));
        for number in 0..200 {
            // The same size and perhaps the same tick of the clock.
            let text = format!("{number:03}");
            fs::write(&path, &text).unwrap();
            assert_eq!(files.hash(&path), Some(ContentHash::of(text.as_bytes())));
        }
    }

    #[test]
    fn only_regular_files_and_the_null_device_have_a_hash() {
        let space = tempfile::tempdir().unwrap();
        let files = Files::new();
        assert_eq!(files.hash(space.path()), None);
        assert_eq!(files.hash(Path::new("/dev/null")), Some(ContentHash::of(b"")));
        assert_eq!(files.hash(Path::new("/dev/zero")), None);
        assert_eq!(files.hash(&space.path().join("missing")), None);
    }

    #[test]
    fn facts_are_of_the_content_that_was_asked_for() {
        let space = tempfile::tempdir().unwrap();
        let (files, path) = (Files::new(), space.path().join("a.h"));
        fs::write(&path, "int a;\n").unwrap();
        let hash = files.hash(&path).unwrap();
        assert!(files.facts(&path, hash).is_some());
        fs::write(&path, "int b;\n").unwrap();
        assert!(files.facts(&path, hash).is_some(), "remembered");
        assert!(Files::new().facts(&path, hash).is_none(), "the file is another one now");
    }
}
