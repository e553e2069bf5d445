//! The verdict on an invocation: how to compile it elsewhere, or why not.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Kind;
use super::compiler::Family;
use super::language::Language;
use super::refusal::{Refusal, Refused};
use super::scan::Scan;

/// How to split a compile into preprocessing here and compiling elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePlan {
    /// The arguments behind `argv[0]` for preprocessing here to standard output, but for `-E` itself: the user's without
    /// `-c` and `-o`, with the dependency file and its target spelt out. Not needed if `language` is preprocessed.
    pub preprocess_args: Vec<OsString>,
    /// The arguments behind `argv[0]` for compiling the text elsewhere. There is no `-x`: the caller adds one, or
    /// names the input so that it needs none.
    pub compile_args: Vec<OsString>,
    /// Which of `compile_args` is the input's name.
    pub input: usize,
    /// Which of `compile_args` is the output's name.
    pub output: usize,
    /// The source's language: C or C++, preprocessed or not.
    pub language: Language,
    /// Headers of `-include`, as spelt. A precompiled one may lie beside each (`.gch`, `.pch`).
    pub forced_includes: Vec<PathBuf>,
    /// gcc's `-fdirectives-only` would lose warnings that are asked for (`-Wunused-macros`, `-Wtraditional`).
    pub forbids_directives_only: bool,
}

/// What may be done with an invocation.
pub(super) struct Verdict {
    /// How to compile it on any host, or why not.
    pub(super) remote: Result<RemotePlan, Refused>,
    /// How to compile it on a host that returns side outputs, where only they are in the way.
    pub(super) with_side_outputs: Option<RemotePlan>,
}

pub(super) fn judge(scan: &mut Scan<'_>, kind: Kind, output: Option<&Path>, cwd: &Path) -> Verdict {
    let only_side_outputs =
        !scan.refused.is_empty() && scan.refused.iter().all(is_about_side_output);
    let Some(refused) = scan.refused().filter(|_| only_side_outputs && !scan.is_late()) else {
        return Verdict { remote: plan(scan, kind, output, cwd, false), with_side_outputs: None };
    };
    match plan(scan, kind, output, cwd, true) {
        Ok(plan) => Verdict { remote: Err(refused), with_side_outputs: Some(plan) },
        Err(other) => Verdict { remote: Err(other), with_side_outputs: None },
    }
}

/// Whether an argument is in the way only because it makes the compiler write another file, of a kind that hosts can
/// give back.
fn is_about_side_output(refused: &Refused) -> bool {
    let written = ["--coverage", "-coverage", "-ftest-coverage", "-fprofile-arcs"];
    match refused.reason {
        Refusal::SplitDebugInfo | Refusal::StackUsage | Refusal::CallGraph => true,
        Refusal::Coverage => {
            refused.argument.as_ref().is_some_and(|it| written.iter().any(|name| it == name))
        }
        _ => false,
    }
}

/// The plan: what kind of work it is comes first, then its files, then single arguments, unless these are forgiven.
fn plan(
    scan: &mut Scan<'_>,
    kind: Kind,
    output: Option<&Path>,
    cwd: &Path,
    forgiving: bool,
) -> Result<RemotePlan, Refused> {
    let family = scan.compiler.family;
    if let Some(refusal) = refusal_of_kind(kind) {
        return Err(refusal.into());
    }
    let source = match scan.sources.as_slice() {
        [source] => source.clone(),
        [] => return Err(Refusal::NoSource.into()),
        _ => return Err(Refusal::SeveralSources.into()),
    };
    let refuse = |reason, path: &Path| Refused { reason, argument: Some(path.into()) };
    if source.path == Path::new("-") {
        return Err(Refusal::SourceOnStdin.into());
    }
    if is_special(&source.path) {
        return Err(refuse(Refusal::SourceNotAFile, &source.path));
    }
    if let Some(refusal) = refusal_of_language(source.language) {
        return Err(refuse(refusal, &source.path));
    }
    let object = match output {
        Some(object) if object.as_os_str().is_empty() => return Err(Refusal::EmptyArgument.into()),
        Some(object) if is_special(object) => {
            return Err(refuse(Refusal::OutputNotAFile, object));
        }
        Some(object) if !is_odd_name(object) && !is_odd_name(&source.path) => object,
        _ => return Err(refuse(Refusal::OddName, &source.path)),
    };
    if cwd.join(object) == cwd.join(&source.path) {
        return Err(refuse(Refusal::OutputIsSource, object));
    }
    if scan.outputs.len() > 1 {
        return Err(Refusal::SeveralOutputs.into());
    }
    if let Some(refused) = scan.refused().filter(|_| !forgiving) {
        return Err(refused);
    }
    if source.language.is_preprocessed() && scan.dependencies.is_asked_for() {
        return Err(Refusal::DependenciesOfPreprocessed.into());
    }
    if family == Family::System {
        return Err(Refusal::UnresolvedCompiler.into());
    }
    let mut preprocess_args = scan.dependencies.explicit(family, object)?;
    preprocess_args.append(&mut scan.preprocess_args);
    let mut compile_args = std::mem::take(&mut scan.compile_args);
    compile_args.extend(["-c".into(), source.path.into(), "-o".into(), object.into()]);
    Ok(RemotePlan {
        preprocess_args,
        input: compile_args.len() - 3,
        output: compile_args.len() - 1,
        compile_args,
        language: source.language,
        forced_includes: std::mem::take(&mut scan.forced_includes),
        forbids_directives_only: scan.forbids_directives_only(),
    })
}

fn refusal_of_kind(kind: Kind) -> Option<Refusal> {
    match kind {
        Kind::Compile => None,
        Kind::CompileToAssembly => Some(Refusal::AssemblyOutput),
        Kind::Preprocess => Some(Refusal::PreprocessOnly),
        Kind::CheckSyntax => Some(Refusal::SyntaxOnly),
        Kind::Precompile => Some(Refusal::PrecompiledHeader),
        Kind::Assemble => Some(Refusal::Assembly),
        Kind::CompileAndLink => Some(Refusal::CompileAndLink),
        Kind::Link => Some(Refusal::Link),
        Kind::Probe => Some(Refusal::Probe),
        Kind::Unknown => Some(Refusal::UnknownCompiler),
    }
}

fn refusal_of_language(language: Language) -> Option<Refusal> {
    match language {
        Language::C | Language::Cxx | Language::PreprocessedC | Language::PreprocessedCxx => None,
        Language::CHeader | Language::CxxHeader => Some(Refusal::PrecompiledHeader),
        Language::Module => Some(Refusal::Modules),
        Language::Gpu => Some(Refusal::Gpu),
        Language::Assembly | Language::AssemblyWithCpp => Some(Refusal::Assembly),
        Language::ObjectiveC | Language::LlvmIr | Language::Other => Some(Refusal::Language),
        Language::LinkerInput => Some(Refusal::NoSource),
    }
}

/// `.c`, `a.` and the like: gcc and clang name what they write differently from each other.
fn is_odd_name(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return true };
    let name = name.as_bytes();
    name.ends_with(b".") || name.starts_with(b".") && !name[1..].contains(&b'.')
}

/// Standard input or output, a device or a directory by its name.
pub(super) fn is_special(path: &Path) -> bool {
    let device = path.starts_with("/dev") && !path.starts_with("/dev/shm");
    path == Path::new("-")
        || device
        || path.starts_with("/proc")
        || path.as_os_str().as_bytes().ends_with(b"/")
}
