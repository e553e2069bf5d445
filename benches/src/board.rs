//! Boards on loopback: stock `distccd` with a compiler as fast as told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use farmbuild_testkit::{Distccd, TestSpace};

/// A directory with the board compiler under every name that a client asks for.
#[derive(Debug)]
pub struct CompilerDirectory {
    space: TestSpace,
}

impl CompilerDirectory {
    /// Installs `program` (the board compiler) at this many nanoseconds per byte of source.
    ///
    /// # Panics
    /// If it can't be copied, or there is no gcc.
    #[must_use]
    pub fn new(program: &Path, nanoseconds_per_byte: u64) -> Self {
        let space = TestSpace::new();
        let source = space.write("fixed.c", "int farmbuild_fixed;\n");
        let object = space.join("fixed.o");
        space.run_ok("gcc", ["-c".as_ref(), source.as_path(), "-o".as_ref(), object.as_path()]);
        space.write("pace", nanoseconds_per_byte.to_string());
        let runs = space.write("runs", "");
        // distccd may be another user.
        fs::set_permissions(runs, Permissions::from_mode(0o666)).expect("a mode of our own file");
        let machine = space.run_ok("gcc", ["-dumpmachine"]).stdout;
        let machine = String::from_utf8_lossy(&machine).trim().to_owned();
        let first = space.join("gcc");
        fs::copy(program, &first).expect("a copy of the board compiler");
        // Copies or hard links, since the program finds its settings beside its own, resolved, name.
        for name in ["cc", &format!("{machine}-gcc"), &format!("{machine}-cc")] {
            fs::hard_link(&first, space.join(name)).expect("a name in our own directory");
        }
        Self { space }
    }

    /// The directory, for a search path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.space.path().to_owned()
    }

    /// How many marked sources were started here so far.
    ///
    /// # Panics
    /// If the record is gone.
    #[must_use]
    pub fn runs(&self) -> u64 {
        fs::metadata(self.space.join("runs")).expect("our own file").len()
    }
}

/// `count` boards; each takes the next of `kinds` in turn, and runs `slots` jobs at a time.
#[must_use]
pub fn start(count: usize, slots: usize, kinds: &[&CompilerDirectory]) -> Vec<Distccd> {
    kinds
        .iter()
        .cycle()
        .take(count)
        .map(|kind| Distccd::builder().jobs(slots).compilers(kind.path()).start())
        .collect()
}
