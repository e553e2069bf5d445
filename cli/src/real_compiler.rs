//! Which compiler a masqueraded name stands for: the first of that name on PATH that isn't a wrapper, ours or another.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Programs that stand in for a compiler by a symbolic link and would look for it on PATH in their turn.
const WRAPPERS: [&str; 5] = ["farmbuild", "ccache", "distcc", "icecc", "sccache"];

/// The real compiler for `name` as a build spelt it, and the PATH that a plain build would have.
#[derive(Debug)]
pub(crate) struct RealCompiler {
    pub(crate) program: PathBuf,
    pub(crate) path: Option<OsString>,
}

/// Looks `name` up. A name with a slash is taken as it is, unless it leads back to a wrapper.
pub(crate) fn find(name: &OsStr, masquerade: &Path) -> Option<RealCompiler> {
    let path = env::var_os("PATH").map(|path| without(&path, masquerade));
    let own = env::current_exe().ok();
    let own = own.as_deref();
    let named = Path::new(name);
    let program = if name.as_bytes().contains(&b'/') && is_real(named, own) {
        named.to_owned()
    } else {
        let name = named.file_name()?;
        env::split_paths(path.as_deref()?)
            .map(|directory| directory.join(name))
            .find(|candidate| is_real(candidate, own))?
    };
    Some(RealCompiler { program, path })
}

/// `path` without the masquerade directories: what a compiler's own children see is what they see in a plain build.
fn without(path: &OsStr, masquerade: &Path) -> OsString {
    let kept = env::split_paths(path).filter(|directory| !directory.starts_with(masquerade));
    // Entries that came out of a PATH hold no colon and so join to one again.
    env::join_paths(kept).unwrap_or_else(|_| path.to_owned())
}

/// Whether `candidate` is a program to run and no wrapper.
pub(crate) fn is_real(candidate: &Path, own: Option<&Path>) -> bool {
    if access(candidate, Access::EXEC_OK).is_err() {
        return false;
    }
    let Ok(target) = fs::canonicalize(candidate) else { return false };
    let wrapper =
        target.file_name().is_some_and(|name| WRAPPERS.iter().any(|known| name == *known));
    target.is_file() && !wrapper && Some(target.as_path()) != own
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

    #[test]
    fn masquerade_directories_leave_the_path() {
        let path = OsStr::new("/run/fb/masquerade/1:/usr/bin::/bin");
        assert_eq!(without(path, Path::new("/run/fb/masquerade")), "/usr/bin::/bin");
    }
}
