//! The dependency file of a job, kept back until the object is in its place.
//!
//! Preprocessing writes it long before the compile ends; a plain compile writes it at its very end, and not at all
//! if it fails or is interrupted. So the preprocessor is given another name for it: that of an unnamed file, by way
//! of `/proc`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process;

use crate::staging::StagedFile;

/// What stands before a dependency file's name if that is part of a longer argument.
const JOINED: [&str; 3] = ["-MF", "-Wp,-MD,", "-Wp,-MMD,"];

/// Puts an unnamed file in the place of the dependency file `path` (as spelt) in the arguments of a preprocessing.
/// `None` if there is something at `path` that a compiler would write through, or if `args` don't name it as expected:
/// then it is written as it always is.
pub(super) fn redirect(
    args: &mut [OsString],
    path: &Path,
    cwd: &Path,
    umask: u32,
) -> io::Result<Option<StagedFile>> {
    let place = cwd.join(path);
    match fs::symlink_metadata(&place) {
        Ok(meta) if !meta.is_file() || meta.nlink() != 1 => return Ok(None),
        _ => {}
    }
    let Some((index, before)) = find(args, path.as_os_str()) else { return Ok(None) };
    let mut staged = StagedFile::create(&place, umask)?;
    let mut name = OsString::from(before);
    name.push(format!("/proc/{}/fd/{}", process::id(), staged.file().as_raw_fd()));
    args[index] = name;
    Ok(Some(staged))
}

/// Which argument holds the name, and what stands before it there.
fn find(args: &[OsString], path: &OsStr) -> Option<(usize, &'static str)> {
    let apart = args.windows(2).position(|pair| pair[0] == "-MF" && pair[1] == path);
    apart.map(|index| (index + 1, "")).or_else(|| {
        args.iter().enumerate().find_map(|(index, arg)| {
            let before = arg.as_bytes().strip_suffix(path.as_bytes())?;
            let known = JOINED.into_iter().find(|joined| joined.as_bytes() == before)?;
            Some((index, known))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirected(args: &[&str], cwd: &Path) -> Option<Vec<String>> {
        let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let staged = redirect(&mut args, Path::new("a.d"), cwd, 0o022).unwrap();
        staged.map(|_| args.into_iter().map(|arg| arg.into_string().unwrap()).collect())
    }

    #[test]
    fn every_way_of_naming_the_file_is_redirected() {
        let space = tempfile::tempdir().unwrap();
        for (args, index, start) in [
            (&["-MD", "-MF", "a.d", "a.c"][..], 2, "/proc/"),
            (&["-MD", "-MFa.d", "a.c"], 1, "-MF/proc/"),
            (&["-Wp,-MMD,a.d", "a.c"], 0, "-Wp,-MMD,/proc/"),
        ] {
            let args = redirected(args, space.path()).unwrap();
            assert!(args[index].starts_with(start), "{args:?}");
        }
        assert_eq!(redirected(&["-MD", "a.c"], space.path()), None);
    }

    #[test]
    fn a_link_is_written_through_as_a_compiler_does() {
        let space = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("elsewhere", space.path().join("a.d")).unwrap();
        assert_eq!(redirected(&["-MD", "-MF", "a.d"], space.path()), None);
    }
}
