//! The files of a result: taken in after a compile, and put in their places for a hit.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use farmbuild_core::analysis::DependencyFile;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Uncached;
use farmbuild_core::staging::StagedFile;

use crate::base::Base;
use crate::manifest::{StoredResult, StoredRule};
use crate::plan::Plan;
use crate::reason::Reason;
use crate::rule::Rule;
use crate::store::{BlobId, Store, StoreError};

/// Larger outputs aren't kept; they are taken into memory for a moment.
pub(crate) const MOST_BYTES: u64 = 512 << 20;

/// What a compile left, read into memory, so that the files may change.
pub(crate) struct Taken {
    outputs: Vec<(&'static str, Vec<u8>)>,
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
                Ok(_) => {
                    let bytes = fs::read(&path).map_err(|_| Reason::OddOutput)?;
                    outputs.push((output.label, bytes));
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
        for (label, bytes) in &self.outputs {
            outputs.push(((*label).to_owned(), store.put_blob(bytes)?));
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
    let mut staged = Vec::with_capacity(plan.outputs.len() + 1);
    for output in &plan.outputs {
        let kept = result.outputs.iter().find(|(label, _)| label == output.label);
        let Some((_, id)) = kept else {
            if output.optional {
                continue;
            }
            return Err(RestoreError::Gone);
        };
        let mut file = place(&invocation.cwd.join(&output.path), invocation.umask)?;
        match store.place_blob(id, file.file()) {
            Ok(Some(_)) => staged.push(file),
            Ok(None) => return Err(RestoreError::Gone),
            Err(error) => return Err(RestoreError::Write(io::Error::other(error))),
        }
    }
    if let (Some(wanted), true) = (&plan.dependencies, with_rule) {
        let stored = result.rule.as_ref().ok_or(RestoreError::OtherRule)?;
        let bytes = rule_for(wanted, plan.object(), base, stored, &blob(&stored.text)?)?;
        let mut file = place(&invocation.cwd.join(&wanted.path), invocation.umask)?;
        io::Write::write_all(file.file(), &bytes)?;
        staged.push(file);
    }
    // The object last: make looks at it.
    for file in staged.into_iter().rev() {
        file.commit()?;
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

/// Begins an output, if what is at its place is something that a compiler would replace.
fn place(path: &Path, umask: u32) -> Result<StagedFile, RestoreError> {
    if let Ok(meta) = fs::symlink_metadata(path) {
        let as_new = meta.mode() & 0o777 == 0o666 & !umask;
        if !meta.is_file() || meta.nlink() != 1 || (meta.len() == 0 && !as_new) {
            return Err(RestoreError::Place);
        }
    }
    Ok(StagedFile::create(path, umask)?)
}
