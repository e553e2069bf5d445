//! What a compiler's file name says about it.
//!
//! Only the name is read: whether the program exists, and what really stands behind `cc`, is the caller's to find
//! out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whose command line a compiler takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The GNU compiler collection.
    Gcc,
    /// LLVM's clang.
    Clang,
    /// The system's compiler, `cc` or `c++`: one of the two above, but its name doesn't say which.
    System,
    /// The Rust compiler.
    Rustc,
    /// Anything else.
    Unknown,
}

/// Which language a compiler takes a `.c` file for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Driver {
    /// `gcc`, `clang`, `cc`: a `.c` file is C.
    C,
    /// `g++`, `clang++`, `c++`: a `.c` file is C++.
    Cxx,
}

/// A compiler's name, taken apart: `aarch64-linux-gnu-g++-12` is the C++ driver of family gcc, version `12`, for
/// the target `aarch64-linux-gnu`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CompilerName {
    /// Whose command line it takes.
    pub family: Family,
    /// Its language.
    pub driver: Driver,
    /// What stands before the compiler's own name, without the dash.
    pub target: Option<String>,
    /// What stands behind it, without the dash.
    pub version: Option<String>,
}

/// The names that stand between target and version.
const STEMS: &[(&str, Family, Driver)] = &[
    ("clang++", Family::Clang, Driver::Cxx),
    ("clang", Family::Clang, Driver::C),
    ("g++", Family::Gcc, Driver::Cxx),
    ("gcc", Family::Gcc, Driver::C),
    ("c++", Family::System, Driver::Cxx),
    ("cc", Family::System, Driver::C),
    ("rustc", Family::Rustc, Driver::C),
];

/// The longest name that is looked at; a longer one is nobody's.
const LONGEST_NAME: usize = 255;

impl CompilerName {
    /// Reads the name in `argv[0]`, with or without a directory.
    #[must_use]
    pub fn of(program: &OsStr) -> Self {
        Path::new(program)
            .file_name()
            .filter(|name| name.as_bytes().len() <= LONGEST_NAME)
            .and_then(OsStr::to_str)
            .and_then(Self::parse)
            .unwrap_or(Self {
                family: Family::Unknown,
                driver: Driver::C,
                target: None,
                version: None,
            })
    }

    fn parse(name: &str) -> Option<Self> {
        let (name, version) = split_version(name);
        let &(stem, family, driver) = STEMS.iter().find(|(stem, ..)| {
            name.strip_suffix(stem).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
        })?;
        let target = name.strip_suffix(stem)?.strip_suffix('-');
        // Debian's c89-gcc and c99-gcc are scripts that add options of their own.
        if matches!(target, Some("c89" | "c99")) {
            return None;
        }
        Some(Self {
            family,
            driver,
            target: target.map(str::to_owned),
            version: version.map(str::to_owned),
        })
    }

    /// The same name once the caller knows what stands behind it; for [`Family::System`].
    #[must_use]
    pub fn resolved(self, family: Family) -> Self {
        Self { family, ..self }
    }
}

/// `gcc-12` is (`gcc`, `12`); a version is digits and dots.
fn split_version(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('-') {
        Some((rest, version))
            if version.starts_with(|c: char| c.is_ascii_digit())
                && version.chars().all(|c| c.is_ascii_digit() || c == '.') =>
        {
            (rest, Some(version))
        }
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_into_target_compiler_and_version() {
        use Driver::{C, Cxx};
        use Family::{Clang, Gcc, Rustc, System, Unknown};
        let rows = [
            ("gcc", Gcc, C, None, None),
            ("/usr/bin/gcc", Gcc, C, None, None),
            ("g++", Gcc, Cxx, None, None),
            ("cc", System, C, None, None),
            ("c++", System, Cxx, None, None),
            ("clang", Clang, C, None, None),
            ("clang++", Clang, Cxx, None, None),
            ("clang-14", Clang, C, None, Some("14")),
            ("clang++-14", Clang, Cxx, None, Some("14")),
            ("gcc-12", Gcc, C, None, Some("12")),
            ("gcc-12.2.0", Gcc, C, None, Some("12.2.0")),
            ("arm-linux-gnueabihf-gcc", Gcc, C, Some("arm-linux-gnueabihf"), None),
            ("x86_64-gcc730-linux-gcc", Gcc, C, Some("x86_64-gcc730-linux"), None),
            ("aarch64-linux-gnu-g++-12", Gcc, Cxx, Some("aarch64-linux-gnu"), Some("12")),
            ("x86_64-linux-gnu-clang", Clang, C, Some("x86_64-linux-gnu"), None),
            ("arm-none-eabi-c++", System, Cxx, Some("arm-none-eabi"), None),
            ("avr-gcc", Gcc, C, Some("avr"), None),
            ("csky-gcc", Gcc, C, Some("csky"), None),
            ("rustc", Rustc, C, None, None),
            ("gcc-ar", Unknown, C, None, None),
            ("clang-cpp-14", Unknown, C, None, None),
            ("cpp", Unknown, C, None, None),
            ("c99-gcc", Unknown, C, None, None),
            ("c99", Unknown, C, None, None),
            ("icc", Unknown, C, None, None),
            ("mygcc", Unknown, C, None, None),
            ("as", Unknown, C, None, None),
            ("", Unknown, C, None, None),
            ("/", Unknown, C, None, None),
        ];
        for (name, family, driver, target, version) in rows {
            let expected = CompilerName {
                family,
                driver,
                target: target.map(str::to_owned),
                version: version.map(str::to_owned),
            };
            assert_eq!(CompilerName::of(OsStr::new(name)), expected, "{name}");
        }
    }
}
