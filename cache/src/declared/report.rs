//! Where the tier is turned off, and why: a directory for each compiler with its flags, in the cache's own.
//!
//! It stays until somebody removes it, so that a mistake isn't made twice.

use std::fs;
use std::path::{Path, PathBuf};

use crate::job::Job;
use crate::manifest::StoredResult;
use crate::outputs::Taken;
use crate::store::{Key, Store};

const DIRECTORY: &str = "declarations-off";
const REASON: &str = "why.txt";

/// A compiler with its flags that the declaration tier isn't used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnedOff {
    /// Where what is known of it lies.
    pub directory: PathBuf,
    /// Why.
    pub why: String,
}

/// All for which the tier is turned off, of the cache in `dir`.
#[must_use]
pub fn turned_off(dir: &Path) -> Vec<TurnedOff> {
    let Ok(entries) = fs::read_dir(dir.join(DIRECTORY)) else { return Vec::new() };
    let one = |directory: PathBuf| {
        let why = fs::read_to_string(directory.join(REASON)).unwrap_or_default();
        TurnedOff { directory, why }
    };
    entries.filter_map(Result::ok).map(|entry| one(entry.path())).collect()
}

fn place(store: &Store, flags: &Key) -> PathBuf {
    store.dir().join(DIRECTORY).join(flags.to_string())
}

/// Whether the tier is turned off for these flags.
pub(super) fn is_off(store: &Store, flags: &Key) -> bool {
    place(store, flags).exists()
}

/// Turns the tier off.
pub(super) fn turn_off(store: &Store, job: &Job, why: &str) {
    let directory = place(store, job.flags());
    let argv = &job.question.invocation.argv;
    let text = format!("{why}\n\n{}\n{argv:?}\n", job.source().display());
    let written =
        fs::create_dir_all(&directory).and_then(|()| fs::write(directory.join(REASON), text));
    if let Err(error) = written {
        tracing::warn!(directory = %directory.display(), %error, "can't say why the declaration tier is off");
    }
    tracing::warn!(directory = %directory.display(), "the declaration tier is turned off for a compiler and its flags: {why}");
}

/// Turns the tier off because it was wrong, and keeps both objects.
pub(super) fn wrong(store: &Store, job: &Job, expected: &StoredResult, compiled: &Taken) {
    let why = "a result that was found by its declarations isn't what the compiler makes; please report it, with \
        the files beside this one and the preprocessed source";
    turn_off(store, job, why);
    let directory = place(store, job.flags());
    let found = expected.outputs.first().and_then(|(_, id)| store.get_blob(id));
    let messages = [&compiled.stdout[..], &compiled.stderr].concat();
    let files = [
        ("found.o", found.unwrap_or_default().to_vec()),
        ("compiled.o", compiled.object().to_vec()),
        ("messages.txt", messages),
    ];
    for (name, bytes) in files {
        if let Err(error) = fs::write(directory.join(name), bytes) {
            tracing::warn!(name, %error, "can't keep what the declaration tier was wrong about");
        }
    }
}
