//! rustc's command lines: what comes of them, and which can't be told.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::rustc::{RustcCompile, SearchKind};
use farmbuild_core::analysis::{self, Analysis, AnalysisError, Kind, ResponseFiles};
use proptest::prelude::*;

struct Texts(HashMap<&'static str, &'static str>);

impl ResponseFiles for Texts {
    fn read(&self, path: &Path, _limit: u64) -> io::Result<Vec<u8>> {
        let text = self.0.get(path.to_str().unwrap());
        text.map(|text| text.as_bytes().to_vec()).ok_or(io::ErrorKind::NotFound.into())
    }
}

fn analysed_with(
    line: &str,
    files: &[(&'static str, &'static str)],
) -> Result<Analysis, AnalysisError> {
    let argv: Vec<OsString> = line.split_ascii_whitespace().map(OsString::from).collect();
    analysis::analyse(&argv, Path::new("/w"), &Texts(files.iter().copied().collect()))
}

fn analysed(line: &str) -> Analysis {
    analysed_with(line, &[]).unwrap()
}

fn compile(line: &str) -> RustcCompile {
    let compile =
        analysed(line).rustc.unwrap().unwrap_or_else(|refused| panic!("{line}: {refused}"));
    RustcCompile::clone(&compile)
}

#[test]
fn the_outputs_of_a_crate_have_the_names_that_rustc_gives_them() {
    let rows: &[(&str, &[&str], bool)] = &[
        (
            "--crate-type lib --emit=dep-info,metadata,link -C extra-filename=-1",
            &["t/libx-1.rmeta", "t/libx-1.rlib"],
            false,
        ),
        ("--crate-type rlib -Cextra-filename=-1 --emit dep-info,link", &["t/libx-1.rlib"], false),
        (
            "--crate-type lib --emit=dep-info,metadata -C extra_filename=-1",
            &["t/libx-1.rmeta"],
            false,
        ),
        ("--crate-type bin --emit=dep-info,link -C extra-filename=-1", &["t/x-1"], true),
        ("--crate-type bin --emit=dep-info,metadata", &["t/libx.rmeta"], false),
        ("--emit=dep-info,link", &["t/x"], true),
        ("--test --crate-type lib --emit=dep-info,link", &["t/x"], true),
        ("--crate-type cdylib --emit=dep-info,link", &["t/libx.so"], true),
        ("--crate-type proc-macro --emit=dep-info,link", &["t/libx.so"], true),
        ("--crate-type dylib --emit=dep-info,link", &["t/libx.so"], true),
        ("--crate-type staticlib --emit=dep-info,link", &["t/libx.a"], false),
        (
            "--crate-type cdylib --crate-type rlib --emit=dep-info,link",
            &["t/libx.so", "t/libx.rlib"],
            true,
        ),
        ("--crate-type lib --emit=dep-info,obj", &["t/x.o"], false),
        ("--crate-type lib --emit=dep-info,link=/o/y.rlib", &["/o/y.rlib"], false),
    ];
    for (args, outputs, links) in rows {
        let line = format!("rustc --crate-name x src/lib.rs --out-dir t {args}");
        let compile = compile(&line);
        let found: Vec<_> = compile.outputs.iter().map(|it| it.path.clone()).collect();
        assert_eq!(found, outputs.iter().map(PathBuf::from).collect::<Vec<_>>(), "{args}");
        assert_eq!(compile.links, *links, "{args}");
        assert_eq!(analysed(&line).kind, if *links { Kind::CompileAndLink } else { Kind::Compile });
        assert!(compile.dep_info.is_some_and(|it| it.starts_with("t")), "{args}");
    }
}

#[test]
fn crates_and_directories_are_told_from_what_is_asked() {
    let line = "rustc --crate-name x src/lib.rs --crate-type lib --out-dir /t/deps -L dependency=/t/deps \
        -L native=/t/build/y/out -L/usr/lib -L crate=c --extern y=/t/deps/liby-1.rmeta --extern proc_macro \
        --extern noprelude:z=/t/deps/libz-2.rlib --remap-path-prefix=/w=. --sysroot /s --target a-linux-b -C linker=/bin/ld";
    let there = compile(line);
    assert_eq!(there.externs, ["/t/deps/liby-1.rmeta", "/t/deps/libz-2.rlib"].map(PathBuf::from));
    let searched: Vec<_> =
        there.search.iter().map(|it| (it.kind, it.directory.to_str().unwrap())).collect();
    let expected = [
        (SearchKind::Dependencies, "/t/deps"),
        (SearchKind::Native, "/t/build/y/out"),
        (SearchKind::All, "/usr/lib"),
        (SearchKind::Crates, "c"),
    ];
    assert_eq!(searched, expected);
    assert_eq!(there.remaps, [("/w".into(), ".".into())]);
    assert_eq!(there.linker, Some("/bin/ld".into()));
    assert_eq!(there.sysroot, Some("/s".into()));
    assert_eq!(
        compile("rustc --crate-name x a.rs --color=always --diagnostic-width 80").looks,
        ["always", "80"]
    );
    let elsewhere =
        compile(&line.replace("/t/", "/u/").replace("/bin/ld", "/ld").replace("/s", "/r"));
    assert_eq!(there.asked, elsewhere.asked, "places don't show in what is asked");
}

#[test]
fn what_is_asked_differs_where_a_crate_would() {
    let line = "rustc --crate-name x src/lib.rs --crate-type lib";
    let plain = compile(line).asked;
    for more in [
        "-C opt-level=3",
        "-O",
        "-g",
        "--cfg a",
        "--check-cfg cfg(a)",
        "--edition=2021",
        "--cap-lints allow",
        "-Wunused",
        "--json=artifacts",
        "--extern y",
        "-l z",
        "--target wasm32-unknown-unknown",
        "-C metadata=1",
        "--remap-path-prefix=/w=.",
    ] {
        assert_ne!(compile(&format!("{line} {more}")).asked, plain, "{more}");
    }
}

#[test]
fn what_cannot_be_told_is_refused_by_name() {
    let rows = [
        ("-", "source-on-stdin"),
        ("", "no-source"),
        ("a.rs b.rs", "several-sources"),
        ("a.rs -C incremental=/t", "incremental"),
        ("a.rs -Z time-passes", "unstable-option"),
        ("a.rs -Zx", "unstable-option"),
        ("a.rs -C save-temps", "save-temps"),
        ("a.rs -C profile-use=/p", "profile"),
        ("a.rs -C split-debuginfo=packed", "split-debug-info"),
        ("a.rs -C split-debuginfo=unpacked", "split-debug-info"),
        ("a.rs -C llvm-args=-x", "frontend-option"),
        ("a.rs -C remark=all", "optimization-record"),
        ("a.rs -C link-arg=-Wl,-Map=x", "link-argument"),
        ("a.rs -C rpath", "link-argument"),
        ("a.rs -l static:+verbatim=x.o", "link-argument"),
        ("a.rs --emit asm", "dump"),
        ("a.rs --emit=obj -C codegen-units=4", "several-outputs"),
        ("a.rs --emit=dep-info=-", "odd-name"),
        ("a.rs -o x", "odd-name"),
        ("a.rs -v", "verbose"),
        ("a.rs --target x86_64-pc-windows-gnu", "link-target"),
        ("a.rs --new-option", "unknown-option"),
        ("a.rs -C new-option=1", "unknown-option"),
        ("a.rs --crate-type new", "unknown-option"),
        ("a.rs --cfg", "missing-argument"),
    ];
    for (args, reason) in rows {
        let analysis = analysed(&format!("rustc --crate-name x {args}"));
        let refused = analysis.rustc.unwrap().unwrap_err();
        assert_eq!(refused.reason.name(), reason, "{args}");
    }
    let unnamed = analysed("rustc a.rs").rustc.unwrap().unwrap_err();
    assert_eq!(unnamed.reason.name(), "odd-name");
}

#[test]
fn questions_are_no_compiles() {
    for args in [
        "-vV",
        "-V",
        "--version",
        "--print sysroot",
        "- --crate-name ___ --print=file-names",
        "--explain E0001",
        "-h",
        "",
    ] {
        assert_eq!(analysed(&format!("rustc {args}")).kind, Kind::Probe, "{args}");
    }
    assert_eq!(analysed("clippy-driver /r/rustc -vV").kind, Kind::Probe);
}

#[test]
fn a_response_file_has_an_argument_a_line() {
    let files = [("/w/args", "--crate-name\nx\n--cfg\nfeature=\"a b\"\nsrc/lib.rs\n@args\n")];
    let analysis = analysed_with("rustc @args --crate-type lib", &files).unwrap();
    let refused = analysis.rustc.unwrap().unwrap_err();
    assert_eq!(refused.reason.name(), "several-sources", "there are no files within files");
    let files = [("/w/args", "--crate-name\nx\n--cfg\nfeature=\"a b\"\nsrc/lib.rs\n")];
    let analysis = analysed_with("rustc @args --crate-type lib", &files).unwrap();
    let compile = analysis.rustc.unwrap().unwrap();
    assert_eq!(compile.source, Path::new("src/lib.rs"));
    assert!(compile.asked.contains(&"--cfg feature=\"a b\"".into()));
    assert!(analysed_with("rustc @none", &[]).is_err());
}

/// Words that mean something to rustc, so that lines of them get further than noise would.
fn words() -> impl Strategy<Value = Vec<String>> {
    let known = prop::sample::select(vec![
        "-C",
        "-L",
        "-l",
        "--extern",
        "--emit",
        "--emit=",
        "--crate-type",
        "--crate-name",
        "x",
        "a.rs",
        "lib",
        "bin",
        "dep-info,link",
        "metadata=m",
        "extra-filename=-1",
        "incremental=/t",
        "a=b=c",
        "=",
        "dependency=",
        "native=/n",
        "--remap-path-prefix",
        "--target",
        "t.json",
        "-g",
        "--test",
        "@x",
        "-",
        "--",
        "rustc",
        "link-arg=-Wl,-z,",
    ]);
    let word = prop_oneof![4 => known.prop_map(str::to_owned), 1 => "\\PC{0,12}"];
    prop::collection::vec(word, 0..24)
}

proptest! {
    #[test]
    fn any_line_is_a_compile_of_one_crate_or_refused(words in words()) {
        let argv: Vec<OsString> = ["rustc".into()].into_iter().chain(words.iter().map(OsString::from)).collect();
        let Ok(analysis) = analysis::analyse(&argv, Path::new("/w"), &Texts(HashMap::new())) else { return Ok(()) };
        if let Some(Ok(compile)) = analysis.rustc {
            prop_assert!(words.contains(&compile.source.to_str().unwrap().to_owned()));
            prop_assert!(!compile.crate_name.is_empty() || words.contains(&String::new()));
            prop_assert!(compile.asked.len() <= words.len() * 8);
        }
    }
}
