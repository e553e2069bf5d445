//! From a host as it is written to the executor that runs jobs there.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use farmbuild_core::executor::{Capacity, Executor};
use farmbuild_core::scheduler::HostEntry;
use farmbuild_distcc::{Address, AddressError, DistccConfig, DistccExecutor};
use farmbuild_ssh::{Agent, Destination, DestinationError, SshConfig, SshExecutor, Store};

use super::{HostConfig, Share, Via};

/// Why an address can't be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) enum BadAddress {
    Distcc(#[from] AddressError),
    Ssh(#[from] DestinationError),
}

/// The executors of a farm's hosts. What can't be one was refused when the farm was read.
pub(crate) fn of(hosts: &[HostConfig], agent: &Agent) -> Vec<HostEntry> {
    let entry = |host: &HostConfig| {
        // How often it is looked at makes it no other host.
        let key = HostConfig { verify: Share::default(), ..host.clone() };
        Some(HostEntry::new(one(host, agent)?, format!("{key:?}")))
    };
    hosts.iter().filter_map(entry).collect()
}

/// Checks an address as a farm file has it.
pub(crate) fn check_address(via: Via, text: &str) -> Result<(), BadAddress> {
    match via {
        Via::Distcc => drop(text.parse::<Address>()?),
        Via::Ssh => drop(text.parse::<Destination>()?),
    }
    Ok(())
}

fn one(host: &HostConfig, agent: &Agent) -> Option<Arc<dyn Executor>> {
    let capacity = Capacity { slots: host.slots, queue: host.queue };
    Some(match host.via {
        Via::Distcc => Arc::new(DistccExecutor::new(DistccConfig {
            name: host.name.clone(),
            address: host.address.parse().ok()?,
            capacity,
            compression: match host.compressed {
                true => farmbuild_distcc::Compression::Lzo,
                false => farmbuild_distcc::Compression::None,
            },
            timeouts: farmbuild_distcc::Timeouts::default(),
        })),
        Via::Ssh => Arc::new(over_ssh(host)?.with_agent(agent)),
    })
}

/// The executor of a host that is reached by ssh, with this process's own agent; `None` for any other.
pub(crate) fn over_ssh(host: &HostConfig) -> Option<SshExecutor> {
    (host.via == Via::Ssh).then_some(())?;
    Some(SshExecutor::new(SshConfig {
        name: host.name.clone(),
        destination: host.address.parse().ok()?,
        ssh_config: host.ssh_config.as_deref().map(at_home),
        capacity: Capacity { slots: host.slots, queue: host.queue },
        compression: match host.compressed {
            true => farmbuild_ssh::Compression::Auto,
            false => farmbuild_ssh::Compression::None,
        },
        store: Store::of_this_user(host.store_size),
        timeouts: farmbuild_ssh::Timeouts::default(),
    }))
}

/// A path in which `~` stands for the home directory.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix('~'), env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}
