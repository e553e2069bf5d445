//! A directory with a cache, and hands to spoil it with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use farmbuild_cache::store::{Compression, Store, StoreConfig};
use tempfile::TempDir;

/// A place for a cache, removed with this.
pub(crate) struct Space(TempDir);

impl Space {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        open(&self.dir(), None, Compression::Zstd)
    }

    pub(crate) fn raw_store(&self) -> Store {
        open(&self.dir(), None, Compression::None)
    }

    pub(crate) fn store_of(&self, max_size: u64) -> Store {
        open(&self.dir(), Some(max_size), Compression::None)
    }

    /// An empty file that has no name.
    pub(crate) fn output(&self) -> File {
        tempfile::tempfile_in(self.0.path()).unwrap()
    }

    /// The files of all entries.
    pub(crate) fn entries(&self) -> Vec<PathBuf> {
        let suffixes = ["raw", "zst", "manifest", "text", "facts"];
        let is_entry = |path: &PathBuf| {
            path.extension().is_some_and(|suffix| suffixes.iter().any(|s| suffix == *s))
        };
        self.files().into_iter().filter(is_entry).collect()
    }

    /// The only entry's file.
    pub(crate) fn entry(&self) -> PathBuf {
        let entries = self.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }

    /// All files of the cache.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.dir(), &mut files);
        files
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

pub(crate) fn open(dir: &Path, max_size: Option<u64>, compression: Compression) -> Store {
    Store::open(StoreConfig { dir: dir.to_owned(), max_size, compression })
}

/// Makes the file look as if it was last used so long ago.
pub(crate) fn age(path: &Path, by: Duration) {
    set_time(path, SystemTime::now() - by);
}

pub(crate) fn set_time(path: &Path, time: SystemTime) {
    File::open(path).unwrap().set_modified(time).unwrap();
}

/// Bytes that don't shrink.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// The directory that a test, run again as another process by [`again`], shall work in.
pub(crate) fn given_dir() -> Option<PathBuf> {
    std::env::var_os("STORE_TEST_DIR").map(PathBuf::from)
}

/// Runs `test` of this program in another process, which finds `dir` by [`given_dir`].
pub(crate) fn again(test: &str, dir: &Path) -> Command {
    under("exec \"$@\"", &["sh"], test, dir)
}

/// The same below `launcher`, with `$DIR` prepared by a shell script that ends in `exec "$@"`.
pub(crate) fn under(script: &str, launcher: &[&str], test: &str, dir: &Path) -> Command {
    let mut command = Command::new(launcher[0]);
    command
        .args(&launcher[1..])
        .args(["-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env("STORE_TEST_DIR", dir)
        .env("DIR", dir);
    command
}

/// How to start a shell that may mount, if this machine lets us.
pub(crate) fn mounting_shell() -> Option<&'static [&'static str]> {
    let shell = &["unshare", "-rm", "sh"][..];
    let mut probe = Command::new(shell[0]);
    probe.args(&shell[1..]).args(["-c", "mount -t tmpfs tmpfs /tmp"]);
    let able = probe.output().is_ok_and(|output| output.status.success());
    if !able {
        eprintln!("skipped: mounting isn't allowed here");
    }
    able.then_some(shell)
}
