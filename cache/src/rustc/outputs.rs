//! The files of a crate: taken in after a compile, and put in their places for a hit, which may be other places.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use farmbuild_core::analysis::RustcCompile;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::cache::Compiled;
use farmbuild_core::staging::StagedFile;

use super::dep_info::{self, move_lines};
use super::known::{StoredCrate, StoredOutput};
use crate::base::Base;
use crate::outputs::{MOST_BYTES, RestoreError};
use crate::reason::Reason;
use crate::store::{BlobId, Store, StoreError};

/// The beginning of the line by which rustc tells cargo of a file that it has written.
const ARTIFACT: &[u8] = b"{\"$message_type\":\"artifact\",\"artifact\":\"";

/// What a compile left, read into memory, so that the files may change.
pub(super) struct Taken {
    outputs: Vec<(Vec<u8>, Vec<u8>, bool)>,
    pub(super) dep_info: Vec<u8>,
    stdout: Bytes,
    stderr: Bytes,
    looks: String,
    out_dir: PathBuf,
    absolute_out_dir: PathBuf,
    pub(super) lines: u64,
}

impl Taken {
    pub(super) fn read(
        compile: &RustcCompile,
        invocation: &Invocation,
        compiled: &Compiled,
        looks: String,
    ) -> Result<Self, Reason> {
        let read = |path: &Path| {
            let path = invocation.cwd.join(path);
            let meta = fs::symlink_metadata(&path).map_err(|_| Reason::OddOutput)?;
            if !meta.is_file() {
                return Err(Reason::OddOutput);
            }
            if meta.len() > MOST_BYTES {
                return Err(Reason::LargeOutput);
            }
            let bytes = fs::read(&path).map_err(|_| Reason::OddOutput)?;
            Ok((bytes, meta.permissions().mode() & 0o777))
        };
        let (plain, program) = (0o666 & !invocation.umask, 0o777 & !invocation.umask);
        let mut outputs = Vec::with_capacity(compile.outputs.len());
        for output in &compile.outputs {
            let (bytes, mode) = read(&output.path)?;
            if mode != plain && mode != program {
                return Err(Reason::OddOutput);
            }
            let is_program = mode == program && program != plain;
            outputs.push((output.name.as_bytes().to_vec(), bytes, is_program));
        }
        let dep_info = compile.dep_info.as_deref().ok_or(Reason::Dependencies)?;
        Ok(Self {
            outputs,
            dep_info: read(dep_info)?.0,
            stdout: compiled.stdout.clone(),
            stderr: compiled.stderr.clone(),
            looks,
            out_dir: compile.out_dir.clone(),
            absolute_out_dir: invocation.cwd.join(&compile.out_dir),
            lines: compiled.lines,
        })
    }

    /// Puts everything into the store.
    pub(super) fn store(self, store: &Store, base: &Base) -> Result<StoredCrate, StoreError> {
        let absolute = self.absolute_out_dir.as_os_str().as_bytes();
        // What can be written anew for another directory.
        let marker = Path::new("\u{1}");
        let (dep_info, in_dep_info) = dep_info::moved(&self.dep_info, &self.out_dir, marker);
        let (stderr, in_stderr) = moved(&self.stderr, &self.out_dir, marker);
        let shows = |bytes: &[u8]| memchr::memmem::find(bytes, absolute).is_some();
        let outputs = || self.outputs.iter().map(|(_, bytes, _)| bytes.as_slice());
        let tied = in_dep_info
            || in_stderr
            || outputs().any(shows)
            || [&dep_info[..], &self.stdout, &stderr].into_iter().any(shows);
        let mut all = outputs().chain([&dep_info[..], &self.stdout, &stderr]);
        let based = all.any(|bytes| base.shows_in(bytes));
        let mut lines = self.stderr.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let says = !self.stdout.is_empty() || lines.any(|line| !line.starts_with(ARTIFACT));
        let keep = |bytes: &[u8]| match bytes {
            [] => Ok(None),
            bytes => store.put_blob(bytes).map(Some),
        };
        let mut stored = Vec::with_capacity(self.outputs.len());
        for (name, bytes, is_program) in &self.outputs {
            let (name, content) = (name.clone(), store.put_blob(bytes)?);
            stored.push(StoredOutput { name, content, is_program: *is_program });
        }
        Ok(StoredCrate {
            outputs: stored,
            dep_info: store.put_blob(&self.dep_info)?,
            stdout: keep(&self.stdout)?,
            stderr: keep(&self.stderr)?,
            looks: says.then_some(self.looks),
            out_dir: self.out_dir.as_os_str().as_bytes().to_vec(),
            only_in: tied.then(|| absolute.to_vec()),
            base: base.directory().filter(|_| based).map(<[u8]>::to_vec),
            lines: self.lines,
        })
    }
}

/// Puts a result in its place: all of it or nothing.
pub(super) fn restore(
    store: &Store,
    compile: &RustcCompile,
    invocation: &Invocation,
    result: &StoredCrate,
) -> Result<(Bytes, Bytes), RestoreError> {
    let blob = |id: &BlobId| store.get_blob(id).ok_or(RestoreError::Gone);
    let text = |id: &Option<BlobId>| id.as_ref().map_or(Ok(Vec::new()), blob);
    let then = Path::new(std::ffi::OsStr::from_bytes(&result.out_dir));
    let (stdout, stderr) = (text(&result.stdout)?, text(&result.stderr)?);
    let (stderr, _) = moved(&stderr, then, &compile.out_dir);
    let (dep_info, _) = dep_info::moved(&blob(&result.dep_info)?, then, &compile.out_dir);
    let mut staged = Vec::with_capacity(compile.outputs.len() + 1);
    for output in &compile.outputs {
        let kept = result.outputs.iter().find(|it| it.name == output.name.as_bytes());
        let kept = kept.ok_or(RestoreError::Gone)?;
        let mut file = begin(&invocation.cwd.join(&output.path), invocation.umask)?;
        match store.place_blob(&kept.content, file.file()) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(RestoreError::Gone),
            Err(error) => return Err(RestoreError::Write(io::Error::other(error))),
        }
        if kept.is_program {
            let mode = Permissions::from_mode(0o777 & !invocation.umask);
            file.file().set_permissions(mode)?;
        }
        staged.push(file);
    }
    if let Some(path) = &compile.dep_info {
        let mut file = begin(&invocation.cwd.join(path), invocation.umask)?;
        file.file().write_all(&dep_info)?;
        staged.push(file);
    }
    for file in staged {
        file.commit()?;
    }
    Ok((stdout.into(), stderr.into()))
}

/// Begins an output. rustc replaces what is there, also a file with several names.
fn begin(path: &Path, umask: u32) -> Result<StagedFile, RestoreError> {
    if fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(RestoreError::Place);
    }
    Ok(StagedFile::create(path, umask)?)
}

/// The messages of a compile with its outputs in `to` instead of `from`. Also whether `from` is in there in a way that stays.
fn moved(stderr: &[u8], from: &Path, to: &Path) -> (Vec<u8>, bool) {
    let prefix = |directory: &Path| {
        let directory = directory.join("");
        let bytes = directory.as_os_str().as_bytes();
        // In JSON these would be written otherwise.
        let plain = bytes.iter().all(|&byte| !byte.is_ascii_control() && !b"\"\\".contains(&byte));
        let plain = plain || bytes == b"\x01/";
        (plain && std::str::from_utf8(bytes).is_ok()).then(|| bytes.to_vec())
    };
    let (Some(from), Some(to)) = (prefix(from), prefix(to)) else {
        return (stderr.to_vec(), !stderr.is_empty());
    };
    move_lines(stderr, &from, &to, |line| line.starts_with(ARTIFACT).then_some(ARTIFACT.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_artifacts_moves_with_them_and_nothing_else_does() {
        let line = |directory: &str| {
            format!(
                "{{\"$message_type\":\"artifact\",\"artifact\":\"{directory}/libx-1.rmeta\",\"emit\":\"metadata\"}}\n"
            )
        };
        let there = moved(line("/t/deps").as_bytes(), Path::new("/t/deps"), Path::new("/u/deps"));
        assert_eq!(there, (line("/u/deps").into_bytes(), false));
        let warning = b"{\"$message_type\":\"diagnostic\",\"message\":\"/t/deps/x\"}\n";
        assert_eq!(moved(warning, Path::new("/t/deps"), Path::new("/u")), (warning.to_vec(), true));
        let (text, stays) = moved(line("/t/deps").as_bytes(), Path::new("/t\"x"), Path::new("/u"));
        assert!(stays && text == line("/t/deps").into_bytes());
    }
}
