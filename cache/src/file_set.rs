//! The files of a manifest, looked at in one go.
//!
//! Most of a `stat` is the way to the file: directories that many of the files are in are opened once a lookup, and the
//! files are found from there.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, open};

use crate::files::{Files, KnownFile};
use crate::source::ContentHash;

/// From how many files on it pays to open their directory.
const WORTH_OPENING: usize = 3;

/// Files in a fixed order.
pub(crate) struct FileSet {
    directories: Vec<CString>,
    members: Vec<Option<Member>>,
}

struct Member {
    file: Arc<KnownFile>,
    /// The directory to open for it, by index.
    directory: Option<usize>,
}

impl FileSet {
    /// The files at these absolute paths; `None` stands for one that can't be there.
    pub(crate) fn new<P: AsRef<Path>>(
        files: &Files,
        paths: impl Iterator<Item = Option<P>>,
    ) -> Self {
        let known: Vec<_> = paths.map(|path| files.file(path?.as_ref())).collect();
        let mut counts: HashMap<&[u8], usize> = HashMap::new();
        for file in known.iter().flatten() {
            *counts.entry(file.directory()).or_default() += 1;
        }
        let mut directories = Vec::new();
        let mut indices: HashMap<&[u8], usize> = HashMap::new();
        for (directory, _) in counts.into_iter().filter(|(_, count)| *count >= WORTH_OPENING) {
            if let Ok(name) = CString::new(directory) {
                indices.insert(directory, directories.len());
                directories.push(name);
            }
        }
        let members = known
            .iter()
            .map(|file| {
                let file = Arc::clone(file.as_ref()?);
                let directory = indices.get(file.directory()).copied();
                Some(Member { file, directory })
            })
            .collect();
        Self { directories, members }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }
}

/// One lookup's view of a set. Directories stay the ones that they were when the first of their files was looked at.
pub(crate) struct FileSetView {
    set: Arc<FileSet>,
    /// For each directory, whether it was opened, and what came of that.
    open: Vec<Option<Option<OwnedFd>>>,
}

impl FileSetView {
    pub(crate) fn new(set: Arc<FileSet>) -> Self {
        let open = set.directories.iter().map(|_| None).collect();
        Self { set, open }
    }

    /// What the file with this index holds now; `None` if it is no regular file, or can't be read.
    pub(crate) fn hash(&mut self, index: usize) -> Option<ContentHash> {
        let member = self.set.members.get(index)?.as_ref()?;
        let directory = member.directory.and_then(|at| {
            let opened = self.open.get_mut(at)?;
            opened.get_or_insert_with(|| open_directory(&self.set.directories[at])).as_ref()
        });
        member.file.examine_from(directory.map(AsFd::as_fd)).map(|(hash, _)| hash)
    }
}

fn open_directory(name: &CStr) -> Option<OwnedFd> {
    open(name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_the_same_by_way_of_its_directory() {
        let space = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..5).map(|it| space.path().join(format!("{it}.h"))).collect();
        for path in &paths[..4] {
            fs::write(path, path.as_os_str().as_encoded_bytes()).unwrap();
        }
        let files = Files::new();
        let set = Arc::new(FileSet::new(&files, paths.iter().map(Some)));
        assert_eq!(set.directories.len(), 1);
        let mut view = FileSetView::new(Arc::clone(&set));
        for (index, path) in paths.iter().enumerate() {
            assert_eq!(view.hash(index), Files::new().hash(path));
        }
        fs::rename(&paths[1], &paths[0]).unwrap();
        assert_eq!(FileSetView::new(set).hash(0), files.hash(&paths[0]));
    }

    #[test]
    fn a_directory_that_comes_or_goes_is_seen_by_the_next_lookup() {
        let space = tempfile::tempdir().unwrap();
        let directory = space.path().join("include");
        let paths: Vec<_> = (0..3).map(|it| directory.join(format!("{it}.h"))).collect();
        let set = Arc::new(FileSet::new(&Files::new(), paths.iter().map(Some)));
        assert_eq!(FileSetView::new(Arc::clone(&set)).hash(0), None);
        fs::create_dir(&directory).unwrap();
        fs::write(&paths[0], "1").unwrap();
        assert!(FileSetView::new(Arc::clone(&set)).hash(0).is_some());
        fs::rename(&directory, space.path().join("away")).unwrap();
        assert_eq!(FileSetView::new(set).hash(0), None);
    }
}
