//! A farm from distcc's host list.

use std::collections::HashSet;

use farmbuild_distcc::hosts::{self, HostList, RemoteHost};
use farmbuild_distcc::{Compression, DEFAULT_PORT};

use super::{CacheConfig, FarmConfig, HostConfig, LocalConfig, Share, Via};

pub(crate) use farmbuild_distcc::hosts::HostListError;

/// Reads a host list in distcc's grammar.
pub(crate) fn parse(text: &str) -> Result<FarmConfig, HostListError> {
    let HostList { hosts, local, local_slots, local_preprocessors, randomize: _ } =
        hosts::parse(text)?;
    let mut local_config = LocalConfig::default();
    // Compiles, links and preprocessing share one budget here, so the largest number that was asked for holds.
    let asked = [local.map(|local| local.slots), local_slots, local_preprocessors];
    if let Some(slots) = asked.into_iter().flatten().max().filter(|slots| *slots > 0) {
        local_config.slots = slots;
    }
    let mut names = HashSet::new();
    let mut merged: Vec<HostConfig> = Vec::new();
    for host in hosts {
        let name = name(&host);
        if names.insert(name.clone()) {
            merged.push(config(name, &host));
        } else if let Some(known) = merged.iter_mut().find(|known| known.name == name) {
            // distcc users name a host twice to give it more jobs.
            known.slots += host.slots;
            known.queue += host.slots;
        }
    }
    Ok(FarmConfig {
        local: local_config,
        cache: CacheConfig::default(),
        hosts: merged,
        warnings: Vec::new(),
    })
}

/// The address as the list has it; the port only where it isn't distcc's own.
fn name(host: &RemoteHost) -> String {
    match host.address.port {
        DEFAULT_PORT => host.address.host.clone(),
        _ => host.address.to_string(),
    }
}

fn config(name: String, host: &RemoteHost) -> HostConfig {
    HostConfig {
        name,
        via: Via::Distcc,
        address: host.address.to_string(),
        slots: host.slots,
        queue: host.slots,
        compressed: host.compression == Compression::Lzo,
        ssh_config: None,
        verify: Share::default(),
        store_size: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_keeps_its_limit_and_is_named_by_its_address() {
        let farm = parse("a/6,lzo b:4000 # comment").unwrap();
        assert_eq!(farm.hosts[0].name, "a");
        assert_eq!((farm.hosts[0].slots, farm.hosts[0].compressed), (6, true));
        assert_eq!((farm.hosts[1].name.as_str(), farm.hosts[1].compressed), ("b:4000", false));
    }

    #[test]
    fn a_host_named_twice_takes_the_jobs_of_both() {
        let farm = parse("a/2 a/3").unwrap();
        assert_eq!((farm.hosts.len(), farm.hosts[0].slots), (1, 5));
    }

    #[test]
    fn localhost_sets_the_local_slots() {
        assert_eq!(parse("localhost/7 a").unwrap().local.slots, 7);
        assert_eq!(parse("--localslots=3 a").unwrap().local.slots, 3);
    }
}
