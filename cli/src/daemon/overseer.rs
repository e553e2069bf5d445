//! What becomes of samples: counted for builds, told to their owners, and wrong results taken out of the caches.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use farmbuild_core::pipeline::sampling::{ContentHash, Count, Finding, Found, Overseer};
use farmbuild_core::protocol::message::{BuildId, Untrusted};

use super::Daemon;

/// Tells a daemon of samples. It belongs to the daemon, so it doesn't keep it alive.
struct ForDaemon(Weak<Daemon>);

/// Who is told, for a daemon.
pub(super) fn of(daemon: &Arc<Daemon>) -> Arc<dyn Overseer> {
    Arc::new(ForDaemon(Arc::downgrade(daemon)))
}

#[async_trait]
impl Overseer for ForDaemon {
    fn count(&self, build: Option<BuildId>, count: Count) {
        let Some(daemon) = self.0.upgrade() else { return };
        daemon.count(build, |counters| {
            let samples = &mut counters.samples;
            *match count {
                Count::Agreed => &mut samples.agreed,
                Count::Differed => &mut samples.differed,
                Count::Undecided => &mut samples.undecided,
                Count::Dropped => &mut samples.dropped,
                Count::Redone => &mut samples.redone,
            } += 1;
        });
    }

    fn is_open(&self, build: BuildId) -> bool {
        self.0.upgrade().is_some_and(|daemon| daemon.builds.is_open(build))
    }

    fn tell(&self, build: BuildId, finding: Finding) {
        let Some(daemon) = self.0.upgrade() else { return };
        let Finding { path, host, found } = finding;
        let left = match found {
            Found::Redone => None,
            Found::Wrong(why) => Some(format!("it was wrong, but {why}")),
            Found::Unknown(why) => Some(format!("it can't be told whether it is right: {why}")),
        };
        daemon.builds.distrust(build, Untrusted { path, host, left });
    }

    fn notice(&self, build: Option<BuildId>, sentence: String) {
        if let Some(daemon) = self.0.upgrade() {
            daemon.builds.notice(build, &sentence);
        }
    }

    async fn forget(&self, contents: &[ContentHash]) {
        let Some(daemon) = self.0.upgrade() else { return };
        // That is because a host is in doubt.
        daemon.keep_doubts();
        let contents: Vec<_> = contents.iter().map(|it| it.0).collect();
        daemon.caches.forget(&contents).await;
    }
}
