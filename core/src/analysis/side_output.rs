//! The files that a compile writes beside its object.
//!
//! The names are those of gcc since version 11 and of clang; an older gcc puts some of them elsewhere.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::compiler::Family;
use super::language::Language;

/// What a side output holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SideKind {
    /// What the object depends on, for make (`.d`).
    Dependencies,
    /// Coverage notes (`.gcno`).
    CoverageNotes,
    /// Debug information apart from the object (`.dwo`).
    SplitDebugInfo,
    /// Stack usage (`.su`).
    StackUsage,
    /// The call graph (`.ci`).
    CallGraph,
    /// Intermediate files (`-save-temps`).
    Intermediate,
    /// Dumps of the compiler's inner state (`-fdump-...`, `-da`).
    Dump,
    /// What the optimizer did.
    OptimizationRecord,
    /// How long the compiler took (clang's `-ftime-trace`).
    TimeTrace,
    /// The assembler's listing (`-Wa,-a=FILE`) or another file of the assembler's.
    Listing,
}

/// A file that a compile writes beside its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideOutput {
    /// What it holds.
    pub kind: SideKind,
    /// Its name, as spelt or as the compiler would make it up.
    pub path: PathBuf,
    /// `path` is only the beginning of several names (dumps).
    pub is_prefix: bool,
}

impl SideOutput {
    pub(super) fn new(kind: SideKind, path: PathBuf) -> Self {
        Self { kind, path, is_prefix: false }
    }
}

/// What the names of side outputs are made from.
pub(super) struct Names<'a> {
    pub(super) family: Family,
    pub(super) source: &'a Path,
    pub(super) language: Language,
    /// The object, as spelt or by default.
    pub(super) object: &'a Path,
}

impl Names<'_> {
    /// The files that `option` makes the compiler write.
    pub(super) fn of(&self, kind: SideKind, option: &OsStr) -> Vec<SideOutput> {
        let given = split_at_equals(option.as_bytes());
        let one = |suffix: &str| vec![SideOutput::new(kind, self.object.with_extension(suffix))];
        match (kind, given) {
            (SideKind::CoverageNotes, _) => one("gcno"),
            (SideKind::SplitDebugInfo, _) => one("dwo"),
            (SideKind::StackUsage, _) => one("su"),
            (SideKind::CallGraph, _) => one("ci"),
            (SideKind::OptimizationRecord | SideKind::TimeTrace | SideKind::Dump, Some(file)) => {
                vec![SideOutput::new(kind, file)]
            }
            (SideKind::OptimizationRecord, None)
                if option.as_bytes().starts_with(b"-fopt-info") =>
            {
                Vec::new()
            }
            (SideKind::OptimizationRecord, None) if self.family == Family::Clang => one("opt.yaml"),
            (SideKind::OptimizationRecord, None) => {
                let suffix = self.source.extension().unwrap_or_default();
                one(&format!("{}.opt-record.json.gz", suffix.to_string_lossy()))
            }
            (SideKind::TimeTrace, None) => one("json"),
            (SideKind::Dump, None) => {
                let mut prefix = self.object.with_extension("").into_os_string();
                prefix.push(".");
                vec![SideOutput { kind, path: prefix.into(), is_prefix: true }]
            }
            (SideKind::Intermediate, _) => self.intermediates(option),
            (SideKind::Dependencies | SideKind::Listing, _) => Vec::new(),
        }
    }

    fn intermediates(&self, option: &OsStr) -> Vec<SideOutput> {
        let place = option.as_bytes().rsplit(|&b| b == b'=').next().unwrap_or_default();
        let clang = self.family == Family::Clang;
        // gcc names them after the object, clang after the source; `-save-temps` alone means `=obj` to gcc and
        // `=cwd` to clang.
        let beside_object = place == b"obj" || (place != b"cwd" && !clang);
        let name = if clang { self.source } else { self.object }.file_name().unwrap_or_default();
        let base = match self.object.parent() {
            Some(directory) if beside_object => directory.join(name),
            _ => PathBuf::from(name),
        };
        let bitcode = if clang { Some("bc") } else { None };
        [self.language.preprocessed_suffix(), Some("s"), bitcode]
            .into_iter()
            .flatten()
            .map(|suffix| SideOutput::new(SideKind::Intermediate, base.with_extension(suffix)))
            .collect()
    }
}

/// The file in `-fopt-info-all=FILE`.
fn split_at_equals(option: &[u8]) -> Option<PathBuf> {
    let at = option.iter().position(|&b| b == b'=')?;
    Some(PathBuf::from(OsString::from(OsStr::from_bytes(&option[at + 1..]))))
}
