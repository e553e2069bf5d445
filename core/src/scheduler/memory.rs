//! Speeds that outlast a host's stay in the farm, and the daemon's own life if the embedder keeps them.

use std::collections::BTreeMap;

use super::farm::Farm;
use super::speed::Speed;

impl Farm {
    /// What is known of a host by its name, wherever it is known from.
    pub(super) fn remembered_speed(&self, name: &str) -> Speed {
        // The newest host of this name comes last.
        let here = self.hosts.iter().rev().find(|host| host.name == name);
        let known = here.map(|host| host.speed).filter(|speed| speed.known().is_some());
        known.or_else(|| self.remembered.get(name).copied()).unwrap_or_default()
    }

    pub(super) fn speeds(&self) -> BTreeMap<String, f64> {
        let gone = self.remembered.iter();
        let all = gone.chain(self.hosts.iter().map(|host| (&host.name, &host.speed)));
        all.filter_map(|(name, speed)| Some((name.clone(), speed.known()?))).collect()
    }

    /// Ignored if the host is better known already, or the figure is no speed.
    pub(super) fn set_speed(&mut self, name: &str, bytes_per_second: f64) {
        if !bytes_per_second.is_finite() || bytes_per_second <= 0.0 {
            return;
        }
        let speed = Speed::remembered(bytes_per_second);
        let mut is_here = false;
        for host in self.hosts.iter_mut().filter(|host| host.name == name) {
            is_here = true;
            if host.speed.known().is_none() {
                host.speed = speed;
            }
        }
        if !is_here {
            self.remembered.insert(name.to_owned(), speed);
        }
    }
}
