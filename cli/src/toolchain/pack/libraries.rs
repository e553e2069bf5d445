//! Which shared libraries a program needs, asked of the loader that would load them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use object::{Architecture, Endianness, Object, ObjectSection};

use super::PackError;

/// The libraries of all programs so far, by the names that these ask for them.
#[derive(Debug, Default)]
pub(super) struct Libraries {
    pub(super) files: BTreeMap<String, PathBuf>,
    /// The loader of the programs.
    pub(super) interpreter: Option<PathBuf>,
}

impl Libraries {
    /// Adds what a program needs, and returns the name of its loader; `None` if it is linked statically.
    pub(super) fn add(&mut self, program: &Path) -> Result<Option<String>, PackError> {
        let Some(interpreter) = interpreter(program)? else { return Ok(None) };
        let name = file_name(&interpreter);
        self.add_one(&name, &interpreter)?;
        self.add_needed(program, Some(&interpreter))?;
        self.interpreter = Some(interpreter);
        Ok(Some(name))
    }

    /// Adds the libraries that a loader finds for a program or library.
    pub(super) fn add_needed(
        &mut self,
        file: &Path,
        loader: Option<&Path>,
    ) -> Result<(), PackError> {
        let Some(loader) = loader else { return Ok(()) };
        let listed = Command::new(loader).arg("--list").arg(file).stdin(Stdio::null()).output();
        let listed = listed.map_err(PackError::file(loader))?;
        let odd = |what: &str| PackError::Program { path: file.to_owned(), what: what.to_owned() };
        if !listed.status.success() {
            return Err(odd(String::from_utf8_lossy(&listed.stderr)
                .lines()
                .next()
                .unwrap_or("its libraries can't be listed")));
        }
        for line in String::from_utf8_lossy(&listed.stdout).lines() {
            match needed(line) {
                Some((name, Some(path))) => self.add_one(name, Path::new(path))?,
                Some((name, None)) => return Err(odd(&format!("its library {name} is missing"))),
                None => {}
            }
        }
        Ok(())
    }

    fn add_one(&mut self, name: &str, path: &Path) -> Result<(), PackError> {
        let file = fs::canonicalize(path).map_err(PackError::file(path))?;
        let known = self.files.entry(name.to_owned()).or_insert_with(|| file.clone());
        match *known == file || fs::read(known.as_path()).ok() == fs::read(&file).ok() {
            true => Ok(()),
            false => {
                let what =
                    format!("it is another library than {}, and has its name", known.display());
                Err(PackError::Program { path: file, what })
            }
        }
    }
}

/// A library in a line of the loader's: its name, and where it is.
fn needed(line: &str) -> Option<(&str, Option<&str>)> {
    // Without an arrow: the loader itself, and what the kernel has.
    let (name, rest) = line.trim().split_once(" => ")?;
    // A name with a directory is found by itself, and then its last part counts.
    let name = name.rsplit('/').next()?;
    let path = rest.rsplit_once(" (").map_or(rest, |(path, _)| path).trim();
    Some((name, path.starts_with('/').then_some(path)))
}

/// The loader that a program names.
fn interpreter(program: &Path) -> Result<Option<PathBuf>, PackError> {
    let bytes = fs::read(program).map_err(PackError::file(program))?;
    let odd = |what: &str| PackError::Program { path: program.to_owned(), what: what.to_owned() };
    if bytes.starts_with(b"#!") {
        return Err(odd("it is a script; name the compiler that it calls"));
    }
    let file = object::File::parse(&bytes[..]).map_err(|error| odd(&error.to_string()))?;
    let Some(section) = file.section_by_name(".interp") else { return Ok(None) };
    let name = section.data().map_err(|error| odd(&error.to_string()))?;
    let name =
        std::str::from_utf8(name).ok().map(|name| PathBuf::from(name.trim_end_matches('\0')));
    match name.filter(|name| name.is_absolute()) {
        Some(name) => Ok(Some(name)),
        None => Err(odd("it names no loader")),
    }
}

/// The machine that a program runs on, as `uname -m` would say.
pub(super) fn machine(program: &Path) -> Result<String, PackError> {
    let bytes = fs::read(program).map_err(PackError::file(program))?;
    let file = object::File::parse(&bytes[..]).map_err(|error| PackError::Program {
        path: program.to_owned(),
        what: error.to_string(),
    })?;
    Ok(match (file.architecture(), file.endianness()) {
        (Architecture::I386, _) => "i686".to_owned(),
        (Architecture::PowerPc64, Endianness::Little) => "ppc64le".to_owned(),
        (Architecture::PowerPc64, Endianness::Big) => "ppc64".to_owned(),
        (other, _) => format!("{other:?}").to_lowercase(),
    })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaders_lines_are_understood() {
        for (line, expected) in [
            (
                "\tlibm.so.6 => /lib/libm.so.6 (0x00007f6)",
                Some(("libm.so.6", Some("/lib/libm.so.6"))),
            ),
            ("\tlibgone.so => not found", Some(("libgone.so", None))),
            ("\tlinux-vdso.so.1 (0x00007ffc)", None),
            ("\t/lib64/ld-linux-x86-64.so.2 (0x00007f6)", None),
            (
                "\tlibc.so => /lib/ld-musl-x86_64.so.1 (0x7f6)",
                Some(("libc.so", Some("/lib/ld-musl-x86_64.so.1"))),
            ),
        ] {
            assert_eq!(needed(line), expected, "{line}");
        }
    }

    #[test]
    fn a_script_is_no_compiler() {
        let script = tempfile::NamedTempFile::new().unwrap();
        fs::write(script.path(), "#!/bin/sh\nexec gcc \"$@\"\n").unwrap();
        let error = Libraries::default().add(script.path()).unwrap_err().to_string();
        assert!(error.contains("it is a script"), "{error}");
    }
}
