//! The direct tier: a result is recalled when every file that was read holds what it held, nothing has appeared that
//! would be read instead, and the macros of the command line are the same.
//!
//! Where positions or bytes can't show in the output, changes of comments are overlooked, and definitions of macros that
//! nobody mentions, in files and on the command line.

use std::path::PathBuf;
use std::sync::Arc;

use farmbuild_core::protocol::message::WhyChange;

use super::{Found, Kept, Parts, SeenText, Tier, change};
use crate::file_set::FileSetView;
use crate::job::Job;
use crate::manifest::{Entry, Macro, Manifest};
use crate::manifests::HotManifest;
use crate::plan::Sensitivity;
use crate::source::{self, Difference, Facts, IdHash, Mentions, Positions, Sign};
use crate::store::StoreError;

/// Entries that are looked at more closely when none fits exactly; the newest ones.
const MOST_CLOSE_LOOKS: usize = 8;
/// Changes that are told.
const MOST_TOLD: usize = 20;

/// The tier.
pub(crate) struct Direct;

impl Tier for Direct {
    fn name(&self) -> &'static str {
        "direct"
    }

    fn needs_text(&self) -> bool {
        false
    }

    fn look_up(&self, parts: &Parts, job: &Job, _: Option<&SeenText>) -> Found {
        let Some(known) = parts.manifests.get(&parts.store, &job.manifest) else {
            return Found::default();
        };
        let manifest = &known.manifest;
        let mut look = Look::new(parts, job, &known);
        let mut nearest: Option<Vec<WhyChange>> = None;
        let newest_first = || manifest.entries.iter().rev();
        for entry in newest_first() {
            if look.is_exact(entry) && look.appeared(entry).is_none() {
                return Found {
                    result: Some(entry.result.clone()),
                    seen_before: true,
                    ..Found::default()
                };
            }
        }
        for entry in newest_first().take(MOST_CLOSE_LOOKS) {
            match look.closely(entry) {
                Ok(overlooked) => {
                    let result = Some(entry.result.clone());
                    let changes = overlooked;
                    return Found { result, seen_before: true, changes, ..Found::default() };
                }
                Err(changes) if nearest.as_ref().is_none_or(|it| changes.len() < it.len()) => {
                    nearest = Some(changes);
                }
                Err(_) => {}
            }
        }
        let mut changes = nearest.unwrap_or_default();
        if changes.len() > MOST_TOLD {
            let rest = changes.len() - MOST_TOLD;
            changes.truncate(MOST_TOLD);
            changes.push(change("more", format!("and {rest} more")));
        }
        Found { seen_before: !manifest.entries.is_empty(), changes, ..Found::default() }
    }

    fn keep(&self, parts: &Parts, job: &Job, kept: &Kept<'_>) -> Result<(), StoreError> {
        for (path, hash) in kept.files {
            // The source itself is judged while it is known only: there are many, and each changes for itself.
            if *path == job.base.spelled(&job.plan.source) {
                continue;
            }
            let path = job.place(path);
            if parts.manifests.facts_are_kept(*hash) {
                continue;
            }
            if let Some(facts) = parts.files.facts(&path, *hash) {
                parts.manifests.keep_facts(&parts.store, &facts)?;
            }
        }
        parts.manifests.update(&parts.store, &job.manifest, |manifest| {
            manifest.add(kept.files, kept.absent.clone(), job.macros(), kept.result.clone());
        })
    }
}

/// So many macros of the command line may be defined otherwise for a comparison with what the files mention to be worth its
/// time.
const MOST_DIFFERING: usize = 200;

/// One lookup: every file is looked at once at most.
struct Look<'a> {
    parts: &'a Parts,
    job: &'a Job,
    manifest: &'a Manifest,
    macros: Vec<Macro>,
    /// For each state of the manifest, its file, and whether that is in it.
    files: FileSetView,
    holds: Vec<Option<bool>>,
}

impl<'a> Look<'a> {
    fn new(parts: &'a Parts, job: &'a Job, known: &'a HotManifest) -> Self {
        let files = known.files(&parts.files, job);
        let holds = vec![None; files.len()];
        let files = FileSetView::new(files);
        Self { parts, job, manifest: &known.manifest, macros: job.macros(), files, holds }
    }

    /// Whether a file is in the state that it was in.
    fn holds(&mut self, state: u32) -> bool {
        let Some((_, hash)) = self.manifest.state(state) else { return false };
        let index = state as usize;
        let files = &mut self.files;
        // In bounds: there is a state with this number.
        *self.holds[index].get_or_insert_with(|| files.hash(index) == Some(hash))
    }

    fn is_exact(&mut self, entry: &Entry) -> bool {
        self.job.suits(&entry.result)
            && entry.macros == self.macros
            && entry.files.iter().all(|state| self.holds(*state))
    }

    /// A file that would be read now and wasn't there then.
    fn appeared(&self, entry: &Entry) -> Option<PathBuf> {
        let Some((id, absent)) = self.manifest.absent(entry) else {
            return Some(PathBuf::from("?"));
        };
        let cwd = &self.job.question.invocation.cwd;
        self.parts.absences.appeared(absent, *id, cwd, &self.job.base)
    }

    /// Whether all that changed since an entry can be overlooked; what changed, either way.
    fn closely(&mut self, entry: &Entry) -> Result<Vec<WhyChange>, Vec<WhyChange>> {
        let changed: Vec<_> =
            entry.files.iter().copied().filter(|state| !self.holds(*state)).collect();
        let definitions = differing(&entry.macros, &self.macros);
        let mut told: Vec<_> = changed
            .iter()
            .filter_map(|state| self.manifest.state(*state))
            .map(|(path, _)| change("file", path.display().to_string()))
            .collect();
        for name in definitions.iter().flatten() {
            told.push(change("macro", format!("-D{}", String::from_utf8_lossy(name))));
        }
        if definitions.is_none() {
            told.push(change("macro", "the order of -D and -U"));
        }
        let suits = self.job.suits(&entry.result);
        if !suits {
            let what = "messages or names were kept for another terminal or directory";
            told.push(change("terminal", what));
        }
        let appeared = self.appeared(entry);
        told.extend(appeared.iter().map(|path| change("appeared", path.display().to_string())));
        let overlooked = suits
            && appeared.is_none()
            && entry.result.is_silent()
            && self.job.plan.sensitivity != Sensitivity::Bytes
            && definitions
                .filter(|names| names.len() <= MOST_DIFFERING)
                .is_some_and(|names| self.can_overlook(entry, &changed, &names).is_some());
        if overlooked { Ok(told) } else { Err(told) }
    }

    /// Whether the files in `changed`, and the macros `names` of the command line, differ in nothing that can show: the
    /// terms are those of [`source::same_for`].
    fn can_overlook(&mut self, entry: &Entry, changed: &[u32], names: &[Vec<u8>]) -> Option<()> {
        let (mut before, mut now) = (Vec::new(), Vec::new());
        let mut pairs = Vec::with_capacity(changed.len());
        for state in &entry.files {
            let (path, then) = self.manifest.state(*state)?;
            let path = self.job.place(path);
            let hash = if changed.contains(state) { self.parts.files.hash(&path)? } else { then };
            let facts = self.parts.facts(&path, hash)?;
            if hash != then {
                let Parts { store, files, manifests, .. } = self.parts;
                let old = manifests.stored_facts(store, files, then)?;
                pairs.push((Arc::clone(&old), Arc::clone(&facts)));
                before.push(old);
            } else {
                before.push(Arc::clone(&facts));
            }
            now.push(facts);
        }
        let any = |sign| before.iter().chain(&now).any(|facts| facts.has(sign));
        if any(Sign::LineDirective) && !pairs.is_empty() {
            return None;
        }
        let positions = match self.job.plan.sensitivity {
            Sensitivity::Meaning if !any(Sign::Line) => Positions::DontMatter,
            _ => Positions::Matter,
        };
        let mut macros: Vec<String> = Vec::new();
        for (then, facts) in &pairs {
            match source::same_for(then, facts, positions) {
                Difference::None | Difference::Comments => {}
                Difference::Macros(names) => macros.extend(names.iter().map(ToString::to_string)),
                Difference::Other => return None,
            }
        }
        for name in names {
            macros.push(String::from_utf8(name.clone()).ok()?);
        }
        if macros.is_empty() {
            return Some(());
        }
        if any(Sign::Poison) {
            return None;
        }
        let unseen = |files: &[Arc<Facts>], list: &[Macro]| {
            let line = self.command_line(list, names);
            let all: Vec<&Facts> =
                files.iter().map(AsRef::as_ref).chain(std::iter::once(&line)).collect();
            are_unseen(&macros, &all)
        };
        let same_files = pairs.is_empty();
        (unseen(&now, &self.macros)
            && unseen(if same_files { &now } else { &before }, &entry.macros))
        .then_some(())
    }

    /// The facts of a text that stands for the command line: definitions of `names`, and a mention of everything else.
    fn command_line(&self, macros: &[Macro], names: &[Vec<u8>]) -> Facts {
        // Definitions may only be dropped behind the end of something: all else on the line ends so.
        let mut text = b";\n".to_vec();
        for (defines, it) in macros {
            let name = macro_name(it);
            let changed = *defines && names.iter().any(|changed| changed == name);
            if changed {
                text.extend(b"#define ");
            }
            text.extend_from_slice(name);
            match it.get(name.len()) {
                None => text.extend(b" 1"),
                Some(b'=') => {
                    text.push(b' ');
                    text.extend_from_slice(&it[name.len() + 1..]);
                }
                // `NAME(PARAMETERS)=VALUE`, as it stands: no definition that may be dropped.
                Some(_) => text.extend_from_slice(&it[name.len()..]),
            }
            text.extend(if changed { &b"\n"[..] } else { b" ;\n" });
        }
        for arg in &self.job.question.analysis.arguments.others {
            text.extend_from_slice(arg.as_encoded_bytes());
            text.push(b'\n');
        }
        Facts::of(&text)
    }
}

/// Whether none of these macros takes part in a compile of `files`, and none is defined twice.
fn are_unseen(names: &[String], files: &[&Facts]) -> bool {
    let quick = names.iter().all(|name| {
        let id = IdHash::of(name.as_bytes());
        let in_a_body = files
            .iter()
            .flat_map(|facts| &facts.macros)
            .any(|it| it.body.binary_search(&id).is_ok());
        !in_a_body && !files.iter().any(|facts| facts.mentions(name.as_bytes()))
    });
    if !quick && names.iter().any(|name| files.iter().any(|it| it.mentions(name.as_bytes()))) {
        return false;
    }
    let mentions = Mentions::of(files);
    names.iter().all(|name| {
        let reached =
            if quick { source::could_paste(name.as_bytes(), files) } else { mentions.reach(name) };
        !reached && mentions.definitions(name) <= 1
    })
}

fn macro_name(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| b"=( ".contains(byte)).unwrap_or(text.len());
    &text[..end]
}

/// The names whose definitions on the command line differ; `None` if the others stand in another order.
fn differing(then: &[Macro], now: &[Macro]) -> Option<Vec<Vec<u8>>> {
    if then == now {
        return Some(Vec::new());
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    for (list, other) in [(then, now), (now, then)] {
        for it in list.iter().filter(|it| !other.contains(it)) {
            let name = macro_name(&it.1).to_vec();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let rest = |list: &[Macro]| -> Vec<Macro> {
        let kept = list.iter().filter(|it| !names.iter().any(|name| macro_name(&it.1) == *name));
        kept.cloned().collect()
    };
    (rest(then) == rest(now)).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn macros(list: &[&str]) -> Vec<Macro> {
        list.iter().map(|text| (true, text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn macros_that_differ_are_found_by_name() {
        type Names<'a> = &'a [&'a str];
        let rows: [(Names<'_>, Names<'_>, Option<Names<'_>>); 5] = [
            (&["A=1", "B"], &["A=1", "B"], Some(&[])),
            (&["A=1", "B"], &["A=2", "B"], Some(&["A"])),
            (&["A=1", "B"], &["B"], Some(&["A"])),
            (&["A=1", "B"], &["B", "A=1"], None),
            (&["A=1", "A=2"], &["A=1"], Some(&["A"])),
        ];
        for (then, now, expected) in rows {
            let expected =
                expected.map(|it| it.iter().map(|name| name.as_bytes().to_vec()).collect());
            assert_eq!(differing(&macros(then), &macros(now)), expected, "{then:?} {now:?}");
        }
    }
}
