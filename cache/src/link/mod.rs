//! Links: objects and libraries to a program, by gcc with GNU ld.
//!
//! A link is recognised as a compile is by the direct tier: every file that was read holds what it held, and none has
//! appeared that would be found instead. The linker itself tells what it reads (`--dependency-file`, binutils 2.35).
//! Unlike with compiles, only what is on a list of [`options`] is trusted to make no other difference.

mod account;
mod options;
mod search;

use std::ffi::OsString;
use std::path::PathBuf;

use farmbuild_core::analysis::{Analysis, Family, Language, environment};
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Uncached;

use crate::base::Base;
use crate::digest::Digest;
use crate::plan::{Output, Plan, Sensitivity, Work, variable};
use crate::reason::{self, Reason};

pub(crate) use self::account::{Inputs, of as account};
use self::options::Line;
pub(crate) use self::search::{of_gcc as libraries_of_gcc, rivals};

/// What the output of a link is called in a result: the linker makes it executable, or not.
pub(crate) const OUTPUT: &str = "linked";

/// Variables that say where libraries are, or what else the linker does.
const ENVIRONMENT: [&str; 5] =
    ["LIBRARY_PATH", "LD_RUN_PATH", "LD_LIBRARY_PATH", "GNUTARGET", "LDEMULATION"];

/// Decides whether a link is cached.
pub(crate) fn plan(invocation: &Invocation, analysis: &Analysis) -> Result<Plan, Uncached> {
    if analysis.compiler.family == Family::Clang {
        return Err(Reason::Linker.into());
    }
    if let Some(refused) = environment::refused(&invocation.env) {
        return Err(reason::objection(&refused));
    }
    let line = Line::parse(invocation.argv.get(1..).unwrap_or_default())?;
    let output = Output { label: OUTPUT, path: line.output.clone(), optional: false };
    Ok(Plan {
        work: Work::Link,
        // What people call a link by.
        source: line.output,
        language: Language::LinkerInput,
        outputs: vec![output],
        dependencies: None,
        sensitivity: Sensitivity::Bytes,
        only_debug_info: false,
        names_directory: false,
        native: false,
        shows_names: true,
    })
}

/// The part of a link's key that needs no file: what is asked of which compiler.
pub(crate) fn digest(plan: &Plan, invocation: &Invocation, compiler: &[u8], base: &Base) -> Digest {
    debug_assert!(base.directory().is_none(), "links have no base directory");
    let mut digest = Digest::new("farmbuild link 1");
    digest.bytes("compiler", compiler);
    digest.bytes("output", plan.object().as_os_str().as_encoded_bytes());
    digest.list("argv", &invocation.argv);
    for name in ENVIRONMENT {
        if let Some(value) = variable(invocation, name) {
            digest.bytes(name, value.as_encoded_bytes());
        }
    }
    digest
}

/// The arguments by which the linker tells what it reads, without the file that it tells it in.
pub(crate) fn telling_args() -> Vec<OsString> {
    ["-Xlinker", "--dependency-file", "-Xlinker"].map(OsString::from).to_vec()
}

/// The directories in a variable like `PATH`.
fn directories_in(invocation: &Invocation, name: &str) -> Vec<PathBuf> {
    variable(invocation, name).map(|it| std::env::split_paths(it).collect()).unwrap_or_default()
}
