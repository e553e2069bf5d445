//! `farmbuild toolchain check`: who compiles to the same bytes as this machine.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farmbuild_core::analysis::Driver;
use farmbuild_core::executor::{ExecError, Executor};
use farmbuild_core::job::{Job, JobId, SourceText};
use farmbuild_ssh::Agent;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{farm_of, print_json, table};
use crate::farm::{Via, executors};
use crate::toolchain::canary::{Canary, Kind};
use crate::toolchain::compiler::LocalCompiler;
use crate::toolchain::difference;

/// How long a host may take for one canary.
const PATIENCE: Duration = Duration::from_secs(30);

/// A canary, and the names that its compiler may have on a host.
struct Trial {
    canary: Canary,
    names: Vec<OsString>,
}

#[derive(Serialize)]
struct Report {
    compiler: String,
    version: String,
    target: String,
    hosts: Vec<HostReport>,
}

#[derive(Serialize)]
struct HostReport {
    name: String,
    via: &'static str,
    /// Whether it agrees in everything that was tried.
    agrees: bool,
    canaries: Vec<CanaryReport>,
}

#[derive(Clone, Serialize)]
struct CanaryReport {
    kind: &'static str,
    /// `same`, `differs`, `missing`, `failed`, `away`, or `untried`: its transport takes no such thing.
    state: &'static str,
    /// The compiler's name there.
    there: Option<String>,
    /// What differs, or why nothing could be compared.
    how: Option<String>,
}

pub(super) async fn run(farm: Option<&Path>, compiler: &OsStr, json: bool) -> Result<bool, String> {
    let config = farm_of(farm)?;
    let compiler = LocalCompiler::find(compiler).await?;
    let trials = Arc::new(trials(&compiler).await?);
    let mut asked = JoinSet::new();
    for (number, (entry, host)) in
        executors::of(&config.hosts, &Agent::default()).into_iter().zip(&config.hosts).enumerate()
    {
        let via = if host.via == Via::Ssh { "ssh" } else { "distcc" };
        let trials = Arc::clone(&trials);
        asked.spawn(async move { (number, check(entry.executor.as_ref(), via, &trials).await) });
    }
    let mut hosts = asked.join_all().await;
    hosts.sort_by_key(|(number, _)| *number);
    let hosts: Vec<_> = hosts.into_iter().map(|(_, host)| host).collect();
    let good = hosts.iter().all(|host| host.agrees);
    let report = Report {
        compiler: compiler.program().display().to_string(),
        version: compiler.toolchain.version.clone(),
        target: compiler.toolchain.target.clone(),
        hosts,
    };
    if json {
        print_json(&report)?;
    } else {
        show(&report);
    }
    Ok(good)
}

/// The canaries of a compiler and of the one for the other language.
async fn trials(compiler: &LocalCompiler) -> Result<Vec<Trial>, String> {
    let sibling = compiler.sibling().await;
    let both = || [Some(compiler), sibling.as_ref()].into_iter().flatten();
    let mut trials = Vec::new();
    for kind in Kind::ALL {
        let driver = if kind == Kind::Cxx { Driver::Cxx } else { Driver::C };
        let Some(compiler) = both().find(|it| it.driver() == driver) else { continue };
        let canary = Canary::hatch(kind, compiler).await?;
        trials.push(Trial { canary, names: compiler.toolchain.names_on_host(compiler.name()) });
    }
    Ok(trials)
}

async fn check(executor: &dyn Executor, via: &'static str, trials: &[Trial]) -> HostReport {
    let mut canaries: Vec<CanaryReport> = Vec::new();
    for trial in trials {
        // What is away stays away: one patience is enough.
        let away = canaries.iter().find(|it| it.state == "away").cloned();
        let kind = trial.canary.kind.name();
        canaries.push(match away {
            Some(away) => CanaryReport { kind, ..away },
            None => judged(try_names(executor, trial).await, via),
        });
    }
    let agrees = canaries.iter().all(|it| ["same", "untried"].contains(&it.state));
    HostReport { name: executor.host().to_owned(), via, agrees, canaries }
}

/// distccd sends such compiles back whatever its compiler is, and builds keep them home.
fn judged(report: CanaryReport, via: &str) -> CanaryReport {
    match (report.kind == Kind::Lto.name(), via, report.state) {
        (true, "distcc", "missing") => {
            let how = Some("distccd takes no -flto; such compiles stay home".to_owned());
            CanaryReport { state: "untried", how, ..report }
        }
        _ => report,
    }
}

/// Tries the names in order. What counts is the first that agrees, else the first that compiled, else the first refusal.
async fn try_names(executor: &dyn Executor, trial: &Trial) -> CanaryReport {
    let kind = trial.canary.kind.name();
    let (mut other, mut refused) = (None, None);
    for name in &trial.names {
        let there = Some(name.to_string_lossy().into_owned());
        match timeout(PATIENCE, compile(executor, &trial.canary, name)).await {
            Ok(Ok(Ok(object))) if object == trial.canary.object => {
                return CanaryReport { kind, state: "same", there, how: None };
            }
            Ok(Ok(Ok(object))) => {
                let how = Some(difference::between(&trial.canary.object, &object));
                other.get_or_insert(CanaryReport { kind, state: "differs", there, how });
            }
            Ok(Ok(Err(said))) => {
                other.get_or_insert(CanaryReport { kind, state: "failed", there, how: Some(said) });
            }
            // Some servers hang up on a name that they don't know: the next one may be right.
            Ok(Err(error @ (ExecError::Refused { .. } | ExecError::Broken { .. }))) => {
                refused.get_or_insert(error.to_string());
            }
            Ok(Err(error)) => {
                return CanaryReport {
                    kind,
                    state: "away",
                    there: None,
                    how: Some(error.to_string()),
                };
            }
            Err(_) => {
                let how = Some(format!("it compiled nothing within {} s", PATIENCE.as_secs()));
                return CanaryReport { kind, state: "away", there: None, how };
            }
        }
    }
    other.unwrap_or(CanaryReport { kind, state: "missing", there: None, how: refused })
}

/// The object that a host makes of a canary, or what its compiler says against it.
async fn compile(
    executor: &dyn Executor,
    canary: &Canary,
    name: &OsString,
) -> Result<Result<Vec<u8>, String>, ExecError> {
    let place = std::env::temp_dir().join("farmbuild-canary.o");
    let job = Job {
        id: JobId(0),
        compiler: name.clone(),
        toolchain: "a canary".into(),
        args: canary.args.clone(),
        input: canary.input,
        output: canary.output,
        text: SourceText { bytes: canary.text.clone(), lines: 0 },
        object: place,
        umask: 0o077,
        side_outputs: Vec::new(),
        directory_length: None,
        of_crate: None,
    };
    let outcome = executor.execute(Arc::new(job)).await?;
    match outcome.object.filter(|_| outcome.status.success()) {
        Some(mut staged) => match staged.read_back() {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(source) => Err(ExecError::Output { path: staged.path().to_owned(), source }),
        },
        None => {
            let said = if outcome.stderr.is_empty() { outcome.stdout } else { outcome.stderr };
            let said = String::from_utf8_lossy(&said)
                .lines()
                .find(|it| !it.is_empty())
                .unwrap_or_default()
                .to_owned();
            let said = said.chars().take(200).collect::<String>().escape_debug().to_string();
            Ok(Err(format!("it refuses the canary: {said}")))
        }
    }
}

fn show(report: &Report) {
    println!(
        "{} {} for {}, and who makes its bytes:",
        report.compiler, report.version, report.target
    );
    let Some(first) = report.hosts.first() else {
        println!("There are no hosts.");
        return;
    };
    let kinds = first.canaries.iter().map(|it| it.kind);
    let mut rows =
        vec![["host", "via"].into_iter().chain(kinds).map(str::to_owned).collect::<Vec<_>>()];
    for host in &report.hosts {
        let cells = host.canaries.iter().map(|it| it.state);
        rows.push(
            [host.name.as_str(), host.via].into_iter().chain(cells).map(str::to_owned).collect(),
        );
    }
    table::print(&rows);
    for host in &report.hosts {
        for line in reasons(host) {
            println!("{line}");
        }
    }
}

/// What is wrong with a host, each thing once.
fn reasons(host: &HostReport) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for it in host.canaries.iter().filter(|it| it.state != "same") {
        let named = it.there.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let line = format!("{named}{}", it.how.as_deref().unwrap_or(it.state));
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, kinds)) => kinds.push(it.kind),
            None => lines.push((line, vec![it.kind])),
        }
    }
    lines
        .into_iter()
        .map(|(line, kinds)| format!("{} ({}): {line}", host.name, kinds.join(", ")))
        .collect()
}
