//! Compiles `src/*.c` into a static library, one compile for each file, as the `cc` crate does.
//!
//! It knows nothing of farmbuild: it calls `$CC`, else `cc`, and those are found as in any build.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

const SOURCES: [&str; 2] = ["src/gcd.c", "src/isqrt.c"];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let compiler = env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
    let objects =
        SOURCES.map(|source| out.join(Path::new(source).with_extension("o").file_name().unwrap()));
    // All at once: with a farm behind the compiler it is worth it.
    let compiles: Vec<Child> = (SOURCES.iter().zip(&objects))
        .map(|(source, object)| {
            let mut compile = Command::new(&compiler);
            compile.args(["-O2", "-fPIC", "-Wall", "-c", source, "-o"]).arg(object);
            compile
                .spawn()
                .unwrap_or_else(|error| panic!("can't run {}: {error}", compiler.display()))
        })
        .collect();
    for mut compile in compiles {
        assert!(compile.wait().expect("a compile's end").success(), "a compile failed");
    }
    let mut archive = Command::new("ar");
    archive.arg("crs").arg(out.join("libnumbers.a")).args(&objects);
    assert!(archive.status().expect("ar").success(), "ar failed");
    println!("cargo::rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-lib=static=numbers");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
}
