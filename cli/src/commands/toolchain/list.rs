//! `farmbuild toolchain list`: compilers and archives here, and what each host was given.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use farmbuild_core::analysis::{CompilerName, Driver};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{EXTENSION, archives, farm_of, open, print_json, table};
use crate::build::is_compiler;
use crate::farm::{HostConfig, Via, executors};
use crate::toolchain::archive;
use crate::toolchain::compiler::LocalCompiler;

#[derive(Serialize)]
struct Report {
    compilers: Vec<Compiler>,
    archives: Vec<Archive>,
    hosts: Vec<Host>,
}

/// A compiler of this machine.
#[derive(Serialize)]
struct Compiler {
    path: String,
    /// What an archive of it is called.
    name: String,
    target: String,
    version: String,
}

#[derive(Serialize)]
struct Archive {
    path: String,
    name: String,
    version: String,
    compilers: Vec<String>,
}

#[derive(Serialize)]
struct Host {
    name: String,
    via: &'static str,
    /// Why nothing is known of it.
    reason: Option<String>,
    toolchains: Vec<Toolchain>,
}

#[derive(Serialize)]
struct Toolchain {
    name: String,
    version: String,
    /// Whether jobs use it.
    current: bool,
}

pub(super) async fn run(farm: Option<&Path>, json: bool) -> Result<bool, String> {
    let hosts = hosts(farm_of(farm)?.hosts);
    let report =
        Report { compilers: compilers().await, archives: known_archives(), hosts: hosts.await };
    if json {
        print_json(&report)?;
    } else {
        show(&report);
    }
    Ok(true)
}

/// The compilers on PATH, each under one of its names.
async fn compilers() -> Vec<Compiler> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut names = BTreeSet::new();
    for directory in env::split_paths(&path) {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        names.extend(entries.map(|entry| entry.file_name()).filter(|name| is_compiler(name)));
    }
    let (mut known, mut found) = (BTreeSet::new(), Vec::new());
    for name in names.iter().filter(|name| CompilerName::of(name).driver == Driver::C) {
        let Ok(compiler) = LocalCompiler::find(name).await else { continue };
        if known.insert(compiler.file.clone()) {
            found.push(Compiler {
                path: compiler.file.display().to_string(),
                name: compiler.toolchain.full_name(),
                target: compiler.toolchain.target.clone(),
                version: compiler.toolchain.version.clone(),
            });
        }
    }
    found
}

fn known_archives() -> Vec<Archive> {
    let Some(directory) = archives() else { return Vec::new() };
    let paths = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.to_string_lossy().ends_with(EXTENSION)).collect();
    paths.sort();
    let known = paths.into_iter().filter_map(|path| {
        let manifest = archive::manifest_of(open(&path).ok()?).ok()?;
        let version = manifest.id();
        Some(Archive {
            path: path.display().to_string(),
            name: manifest.name,
            version,
            compilers: manifest.compilers,
        })
    });
    known.collect()
}

async fn hosts(configs: Vec<HostConfig>) -> Vec<Host> {
    let mut asked = JoinSet::new();
    for (number, config) in configs.into_iter().enumerate() {
        asked.spawn(async move { (number, host(&config).await) });
    }
    let mut hosts = asked.join_all().await;
    hosts.sort_by_key(|(number, _)| *number);
    hosts.into_iter().map(|(_, host)| host).collect()
}

async fn host(config: &HostConfig) -> Host {
    let via = if config.via == Via::Ssh { "ssh" } else { "distcc" };
    let mut host = Host { name: config.name.clone(), via, reason: None, toolchains: Vec::new() };
    let Some(executor) = executors::over_ssh(config) else {
        host.reason = Some("distcc doesn't tell; `farmbuild toolchain check` tries".to_owned());
        return host;
    };
    match executor.toolchains().await {
        Err(error) => host.reason = Some(error.to_string()),
        Ok(toolchains) => host.toolchains.extend(toolchains.into_iter().map(|it| Toolchain {
            name: it.name,
            version: it.version,
            current: it.current,
        })),
    }
    host
}

fn show(report: &Report) {
    let mut rows =
        vec![["compiler here", "version", "target", "packed as"].map(str::to_owned).to_vec()];
    for it in &report.compilers {
        rows.push([&it.path, &it.version, &it.target, &it.name].map(Clone::clone).to_vec());
    }
    table::print(&rows);
    println!();
    match report.archives.is_empty() {
        true => println!("No archives yet: `farmbuild toolchain pack COMPILER` makes one."),
        false => {
            let mut rows = vec![["archive", "name", "version"].map(str::to_owned).to_vec()];
            rows.extend(
                report
                    .archives
                    .iter()
                    .map(|it| [&it.path, &it.name, &it.version].map(Clone::clone).to_vec()),
            );
            table::print(&rows);
        }
    }
    println!();
    let mut rows = vec![["host", "via", "toolchain", "version", ""].map(str::to_owned).to_vec()];
    for host in &report.hosts {
        let row = |rest: [&str; 3]| {
            [host.name.as_str(), host.via]
                .into_iter()
                .chain(rest)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        match &host.reason {
            Some(reason) => rows.push(row(["?", "", reason])),
            None if host.toolchains.is_empty() => rows.push(row(["none was pushed", "", ""])),
            None => rows.extend(host.toolchains.iter().map(|it| {
                row([&it.name, &it.version, if it.current { "current" } else { "the one before" }])
            })),
        }
    }
    match report.hosts.is_empty() {
        true => println!("There are no hosts."),
        false => table::print(&rows),
    }
}
