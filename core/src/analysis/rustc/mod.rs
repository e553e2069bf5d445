//! What an invocation of rustc would read and write.
//!
//! A pure function like the rest of the analysis: `options` is the one walk over the arguments, [`outputs`] names the
//! files that come of it, [`link`] says which arguments for the linker can be followed. What a crate's sources read is
//! known only when it has been compiled (its dep-info tells).

pub mod dep_info;
pub mod link;
mod options;
pub mod outputs;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

pub use self::outputs::{CrateType, RustcOutput};

use super::Kind;
use super::compiler::{CompilerName, Family};
use super::refusal::{Refusal, Refused};
use super::response::{AnalysisError, ResponseFiles};

/// A compile of one crate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RustcCompile {
    /// `--crate-name`.
    pub crate_name: String,
    /// The crate's root, as spelt.
    pub source: PathBuf,
    /// What the crate becomes; a test is a program.
    pub crate_types: Vec<CrateType>,
    /// Whether a linker runs.
    pub links: bool,
    /// The directory of the outputs, as spelt.
    pub out_dir: PathBuf,
    /// The files that it writes, but for the dep-info.
    pub outputs: Vec<RustcOutput>,
    /// The list of files and variables that it read.
    pub dep_info: Option<PathBuf>,
    /// The crates that are named with a file, in order.
    pub externs: Vec<PathBuf>,
    /// `-L`, in order.
    pub search: Vec<SearchPath>,
    /// `--target`: a name, or a specification's file.
    pub target: Option<OsString>,
    /// `--sysroot`.
    pub sysroot: Option<PathBuf>,
    /// `-C linker`.
    pub linker: Option<OsString>,
    /// The options that choose what a link reads beside the crates: given to another link, that reads the same.
    pub link_options: Vec<OsString>,
    /// `--remap-path-prefix`: from what to what.
    pub remaps: Vec<(OsString, OsString)>,
    /// The processor of this machine is asked for.
    pub native: bool,
    /// How messages are to look: `--color` and `--diagnostic-width`.
    pub looks: Vec<OsString>,
    /// All else that is asked of rustc, without the names of what is told above by its place only.
    pub asked: Vec<OsString>,
}

/// A directory to search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPath {
    /// What is searched for there.
    pub kind: SearchKind,
    /// The directory, as spelt.
    pub directory: PathBuf,
}

/// What a directory of `-L` is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchKind {
    /// Crates that other crates use.
    Dependencies,
    /// Crates that are named by the source alone.
    Crates,
    /// Libraries that aren't of Rust.
    Native,
    /// All of it.
    All,
}

impl SearchKind {
    /// Whether native libraries are searched for.
    #[must_use]
    pub fn has_libraries(self) -> bool {
        matches!(self, Self::Native | Self::All)
    }
}

impl RustcCompile {
    /// Whether it reads the code of all the crates below it, and not only what they declare.
    #[must_use]
    pub fn reads_code(&self) -> bool {
        let archives = self.crate_types.contains(&CrateType::Staticlib);
        self.links || archives && self.outputs.iter().any(|it| it.is_code)
    }

    /// The specification's file, if the target is one.
    #[must_use]
    pub fn target_file(&self) -> Option<&Path> {
        let target = Path::new(self.target.as_deref()?);
        (target.extension() == Some(OsStr::new("json"))).then_some(target)
    }
}

/// What is known of an invocation of rustc.
pub(super) struct Known {
    pub(super) kind: Kind,
    pub(super) compile: Result<RustcCompile, Refused>,
}

impl Known {
    fn refused(kind: Kind, refused: impl Into<Refused>) -> Self {
        Self { kind, compile: Err(refused.into()) }
    }
}

/// Whether `argv` is that of a program that cargo was told to put in front of rustc (`RUSTC_WORKSPACE_WRAPPER`), as
/// clippy does: its first argument is rustc.
#[must_use]
pub fn stands_before_rustc(argv: &[OsString]) -> bool {
    argv.get(1).is_some_and(|first| CompilerName::of(first).family == Family::Rustc)
}

/// Reads an invocation of rustc, or of what stands before it.
pub(super) fn read(
    argv: &[OsString],
    cwd: &Path,
    files: &dyn ResponseFiles,
) -> Result<Known, AnalysisError> {
    let args = argv.get(1..).unwrap_or_default();
    if stands_before_rustc(argv) {
        let kind = if options::asks(args) { Kind::Probe } else { Kind::Unknown };
        return Ok(Known::refused(kind, Refusal::BeforeRustc));
    }
    let args = expand(args, cwd, files)?;
    if options::asks(&args) {
        return Ok(Known::refused(Kind::Probe, Refusal::Probe));
    }
    let compile = options::read(&args);
    // What isn't understood may link.
    let kind = match &compile {
        Ok(compile) if !compile.links => Kind::Compile,
        _ => Kind::CompileAndLink,
    };
    Ok(Known { kind, compile })
}

/// Replaces each `@file` by the file's lines. There are no quotes in them, and no further files.
fn expand(
    args: &[OsString],
    cwd: &Path,
    files: &dyn ResponseFiles,
) -> Result<Vec<OsString>, AnalysisError> {
    const MOST_BYTES: u64 = 8 << 20;
    let mut expanded = Vec::with_capacity(args.len());
    for arg in args {
        let Some(name) = arg.as_encoded_bytes().strip_prefix(b"@") else {
            expanded.push(arg.clone());
            continue;
        };
        let name: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(name);
        let path = cwd.join(name);
        let bytes = match files.read(&path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(source) => return Err(AnalysisError::Unreadable { path, source }),
        };
        if bytes.len() as u64 > MOST_BYTES {
            return Err(AnalysisError::TooMuch { path });
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(AnalysisError::Malformed { path });
        };
        expanded.extend(text.lines().map(OsString::from));
    }
    Ok(expanded)
}
