//! What holds for any bytes at all.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::{Analysis, AnalysisError, analyse};
use proptest::prelude::*;

use crate::line::Texts;

/// Words that mean something, so that random lines get further than random bytes.
const WORDS: &[&str] = &[
    "-c",
    "-S",
    "-E",
    "-o",
    "-x",
    "c",
    "none",
    "-MD",
    "-MF",
    "-MT",
    "-Wp,-MD,",
    "-Wp,",
    "-Wa,",
    "-Wa,-a=",
    "--MD",
    "-Xassembler",
    "-Xclang",
    "-mllvm",
    "-g",
    "-gz=",
    "-I",
    "-D",
    "-l",
    "-save-temps=",
    "-fdump-",
    "@a",
    "@b",
    "@",
    "-",
    "--",
    "",
    "a.c",
    ".c",
    "..",
    "/",
    "a.",
    "b.S",
    "x.o",
    "-flto",
    "-march=native",
    "-include",
    "--output=",
    "-fopt-info=",
    "-v",
    "--version",
    "-Wtraditional",
    "-Werror=traditional",
];

fn word() -> impl Strategy<Value = OsString> {
    prop_oneof![
        3 => prop::sample::select(WORDS).prop_map(OsString::from),
        1 => (prop::sample::select(WORDS), prop::collection::vec(any::<u8>(), 0..6)).prop_map(
            |(word, tail)| {
                let mut bytes = word.as_bytes().to_vec();
                bytes.extend(tail);
                OsString::from_vec(bytes)
            }
        ),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(OsString::from_vec),
    ]
}

fn compiler() -> impl Strategy<Value = OsString> {
    prop_oneof![
        4 => prop::sample::select(vec!["gcc", "clang", "g++", "cc", "arm-gcc-9"]).prop_map(OsString::from),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(OsString::from_vec),
    ]
}

proptest! {
    #[test]
    fn any_line_has_an_analysis_no_larger_than_itself(
        program in compiler(),
        words in prop::collection::vec(word(), 0..24),
        files in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 2),
    ) {
        let names = ["/w/a", "/w/b"].map(PathBuf::from);
        let texts = Texts(names.into_iter().zip(files).collect());
        let argv: Vec<_> = std::iter::once(program).chain(words).collect();
        match analyse(&argv, Path::new("/w"), &texts) {
            Err(AnalysisError::Malformed { .. } | AnalysisError::TooMuch { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
            Ok(Analysis { remote: Err(refused), .. }) => {
                prop_assert!(!refused.reason.name().is_empty());
            }
            Ok(Analysis { remote: Ok(plan), sources, output, .. }) => {
                let args = &plan.compile_args;
                prop_assert_eq!(Path::new(&args[plan.input]), &sources[0].path);
                prop_assert_eq!(Some(Path::new(&args[plan.output])), output.as_deref());
                prop_assert_eq!(&args[plan.output - 1], "-o");
                prop_assert_eq!(args.iter().filter(|arg| *arg == "-c").count(), 1);
            }
        }
    }

    #[test]
    fn any_response_file_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..2000)) {
        let texts = Texts([(PathBuf::from("/w/a"), text)].into());
        let argv = ["gcc", "@a"].map(OsString::from);
        drop(analyse(&argv, Path::new("/w"), &texts));
    }

}

#[test]
fn response_files_that_multiply_are_cut_off() {
    let twice = b"@a @a ".repeat(1000);
    let texts = Texts([(PathBuf::from("/w/a"), twice)].into());
    let error = analyse(&["gcc", "@a"].map(OsString::from), Path::new("/w"), &texts).unwrap_err();
    assert!(matches!(error, AnalysisError::TooMuch { .. }), "{error}");
}

#[test]
fn an_empty_line_is_an_error() {
    let error = analyse(&[], Path::new("/w"), &Texts::default()).unwrap_err();
    assert!(matches!(error, AnalysisError::Empty), "{error}");
}
