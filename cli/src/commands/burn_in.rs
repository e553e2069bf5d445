//! `farmbuild hosts --burn-in NAME`: keeps one host busy, and says whether it compiles what it should.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use farmbuild_core::pipeline::sampling::burn_in::Burned;
use farmbuild_core::protocol::message::{Reply, Request};
use serde_json::{Value, json};

use super::{ODD_ANSWER, failed};
use crate::client::start;
use crate::farm::source;

/// What is to be done to which host.
pub(crate) struct Wish {
    pub(crate) host: String,
    pub(crate) compilers: Vec<OsString>,
    pub(crate) time: Duration,
    pub(crate) jobs: Option<u64>,
}

pub(crate) fn run(farm: Option<PathBuf>, wish: Wish, as_json: bool) -> ExitCode {
    let host = wish.host.clone();
    match burn(farm, wish, as_json) {
        Ok(burned) => {
            if as_json {
                println!("{:#}", to_json(&host, &burned));
            } else {
                words(&host, &burned).iter().for_each(|line| println!("{line}"));
            }
            if burned.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(sentence) => failed(&sentence),
    }
}

fn burn(farm: Option<PathBuf>, wish: Wish, as_json: bool) -> Result<Burned, String> {
    let env = source::environment(farm.as_deref()).map_err(|error| error.to_string())?;
    let Wish { host, compilers, time, jobs } = wish;
    let terminal = io::stderr().is_terminal() && !as_json;
    let seconds = time.as_secs();
    let request = Request::BurnIn { env, host: host.clone(), compilers, seconds, jobs };
    let mut connection = start::ask(&request).map_err(|error| error.to_string())?;
    loop {
        match connection.reply() {
            Ok(Reply::BurnIn { burned, ended: false }) if terminal => {
                eprint!("\r\x1b[K{}", progress(&host, &burned, seconds));
            }
            Ok(Reply::BurnIn { ended: false, .. }) => {}
            Ok(Reply::BurnIn { burned, ended: true }) => {
                if terminal {
                    eprint!("\r\x1b[K");
                }
                return Ok(burned);
            }
            Ok(Reply::Failed(sentence)) => return Err(sentence),
            Ok(_) => return Err(ODD_ANSWER.to_owned()),
            Err(error) => return Err(format!("the daemon gave no answer: {error}")),
        }
    }
}

fn progress(host: &str, burned: &Burned, seconds: u64) -> String {
    let Burned { jobs, differences, .. } = burned;
    format!("{host}: {jobs} compiles, {differences} wrong, {:.0} of {seconds} s", burned.seconds)
}

fn rate(burned: &Burned) -> f64 {
    if burned.seconds > 0.0 { burned.jobs as f64 / burned.seconds } else { 0.0 }
}

fn words(host: &str, burned: &Burned) -> Vec<String> {
    let Burned { jobs, differences, undecided, failures, seconds, .. } = burned;
    let mut lines = vec![format!(
        "{host}: {jobs} compiles in {seconds:.1} s ({:.1} a second), {differences} wrong",
        rate(burned)
    )];
    lines.extend(burned.differing.iter().map(|name| format!("  wrong: {name}")));
    if *undecided > 0 {
        lines.push(format!(
            "  {undecided} came out different, but this machine didn't make the same bytes twice either: look after this one"
        ));
    }
    if *failures > 0 {
        let why = burned.failure.as_deref().unwrap_or_default();
        lines.push(format!("  {failures} weren't compiled; the last one: {why}"));
    }
    lines.push(match (burned.passed(), *differences) {
        (true, _) => "It passed, and is used.".to_owned(),
        (false, 0) => "It didn't pass; whether it is used is as before.".to_owned(),
        (false, _) => {
            "It is set aside until it passes: cool it, clock it lower, or look after its memory and power supply."
                .to_owned()
        }
    });
    lines
}

fn to_json(host: &str, burned: &Burned) -> Value {
    json!({
        "host": host,
        "passed": burned.passed(),
        "jobs": burned.jobs,
        "jobs_per_second": rate(burned),
        "seconds": burned.seconds,
        "differences": burned.differences,
        "differing": burned.differing,
        "undecided": burned.undecided,
        "failures": burned.failures,
        "failure": burned.failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_single_compile_has_not_passed() {
        let lines = words("a", &Burned::default());
        assert!(lines.iter().any(|line| line.contains("didn't pass")), "{lines:?}");
    }

    #[test]
    fn what_came_out_wrong_is_named() {
        let differing = vec!["gcc -O2 burn0.c".to_owned()];
        let burned =
            Burned { jobs: 9, differences: 1, differing, seconds: 3.0, ..Burned::default() };
        let lines = words("a", &burned);
        assert_eq!(lines[0], "a: 9 compiles in 3.0 s (3.0 a second), 1 wrong");
        assert_eq!(lines[1], "  wrong: gcc -O2 burn0.c");
        assert_eq!(to_json("a", &burned)["passed"], false);
    }
}
