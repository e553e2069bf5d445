//! `farmbuild toolchain list|check|push|pack`: the same compiler on every host.
//!
//! They talk to hosts themselves, through executors of their own: what a daemon has found out is no matter here.

mod check;
mod list;
mod pack;
mod push;

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::{failed, table};
use crate::args::{ToolchainArgs, ToolchainVerb};
use crate::farm::FarmConfig;
use crate::farm::source::{self, FarmSource};

/// How an archive's name ends.
const EXTENSION: &str = ".tar.zst";

pub(crate) fn run(farm: Option<&Path>, args: ToolchainArgs) -> ExitCode {
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&format!("no threads can be started: {error}")),
        };
    let done = runtime.block_on(async {
        match args.verb {
            ToolchainVerb::List { json } => list::run(farm, json).await,
            ToolchainVerb::Check { compiler, json } => check::run(farm, &compiler, json).await,
            ToolchainVerb::Push { archive, host, json } => {
                push::run(farm, &archive, &host, json).await
            }
            ToolchainVerb::Pack { compiler, output, json } => {
                pack::run(&compiler, output, json).await
            }
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => failed(&sentence),
    }
}

/// The farm that the environment chooses.
fn farm_of(farm: Option<&Path>) -> Result<FarmConfig, String> {
    let env = source::environment(farm).map_err(|error| error.to_string())?;
    let source = FarmSource::choose(&env).map_err(|error| error.to_string())?;
    source.read().map_err(|error| error.to_string())
}

/// Where archives are, unless they are put elsewhere; `None` if no directory of the user's is known.
fn archives() -> Option<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(data.join("farmbuild/toolchains"))
}

fn open(archive: &Path) -> Result<File, String> {
    File::open(archive).map_err(|error| format!("can't read {}: {error}", archive.display()))
}

fn print_json(report: &impl Serialize) -> Result<(), String> {
    println!("{}", serde_json::to_string_pretty(report).map_err(|error| error.to_string())?);
    Ok(())
}
