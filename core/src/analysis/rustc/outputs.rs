//! What files rustc makes of a crate, and what it calls them.
//!
//! Knows the names of Linux and its kind; where a target has others, the files aren't found after the compile.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a crate becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrateType {
    /// `lib` or `rlib`.
    Rlib,
    /// A program.
    Bin,
    /// A dynamic library for Rust.
    Dylib,
    /// A dynamic library for others.
    Cdylib,
    /// A plugin of rustc.
    ProcMacro,
    /// An archive of all that the crate uses.
    Staticlib,
}

impl CrateType {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lib" | "rlib" => Self::Rlib,
            "bin" => Self::Bin,
            "dylib" => Self::Dylib,
            "cdylib" => Self::Cdylib,
            "proc-macro" => Self::ProcMacro,
            "staticlib" => Self::Staticlib,
            _ => return None,
        })
    }

    /// Whether a linker makes it.
    #[must_use]
    pub fn is_linked(self) -> bool {
        !matches!(self, Self::Rlib | Self::Staticlib)
    }

    fn file_name(self, stem: &str) -> String {
        match self {
            Self::Rlib => format!("lib{stem}.rlib"),
            Self::Bin => stem.to_owned(),
            Self::Dylib | Self::Cdylib | Self::ProcMacro => format!("lib{stem}.so"),
            Self::Staticlib => format!("lib{stem}.a"),
        }
    }
}

/// What is asked for by `--emit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emit {
    DepInfo,
    Metadata,
    Link,
    Object,
}

/// A file that rustc writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RustcOutput {
    /// Its name, without the directory.
    pub name: OsString,
    /// Its path, as spelt.
    pub path: PathBuf,
    /// It holds code, and not only declarations.
    pub is_code: bool,
}

impl RustcOutput {
    fn new(path: PathBuf, is_code: bool) -> Self {
        Self { name: path.file_name().unwrap_or_default().to_owned(), path, is_code }
    }
}

/// The files of one crate, the dep-info apart.
pub(super) fn of(
    emits: &[(Emit, Option<PathBuf>)],
    types: &[CrateType],
    crate_name: &str,
    extra: &str,
    out_dir: &Path,
) -> (Vec<RustcOutput>, Option<PathBuf>) {
    let stem = format!("{crate_name}{extra}");
    let (mut outputs, mut dep_info) = (Vec::new(), None);
    let mut add = |path, is_code| outputs.push(RustcOutput::new(path, is_code));
    for (emit, path) in emits {
        let named = |name: String| path.clone().unwrap_or_else(|| out_dir.join(name));
        match emit {
            Emit::DepInfo => dep_info = Some(named(format!("{stem}.d"))),
            Emit::Metadata => add(named(format!("lib{stem}.rmeta")), false),
            Emit::Object => add(named(format!("{stem}.o")), true),
            Emit::Link => types.iter().for_each(|it| add(named(it.file_name(&stem)), true)),
        }
    }
    (outputs, dep_info)
}
