//! Where a compiler looks for headers: its chain of directories, as it prints it with `-v`.
//!
//! Asked once for each set of arguments, and again when a directory of the chain comes or goes.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use farmbuild_core::analysis::Analysis;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Home;

use crate::digest::Digest;
use crate::plan::{self, Plan};
use crate::store::Key;

/// The directories in which a compiler looks for a header that isn't beside the file that includes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    /// For `#include "..."` only.
    pub(crate) quote: Vec<PathBuf>,
    /// For all includes.
    pub(crate) bracket: Vec<PathBuf>,
    /// Those of them whose headers are the system's: no `-I` names them, or an `-I` that counts for nothing.
    pub(crate) system: Vec<PathBuf>,
    /// Directories of `-I` that are the system's as well, and stay the system's.
    pub(crate) demoted: Vec<PathBuf>,
    /// Directories that would be in the chain if they were there.
    pub(crate) missing: Vec<PathBuf>,
    /// Headers of `-include`, which are looked for in the working directory first.
    pub(crate) forced: Vec<PathBuf>,
}

/// The chains that were asked for.
#[derive(Default)]
pub(crate) struct Chains {
    known: Mutex<HashMap<Key, Arc<Chain>>>,
}

/// As many chains as a build of many directories has.
const MOST: usize = 4096;

impl Chains {
    /// The chain of an invocation; `None` if it can't be told.
    pub(crate) async fn find(
        &self,
        home: &dyn Home,
        invocation: &Invocation,
        analysis: &Analysis,
        plan: &Plan,
        compiler: Key,
    ) -> Option<Arc<Chain>> {
        let (args, forced) = searching_args(&analysis.arguments.others);
        let mut digest = Digest::new("farmbuild chain 1");
        digest.bytes("compiler", compiler.as_bytes());
        digest.bytes("cwd", invocation.cwd.as_os_str().as_bytes());
        digest.bytes("c++", &[u8::from(plan.is_cxx())]);
        digest.list("args", &args);
        digest.list("forced", &forced);
        for (name, value) in plan::variables(invocation) {
            digest.bytes(name, value.as_bytes());
        }
        let key = digest.key();
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&key).cloned();
        if let Some(chain) = known.filter(|chain| chain.holds(&invocation.cwd)) {
            return Some(chain);
        }
        let named = named_directories(&args);
        let chain = ask(home, invocation, plan, args).await?;
        let is_users = |it: &&PathBuf| named.contains(it) && !chain.demoted.contains(it);
        let system = chain.bracket.iter().filter(|it| !is_users(it)).cloned();
        let chain = Arc::new(Chain { forced, system: system.collect(), ..chain });
        let mut known = lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, Arc::clone(&chain));
        Some(chain)
    }
}

impl Chain {
    /// Whether the directories that are there are those that were there.
    fn holds(&self, cwd: &Path) -> bool {
        let there = |path: &PathBuf| cwd.join(path).is_dir();
        self.quote.iter().chain(&self.bracket).all(there) && !self.missing.iter().any(there)
    }
}

/// The arguments that a search depends on, and the headers of `-include`, which would be read.
fn searching_args(others: &[OsString]) -> (Vec<OsString>, Vec<PathBuf>) {
    const FORCING: [&str; 4] = ["-include", "--include", "-imacros", "--imacros"];
    const APART: [&str; 3] = ["-x", "--language", "-MJ"];
    let (mut args, mut forced) = (Vec::new(), Vec::new());
    let mut rest = others.iter();
    while let Some(arg) = rest.next() {
        let bytes = arg.as_bytes();
        let joined = FORCING.iter().find_map(|option| bytes.strip_prefix(option.as_bytes()));
        match joined {
            Some([]) => forced.extend(rest.next().map(PathBuf::from)),
            Some(name) => {
                let name = name.strip_prefix(b"=").unwrap_or(name);
                forced.push(PathBuf::from(OsStr::from_bytes(name)));
            }
            None if APART.contains(&arg.to_str().unwrap_or_default()) => drop(rest.next()),
            None if bytes.starts_with(b"-x") || bytes.starts_with(b"--language=") => {}
            // Written or read files of other options would be touched once more.
            None if bytes.starts_with(b"-Wp,") || bytes.starts_with(b"-fstack-usage") => {}
            None => args.push(arg.clone()),
        }
    }
    (args, forced)
}

/// The directories that `-I` names, whose headers are the user's.
fn named_directories(args: &[OsString]) -> Vec<PathBuf> {
    const NAMING: [&str; 3] = ["-I", "--include-directory=", "--include-directory"];
    let mut named = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let joined =
            NAMING.iter().find_map(|option| arg.as_bytes().strip_prefix(option.as_bytes()));
        match joined {
            Some([]) => named.extend(rest.next().map(PathBuf::from)),
            Some(name) => named.push(PathBuf::from(OsStr::from_bytes(name))),
            None => {}
        }
    }
    named
}

async fn ask(
    home: &dyn Home,
    invocation: &Invocation,
    plan: &Plan,
    mut args: Vec<OsString>,
) -> Option<Chain> {
    let language = if plan.is_cxx() { "c++" } else { "c" };
    args.extend(["-E", "-v", "-x", language, "/dev/null"].map(OsString::from));
    let mut invocation = invocation.clone();
    // The headings are looked for, so they must be in English.
    invocation.env.retain(|(name, _)| name != "LC_ALL" && name != "LANGUAGE");
    invocation.env.push(("LC_ALL".into(), "C".into()));
    let ran = home.run(&invocation, &args).await.ok()?;
    parse(&ran.stderr).filter(|_| ran.status.success())
}

/// What follows a duplicate that is the system's.
const DEMOTED: &[u8] = b"  as it is a non-system directory that duplicates a system directory";

/// Understands what gcc and clang print with `-v`.
fn parse(text: &[u8]) -> Option<Chain> {
    let mut chain = Chain::default();
    let mut lines = text.split(|&byte| byte == b'\n');
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let mut last = None;
    for line in lines.by_ref() {
        if line == b"#include \"...\" search starts here:" {
            break;
        }
        let missing = line.strip_prefix(b"ignoring nonexistent directory \"");
        chain.missing.extend(missing.and_then(|it| it.strip_suffix(b"\"")).map(path));
        let duplicate = line.strip_prefix(b"ignoring duplicate directory \"");
        if let Some(duplicate) = duplicate.and_then(|it| it.strip_suffix(b"\"")) {
            last = Some(path(duplicate));
        } else if line == DEMOTED {
            chain.demoted.extend(last.take());
        }
    }
    let mut in_brackets = false;
    for line in lines {
        match line {
            b"#include <...> search starts here:" => in_brackets = true,
            b"End of search list." => return in_brackets.then_some(chain),
            _ => {
                let directory = path(line.strip_prefix(b" ")?);
                if in_brackets { &mut chain.bracket } else { &mut chain.quote }.push(directory);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"Using built-in specs.\nignoring nonexistent directory \"no/where\"\n\
        #include \"...\" search starts here:\n q\n#include <...> search starts here:\n include\n /usr/include\n\
        End of search list.\n# 0 \"/dev/null\"\n";

    #[test]
    fn what_a_compiler_prints_is_understood() {
        let chain = parse(TEXT).unwrap();
        assert_eq!(chain.quote, [Path::new("q")]);
        assert_eq!(chain.bracket, [Path::new("include"), Path::new("/usr/include")]);
        assert_eq!(chain.missing, [Path::new("no/where")]);
    }

    #[test]
    fn a_directory_of_the_users_that_is_the_systems_too_is_known() {
        let text = b"ignoring duplicate directory \"one\"\n\
            ignoring duplicate directory \"two\"\n  \
            as it is a non-system directory that duplicates a system directory\n\
            #include \"...\" search starts here:\n#include <...> search starts here:\n two\nEnd of search list.\n";
        assert_eq!(parse(text).unwrap().demoted, [Path::new("two")]);
    }

    #[test]
    fn a_listing_that_ends_early_is_none() {
        for end in 0..TEXT.len() - 40 {
            assert_eq!(parse(&TEXT[..end]), None, "{end}");
        }
    }

    #[test]
    fn directories_of_the_users_are_those_that_are_named() {
        let args = ["-Iinclude", "-isystem", "sys", "-I", "more"].map(OsString::from);
        assert_eq!(named_directories(&args), [Path::new("include"), Path::new("more")]);
    }

    #[test]
    fn forced_headers_are_told_from_the_other_arguments() {
        let args = ["-Iinclude", "-include", "a.h", "-includeb.h", "-x", "c", "-O2"];
        let args: Vec<_> = args.into_iter().map(OsString::from).collect();
        let (args, forced) = searching_args(&args);
        assert_eq!(args, ["-Iinclude", "-O2"]);
        assert_eq!(forced, [Path::new("a.h"), Path::new("b.h")]);
    }
}
