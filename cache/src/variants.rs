//! The command lines by which each source was compiled: what `farmbuild why` compares a new one with.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use farmbuild_core::protocol::message::WhyChange;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::job::Job;
use crate::plan;
use crate::store::{Key, RecordKind, Store, StoreError};
use crate::tier::change;

/// Command lines that are remembered for each source.
const MOST: usize = 8;

/// A command line, as far as it is part of a manifest's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Variant {
    manifest: Key,
    compiler: Key,
    directory: Vec<u8>,
    args: Vec<Vec<u8>>,
    variables: Vec<(String, Vec<u8>)>,
}

impl Variant {
    fn of(job: &Job) -> Self {
        let bytes = |text: &OsStr| text.as_bytes().to_vec();
        let invocation = &job.question.invocation;
        let variables = plan::variables(invocation).into_iter();
        Self {
            manifest: job.manifest,
            compiler: job.compiler.id,
            directory: bytes(invocation.cwd.as_os_str()),
            args: job.question.analysis.arguments.others.iter().map(|arg| bytes(arg)).collect(),
            variables: variables.map(|(name, value)| (name.to_owned(), bytes(&value))).collect(),
        }
    }

    /// How this one differs from an older one.
    fn changes_since(&self, then: &Self) -> Vec<WhyChange> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut changes = Vec::new();
        if self.compiler != then.compiler {
            changes.push(change("compiler", "the compiler is another one"));
        }
        if self.directory != then.directory {
            changes
                .push(change("directory", format!("the directory was {}", text(&then.directory))));
        }
        for (list, other, sign) in [(&then.args, &self.args, '-'), (&self.args, &then.args, '+')] {
            for arg in list.iter().filter(|arg| !other.contains(arg)) {
                changes.push(change("argument", format!("{sign} {}", text(arg))));
            }
        }
        if changes.is_empty() && self.args != then.args {
            changes.push(change("argument", "the order of the arguments"));
        }
        for (list, other, sign) in
            [(&then.variables, &self.variables, '-'), (&self.variables, &then.variables, '+')]
        {
            for it in list.iter().filter(|it| !other.contains(it)) {
                changes.push(change("variable", format!("{sign} {}={}", it.0, text(&it.1))));
            }
        }
        changes
    }
}

/// The record of a source: found again in another directory only if its name there is the same.
fn key(job: &Job) -> Key {
    let mut digest = Digest::new("farmbuild variants 1");
    digest.bytes("source", job.plan.source.as_os_str().as_bytes());
    digest.key()
}

fn read(bytes: &[u8]) -> Vec<Variant> {
    postcard::from_bytes(bytes).unwrap_or_default()
}

/// How a job whose command line is new differs from the nearest one that is known of its source.
pub(crate) fn changes(store: &Store, job: &Job) -> Vec<WhyChange> {
    let Some(bytes) = store.get_record(RecordKind::Variants, &key(job)) else { return Vec::new() };
    let now = Variant::of(job);
    let differences = read(&bytes).into_iter().rev().map(|then| now.changes_since(&then));
    differences.min_by_key(Vec::len).unwrap_or_default()
}

/// Remembers a command line.
pub(crate) fn keep(store: &Store, job: &Job) -> Result<(), StoreError> {
    store.update_record(RecordKind::Variants, &key(job), |old| {
        let mut variants = old.map(read).unwrap_or_default();
        let now = Variant::of(job);
        if variants.contains(&now) {
            return None;
        }
        variants.retain(|then| then.manifest != now.manifest);
        variants.push(now);
        if variants.len() > MOST {
            variants.remove(0);
        }
        postcard::to_allocvec(&variants).ok()
    })
}
