//! How a build tool is told how much may run at once.
//!
//! make gets a jobserver of ours: of N jobs under `-jN`, else of as many as farm and machine take, live; none under
//! `-j1`. ninja gets a `-j`, because it knows no jobserver before 1.13. cargo gets a jobserver of this machine's size:
//! rustc compiles here. Other commands are left alone.

use std::env;
use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use farmbuild_core::jobserver::{Jobs, MakeArgs, Makeflags, Style, TokenServer};

/// A build's command, understood as far as its parallelism goes.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) is_make: bool,
    /// The arguments to give, without what our jobserver replaces.
    pub(crate) args: Vec<OsString>,
    /// Nothing is built (`make -n`): there is nothing to distribute either.
    pub(crate) dry: bool,
    /// `make -s`: progress and summary would be unwelcome.
    pub(crate) silent: bool,
    /// make is given a `-j1` that nobody asked for.
    pub(crate) one_at_a_time: bool,
    tool: Tool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Make { style: Option<Style>, jobs: Option<Jobs> },
    Ninja { jobs_given: bool },
    Cargo,
    Other,
}

impl Plan {
    pub(crate) fn new(program: &OsStr, args: &[OsString]) -> Self {
        let name = Path::new(program).file_name().and_then(OsStr::to_str).unwrap_or_default();
        let other = |tool| Self {
            is_make: false,
            args: args.to_vec(),
            dry: false,
            silent: false,
            one_at_a_time: false,
            tool,
        };
        match name {
            "make" | "gmake" | "remake" => {
                let user = user_makeflags();
                let given = MakeArgs::parse(args.iter().cloned());
                let jobs = given.jobs.or(user.jobs());
                let one_at_a_time = jobs.is_none() && given.cleans_among_others();
                let jobs = jobs.or(one_at_a_time.then_some(Jobs::Count(NonZeroUsize::MIN)));
                let mut args = given.args;
                match jobs {
                    Some(Jobs::Unlimited) => args.insert(0, "-j".into()),
                    Some(Jobs::Count(NonZeroUsize::MIN)) => args.insert(0, "-j1".into()),
                    _ => {}
                }
                Self {
                    is_make: true,
                    args,
                    dry: given.dry || user.dry(),
                    silent: given.silent || user.silent(),
                    one_at_a_time,
                    tool: Tool::Make { style: given.style, jobs },
                }
            }
            "ninja" | "ninja-build" | "samu" => {
                let jobs_given = args.iter().any(|arg| arg.as_encoded_bytes().starts_with(b"-j"));
                other(Tool::Ninja { jobs_given })
            }
            "cargo" => other(Tool::Cargo),
            _ => other(Tool::Other),
        }
    }

    /// Whether it is cargo, which has to be told of wrappers.
    pub(crate) fn is_cargo(&self) -> bool {
        self.tool == Tool::Cargo
    }
}

fn user_makeflags() -> Makeflags {
    Makeflags::parse(&env::var_os("MAKEFLAGS").unwrap_or_default())
}

/// The jobserver of a build.
#[derive(Debug)]
pub(crate) struct Parallelism {
    server: TokenServer,
    /// Whether it follows the farm's capacity.
    live: bool,
}

impl Parallelism {
    /// Tells `command` how much may run at once; `None` if it has no jobserver of ours.
    pub(crate) fn provide(plan: &Plan, command: &mut Command, capacity: u64) -> Option<Self> {
        let capacity = count(capacity).unwrap_or(NonZeroUsize::MIN);
        let (style, jobs, live) = match plan.tool {
            // Under a jobserver, even one of a single job, make looks at its next goal before the last one is done.
            Tool::Make { jobs: Some(Jobs::Unlimited | Jobs::Count(NonZeroUsize::MIN)), .. }
            | Tool::Other => return None,
            Tool::Make { style, jobs } => {
                let style = style.unwrap_or_else(|| style_of(command.get_program()));
                match jobs {
                    Some(Jobs::Count(jobs)) => (style, jobs, false),
                    _ => (style, capacity, true),
                }
            }
            Tool::Ninja { jobs_given } => {
                if !jobs_given {
                    command.arg(format!("-j{capacity}"));
                }
                return None;
            }
            Tool::Cargo => {
                (Style::Pipe, thread::available_parallelism().unwrap_or(NonZeroUsize::MIN), false)
            }
        };
        match TokenServer::new(style, jobs) {
            Ok(server) => {
                server.configure(command, &user_makeflags());
                Some(Self { server, live })
            }
            Err(error) => {
                eprintln!(
                    "farmbuild: there is no jobserver: {error}; the build has one of its own with -j{jobs}"
                );
                command.arg(format!("-j{jobs}"));
                None
            }
        }
    }

    /// The build's root process is there: from now on what its dead leave behind is put back.
    pub(crate) fn watch(&self, process: u32) {
        self.server.watch(process);
    }

    /// The farm takes this many jobs now.
    pub(crate) fn follow(&self, capacity: u64) {
        let (true, Some(jobs)) = (self.live, count(capacity)) else { return };
        if jobs != self.server.jobs()
            && let Err(error) = self.server.resize(jobs)
        {
            tracing::debug!(%error, "the jobserver can't be resized");
        }
    }
}

fn count(number: u64) -> Option<NonZeroUsize> {
    usize::try_from(number).ok().and_then(NonZeroUsize::new)
}

/// What the make at hand understands.
fn style_of(make: &OsStr) -> Style {
    let version =
        Command::new(make).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    version.map_or(Style::Pipe, |version| Style::of_make(&String::from_utf8_lossy(&version.stdout)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &[&str]) -> Plan {
        let args: Vec<OsString> = words[1..].iter().map(OsString::from).collect();
        Plan::new(OsStr::new(words[0]), &args)
    }

    #[test]
    fn makes_jobs_become_our_jobservers() {
        let plan = plan(&["make", "-j60", "bzImage"]);
        assert_eq!(plan.args, ["bzImage"]);
        let jobs = NonZeroUsize::new(60).map(Jobs::Count);
        assert_eq!(plan.tool, Tool::Make { style: None, jobs });
    }

    #[test]
    fn an_unlimited_make_stays_unlimited() {
        assert_eq!(plan(&["make", "-j", "all"]).args, ["-j", "all"]);
    }

    #[test]
    fn a_dry_run_is_told_from_a_build() {
        assert!(plan(&["make", "-n"]).dry && !plan(&["make", "n"]).dry);
    }

    #[test]
    fn other_commands_keep_their_arguments() {
        assert_eq!(plan(&["./build.sh", "-j3"]).args, ["-j3"]);
        assert_eq!(plan(&["ninja", "-j3"]).tool, Tool::Ninja { jobs_given: true });
    }
}
