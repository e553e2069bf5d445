//! A temporary directory with the few verbs that a test needs. Knows no server.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A directory that is removed when dropped. Readable by everyone, since servers that were started as root
/// give their privileges away.
#[derive(Debug)]
pub struct TestSpace {
    directory: TempDir,
}

impl Default for TestSpace {
    fn default() -> Self {
        Self::new()
    }
}

impl TestSpace {
    /// A new, empty directory.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("farmbuild-test-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary directory");
        Self { directory }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A name in the directory.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and makes its directories where they are missing.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("the file's directory");
        }
        fs::write(&path, content).unwrap_or_else(|e| panic!("can't write {}: {e}", path.display()));
        path
    }

    /// Writes a file that can be run.
    pub fn write_program(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(name, content);
        // Copied by a process of its own: another test may start one at any moment, which has this file open for writing
        // until it runs something else, and what is open for writing can't be run.
        let written = path.with_extension("written");
        fs::rename(&path, &written).expect("our own file");
        let copied = Command::new("cp").arg(&written).arg(&path).status();
        assert!(copied.is_ok_and(|status| status.success()), "cp");
        fs::remove_file(&written).expect("our own file");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("a mode of our own file");
        path
    }

    /// Reads a file.
    #[must_use]
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.join(name);
        fs::read(&path).unwrap_or_else(|e| panic!("can't read {}: {e}", path.display()))
    }

    /// Whether there is such a file.
    #[must_use]
    pub fn has(&self, name: impl AsRef<Path>) -> bool {
        self.join(name).symlink_metadata().is_ok()
    }

    /// The names in the directory, hidden ones too, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path())
            .expect("our own directory")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// A command that will run in the directory.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path());
        command
    }

    /// Runs a program in the directory and waits for it; it may fail, but it must start.
    pub fn run<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
    ) -> Output {
        let program = program.as_ref();
        self.command(program)
            .args(args)
            .output()
            .unwrap_or_else(|e| panic!("can't start {}: {e}", program.to_string_lossy()))
    }

    /// Runs a program in the directory and panics, with what it printed, unless it succeeds.
    pub fn run_ok<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
    ) -> Output {
        let program = program.as_ref();
        let output = self.run(program, args);
        assert!(
            output.status.success(),
            "{} failed, {}\n{}",
            program.to_string_lossy(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }
}
