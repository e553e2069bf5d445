//! Real source trees, from the distribution alone: what people build, not what we wrote to be built.
//!
//! They are fetched once, into `target/trees`, with a package index of our own there: nothing of the machine's
//! configuration is touched, and no privileges are needed. Fetching needs `apt-get` and the network; a tree that
//! can't be had is a panic that says how to cure it, never a skipped test.

mod archive;
mod distribution;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};

use archive::unpack;
use distribution::Distribution;

/// HAProxy's own sources, of the distribution's version, unpacked and never built in.
#[must_use]
pub fn haproxy() -> PathBuf {
    provide("haproxy", |distribution, into| {
        let archive = distribution.upstream_source("haproxy");
        unpack(&archive, into);
    })
}

/// Lua's own sources, of the distribution's version, unpacked and never built in.
#[must_use]
pub fn lua() -> PathBuf {
    provide("lua", |distribution, into| {
        let archive = distribution.upstream_source("lua5.4");
        unpack(&archive, into);
    })
}

/// The kernel that Debian 12 ships as the package `linux-source-6.1`, unpacked and never built in: build it with
/// `O=`.
#[must_use]
pub fn linux() -> PathBuf {
    provide("linux-6.1", |distribution, into| {
        let package = distribution.package_content("linux-source-6.1");
        unpack(&package.join("usr/src/linux-source-6.1.tar.xz"), into);
    })
}

/// A place for builds that is the same in each run: `target/trees/build/NAME`, empty.
#[must_use]
pub fn build_directory(name: &str) -> PathBuf {
    let directory = cache().join("build").join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory)
            .unwrap_or_else(|e| panic!("can't empty {}: {e}", directory.display()));
    }
    fs::create_dir_all(&directory).expect("a directory below target");
    directory
}

/// Copies a whole tree to a place from [`build_directory`].
pub fn copy(tree: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(tree.join(".")).arg(to), "copying a tree");
}

/// The tree's directory, after making it if it isn't there.
fn provide(name: &str, make: impl FnOnce(&Distribution, &Path)) -> PathBuf {
    let cache = cache();
    let tree = cache.join(name);
    fs::create_dir_all(&cache).expect("a directory below target");
    // Other tests may want the same tree at the same time.
    let lock = File::create(cache.join("lock")).expect("a file of our own");
    flock(&lock, FlockOperation::LockExclusive).expect("a lock on our own file");
    if !tree.exists() {
        let half = cache.join("half");
        if half.exists() {
            fs::remove_dir_all(&half).expect("a directory of our own");
        }
        fs::create_dir(&half).expect("a directory of our own");
        make(&Distribution::new(&cache.join("apt")), &half);
        // Whole or not at all.
        fs::rename(&half, &tree).expect("a rename in our own directory");
    }
    tree
}

fn cache() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().expect("the workspace this was built in");
    workspace.join(target.unwrap_or_else(|| "target".into())).join("trees")
}

/// Runs a command to its end; panics with what it printed if it fails.
fn run(command: &mut Command, doing: &str) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|e| panic!("{doing}: {command:?}: {e}"));
    assert!(
        output.status.success(),
        "{doing} failed: {command:?}, {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
