//! The commands that talk to people (or, with `--json`, to scripts).

pub(crate) mod bisect;
pub(crate) mod burn_in;
pub(crate) mod cache;
mod commit_line;
pub(crate) mod daemon;
pub(crate) mod doctor;
pub(crate) mod each;
pub(crate) mod hosts;
pub(crate) mod stats;
mod table;
pub(crate) mod toolchain;
pub(crate) mod why;

use std::process::ExitCode;

use farmbuild_core::jobserver::guardian;
use farmbuild_core::protocol::message::{Reply, Request};

use crate::client::start;

/// The status for a command line that makes no sense.
const USAGE: u8 = 2;

/// Asks the daemon one thing. Errors are sentences for people.
fn ask(request: &Request) -> Result<Reply, String> {
    let mut connection = start::ask(request).map_err(|error| error.to_string())?;
    match connection.reply() {
        Ok(Reply::Failed(sentence)) => Err(sentence),
        Ok(reply) => Ok(reply),
        Err(error) => Err(format!("the daemon gave no answer: {error}")),
    }
}

const ODD_ANSWER: &str = "the daemon answered what it wasn't asked";

fn failed(sentence: &str) -> ExitCode {
    eprintln!("farmbuild: {sentence}");
    ExitCode::FAILURE
}

/// Serves as the guardian of an outer jobserver's tokens.
pub(crate) fn guard() -> ExitCode {
    match guardian::run() {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody looks at its standard error but a person who started it by hand.
        Err(error) => failed(&error.to_string()),
    }
}

/// Refuses a verb whose name is reserved.
pub(crate) fn not_yet(verb: &str) -> ExitCode {
    eprintln!(
        "farmbuild: this version has no `farmbuild {verb}` yet. To run a program of that name as a build, give its path."
    );
    ExitCode::from(USAGE)
}
