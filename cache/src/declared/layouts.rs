//! Where the members of structures lie, by what the structures are up to: asked of a compiler once for its flags.
//!
//! In memory, with the store behind.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use farmbuild_core::pipeline::Home;
use tokio::sync::Semaphore;

use super::probe::Probe;
use crate::declarations::{Builtins, Id, Layout, Question};
use crate::digest::Digest;
use crate::job::Job;
use crate::store::{Key, RecordKind, Store};

/// Compilers that are asked at a time; who comes later may find his answer.
const ASKING: usize = 4;
/// More for one set of flags are forgotten.
const MOST: usize = 1 << 15;

/// What is known. `None` is an answer: it can't be told.
type Answers = HashMap<Id, Option<Layout>>;

/// Known layouts by flags.
pub(crate) struct Layouts {
    all: Mutex<HashMap<Key, Answers>>,
    asking: Semaphore,
}

impl Default for Layouts {
    fn default() -> Self {
        Self { all: Mutex::default(), asking: Semaphore::new(ASKING) }
    }
}

impl Layouts {
    /// Those of some structures of a job's text, as far as they can be told.
    pub(crate) async fn of(
        &self,
        store: &Store,
        home: &dyn Home,
        job: &Job,
        (text, builtins): (&[u8], &Builtins),
        wanted: &[Id],
    ) -> Vec<Option<Layout>> {
        if !self.unknown(store, job.flags(), wanted).is_empty() {
            // Closed never.
            let _asking = self.asking.acquire().await;
            let unknown = self.unknown(store, job.flags(), wanted);
            let mut answers = ask(home, job, (text, builtins), &unknown).await;
            if answers.is_none() && unknown.len() > 1 {
                // One of them is to blame.
                let mut all = Answers::new();
                for one in &unknown {
                    let answer = ask(home, job, (text, builtins), &[*one]).await;
                    all.extend(answer.unwrap_or_default());
                }
                answers = Some(all);
            }
            let mut answers = answers.unwrap_or_default();
            for id in unknown {
                answers.entry(id).or_insert(None);
            }
            self.add(store, job.flags(), answers);
        }
        let all = self.all();
        let known = all.get(job.flags());
        wanted.iter().map(|id| known.and_then(|known| known.get(id)).cloned().flatten()).collect()
    }

    fn unknown(&self, store: &Store, flags: &Key, wanted: &[Id]) -> Vec<Id> {
        let mut all = self.all();
        let known = all.entry(*flags).or_insert_with(|| read(store, flags));
        wanted.iter().filter(|id| !known.contains_key(id)).copied().collect()
    }

    fn add(&self, store: &Store, flags: &Key, answers: Answers) {
        let written = store.update_record(RecordKind::Declarations, &key(flags), |old| {
            let mut all: Vec<(Id, Option<Layout>)> =
                old.and_then(|old| postcard::from_bytes(old).ok()).unwrap_or_default();
            if all.len() > MOST {
                all.clear();
            }
            all.extend(answers.clone());
            postcard::to_allocvec(&all).ok()
        });
        if let Err(error) = written {
            tracing::debug!(%error, "layouts couldn't be kept in the cache");
        }
        let mut all = self.all();
        let known = all.entry(*flags).or_default();
        if known.len() > MOST {
            known.clear();
        }
        known.extend(answers);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Answers>> {
        // Whole at any time.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a job's compiler; `None` if it doesn't answer.
async fn ask(
    home: &dyn Home,
    job: &Job,
    (text, builtins): (&[u8], &Builtins),
    wanted: &[Id],
) -> Option<Answers> {
    let plan = job.question.analysis.remote.as_ref().ok()?;
    let question = Question::of(text, builtins, wanted).ok()?;
    let probe = Probe::new(plan).ok()?;
    let object = probe.object_of(home, &job.question.invocation, &question.text).await.ok()?;
    let answer = question.answer(&object)?;
    Some(answer.into_iter().map(|(id, layout)| (id, Some(layout))).collect())
}

fn key(flags: &Key) -> Key {
    let mut digest = Digest::new("farmbuild layouts 1");
    digest.bytes("flags", flags.as_bytes());
    digest.key()
}

fn read(store: &Store, flags: &Key) -> Answers {
    let bytes = store.get_record(RecordKind::Declarations, &key(flags));
    let all: Option<Vec<(Id, Option<Layout>)>> =
        bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok());
    all.unwrap_or_default().into_iter().collect()
}
