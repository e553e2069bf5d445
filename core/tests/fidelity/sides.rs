//! What gcc writes beside an object, compiled elsewhere, is what a plain compile here writes.

use std::ffi::OsString;

use farmbuild_core::fidelity::{Family, Language, Question, Recipe, prove};

use crate::compiler::Compiler;

fn recipe(flags: &[&str]) -> Result<Recipe, String> {
    let scratch = tempfile::tempdir().unwrap();
    let flags: Vec<OsString> = flags.iter().map(OsString::from).collect();
    let question = Question { family: Family::Gcc, language: Language::C, flags: &flags };
    prove(&Compiler("gcc".into()), scratch.path(), &question).map_err(|error| error.to_string())
}

#[test]
fn side_outputs_are_proven_with_the_object() {
    for flags in [
        &["-O2", "-fstack-usage"][..],
        &["-g", "-O2", "-fstack-usage", "-fcallgraph-info=su"],
        &["-O2", "--coverage"],
        &["-g", "--coverage"],
        &["-g", "-O1", "-fprofile-arcs", "-ftest-coverage"],
        &["-O2", "-fprofile-arcs"],
        &["-g", "-O2", "-gsplit-dwarf"],
        &["-g", "-gdwarf-4", "-gsplit-dwarf", "-fstack-usage"],
        &["-g", "--coverage", "-gsplit-dwarf"],
    ] {
        let recipe = recipe(flags).unwrap_or_else(|error| panic!("{flags:?}: {error}"));
        assert!(recipe.is_exact(), "{flags:?}: {:?}", recipe.caveat);
    }
}
