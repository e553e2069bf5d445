//! Which compiler a job would run: the content of its driver, of the programs that the driver runs, and of the shared
//! objects that these load.
//!
//! Asked of the compiler once; afterwards a `stat` for each of its files tells whether the answer holds.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::{Home, Uncached};

use crate::answers::Answers;
use crate::digest::Digest;
use crate::files::Files;
use crate::plan::{Work, variable};
use crate::reason::Reason;
use crate::source::ContentHash;
use crate::store::Key;

/// A compiler by content.
#[derive(Debug)]
pub(crate) struct Compiler {
    /// Equal for equal compilers, wherever they are.
    pub(crate) id: Key,
    /// The linker, of a compiler that was asked for the sake of a link.
    pub(crate) linker: Option<PathBuf>,
    files: Vec<(PathBuf, ContentHash)>,
}

/// What chooses a compiler's programs and libraries beside its own file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Choice {
    program: PathBuf,
    work: Work,
    variables: Vec<Option<OsString>>,
}

/// What gcc calls its linker.
const LINKER: &str = "ld";

const CHOOSING: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD"];

/// The compilers that were asked.
#[derive(Default)]
pub(crate) struct Compilers {
    known: Answers<Choice, Compiler>,
}

impl Compilers {
    /// The compiler of an invocation.
    pub(crate) async fn identify(
        &self,
        files: &Files,
        home: &dyn Home,
        invocation: &Invocation,
        work: Work,
    ) -> Result<Arc<Compiler>, Uncached> {
        let program = invocation.program.clone();
        let variables = CHOOSING.map(|name| variable(invocation, name).map(OsStr::to_owned));
        let choice = Choice { program, work, variables: variables.to_vec() };
        let asking = ask(files, home, invocation, work);
        self.known.get(choice, |compiler| compiler.is_unchanged(files), asking).await
    }
}

impl Compiler {
    /// What these files make up, in their order; `None` if one of them can't be read.
    pub(crate) fn of(files: &Files, kind: &str, paths: Vec<PathBuf>) -> Option<Self> {
        let (mut seen, mut known) = (Vec::new(), HashSet::new());
        let mut digest = Digest::new(kind);
        for path in paths {
            if known.insert(path.clone()) {
                let hash = files.hash(&path)?;
                digest.bytes("file", &hash.0);
                seen.push((path, hash));
            }
        }
        Some(Self { id: digest.key(), linker: None, files: seen })
    }

    /// Whether a file is one of the compiler's own.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.files.iter().any(|(own, _)| own == path)
    }

    /// Its programs and the libraries that they load.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    pub(crate) fn is_unchanged(&self, files: &Files) -> bool {
        self.files.iter().all(|(path, hash)| files.hash(path) == Some(*hash))
    }
}

async fn ask(
    files: &Files,
    home: &dyn Home,
    invocation: &Invocation,
    work: Work,
) -> Result<Compiler, Uncached> {
    let unknown = || Uncached::from(Reason::CompilerUnknown);
    if !is_elf(&invocation.program) {
        return Err(Reason::CompilerScript.into());
    }
    let version = home.run(invocation, &["--version".into()]).await.map_err(|_| unknown())?;
    let is_clang = version.stdout.windows(5).any(|word| word == b"clang");
    let mut programs = vec![invocation.program.clone()];
    let wanted: &[&str] = match (is_clang, work) {
        (true, Work::Link) => return Err(Reason::Linker.into()),
        (true, _) => &["as"],
        (false, Work::Link) => &["collect2", LINKER],
        (false, Work::CompileCxx) => &["cc1plus", "as"],
        (false, Work::Compile) => &["cc1", "as"],
    };
    let mut linker = None;
    for name in wanted {
        let question = OsString::from(format!("-print-prog-name={name}"));
        let ran = home.run(invocation, &[question]).await.map_err(|_| unknown())?;
        let answer = PathBuf::from(OsString::from_vec(ran.stdout.trim_ascii_end().to_vec()));
        let found = if answer.is_absolute() { Some(answer) } else { on_path(invocation, &answer) };
        match found {
            Some(path) if is_elf(&path) => {
                if *name == LINKER {
                    linker = Some(path.clone());
                }
                programs.push(path);
            }
            Some(_) => return Err(Reason::CompilerScript.into()),
            // clang has an assembler of its own.
            None if is_clang => {}
            None => return Err(unknown()),
        }
    }
    let mut paths = programs.clone();
    if let Some(linker) = &linker {
        let mut asking = invocation.clone();
        asking.program.clone_from(linker);
        let ran = home.run(&asking, &["--version".into()]).await.map_err(|_| unknown())?;
        if !tells_what_it_reads(&ran.stdout) {
            return Err(Reason::Linker.into());
        }
        // It is loaded for every link, if only to say that there is nothing for it to do.
        let question = OsString::from("-print-file-name=liblto_plugin.so");
        let ran = home.run(invocation, &[question]).await.map_err(|_| unknown())?;
        let plugin = PathBuf::from(OsString::from_vec(ran.stdout.trim_ascii_end().to_vec()));
        paths.extend(Some(plugin).filter(|plugin| plugin.is_absolute()));
    }
    for program in &programs {
        paths.extend(loaded_by(home, invocation, program).await.ok_or_else(unknown)?);
    }
    let compiler = Compiler::of(files, "farmbuild compiler 1", paths).ok_or_else(unknown)?;
    Ok(Compiler { linker, ..compiler })
}

/// Whether a linker's version is one that knows `--dependency-file`: `GNU ld (GNU Binutils for Debian) 2.40`.
fn tells_what_it_reads(version: &[u8]) -> bool {
    let first = version.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Ok(first) = std::str::from_utf8(first) else { return false };
    let number = first.strip_prefix("GNU ld ").and_then(|it| it.rsplit(' ').next());
    let mut parts = number.unwrap_or_default().split('.').map_while(|it| it.parse::<u32>().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (2, 35)
}

/// The shared objects that a program loads when it starts; `None` if it can't be asked.
pub(crate) async fn loaded_by(
    home: &dyn Home,
    invocation: &Invocation,
    program: &Path,
) -> Option<Vec<PathBuf>> {
    let mut listing = invocation.clone();
    listing.program = program.to_owned();
    listing.env.push(("LD_TRACE_LOADED_OBJECTS".into(), "1".into()));
    // A program that needs no loader runs, and says its version.
    let ran = home.run(&listing, &["--version".into()]).await.ok()?;
    Some(loaded_objects(&ran.stdout))
}

pub(crate) fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read =
        fs::File::open(path).and_then(|mut it| std::io::Read::read_exact(&mut it, &mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

pub(crate) fn on_path(invocation: &Invocation, name: &Path) -> Option<PathBuf> {
    let directories = std::env::split_paths(variable(invocation, "PATH")?).collect::<Vec<_>>();
    let candidates = directories.iter().map(|it| invocation.cwd.join(it).join(name));
    candidates.into_iter().find(|path| path.is_file())
}

/// The files in what a dynamic loader lists: `name => /path (0x...)`, `/path (0x...)`.
fn loaded_objects(listing: &[u8]) -> Vec<PathBuf> {
    let path = |line: &[u8]| {
        let line = line.trim_ascii();
        let start = line.windows(4).position(|it| it == b" => ").map_or(0, |at| at + 4);
        let end = line.windows(4).rposition(|it| it == b" (0x")?;
        let path = line.get(start..end)?;
        path.starts_with(b"/").then(|| PathBuf::from(OsStr::from_bytes(path)))
    };
    listing.split(|&byte| byte == b'\n').filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listing_of_a_loader_is_understood() {
        let listing = b"\tlinux-vdso.so.1 (0x00007ffd)\n\tlibm.so.6 => /lib/libm.so.6 (0x00007f)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let paths = loaded_objects(listing);
        assert_eq!(paths, [Path::new("/lib/libm.so.6"), Path::new("/lib64/ld-linux-x86-64.so.2")]);
    }

    #[test]
    fn linkers_that_tell_what_they_read_are_known() {
        for (line, expected) in [
            ("GNU ld (GNU Binutils for Debian) 2.40", true),
            ("GNU ld version 2.35.2-42.el9", true),
            ("GNU ld (GNU Binutils) 2.34.90", false),
            ("GNU gold (GNU Binutils for Debian 2.40) 1.16", false),
            ("LLD 14.0.6 (compatible with GNU linkers)", false),
            ("mold 1.10.1 (compatible with GNU ld)", false),
            ("", false),
        ] {
            assert_eq!(
                tells_what_it_reads(format!("{line}\nmore\n").as_bytes()),
                expected,
                "{line}"
            );
        }
    }

    #[test]
    fn what_a_static_program_says_is_no_listing() {
        assert!(loaded_objects(b"gcc (GCC) 12.2.0\nCopyright (C) 2022\n").is_empty());
    }
}
