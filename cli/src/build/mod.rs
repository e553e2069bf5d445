//! `farmbuild make ...`: runs a build with its compilers masqueraded, its jobs counted and its tokens provided.
//!
//! [`session`] is the connection to the daemon for the build's life, [`masquerade`] and [`compiler_variables`] put
//! wrappers in the compilers' places, [`rustc_wrapper`] in rustc's, [`tool`] knows how make, ninja and cargo are told how much may run at once,
//! [`child`] runs the command, [`progress`] and [`summary`] show it. The exit status is the build's own.

mod child;
mod compiler_variables;
mod front;
mod made_once;
mod masquerade;
mod outer;
mod progress;
mod rustc_wrapper;
mod session;
mod summary;
mod tool;

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use farmbuild_core::protocol::message::BuildId;

use crate::client::runtime_dir::RuntimeDir;
use crate::farm::FarmError;
use crate::farm::source::{self, FarmSource};
use session::{Opened, Session};
use tool::{Parallelism, Plan};

pub(crate) use masquerade::is_compiler;

/// What the command line says about a build.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) farm: Option<PathBuf>,
    pub(crate) quiet: bool,
    /// Where to leave the summary, for whoever started this build as a part of something larger.
    pub(crate) summary_file: Option<PathBuf>,
    /// The build's command and its arguments.
    pub(crate) command: Vec<OsString>,
}

/// The status for a command line that makes no sense.
const USAGE: u8 = 2;

/// The status of a build that went well by its own account, but was given wrong objects: to be run again (`EX_TEMPFAIL` of
/// sysexits.h).
pub(crate) const UNTRUSTED: u8 = 75;

/// Runs a build.
pub(crate) fn run(options: Options) -> ExitCode {
    let Options { farm, quiet, summary_file, command } = options;
    let Some((program, args)) = command.split_first() else {
        eprintln!("farmbuild: which build? Give its command, as in `farmbuild make -j60`.");
        return ExitCode::from(USAGE);
    };
    let env = match environment(farm.as_deref()) {
        Ok(env) => env,
        Err(error) => {
            eprintln!("farmbuild: {error}");
            return ExitCode::from(USAGE);
        }
    };
    let plan = Plan::new(program, args);
    let off = env::var_os("FARMBUILD").is_some_and(|value| value == "off");
    if off || plan.dry {
        return run_plainly(program, args);
    }
    match prepare(program, &plan, env, quiet || plan.silent) {
        Ok(prepared) => prepared.run(program, summary_file.as_deref()),
        Err(why) => {
            eprintln!("farmbuild: {why}; the build runs without farmbuild");
            run_plainly(program, args)
        }
    }
}

/// The build's environment. A farm that was named by hand is read here already: a mistake in it ends the build before
/// it began, rather than quietly running it without a farm.
fn environment(farm: Option<&Path>) -> Result<Vec<(OsString, OsString)>, FarmError> {
    let mut env = source::environment(farm)?;
    env.retain(|(key, _)| key != "FARMBUILD_BUILD");
    if env.iter().any(|(key, value)| key == "FARMBUILD_FARM" && !value.is_empty()) {
        FarmSource::choose(&env)?.read()?;
    }
    Ok(env)
}

/// A build that is about to start.
struct Prepared {
    command: Command,
    session: Session,
    parallelism: Option<Parallelism>,
    outer: Option<outer::Outer>,
    silent: bool,
}

fn prepare(
    program: &OsStr,
    plan: &Plan,
    env: Vec<(OsString, OsString)>,
    silent: bool,
) -> Result<Prepared, String> {
    let outer = outer::Outer::find();
    let opened = Session::open(env.clone(), outer.is_some()).map_err(|error| error.to_string())?;
    let Opened { session, progress, warnings } = opened;
    if !silent {
        for warning in &warnings {
            eprintln!("farmbuild: {warning}");
        }
        if plan.one_at_a_time {
            eprintln!(
                "farmbuild: one of the goals cleans up, so that make does one job at a time, as without farmbuild; \
                 clean up by itself, or say -jN if this makefile stands it"
            );
        }
    }
    let mut command = masqueraded(program, plan, &env, session.id())?;
    let parallelism = Parallelism::provide(plan, &mut command, progress.capacity);
    Ok(Prepared { command, session, parallelism, outer, silent })
}

impl Prepared {
    fn run(self, program: &OsStr, summary_file: Option<&Path>) -> ExitCode {
        let Self { command, session, parallelism, outer, silent } = self;
        let start = Instant::now();
        let running = match child::start(command, parallelism.as_ref()) {
            Ok(running) => running,
            Err(error) => return child::cannot_run(program, &error),
        };
        let following = session.follow(progress::view(silent), parallelism, outer);
        let ended = running.wait();
        let aftermath = ended.aftermath();
        let summary = following.end(&aftermath);
        if let Some(file) = summary_file
            && let Err(error) = summary::leave(file, summary.as_ref())
        {
            eprintln!("farmbuild: the summary can't be left in {}: {error}", file.display());
        }
        if !progress::is_off(silent) {
            for line in summary.iter().flat_map(|summary| summary::words(summary, start.elapsed()))
            {
                eprintln!("{line}");
            }
        }
        let untrusted = summary.map(|summary| summary.untrusted).unwrap_or_default();
        // Said to those too who asked for silence.
        match (aftermath.is_given_up(), untrusted.is_empty()) {
            (true, _) => eprintln!("{}", summary::NOT_LOOKED_AT),
            (false, true) => return ended.pass_on(),
            (false, false) => {
                summary::warning(&untrusted).iter().for_each(|line| eprintln!("{line}"));
            }
        }
        match ended.pass_on() {
            ExitCode::SUCCESS => ExitCode::from(UNTRUSTED),
            failed => failed,
        }
    }
}

/// The build's command, with wrappers in the places of its compilers.
fn masqueraded(
    program: &OsStr,
    plan: &Plan,
    env: &[(OsString, OsString)],
    build: BuildId,
) -> Result<Command, String> {
    let runtime = RuntimeDir::open().map_err(|error| error.to_string())?;
    let path = env::var_os("PATH").unwrap_or_default();
    let own = env::current_exe().map_err(|error| format!("can't find this program: {error}"))?;
    let wrapper = front::prepare(runtime.path(), &own);
    let directory = masquerade::prepare(&runtime.masquerade(), &path, &wrapper)
        .map_err(|error| format!("can't put wrappers in the compilers' places: {error}"))?;
    let directories = std::iter::once(directory).chain(env::split_paths(&path));
    let path =
        env::join_paths(directories).map_err(|error| format!("PATH can't be used: {error}"))?;
    let mut command = Command::new(program);
    command.args(plan.args.iter().map(|arg| match plan.is_make {
        true => compiler_variables::prefixed(arg, &own),
        false => arg.clone(),
    }));
    command.env_clear().envs(env.iter().map(|(key, value)| (key, value)));
    command.env("PATH", path).env("FARMBUILD_BUILD", build.0.to_string());
    if plan.is_cargo() {
        rustc_wrapper::put_in_place(&mut command, &plan.args, env, &own);
    }
    Ok(command)
}

/// Becomes the build's command.
fn run_plainly(program: &OsStr, args: &[OsString]) -> ExitCode {
    let error = Command::new(program).args(args).exec();
    child::cannot_run(program, &error)
}
