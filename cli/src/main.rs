//! The `farmbuild` binary: a wrapper when it is called by a compiler's name, else a command line.
//!
//! Modules from the outside in: [`wrapper`] stands in a compiler's place, [`build`] runs a whole build, [`commands`] talk to
//! people, some of them over a repository's [`history`]; [`client`] is their way to the [`daemon`], which holds the [`farm`];
//! a [`toolchain`] is a compiler as a file.

mod args;
mod build;
mod client;
mod commands;
mod daemon;
mod farm;
mod history;
mod real_compiler;
mod toolchain;
mod wrapper;

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use farmbuild_core::analysis::rustc;

use args::{Args, Verb};
use client::connection::Connection;

fn main() -> ExitCode {
    let argv: Vec<OsString> = env::args_os().collect();
    if let Some((connection, compiler)) = as_answered_wrapper(&argv) {
        return wrapper::run(compiler, Some(connection));
    }
    match as_wrapper(&argv) {
        Some(compiler) => wrapper::run(compiler, None),
        None => command_line(Args::parse_from(argv)),
    }
}

/// What the front leaves to this process: a connection on which the daemon has begun to answer, and the compiler
/// invocation that it was asked for. `farmbuild cc-answered 3 gcc ...`, by nobody else.
fn as_answered_wrapper(argv: &[OsString]) -> Option<(Connection, Vec<OsString>)> {
    match argv {
        [_, verb, descriptor, compiler @ ..] if verb == "cc-answered" => {
            let connection = Connection::inherited(descriptor.to_str()?.parse().ok()?)?;
            Some((connection, compiler.to_vec()))
        }
        _ => None,
    }
}

/// The compiler invocation that this process stands for: `gcc ...` through a link of that name, or
/// `farmbuild cc gcc ...`, or, as `RUSTC_WRAPPER` and `CC="farmbuild gcc"` have it, `farmbuild gcc ...`; clippy stands before
/// rustc there. Decided before the command line is parsed, because a wrapper is started for every job.
fn as_wrapper(argv: &[OsString]) -> Option<Vec<OsString>> {
    let own_name = Path::new(argv.first()?).file_name()?;
    if is_wrapped(own_name) {
        return Some(argv.to_vec());
    }
    let first = argv.get(1)?;
    if first == "cc" && argv.len() > 2 {
        return Some(argv[2..].to_vec());
    }
    let compiler =
        Path::new(first).file_name().is_some_and(|name| first != "cc" && is_wrapped(name));
    (compiler || is_before_rustc(argv)).then(|| argv[1..].to_vec())
}

/// `farmbuild clippy-driver /usr/bin/rustc ...`, or another program that cargo was told to put in front of rustc. Not
/// `farmbuild cargo rustc`, which is a build.
fn is_before_rustc(argv: &[OsString]) -> bool {
    let from_cargo = || {
        ["CARGO", "RUSTC_WORKSPACE_WRAPPER"].iter().any(|name| env::var_os(name).is_some())
            && argv.get(2).is_some_and(|rustc| Path::new(rustc).is_absolute())
    };
    let is_clippy = |program: &OsString| Path::new(program).ends_with("clippy-driver");
    rustc::stands_before_rustc(&argv[1..]) && (argv.get(1).is_some_and(is_clippy) || from_cargo())
}

fn is_wrapped(name: &OsStr) -> bool {
    name == "rustc" || build::is_compiler(name)
}

fn command_line(args: Args) -> ExitCode {
    let Args { farm, quiet, verb } = args;
    match verb {
        Verb::Build(command) => {
            build::run(build::Options { farm, quiet, summary_file: None, command })
        }
        Verb::Cc { argv } => wrapper::run(argv, None),
        Verb::Hosts { burn_in: Some(host), compiler, time, jobs, json, .. } => {
            let compilers = compiler.into_iter().collect();
            commands::burn_in::run(
                farm,
                commands::burn_in::Wish { host, compilers, time, jobs },
                json,
            )
        }
        Verb::Hosts { trust: Some(host), json, .. } => commands::hosts::trust(farm, host, json),
        Verb::Hosts { check, compiler, json, .. } => {
            let compiler = compiler.unwrap_or_else(|| "cc".into());
            commands::hosts::run(farm, check.then_some(compiler), json)
        }
        Verb::Stats { json, zero } => commands::stats::run(json, zero),
        Verb::Doctor { json } => commands::doctor::run(farm, json),
        Verb::Daemon { verb } => commands::daemon::run(verb),
        Verb::Guard => commands::guard(),
        Verb::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Args::command(),
                "farmbuild",
                &mut std::io::stdout(),
            );
            ExitCode::SUCCESS
        }
        Verb::Top(_) => commands::not_yet("top"),
        Verb::Report(_) => commands::not_yet("report"),
        Verb::Toolchain(args) => commands::toolchain::run(farm.as_deref(), args),
        Verb::Cache(args) => commands::cache::run(farm.as_deref(), &args),
        Verb::Why { file, json } => commands::why::run(farm.as_deref(), file, json),
        Verb::Bisect(args) => commands::bisect::run(farm, quiet, args),
        Verb::Each(args) => commands::each::run(farm, quiet, args),
        Verb::Leash(args) => history::leash::run(farm, args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(words: &[&str]) -> Option<Vec<OsString>> {
        as_wrapper(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_link_named_after_a_compiler_is_a_wrapper() {
        assert_eq!(wrapped(&["/x/gcc", "-c", "a.c"]).unwrap(), ["/x/gcc", "-c", "a.c"]);
        assert_eq!(wrapped(&["farmbuild", "cc", "gcc", "-c"]).unwrap(), ["gcc", "-c"]);
        assert_eq!(
            wrapped(&["farmbuild", "/usr/bin/rustc", "-vV"]).unwrap(),
            ["/usr/bin/rustc", "-vV"]
        );
        assert_eq!(
            wrapped(&["farmbuild", "/bin/clippy-driver", "/usr/bin/rustc", "-vV"]).unwrap(),
            ["/bin/clippy-driver", "/usr/bin/rustc", "-vV"]
        );
        assert_eq!(wrapped(&["cc", "cc", "a.o"]).unwrap(), ["cc", "cc", "a.o"]);
    }

    #[test]
    fn a_build_is_no_wrapper() {
        assert_eq!(wrapped(&["farmbuild", "make", "CC=gcc"]), None);
        assert_eq!(wrapped(&["farmbuild", "cargo", "rustc"]), None);
        assert_eq!(wrapped(&["farmbuild", "cc"]), None);
        assert_eq!(wrapped(&["farmbuild"]), None);
    }
}
