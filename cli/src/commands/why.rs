//! `farmbuild why FILE`: the last lookup of a source in the cache, explained.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use farmbuild_core::protocol::message::{Reply, Request, Why};
use serde_json::{Value, json};

use super::{ODD_ANSWER, ask, failed};
use crate::farm::source;

pub(crate) fn run(farm: Option<&Path>, file: PathBuf, as_json: bool) -> ExitCode {
    let env = match source::environment(farm) {
        Ok(env) => env,
        Err(error) => return failed(&error.to_string()),
    };
    // A name that isn't there may be the end of one that was built elsewhere.
    let named = std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
    let found = match ask(&Request::Why { env, source: named.into() }) {
        Ok(Reply::Why(found)) => found,
        Ok(_) => return failed(ODD_ANSWER),
        Err(sentence) => return failed(&sentence),
    };
    if as_json {
        println!("{:#}", Value::from(found.iter().map(to_json).collect::<Vec<_>>()));
        return ExitCode::SUCCESS;
    }
    if found.is_empty() {
        return failed(&format!(
            "no compile of {} was looked up in the cache since the daemon started; give the source's name (a.c), and see `farmbuild stats`",
            file.display()
        ));
    }
    for why in &found {
        print(why);
    }
    ExitCode::SUCCESS
}

fn print(why: &Why) {
    let ago = SystemTime::UNIX_EPOCH + Duration::from_secs(why.at);
    let ago = ago.elapsed().map_or(0, |elapsed| elapsed.as_secs());
    let tier = why.tier.as_ref().map(|tier| format!(" ({tier} tier)")).unwrap_or_default();
    println!("{}, {ago} s ago{tier}", why.source.display());
    println!("  {}", why.verdict);
    for change in &why.changes {
        println!("  {}", sentence(&change.kind, &change.what));
    }
}

/// A change in words.
fn sentence(kind: &str, what: &str) -> String {
    match kind {
        "file" => format!("changed: {what}"),
        "appeared" => format!("appeared, and would be found first: {what}"),
        "macro" => format!("defined otherwise: {what}"),
        "argument" => format!("another argument: {what}"),
        "variable" => format!("another environment: {what}"),
        _ => what.to_owned(),
    }
}

fn to_json(why: &Why) -> Value {
    let changes: Vec<_> = why
        .changes
        .iter()
        .map(|change| json!({ "kind": change.kind, "what": change.what }))
        .collect();
    json!({
        "source": why.source.to_string_lossy(),
        "at": why.at,
        "tier": why.tier,
        "verdict": why.verdict,
        "changes": changes,
    })
}
