//! Makes again what a host made that is in doubt: first no cache has it any more, then the objects of builds that go on are
//! compared with what this machine makes, and put right.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::MOST_PATHS;
use super::content::{self, Content, of_bytes};
use super::ledger::Delivery;
use super::overseer::{Count, Finding, Found, Overseer};
use crate::budget::Use;
use crate::executor::Executor;
use crate::pipeline::Pipeline;
use crate::pipeline::placing::{Finished, finish_outcome};
use crate::protocol::message::BuildId;

impl Pipeline {
    /// Makes again what `host` made since it was last found right.
    pub(super) async fn redo(self: &Arc<Self>, host: &str, overseer: &Arc<dyn Overseer>) {
        let suspects = {
            let mut state = self.sampling.state();
            state.ledgers.get_mut(host).map(super::Ledger::take).unwrap_or_default()
        };
        let contents: Vec<_> =
            suspects.iter().flat_map(|it| it.contents.iter().map(|it| it.hash)).collect();
        overseer.forget(&contents).await;
        tracing::info!(host, objects = suspects.len(), "what a host made is looked at");
        let mut looked_at = JoinSet::new();
        let mut unchecked = Vec::new();
        let mut seen = HashSet::new();
        // Each holds a text: no more than keep this machine busy.
        let room = Arc::new(Semaphore::new(2 * self.budget.slots().max(1)));
        // The newest first: an older one at the same place isn't there any more.
        for suspect in suspects.into_iter().rev() {
            let Some(object) = suspect.contents.last().map(|it| it.path.clone()) else { continue };
            match suspect.build.filter(|build| overseer.is_open(*build)) {
                Some(build) => {
                    let newest = seen.insert(object.clone());
                    let pipeline = Arc::clone(self);
                    let room = Arc::clone(&room);
                    looked_at.spawn(async move {
                        // Never closed.
                        let _room = room.acquire_owned().await;
                        let found = pipeline.look_at(suspect, newest).await;
                        (build, object, found)
                    });
                }
                None => {
                    if !unchecked.contains(&object) && unchecked.len() < MOST_PATHS {
                        unchecked.push(object);
                    }
                }
            }
        }
        while let Some(joined) = looked_at.join_next().await {
            // One that panicked is reported by the runtime.
            let Ok((build, path, found)) = joined else { continue };
            let Some(found) = found else { continue };
            self.report(host, build, path, found, overseer);
        }
        let mut state = self.sampling.state();
        if let Some(doubt) = state.doubts.get_mut(host) {
            let room = MOST_PATHS.saturating_sub(doubt.unchecked.len());
            doubt.unchecked.extend(unchecked.into_iter().take(room));
        }
    }

    fn report(
        &self,
        host: &str,
        build: BuildId,
        path: PathBuf,
        found: Found,
        overseer: &Arc<dyn Overseer>,
    ) {
        tracing::warn!(host, path = %path.display(), ?found, "an object of a host in doubt");
        if let Some(doubt) = self.sampling.state().doubts.get_mut(host) {
            let list = match found {
                Found::Redone => &mut doubt.redone,
                Found::Wrong(_) | Found::Unknown(_) => &mut doubt.unchecked,
            };
            if list.len() < MOST_PATHS {
                list.push(path.clone());
            }
        }
        if found == Found::Redone {
            overseer.count(Some(build), Count::Redone);
        }
        overseer.tell(build, Finding { host: host.to_owned(), path, found });
    }

    /// Compares an object with what this machine makes, and puts that in its place if it differs. `None`: it was right.
    async fn look_at(&self, suspect: Delivery, newest: bool) -> Option<Found> {
        let again = match self.make_again(&suspect).await {
            Ok(again) => again,
            Err(why) => return Some(Found::Unknown(why)),
        };
        if again.contents == suspect.contents {
            return None;
        }
        if !newest {
            return Some(Found::Wrong(
                "it was made again meanwhile, and may have been used".into(),
            ));
        }
        let placed = tokio::task::spawn_blocking(move || put_right(again, &suspect.contents));
        Some(placed.await.unwrap_or_else(|error| Found::Wrong(error.to_string())))
    }

    /// Makes the outputs of a delivery here; they aren't in their places yet.
    async fn make_again(&self, suspect: &Delivery) -> Result<Finished, String> {
        let invocation = &suspect.invocation;
        let (analysis, toolchain) =
            self.analyse(invocation).await.map_err(|stay| stay.to_string())?;
        let prepared = self.prepare(invocation, &analysis, toolchain, None).await;
        let travelling = prepared.map_err(|stay| stay.to_string())?;
        if of_bytes(&travelling.job.text.bytes) != suspect.text {
            return Err("its sources have changed since".to_owned());
        }
        let (job, finishing) = (Arc::new(travelling.job), Arc::new(travelling.finishing));
        let _permit = self.budget.acquire(Use::Compile).await;
        let reference = self.reference(invocation.as_ref().clone());
        let outcome = reference.execute(Arc::clone(&job)).await;
        let outcome = outcome.map_err(|error| error.to_string())?;
        let finished = finish_outcome(outcome, &finishing, &job.object, true).await;
        finished.map_err(|stay| stay.to_string())
    }
}

/// Puts files in the places of those that a host made, where these are still there as it made them.
fn put_right(again: Finished, delivered: &[Content]) -> Found {
    let same = |it: &Content| content::of_file(&it.path).is_ok_and(|hash| hash == it.hash);
    if again.files.len() != delivered.len() || !delivered.iter().all(same) {
        return Found::Wrong("it has changed or gone since".to_owned());
    }
    for file in again.files {
        let path = file.path().to_owned();
        if let Err(error) = file.replace() {
            return Found::Wrong(format!("{} can't be replaced: {error}", path.display()));
        }
    }
    Found::Redone
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;

    use super::*;
    use crate::staging::StagedFile;

    fn again(path: &Path, bytes: &[u8]) -> Finished {
        let mut staged = StagedFile::create(path, 0o022).unwrap();
        staged.file().write_all(bytes).unwrap();
        let contents = vec![content::digest(&mut staged).unwrap()];
        Finished { files: vec![staged], contents }
    }

    fn delivered(path: &Path, bytes: &[u8]) -> Vec<Content> {
        vec![Content { path: path.to_owned(), hash: of_bytes(bytes) }]
    }

    #[test]
    fn what_is_still_as_the_host_made_it_is_put_right() {
        let space = tempfile::tempdir().unwrap();
        let path = space.path().join("a.o");
        fs::write(&path, "wrong").unwrap();
        assert_eq!(put_right(again(&path, b"right"), &delivered(&path, b"wrong")), Found::Redone);
        assert_eq!(fs::read(&path).unwrap(), b"right");
    }

    #[test]
    fn what_somebody_changed_since_is_left_alone() {
        let space = tempfile::tempdir().unwrap();
        let path = space.path().join("a.o");
        fs::write(&path, "stripped").unwrap();
        let found = put_right(again(&path, b"right"), &delivered(&path, b"wrong"));
        assert!(matches!(found, Found::Wrong(_)), "{found:?}");
        assert_eq!(fs::read(&path).unwrap(), b"stripped");
    }

    #[test]
    fn what_is_gone_does_not_come_back() {
        let space = tempfile::tempdir().unwrap();
        let path = space.path().join("conftest.o");
        let found = put_right(again(&path, b"right"), &delivered(&path, b"wrong"));
        assert!(matches!(found, Found::Wrong(_)), "{found:?}");
        assert!(!path.exists());
    }
}
