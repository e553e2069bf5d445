//! Options that are handed straight to one stage of the compiler: `-Wa,`, `-Wp,`, `-Xclang`, `-mllvm`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::compiler::Family;
use super::dependencies::DependencyOptions;
use super::refusal::Refusal;
use super::side_output::{SideKind, SideOutput};

/// Options of the assembler that take the next word as their argument and name no file.
const ASSEMBLER_PAIRS: &[&[u8]] = &[b"--defsym", b"--debug-prefix-map"];

/// Looks at words for the assembler: `None` if they leave all files but the object alone. The file that a word names
/// is added to `side_outputs`.
pub(super) fn assembler(words: &[&[u8]], side_outputs: &mut Vec<SideOutput>) -> Option<Refusal> {
    let mut found = None;
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let refusal = match word {
            _ if ASSEMBLER_PAIRS.contains(&word) => match words.next() {
                Some(_) => None,
                None => Some(Refusal::AssemblerOption),
            },
            _ if is_listing(word) || word.starts_with(b"--M") => {
                let joined = word.iter().position(|&b| b == b'=').map(|at| &word[at + 1..]);
                let file = if word == b"--MD" { words.next() } else { joined };
                let file = file.map(|file| PathBuf::from(OsStr::from_bytes(file)));
                side_outputs.extend(file.map(|file| SideOutput::new(SideKind::Listing, file)));
                Some(Refusal::AssemblerFile)
            }
            // Directories for `.include` and `.incbin`, another output, more arguments, an old `--MD`.
            [b'-', b'I' | b'o', ..] | [b'@', ..] => Some(Refusal::AssemblerFile),
            // A word without a dash is an input, or the argument of an option that isn't known here.
            [b'-', _, ..] => None,
            _ => Some(Refusal::AssemblerOption),
        };
        found = found.or(refusal);
    }
    found
}

/// `-a`, `-adhln`, `-al=FILE`: listings show the source and the names of temporary files.
fn is_listing(word: &[u8]) -> bool {
    word.strip_prefix(b"-a").is_some_and(|rest| {
        let letters = rest.split(|&b| b == b'=').next().unwrap_or_default();
        letters.iter().all(|letter| b"cdghilmns".contains(letter))
    })
}

/// Looks at the words of one `-Wp,`, which may define macros and ask for a dependency file.
pub(super) fn preprocessor(
    words: &[&[u8]],
    family: Family,
    dependencies: &mut DependencyOptions,
) -> Result<(), Refusal> {
    let mut rest = words.iter().copied();
    while let Some(word) = rest.next() {
        match word {
            b"-MD" | b"-MMD" => {
                let file = rest.next().filter(|file| !file.is_empty() && !file.starts_with(b"-"));
                let file = file.ok_or(Refusal::PreprocessorOption)?;
                dependencies.add_file_by_preprocessor(OsStr::from_bytes(file), word == b"-MMD")?;
                // clang's driver takes the first two words and drops whatever is behind them.
                if family == Family::Clang && words.len() != 2 {
                    return Err(Refusal::PreprocessorOption);
                }
            }
            b"-MP" if family == Family::Gcc => {}
            b"-MT" | b"-MQ" if family == Family::Gcc => {
                rest.next().ok_or(Refusal::PreprocessorOption)?;
                dependencies.add_target_by_preprocessor();
            }
            [b'-', b'D' | b'U' | b'I', _, ..] => {}
            _ => return Err(Refusal::PreprocessorOption),
        }
    }
    Ok(())
}

/// Words for clang's frontend that read and write nothing, and mean the same to a compile of preprocessed text.
const HARMLESS_FRONTEND_WORDS: &[&str] = &[
    "-disable-O0-optnone",
    "-disable-llvm-passes",
    "-disable-llvm-verifier",
    "-disable-noundef-analysis",
    "-discard-value-names",
    "-enable-noundef-analysis",
    "-fallow-half-arguments-and-returns",
    "-fcolor-diagnostics",
    "-fdiagnostics-color",
    "-fexperimental-max-bitint-width=256",
    "-fno-experimental-relative-c++-abi-vtables",
    "-fno-pch-timestamp",
    "-fno-validate-pch",
    "-fwchar-type=short",
    "-mno-omit-leaf-frame-pointer",
    "-no-opaque-pointers",
    "-opaque-pointers",
];

/// Looks at a word behind `-Xclang`.
pub(super) fn frontend(word: &OsStr) -> Option<Refusal> {
    let plugin = ["-load", "-plugin", "-add-plugin", "-fpass-plugin="];
    match word.to_str() {
        Some(word) if HARMLESS_FRONTEND_WORDS.contains(&word) => None,
        Some(word) if plugin.iter().any(|known| word.starts_with(known)) => Some(Refusal::Plugin),
        _ => Some(Refusal::FrontendOption),
    }
}

/// Parts of the names of LLVM's options that read or write files, or print.
const SUSPECT_LLVM_PARTS: &[&str] = &[
    "file", "output", "path", "dir", "view", "dot", "print", "dump", "profile", "stats", "load",
    "list",
];

/// Looks at an option behind `-mllvm`.
pub(super) fn llvm(option: &OsStr) -> Option<Refusal> {
    let harmless = option.to_str().is_some_and(|option| {
        option.starts_with('-') && !SUSPECT_LLVM_PARTS.iter().any(|part| option.contains(part))
    });
    if harmless { None } else { Some(Refusal::FrontendOption) }
}
