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
use crate::analysis::{CompilerName, Driver};
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
    /// Its version, as far as it is known: `12.2.0`.
    pub version: String,
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
        // Last: only hosts that were given this very toolchain know it.
        let driver = match (self.family, CompilerName::of(OsStr::new(base)).driver) {
            (Family::Gcc, Driver::C) => "gcc",
            (Family::Gcc, Driver::Cxx) => "g++",
            (Family::Clang, Driver::C) => "clang",
            (Family::Clang, Driver::Cxx) => "clang++",
        };
        add(format!("{}-{driver}", self.full_name()));
        names
    }

    /// A name for it where several of one target are side by side: `x86_64-gcc1220-linux`. With `-gcc` behind it that is
    /// a compiler's name, which masquerading takes for one.
    #[must_use]
    pub fn full_name(&self) -> String {
        let family = match self.family {
            Family::Gcc => "gcc",
            Family::Clang => "clang",
        };
        let version: String = self.version.chars().filter(char::is_ascii_digit).collect();
        let mut parts = self.target.split('-');
        let machine = parts.next().unwrap_or_default();
        let rest: Vec<_> = parts.collect();
        // Who made it doesn't count; for which C library does, unless that is the usual one.
        let (system, library) = match rest.iter().position(|part| *part == "linux") {
            Some(at) => ("linux".to_owned(), rest[at + 1..].join("_")),
            None => (rest.join("_"), String::new()),
        };
        let system = if system.is_empty() { "none".to_owned() } else { system };
        let library = match library.as_str() {
            "" | "gnu" => String::new(),
            other => format!("_{other}"),
        };
        format!("{machine}{library}-{family}{version}-{system}")
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
    let number = number.trim();
    let major = number.split('.').next()?.parse().ok()?;
    // Debian's gcc prints but its major version when it is asked for the number.
    let version = version_in(&version).unwrap_or_else(|| number.to_owned());
    let printable = !target.is_empty() && target.chars().all(|c| c.is_ascii_graphic() && c != '/');
    printable.then_some(Toolchain { stamp, family, target, major, version })
}

/// The number in the first line of `gcc (Debian 12.2.0-14) 12.2.0` and `Debian clang version 14.0.6-1`.
fn version_in(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    // What is in parentheses is the packager's.
    let (before, after) = match (line.find('('), line.find(')')) {
        (Some(open), Some(close)) if open < close => (&line[..open], &line[close + 1..]),
        _ => (line, ""),
    };
    let number = |word: &str| {
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let number = word[..end].trim_end_matches('.');
        (number.contains('.') && !number.starts_with('.')).then(|| number.to_owned())
    };
    before.split_whitespace().chain(after.split_whitespace()).find_map(number)
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
        let expected = [
            "x86_64-linux-gnu-gcc",
            "gcc",
            "x86_64-linux-gnu-gcc-12",
            "gcc-12",
            "x86_64-gcc1220-linux-gcc",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn cc_is_what_it_leads_to() {
        assert_eq!(toolchain(GCC).unwrap().names_on_host(OsStr::new("cc"))[1], "gcc");
        let clang = toolchain("Debian clang version 14.0.6\n").unwrap();
        let expected = ["clang++", "clang++-12", "x86_64-clang1406-linux-clang++"];
        assert_eq!(clang.names_on_host(OsStr::new("c++")), expected);
    }

    #[test]
    fn a_cross_compiler_keeps_its_name() {
        let names = toolchain(GCC).unwrap().names_on_host(OsStr::new("x86_64-gcc730-linux-gcc"));
        assert_eq!(names, ["x86_64-gcc730-linux-gcc", "x86_64-gcc1220-linux-gcc"]);
    }

    #[test]
    fn a_full_name_says_machine_version_and_library() {
        let gcc = toolchain(GCC).unwrap();
        for (target, version, name) in [
            ("x86_64-pc-linux-gnu", "7.3.0", "x86_64-gcc730-linux"),
            ("aarch64-linux-gnu", "12.2.0", "aarch64-gcc1220-linux"),
            ("arm-linux-gnueabihf", "12.2.0", "arm_gnueabihf-gcc1220-linux"),
            ("arm-none-eabi", "10.3.1", "arm-gcc1031-none_eabi"),
            ("avr", "5.4.0", "avr-gcc540-none"),
        ] {
            let (target, version) = (target.to_owned(), version.to_owned());
            let toolchain = Toolchain { target, version, ..gcc.clone() };
            assert_eq!(toolchain.full_name(), name);
        }
    }

    #[test]
    fn a_version_is_found_beside_the_packagers_words() {
        for (line, version) in [
            ("gcc (Debian 12.2.0-14+deb12u1) 12.2.0", "12.2.0"),
            ("gcc (GCC) 4.8.5 20150623 (Red Hat 4.8.5-44)", "4.8.5"),
            ("Ubuntu clang version 14.0.0-1ubuntu1.1", "14.0.0"),
            ("clang version 16.0.6 (https://github.com/x 7cbf1a2)", "16.0.6"),
        ] {
            assert_eq!(version_in(line).as_deref(), Some(version), "{line}");
        }
    }

    #[test]
    fn a_program_of_another_family_is_unknown() {
        assert_eq!(toolchain("tcc version 0.9.27\n"), None);
    }
}
