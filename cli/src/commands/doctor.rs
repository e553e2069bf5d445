//! `farmbuild doctor`: finds the usual mistakes of a farm and says the cure.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use farmbuild_cache::turned_off;
use farmbuild_core::protocol::message::{HostReport, Reply, Request};
use serde_json::json;

use super::{ask, failed, hosts};
use crate::build::is_compiler;
use crate::client::runtime_dir::RuntimeDir;
use crate::farm::cache_dir;
use crate::farm::source::{self, FarmSource};
use crate::real_compiler;

/// One thing that was looked at.
struct Finding {
    what: String,
    /// What is wrong and what to do; `None` if all is well.
    trouble: Option<String>,
}

impl Finding {
    fn good(what: impl Into<String>) -> Self {
        Self { what: what.into(), trouble: None }
    }

    fn bad(what: impl Into<String>, trouble: impl Into<String>) -> Self {
        Self { what: what.into(), trouble: Some(trouble.into()) }
    }
}

pub(crate) fn run(farm: Option<PathBuf>, as_json: bool) -> ExitCode {
    let findings = examine(farm.as_deref());
    let ill = findings.iter().filter(|finding| finding.trouble.is_some()).count();
    if as_json {
        let list: Vec<_> =
            findings.iter().map(|it| json!({ "what": it.what, "trouble": it.trouble })).collect();
        println!("{:#}", json!({ "well": ill == 0, "findings": list }));
    } else {
        for Finding { what, trouble } in &findings {
            match trouble {
                None => println!("ok       {what}"),
                Some(trouble) => println!("TROUBLE  {what}: {trouble}"),
            }
        }
    }
    match ill {
        0 => ExitCode::SUCCESS,
        1 => failed("one thing needs a hand"),
        ill => failed(&format!("{ill} things need a hand")),
    }
}

fn examine(farm: Option<&Path>) -> Vec<Finding> {
    let mut findings = vec![compilers()];
    let runtime_dir = match RuntimeDir::open() {
        Ok(runtime_dir) => runtime_dir,
        Err(error) => {
            findings.push(Finding::bad("the daemon's directory", error.to_string()));
            return findings;
        }
    };
    match ask(&Request::Status) {
        Ok(Reply::Status(status)) => {
            findings.push(Finding::good(format!("the daemon answers (process {})", status.pid)));
        }
        Ok(_) => findings.push(Finding::bad("the daemon", super::ODD_ANSWER)),
        Err(sentence) => {
            let log = runtime_dir.log().display().to_string();
            let cure = if sentence.contains(&log) {
                sentence
            } else {
                format!("{sentence}; its log is {log}")
            };
            findings.push(Finding::bad("the daemon", cure));
            return findings;
        }
    }
    findings.extend(environment(farm));
    findings.extend(declarations(farm));
    match hosts::report(farm, Some("cc".into())) {
        Err(sentence) => findings.push(Finding::bad("the farm", sentence)),
        Ok(report) => {
            findings.push(Finding::good(format!("the farm: {}", report.source)));
            findings
                .extend(report.warnings.iter().map(|warning| Finding::bad("the farm", warning)));
            if report.hosts.is_empty() {
                let what = "no hosts: everything is compiled here (`farmbuild --help` shows how to name some)";
                findings.push(Finding::good(what));
            }
            findings.extend(report.hosts.iter().map(host));
        }
    }
    findings
}

/// Whether there is a compiler to stand in for.
fn compilers() -> Finding {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = env::current_exe().ok();
    let entries = env::split_paths(&path)
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten()
        .flatten();
    let real = entries.filter(|it| {
        is_compiler(&it.file_name()) && real_compiler::is_real(&it.path(), own.as_deref())
    });
    match real.count() {
        0 => Finding::bad("compilers", "there is no gcc and no clang on PATH; install one"),
        number => Finding::good(format!("{number} names of compilers are on PATH")),
    }
}

/// Variables that switch farmbuild off or past itself, and a farm file that only looks as if it were read.
fn environment(farm: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    if set("FARMBUILD").is_some_and(|value| value == "off") {
        findings.push(Finding::bad(
            "the environment",
            "FARMBUILD=off runs every compiler plainly; unset it",
        ));
    }
    if let Some(file) = set("FARMBUILD_FARM").filter(|file| Path::new(file).is_relative()) {
        let trouble = format!(
            "FARMBUILD_FARM={} is no absolute path: wrappers, which run in many directories, can't use it",
            file.display()
        );
        findings.push(Finding::bad("the environment", trouble));
    }
    if farm.is_none() && set("FARMBUILD_FARM").is_none() && Path::new("farm.toml").exists() {
        let what =
            "the farm.toml in this directory isn't read by itself; `--farm farm.toml` names it";
        findings.push(Finding::good(what));
    }
    let ours =
        |prefix: &OsString| Path::new(prefix).file_name().is_some_and(|it| it == "farmbuild");
    if let Some(prefix) = set("CCACHE_PREFIX").filter(|prefix| !ours(prefix)) {
        let trouble =
            format!("CCACHE_PREFIX={} sends jobs past farmbuild; unset it", prefix.display());
        findings.push(Finding::bad("the environment", trouble));
    }
    if set("DISTCC_HOSTS").is_some() && set("FARMBUILD_HOSTS").is_some() {
        findings.push(Finding::good(
            "FARMBUILD_HOSTS and DISTCC_HOSTS are both set; the first one counts",
        ));
    }
    findings
}

/// Compilers that the cache's declaration tier isn't used for.
fn declarations(farm: Option<&Path>) -> Vec<Finding> {
    // Mistakes of the farm are told elsewhere.
    let Ok(env) = source::environment(farm) else { return Vec::new() };
    let config = FarmSource::choose(&env).and_then(|source| source.read());
    let Ok(config) = config.map(|farm| farm.cache) else { return Vec::new() };
    let Some(dir) = cache_dir(&config, &env).filter(|_| config.declarations) else {
        return Vec::new();
    };
    let off = turned_off(&dir).into_iter().map(|off| {
        let why = off.why.trim_end().replace('\n', " ");
        let directory = off.directory.display();
        let trouble = format!("it is off for a compiler and its flags, see {directory} (remove that to try again): {why}");
        Finding::bad("the declaration tier of the cache", trouble)
    });
    off.collect()
}

fn host(host: &HostReport) -> Finding {
    let what = format!("host {} ({} {})", host.name, host.via, host.address);
    let unfit =
        host.toolchains.iter().find_map(|it| it.reason.as_ref().map(|why| (&it.compiler, why)));
    match (&host.reason, unfit) {
        (None, None) => Finding::good(format!("{what} makes the same objects as this machine")),
        (Some(reason), _) => {
            let cure = match &host.doubt {
                Some(doubt) => doubt.words(&host.name),
                None => cure(reason).map(|cure| format!(". {cure}")).unwrap_or_default(),
            };
            Finding::bad(what, format!("{reason}{cure}"))
        }
        (None, Some((compiler, why))) => {
            let differs = why.contains("isn't the one here");
            let cure = match host.via.as_str() {
                "ssh" => ". `farmbuild toolchain push` puts the one here there",
                _ => ". Install the same version of the same package there as here",
            };
            // A host that refuses the compiler says the cure itself.
            let cure = if differs { cure } else { "" };
            Finding::bad(what, format!("it isn't used for {compiler}: {why}{cure}"))
        }
    }
}

/// What to do about a connection that can't be made.
fn cure(reason: &str) -> Option<&'static str> {
    const SILENT: &str =
        "Nothing answers: is the board on, the address right, and the port open in its firewall?";
    let reason = reason.to_lowercase();
    let cures = [
        ("refused (os", "Nothing listens there: start distccd, and compare the port"),
        ("no answer from", SILENT),
        // As the kernel says it.
        ("timed out", SILENT),
        ("no route to host", "Is the board on, and in this network?"),
        ("network is unreachable", "Is this machine in the board's network?"),
        ("lookup address", "The name isn't known: use its address, or put it into /etc/hosts"),
        (
            "name or service not known",
            "The name isn't known: use its address, or put it into /etc/hosts",
        ),
    ];
    cures.iter().find(|(sign, _)| reason.contains(sign)).map(|(_, cure)| *cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_cured_has_a_cure() {
        for reason in [
            "connection refused (os error 111)",
            "no answer from 192.168.0.11:3632 within 3 s",
            "No route to host (os error 113)",
        ] {
            assert!(cure(reason).is_some(), "{reason}");
        }
        assert_eq!(cure("its gcc isn't the one here"), None);
    }
}
