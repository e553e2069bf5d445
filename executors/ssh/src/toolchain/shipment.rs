//! A toolchain as it is sent: its names, and files of this machine with their places there.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Small files aren't worth a decompressor's start.
const WORTH_PACKING: u64 = 32 * 1024;
const LEVEL: i32 = 3;

/// A file of a toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShippedFile {
    /// Where it is here.
    pub file: PathBuf,
    /// Where it belongs in the toolchain: relative, without `..`.
    pub path: String,
    /// Its length.
    pub size: u64,
    /// Whether it is a program.
    pub executable: bool,
    /// Its SHA-256 hash, in hexadecimal: what coreutils can check.
    pub sha256: String,
}

/// A toolchain that can be sent.
#[derive(Debug)]
pub struct Shipment {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) machine: String,
    /// A program in `bin/` that is tried there, and what it says to `-dumpmachine`.
    pub(super) compiler: String,
    pub(super) target: String,
    pub(super) files: Vec<ShippedFile>,
    /// The files compressed, or `None` where that isn't worth it; made for the first board that can take them so.
    packed: OnceCell<Packed>,
}

#[derive(Debug)]
pub(super) struct Packed {
    _place: TempDir,
    pub(super) files: Vec<Option<(PathBuf, u64)>>,
}

/// What can't be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShipmentError {
    /// A word that a board's shell would take for several, or a path that leads elsewhere.
    #[error("\"{}\" can't be sent to a board", .0.escape_debug())]
    Word(String),
}

impl Shipment {
    /// A toolchain of this name and version, for boards that are such a `machine` (as of `uname -m`). `compiler` is a program
    /// in `bin/`, which compiles for `target`.
    ///
    /// # Errors
    /// [`ShipmentError`] if a name or path isn't one that every board understands alike.
    pub fn new(
        [name, version]: [String; 2],
        machine: String,
        [compiler, target]: [String; 2],
        files: Vec<ShippedFile>,
    ) -> Result<Self, ShipmentError> {
        let plain =
            |byte: u8| byte.is_ascii_graphic() && !b"'\"\\$`*?[]!#&;|<>(){}".contains(&byte);
        let word = |text: &&String| {
            !text.is_empty()
                && text.bytes().all(plain)
                && !text.starts_with(['-', '.'])
                && !text.contains('/')
        };
        let odd =
            [&name, &version, &machine, &compiler, &target].into_iter().find(|text| !word(text));
        let inside = |file: &&ShippedFile| {
            file.path.bytes().all(plain)
                && file.path.split('/').all(|part| {
                    !part.is_empty() && part != "." && part != ".." && !part.starts_with('-')
                })
        };
        let odd = odd.or_else(|| files.iter().find(|file| !inside(file)).map(|file| &file.path));
        match odd {
            Some(odd) => Err(ShipmentError::Word(odd.clone())),
            None => Ok(Self {
                name,
                version,
                machine,
                compiler,
                target,
                files,
                packed: OnceCell::new(),
            }),
        }
    }

    /// How many bytes its files have.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).fold(0, u64::saturating_add)
    }

    /// What `sha256sum -c` reads.
    pub(super) fn sums(&self) -> String {
        let mut sums = String::new();
        for file in &self.files {
            // Writing to a string doesn't fail.
            let _ = writeln!(sums, "{}  {}", file.sha256, file.path);
        }
        sums
    }

    /// The files compressed.
    pub(super) async fn packed(&self) -> io::Result<&Packed> {
        self.packed
            .get_or_try_init(|| {
                let files = self.files.clone();
                async {
                    tokio::task::spawn_blocking(move || pack(&files))
                        .await
                        .map_err(io::Error::other)?
                }
            })
            .await
    }
}

fn pack(files: &[ShippedFile]) -> io::Result<Packed> {
    let place = tempfile::Builder::new().prefix("farmbuild-push-").tempdir()?;
    let mut packed = Vec::with_capacity(files.len());
    for (number, file) in files.iter().enumerate() {
        if file.size < WORTH_PACKING {
            packed.push(None);
            continue;
        }
        let path = place.path().join(number.to_string());
        zstd::stream::copy_encode(File::open(&file.file)?, File::create_new(&path)?, LEVEL)?;
        let size = std::fs::metadata(&path)?.len();
        packed.push(Some((path, size)));
    }
    Ok(Packed { _place: place, files: packed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipment(name: &str, path: &str) -> Result<Shipment, ShipmentError> {
        let file = ShippedFile {
            file: "/dev/null".into(),
            path: path.to_owned(),
            size: 0,
            executable: false,
            sha256: "0".repeat(64),
        };
        let words = |words: [&str; 2]| words.map(str::to_owned);
        Shipment::new(
            words([name, "0af3"]),
            "x86_64".to_owned(),
            words(["gcc", "x86_64-linux-gnu"]),
            vec![file],
        )
    }

    #[test]
    fn only_plain_words_and_paths_within_are_sent() {
        assert!(shipment("x86_64-gcc1220-linux", "tree/include/c++/12/new").is_ok());
        for (name, path) in [
            ("a b", "x"),
            ("..", "x"),
            ("a/b", "x"),
            ("", "x"),
            ("a", "../x"),
            ("a", "/x"),
            ("a", "x y"),
            ("a", "x\ny"),
            ("a", "-x"),
            ("a", "$(x)"),
        ] {
            assert!(shipment(name, path).is_err(), "{name} {path}");
        }
    }
}
