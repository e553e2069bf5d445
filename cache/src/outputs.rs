//! The files of a result: taken in after a compile, and put in their places for a hit.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use farmbuild_core::analysis::DependencyFile;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Uncached;
use farmbuild_core::staging::StagedFile;
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps, UTIME_NOW, fchmod, utimensat};

use crate::base::Base;
use crate::manifest::{StoredResult, StoredRule};
use crate::plan::{Output, Plan};
use crate::reason::Reason;
use crate::rule::Rule;
use crate::store::{BlobId, Store, StoreError};

/// Larger outputs aren't kept; they are taken into memory for a moment.
pub(crate) const MOST_BYTES: u64 = 512 << 20;

/// What a compile left, read into memory, so that the files may change.
pub(crate) struct Taken {
    outputs: Vec<(String, Vec<u8>)>,
    pub(crate) stdout: Bytes,
    pub(crate) stderr: Bytes,
    pub(crate) terminal: String,
    rule: Option<(Vec<u8>, DependencyFile)>,
    object: PathBuf,
    pub(crate) lines: u64,
}

impl Taken {
    /// Reads the outputs of a job. `rule` tells what it read, in the form of `file`.
    pub(crate) fn read(
        plan: &Plan,
        invocation: &Invocation,
        rule: Option<(Vec<u8>, DependencyFile)>,
    ) -> Result<Self, Uncached> {
        let mut outputs = Vec::with_capacity(plan.outputs.len());
        for output in &plan.outputs {
            let path = invocation.cwd.join(&output.path);
            match fs::metadata(&path) {
                Ok(meta) if !meta.is_file() => return Err(Reason::OddOutput.into()),
                Ok(meta) if meta.len() > MOST_BYTES => return Err(Reason::LargeOutput.into()),
                Ok(meta) => {
                    let bytes = fs::read(&path).map_err(|_| Reason::OddOutput)?;
                    let sort = Sort::of(&meta);
                    outputs.push((sort.label(output), bytes));
                }
                Err(_) if output.optional => {}
                Err(_) => return Err(Reason::OddOutput.into()),
            }
        }
        Ok(Self {
            outputs,
            stdout: Bytes::new(),
            stderr: Bytes::new(),
            terminal: String::new(),
            rule,
            object: plan.object().to_owned(),
            lines: 0,
        })
    }

    /// Whether it is a silent result that is known already.
    pub(crate) fn is(&self, result: &StoredResult) -> bool {
        let same = |(one, other): (&(String, Vec<u8>), &(String, BlobId))| {
            one.0 == other.0 && BlobId::of(&one.1) == other.1
        };
        self.stdout.is_empty()
            && self.stderr.is_empty()
            && self.outputs.len() == result.outputs.len()
            && self.outputs.iter().zip(&result.outputs).all(same)
    }

    /// What was written first: the object.
    pub(crate) fn object(&self) -> &[u8] {
        self.outputs.first().map_or(&[], |(_, bytes)| bytes)
    }

    /// Puts everything into the store.
    pub(crate) fn store(self, store: &Store, base: &Base) -> Result<StoredResult, StoreError> {
        let told = [&self.stdout[..], &self.stderr[..]];
        let written = self.outputs.iter().map(|(_, bytes)| bytes.as_slice());
        let shows = written.chain(told).any(|bytes| base.shows_in(bytes));
        let shown = base.directory().filter(|_| shows).map(<[u8]>::to_vec);
        let keep = |bytes: &[u8]| match bytes {
            [] => Ok(None),
            bytes => store.put_blob(bytes).map(Some),
        };
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for (label, bytes) in self.outputs {
            outputs.push((label, store.put_blob(&bytes)?));
        }
        let (stdout, stderr) = (keep(&self.stdout)?, keep(&self.stderr)?);
        let silent = stdout.is_none() && stderr.is_none();
        let rule = match self.rule {
            None => None,
            Some((text, file)) => Some(keep_rule(store, &self.object, &text, &file, base)?),
        };
        let terminal = if silent { String::new() } else { self.terminal };
        let base = shown;
        Ok(StoredResult { outputs, stdout, stderr, terminal, rule, base, lines: self.lines })
    }
}

/// Puts a job's dependency file into the store.
pub(crate) fn keep_rule(
    store: &Store,
    object: &Path,
    text: &[u8],
    file: &DependencyFile,
    base: &Base,
) -> Result<StoredRule, StoreError> {
    Ok(StoredRule {
        base: base.directory().filter(|_| base.shows_in(text)).map(<[u8]>::to_vec),
        text: store.put_blob(text)?,
        users_only: file.users_only,
        form: form(file),
        object: file.names_object.then(|| bytes_of(object)),
    })
}

fn bytes_of(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

fn form(file: &DependencyFile) -> Vec<Vec<u8>> {
    file.form.iter().map(|word| word.as_encoded_bytes().to_vec()).collect()
}

/// Why a result couldn't be put in its place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// A part of it is no longer in the store, or was damaged there.
    #[error("a part of the result is gone from the cache")]
    Gone,
    /// A dependency file in another form was kept.
    #[error("its dependency file was kept in another form")]
    OtherRule,
    /// There is something at an output's place that a compiler would write into.
    #[error("an output's place is taken by no ordinary file")]
    Place,
    /// The file system refused.
    #[error("can't write an output: {0}")]
    Write(#[from] io::Error),
}

/// Puts a result in its place: all of it or nothing. `with_rule` is false if the dependency file is there already.
pub(crate) fn restore(
    store: &Store,
    plan: &Plan,
    invocation: &Invocation,
    result: &StoredResult,
    base: &Base,
    with_rule: bool,
) -> Result<(Bytes, Bytes), RestoreError> {
    let blob = |id: &BlobId| store.get_blob(id).ok_or(RestoreError::Gone);
    let text =
        |id: &Option<BlobId>| id.as_ref().map_or(Ok(Bytes::new()), |id| blob(id).map(Into::into));
    let (stdout, stderr) = (text(&result.stdout)?, text(&result.stderr)?);
    let mut ready = Vec::with_capacity(plan.outputs.len() + 1);
    for output in &plan.outputs {
        let kept = [Sort::Plain, Sort::Executable].into_iter().find_map(|sort| {
            let label = sort.label(output);
            let (_, id) = result.outputs.iter().find(|(it, _)| *it == label)?;
            Some((sort.mode(invocation.umask), id))
        });
        let Some((mode, id)) = kept else {
            if output.optional {
                continue;
            }
            return Err(RestoreError::Gone);
        };
        let path = invocation.cwd.join(&output.path);
        let there = look(&path, mode)?;
        if there == There::LikeOurs
            && File::open(&path).is_ok_and(|mut it| store.is_blob(id, &mut it))
        {
            ready.push(Ready::There(path));
            continue;
        }
        let mut file = StagedFile::create(&path, invocation.umask)?;
        fchmod(file.file(), mode).map_err(io::Error::from)?;
        match store.place_blob(id, file.file()) {
            Ok(Some(_)) => ready.push(Ready::Staged(file)),
            Ok(None) => return Err(RestoreError::Gone),
            Err(error) => return Err(RestoreError::Write(io::Error::other(error))),
        }
    }
    if let (Some(wanted), true) = (&plan.dependencies, with_rule) {
        let stored = result.rule.as_ref().ok_or(RestoreError::OtherRule)?;
        let bytes = rule_for(wanted, plan.object(), base, stored, &blob(&stored.text)?)?;
        let path = invocation.cwd.join(&wanted.path);
        look(&path, Sort::Plain.mode(invocation.umask))?;
        let mut file = StagedFile::create(&path, invocation.umask)?;
        io::Write::write_all(file.file(), &bytes)?;
        ready.push(Ready::Staged(file));
    }
    // The object last: make looks at it.
    for output in ready.into_iter().rev() {
        output.commit()?;
    }
    Ok((stdout, stderr))
}

/// The dependency file that is wanted, from the one that was kept.
fn rule_for(
    wanted: &DependencyFile,
    object: &Path,
    base: &Base,
    stored: &StoredRule,
    text: &[u8],
) -> Result<Vec<u8>, RestoreError> {
    if wanted.users_only != stored.users_only || form(wanted) != stored.form {
        return Err(RestoreError::OtherRule);
    }
    let (text, then) = match (&stored.base, base.directory()) {
        (Some(from), Some(to)) if from != to => {
            let rule = Rule::parse(text).ok_or(RestoreError::OtherRule)?;
            let text = rule.moved(text, from, to).ok_or(RestoreError::OtherRule)?;
            let name = |object: &Vec<u8>| match object.strip_prefix(from.as_slice()) {
                Some(rest) if rest.starts_with(b"/") => [to, rest].concat(),
                _ => object.clone(),
            };
            (text, stored.object.as_ref().map(name))
        }
        (Some(_), None) => return Err(RestoreError::OtherRule),
        _ => (text.to_vec(), stored.object.clone()),
    };
    match (then, wanted.names_object) {
        (None, false) => Ok(text),
        (Some(then), true) if then == bytes_of(object) => Ok(text),
        (Some(_), true) => {
            let rule = Rule::parse(&text).ok_or(RestoreError::OtherRule)?;
            rule.for_target(&text, object.as_os_str()).ok_or(RestoreError::OtherRule)
        }
        _ => Err(RestoreError::OtherRule),
    }
}

/// What a compiler or linker makes of an output's mode.
#[derive(Clone, Copy)]
enum Sort {
    Plain,
    Executable,
}

impl Sort {
    fn of(meta: &fs::Metadata) -> Self {
        if meta.mode() & 0o111 == 0 { Self::Plain } else { Self::Executable }
    }

    /// What an output of this sort is called in a result.
    fn label(self, output: &Output) -> String {
        match self {
            Self::Plain => output.label.to_owned(),
            Self::Executable => format!("{}, executable", output.label),
        }
    }

    fn mode(self, umask: u32) -> Mode {
        let all = match self {
            Self::Plain => 0o666,
            Self::Executable => 0o777,
        };
        Mode::from_raw_mode(all & !umask)
    }
}

/// What is at an output's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    /// Nothing, or what a compiler would replace.
    Replaceable,
    /// A file that only its content may tell from the one that is to be there.
    LikeOurs,
}

fn look(path: &Path, mode: Mode) -> Result<There, RestoreError> {
    let Ok(meta) = fs::symlink_metadata(path) else { return Ok(There::Replaceable) };
    let as_new = meta.mode() & 0o7777 == mode.as_raw_mode();
    if !meta.is_file() || meta.nlink() != 1 || (meta.len() == 0 && !as_new) {
        return Err(RestoreError::Place);
    }
    let ours = as_new && meta.uid() == rustix::process::geteuid().as_raw();
    Ok(if ours { There::LikeOurs } else { There::Replaceable })
}

/// An output that only has to appear.
enum Ready {
    Staged(StagedFile),
    /// It is in its place already, from an earlier build, with the same content: only its age is wrong.
    There(PathBuf),
}

impl Ready {
    fn commit(self) -> io::Result<()> {
        match self {
            Self::Staged(file) => file.commit(),
            Self::There(path) => {
                let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
                let times = Timestamps { last_access: now, last_modification: now };
                Ok(utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
            }
        }
    }
}
