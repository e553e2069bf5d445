//! What the declaration tier knows and whom it trusts: which declarations are known, which compilers have passed its
//! check, and where it was wrong.

mod aside;
mod known;
mod layouts;
mod options;
mod probe;
mod report;
mod second_look;
mod syntax;
mod vouch;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use farmbuild_core::pipeline::Home;
use farmbuild_core::protocol::message::WhyChange;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use self::known::Known;
use self::layouts::Layouts;
pub use self::report::{TurnedOff, turned_off};
pub(crate) use self::second_look::SecondLook;
pub(crate) use self::syntax::Entered;
use self::syntax::SyntaxChecks;
use crate::answers::Answers;
use crate::compiler::Compiler;
use crate::declarations::{Builtins, Doubt, Part, Split};
use crate::digest::Digest;
use crate::job::Job;
use crate::manifest::StoredResult;
use crate::outputs::Taken;
use crate::plan::{Sensitivity, Work};
use crate::store::{Key, RecordKind, Store, StoreError};
use crate::tier::change;
use farmbuild_core::analysis::{Family, Language};

/// How the declaration tier is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclarationTier {
    /// Of ten thousand hits, how many are compiled all the same and compared.
    pub verify: u32,
}

/// The tier's state.
pub(crate) struct Declared {
    tier: Option<DeclarationTier>,
    pub(crate) known: Known,
    pub(crate) syntax: SyntaxChecks,
    pub(crate) layouts: Layouts,
    builtins: Mutex<HashMap<Key, Option<Arc<Builtins>>>>,
    /// By flags.
    vouched: Answers<Key, ()>,
    hits: AtomicU64,
    /// For hits that wait for a second look.
    looks: Arc<Semaphore>,
    /// Texts that weren't understood since they were last asked for.
    doubts: Mutex<BTreeMap<Doubt, u64>>,
}

impl Declared {
    pub(crate) fn new(tier: Option<DeclarationTier>) -> Self {
        Self {
            tier,
            known: Known::default(),
            syntax: SyntaxChecks::default(),
            layouts: Layouts::default(),
            builtins: Mutex::default(),
            vouched: Answers::default(),
            hits: AtomicU64::new(0),
            looks: Arc::new(Semaphore::new(second_look::MOST)),
            doubts: Mutex::default(),
        }
    }

    /// Whether the tier is used at all.
    pub(crate) fn is_on(&self) -> bool {
        self.tier.is_some()
    }

    /// Whether the tier is for such a job.
    pub(crate) fn suits(&self, job: &Job) -> Result<(), Doubt> {
        let plan = &job.plan;
        if !self.is_on() {
            return Err(Doubt::TurnedOff);
        }
        if plan.work != Work::Compile || plan.language != Language::C {
            return Err(Doubt::Language);
        }
        let others = &job.question.analysis.arguments.others;
        let follows = match plan.sensitivity {
            Sensitivity::Meaning => true,
            // clang's debug info has checksums of whole files.
            Sensitivity::Positions => {
                plan.only_debug_info
                    && job.question.analysis.compiler.family == Family::Gcc
                    && options::plain_debug_info(others)
            }
            Sensitivity::Bytes => false,
        };
        if !follows || plan.only_prints() {
            return Err(Doubt::Positions);
        }
        if options::refused(others) {
            return Err(Doubt::Option);
        }
        Ok(())
    }

    /// Whether an object of such a job shows no more of a structure that is only looked into than the members that are named.
    pub(crate) fn sees_members_alone(&self, job: &Job) -> bool {
        let analysis = &job.question.analysis;
        job.plan.sensitivity == Sensitivity::Meaning
            && analysis.compiler.family == Family::Gcc
            && options::members_alone_show(&analysis.arguments.others)
    }

    /// Counts a text that isn't looked at, and why.
    pub(crate) fn count(&self, doubt: Doubt) {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        *doubts.entry(doubt).or_default() += 1;
    }

    /// What was counted since this was last asked.
    pub(crate) fn take_doubts(&self) -> BTreeMap<Doubt, u64> {
        std::mem::take(&mut self.doubts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The functions that a compiler knows by itself.
    pub(crate) fn builtins(&self, compiler: &Compiler) -> Result<Arc<Builtins>, Doubt> {
        let mut known = self.builtins.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.entry(compiler.id).or_insert_with(|| {
            let mut builtins = Builtins::default();
            for file in compiler.files() {
                builtins.add_from(&std::fs::read(file).ok()?);
            }
            // Every compiler knows this one.
            builtins.has(b"memcpy").then(|| Arc::new(builtins))
        });
        found.clone().ok_or(Doubt::Builtins)
    }

    /// Whether the compiler has shown, with these flags, that unused declarations don't show.
    pub(crate) async fn vouch(
        &self,
        store: &Store,
        home: &dyn Home,
        job: &Job,
    ) -> Result<(), Doubt> {
        if report::is_off(store, job.flags()) {
            return Err(Doubt::TurnedOff);
        }
        let asking = async {
            vouch::check(home, job).await.map_err(|why| {
                report::turn_off(store, job, &why);
                Doubt::TurnedOff
            })
        };
        self.vouched.get(*job.flags(), |()| true, asking).await.map(|_| ())
    }

    /// Whether this hit is one to be compiled all the same.
    pub(crate) fn is_due(&self) -> bool {
        let share = u64::from(self.tier.map_or(0, |tier| tier.verify));
        let before = self.hits.fetch_add(1, Ordering::Relaxed) * share;
        before / 10_000 != (before + share) / 10_000
    }

    /// A second look at a hit, if its compile can be made to write elsewhere.
    pub(crate) fn second_look(&self, job: &Job, expected: &StoredResult) -> Option<SecondLook> {
        SecondLook::at(job, expected, &self.looks)
    }

    /// Compares a hit with what was compiled; a difference turns the tier off for the compiler and its flags.
    pub(crate) fn verify(
        &self,
        store: &Store,
        job: &Job,
        expected: &StoredResult,
        compiled: &Taken,
    ) {
        if !compiled.is(expected) {
            report::wrong(store, job, expected, compiled);
        }
    }

    /// Remembers what a job's object is made of, to tell later what changed.
    pub(crate) fn keep_parts(
        &self,
        store: &Store,
        job: &Job,
        split: &Split,
    ) -> Result<(), StoreError> {
        let parts: Vec<Signature> = split.parts.iter().map(Signature::of).collect();
        let bytes = postcard::to_allocvec(&parts).unwrap_or_default();
        store.update_record(RecordKind::Declarations, &parts_key(job), |_| Some(bytes.clone()))
    }

    /// How the declarations that it uses differ from those of the last compile: the first few.
    pub(crate) fn changes(&self, store: &Store, job: &Job, split: &Split) -> Vec<WhyChange> {
        let bytes = store.get_record(RecordKind::Declarations, &parts_key(job));
        let then: Option<Vec<Signature>> = bytes.and_then(|it| postcard::from_bytes(&it).ok());
        let Some(then) = then else { return Vec::new() };
        let same: HashSet<&Signature> = then.iter().collect();
        let by_name: HashMap<u32, &Signature> = then.iter().map(|it| (it.name, it)).collect();
        let now: Vec<Signature> = split.parts.iter().map(Signature::of).collect();
        let news = split.parts.iter().zip(&now);
        let news = news.filter(|(part, now)| !part.name.is_empty() && !same.contains(now));
        let mut changes: Vec<WhyChange> = news
            .take(MOST_TOLD)
            .map(|(part, now)| {
                let verb = now.since(by_name.get(&now.name).copied());
                let by = match split.parts.get(part.user) {
                    Some(user) if user.name != part.name => format!(", used by `{}`", user.name),
                    _ => String::new(),
                };
                change("declaration", format!("`{}` {verb}{by}", part.name))
            })
            .collect();
        if changes.is_empty() {
            let what = match (now.len().cmp(&then.len()), &split.positions) {
                (std::cmp::Ordering::Less, _) => "one that it used is gone",
                _ if now != then => "what it uses stands in another order",
                (_, Some(_)) => {
                    "what it uses is the same, but not where it stands or what stands beside it, which debug info shows"
                }
                // Which of them that is isn't remembered.
                (_, None) => {
                    "what it uses is the same, but not all that counts beside it: comments that compilers read, sections, \
                     what is only pointed to"
                }
            };
            changes.push(change("declaration", what.to_owned()));
        }
        changes
    }
}

/// Changes that are told.
const MOST_TOLD: usize = 5;

fn parts_key(job: &Job) -> Key {
    let mut digest = Digest::new("farmbuild parts 2");
    digest.bytes("job", job.manifest.as_bytes());
    digest.key()
}

/// A part in short.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Signature {
    name: u32,
    content: u64,
    members: u32,
}

impl Signature {
    fn of(part: &Part) -> Self {
        let name = blake3::hash(part.name.as_bytes());
        let first = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        Self {
            // It fits: four bytes.
            name: first(&name.as_bytes()[..4]) as u32,
            content: first(&part.id.0[..8]),
            members: u32::try_from(part.members).unwrap_or(u32::MAX),
        }
    }

    /// What happened to it.
    fn since(&self, then: Option<&Self>) -> String {
        let Some(then) = then else { return "is new".to_owned() };
        let some = |number| match number {
            1 => "a field".to_owned(),
            number => format!("{number} fields"),
        };
        match (then.members, self.members) {
            (0, _) | (_, 0) => "changed".to_owned(),
            (then, now) if then < now => format!("gained {}", some(now - then)),
            (then, now) if then > now => format!("lost {}", some(then - now)),
            _ => "changed".to_owned(),
        }
    }
}
