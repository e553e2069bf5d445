//! From a host as it is written to the executor that runs jobs there.

use std::sync::Arc;

use farmbuild_core::executor::{Capacity, Executor};
use farmbuild_core::scheduler::HostEntry;
use farmbuild_distcc::{
    Address, AddressError, Compression, DistccConfig, DistccExecutor, Timeouts,
};

use super::{HostConfig, Via};

/// The executors of a farm's hosts. What can't be one was refused when the farm was read.
pub(crate) fn of(hosts: &[HostConfig]) -> Vec<HostEntry> {
    let entry = |host| Some(HostEntry::new(one(host)?, format!("{host:?}")));
    hosts.iter().filter_map(entry).collect()
}

/// Reads an address as a farm file has it.
pub(crate) fn address(text: &str) -> Result<Address, AddressError> {
    text.parse()
}

fn one(host: &HostConfig) -> Option<Arc<dyn Executor>> {
    match host.via {
        Via::Distcc => {
            let config = DistccConfig {
                name: host.name.clone(),
                address: address(&host.address).ok()?,
                capacity: Capacity { slots: host.slots, queue: host.queue },
                compression: if host.lzo { Compression::Lzo } else { Compression::None },
                timeouts: Timeouts::default(),
            };
            Some(Arc::new(DistccExecutor::new(config)))
        }
        Via::Ssh => None,
    }
}
