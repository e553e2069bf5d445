//! Hosts that gave wrong bytes: set aside at once, with all that is in flight there, until somebody says that they are
//! right again. No probe, no canary and no edit of the farm does that by itself.

use super::Scheduler;
use super::farm::Farm;
use super::health::Health;

impl Scheduler {
    /// What the host named `host` made is in doubt, for `reason`: it gets no more jobs, and what it runs starts again
    /// elsewhere. Lasts as long as the scheduler, or until [`Scheduler::trust`].
    ///
    /// Must be called within a Tokio runtime.
    pub fn doubt(&self, host: &str, reason: &str) {
        self.inner.event(|farm| farm.doubt(host, reason));
    }

    /// The host makes the right bytes: it gets jobs again, if it was set aside by [`Scheduler::doubt`].
    ///
    /// Must be called within a Tokio runtime.
    pub fn trust(&self, host: &str) {
        self.inner.event(|farm| farm.trust(host));
    }

    /// Whether the host was set aside by [`Scheduler::doubt`].
    #[must_use]
    pub fn is_doubted(&self, host: &str) -> bool {
        self.inner.look(|farm| farm.doubts.contains_key(host))
    }
}

impl Farm {
    fn doubt(&mut self, name: &str, reason: &str) {
        tracing::warn!(host = name, reason, "host set aside for wrong bytes");
        self.doubts.insert(name.to_owned(), reason.to_owned());
        let mut attempts = Vec::new();
        for host in self.hosts.iter_mut().filter(|host| host.name == name) {
            host.health.doubt(reason.to_owned());
            attempts.extend(host.flight.iter().map(|attempt| (attempt.id, attempt.ticket)));
        }
        for (attempt, ticket) in attempts {
            self.cancel(attempt);
            self.wait_unless_placed(ticket);
        }
        self.review_waiting();
    }

    fn trust(&mut self, name: &str) {
        self.doubts.remove(name);
        for host in self.hosts.iter_mut().filter(|host| host.name == name) {
            host.health.trust();
        }
        self.review_waiting();
    }

    /// The health of a host that comes to the farm.
    pub(super) fn health_of_new(&self, name: &str) -> Health {
        let mut health = Health::default();
        if let Some(reason) = self.doubts.get(name) {
            health.doubt(reason.clone());
        }
        health
    }
}
