//! The linker of a crate, by content, and whether it tells what it reads.
//!
//! Linkers write the list of their inputs on request (`--dependency-file`), which is the only list that has the start files
//! and libraries of the system. An empty program is linked once to see whether this one does.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use farmbuild_core::analysis::RustcCompile;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::{Home, Uncached};

use crate::answers::Answers;
use crate::compiler::{self, Compiler};
use crate::files::Files;
use crate::link;
use crate::plan::variable;
use crate::reason::Reason;
use crate::rule::Rule;
use crate::store::Key;

/// What is to be added to a compile so that its link tells what it reads, in the file whose name follows.
pub(super) const TELLING: [&str; 2] = ["-C", "link-arg=-Wl,--dependency-file="];
/// The linker of nearly all targets.
const USUAL: &str = "cc";
/// Programs that it runs, and parts of it that it loads. Not every driver has them all.
const PARTS: [&str; 5] = ["collect2", "ld", "lto-wrapper", "liblto_plugin.so", "ld.lld"];

#[derive(Clone, PartialEq, Eq, Hash)]
struct Choice {
    program: PathBuf,
    toolchain: Key,
    options: Vec<OsString>,
    variables: Vec<Option<OsString>>,
}

const CHOOSING: [&str; 6] =
    ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LIBRARY_PATH"];

/// A linker by content.
pub(super) struct Linker {
    pub(super) compiler: Compiler,
    /// Where it looks for libraries by itself.
    pub(super) directories: Vec<PathBuf>,
}

/// How long a linker that couldn't be followed isn't asked again.
const PAUSE: Duration = Duration::from_secs(600);

enum Asked {
    Known(Arc<Linker>),
    Refused(Instant, Uncached),
}

/// The linkers that were asked.
#[derive(Default)]
pub(super) struct Linkers {
    known: Answers<Choice, Asked>,
}

impl Linkers {
    /// The linker of a compile by the toolchain of this key.
    pub(super) async fn identify(
        &self,
        files: &Files,
        home: &dyn Home,
        invocation: &Invocation,
        compile: &RustcCompile,
        toolchain: Key,
    ) -> Result<Arc<Linker>, Uncached> {
        let name = compile.linker.as_deref().unwrap_or(OsStr::new(USUAL));
        let program = match name.as_bytes().contains(&b'/') {
            true => Some(invocation.cwd.join(name)),
            false => compiler::on_path(invocation, Path::new(name)),
        };
        let program = program.ok_or(Reason::Linker)?;
        let choice = Choice {
            program: program.clone(),
            toolchain,
            options: compile.link_options.clone(),
            variables: CHOOSING.map(|name| variable(invocation, name).map(OsStr::to_owned)).into(),
        };
        let holds = |asked: &Asked| match asked {
            Asked::Known(linker) => linker.compiler.is_unchanged(files),
            Asked::Refused(when, _) => when.elapsed() < PAUSE,
        };
        let asking = async {
            Ok(match ask(files, home, invocation, compile, program).await {
                Ok(linker) => Asked::Known(Arc::new(linker)),
                Err(why) => Asked::Refused(Instant::now(), why),
            })
        };
        let asked = self.known.get::<Uncached>(choice, holds, asking).await?;
        match &*asked {
            Asked::Known(linker) => Ok(Arc::clone(linker)),
            Asked::Refused(_, why) => Err(why.clone()),
        }
    }
}

async fn ask(
    files: &Files,
    home: &dyn Home,
    invocation: &Invocation,
    compile: &RustcCompile,
    program: PathBuf,
) -> Result<Linker, Uncached> {
    let unknown = || Uncached::from(Reason::Linker);
    if !compiler::is_elf(&program) {
        return Err(Reason::CompilerScript.into());
    }
    let mut driver = invocation.clone();
    driver.program = program.clone();
    let mut programs = vec![program];
    let chosen = compile.asked.iter().filter_map(|it| it.to_str());
    let chosen = chosen.filter_map(|it| it.split_once("-fuse-ld=")).map(|(_, name)| name);
    let chosen = chosen.filter_map(|name| name.split_ascii_whitespace().next());
    let parts = PARTS.iter().map(|&part| (part.to_owned(), false));
    let parts: Vec<_> = parts.chain(chosen.map(|name| (format!("ld.{name}"), true))).collect();
    for (part, needed) in &parts {
        let question = OsString::from(format!("-print-prog-name={part}"));
        let ran = home.run(&driver, &[question]).await.map_err(|_| unknown())?;
        let answer = PathBuf::from(OsString::from_vec(ran.stdout.trim_ascii_end().to_vec()));
        let found = match answer.is_absolute() {
            true => Some(answer),
            false => compiler::on_path(invocation, &answer),
        };
        match found {
            Some(path) if compiler::is_elf(&path) => programs.push(path),
            Some(path) if path.is_file() => return Err(Reason::CompilerScript.into()),
            _ if *needed => return Err(unknown()),
            _ => {}
        }
    }
    let mut paths = programs.clone();
    for program in &programs {
        let loaded = compiler::loaded_by(home, invocation, program).await;
        paths.extend(loaded.ok_or_else(unknown)?);
    }
    let compiler = Compiler::of(files, "farmbuild linker 1", paths).ok_or_else(unknown)?;
    let question = ["-print-search-dirs".into()];
    let ran = home.run(&driver, &question).await.map_err(|_| unknown())?;
    let mut directories = link::libraries_of_gcc(&ran.stdout).unwrap_or_default();
    directories.retain(|it| it.is_absolute());
    if directories.is_empty() || !tells(home, invocation, compile).await {
        return Err(unknown());
    }
    Ok(Linker { compiler, directories })
}

/// Whether an empty program that is linked in the same way comes with the list of what it was made of.
async fn tells(home: &dyn Home, invocation: &Invocation, compile: &RustcCompile) -> bool {
    let Ok(space) = tempfile::tempdir() else { return false };
    let path = |name: &str| space.path().join(name).into_os_string();
    let (source, list) = (path("empty.rs"), path("list"));
    if fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }
    let mut args: Vec<OsString> =
        ["--crate-name", "empty", "--emit", "link", "-o"].map(Into::into).into();
    args.extend([path("empty"), source]);
    args.extend(compile.link_options.iter().cloned());
    args.push(TELLING[0].into());
    let mut telling = OsString::from(TELLING[1]);
    telling.push(&list);
    args.push(telling);
    let mut alone = invocation.clone();
    // The daemon has no part in the build's jobserver.
    alone.env.retain(|(name, _)| name != "CARGO_MAKEFLAGS" && name != "MAKEFLAGS");
    let ran = home.run(&alone, &args).await;
    let told = fs::read(list).unwrap_or_default();
    ran.is_ok_and(|ran| ran.status.success())
        && Rule::parse(&told).is_some_and(|rule| rule.files().len() > 1)
}

/// What a link read, by its own list: the files of the system, as against those of the build that are counted elsewhere.
pub(super) fn inputs(list: &[u8], cwd: &Path) -> Option<Vec<PathBuf>> {
    let rule = Rule::parse(list)?;
    let files: Vec<_> = rule.files().into_iter().map(|path| cwd.join(path)).collect();
    (!files.is_empty()).then_some(files)
}

/// The places where the linker would have found another file under the name of one that it read: they must stay empty.
pub(super) fn empty_places(linker: &Linker, read: &[PathBuf]) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for path in read {
        let beside = path.parent().map(Path::to_path_buf);
        for name in link::rivals(path) {
            let directories = linker.directories.iter().chain(&beside);
            let candidates = directories.map(|directory| directory.join(OsStr::from_bytes(&name)));
            places.extend(candidates.filter(|it| fs::symlink_metadata(it).is_err()));
        }
    }
    places.sort();
    places.dedup();
    places
}
