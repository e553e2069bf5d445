//! What a compiler invocation would read and write, whether it may be compiled elsewhere, and if not why not.
//!
//! A pure function of `argv`, the working directory's name and response files; it looks at no other file and starts
//! nothing. A reader who follows one command line meets the modules in this order: [`compiler`] (`argv[0]`),
//! [`response`] (`@file`), `options` (the tables), `scan` (one walk over the arguments), `dependencies`,
//! `side_output`, and here the verdict. [`environment`] and [`source_text`] look at what isn't on the command line.

pub mod compiler;
mod debug_info;
mod dependencies;
pub mod environment;
pub mod language;
mod options;
pub mod refusal;
pub mod response;
mod scan;
mod side_output;
pub mod source_text;
mod stages;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use self::compiler::{CompilerName, Driver, Family};
pub use self::debug_info::DebugInfo;
pub use self::language::Language;
pub use self::refusal::{Refusal, Refused};
pub use self::response::{AnalysisError, FileSystem, ResponseFiles};
pub use self::scan::Source;
pub use self::side_output::{SideKind, SideOutput};

use self::options::Stop;
use self::scan::{Scan, is_special_output};
use self::side_output::Names;

/// What kind of work an invocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Source to object.
    Compile,
    /// Source to assembly (`-S`).
    CompileToAssembly,
    /// Source to preprocessed text or dependencies (`-E`, `-M`, `-MM`).
    Preprocess,
    /// Source to diagnostics only (`-fsyntax-only`).
    CheckSyntax,
    /// Header to precompiled header.
    Precompile,
    /// Assembly to object.
    Assemble,
    /// Source to program in one step.
    CompileAndLink,
    /// Objects to program.
    Link,
    /// A question about the compiler itself, or nothing to work on.
    Probe,
    /// The compiler isn't one whose command line is read here.
    Unknown,
}

/// The full account of one invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// What `argv[0]` says.
    pub compiler: CompilerName,
    /// What kind of work it is.
    pub kind: Kind,
    /// The inputs, linker inputs included.
    pub sources: Vec<Source>,
    /// The main output: as spelt or, for one source, as the compiler would name it. `None` for standard output,
    /// or for one output a source.
    pub output: Option<PathBuf>,
    /// Files written beside it. Complete for invocations with one source that stop before linking; otherwise those
    /// that are named outright.
    pub side_outputs: Vec<SideOutput>,
    /// How much debug information the output holds.
    pub debug_info: DebugInfo,
    /// How to compile it elsewhere, or why not.
    pub remote: Result<RemotePlan, Refused>,
}

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

/// Analyses an invocation, its compiler known by its name only.
///
/// # Errors
/// [`AnalysisError`] if the arguments themselves can't be told; the compiler is to be run here then.
pub fn analyse(
    argv: &[OsString],
    cwd: &Path,
    response_files: &dyn ResponseFiles,
) -> Result<Analysis, AnalysisError> {
    let program = argv.first().ok_or(AnalysisError::Empty)?;
    analyse_as(CompilerName::of(program), argv, cwd, response_files)
}

/// Analyses an invocation of a compiler that the caller knows better than its name does: `cc` once it is
/// [`CompilerName::resolved`].
///
/// # Errors
/// As [`analyse`].
pub fn analyse_as(
    compiler: CompilerName,
    argv: &[OsString],
    cwd: &Path,
    response_files: &dyn ResponseFiles,
) -> Result<Analysis, AnalysisError> {
    let (_, args) = argv.split_first().ok_or(AnalysisError::Empty)?;
    let unread = match compiler.family {
        Family::Rustc => Some(Refusal::Rustc),
        Family::Unknown => Some(Refusal::UnknownCompiler),
        Family::Gcc | Family::Clang | Family::System => None,
    };
    if let Some(refusal) = unread {
        return Ok(Analysis {
            compiler,
            kind: Kind::Unknown,
            sources: Vec::new(),
            output: None,
            side_outputs: Vec::new(),
            debug_info: DebugInfo::default(),
            remote: Err(refusal.into()),
        });
    }
    let args = response::expand(args, cwd, response_files)?;
    let mut scan = Scan::of(&compiler, &args);
    let kind = kind(&scan);
    let output = output(&scan, kind);
    let side_outputs = side_outputs(&mut scan, kind, output.as_deref());
    let remote = plan(&mut scan, kind, output.as_deref(), cwd);
    let Scan { sources, debug_info, .. } = scan;
    Ok(Analysis { kind, sources, output, side_outputs, debug_info, remote, compiler })
}

fn kind(scan: &Scan<'_>) -> Kind {
    let every = |test: fn(Language) -> bool| scan.sources.iter().all(|one| test(one.language));
    if scan.probe || scan.sources.is_empty() && !scan.libraries {
        return Kind::Probe;
    }
    match scan.stop {
        Some(Stop::Preprocessed) => Kind::Preprocess,
        Some(Stop::Syntax) => Kind::CheckSyntax,
        _ if scan.sources.iter().any(|source| source.language.is_header()) => Kind::Precompile,
        Some(Stop::Assembly) => Kind::CompileToAssembly,
        Some(Stop::Object) if every(Language::is_assembly) => Kind::Assemble,
        Some(Stop::Object) => Kind::Compile,
        None if every(|language| language == Language::LinkerInput) => Kind::Link,
        None => Kind::CompileAndLink,
    }
}

/// The main output's name.
fn output(scan: &Scan<'_>, kind: Kind) -> Option<PathBuf> {
    if let Some(output) = scan.outputs.last() {
        return Some(output.into());
    }
    let beside = |suffix| match scan.sources.as_slice() {
        [source] => source.path.file_name().map(|name| Path::new(name).with_extension(suffix)),
        _ => None,
    };
    match kind {
        Kind::Compile | Kind::Assemble => beside("o"),
        Kind::CompileToAssembly => beside("s"),
        Kind::Precompile => match scan.sources.as_slice() {
            [source] => {
                let mut name = source.path.clone().into_os_string();
                name.push(".gch");
                Some(name.into())
            }
            _ => None,
        },
        Kind::Link | Kind::CompileAndLink => Some(PathBuf::from("a.out")),
        Kind::Preprocess | Kind::CheckSyntax | Kind::Probe | Kind::Unknown => None,
    }
}

fn side_outputs(scan: &mut Scan<'_>, kind: Kind, output: Option<&Path>) -> Vec<SideOutput> {
    let family = scan.compiler.family;
    let mut all = std::mem::take(&mut scan.side_outputs);
    let compiles = matches!(kind, Kind::Compile | Kind::CompileToAssembly | Kind::Assemble);
    if let ([source], Some(object), true) = (scan.sources.as_slice(), output, compiles) {
        let language = source.language;
        if !language.is_preprocessed() && language != Language::Assembly {
            let path = scan.dependencies.path(object);
            all.extend(path.map(|path| SideOutput::new(SideKind::Dependencies, path)));
        }
        let names = Names { family, source: &source.path, language, object };
        for (side, option) in &scan.side_options {
            for one in names.of(*side, option) {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
    }
    all
}

/// The verdict: what kind of work it is comes first, then its files, then single arguments.
fn plan(
    scan: &mut Scan<'_>,
    kind: Kind,
    output: Option<&Path>,
    cwd: &Path,
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
    if let Some(refusal) = refusal_of_language(source.language) {
        return Err(refuse(refusal, &source.path));
    }
    let object = match output {
        Some(object) if object.as_os_str().is_empty() => return Err(Refusal::EmptyArgument.into()),
        Some(object) if is_special_output(object) => {
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
    if let Some(refused) = scan.refused() {
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
