//! What a compiler on this machine is: its family, its target, and the names it may have on a host.
//!
//! Asked of the compiler itself, once for each state of its file.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::home::Home;
use crate::fidelity::Family;
use crate::job::Invocation;

/// The state of a compiler's file. A compiler that was replaced has another stamp.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of the file that `program` leads to.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(program: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(program)?;
        let meta = fs::metadata(&path)?;
        Ok(Self {
            path,
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }

    /// The stamp as one word; equal words mean equal stamps.
    #[must_use]
    pub fn id(&self) -> String {
        let Self { device, inode, size, modified, changed, .. } = self;
        format!("{device}.{inode}.{size}.{}.{}.{}.{}", modified.0, modified.1, changed.0, changed.1)
    }

    /// The compiler's file, for people.
    #[must_use]
    pub fn display(&self) -> impl fmt::Display + '_ {
        self.path.display()
    }
}

/// A compiler on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// The state of its file.
    pub stamp: Stamp,
    /// Its family.
    pub family: Family,
    /// The machine it compiles for, as `-dumpmachine` prints it.
    pub target: String,
    /// Its major version.
    pub major: u32,
}

impl Toolchain {
    /// The names that this compiler may have on a host when the build calls it `name`, the likeliest first.
    ///
    /// distcc's client sends a native `gcc` by its full name `x86_64-linux-gnu-gcc`, so that a board of another
    /// architecture runs its cross compiler; a board of the same one may have the short name alone.
    #[must_use]
    pub fn names_on_host(&self, name: &OsStr) -> Vec<OsString> {
        let Some(name) = name.to_str() else { return vec![name.to_owned()] };
        let base = match (name, self.family) {
            ("cc", Family::Gcc) => "gcc",
            ("c++", Family::Gcc) => "g++",
            ("cc", Family::Clang) => "clang",
            ("c++", Family::Clang) => "clang++",
            _ => name,
        };
        let mut names = Vec::new();
        let mut add = |name: String| {
            if !names.contains(&OsString::from(&name)) {
                names.push(OsString::from(name));
            }
        };
        let stem = base.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        let short = ["gcc", "g++", "clang", "clang++"].contains(&base);
        match self.family {
            // Not `starts_with`: the cross compiler of a machine whose name begins so keeps its name.
            Family::Gcc if ["gcc", "g++"].contains(&stem) || base == "g++" => {
                add(format!("{}-{base}", self.target));
                add(base.to_owned());
                if short {
                    add(format!("{}-{base}-{}", self.target, self.major));
                    add(format!("{base}-{}", self.major));
                }
            }
            _ => {
                add(base.to_owned());
                if short {
                    add(format!("{base}-{}", self.major));
                }
            }
        }
        names
    }
}

/// Why a compiler can't be told.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ToolchainError {
    /// It has no file, or can't be run.
    #[error("{} can't be asked what it is: {error}", .program.display())]
    Run {
        /// The compiler.
        program: PathBuf,
        /// Why; shared, because the answer is remembered.
        error: Arc<io::Error>,
    },
    /// It is neither gcc nor clang.
    #[error("{} is neither gcc nor clang", .program.display())]
    Unknown {
        /// The compiler.
        program: PathBuf,
    },
}

type Answer = Arc<OnceCell<Result<Arc<Toolchain>, ToolchainError>>>;

/// Remembers what compilers said of themselves.
#[derive(Debug, Default)]
pub struct Toolchains {
    known: Mutex<HashMap<Stamp, Answer>>,
}

impl Toolchains {
    /// What `invocation`'s compiler is. Compilers are asked once; jobs that come meanwhile wait for the answer.
    ///
    /// # Errors
    /// If it can't be told.
    pub async fn identify(
        &self,
        home: &dyn Home,
        invocation: &Invocation,
    ) -> Result<Arc<Toolchain>, ToolchainError> {
        let program = &invocation.program;
        let failed =
            |error| ToolchainError::Run { program: program.clone(), error: Arc::new(error) };
        let stamp = Stamp::of(program).map_err(failed)?;
        let answer = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(stamp.clone()).or_default())
        };
        let asked = answer.get_or_init(|| async {
            let version = home.run(invocation, &["--version".into()]).await.map_err(failed)?;
            let target = home.run(invocation, &["-dumpmachine".into()]).await.map_err(failed)?;
            let major = home.run(invocation, &["-dumpversion".into()]).await.map_err(failed)?;
            read(stamp, &version.stdout, &target.stdout, &major.stdout)
                .map(Arc::new)
                .ok_or_else(|| ToolchainError::Unknown { program: program.clone() })
        });
        asked.await.clone()
    }
}

/// Understands what a compiler printed for `--version`, `-dumpmachine` and `-dumpversion`.
fn read(stamp: Stamp, version: &[u8], target: &[u8], number: &[u8]) -> Option<Toolchain> {
    let version = String::from_utf8_lossy(version);
    let family = if version.contains("clang") {
        Family::Clang
    } else if version.contains("Free Software Foundation") {
        Family::Gcc
    } else {
        return None;
    };
    let target = std::str::from_utf8(target).ok()?.trim().to_owned();
    let number = std::str::from_utf8(number).ok()?;
    let major = number.trim().split('.').next()?.parse().ok()?;
    let printable = !target.is_empty() && target.chars().all(|c| c.is_ascii_graphic() && c != '/');
    printable.then_some(Toolchain { stamp, family, target, major })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain(version: &str) -> Option<Toolchain> {
        read(
            Stamp::of(Path::new("/bin/sh")).unwrap(),
            version.as_bytes(),
            b"x86_64-linux-gnu\n",
            b"12\n",
        )
    }

    const GCC: &str =
        "gcc (Debian 12.2.0) 12.2.0\nCopyright (C) 2022 Free Software Foundation, Inc.\n";

    #[test]
    fn a_native_gcc_has_its_full_name_first() {
        let names = toolchain(GCC).unwrap().names_on_host(OsStr::new("gcc"));
        assert_eq!(names, ["x86_64-linux-gnu-gcc", "gcc", "x86_64-linux-gnu-gcc-12", "gcc-12"]);
    }

    #[test]
    fn cc_is_what_it_leads_to() {
        assert_eq!(toolchain(GCC).unwrap().names_on_host(OsStr::new("cc"))[1], "gcc");
        let clang = toolchain("Debian clang version 14.0.6\n").unwrap();
        assert_eq!(clang.names_on_host(OsStr::new("c++")), ["clang++", "clang++-12"]);
    }

    #[test]
    fn a_cross_compiler_keeps_its_name() {
        let names = toolchain(GCC).unwrap().names_on_host(OsStr::new("x86_64-gcc730-linux-gcc"));
        assert_eq!(names, ["x86_64-gcc730-linux-gcc"]);
    }

    #[test]
    fn a_program_of_another_family_is_unknown() {
        assert_eq!(toolchain("tcc version 0.9.27\n"), None);
    }
}
