//! What is in an archive: the first file of it, in JSON.
//!
//! An archive may come from anybody, so nothing of this is believed before [`Manifest::read`] has looked at it: names and paths
//! that pass can be joined to a directory, sent to a board as a line, and printed.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// The format that this version writes and reads.
pub(crate) const FORMAT: u32 = 1;
/// The longest manifest that is read, in bytes.
pub(crate) const LONGEST: u64 = 4 << 20;
/// The most files that a toolchain has.
const MOST_FILES: usize = 20_000;
/// The most bytes that its files have together.
const MOST_BYTES: u64 = 8 << 30;
/// What a tar header has room for without extensions.
const LONGEST_PATH: usize = 250;

/// The manifest of a toolchain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The format of the archive.
    pub(crate) format: u32,
    /// What it is called: `x86_64-gcc1220-linux`. One board has one current toolchain of a name.
    pub(crate) name: String,
    /// `gcc` or `clang`.
    pub(crate) family: String,
    /// What it compiles for, as `-dumpmachine` prints it.
    pub(crate) target: String,
    /// The compiler's version.
    pub(crate) version: String,
    /// The machine that it runs on, as `uname -m` prints it.
    pub(crate) machine: String,
    /// The programs in `bin/`.
    pub(crate) compilers: Vec<String>,
    /// How it was made.
    pub(crate) made: Made,
    /// Every other file, by path.
    pub(crate) files: Vec<FileEntry>,
}

/// How a toolchain was made. For people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// By which program.
    pub(crate) by: String,
    /// Of which file.
    pub(crate) from: String,
    /// What that says of itself.
    pub(crate) says: String,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Where it is, relative, without `..`.
    pub(crate) path: String,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// Whether it is a program.
    pub(crate) executable: bool,
    /// Its BLAKE3 hash, in hexadecimal.
    pub(crate) blake3: String,
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("its manifest can't be understood: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it has format {0}, and this version reads format {FORMAT}: use a newer farmbuild")]
    Format(u32),
    #[error("its manifest has {what} that can't be used: \"{}\"", .text.escape_debug())]
    Text { what: &'static str, text: String },
    #[error("its manifest names \"{0}\" twice")]
    Twice(String),
    #[error("its manifest has {0}")]
    TooMuch(String),
    #[error("its manifest names the program {0}, which isn't in bin/")]
    NoProgram(String),
}

impl Manifest {
    /// Reads a manifest, and believes nothing that can't be.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        /// What every format has.
        #[derive(Deserialize)]
        struct Any {
            format: u32,
        }
        let Any { format } = serde_json::from_slice(bytes)?;
        if format != FORMAT {
            return Err(ManifestError::Format(format));
        }
        let manifest: Self = serde_json::from_slice(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Whether it can be what it says.
    pub(crate) fn check(&self) -> Result<(), ManifestError> {
        let text = |what, text: &str, good: bool| match good {
            true => Ok(()),
            false => {
                let text = text.chars().take(100).collect();
                Err(ManifestError::Text { what, text })
            }
        };
        text("a name", &self.name, is_name(&self.name))?;
        text("a family", &self.family, ["gcc", "clang"].contains(&self.family.as_str()))?;
        for (what, word) in
            [("a target", &self.target), ("a version", &self.version), ("a machine", &self.machine)]
        {
            text(what, word, is_name(word))?;
        }
        for line in [&self.made.by, &self.made.from, &self.made.says] {
            text("a line", line, line.len() <= 1000 && !line.contains(char::is_control))?;
        }
        if self.files.len() > MOST_FILES {
            return Err(ManifestError::TooMuch(format!(
                "{} files, and {MOST_FILES} are the most",
                self.files.len()
            )));
        }
        let mut paths = HashSet::new();
        for file in &self.files {
            text("a path", &file.path, is_path(&file.path))?;
            text(
                "a hash",
                &file.blake3,
                file.blake3.len() == 64
                    && file.blake3.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')),
            )?;
            if !paths.insert(file.path.as_str()) {
                return Err(ManifestError::Twice(file.path.clone()));
            }
        }
        // No file may be where another one has a directory.
        for file in &self.files {
            let parents = file.path.match_indices('/').map(|(at, _)| &file.path[..at]);
            if let Some(parent) = parents.into_iter().find(|parent| paths.contains(parent)) {
                return Err(ManifestError::Twice(parent.to_owned()));
            }
        }
        if self.compilers.is_empty() {
            return Err(ManifestError::TooMuch("no compiler".to_owned()));
        }
        for compiler in &self.compilers {
            text("a compiler", compiler, is_name(compiler))?;
            let program = format!("bin/{compiler}");
            if !self.files.iter().any(|file| file.path == program && file.executable) {
                return Err(ManifestError::NoProgram(compiler.clone()));
            }
        }
        match self.size() {
            Some(size) if size <= MOST_BYTES => Ok(()),
            _ => Err(ManifestError::TooMuch(format!("more than {MOST_BYTES} bytes"))),
        }
    }

    /// How many bytes its files have together.
    pub(crate) fn size(&self) -> Option<u64> {
        self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size))
    }

    /// The manifest as it is in the archive.
    pub(crate) fn write(&self) -> Vec<u8> {
        // Strings, numbers and lists: nothing that JSON hasn't.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// The toolchain's version as boards have it: a hash over all that is in it.
    pub(crate) fn id(&self) -> String {
        blake3::hash(&self.write()).to_hex()[..16].to_owned()
    }
}

/// Whether a text can be a file's name anywhere, and a word of a line.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    (1..=100).contains(&text.len())
        && text.bytes().all(plain)
        && text.as_bytes()[0].is_ascii_alphanumeric()
}

/// Whether a text is a path within the directory that it starts from, in letters that every tool takes.
pub(crate) fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-/@=,~:".contains(&byte);
    let inside =
        |part: &str| !part.is_empty() && part != "." && part != ".." && !part.starts_with('-');
    text.len() <= LONGEST_PATH
        && text != "manifest.json"
        && text.bytes().all(plain)
        && text.split('/').all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn manifest(paths: &[&str]) -> Manifest {
        let entry = |path: &&str| FileEntry {
            path: (*path).to_owned(),
            size: 0,
            executable: true,
            blake3: "0".repeat(64),
        };
        Manifest {
            format: FORMAT,
            name: "x86_64-gcc1220-linux".to_owned(),
            family: "gcc".to_owned(),
            target: "x86_64-linux-gnu".to_owned(),
            version: "12.2.0".to_owned(),
            machine: "x86_64".to_owned(),
            compilers: vec!["x86_64-linux-gnu-gcc".to_owned()],
            made: Made { by: String::new(), from: String::new(), says: String::new() },
            files: ["bin/x86_64-linux-gnu-gcc"].iter().chain(paths).map(entry).collect(),
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let manifest = manifest(&["lib/libc.so.6", "tree/include/c++/12/new"]);
        assert_eq!(Manifest::read(&manifest.write()).unwrap(), manifest);
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in [
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "./a",
            "a/",
            "",
            "-rf",
            "a\nb",
            "a b",
            "$(x)",
            "manifest.json",
        ] {
            assert!(manifest(&[path]).check().is_err(), "{path}");
        }
    }

    #[test]
    fn a_file_is_in_no_other_files_place() {
        assert!(manifest(&["lib/a", "lib/a"]).check().is_err());
        assert!(manifest(&["lib/a", "lib/a/b"]).check().is_err());
    }

    #[test]
    fn names_that_are_no_names_are_refused() {
        for name in ["", "..", "a/b", ".hidden", "-x", "a b", "a\u{1b}[2J"] {
            let named = Manifest { name: name.to_owned(), ..manifest(&[]) };
            assert!(named.check().is_err(), "{name}");
            let compiler = Manifest { compilers: vec![name.to_owned()], ..manifest(&[]) };
            assert!(compiler.check().is_err(), "{name}");
        }
    }

    #[test]
    fn another_format_is_told_from_damage() {
        let later = br#"{ "format": 2, "surprise": true }"#;
        assert!(matches!(Manifest::read(later), Err(ManifestError::Format(2))));
    }
}
