//! What a compiler is made of, as it says itself.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::Driver;
use farmbuild_core::fidelity::Family;

use super::super::compiler::LocalCompiler;
use super::PackError;

/// Programs of gcc's, and whether it is none without them. `ld` and what it loads are there for compiles that end in it.
const PROGRAMS: [(&str, bool); 6] = [
    ("cc1", true),
    ("as", true),
    ("cc1plus", false),
    ("collect2", false),
    ("lto-wrapper", false),
    ("ld", false),
];

/// What else it looks for in its own directory.
const FILES: [&str; 4] = ["include", "include-fixed", "specs", "liblto_plugin.so"];

/// A compiler's parts and their places in the toolchain.
pub(super) struct Parts {
    pub(super) family: Family,
    /// The compiler that was named, and the one for the other language.
    pub(super) drivers: Vec<LocalCompiler>,
    /// Programs that drivers call, and where they look for them.
    pub(super) programs: Vec<(PathBuf, PathBuf)>,
    /// Files likewise.
    pub(super) files: Vec<(PathBuf, PathBuf)>,
    /// What the compiler says of itself.
    pub(super) says: String,
    /// The directory that drivers and parts have in common: `/usr`.
    base: PathBuf,
}

impl Parts {
    pub(super) async fn of(compiler: LocalCompiler) -> Result<Self, PackError> {
        let family = compiler.toolchain.family;
        let says = compiler.ask("--version").await.map_err(PackError::Compiler)?;
        let sibling = compiler.sibling().await;
        let mut parts = Self {
            family,
            drivers: vec![compiler],
            programs: Vec::new(),
            files: Vec::new(),
            says: says.chars().filter(|c| !c.is_control()).take(200).collect(),
            base: PathBuf::new(),
        };
        match family {
            Family::Gcc => parts.add_gcc(sibling).await?,
            Family::Clang => parts.add_clang(sibling).await?,
        }
        Ok(parts)
    }

    /// The compiler that was named.
    pub(super) fn compiler(&self) -> &LocalCompiler {
        // There is one from the beginning.
        &self.drivers[0]
    }

    /// Where a file of the compiler's is in the toolchain: as far from the driver as it is here.
    pub(super) fn place_of(&self, file: &Path) -> PathBuf {
        // What is elsewhere isn't asked for.
        Path::new("tree").join(file.strip_prefix(&self.base).unwrap_or(Path::new("elsewhere")))
    }

    async fn add_gcc(&mut self, sibling: Option<LocalCompiler>) -> Result<(), PackError> {
        let mut found = Vec::new();
        for (name, needed) in PROGRAMS {
            match self.compiler().program_of(name).await {
                Some(program) => found.push((name, program)),
                None if needed => {
                    let program = self.compiler().program().display();
                    return Err(PackError::Compiler(format!(
                        "{program} doesn't find its own {name}"
                    )));
                }
                None => {}
            }
        }
        let cc1 = found.iter().find(|(name, _)| *name == "cc1").map(|(_, path)| path.as_path());
        let own = cc1.and_then(Path::parent).unwrap_or(Path::new("/")).to_owned();
        let speaks_cxx = found.iter().any(|(name, _)| *name == "cc1plus");
        if !speaks_cxx && self.compiler().driver() == Driver::Cxx {
            return Err(PackError::Compiler("it doesn't find its own cc1plus".to_owned()));
        }
        self.drivers.extend(sibling.filter(|it| speaks_cxx || it.driver() == Driver::C));
        self.base = common(&self.compiler().file, &own);
        // All of them beside cc1, where gcc looks first.
        self.programs = found
            .into_iter()
            .map(|(name, program)| (program, self.place_of(&own).join(name)))
            .collect();
        for name in FILES {
            if let Some(path) = self.compiler().file_of(name).await {
                self.add_files(&path)?;
            }
        }
        Ok(())
    }

    /// clang is one program, and a directory of headers.
    async fn add_clang(&mut self, sibling: Option<LocalCompiler>) -> Result<(), PackError> {
        self.drivers.extend(sibling);
        let own = self.compiler().ask("-print-resource-dir").await.map_err(PackError::Compiler)?;
        let own = fs::canonicalize(&own).map_err(PackError::file(Path::new(&own)))?;
        self.base = common(&self.compiler().file, &own);
        self.add_files(&own.join("include"))
    }

    /// Adds a file, or all below a directory, if it is where a relocated compiler would find it.
    fn add_files(&mut self, path: &Path) -> Result<(), PackError> {
        let Ok(meta) = fs::metadata(path) else { return Ok(()) };
        if !path.starts_with(&self.base) || path.file_name() == Some(OsStr::new("README")) {
            return Ok(());
        }
        if !meta.is_dir() {
            self.files.push((path.to_owned(), self.place_of(path)));
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(PackError::file(path))? {
            self.add_files(&entry.map_err(PackError::file(path))?.path())?;
        }
        Ok(())
    }
}

/// The innermost directory that holds both.
fn common(one: &Path, other: &Path) -> PathBuf {
    let parts = one.components().zip(other.components()).take_while(|(a, b)| a == b);
    parts.map(|(part, _)| part).collect()
}
