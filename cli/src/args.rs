//! The command line, declared once: parser, `--help` and completions come from here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

mod history;
mod toolchain;

pub(crate) use history::{BisectArgs, BuildFailure, EachArgs, LeashArgs, Order};
pub(crate) use toolchain::{ToolchainArgs, ToolchainVerb};

const EXAMPLES: &str = "\
Builds:
  farmbuild make -j60 bzImage     60 jobs in flight on the farm, this machine's cores within their budget
  farmbuild make                  as many jobs as the farm takes, live
  farmbuild ninja, farmbuild cargo build, farmbuild ./build.sh
  make CC='farmbuild cc gcc'      one compiler instead of a whole build; a symbolic link named gcc works too
  RUSTC_WRAPPER=farmbuild         for cargo without `farmbuild cargo`; CARGO_INCREMENTAL=0 lets all crates be cached

The farm: --farm FILE, else $FARMBUILD_FARM, else ~/.config/farmbuild/farm.toml, else $FARMBUILD_HOSTS or $DISTCC_HOSTS
(distcc's host list), else this machine alone. A farm.toml:

  [local]
  slots = 2                       # default: the cores
  fidelity = \"default\"            # or \"strict\": a job whose bytes aren't proven identical stays home

  [cache]
  dir = \"~/.cache/farmbuild\"
  max_size = \"10GiB\"

  [[host]]
  name = \"neo4a\"
  via = \"distcc\"
  address = \"192.168.0.11:3632\"
  slots = 6                       # jobs it runs at once; default 4
  queue = 6                       # jobs sent beyond that; default: as many as slots
  compression = \"lzo\"             # or \"none\"
  verify = 0.01                   # share of its jobs that is compiled twice, to find a flaky board; 0: none

Environment:
  FARMBUILD=off             run the compiler and nothing else
  FARMBUILD_CACHE=off       run every job; `read`: look results up, and keep none; `readwrite` is the default
  FARMBUILD_CACHE_DIR=DIR   another place for the cache
  FARMBUILD_FALLBACK=0      fail a job instead of bringing it home, for testing a farm
  FARMBUILD_PROGRESS=off    no progress and no summary; `plain`: lines instead of a terminal's last row
  FARMBUILD_LOG=debug       what the daemon logs (filters as of the `tracing` crate), set when it starts

`farmbuild doctor` finds the usual mistakes.";

/// Spread any make, ninja or cargo build over a farm of small boards
#[derive(Debug, Parser)]
#[command(name = "farmbuild", version, after_long_help = EXAMPLES, after_help = "`--help` shows examples, the farm file and the environment.")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Read the farm from FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) farm: Option<PathBuf>,
    /// No progress and no summary
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run one compiler invocation, as in CC='farmbuild cc gcc'
    #[command(disable_help_flag = true)]
    Cc {
        /// The compiler and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMPILER ARGS")]
        argv: Vec<OsString>,
    },
    /// Show the farm: state, slots, speed and toolchain match of each host
    Hosts {
        /// Ask each host now, by a canary compile, instead of telling what is known
        #[arg(long)]
        check: bool,
        /// The compiler to check or burn in with; default: cc, and for a burn-in gcc and g++
        #[arg(long, value_name = "NAME")]
        compiler: Option<OsString>,
        /// Keep a host busy with compiles and compare each with what this machine makes; one that passes is used again
        #[arg(long, value_name = "NAME", conflicts_with = "check")]
        burn_in: Option<String>,
        /// How long a burn-in lasts, as in 90s, 10m or 1h
        #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = burn_in_time, requires = "burn_in")]
        time: Duration,
        /// How many compiles a burn-in has at most
        #[arg(long, value_name = "NUMBER", requires = "burn_in")]
        jobs: Option<u64>,
        /// Use a host again that was set aside for wrong bytes
        #[arg(long, value_name = "NAME", conflicts_with_all = ["check", "burn_in"])]
        trust: Option<String>,
        /// For scripts
        #[arg(long)]
        json: bool,
    },
    /// Show what ran where, and why jobs stayed home
    Stats {
        /// For scripts
        #[arg(long)]
        json: bool,
        /// Set the counters to zero afterwards
        #[arg(long, short)]
        zero: bool,
    },
    /// Find the usual mistakes of a farm and say the cure
    Doctor {
        /// For scripts
        #[arg(long)]
        json: bool,
    },
    /// Start, stop or look at the daemon (builds start it by themselves)
    Daemon {
        #[command(subcommand)]
        verb: DaemonVerb,
    },
    /// Print a shell's completions
    #[command(hide = true)]
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// Hold the tokens of an outer jobserver for a build
    #[command(hide = true)]
    Guard,
    #[command(hide = true)]
    Top(Later),
    #[command(hide = true)]
    Report(Later),
    /// Put the same compiler on every host, and find out who has another one
    Toolchain(ToolchainArgs),
    /// Look after the cache: its size, its soundness, what is in it
    Cache(CacheArgs),
    /// Explain the last lookup of a source in the cache: which tier found it, or what had changed
    Why {
        /// The source, or the end of its path
        file: PathBuf,
        /// For scripts
        #[arg(long)]
        json: bool,
    },
    /// Find the commit that broke something, in worktrees of its own
    Bisect(BisectArgs),
    /// Build every commit of a series by itself, in worktrees of its own
    Each(EachArgs),
    /// Run a build or a test that ends when its starter does
    #[command(hide = true)]
    Leash(LeashArgs),
    /// Run a build: make, ninja, cargo or any other command
    #[command(external_subcommand)]
    Build(Vec<OsString>),
}

/// A verb that has its name reserved, so that `farmbuild top` never runs another program's `top`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CacheArgs {
    /// For scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) verb: CacheVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheVerb {
    /// Show its place, its size, and how often something was found
    Stats,
    /// Empty it
    Clear,
    /// Read all of it and remove what is damaged
    Verify,
    /// Bring it within its limit now, and clear leftovers away
    Gc,
    /// Show its limit, or set it
    Size {
        /// As in 20GiB
        size: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum DaemonVerb {
    /// Start it, if it isn't there
    Start,
    /// End it, after the jobs it has
    Stop,
    /// Say whether it is there
    Status {
        /// As one line of JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Run it in the foreground, for a service manager
    Run {
        #[arg(long, hide = true)]
        detached: bool,
    },
    /// Start it as nobody's child
    #[command(hide = true)]
    Detach,
}

/// A time as people write it.
fn burn_in_time(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let factor = match unit {
        "" | "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let seconds = number.parse::<u64>().ok().zip(factor).and_then(|(n, by)| n.checked_mul(by));
    let seconds = seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs);
    seconds.ok_or_else(|| "write a time as in 90s, 10m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_burn_in_lasts_as_long_as_people_write() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600)] {
            assert_eq!(burn_in_time(text).unwrap(), Duration::from_secs(seconds));
        }
        for text in ["", "s", "0", "1d", "-1s", "1.5h", "99999999999999999999h"] {
            assert!(burn_in_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_builds_own_options_are_its_own() {
        let args = Args::parse_from(["farmbuild", "--farm", "f", "make", "-j60", "--quiet", "X=1"]);
        let Verb::Build(command) = args.verb else { panic!("{args:?}") };
        assert_eq!(command, ["make", "-j60", "--quiet", "X=1"]);
        assert!(!args.quiet);
    }

    #[test]
    fn a_compilers_own_options_are_its_own() {
        let args = Args::parse_from(["farmbuild", "cc", "gcc", "--version"]);
        let Verb::Cc { argv } = args.verb else { panic!("{args:?}") };
        assert_eq!(argv, ["gcc", "--version"]);
    }
}
