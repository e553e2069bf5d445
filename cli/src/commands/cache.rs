//! `farmbuild cache stats|clear|verify|gc|size`: the cache's store, looked after by hand.
//!
//! Works on the directory itself: the store is made for several processes at once.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use bytesize::ByteSize;
use farmbuild_cache::store::Store;
use farmbuild_core::protocol::message::{Reply, Request};
use serde::Serialize;
use serde_json::{Value, json};

use super::{ask, failed, table};
use crate::args::{CacheArgs, CacheVerb};
use crate::daemon::caches::store_config;
use crate::farm::source::{self, FarmSource};
use crate::farm::{CacheConfig, cache_dir, file};

pub(crate) fn run(farm: Option<&Path>, args: &CacheArgs) -> ExitCode {
    let (store, config) = match open(farm) {
        Ok(opened) => opened,
        Err(sentence) => return failed(&sentence),
    };
    let json = args.json;
    match &args.verb {
        CacheVerb::Stats => stats(&store, json),
        CacheVerb::Clear => match store.clear() {
            Ok(gone) => say(json, &gone, || {
                format!("{} files, {}, are gone.", gone.files, size(gone.bytes))
            }),
            Err(error) => failed(&error.to_string()),
        },
        CacheVerb::Verify => verify(&store, json),
        CacheVerb::Gc => {
            let upkeep = store.gc();
            say(json, &upkeep, || {
                let files = upkeep.evicted.files + upkeep.temporaries.files + upkeep.foreign.files;
                let bytes = upkeep.evicted.bytes + upkeep.temporaries.bytes + upkeep.foreign.bytes;
                format!("{files} files, {}, are gone.", size(bytes))
            })
        }
        CacheVerb::Size { size: None } => {
            let limit = store.max_size();
            say(json, &json!({ "max_size": limit }), || format!("At most {}.", size(limit)))
        }
        CacheVerb::Size { size: Some(text) } => set_size(&store, &config, text, json),
    }
}

fn open(farm: Option<&Path>) -> Result<(Store, CacheConfig), String> {
    let env = source::environment(farm).map_err(|error| error.to_string())?;
    let source = FarmSource::choose(&env).map_err(|error| error.to_string())?;
    let config = source.read().map_err(|error| error.to_string())?.cache;
    let dir = cache_dir(&config, &env).ok_or("there is no HOME to keep a cache in")?;
    Ok((Store::open(store_config(dir, &config)), config))
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// Prints a report for scripts or a sentence for people.
fn say(json: bool, report: &impl Serialize, sentence: impl FnOnce() -> String) -> ExitCode {
    if !json {
        println!("{}", sentence());
        return ExitCode::SUCCESS;
    }
    match serde_json::to_string_pretty(report) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.to_string()),
    }
}

fn stats(store: &Store, as_json: bool) -> ExitCode {
    let usage = store.usage();
    // Without a daemon nothing was counted since the last one ended.
    let counters = match ask(&Request::Stats { zero: false }) {
        Ok(Reply::Stats(counters)) => counters,
        _ => Default::default(),
    };
    let hits: u64 = counters.hit.values().sum();
    let kept_out: u64 = counters.uncached.values().sum();
    if as_json {
        let report = json!({
            "directory": store.dir().to_string_lossy(),
            "bytes": usage.bytes,
            "files": usage.files,
            "max_size": usage.max_size,
            "hits": counters.hit,
            "uncached": counters.uncached,
        });
        println!("{report:#}");
        return ExitCode::SUCCESS;
    }
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("directory", store.dir().display().to_string()),
        row("size", format!("{} of {}", size(usage.bytes), size(usage.max_size))),
        row("files", usage.files.to_string()),
        row("found", hits.to_string()),
    ];
    rows.extend(
        counters.hit.iter().map(|(tier, hits)| row(&format!("  {tier}"), hits.to_string())),
    );
    rows.push(row("not cached", kept_out.to_string()));
    rows.extend(
        counters.uncached.iter().map(|(name, jobs)| row(&format!("  {name}"), jobs.to_string())),
    );
    table::print(&rows);
    ExitCode::SUCCESS
}

fn verify(store: &Store, json: bool) -> ExitCode {
    let on_terminal = io::stderr().is_terminal() && !json;
    let mut shown = None;
    let report = store.verify(&mut |done, total| {
        let percent = (done * 100).checked_div(total).unwrap_or(100);
        if on_terminal && shown != Some(percent) {
            shown = Some(percent);
            // Nobody has to see it.
            let _ = write!(io::stderr(), "\r{percent} %");
        }
    });
    if on_terminal {
        let _ = write!(io::stderr(), "\r      \r");
    }
    match report {
        Ok(report) => say(json, &report, || {
            format!(
                "{} files, {}, were read; {} were damaged and are gone.",
                report.checked,
                size(report.bytes),
                report.damaged
            )
        }),
        Err(error) => failed(&error.to_string()),
    }
}

fn set_size(store: &Store, config: &CacheConfig, text: &str, as_json: bool) -> ExitCode {
    let Some(bytes) = file::size(text) else {
        return failed(&format!("`{text}` is no size: {}", file::SIZES));
    };
    if let Err(error) = store.set_persisted_limit(bytes) {
        return failed(&error.to_string());
    }
    let overruled = config.max_size.filter(|limit| *limit != bytes);
    let report: Value = json!({ "max_size": overruled.unwrap_or(bytes) });
    say(as_json, &report, || match overruled {
        Some(limit) => format!(
            "Kept in the cache's directory, but `max_size` in the farm file comes first: {}.",
            size(limit)
        ),
        None => format!(
            "At most {} from now on; a running daemon takes it up when it starts next.",
            size(bytes)
        ),
    })
}
