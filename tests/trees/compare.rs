//! What a build left behind and printed, and how two builds differ.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A finished build.
pub(crate) struct Build {
    /// Every ELF file and archive below the build's directory, by its name there.
    pub(crate) binaries: BTreeMap<PathBuf, Vec<u8>>,
    /// The lines of both streams, sorted: `-Otarget` keeps a recipe's lines together, not the recipes' order.
    pub(crate) printed: Vec<String>,
    pub(crate) wall: Duration,
}

/// Runs a build to its end in (or for) `directory`; `meanwhile` runs beside it.
pub(crate) fn build(
    mut command: Command,
    directory: &Path,
    meanwhile: impl FnOnce() + Send,
) -> Build {
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|e| panic!("can't start {command:?}: {e}"));
    let output = thread::scope(|scope| {
        scope.spawn(meanwhile);
        child.wait_with_output().expect("our own child")
    });
    let wall = start.elapsed();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success(), "{command:?} failed, {}\n{text}", output.status);
    let mut printed: Vec<String> = text.lines().map(str::to_owned).collect();
    printed.sort();
    let mut binaries = BTreeMap::new();
    collect(directory, directory, &mut binaries);
    Build { binaries, printed, wall }
}

/// Panics with the names of what differs, unless both builds left and printed the same. What differs is kept
/// below `keep` for a look.
pub(crate) fn assert_same(plain: &Build, farm: &Build, keep: &Path) {
    let names = |build: &Build| build.binaries.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(plain), names(farm), "the builds made different files");
    let different: Vec<&PathBuf> = plain
        .binaries
        .iter()
        .filter(|(name, bytes)| farm.binaries.get(*name) != Some(bytes))
        .map(|(name, _)| name)
        .collect();
    for name in different.iter().take(10) {
        for (side, build) in [("plain", plain), ("farm", farm)] {
            let copy = keep.join(side).join(name);
            fs::create_dir_all(copy.parent().expect("a name below a directory"))
                .expect("a directory below target");
            fs::write(copy, &build.binaries[*name]).expect("a file below target");
        }
    }
    assert!(
        different.is_empty(),
        "{} of {} files differ, the first ones are kept in {}: {different:#?}",
        different.len(),
        plain.binaries.len(),
        keep.display()
    );
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| those.binary_search(line).is_err()).cloned().collect()
    };
    let (missing, added) =
        (only(&plain.printed, &farm.printed), only(&farm.printed, &plain.printed));
    assert!(missing.is_empty() && added.is_empty(), "not printed: {missing:#?}\nadded: {added:#?}");
    assert_eq!(plain.printed.len(), farm.printed.len(), "lines were printed more or less often");
}

fn collect(root: &Path, directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(directory).expect("a directory of the build") {
        let path = entry.expect("an entry").path();
        let kind = path.symlink_metadata().expect("a file of the build").file_type();
        if kind.is_dir() {
            collect(root, &path, found);
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("a file of the build");
            if [b"\x7fELF".as_slice(), b"!<arch>\n", b"!<thin>\n"]
                .iter()
                .any(|m| bytes.starts_with(m))
            {
                let name = path.strip_prefix(root).expect("a name below the root");
                found.insert(name.to_owned(), bytes);
            }
        }
    }
}
