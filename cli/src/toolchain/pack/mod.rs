//! Makes a relocatable toolchain of a compiler of this machine.
//!
//! [`parts`] says which programs and files a compiler is made of, [`libraries`] which shared libraries these need,
//! [`launcher`] how they are started wherever they are, and [`proof`] whether all of it makes the compiler's own bytes.
//! A host compiles preprocessed text and assembles it; so there are neither the system's headers nor what only a link
//! needs (start files, `libgcc`, `lto1`).

mod launcher;
mod libraries;
mod parts;
mod proof;

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::{CompilerName, Driver};
use farmbuild_core::fidelity::Family;
use tempfile::TempDir;

use super::compiler::LocalCompiler;
use super::manifest::{FORMAT, FileEntry, Made, Manifest, ManifestError};
use launcher::Launcher;
use libraries::Libraries;
use parts::Parts;

/// Why a compiler can't be packed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    #[error("{0}")]
    Compiler(String),
    #[error("{} is no program that can be packed: {what}", .path.display())]
    Program { path: PathBuf, what: String },
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the toolchain can't be described: {0}")]
    Manifest(#[from] ManifestError),
    #[error("the packed compiler isn't the equal of {}: {what}; nothing was written", .program.display())]
    Differs { program: PathBuf, what: String },
}

impl PackError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}

/// A toolchain, ready to be written to an archive.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) manifest: Manifest,
    place: TempDir,
}

impl Packed {
    /// Where its files are.
    pub(crate) fn root(&self) -> &Path {
        self.place.path()
    }
}

/// Packs a compiler, and the one for the other language beside it, and proves that the result makes the same bytes.
pub(crate) async fn pack(compiler: LocalCompiler) -> Result<Packed, PackError> {
    let parts = Parts::of(compiler).await?;
    let place = tempfile::Builder::new().prefix("farmbuild-pack-").tempdir();
    let place = place.map_err(PackError::file(&std::env::temp_dir()))?;
    let mut stage = Stage { root: place.path(), libraries: Libraries::default() };
    let mut compilers = Vec::new();
    for driver in &parts.drivers {
        compilers.extend(stage.put_driver(&parts, driver)?);
    }
    for (program, into) in &parts.programs {
        stage.put_program(program, into, &Launcher::default())?;
    }
    for (file, into) in &parts.files {
        stage.put_file(file, into)?;
        // A plugin of the linker needs libraries as programs do.
        if into.extension().is_some_and(|it| it == "so") {
            let interpreter = stage.libraries.interpreter.clone();
            stage.libraries.add_needed(file, interpreter.as_deref())?;
        }
    }
    let libraries = std::mem::take(&mut stage.libraries);
    for (name, file) in &libraries.files {
        stage.put_file(file, &Path::new("lib").join(name))?;
    }
    proof::prove(&parts, place.path()).await?;
    let manifest = describe(&parts, place.path(), compilers)?;
    manifest.check()?;
    Ok(Packed { manifest, place })
}

/// The directory in which the toolchain is put together.
struct Stage<'a> {
    root: &'a Path,
    libraries: Libraries,
}

impl Stage<'_> {
    /// Puts a driver where it finds its parts, and gives it its names.
    fn put_driver(
        &mut self,
        parts: &Parts,
        driver: &LocalCompiler,
    ) -> Result<BTreeSet<String>, PackError> {
        let own = parts.place_of(&driver.file);
        let loader = self.libraries.add(&driver.file)?;
        self.put_file(&driver.file, &own)?;
        let launcher = match parts.family {
            Family::Gcc => Launcher::default(),
            Family::Clang => Launcher::clang(driver.driver()),
        };
        let names = names(parts, driver);
        for name in &names {
            let script = launcher.script(1, loader.as_deref(), &own);
            self.write(&Path::new("bin").join(name), script.as_bytes(), true)?;
        }
        Ok(names)
    }

    /// Puts a program into `elf/`, and a script that starts it where it is looked for.
    fn put_program(
        &mut self,
        program: &Path,
        into: &Path,
        launcher: &Launcher,
    ) -> Result<(), PackError> {
        let loader = self.libraries.add(program)?;
        let own = Path::new("elf").join(into.file_name().unwrap_or_default());
        self.put_file(program, &own)?;
        let depth = into.components().count().saturating_sub(1);
        self.write(into, launcher.script(depth, loader.as_deref(), &own).as_bytes(), true)
    }

    fn put_file(&self, file: &Path, into: &Path) -> Result<(), PackError> {
        let meta = fs::metadata(file).map_err(PackError::file(file))?;
        let bytes = fs::read(file).map_err(PackError::file(file))?;
        self.write(into, &bytes, meta.permissions().mode() & 0o111 != 0)
    }

    fn write(&self, into: &Path, bytes: &[u8], executable: bool) -> Result<(), PackError> {
        let path = self.root.join(into);
        let put = || {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&path, bytes)?;
            fs::set_permissions(
                &path,
                Permissions::from_mode(if executable { 0o755 } else { 0o644 }),
            )
        };
        put().map_err(PackError::file(&path))
    }
}

/// What a driver is called on a board.
fn names(parts: &Parts, driver: &LocalCompiler) -> BTreeSet<String> {
    let called = [Some(driver.name()), driver.file.file_name()];
    let own = called.into_iter().flatten().filter_map(|it| it.to_str()).map(str::to_owned);
    let hosts = driver.toolchain.names_on_host(driver.name());
    let all = own.chain(hosts.iter().filter_map(|it| it.to_str()).map(str::to_owned));
    // The file behind clang++ is called clang.
    let all = all.filter(|name| CompilerName::of(name.as_ref()).driver == driver.driver());
    // A board's own `gcc` stays what it is: farmbuild asks for the one with the target in its name first.
    let plain = |name: &String| {
        ["gcc", "g++", "cc", "c++"].iter().any(|stem| {
            name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    };
    let mut names: BTreeSet<_> =
        all.filter(|name| parts.family == Family::Clang || !plain(name)).collect();
    if parts.family == Family::Gcc {
        let base = if driver.driver() == Driver::C { "gcc" } else { "g++" };
        names.insert(format!("{}-{base}", driver.toolchain.target));
        names.insert(format!("{}-{base}-{}", driver.toolchain.target, driver.toolchain.major));
    } else {
        names.retain(|name| !["cc", "c++"].contains(&name.as_str()));
    }
    names
}

fn describe(parts: &Parts, root: &Path, compilers: Vec<String>) -> Result<Manifest, PackError> {
    let mut files = Vec::new();
    collect(root, Path::new(""), &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let toolchain = &parts.compiler().toolchain;
    Ok(Manifest {
        format: FORMAT,
        name: toolchain.full_name(),
        family: if parts.family == Family::Gcc { "gcc" } else { "clang" }.to_owned(),
        target: toolchain.target.clone(),
        version: toolchain.version.clone(),
        machine: libraries::machine(&parts.compiler().file)?,
        compilers,
        made: Made {
            by: concat!("farmbuild ", env!("CARGO_PKG_VERSION")).to_owned(),
            from: parts.compiler().file.display().to_string(),
            says: parts.says.clone(),
        },
        files,
    })
}

fn collect(root: &Path, below: &Path, files: &mut Vec<FileEntry>) -> Result<(), PackError> {
    let directory = root.join(below);
    for entry in fs::read_dir(&directory).map_err(PackError::file(&directory))? {
        let entry = entry.map_err(PackError::file(&directory))?;
        let (path, inside) = (entry.path(), below.join(entry.file_name()));
        let meta = entry.metadata().map_err(PackError::file(&path))?;
        if meta.is_dir() {
            collect(root, &inside, files)?;
            continue;
        }
        let hash = || {
            let mut hasher = blake3::Hasher::new();
            io::copy(&mut File::open(&path)?, &mut hasher)?;
            Ok(hasher.finalize().to_hex().to_string())
        };
        files.push(FileEntry {
            path: inside.to_string_lossy().into_owned(),
            size: meta.len(),
            executable: meta.permissions().mode() & 0o111 != 0,
            blake3: hash().map_err(PackError::file(&path))?,
        });
    }
    Ok(())
}
