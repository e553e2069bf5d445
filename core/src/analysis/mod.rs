//! What a compiler invocation would read and write, whether it may be compiled elsewhere, and if not why not.
//!
//! A pure function of `argv`, the working directory's name and response files; it looks at no other file and starts
//! nothing. A reader who follows one command line meets the modules in this order: [`compiler`] (`argv[0]`),
//! [`response`] (`@file`), `options` (the tables), `scan` (one walk over the arguments), `dependencies`,
//! `side_output`, and `plan` (the verdict). [`environment`] looks at what isn't on the command line. rustc's arguments are
//! read by [`rustc`] alone.

pub mod compiler;
mod debug_info;
mod dependencies;
pub mod environment;
pub mod language;
mod options;
mod plan;
pub mod refusal;
pub mod response;
pub mod rustc;
mod scan;
mod side_output;
mod stages;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::compiler::{CompilerName, Driver, Family};
pub use self::debug_info::DebugInfo;
pub use self::dependencies::DependencyFile;
pub use self::language::Language;
pub use self::plan::RemotePlan;
pub use self::refusal::{Refusal, Refused};
pub use self::response::{AnalysisError, FileSystem, ResponseFiles};
pub use self::rustc::RustcCompile;
pub use self::scan::{Arguments, MacroArgument, Source};
pub use self::side_output::{SideKind, SideOutput};

use self::options::Stop;
use self::scan::Scan;
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
    /// What the outputs depend on beside the files that are read.
    pub arguments: Arguments,
    /// The dependency file, for invocations with one source that stop before linking.
    pub dependencies: Option<DependencyFile>,
    /// Every argument that something is to be said against, in order. Some keep a compile from travelling only.
    pub objections: Vec<Refused>,
    /// How to compile it elsewhere, or why not.
    pub remote: Result<RemotePlan, Refused>,
    /// For rustc: the crate that it compiles, or why that can't be told.
    pub rustc: Option<Result<Arc<RustcCompile>, Refused>>,
    /// How to compile it on a host that gives back `side_outputs` too, where nothing else is in the way.
    pub with_side_outputs: Option<RemotePlan>,
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
    let unread = |compiler, kind, refusal: Refusal, rustc| Analysis {
        compiler,
        kind,
        sources: Vec::new(),
        output: None,
        side_outputs: Vec::new(),
        debug_info: DebugInfo::default(),
        arguments: Arguments::default(),
        dependencies: None,
        objections: Vec::new(),
        remote: Err(refusal.into()),
        with_side_outputs: None,
        rustc,
    };
    match compiler.family {
        Family::Rustc | Family::Unknown if rustc::stands_before_rustc(argv) => {
            let known = rustc::read(argv, cwd, response_files)?;
            return Ok(unread(compiler, known.kind, Refusal::BeforeRustc, None));
        }
        Family::Rustc => {
            let rustc::Known { kind, compile } = rustc::read(argv, cwd, response_files)?;
            let refusal = if kind == Kind::Probe { Refusal::Probe } else { Refusal::Rustc };
            return Ok(unread(compiler, kind, refusal, Some(compile.map(Arc::new))));
        }
        Family::Unknown => {
            return Ok(unread(compiler, Kind::Unknown, Refusal::UnknownCompiler, None));
        }
        Family::Gcc | Family::Clang | Family::System => {}
    }
    let args = response::expand(args, cwd, response_files)?;
    let mut scan = Scan::of(&compiler, &args);
    let kind = kind(&scan);
    let output = output(&scan, kind);
    let side_outputs = side_outputs(&mut scan, kind, output.as_deref());
    let plan::Verdict { remote, with_side_outputs } =
        plan::judge(&mut scan, kind, output.as_deref(), cwd);
    let dependencies = match (scan.sources.as_slice(), &output) {
        ([_], Some(object)) => scan.dependencies.file(scan.compiler.family, object),
        _ => None,
    };
    let mixed = scan.dependencies.is_mixed().then(|| Refused::from(Refusal::DependencyOptions));
    let Scan { sources, debug_info, arguments, refused: mut objections, .. } = scan;
    objections.extend(mixed);
    Ok(Analysis {
        kind,
        sources,
        output,
        side_outputs,
        debug_info,
        arguments,
        dependencies,
        objections,
        remote,
        rustc: None,
        with_side_outputs,
        compiler,
    })
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
