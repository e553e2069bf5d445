//! `farmbuild stats`: what ran where, and why jobs stayed home.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::process::ExitCode;

use farmbuild_cache::Reason;
use farmbuild_cache::declarations::Doubt;
use farmbuild_core::analysis::Refusal;
use farmbuild_core::protocol::message::{Counters, Reply, Request, Samples};
use farmbuild_core::scheduler::HomeReason;
use serde_json::{Value, json};

use super::{ODD_ANSWER, ask, failed, table};

pub(crate) fn run(as_json: bool, zero: bool) -> ExitCode {
    let counters = match ask(&Request::Stats { zero }) {
        Ok(Reply::Stats(counters)) => counters,
        Ok(_) => return failed(ODD_ANSWER),
        Err(sentence) => return failed(&sentence),
    };
    if as_json {
        println!("{:#}", to_json(&counters));
    } else {
        table::print(&rows(&counters));
    }
    ExitCode::SUCCESS
}

/// The fields that scripts rely on; more may be added, none renamed.
fn to_json(counters: &Counters) -> Value {
    let hit = |tier: &str| counters.hit.get(tier).copied().unwrap_or(0);
    let hosts: BTreeMap<_, _> = counters
        .bytes
        .iter()
        .map(|(host, (sent, received))| (host, json!({ "sent": sent, "received": received })))
        .collect();
    json!({
        "jobs": {
            "total": counters.total,
            "hit": {
                "direct": hit("direct"),
                "preprocessed": hit("preprocessed"),
                "declaration": hit("declaration"),
            },
            "remote": counters.remote,
            "uncached": counters.uncached,
            "declarations": counters.undeclared,
            "syntax_checks": counters.syntax_checks,
            "local": counters.local,
            "retried": counters.retried,
        },
        "samples": {
            "taken": counters.samples.agreed + counters.samples.differed,
            "agreed": counters.samples.agreed,
            "differed": counters.samples.differed,
            "undecided": counters.samples.undecided,
            "dropped": counters.samples.dropped,
            "redone": counters.samples.redone,
        },
        "lines": counters.lines,
        "wall_seconds": counters.wall_seconds,
        "bytes": { "sent": counters.sent, "received": counters.received, "hosts": hosts },
    })
}

fn rows(counters: &Counters) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["jobs".to_owned(), counters.total.to_string()]];
    let plain = |_: &str| "";
    let mut section =
        |title: &str, counts: &BTreeMap<String, u64>, explain: fn(&str) -> &'static str| {
            if counts.is_empty() {
                return;
            }
            rows.push(vec![title.to_owned(), counts.values().sum::<u64>().to_string()]);
            let mut counts: Vec<_> = counts.iter().collect();
            counts.sort_by_key(|(_, number)| Reverse(**number));
            for (name, number) in counts {
                rows.push(vec![format!("  {name}"), number.to_string(), explain(name).to_owned()]);
            }
        };
    section("found in the cache", &counters.hit, plain);
    section("compiled on the farm", &counters.remote, plain);
    section("run at home", &counters.local, explanation);
    section("retried after a host failed", &counters.retried, plain);
    section("not kept in the cache", &counters.uncached, explanation);
    section("not known by their declarations", &counters.undeclared, doubt);
    if counters.syntax_checks > 0 {
        rows.push(vec![
            "read for new declarations".to_owned(),
            counters.syntax_checks.to_string(),
            "by a compiler that made nothing (-fsyntax-only): what it says of them".to_owned(),
        ]);
    }
    let Samples { agreed, differed, undecided, dropped, redone } = counters.samples;
    if agreed + differed + dropped > 0 {
        rows.push(vec!["compiled twice".to_owned(), (agreed + differed).to_string()]);
        for (name, number, sentence) in [
            ("agreed", agreed, "the bytes were the same"),
            ("differed", differed, "they weren't; see `farmbuild hosts`"),
            (
                "undecided",
                undecided,
                "of these: this machine doesn't make the same bytes twice either",
            ),
            ("redone", redone, "wrong objects of a host that were made again"),
            ("dropped", dropped, "not compiled twice after all: no slot was idle"),
        ] {
            if number > 0 {
                rows.push(vec![format!("  {name}"), number.to_string(), sentence.to_owned()]);
            }
        }
    }
    rows.push(vec!["lines".to_owned(), counters.lines.to_string()]);
    rows.push(vec!["seconds of builds".to_owned(), format!("{:.1}", counters.wall_seconds)]);
    rows.push(vec!["bytes sent".to_owned(), counters.sent.to_string()]);
    rows.push(vec!["bytes received".to_owned(), counters.received.to_string()]);
    for (host, (sent, received)) in &counters.bytes {
        rows.push(vec![format!("  {host}"), format!("{sent} sent, {received} received")]);
    }
    rows
}

/// Why the declaration tier left jobs counted under `name` alone.
fn doubt(name: &str) -> &'static str {
    let doubt = Doubt::ALL.iter().find(|doubt| doubt.name() == name);
    doubt.map_or("", |doubt| doubt.sentence())
}

/// Why jobs counted under `name` stayed home.
fn explanation(name: &str) -> &'static str {
    match name {
        "compiler-said" => "the compiler had something to say, and the local one says it best",
        "preprocessor-said" => "preprocessing had something to say",
        "unproven" => "it isn't proven that these flags give the same code elsewhere",
        "loses-warnings" => "a warning that was asked for would be lost elsewhere",
        "text-hazard" => "its text would mean something else elsewhere",
        "no-origin" => "its preprocessed source doesn't say which directory it comes from",
        "odd-object" => "what a host sent back was no object as it should be",
        "output" => "its output can't be written here",
        "unreadable-arguments" => "its command line can't be read (a response file, say)",
        "debug-info" => "debug info would differ elsewhere (-g3, say)",
        "strict-fidelity" => "debug info would name other flags, and fidelity is strict",
        "farm-error" => "the farm's configuration can't be used; see `farmbuild doctor`",
        name => {
            let refusal = Refusal::ALL.iter().find(|refusal| refusal.name() == name);
            let kept_out = Reason::ALL.iter().find(|reason| reason.name() == name);
            let home = HomeReason::ALL.iter().find(|reason| reason.name() == name);
            let sentence = refusal.map(|refusal| refusal.sentence());
            let sentence = sentence.or(home.map(|reason| reason.sentence()));
            sentence.or(kept_out.map(|reason| reason.sentence())).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_find_the_designs_fields_even_before_the_first_job() {
        let value = to_json(&Counters::default());
        for pointer in [
            "/jobs/total",
            "/jobs/hit/direct",
            "/jobs/hit/preprocessed",
            "/jobs/hit/declaration",
            "/jobs/remote",
            "/jobs/local",
            "/jobs/retried",
            "/samples/taken",
            "/lines",
            "/wall_seconds",
        ] {
            assert!(value.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
