//! Compiles C and C++ files side by side on a farm of one host, which an executor of our own serves.
//!
//!     cargo run -- gcc -O2 -g FILE.c...     # writes FILE.o beside each
//!
//! Embedding farmbuild takes three things: a [`Pipeline`], hosts for it, and somebody who compiles the jobs that it
//! sends home.

mod nice;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use farmbuild_core::budget::LocalBudget;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::{Answer, Circumstances, Pipeline};
use farmbuild_core::scheduler::HostEntry;
use farmbuild_local::home::LocalHome;
use tokio::process::Command;
use tokio::task::JoinSet;

use nice::NiceExecutor;

/// How much of this machine preprocessing and compiles at home may use.
const LOCAL_SLOTS: usize = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let (sources, flags): (Vec<_>, Vec<_>) = args.into_iter().partition(|arg| is_source(arg));
    let Some(program) = flags.first().and_then(|name| on_path(name)) else {
        eprintln!("usage: own-executor COMPILER FLAGS... FILE.c...");
        return ExitCode::from(2);
    };

    let pipeline = Pipeline::new(Arc::new(LocalHome), LocalBudget::new(LOCAL_SLOTS));
    let host = NiceExecutor::new("background", 2);
    pipeline.set_hosts(vec![HostEntry::new(Arc::new(host), "background")]);

    let pipeline = Arc::new(pipeline);
    let mut jobs = JoinSet::new();
    for source in sources {
        let mut argv = flags.clone();
        argv.extend(["-c".into(), source.clone(), "-o".into()]);
        argv.push(Path::new(&source).with_extension("o").into());
        let invocation = Invocation {
            program: program.clone(),
            argv,
            cwd: env::current_dir().unwrap_or_default(),
            env: env::vars_os().collect(),
            umask: 0o022,
        };
        let pipeline = Arc::clone(&pipeline);
        jobs.spawn(async move { (source, compile(&pipeline, Arc::new(invocation)).await) });
    }
    let mut failed = false;
    while let Some(Ok((source, compiled))) = jobs.join_next().await {
        match compiled {
            Ok((true, place)) => println!("{}: {place}", source.display()),
            Ok((false, place)) => {
                println!("{}: failed {place}", source.display());
                failed = true;
            }
            Err(error) => {
                println!("{}: {error}", source.display());
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs one job, and says whether it succeeded and where it ran.
async fn compile(pipeline: &Pipeline, invocation: Arc<Invocation>) -> io::Result<(bool, String)> {
    // No cache, and nobody else's jobserver.
    match pipeline.run(Arc::clone(&invocation), Circumstances::default()).await {
        Answer::Hit(hit) => Ok((true, format!("in the cache ({} tier)", hit.tier))),
        // A compile that said anything never comes this way: its words are those of a compile at home.
        Answer::Done { host, status, .. } => Ok((status.success(), format!("on {host}"))),
        // The permit is a share of this machine: it is given back at the end of this arm.
        Answer::Home { reason, permit: _permit, .. } => {
            let mut command = Command::new(&invocation.program);
            command.args(&invocation.argv[1..]).current_dir(&invocation.cwd);
            let status = command.status().await?;
            Ok((status.success(), format!("at home, because {reason}")))
        }
    }
}

fn is_source(arg: &OsStr) -> bool {
    let extension = Path::new(arg).extension().and_then(OsStr::to_str);
    matches!(extension, Some("c" | "cc" | "cpp" | "cxx"))
}

fn on_path(name: &OsStr) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file())
}
