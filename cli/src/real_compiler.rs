//! Which compiler a masqueraded name stands for: the first of that name on PATH that isn't a wrapper, ours or another.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use farmbuild_core::protocol::message::JobRequest;
use rustix::fs::{Access, access};

/// Programs that stand in for a compiler by a symbolic link and would look for it on PATH in their turn.
const WRAPPERS: [&str; 5] = ["farmbuild", "ccache", "distcc", "icecc", "sccache"];

/// The real compiler for `name` as a build spelt it, and what a plain build would give it.
#[derive(Debug)]
pub(crate) struct RealCompiler {
    pub(crate) program: PathBuf,
    /// Its `argv[0]`: the build's own spelling, unless that is the path of a wrapper. gcc looks for its parts beside
    /// the path that it is called by.
    pub(crate) name: OsString,
    /// Its PATH.
    pub(crate) path: Option<OsString>,
}

impl RealCompiler {
    /// A job that asked for this compiler as a plain build would have run it.
    pub(crate) fn in_place(self, mut job: JobRequest) -> JobRequest {
        job.program = self.program.into();
        if let Some(name) = job.argv.first_mut() {
            *name = self.name;
        }
        job.env.retain(|(key, _)| key != "PATH");
        job.env.extend(self.path.map(|path| ("PATH".into(), path)));
        job
    }
}

/// What stands under a compiler's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidate {
    Nothing,
    Wrapper,
    Compiler,
}

/// Knows which programs are no compilers.
pub(crate) struct Finder {
    own: Option<PathBuf>,
    masquerade: Option<PathBuf>,
}

impl Finder {
    /// Passes by this program and what is below `masquerade`, if there is such a place.
    pub(crate) fn new(masquerade: Option<PathBuf>) -> Self {
        Self { own: env::current_exe().ok(), masquerade }
    }

    /// Looks `name` up on `path`. A name with a slash is taken as it is, unless it leads back to a wrapper.
    pub(crate) fn find(&self, name: &OsStr, path: Option<&OsStr>) -> Option<RealCompiler> {
        find_on(path, name, self.masquerade.as_deref(), self.own.as_deref())
    }

    /// The same for a job of another process, which may have another working directory. `None` also where that matters.
    pub(crate) fn find_for(&self, job: &JobRequest) -> Option<RealCompiler> {
        let (name, path) = (Path::new(job.argv.first()?), job.var("PATH")?);
        let anywhere = name.is_absolute() || name.file_name() == Some(name.as_os_str());
        let everywhere = env::split_paths(path).all(|directory| directory.is_absolute());
        (anywhere && everywhere).then(|| self.find(name.as_os_str(), Some(path))).flatten()
    }
}

fn find_on(
    path: Option<&OsStr>,
    name: &OsStr,
    masquerade: Option<&Path>,
    own: Option<&Path>,
) -> Option<RealCompiler> {
    let named = Path::new(name);
    let has_path = name.as_bytes().contains(&b'/');
    let mut program = (has_path && is_real(named, own)).then(|| named.to_owned());
    let base = named.file_name()?;
    // Compilers look themselves up on PATH, to find their own parts beside them. So the directories of wrappers leave
    // it, and what a compiler and its children see is what they see in a plain build.
    let mut kept = Vec::new();
    for directory in path.map(env::split_paths).into_iter().flatten() {
        if masquerade.is_some_and(|masquerade| directory.starts_with(masquerade)) {
            continue;
        }
        if program.is_none() {
            let candidate = directory.join(base);
            match look_at(&candidate, own) {
                Candidate::Wrapper => continue,
                Candidate::Compiler => program = Some(candidate),
                Candidate::Nothing => {}
            }
        }
        kept.push(directory);
    }
    // Entries that came out of a PATH hold no colon and so join to one again.
    let joined = path.map(|path| env::join_paths(kept).unwrap_or_else(|_| path.to_owned()));
    let program = program?;
    let name = if has_path { program.clone().into_os_string() } else { name.to_owned() };
    Some(RealCompiler { program, name, path: joined })
}

/// Whether `candidate` is a program to run and no wrapper.
pub(crate) fn is_real(candidate: &Path, own: Option<&Path>) -> bool {
    look_at(candidate, own) == Candidate::Compiler
}

fn look_at(candidate: &Path, own: Option<&Path>) -> Candidate {
    if access(candidate, Access::EXEC_OK).is_err() {
        return Candidate::Nothing;
    }
    match fs::canonicalize(candidate) {
        Ok(target) if target.is_file() => {
            let wrapper =
                target.file_name().is_some_and(|name| WRAPPERS.iter().any(|known| name == *known));
            if wrapper || Some(target.as_path()) == own {
                Candidate::Wrapper
            } else {
                Candidate::Compiler
            }
        }
        _ => Candidate::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_to_another_wrapper_is_no_compiler() {
        let space = tempfile::tempdir().unwrap();
        symlink("/bin/true", space.path().join("real")).unwrap();
        fs::copy("/bin/true", space.path().join("ccache")).unwrap();
        symlink("ccache", space.path().join("gcc")).unwrap();
        assert!(is_real(&space.path().join("real"), None));
        assert!(!is_real(&space.path().join("gcc"), None));
        assert!(!is_real(space.path(), None));
    }

    /// A directory `wrappers` with a `gcc` of ours, and a directory `real` with a real one.
    fn two_directories() -> (tempfile::TempDir, OsString) {
        let space = tempfile::tempdir().unwrap();
        for (directory, target) in [("wrappers", "/bin/false"), ("real", "/bin/true")] {
            fs::create_dir(space.path().join(directory)).unwrap();
            symlink(target, space.path().join(directory).join("gcc")).unwrap();
        }
        let path = env::join_paths(["wrappers", "real"].map(|it| space.path().join(it))).unwrap();
        (space, path)
    }

    fn found(path: &OsStr, name: &str, masquerade: &Path) -> RealCompiler {
        let own = fs::canonicalize("/bin/false").unwrap();
        find_on(Some(path), name.as_ref(), Some(masquerade), Some(&own)).unwrap()
    }

    #[test]
    fn masquerade_directories_leave_the_path() {
        let (space, path) = two_directories();
        let found = found(&path, "gcc", &space.path().join("wrappers"));
        assert_eq!(found.path.unwrap(), *space.path().join("real"));
    }

    /// gcc would take itself for the program behind the first `gcc` on PATH, and look for `cc1` beside that.
    #[test]
    fn a_users_own_directory_of_links_leaves_the_path_too() {
        let (space, path) = two_directories();
        let found = found(&path, "gcc", Path::new("/elsewhere"));
        assert_eq!((found.program, found.name), (space.path().join("real/gcc"), "gcc".into()));
        assert_eq!(found.path.unwrap(), *space.path().join("real"));
    }

    /// CMake and ccache resolve a compiler to its path, and so to a link of ours, and call that.
    #[test]
    fn a_wrapper_called_by_its_path_calls_the_compiler_by_the_compilers_path() {
        let (space, path) = two_directories();
        let link = space.path().join("wrappers/gcc");
        let found = found(&path, link.to_str().unwrap(), Path::new("/elsewhere"));
        let real = space.path().join("real/gcc");
        assert_eq!((found.name, found.program), (real.clone().into(), real));
    }

    #[test]
    fn a_compiler_named_by_its_path_leaves_the_path_as_it_is() {
        let (space, path) = two_directories();
        let named = space.path().join("real/gcc");
        let found = found(&path, named.to_str().unwrap(), Path::new("/elsewhere"));
        assert_eq!((found.program, found.path.unwrap()), (named, path));
    }
}
