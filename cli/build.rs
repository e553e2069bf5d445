//! Gives each build of the program an identity, a hash over the sources of all its crates; has it linked to start fast;
//! and compiles the front, the small wrapper that it puts into masquerade directories.
//!
//! Wrapper and daemon compare it, so that a rebuilt program never talks to a daemon of other code. The same sources
//! make the same identity, wherever the binary is copied to.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

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
    collect(Path::new("front"), &mut sources);
    println!("cargo::rerun-if-changed=front");
    for source in &sources {
        source.hash(&mut hasher);
        fs::read(source).unwrap_or_default().hash(&mut hasher);
    }
    std::env::var("PROFILE").unwrap_or_default().hash(&mut hasher);
    let identity = format!("{:016x}", hasher.finish());
    println!("cargo::rustc-env=FARMBUILD_SOURCES={identity}");
    start_fast();
    compile_front(&identity);
}

/// Compiles the front to a file that the program includes; an empty one where there is none for the target. Not by
/// cargo: it is without a standard library and so has to abort at a panic, which the program as a whole doesn't.
fn compile_front(identity: &str) {
    let Some(out_dir) = std::env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    let front = out_dir.join("front");
    let mut made = false;
    if [target("OS"), target("ARCH"), target("POINTER_WIDTH")] == ["linux", "x86_64", "64"] {
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(["--edition=2024", "--crate-name=front", "--crate-type=bin", "front/main.rs"]);
        rustc.args(["-Cpanic=abort", "-Copt-level=2", "-Cstrip=symbols"]);
        rustc.args([
            "-Crelocation-model=static",
            "-Clink-args=-nostartfiles -nostdlib -static -no-pie",
        ]);
        rustc.args(std::env::var("TARGET").map(|target| format!("--target={target}")));
        rustc.args(std::env::var("RUSTC_LINKER").map(|linker| format!("-Clinker={linker}")));
        rustc.arg("-o").arg(&front).env("FARMBUILD_SOURCES", identity);
        let compiled = rustc.output();
        made = compiled.as_ref().is_ok_and(|compiled| compiled.status.success());
        if !made {
            let why = compiled.map_or_else(
                |error| error.to_string(),
                |it| String::from_utf8_lossy(&it.stderr).lines().next().unwrap_or_default().into(),
            );
            println!(
                "cargo::warning=wrappers will start slower than need be: the front can't be compiled: {why}"
            );
        }
    }
    if !made {
        fs::write(&front, "").expect("cargo's directory for our files");
    }
}

/// What is known of the target's `name`.
fn target(name: &str) -> String {
    std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default()
}

/// A wrapper is started for every job, and lives for a few milliseconds. At a fixed address nothing of it has to be
/// relocated first (thousands of pointers in a position-independent program); stack, heap and libraries
/// stay at random ones. With gcc's unwinder in the program, there is one shared library less to find and map.
fn start_fast() {
    if target("OS") != "linux" || target("ENV") != "gnu" {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-no-pie");
    if has_static_unwinder()
        && let Some(out_dir) = std::env::var_os("OUT_DIR").map(PathBuf::from)
        // The linker takes a text in a library's place for its script.
        && fs::write(out_dir.join("libgcc_s.so"), "INPUT(-lgcc_eh)\n").is_ok()
    {
        println!("cargo::rustc-link-search=native={}", out_dir.display());
    }
}

/// Whether the linker's gcc came with its unwinder as an archive, as it does nearly everywhere.
fn has_static_unwinder() -> bool {
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let asked = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    // gcc answers with the bare name where there is none.
    asked.is_ok_and(|said| {
        said.stdout.starts_with(b"/")
            && Path::new(String::from_utf8_lossy(&said.stdout).trim()).is_file()
    })
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
