//! `farmbuild toolchain push`: an archive's toolchain to the hosts, all at the same time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use farmbuild_ssh::toolchain::{Pushed, Shipment, ShippedFile};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{farm_of, open, print_json};
use crate::farm::{HostConfig, Via, executors};
use crate::toolchain::archive::{self, Unpacked};

/// What became of it on one host.
#[derive(Clone, Debug, Serialize)]
struct HostResult {
    name: String,
    via: &'static str,
    /// `pushed`, `there`, `switched`, `failed`, or `unsuited`.
    result: &'static str,
    /// Bytes that were sent.
    sent: u64,
    /// Why not, and what to do.
    reason: Option<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    version: &'a str,
    hosts: Vec<HostResult>,
}

const NOT_BY_DISTCC: &str = "distcc takes no files: install the compiler there by hand, or reach the host by ssh (via = \"ssh\")";

pub(super) async fn run(
    farm: Option<&Path>,
    archive: &Path,
    named: &[String],
    json: bool,
) -> Result<bool, String> {
    let hosts = chosen(farm_of(farm)?.hosts, named)?;
    let place = tempfile::Builder::new().prefix("farmbuild-push-").tempdir();
    let place = place.map_err(|error| format!("can't make a temporary directory: {error}"))?;
    let (shipment, name, version) = load(archive, &place)?;
    let (shipment, progress) = (Arc::new(shipment), Arc::new(Progress::default()));
    let mut pushes = JoinSet::new();
    let mut results = BTreeMap::new();
    for (number, host) in hosts.iter().enumerate() {
        let Some(executor) = executors::over_ssh(host) else {
            // Whoever named it wants to know; for anybody else it is no failure.
            let reason = Some(NOT_BY_DISTCC.to_owned());
            let result = if named.is_empty() { "unsuited" } else { "failed" };
            let name = host.name.clone();
            results.insert(number, HostResult { name, via: "distcc", result, sent: 0, reason });
            continue;
        };
        progress.wanted.fetch_add(1, Ordering::Relaxed);
        let (shipment, progress, name) =
            (Arc::clone(&shipment), Arc::clone(&progress), host.name.clone());
        pushes.spawn(async move {
            let sent = |bytes| {
                progress.sent.fetch_add(bytes, Ordering::Relaxed);
            };
            let pushed = executor.push(&shipment, &sent).await;
            progress.done.fetch_add(1, Ordering::Relaxed);
            let (result, sent, reason) = match pushed {
                Ok(Pushed::New { sent }) => ("pushed", sent, None),
                Ok(Pushed::There) => ("there", 0, None),
                Ok(Pushed::Switched) => ("switched", 0, None),
                Err(error) => ("failed", 0, Some(error.to_string())),
            };
            (number, HostResult { name, via: "ssh", result, sent, reason })
        });
    }
    let row = Row::new(json, &name);
    if !json {
        results.values().for_each(|result| row.say(&sentence(result, &name, &version)));
    }
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            ended = pushes.join_next() => match ended {
                Some(Ok((number, result))) => {
                    if !json {
                        row.say(&sentence(&result, &name, &version));
                    }
                    results.insert(number, result);
                }
                Some(Err(error)) => return Err(format!("a push ended by itself: {error}")),
                None => break,
            },
            _ = tick.tick() => row.show(&progress),
        }
    }
    row.clear();
    let results: Vec<_> = results.into_values().collect();
    let good = !results.iter().any(|it| it.result == "failed");
    if json {
        print_json(&Report { name: &name, version: &version, hosts: results })?;
    } else if !hosts.iter().any(|host| host.via == Via::Ssh) {
        return Err(
            "no host of this farm is reached by ssh; docs/toolchains.md says what to do".to_owned()
        );
    }
    Ok(good)
}

/// The hosts that are meant.
fn chosen(hosts: Vec<HostConfig>, named: &[String]) -> Result<Vec<HostConfig>, String> {
    if let Some(name) = named.iter().find(|name| !hosts.iter().any(|host| host.name == **name)) {
        return Err(format!("this farm has no host {name}; `farmbuild hosts` shows which it has"));
    }
    if hosts.is_empty() {
        return Err("this farm has no hosts; `farmbuild --help` shows how to name some".to_owned());
    }
    Ok(hosts.into_iter().filter(|host| named.is_empty() || named.contains(&host.name)).collect())
}

/// Reads and checks the whole archive before anything is sent.
fn load(archive: &Path, place: &TempDir) -> Result<(Shipment, String, String), String> {
    let bad = |error: &dyn std::fmt::Display| format!("{} isn't sent: {error}", archive.display());
    let Unpacked { manifest, files } =
        archive::unpack(open(archive)?, place.path()).map_err(|error| bad(&error))?;
    let (name, version) = (manifest.name.clone(), manifest.id());
    let mut shipped = Vec::with_capacity(files.len());
    for (file, entry) in files.into_iter().zip(&manifest.files) {
        let sha256 = sha256(&file).map_err(|error| bad(&error))?;
        let (path, size, executable) = (entry.path.clone(), entry.size, entry.executable);
        shipped.push(ShippedFile { file, path, size, executable, sha256 });
    }
    // It has one: a manifest without was refused.
    let compiler = manifest.compilers.first().cloned().unwrap_or_default();
    let shipment = Shipment::new(
        [name.clone(), version.clone()],
        manifest.machine,
        [compiler, manifest.target],
        shipped,
    );
    Ok((shipment.map_err(|error| bad(&error))?, name, version))
}

fn sha256(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => hasher.update(&piece[..count]),
        }
    }
}

fn sentence(result: &HostResult, toolchain: &str, version: &str) -> String {
    let host = &result.name;
    match (result.result, &result.reason) {
        ("pushed", _) => {
            format!("{host}: pushed {toolchain} {version}, {} sent", size(result.sent))
        }
        ("there", _) => format!("{host}: already there"),
        ("switched", _) => format!("{host}: it was there already, and is in use again"),
        ("unsuited", Some(reason)) => format!("{host}: skipped: {reason}"),
        (_, reason) => format!("{host}: FAILED: {}", reason.as_deref().unwrap_or("for no reason")),
    }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

#[derive(Debug, Default)]
struct Progress {
    sent: AtomicU64,
    done: AtomicU64,
    wanted: AtomicU64,
}

/// The row of a terminal that shows how far it is. Elsewhere there is none.
struct Row<'a> {
    shown: bool,
    toolchain: &'a str,
}

impl<'a> Row<'a> {
    fn new(json: bool, toolchain: &'a str) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self { shown: !json && !dumb && io::stderr().is_terminal(), toolchain }
    }

    fn show(&self, progress: &Progress) {
        if self.shown {
            let at = |number: &AtomicU64| number.load(Ordering::Relaxed);
            let (sent, done, wanted) =
                (at(&progress.sent), at(&progress.done), at(&progress.wanted));
            eprint!(
                "\r\x1b[K{}: {} sent, {done} of {wanted} hosts done",
                self.toolchain,
                size(sent)
            );
            // A row that isn't seen is no loss.
            let _ = io::stderr().flush();
        }
    }

    fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }

    fn say(&self, line: &str) {
        self.clear();
        println!("{line}");
    }
}
