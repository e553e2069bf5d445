//! Names in comments are no hazards; gcc itself says what is a comment.

use std::process::Command;

use farmbuild_core::fidelity::{Technique, hazards};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// What texts are put together from: everything that starts, ends or hides a comment.
const PIECES: [&str; 21] = [
    "/*",
    "*/",
    "//",
    "/",
    "*",
    "\"",
    "'",
    "\\",
    "\n",
    " ",
    "R\"",
    ")\"",
    "(",
    "1",
    "a",
    "u8",
    "??/",
    "\\\n",
    "\\ \n",
    "\n#define A ",
    "\"\"",
];

/// How many texts; each is preprocessed twice.
const TEXTS: usize = 300;

#[test]
fn what_gcc_takes_for_code_is_never_passed_over() {
    let mut runner = TestRunner::deterministic();
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 1..25);
    let mut text = || pieces.new_tree(&mut runner).unwrap().current().concat();
    let texts: Vec<String> = (0..TEXTS).map(|_| format!("{} incbin {}", text(), text())).collect();
    let directory = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..texts.len()).map(|number| format!("{number}.c")).collect();
    for (name, text) in names.iter().zip(&texts) {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let mut passed_over = 0;
    for standard in ["c90", "gnu++20"] {
        let language = if standard.contains('+') { "c++" } else { "c" };
        // Each text has its own output: one's unfinished comment must not reach the next.
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("for name; do gcc -w -x {language} -std={standard} -E -P -o \"$name.i\" \"$name\" 2>/dev/null || :; done"))
            .arg("sh")
            .args(&names)
            .current_dir(directory.path())
            .status()
            .unwrap();
        assert!(output.success());
        for (name, text) in names.iter().zip(&texts) {
            let code = std::fs::read_to_string(directory.path().join(format!("{name}.i")));
            let Ok(code) = code else { continue };
            let hazard = hazards(text.as_bytes(), Technique::DirectivesOnly);
            assert!(!code.contains("incbin") || hazard.is_some(), "{standard}: {text:?}\n{code:?}");
            passed_over += usize::from(hazard.is_none());
        }
    }
    assert!(passed_over > 10, "{passed_over}");
}
