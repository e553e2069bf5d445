//! The preprocessed tier: the result of a text is the result of every set of files that makes that text.
//!
//! Line markers, blank lines and columns count only where positions can reach the output. Only silent results are kept:
//! messages show the source, of which the text has lost a part.

use farmbuild_core::pipeline::cache::TextKind;

use super::{Found, Kept, Parts, SeenText, Tier, change};
use crate::digest::Digest;
use crate::job::Job;
use crate::manifest::StoredResult;
use crate::marked;
use crate::plan::Sensitivity;
use crate::store::{Key, RecordKind, StoreError};

/// The tier.
pub(crate) struct Preprocessed;

impl Tier for Preprocessed {
    fn name(&self) -> &'static str {
        "preprocessed"
    }

    fn needs_text(&self) -> bool {
        true
    }

    fn look_up(&self, parts: &Parts, job: &Job, text: Option<&SeenText>) -> Found {
        let Some(text) = text else { return Found::default() };
        let key = key(parts, job, text);
        let bytes = key.and_then(|key| parts.store.get_record(RecordKind::Text, &key));
        let result = bytes.and_then(|bytes| postcard::from_bytes::<StoredResult>(&bytes).ok());
        let result = result.filter(|result| job.suits(result));
        let changes = match &result {
            Some(_) => Vec::new(),
            None => vec![change("text", "its preprocessed text is another one")],
        };
        Found { result, changes, ..Found::default() }
    }

    fn keep(&self, parts: &Parts, job: &Job, kept: &Kept<'_>) -> Result<(), StoreError> {
        let Some(text) = kept.text.filter(|_| kept.result.is_silent()) else { return Ok(()) };
        let Some(key) = key(parts, job, text) else { return Ok(()) };
        // Plain data: there is nothing in it that could fail.
        let bytes = postcard::to_allocvec(kept.result).unwrap_or_default();
        parts.store.update_record(RecordKind::Text, &key, |_| Some(bytes.clone()))
    }
}

/// What a text has lost of its files and the output may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The comments that a compiler reads: whether gcc warns of a case that falls through is up to one.
    Comments,
    /// Also in which columns everything stands: lines are in a text, but blanks and comments before a word aren't.
    Columns,
    /// Anything.
    Bytes,
}

/// The key of a text; `None` if what it has lost can't be told.
fn key(parts: &Parts, job: &Job, text: &SeenText) -> Option<Key> {
    let mut digest = job.digest.clone();
    digest.bytes("tier", b"preprocessed 2");
    let lost = match job.plan.sensitivity {
        Sensitivity::Bytes => Lost::Bytes,
        Sensitivity::Positions => Lost::Columns,
        Sensitivity::Meaning if marked::asks_for_positions(&text.bytes) => Lost::Columns,
        Sensitivity::Meaning => Lost::Comments,
    };
    if lost == Lost::Bytes {
        for (defines, macro_text) in job.macros() {
            digest.bytes(if defines { "-D" } else { "-U" }, &macro_text);
        }
    }
    match text.kind {
        TextKind::Travelling(technique) => {
            digest.bytes("technique", technique.as_bytes());
            digest.bytes("text", blake3::hash(&text.bytes).as_bytes());
        }
        TextKind::Expanded if lost == Lost::Comments => {
            digest.bytes("flowing", &marked::flowing(&text.bytes, &job.plan.source));
        }
        TextKind::Expanded => {
            digest.bytes("expanded", blake3::hash(&text.bytes).as_bytes());
        }
    }
    add_lost(parts, job, text, &mut digest, lost)?;
    Some(digest.key())
}

/// Adds what a text has lost.
pub(super) fn add_lost(
    parts: &Parts,
    job: &Job,
    text: &SeenText,
    digest: &mut Digest,
    lost: Lost,
) -> Option<()> {
    for (path, hash) in text.files(parts, job)? {
        if lost == Lost::Bytes {
            digest.bytes("file", &hash.0);
            continue;
        }
        let facts = parts.facts(path, *hash)?;
        if let Some(comments) = facts.comments {
            digest.bytes("comments", &comments.0);
        }
        if lost == Lost::Columns {
            digest.bytes("columns", &facts.in_place.unwrap_or(*hash).0);
        }
    }
    Some(())
}
