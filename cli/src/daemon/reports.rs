//! The farm's hosts for people: what is configured, what the scheduler sees, what vetting found.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use farmbuild_core::executor::ExecError;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::{Checked, Pipeline, Stay};
use farmbuild_core::protocol::message::{HostReport, ToolchainReport, var};
use farmbuild_core::scheduler::{HostSnapshot, HostState};

use super::doubts;
use super::farms::Farm;
use crate::farm::{FarmConfig, Via};

/// The hosts of a farm, in its order.
pub(crate) fn of_hosts(config: &FarmConfig, pipeline: &Pipeline) -> Vec<HostReport> {
    let snapshot = pipeline.scheduler().snapshot();
    let seen: HashMap<_, _> =
        snapshot.hosts.iter().map(|host| (host.host.as_str(), host)).collect();
    let report = |host: &crate::farm::HostConfig| {
        let mut report = HostReport {
            name: host.name.clone(),
            via: match host.via {
                Via::Distcc => "distcc".to_owned(),
                Via::Ssh => "ssh".to_owned(),
            },
            address: host.address.clone(),
            slots: host.slots as u64,
            queue: host.queue as u64,
            state: "up".to_owned(),
            ..HostReport::default()
        };
        if let Some(seen) = seen.get(host.name.as_str()) {
            fill_in(&mut report, seen, pipeline);
        }
        report
    };
    config.hosts.iter().map(report).collect()
}

fn fill_in(report: &mut HostReport, seen: &HostSnapshot, pipeline: &Pipeline) {
    let (state, reason) = match &seen.state {
        HostState::Up => ("up", None),
        HostState::Checking { reason } => ("checking", Some(reason.clone())),
        HostState::Down { reason, .. } => ("down", Some(reason.clone())),
        HostState::Doubted { reason } => ("aside", Some(reason.clone())),
        HostState::SetAside => ("aside", None),
        HostState::Leaving => ("leaving", None),
    };
    report.state = state.to_owned();
    report.reason = reason;
    report.in_flight = (seen.running + seen.queued) as u64;
    report.done = seen.done;
    report.sent = seen.sent;
    report.received = seen.received;
    report.failed = seen.failed;
    report.speed = seen.speed;
    report.doubt = pipeline.doubts().get(&seen.host).map(doubts::report);
    report.toolchains = pipeline
        .toolchains_on(&seen.host)
        .into_iter()
        .map(|(compiler, there)| ToolchainReport {
            compiler,
            there: Some(there.to_string_lossy().into_owned()),
            reason: None,
        })
        .chain(seen.unfit.iter().map(|(toolchain, reason)| ToolchainReport {
            compiler: pipeline.compiler_path(toolchain).unwrap_or_else(|| toolchain.clone()),
            there: None,
            reason: Some(reason.clone()),
        }))
        .collect();
}

/// A sentence about a host that takes no jobs, or none of some compiler.
pub(crate) fn trouble(host: &HostReport) -> Option<String> {
    let name = &host.name;
    if let (Some(doubt), Some(reason)) = (&host.doubt, &host.reason) {
        return Some(format!("host {name} is set aside for {reason}{}", doubt.words(name)));
    }
    if let Some(reason) = &host.reason {
        return Some(format!("host {name} is {}: {reason}", host.state));
    }
    let unfit = host.toolchains.iter().find_map(|it| Some((&it.compiler, it.reason.as_ref()?)));
    unfit.map(|(compiler, reason)| format!("host {name} isn't used for {compiler}: {reason}"))
}

/// Sends a canary of `compiler` to every host now, and puts what was found into the report.
pub(crate) async fn check(
    farm: &Farm,
    env: &[(OsString, OsString)],
    compiler: &OsStr,
    report: &mut [HostReport],
) {
    let Some(program) = on_path(env, compiler) else {
        for host in report {
            host.reason =
                Some(format!("it can't be checked: there is no {} here", compiler.display()));
        }
        return;
    };
    let display = program.display().to_string();
    let argv = vec![compiler.to_owned()];
    let invocation = Invocation { program, argv, cwd: "/".into(), env: env.to_vec(), umask: 0o077 };
    match farm.pipeline().check(&invocation).await {
        Err(stay) => report.iter_mut().for_each(|host| host.reason = Some(cannot(&stay))),
        Ok(checked) => {
            for Checked { host, found } in checked {
                if let Some(report) = report.iter_mut().find(|report| report.name == host) {
                    put_in(report, &display, found);
                }
            }
        }
    }
}

fn put_in(
    report: &mut HostReport,
    compiler: &str,
    found: Result<OsString, farmbuild_core::scheduler::VetError>,
) {
    use farmbuild_core::scheduler::VetError;
    report.toolchains.retain(|it| it.compiler != compiler);
    let mut toolchain =
        ToolchainReport { compiler: compiler.to_owned(), ..ToolchainReport::default() };
    match found {
        Ok(name) => {
            toolchain.there = Some(name.to_string_lossy().into_owned());
            // A canary says nothing of bytes that are wrong now and then.
            if report.doubt.is_none() {
                report.state = "up".to_owned();
                report.reason = None;
            }
        }
        Err(VetError::Unfit(reason)) => {
            toolchain.reason = Some(reason);
            report.state = "aside".to_owned();
        }
        Err(VetError::Unsuited(reason)) => toolchain.reason = Some(reason.to_owned()),
        Err(VetError::Host(ExecError::Refused { detail, .. })) => {
            toolchain.reason = Some(detail);
            report.state = "aside".to_owned();
        }
        Err(VetError::Host(error)) => {
            report.state = "down".to_owned();
            report.reason = Some(error.to_string());
            return;
        }
    }
    report.toolchains.insert(0, toolchain);
}

fn cannot(stay: &Stay) -> String {
    format!("it can't be checked: {stay}")
}

/// The first program of this name on the caller's PATH, or the path itself.
pub(super) fn on_path(env: &[(OsString, OsString)], compiler: &OsStr) -> Option<PathBuf> {
    if compiler.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(compiler)).filter(|path| path.exists());
    }
    let candidates =
        std::env::split_paths(var(env, "PATH")?).map(|directory| directory.join(compiler));
    let own = std::env::current_exe().ok();
    candidates.into_iter().find(|path| crate::real_compiler::is_real(path, own.as_deref()))
}
