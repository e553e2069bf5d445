//! What a compile that ended was made of: every file that it read, and what it looked for in vain. Or why that can't be
//! said for sure.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farmbuild_core::analysis::DependencyFile;
use farmbuild_core::pipeline::{Home, Uncached};

use crate::absent::{Absent, Read};
use crate::job::Job;
use crate::marked;
use crate::plan::variable;
use crate::reason::Reason;
use crate::rule;
use crate::search::{Chain, Chains};
use crate::source::{ContentHash, Facts, Sign};
use crate::tier::{Parts, SeenText};

/// Who told what was read.
pub(crate) enum Told {
    /// A list that is complete.
    All(Vec<PathBuf>),
    /// A list without system headers.
    UsersOnly(Vec<PathBuf>),
}

/// What a compile was made of.
pub(crate) struct Account {
    /// As the compiler spells them. Those that it only asked about (`__has_include`) and that are there are among them.
    pub(crate) files: Vec<(PathBuf, ContentHash)>,
    pub(crate) absent: Absent,
}

/// Draws up the account of a job whose compile has ended.
pub(crate) async fn of(
    parts: &Parts,
    chains: &Chains,
    home: &dyn Home,
    job: &Job,
    told: Told,
) -> Result<Account, Uncached> {
    let invocation = &job.question.invocation;
    let (mut paths, users_only) = match told {
        Told::All(paths) => (paths, false),
        Told::UsersOnly(paths) => (paths, true),
    };
    if !paths.contains(&job.plan.source) {
        paths.insert(0, job.plan.source.clone());
    }
    let mut seen = BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    let preprocessed = job.plan.is_preprocessed();
    let chain = if preprocessed {
        Arc::new(Chain::default())
    } else {
        let found =
            chains.find(home, invocation, &job.question.analysis, &job.plan, job.compiler.id);
        found.await.ok_or(Reason::SearchPath)?
    };
    if users_only {
        add_system_headers(parts, &chain, &invocation.cwd, &mut paths)?;
    }
    let mut files = Vec::with_capacity(paths.len());
    let mut facts: Vec<Arc<Facts>> = Vec::with_capacity(paths.len());
    for path in paths {
        let place = invocation.cwd.join(&path);
        let hash = parts.files.unchanged_since(job.began, &place)?;
        let known = parts.files.facts(&place, hash).ok_or(Reason::ChangedMeanwhile)?;
        if let Some(reason) = objection(job, &known) {
            return Err(reason.about(path.display()));
        }
        files.push((path, hash));
        facts.push(known);
    }
    let mut probed = Vec::new();
    let absent = if preprocessed {
        Absent::default()
    } else {
        let reads: Vec<_> =
            files.iter().zip(&facts).map(|((path, _), facts)| Read { path, facts }).collect();
        if Absent::has_precompiled(&invocation.cwd, &reads) {
            return Err(Reason::Precompiled.into());
        }
        let absent = Absent::of(&invocation.cwd, &chain, &reads).ok_or(Reason::OddInput)?;
        let known: BTreeSet<&Path> = reads.iter().map(|read| read.path).collect();
        let present = Absent::present(&invocation.cwd, &chain, &reads);
        for path in present.into_iter().filter(|path| !known.contains(path.as_path())) {
            let hash = parts.files.unchanged_since(job.began, &invocation.cwd.join(&path))?;
            probed.push((path, hash));
        }
        absent
    };
    files.extend(probed);
    if job.began.clock_was_set_since() {
        return Err(Reason::ClockMoved.into());
    }
    let files = files.into_iter().map(|(path, hash)| (job.base.spelled(&path), hash)).collect();
    Ok(Account { files, absent: absent.marked(&job.base) })
}

/// What in a file makes the result depend on more than files.
fn objection(job: &Job, facts: &Facts) -> Option<Reason> {
    let has = |sign| facts.signs.has(sign);
    let dated = variable(&job.question.invocation, "SOURCE_DATE_EPOCH").is_some();
    if has(Sign::Timestamp) || !dated && (has(Sign::Date) || has(Sign::Time)) {
        return Some(Reason::TimeMacro);
    }
    if has(Sign::AssemblerFile) {
        return Some(Reason::IncludedByAssembler);
    }
    if has(Sign::Embed) {
        return Some(Reason::Embed);
    }
    if has(Sign::ComputedProbe) {
        return Some(Reason::ComputedProbe);
    }
    if job.plan.is_cxx() && has(Sign::Module) {
        return Some(Reason::Modules);
    }
    let odd = [Sign::OddPragma, Sign::PchPreprocess, Sign::HeaderStop];
    odd.into_iter().any(has).then_some(Reason::OddPragma)
}

/// Adds to the files of a user's own those of the system that they may have read: all that they name, and so on. Some
/// of them may have been behind an `#if`: a change of one of those is a needless miss.
fn add_system_headers(
    parts: &Parts,
    chain: &Chain,
    cwd: &Path,
    paths: &mut Vec<PathBuf>,
) -> Result<(), Uncached> {
    let users: BTreeSet<PathBuf> = paths.iter().cloned().collect();
    let mut known = users.clone();
    // gcc reads it before everything else, where it is there.
    let predefined = Path::new("stdc-predef.h");
    let mut rest = paths.clone();
    let order = || chain.quote.iter().chain(&chain.bracket);
    for directory in order() {
        let path = directory.join(predefined);
        if cwd.join(&path).is_file() && known.insert(path.clone()) {
            paths.push(path.clone());
            rest.push(path);
        }
    }
    while let Some(path) = rest.pop() {
        let place = cwd.join(&path);
        let hash = parts.files.hash(&place).ok_or(Reason::OddInput)?;
        let facts = parts.files.facts(&place, hash).ok_or(Reason::ChangedMeanwhile)?;
        let is_users = users.contains(&path) && !facts.signs.has(Sign::SystemHeader);
        if facts.signs.has(Sign::ComputedInclude) && !is_users {
            return Err(Reason::Dependencies.into());
        }
        for include in &facts.includes {
            let name = Path::new(OsStr::from_bytes(&include.name));
            let beside = path.parent().unwrap_or(Path::new("")).join(name);
            let places = order().map(|directory| directory.join(name));
            for candidate in std::iter::once(beside).chain(places) {
                if known.contains(&candidate) || !cwd.join(&candidate).is_file() {
                    continue;
                }
                // Of a user's file, a user's header that was read is in the list.
                if is_users && !is_of_the_system(chain, &candidate) {
                    continue;
                }
                known.insert(candidate.clone());
                paths.push(candidate.clone());
                rest.push(candidate);
            }
        }
    }
    Ok(())
}

/// Whether a header is found in a directory of the system's.
fn is_of_the_system(chain: &Chain, path: &Path) -> bool {
    chain.system.iter().any(|directory| path.starts_with(directory))
}

/// A dependency file and its form.
pub(crate) type Rule = (Vec<u8>, DependencyFile);

/// What a job has read, and its dependency file with the form of it. `rule` is what the compiler wrote on the side.
pub(crate) fn told(
    job: &Job,
    text: Option<&SeenText>,
    rule: Option<&[u8]>,
) -> Option<(Told, Option<Rule>)> {
    let Job { plan, question, .. } = job;
    if plan.is_preprocessed() {
        return Some((Told::All(vec![plan.source.clone()]), None));
    }
    let own = plan.dependencies.as_ref();
    let bytes: Option<Vec<u8>> = match (own, rule) {
        (_, Some(rule)) => Some(rule.to_vec()),
        (Some(file), None) => std::fs::read(question.invocation.cwd.join(&file.path)).ok(),
        (None, None) => None,
    };
    let form = match own {
        Some(file) => file.clone(),
        // As `telling_args` asked for it.
        None => DependencyFile {
            path: PathBuf::new(),
            users_only: false,
            form: Vec::new(),
            names_object: true,
        },
    };
    let marked = || text.map(|text| marked::files(&text.bytes)).filter(|files| !files.is_empty());
    match bytes {
        Some(bytes) => {
            let files = rule::Rule::parse(&bytes)?.files();
            let told = match (form.users_only, marked()) {
                (false, _) => Told::All(files),
                (true, Some(marked)) => Told::All(
                    files.into_iter().chain(marked.into_iter().map(PathBuf::from)).collect(),
                ),
                (true, None) => Told::UsersOnly(files),
            };
            Some((told, Some((bytes, form))))
        }
        None if own.is_some() => None,
        None => {
            let files = marked()?.into_iter().map(PathBuf::from).collect();
            Some((Told::All(files), None))
        }
    }
}
