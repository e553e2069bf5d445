//! Compiles what a hit stood for, when nothing else wants the CPU, and compares. Whoever built has its result by then.

use std::sync::Arc;

use farmbuild_core::pipeline::Home;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{aside, report};
use crate::cache::Inner;
use crate::job::Job;
use crate::manifest::StoredResult;
use crate::outputs::Taken;
use crate::plan::{Output, Plan};
use crate::tier::SeenText;

/// Hits that wait for a second look; more aren't used, but compiled at once.
pub(super) const MOST: usize = 8;

/// A hit that is to be looked at again.
pub(crate) struct SecondLook {
    expected: StoredResult,
    _place: OwnedSemaphorePermit,
}

impl SecondLook {
    /// For a hit whose compile can be made to write elsewhere, if there aren't too many already.
    pub(super) fn at(job: &Job, expected: &StoredResult, places: &Arc<Semaphore>) -> Option<Self> {
        if !aside::is_possible(job) {
            return None;
        }
        let place = Arc::clone(places).try_acquire_owned().ok()?;
        Some(Self { expected: expected.clone(), _place: place })
    }

    /// Waits for idle CPU, compiles and compares.
    pub(crate) async fn look(
        self,
        inner: Arc<Inner>,
        home: Arc<dyn Home>,
        job: Arc<Job>,
        text: SeenText,
    ) {
        let _idle = home.idle().await;
        let Ok(space) = tempfile::tempdir() else { return };
        let object = space.path().join("object.o");
        let output = Output { label: "object", path: object.clone(), optional: false };
        let plan = Plan { outputs: vec![output], ..job.plan.clone() };
        let invocation = &job.question.invocation;
        let args = aside::args(&job, &object);
        let Ok(ran) = home.run(invocation, &args).await else { return };
        // What was changed meanwhile makes another object, rightly.
        if !text.is_unchanged(&inner.parts, &job) {
            return;
        }
        let store = &inner.parts.store;
        match Taken::read(&plan, invocation, None) {
            Ok(mut taken) if ran.status.success() => {
                (taken.stdout, taken.stderr) = (ran.stdout, ran.stderr);
                inner.parts.declared.verify(store, &job, &self.expected, &taken);
            }
            _ => {
                let said = String::from_utf8_lossy(&ran.stderr).into_owned();
                let why = format!(
                    "what was found by its declarations doesn't compile; please report it: {said}"
                );
                report::turn_off(store, &job, &why);
            }
        }
    }
}
