//! The declaration tier: the result of a text is that of every text whose used declarations are the same, and whose
//! others are known to be compiled without a word.
//!
//! For C, where positions can't show but by gcc's debug info. See `docs/declaration-tier.md`.

use std::borrow::Cow;
use std::iter;

use farmbuild_core::pipeline::Home;
use farmbuild_core::pipeline::cache::TextKind;

use super::places;
use super::preprocessed::{Lost, add_lost};
use super::{Found, Kept, Parts, SeenText, Tier, change};
use crate::declarations::{Doubt, Id, Split};
use crate::job::Job;
use crate::manifest::StoredResult;
use crate::plan::Sensitivity;
use crate::store::{Key, RecordKind, StoreError};

/// Its name.
pub(crate) const NAME: &str = "declaration";

/// The tier.
pub(crate) struct Declaration;

impl Tier for Declaration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs_text(&self) -> bool {
        true
    }

    fn look_up(&self, parts: &Parts, job: &Job, text: Option<&SeenText>) -> Found {
        let Some(text) = text.filter(|_| parts.declared.is_on()) else { return Found::default() };
        let (split, key) = match understood(parts, job, text) {
            Ok(understood) => understood,
            Err(doubt) => {
                parts.declared.count(doubt);
                let changes = vec![change("declarations", doubt.sentence())];
                return Found { changes, ..Found::default() };
            }
        };
        let suiting = |key: &Key| recall(parts, key).filter(|result| job.suits(result));
        let mut unused = Cow::from(&split.unused);
        let known = suiting(key).or_else(|| {
            let (key, beside) = text.view.get()?;
            let result = suiting(key)?;
            unused.to_mut().extend(beside);
            Some(result)
        });
        let Some(result) = known else {
            let changes = parts.declared.changes(&parts.store, job, split);
            return Found { changes, ..Found::default() };
        };
        let lacks = parts.declared.known.unknown(&parts.store, job.flags(), &unused);
        if lacks.is_empty() {
            return Found { result: Some(result), ..Found::default() };
        }
        let what = format!(
            "{} declarations that it doesn't use are new, and read once by a compiler for what it says of them",
            lacks.len()
        );
        Found { changes: vec![change("declarations", what)], lacks, ..Found::default() }
    }

    fn keep(&self, parts: &Parts, job: &Job, kept: &Kept<'_>) -> Result<(), StoreError> {
        let silent = parts.declared.is_on() && kept.result.is_silent();
        let Some(text) = kept.text.filter(|_| silent) else { return Ok(()) };
        let Ok((split, key)) = understood(parts, job, text) else { return Ok(()) };
        parts.declared.keep_parts(&parts.store, job, split)?;
        // What was found, in whatever way, says nothing new of what compilers accept.
        if !kept.compiled {
            return Ok(());
        }
        // Plain data: there is nothing in it that could fail.
        let bytes = postcard::to_allocvec(kept.result).unwrap_or_default();
        for key in iter::once(key).chain(text.view.get().map(|(key, _)| key)) {
            parts.store.update_record(RecordKind::Text, key, |_| Some(bytes.clone()))?;
        }
        learn(parts, job, text)
    }
}

/// What a silent compiler will tell of a text: the declarations that are all right then, and aren't known to be.
pub(crate) fn news(parts: &Parts, job: &Job, text: &SeenText) -> Vec<Id> {
    match understood(parts, job, text) {
        Ok((split, _)) => parts.declared.known.unknown(&parts.store, job.flags(), &split.known),
        Err(_) => Vec::new(),
    }
}

/// Has the compiler tell where the members lie that a text's expressions name; whether that makes another lookup worth while.
pub(crate) async fn look_closer(
    parts: &Parts,
    home: &dyn Home,
    job: &Job,
    text: &SeenText,
) -> bool {
    if understood(parts, job, text).is_err() || !parts.declared.sees_members_alone(job) {
        return false;
    }
    let Ok(builtins) = parts.declared.builtins(&job.compiler) else { return false };
    // Taken apart once more: most texts are found without it.
    let Ok(split) = Split::with_view(&text.bytes, &builtins) else { return false };
    let Some(view) = split.view else { return false };
    let source = (&text.bytes[..], &*builtins);
    let layouts = parts.declared.layouts.of(&parts.store, home, job, source, &view.layouts).await;
    let Some(used) = view.used(&layouts) else { return false };
    let mut digest = job.digest.clone();
    digest.bytes("tier", b"seen declarations 1");
    digest.bytes("used", &used.0);
    add_lost(parts, job, text, &mut digest, Lost::Comments).is_some()
        && text.view.set((digest.key(), view.unused)).is_ok()
}

/// Remembers that a compiler has read a text without a word.
///
/// # Errors
/// If it can't be written.
pub(crate) fn learn(parts: &Parts, job: &Job, text: &SeenText) -> Result<(), StoreError> {
    let Ok((split, _)) = understood(parts, job, text) else { return Ok(()) };
    parts.declared.known.add(&parts.store, job.flags(), &split.known)
}

fn recall(parts: &Parts, key: &Key) -> Option<StoredResult> {
    let bytes = parts.store.get_record(RecordKind::Text, key)?;
    postcard::from_bytes(&bytes).ok()
}

/// A text taken apart, and the key of its used declarations.
fn understood<'a>(parts: &Parts, job: &Job, text: &'a SeenText) -> Result<&'a (Split, Key), Doubt> {
    parts.declared.suits(job)?;
    if text.kind != TextKind::Expanded {
        return Err(Doubt::Travelling);
    }
    text.split.get_or_init(|| understand(parts, job, text)).as_ref().map_err(|doubt| *doubt)
}

fn understand(parts: &Parts, job: &Job, text: &SeenText) -> Result<(Split, Key), Doubt> {
    let builtins = parts.declared.builtins(&job.compiler)?;
    let split = match job.plan.sensitivity {
        Sensitivity::Meaning => Split::of(&text.bytes, &builtins)?,
        _ => Split::with_positions(&text.bytes, &builtins)?,
    };
    let mut digest = job.digest.clone();
    digest.bytes("tier", b"declaration 2");
    digest.bytes("used", &split.used.0);
    if let Some(positions) = &split.positions {
        let files = text.files(parts, job).ok_or(Doubt::Files)?;
        places::add(positions, files, job, &mut digest)?;
    }
    add_lost(parts, job, text, &mut digest, Lost::Comments).ok_or(Doubt::Files)?;
    Ok((split, digest.key()))
}
