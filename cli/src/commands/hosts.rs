//! `farmbuild hosts`: the farm as the daemon sees it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use farmbuild_core::protocol::message::{FarmReport, HostReport, Reply, Request};

use super::{ODD_ANSWER, ask, failed, table};
use crate::farm::source;

pub(crate) fn run(farm: Option<PathBuf>, check: Option<OsString>, json: bool) -> ExitCode {
    let report = match report(farm.as_deref(), check) {
        Ok(report) => report,
        Err(sentence) => return failed(&sentence),
    };
    tell(&report, json)
}

/// Uses a host again that was set aside for wrong bytes.
pub(crate) fn trust(farm: Option<PathBuf>, host: String, json: bool) -> ExitCode {
    let env = match source::environment(farm.as_deref()) {
        Ok(env) => env,
        Err(error) => return failed(&error.to_string()),
    };
    match ask(&Request::Trust { env, host: host.clone() }) {
        Ok(Reply::Hosts(report)) if report.hosts.iter().any(|it| it.name == host) => {
            tell(&report, json)
        }
        Ok(Reply::Hosts(_)) => failed(&format!("the farm has no host named {host}")),
        Ok(_) => failed(ODD_ANSWER),
        Err(sentence) => failed(&sentence),
    }
}

fn tell(report: &FarmReport, json: bool) -> ExitCode {
    if json {
        match serde_json::to_string_pretty(report) {
            Ok(text) => println!("{text}"),
            Err(error) => return failed(&error.to_string()),
        }
    } else {
        show(report);
    }
    let bad = report.hosts.iter().any(|host| host.state != "up");
    if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Asks the daemon about the farm.
pub(super) fn report(farm: Option<&Path>, check: Option<OsString>) -> Result<FarmReport, String> {
    let env = source::environment(farm).map_err(|error| error.to_string())?;
    match ask(&Request::Hosts { env, check })? {
        Reply::Hosts(report) => Ok(report),
        _ => Err(ODD_ANSWER.to_owned()),
    }
}

fn show(report: &FarmReport) {
    println!("farm: {}; this machine: {} slots", report.source, report.local_slots);
    for warning in &report.warnings {
        println!("warning: {warning}");
    }
    if report.hosts.is_empty() {
        println!(
            "There are no hosts: everything is compiled here. `farmbuild --help` shows how to name some."
        );
        return;
    }
    let head = [
        "host",
        "address",
        "state",
        "in flight",
        "slots+queue",
        "done",
        "failed",
        "sent",
        "received",
        "speed",
        "compilers",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(report.hosts.iter().map(row));
    table::print(&rows);
    for host in &report.hosts {
        if let Some(reason) = &host.reason {
            let more = host.doubt.as_ref().map(|doubt| doubt.words(&host.name));
            println!("{}: {reason}{}", host.name, more.unwrap_or_default());
        }
        for toolchain in &host.toolchains {
            if let Some(reason) = &toolchain.reason {
                println!("{}: not used for {}: {reason}", host.name, toolchain.compiler);
            }
        }
    }
}

/// A host that nobody has talked to counts as up, which people would take for more than it is.
fn state(host: &HostReport) -> String {
    let untried = host.done + host.failed + host.in_flight == 0 && host.toolchains.is_empty();
    if host.state == "up" && untried { "untried".to_owned() } else { host.state.clone() }
}

fn megabytes(bytes: u64) -> String {
    // Exact enough for people.
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn row(host: &HostReport) -> Vec<String> {
    let good = host.toolchains.iter().filter(|it| it.reason.is_none());
    let names: Vec<_> = good.filter_map(|it| it.there.clone()).collect();
    vec![
        host.name.clone(),
        format!("{} {}", host.via, host.address),
        state(host),
        host.in_flight.to_string(),
        format!("{}+{}", host.slots, host.queue),
        host.done.to_string(),
        host.failed.to_string(),
        megabytes(host.sent),
        megabytes(host.received),
        host.speed.map_or_else(|| "-".to_owned(), |speed| format!("{:.1} MB/s", speed / 1e6)),
        if names.is_empty() { "-".to_owned() } else { names.join(", ") },
    ]
}
