//! The questions of makefiles: whether a compiler takes an option, and what macros it defines, asked by preprocessing
//! nothing. haproxy's has four of them before each build, one after the other.

use std::path::Path;

use farmbuild_core::analysis::{Language, Refusal, environment};
use farmbuild_core::pipeline::Uncached;
use farmbuild_core::pipeline::cache::Question;

use crate::plan::{Plan, Sensitivity, Work};
use crate::reason::{self, Reason};

/// The file that is empty.
pub(crate) const NULL: &str = "/dev/null";

/// Decides whether a preprocessing is such a question. All that it gives must be what it prints.
pub(crate) fn plan(question: &Question) -> Result<Plan, Uncached> {
    let analysis = &question.analysis;
    let is_empty =
        |path: &Path| path == Path::new(NULL) || question.null_input && path == Path::new("-");
    let prints = |path: &Path| path == Path::new(NULL) || path == Path::new("-");
    let [source] = analysis.sources.as_slice() else {
        return Err(Reason::NotACompile.into());
    };
    let answers =
        matches!(source.language, Language::C | Language::Cxx | Language::AssemblyWithCpp);
    // What it reads is found out by options of our own.
    let tells = question.invocation.argv.iter().any(|arg| {
        let arg = arg.as_encoded_bytes();
        [&b"-M"[..], b"--", b"-Wp,", b"-X", b"@"].iter().any(|it| arg.starts_with(it))
    });
    if !answers
        || tells
        || !is_empty(&source.path)
        || !analysis.output.as_deref().is_none_or(prints)
    {
        return Err(Reason::NotACompile.into());
    }
    // How macros are listed, which is what is asked here.
    let lists = |word: &str| ["-dM", "-dD", "-dN", "-dI", "-dU"].contains(&word);
    let refused = analysis.objections.iter().find(|it| {
        let word = it.argument.as_deref().and_then(|word| word.to_str()).unwrap_or_default();
        it.reason != Refusal::Native && !(it.reason == Refusal::Dump && lists(word))
    });
    if let Some(refused) = refused {
        return Err(reason::objection(refused));
    }
    if let Some(refused) = environment::refused(&question.invocation.env) {
        return Err(reason::objection(&refused));
    }
    Ok(Plan {
        work: match source.language {
            Language::Cxx => Work::CompileCxx,
            _ => Work::Compile,
        },
        source: NULL.into(),
        language: source.language,
        outputs: Vec::new(),
        dependencies: None,
        sensitivity: Sensitivity::Bytes,
        only_debug_info: false,
        names_directory: true,
        native: analysis.objections.iter().any(|it| it.reason == Refusal::Native),
        shows_names: true,
    })
}
