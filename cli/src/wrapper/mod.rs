//! What stands in the compiler's place: asks the daemon, and either answers for it or becomes the real compiler.
//!
//! No runtime, no configuration, one socket. Whatever goes wrong here, the real compiler runs: a build never fails
//! because of farmbuild. Becoming the compiler, by `exec`, rather than starting one gives a local job the terminal,
//! the limits, the process number and the signals of a plain build for nothing. Only a compile whose result is to be
//! kept runs as a child: see [`watched`].

mod hidden;
#[path = "../../front/looks.rs"]
mod looks;
mod watched;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use farmbuild_core::protocol::message::{JobRequest, Reply, Request};
use rustix::fs::{fstat, stat};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::umask;

use crate::client::connection::Connection;
use crate::client::runtime_dir::RuntimeDir;
use crate::client::start;
use crate::real_compiler::Finder;

#[cfg(test)]
pub(crate) use watched::terminal_of;

/// Counts wrappers inside wrappers: a compiler that is a script and calls itself by PATH would go on for ever.
const DEPTH: &str = "FARMBUILD_DEPTH";
const DEPTH_LIMIT: u32 = 16;
/// The status of a shell that didn't find a command.
const NOT_FOUND: u8 = 127;

/// Runs the compiler invocation `argv`, here or by the daemon, and never returns but with the wrapper's status. On an
/// `answered` connection the daemon was asked already, by the front in whose place this process stands.
pub(crate) fn run(argv: Vec<OsString>, answered: Option<Connection>) -> ExitCode {
    let Some(name) = argv.first().cloned() else {
        eprintln!(
            "farmbuild cc: which compiler? Give its name and arguments, as in `farmbuild cc gcc -c a.c`."
        );
        return ExitCode::from(2);
    };
    let masquerade = RuntimeDir::open().ok().map(|runtime| runtime.masquerade());
    let Some(real) = Finder::new(masquerade).find(&name, env::var_os("PATH").as_deref()) else {
        eprintln!("farmbuild: there is no {} on PATH besides farmbuild itself", name.display());
        return ExitCode::from(NOT_FOUND);
    };
    let depth = env::var(DEPTH).ok().and_then(|depth| depth.parse::<u32>().ok()).unwrap_or(0);
    if depth >= DEPTH_LIMIT {
        eprintln!(
            "farmbuild: {} calls itself through farmbuild without end",
            real.program.display()
        );
        return ExitCode::from(NOT_FOUND);
    }
    let environment = env::vars_os().filter(|(key, _)| key != DEPTH).collect();
    let mut request = real.in_place(request(argv, environment));
    // A wrapper inside a wrapper has its job's slot already.
    let mut said = Vec::new();
    if depth == 0
        && env::var_os("FARMBUILD").is_none_or(|value| value != "off")
        && let Some(answer) = ask(&mut request, depth, answered, &mut said)
    {
        return answer;
    }
    if !said.is_empty()
        && let Some(answer) = watched::run_without(compiler(&request, depth), said)
    {
        return answer;
    }
    become_compiler(&request, depth)
}

/// The job as the build has it.
fn request(argv: Vec<OsString>, env: Vec<(OsString, OsString)>) -> JobRequest {
    // Reading the mask means setting it; nothing else runs in this process.
    let mask = umask(rustix::fs::Mode::empty());
    umask(mask);
    let cwd = env::current_dir().map(OsString::from).unwrap_or_default();
    let terminal = watched::terminal();
    let null_input = argv.iter().any(|arg| arg == "-") && reads_nothing();
    let program = OsString::new();
    JobRequest { program, argv, cwd, env, umask: mask.bits(), terminal, null_input }
}

/// Whether standard input is the null device, from which makefiles have an option tried.
fn reads_nothing() -> bool {
    let null = stat("/dev/null").map(|null| (null.st_mode, null.st_rdev));
    fstat(io::stdin()).is_ok_and(|input| null == Ok((input.st_mode, input.st_rdev)))
}

/// Asks the daemon. `None`: run the compiler here, and don't say again what it has `said`.
fn ask(
    job: &mut JobRequest,
    depth: u32,
    answered: Option<Connection>,
    said: &mut Vec<Vec<u8>>,
) -> Option<ExitCode> {
    if job.cwd.is_empty() {
        return None;
    }
    let asked = match answered {
        Some(connection) => Ok(connection),
        None => start::ask(&Request::Job(job.clone())),
    };
    let mut connection = asked.inspect_err(|error| tell_if_debugging(error)).ok()?;
    let mut reply = connection.reply();
    while let Ok(Reply::Said { stderr }) = reply {
        // If nobody listens, a compiler wouldn't be heard either.
        let _ = io::stderr().write_all(&stderr);
        said.push(stderr);
        reply = connection.reply();
    }
    match reply {
        Ok(Reply::Done { status, stdout, stderr }) => Some(answer(status, &stdout, &stderr)),
        Ok(Reply::Failed(sentence)) => {
            eprintln!("farmbuild: {sentence}");
            Some(ExitCode::FAILURE)
        }
        Ok(Reply::RunHere { keep_open, extra }) => {
            job.argv.extend(extra);
            if keep_open {
                hold_across_exec(connection);
            }
            None
        }
        Ok(Reply::RunAndTell { extra, telling }) => {
            job.argv.extend(extra);
            watched::run(compiler(job, depth), telling, connection, said)
        }
        Ok(_) => None,
        Err(error) => {
            tell_if_debugging(&error);
            None
        }
    }
}

fn answer(status: i32, stdout: &[u8], stderr: &[u8]) -> ExitCode {
    // If nobody listens, a compiler wouldn't be heard either.
    let _ = io::stdout().write_all(stdout).and_then(|()| io::stdout().flush());
    let _ = io::stderr().write_all(stderr);
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

/// Leaves the connection open in the compiler that this process becomes; it closes when the compiler ends.
fn hold_across_exec(connection: Connection) {
    if fcntl_setfd(connection.as_fd(), FdFlags::empty()).is_ok() {
        std::mem::forget(connection);
    }
}

/// The real compiler's command.
fn compiler(job: &JobRequest, depth: u32) -> Command {
    let mut command = Command::new(&job.program);
    if let Some((name, args)) = job.argv.split_first() {
        command.arg0(name).args(args);
    }
    command.env_clear().envs(job.env.iter().map(|(key, value)| (key, value)));
    command.env(DEPTH, (depth + 1).to_string());
    command
}

fn become_compiler(job: &JobRequest, depth: u32) -> ExitCode {
    let error = compiler(job, depth).exec();
    eprintln!("farmbuild: can't run {}: {error}", job.program.display());
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { 126 })
}

/// A wrapper is silent about farmbuild's own troubles, because builds look at what a compiler prints.
fn tell_if_debugging(error: &dyn std::fmt::Display) {
    if env::var_os("FARMBUILD_LOG").is_some_and(|filter| filter != OsStr::new("off")) {
        eprintln!("farmbuild: runs the compiler without the daemon: {error}");
    }
}
