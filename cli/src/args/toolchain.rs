//! The arguments of `farmbuild toolchain`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

const HELP: &str = "\
The same compiler on every board, in three steps:
  farmbuild toolchain pack gcc                 an archive of this machine's gcc and g++, with all that they need
  farmbuild toolchain push FILE                to every host with via = \"ssh\", at the same time
  farmbuild toolchain check gcc                who compiles to the same bytes as this machine, and who doesn't, and why

A pushed compiler is used by the next job over ssh, before the board's own. Nothing is installed there: it is unpacked in \
~/.cache/farmbuild-board/toolchains, under a hash of its content, tried, and only then given its name. Whatever goes wrong \
before that leaves the board as it was. The version before is kept until the next push.

A board runs compilers of its own kind of machine alone. For boards of another kind, pack there the compiler that \
compiles for this one, bring the archive here, and push it.

docs/toolchains.md has the form of archives and of that directory.";

#[derive(Debug, Args)]
#[command(after_long_help = HELP, after_help = "`--help` shows how the verbs go together.")]
pub(crate) struct ToolchainArgs {
    #[command(subcommand)]
    pub(crate) verb: ToolchainVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ToolchainVerb {
    /// Show this machine's compilers and archives, and which toolchains were pushed to each host
    List {
        /// For scripts
        #[arg(long)]
        json: bool,
    },
    /// Compile canaries on every host, over ssh and distcc, and compare them with this machine's, byte for byte
    #[command(long_about = CHECK)]
    Check {
        /// The compiler, by name or path
        #[arg(default_value = "cc")]
        compiler: OsString,
        /// For scripts
        #[arg(long)]
        json: bool,
    },
    /// Put an archive's toolchain on hosts that are reached by ssh
    #[command(long_about = PUSH)]
    Push {
        /// An archive that `farmbuild toolchain pack` made
        archive: PathBuf,
        /// Only this host; may be given several times
        #[arg(long, value_name = "NAME")]
        host: Vec<String>,
        /// For scripts
        #[arg(long)]
        json: bool,
    },
    /// Make an archive of a compiler of this machine that runs on others
    #[command(long_about = PACK)]
    Pack {
        /// gcc or clang, by name or path
        compiler: OsString,
        /// Where to write it [default: ~/.local/share/farmbuild/toolchains/NAME-HASH.tar.zst]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// For scripts
        #[arg(long)]
        json: bool,
    },
}

const CHECK: &str = "\
Compile canaries on every host, over ssh and distcc, and compare them with this machine's, byte for byte

There are four: C, C++ (by the g++ beside gcc), assembly, and C with -flto. The table has a row for each host and a cell for each \
canary: same, differs, missing (there is no such compiler), failed, away, or untried (distccd takes no -flto). Below it \
stands what differs. Names that the compiler may have there are tried in turn; the first that agrees counts.

Exit status: 0 if every host agrees in everything, 1 if not.";

const PUSH: &str = "\
Put an archive's toolchain on hosts that are reached by ssh

All hosts of the farm at the same time, or those that --host names; a line for each says what became of it. A host must be of \
the archive's kind of machine and have room for it. It needs no tar and no zstd. What arrives is checked \
against SHA-256 sums and run once before it counts; until then the host has what it had, and what was begun is removed, by the next \
connection if this one is cut. Nothing is sent to a host that has the toolchain.

distcc takes no files: on hosts with via = \"distcc\", install the compiler by hand.

A daemon that set a host aside because of its compiler asks it again within five minutes; `farmbuild daemon stop` has \
the next build ask at once.

Exit status: 0 if every host that is reached by ssh (or was named) has the toolchain now, 1 if not.";

const PACK: &str = "\
Make an archive of a compiler of this machine that runs on others

In it are the driver, the one for the other language beside it (g++ for gcc), cc1, cc1plus, as, ld, collect2 and the LTO plugin, gcc's own \
headers and specs, and every shared library that these need, the C library and its loader included: the board's own may be \
older. Headers of the system aren't in it, nor what only links need: a host compiles preprocessed text and assembles it.

Before the archive is written, the packed compiler runs here from where it was put together, and must make the very bytes of \
the original: C, C++, assembly, -flto, -g and -frecord-gcc-switches. The same compiler makes the same archive.";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Args, Verb};
    use super::*;

    #[test]
    fn hosts_can_be_named_several_times() {
        let args = Args::parse_from([
            "farmbuild",
            "toolchain",
            "push",
            "x.tar.zst",
            "--host",
            "a",
            "--host",
            "b",
        ]);
        let Verb::Toolchain(ToolchainArgs { verb: ToolchainVerb::Push { host, .. } }) = args.verb
        else {
            panic!("{args:?}")
        };
        assert_eq!(host, ["a", "b"]);
    }
}
