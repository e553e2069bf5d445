//! The same through a stock distccd. distcc's own client sends a `.i` file as it is, so it can carry our text.

use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use farmbuild_testkit::Distccd;

use crate::compiler::Split;

/// Whether it compiled something: distcc's client also compiles at home, without a word.
fn has_compiled(server: &Distccd) -> bool {
    // It writes its log after its answer.
    (0..200).any(|_| {
        thread::sleep(Duration::from_millis(10));
        server.log().contains("COMPILE_OK")
    })
}

/// Compiles a source with `compiler` and `flags` through a distccd, and at home.
fn holds_over_distccd(compiler: &str, flags: &str) {
    let directory = tempfile::tempdir().unwrap();
    let source = "#include <stdio.h>\n#define SHOW(x) printf(\"%d\\n\", x)\nint f(int a) { return SHOW(a) + SHOW(__LINE__); }\n";
    fs::write(directory.path().join("a.c"), source).unwrap();
    let split = Split::new(compiler, flags);
    let (plain, _) = split.here(directory.path(), &[], "a.c");
    fs::write(directory.path().join("a.i"), split.text(directory.path(), &[], "a.c")).unwrap();

    let server = Distccd::start();
    let settings = tempfile::tempdir().unwrap();
    let extra = split.recipe.compile_extra(directory.path());
    let args = [&split.recipe.compile_lead()[..], &split.flags, &extra].concat();
    let output = Command::new("distcc")
        .arg(compiler)
        .args(&args)
        .args(["-c", "a.i", "-o", "a.o"].map(OsString::from))
        .current_dir(directory.path())
        .env("DISTCC_HOSTS", server.address())
        .env("DISTCC_DIR", settings.path())
        .env("DISTCC_FALLBACK", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(has_compiled(&server), "distccd takes no {args:?}");

    let back = fs::read(directory.path().join("a.o")).unwrap();
    assert!(split.rewritten(back) == plain.unwrap(), "{compiler} {flags}");
}

#[test]
fn a_stock_distccd_gives_gccs_plain_object_with_debug_info() {
    holds_over_distccd("gcc", "-g -O2");
}

#[test]
fn a_stock_distccd_gives_clangs_plain_object() {
    holds_over_distccd("clang", "-O2");
}

#[test]
fn a_stock_distccd_gives_clangs_plain_object_with_debug_info() {
    holds_over_distccd("clang", "-g -O2");
}
