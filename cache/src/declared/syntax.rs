//! Has a compiler look at declarations that are new to it, without compiling anything: nobody uses them, so that all it has to say of
//! them it says when it reads them. A header's change costs one such look, and no compile.
//!
//! Jobs that lack the same wait for the one that looks.

use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farmbuild_core::pipeline::Home;
use tokio::sync::watch;

use super::aside;
use crate::declarations::Id;
use crate::job::Job;
use crate::store::Key;
use crate::tier::{Parts, SeenText};

/// More declarations that were looked at in vain are forgotten.
const MOST_IN_VAIN: usize = 1 << 16;

/// All looks.
#[derive(Clone, Default)]
pub(crate) struct SyntaxChecks {
    all: Arc<Mutex<All>>,
}

#[derive(Default)]
struct All {
    running: Vec<Entry>,
    /// Declarations that texts had, with which flags, of which a compiler had something to say.
    in_vain: HashSet<(Key, Id)>,
    count: u64,
}

struct Entry {
    flags: Key,
    ids: HashSet<Id>,
    over: watch::Receiver<()>,
}

/// What a job is to do about declarations that aren't known.
pub(crate) enum Entered {
    /// It has its compiler look at them.
    Look(SyntaxCheck),
    /// Another one's compiler is looking at them.
    Wait(watch::Receiver<()>),
    /// It is to be compiled: a look at some of them was in vain, or can't be had.
    Compile,
}

/// A look on its way, until dropped.
pub(crate) struct SyntaxCheck {
    checks: SyntaxChecks,
    flags: Key,
    lacks: Vec<Id>,
    sender: watch::Sender<()>,
}

impl SyntaxChecks {
    /// What a job with these flags is to do that `lacks` some declarations, and whose own look would tell of `ids`.
    pub(crate) fn enter(
        &self,
        flags: &Key,
        lacks: &[Id],
        ids: impl FnOnce() -> Vec<Id>,
    ) -> Entered {
        let mut all = self.all();
        if lacks.iter().any(|id| all.in_vain.contains(&(*flags, *id))) {
            return Entered::Compile;
        }
        let tells = |it: &&Entry| it.flags == *flags && lacks.iter().all(|id| it.ids.contains(id));
        if let Some(entry) = all.running.iter().find(tells) {
            return Entered::Wait(entry.over.clone());
        }
        let (sender, over) = watch::channel(());
        all.running.push(Entry { flags: *flags, ids: ids().into_iter().collect(), over });
        let (checks, lacks) = (self.clone(), lacks.to_vec());
        Entered::Look(SyntaxCheck { checks, flags: *flags, lacks, sender })
    }

    /// How often compilers looked since this was last asked.
    pub(crate) fn take_count(&self) -> u64 {
        std::mem::take(&mut self.all().count)
    }

    fn all(&self) -> MutexGuard<'_, All> {
        // Whole at any time.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SyntaxCheck {
    /// Whether the job's compiler takes its source, which is still what the text was made of, without a word.
    pub(crate) async fn passes(
        &self,
        home: &dyn Home,
        parts: &Parts,
        job: &Job,
        text: &SeenText,
    ) -> bool {
        let passes = self.is_silent(home, job).await && text.is_unchanged(parts, job);
        let mut all = self.checks.all();
        all.count += 1;
        if !passes {
            if all.in_vain.len() > MOST_IN_VAIN {
                all.in_vain.clear();
            }
            all.in_vain.extend(self.lacks.iter().map(|id| (self.flags, *id)));
        }
        passes
    }

    async fn is_silent(&self, home: &dyn Home, job: &Job) -> bool {
        if !aside::is_possible(job) {
            return false;
        }
        let Ok(space) = tempfile::tempdir() else { return false };
        let mut args = aside::args(job, &space.path().join("none.o"));
        args.push(OsString::from("-fsyntax-only"));
        let ran = home.run(&job.question.invocation, &args).await;
        ran.is_ok_and(|it| it.status.success() && it.stdout.is_empty() && it.stderr.is_empty())
    }
}

impl Drop for SyntaxCheck {
    fn drop(&mut self) {
        let own = self.sender.subscribe();
        self.checks.all().running.retain(|entry| !entry.over.same_channel(&own));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> Id {
        Id([number; 16])
    }

    #[tokio::test]
    async fn who_lacks_what_another_job_has_looked_at_waits_for_the_end_of_that() {
        let (checks, flags) = (SyntaxChecks::default(), Key::of(b"flags"));
        let enter = |lacks: &[Id], ids| checks.enter(&flags, lacks, || ids);
        let Entered::Look(first) = enter(&[id(1)], vec![id(1), id(2)]) else { panic!() };
        let Entered::Wait(mut over) = enter(&[id(1), id(2)], vec![]) else { panic!() };
        // What it won't tell, and what with other flags is something else, isn't waited for.
        let Entered::Look(_second) = enter(&[id(1), id(3)], vec![id(3)]) else { panic!() };
        let other = checks.enter(&Key::of(b"other"), &[id(1)], Vec::new);
        assert!(matches!(other, Entered::Look(_)));
        drop(first);
        assert!(over.changed().await.is_err());
        let Entered::Look(_) = enter(&[id(1)], vec![id(1)]) else { panic!() };
        drop(other);
        assert_eq!(checks.all().running.len(), 1);
    }

    #[test]
    fn what_was_looked_at_in_vain_is_compiled() {
        let (checks, flags) = (SyntaxChecks::default(), Key::of(b"flags"));
        checks.all().in_vain.insert((flags, id(2)));
        let enter = |flags: &Key, lacks: &[Id]| checks.enter(flags, lacks, Vec::new);
        assert!(matches!(enter(&flags, &[id(1), id(2)]), Entered::Compile));
        assert!(matches!(enter(&flags, &[id(1)]), Entered::Look(_)));
        assert!(matches!(enter(&Key::of(b"other"), &[id(2)]), Entered::Look(_)));
    }
}
