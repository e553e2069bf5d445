//! Languages as gcc and clang name them: by the file's suffix, or by `-x`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::compiler::Driver;

/// What a source file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// C.
    C,
    /// C++.
    Cxx,
    /// C that needs no preprocessing.
    PreprocessedC,
    /// C++ that needs no preprocessing.
    PreprocessedCxx,
    /// A C header, to be precompiled.
    CHeader,
    /// A C++ header, to be precompiled.
    CxxHeader,
    /// A C++ module's interface or a header unit.
    Module,
    /// Objective-C or Objective-C++.
    ObjectiveC,
    /// CUDA, HIP or OpenCL.
    Gpu,
    /// Assembly.
    Assembly,
    /// Assembly to be preprocessed.
    AssemblyWithCpp,
    /// LLVM's own representation.
    LlvmIr,
    /// A language of the collection that is neither of the above: Fortran, Ada, Go, D, ...
    Other,
    /// Nothing to compile: an object, an archive, a linker script.
    LinkerInput,
}

use Language as L;

const SUFFIXES: &[(Language, &[&str])] = &[
    (L::C, &["c"]),
    (L::Cxx, &["cc", "cp", "cxx", "cpp", "CPP", "c++", "C", "CC", "CXX"]),
    (L::PreprocessedC, &["i"]),
    (L::PreprocessedCxx, &["ii"]),
    (L::CHeader, &["h"]),
    (L::CxxHeader, &["H", "hh", "hp", "hxx", "hpp", "HPP", "h++", "tcc"]),
    (L::Module, &["cppm", "ixx", "cxxm", "ccm", "c++m", "mpp", "pcm", "iim"]),
    (L::ObjectiveC, &["m", "mm", "M", "mi", "mii"]),
    (L::Gpu, &["cu", "cuh", "cui", "hip", "hipi", "cl", "clcpp"]),
    (L::Assembly, &["s", "asm"]),
    (L::AssemblyWithCpp, &["S", "sx"]),
    (L::LlvmIr, &["ll", "bc"]),
    (
        L::Other,
        &[
            "f", "for", "ftn", "fi", "f90", "f95", "f03", "f08", "fii", "F", "FOR", "fpp", "FPP",
            "FTN", "F90", "F95", "F03", "F08", "ads", "adb", "go", "d", "di", "dd", "mod", "m2i",
            "rs", "brig", "cob", "cbl",
        ],
    ),
];

/// The values of `-x`, without those of [`Language::Other`].
const NAMES: &[(&str, Language)] = &[
    ("c", L::C),
    ("c++", L::Cxx),
    ("cpp-output", L::PreprocessedC),
    ("c-cpp-output", L::PreprocessedC),
    ("c++-cpp-output", L::PreprocessedCxx),
    ("c-header", L::CHeader),
    ("c++-header", L::CxxHeader),
    ("c++-system-header", L::Module),
    ("c++-user-header", L::Module),
    ("c++-header-unit-header", L::Module),
    ("c++-header-unit-cpp-output", L::Module),
    ("c++-module", L::Module),
    ("c++-module-cpp-output", L::Module),
    ("objective-c", L::ObjectiveC),
    ("objective-c++", L::ObjectiveC),
    ("objective-c-header", L::ObjectiveC),
    ("objective-c++-header", L::ObjectiveC),
    ("objective-c-cpp-output", L::ObjectiveC),
    ("objective-c++-cpp-output", L::ObjectiveC),
    ("cuda", L::Gpu),
    ("cuda-cpp-output", L::Gpu),
    ("hip", L::Gpu),
    ("hip-cpp-output", L::Gpu),
    ("cl", L::Gpu),
    ("clcpp", L::Gpu),
    ("assembler", L::Assembly),
    ("assembler-with-cpp", L::AssemblyWithCpp),
    ("ir", L::LlvmIr),
];

impl Language {
    /// The language that a file's suffix stands for under a driver that reads C or C++ by default.
    #[must_use]
    pub fn of_path(path: &Path, driver: Driver) -> Self {
        let name = path.file_name().unwrap_or_default().as_bytes();
        // Not `Path::extension`: to a compiler, `.c` is C.
        let suffix = name.iter().rposition(|&b| b == b'.').map_or(&b""[..], |at| &name[at + 1..]);
        let language = SUFFIXES
            .iter()
            .find(|(_, suffixes)| suffixes.iter().any(|known| known.as_bytes() == suffix))
            .map_or(L::LinkerInput, |&(language, _)| language);
        match (driver, language) {
            (Driver::Cxx, L::C) => L::Cxx,
            (Driver::Cxx, L::PreprocessedC) => L::PreprocessedCxx,
            (Driver::Cxx, L::CHeader) => L::CxxHeader,
            _ => language,
        }
    }

    /// The language that `-x NAME` stands for; `None` for `-x none`, which goes back to the suffixes.
    #[must_use]
    pub fn of_name(name: &OsStr) -> Option<Self> {
        if name == "none" {
            return None;
        }
        let known = NAMES.iter().find(|(known, _)| name == *known);
        Some(known.map_or(L::Other, |&(_, language)| language))
    }

    /// The value of `-x` for the same text before preprocessing: `c` or `c++`, for the languages that travel.
    #[must_use]
    pub fn source_name(self) -> Option<&'static str> {
        match self {
            L::C | L::PreprocessedC => Some("c"),
            L::Cxx | L::PreprocessedCxx => Some("c++"),
            _ => None,
        }
    }

    /// The value of `-x` for preprocessed text: `cpp-output` or `c++-cpp-output`, for the languages that travel.
    #[must_use]
    pub fn preprocessed_name(self) -> Option<&'static str> {
        match self {
            L::C | L::PreprocessedC => Some("cpp-output"),
            L::Cxx | L::PreprocessedCxx => Some("c++-cpp-output"),
            _ => None,
        }
    }

    /// The suffix of preprocessed text: `i` or `ii`, for the languages that travel.
    #[must_use]
    pub fn preprocessed_suffix(self) -> Option<&'static str> {
        match self {
            L::C | L::PreprocessedC => Some("i"),
            L::Cxx | L::PreprocessedCxx => Some("ii"),
            _ => None,
        }
    }

    /// Whether the text is preprocessed already.
    #[must_use]
    pub fn is_preprocessed(self) -> bool {
        matches!(self, L::PreprocessedC | L::PreprocessedCxx)
    }

    pub(super) fn is_header(self) -> bool {
        matches!(self, L::CHeader | L::CxxHeader)
    }

    pub(super) fn is_assembly(self) -> bool {
        matches!(self, L::Assembly | L::AssemblyWithCpp)
    }
}
