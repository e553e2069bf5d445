//! cargo's build of a program with about a hundred crates from the registry, cold and warm, beside sccache.
//!
//! Every client builds the same sources in the same directory into the same, empty target directory. Knows the clients
//! from [`crate::cache`], and nothing of what crates are.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmbuild_testkit::TestSpace;
use serde::Serialize;

use crate::cache::client::Client;
use crate::measure::run;
use crate::row;
use crate::statistics::median;
use crate::table::table;

/// What is built: a package of the registry and its version, whole and for `--quick`.
const PACKAGE: (&str, &str) = ("just", "1.40.0");
const QUICK_PACKAGE: (&str, &str) = ("sd", "1.0.0");

/// One client's builds.
#[derive(Clone, Debug, Serialize)]
pub struct Builds {
    /// The client.
    pub client: String,
    /// Seconds with nothing known.
    pub cold_seconds: Vec<f64>,
    /// Seconds with everything known.
    pub warm_seconds: Vec<f64>,
    /// Of a warm build, results that were found.
    pub hits: u64,
    /// Of a warm build, compiles that ran.
    pub compiled: u64,
    /// Files of a warm build that weren't plain cargo's.
    pub different: Vec<String>,
}

/// The section's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was built.
    pub package: String,
    /// Its packages, those that it depends on included.
    pub packages: usize,
    /// Each client's builds.
    pub clients: Vec<Builds>,
}

/// Builds cold and warm, in turns.
///
/// # Errors
/// If the sources can't be had.
///
/// # Panics
/// If a build fails.
pub fn measure(clients: &[Client], quick: bool) -> Result<Report, String> {
    let (name, version) = if quick { QUICK_PACKAGE } else { PACKAGE };
    let space = TestSpace::new();
    let sources = fetch(&space, name, version)?;
    let rounds = if quick { 1 } else { 3 };
    let build = |client: &Client| {
        drop(fs::remove_dir_all(sources.join("target")));
        let mut command = client.cargo(&cargo());
        let homes = ["CARGO_HOME", "RUSTUP_HOME"].map(|name| (name, home(name)));
        command.args(["build", "--locked", "--offline"]).current_dir(&sources).envs(homes);
        command.env("CARGO_INCREMENTAL", "0").env("CARGO_TARGET_DIR", sources.join("target"));
        run(&mut command).wall.as_secs_f64()
    };
    let mut all: Vec<Builds> = clients.iter().map(Builds::none).collect();
    let mut reference = BTreeMap::new();
    for round in 0..rounds {
        for at in 0..clients.len() {
            let (client, builds) = (&clients[at], &mut all[at]);
            client.empty();
            builds.cold_seconds.push(build(client));
            client.rest();
            let before = client.counts();
            builds.warm_seconds.push(build(client));
            let counts = client.counts().since(before);
            (builds.hits, builds.compiled) = (counts.hits(), counts.compiled);
            let left = crates(&sources.join("target/debug"));
            match (at, round) {
                (0, _) => reference = left,
                _ => builds.different = different(&reference, &left),
            }
        }
    }
    let lock = fs::read_to_string(sources.join("Cargo.lock")).unwrap_or_default();
    let packages = lock.matches("[[package]]").count();
    Ok(Report { package: format!("{name} {version}"), packages, clients: all })
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A directory of cargo's or rustup's, which clients with another home are to find.
fn home(name: &str) -> PathBuf {
    let usual = if name == "CARGO_HOME" { ".cargo" } else { ".rustup" };
    let home = || Path::new(&env::var_os("HOME").unwrap_or_default()).join(usual);
    env::var_os(name).map_or_else(home, PathBuf::from)
}

/// The sources of a package, fetched by cargo with all that they depend on.
fn fetch(space: &TestSpace, name: &str, version: &str) -> Result<PathBuf, String> {
    space.write("fetch/src/lib.rs", "");
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n[dependencies]\n{name} = \"={version}\"\n"
    );
    space.write("fetch/Cargo.toml", manifest);
    let cargo = |directory: &Path, args: &[&str]| {
        let status = Command::new(self::cargo()).args(args).current_dir(directory).output();
        match status {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let why = |error| format!("can't fetch {name} {version}: {error}");
    cargo(&space.join("fetch"), &["fetch"]).map_err(why)?;
    let registries = fs::read_dir(home("CARGO_HOME").join("registry/src"));
    let registries = registries.map_err(|error| why(error.to_string()))?.flatten();
    let found = registries.map(|entry| entry.path().join(format!("{name}-{version}")));
    let found = found.into_iter().find(|path| path.is_dir());
    let found = found.ok_or_else(|| why("cargo put it elsewhere".to_owned()))?;
    space.run_ok("cp", [OsString::from("-r"), found.into(), space.join("sources").into()]);
    // As the package was published, with its own versions of what it depends on.
    cargo(&space.join("sources"), &["fetch", "--locked"]).map_err(why)?;
    Ok(space.join("sources"))
}

/// What crates became, by name.
fn crates(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory.join("deps")).into_iter().flatten().flatten();
    let files = entries.filter(|entry| !entry.file_name().to_string_lossy().ends_with(".d"));
    files
        .filter_map(|file| {
            Some((file.file_name().into_string().ok()?, fs::read(file.path()).ok()?))
        })
        .collect()
}

fn different(
    reference: &BTreeMap<String, Vec<u8>>,
    left: &BTreeMap<String, Vec<u8>>,
) -> Vec<String> {
    let names = reference.keys().chain(left.keys().filter(|name| !reference.contains_key(*name)));
    names.filter(|name| reference.get(*name) != left.get(*name)).cloned().collect()
}

impl Builds {
    fn none(client: &Client) -> Self {
        Self {
            client: if client.caches() { client.name() } else { "cargo" }.to_owned(),
            cold_seconds: Vec::new(),
            warm_seconds: Vec::new(),
            hits: 0,
            compiled: 0,
            different: Vec::new(),
        }
    }
}

/// The figures as a table; ratios are to plain cargo, and of warm builds to sccache too.
#[must_use]
pub fn show(report: &Report) -> String {
    let mut rows = vec![row![
        "client",
        "cold s",
        "/ cargo",
        "warm s",
        "/ cargo",
        "/ sccache",
        "hits",
        "compiled",
        "different"
    ]];
    let of = |name: &str, seconds: fn(&Builds) -> &[f64]| {
        let builds = report.clients.iter().find(|builds| builds.client == name);
        builds.map_or(f64::NAN, |builds| median(seconds(builds)))
    };
    for builds in &report.clients {
        let (cold, warm) = (median(&builds.cold_seconds), median(&builds.warm_seconds));
        rows.push(row![
            builds.client,
            format!("{cold:.2}"),
            format!("{:.2}", cold / of("cargo", |it| &it.cold_seconds)),
            format!("{warm:.2}"),
            format!("{:.2}", warm / of("cargo", |it| &it.warm_seconds)),
            format!("{:.2}", warm / of("sccache", |it| &it.warm_seconds)),
            builds.hits,
            builds.compiled,
            builds.different.len(),
        ]);
    }
    let rounds = report.clients.first().map_or(0, |builds| builds.cold_seconds.len());
    let Report { package, packages, .. } = report;
    format!("cargo, {package} of {packages} packages, medians of {rounds} builds\n{}", table(&rows))
}
