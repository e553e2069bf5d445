//! Where a waiting job stands, seen over all hosts: whether it waits for one, or goes home, and why.

use std::sync::Arc;

use tokio::time::Instant;

use super::farm::{Effect, Farm, JobState, Key, Ticket};
use super::host::HostId;
use super::verdict::HomeReason;
use super::vetting::Vetting;

/// Where a waiting job stands, seen over all hosts.
enum Standing {
    /// Some host can run it.
    Ready,
    /// Some host may turn out to.
    Vetting,
    /// Every host failed just now, and may be back in a moment.
    Probing,
    /// It may go home, or to a host that comes back.
    WantsHome(HomeReason),
    /// No host will run it.
    Hopeless(HomeReason),
}

impl Farm {
    /// Has every host vetted that could run the job and isn't known for its toolchain.
    pub(super) fn start_vetting(&mut self, ticket: Ticket) {
        let Some(state) = self.jobs.get(&ticket) else { return };
        let now = Instant::now();
        for host in &mut self.hosts {
            if host.is_usable() && host.toolchain(state.key).is_due(now) {
                host.toolchain(state.key).vetting = Vetting::Running;
                let (executor, job) = (Arc::clone(&host.executor), Arc::clone(&state.job));
                self.effects.push(Effect::Vet { host: host.id, key: state.key, executor, job });
            }
        }
    }

    /// Looks again at every waiting job, after hosts came, went or changed.
    pub(super) fn review_waiting(&mut self) {
        let mut vetted: Vec<Key> = Vec::new();
        for ticket in self.arrivals.iter().copied().collect::<Vec<_>>() {
            if let Some(key) = self.jobs.get(&ticket).map(|state| state.key)
                && !vetted.contains(&key)
            {
                vetted.push(key);
                self.start_vetting(ticket);
            }
            self.review(ticket);
        }
    }

    /// Looks where a waiting job stands.
    pub(super) fn review(&mut self, ticket: Ticket) {
        if !self.arrivals.contains(&ticket) {
            return;
        }
        let Some(state) = self.jobs.get(&ticket) else { return };
        match self.standing(state) {
            Standing::Ready | Standing::Vetting | Standing::Probing => self.want_home(ticket, None),
            Standing::WantsHome(reason) if self.budget.slots() > 0 => {
                self.want_home(ticket, Some(reason));
            }
            Standing::WantsHome(reason) | Standing::Hopeless(reason) => {
                self.send_home(ticket, reason, None);
            }
        }
    }

    fn want_home(&mut self, ticket: Ticket, reason: Option<HomeReason>) {
        let Some(state) = self.jobs.get_mut(&ticket) else { return };
        if state.wants_home.is_some() != reason.is_some() {
            state.wake.notify_one();
        }
        state.wants_home = reason;
    }

    fn standing(&self, state: &JobState) -> Standing {
        let (mut hosts, mut untried, mut fit) = (0, 0, 0);
        let (mut vetting, mut probing, mut doubted) = (false, false, false);
        for host in self.hosts.iter().filter(|host| !host.retired) {
            hosts += 1;
            if state.failed.contains(&host.id) {
                continue;
            }
            untried += 1;
            if host.health.is_doubted() {
                doubted = true;
                continue;
            }
            match host.vetting(state.key) {
                Vetting::Bad { .. } | Vetting::Unsuited => continue,
                Vetting::Good if host.health.is_up() => return Standing::Ready,
                Vetting::Unknown | Vetting::Running if host.health.is_up() => vetting = true,
                _ => probing |= host.health.is_blip(),
            }
            fit += 1;
        }
        match () {
            () if hosts == 0 => Standing::Hopeless(HomeReason::NoHosts),
            () if untried == 0 => Standing::Hopeless(HomeReason::AttemptsUsedUp),
            () if fit == 0 && doubted => Standing::Hopeless(HomeReason::HostsInDoubt),
            () if fit == 0 && state.faults.is_empty() => {
                Standing::Hopeless(HomeReason::NoHostHasCompiler)
            }
            () if fit == 0 => Standing::Hopeless(HomeReason::AttemptsUsedUp),
            () if probing && !vetting => Standing::Probing,
            () if !vetting => Standing::WantsHome(HomeReason::AllHostsDown),
            () if state.since.elapsed() >= self.settings.vet_patience => {
                Standing::WantsHome(HomeReason::NoHostVetted)
            }
            () => Standing::Vetting,
        }
    }

    /// The farm's host, if it has just one.
    pub(super) fn only_host(&self) -> Option<HostId> {
        let mut hosts = self.hosts.iter().filter(|host| !host.retired);
        let only = hosts.next().map(|host| host.id);
        only.filter(|_| hosts.next().is_none())
    }
}
