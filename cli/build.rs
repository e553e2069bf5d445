//! Gives each build of the program an identity, a hash over the sources of all its crates; and has it linked to start fast.
//!
//! Wrapper and daemon compare it, so that a rebuilt program never talks to a daemon of other code. The same sources
//! make the same identity, wherever the binary is copied to.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    let mut sources = BTreeSet::new();
    for crate_dir in [
        ".",
        "../core",
        "../executors/local",
        "../executors/distcc",
        "../executors/ssh",
        "../cache",
    ] {
        // A published crate stands alone: its version is its identity then.
        collect(&Path::new(crate_dir).join("src"), &mut sources);
        println!("cargo::rerun-if-changed={crate_dir}/src");
    }
    let mut hasher = DefaultHasher::new();
    for source in &sources {
        source.hash(&mut hasher);
        fs::read(source).unwrap_or_default().hash(&mut hasher);
    }
    std::env::var("PROFILE").unwrap_or_default().hash(&mut hasher);
    println!("cargo::rustc-env=FARMBUILD_SOURCES={:016x}", hasher.finish());
    start_fast();
}

/// A wrapper is started for every job, and lives for a few milliseconds. At a fixed address nothing of it has to be
/// relocated first (thousands of pointers in a position-independent program); stack, heap and libraries
/// stay at random ones.
fn start_fast() {
    let target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}

fn collect(directory: &Path, into: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.insert(path);
        }
    }
}
