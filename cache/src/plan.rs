//! What of an analysed invocation decides about its result, and what files the result is.
//!
//! Looks at no file but the names; reads nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use farmbuild_core::analysis::{
    Analysis, DependencyFile, Family, Kind, Language, Refusal, SideKind, environment,
};
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Uncached;
use farmbuild_core::pipeline::cache::Question;

use crate::base::Base;
use crate::digest::Digest;
use crate::link;
use crate::probe;
use crate::reason::{self, Reason};

/// What of the sources can show in the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sensitivity {
    /// What is compiled, and no more.
    Meaning,
    /// Also where in its file everything stands (debug info, sanitizers).
    Positions,
    /// Every byte (macros in debug info, pedantic warnings about comments).
    Bytes,
}

/// A file that the compile writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// What it is: `object`, or a word for a [`SideKind`].
    pub(crate) label: &'static str,
    /// As spelt.
    pub(crate) path: PathBuf,
    /// A compile that succeeds may leave it out.
    pub(crate) optional: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// C, or assembly.
    Compile,
    /// C++.
    CompileCxx,
    /// Objects to a program.
    Link,
}

/// How an invocation is cached.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) work: Work,
    /// The source, as spelt; of a link, the output.
    pub(crate) source: PathBuf,
    pub(crate) language: Language,
    pub(crate) outputs: Vec<Output>,
    pub(crate) dependencies: Option<DependencyFile>,
    pub(crate) sensitivity: Sensitivity,
    /// Positions show in debug info, and nowhere else.
    pub(crate) only_debug_info: bool,
    /// The working directory shows in the outputs.
    pub(crate) names_directory: bool,
    /// The processor of this machine is asked for.
    pub(crate) native: bool,
    /// The outputs show the whole command line or their own names.
    pub(crate) shows_names: bool,
}

/// Arguments that something is said against, and that the key takes care of.
const IN_THE_KEY: [Refusal; 8] = [
    Refusal::Native,
    Refusal::Coverage,
    Refusal::SplitDebugInfo,
    Refusal::StackUsage,
    Refusal::CallGraph,
    Refusal::EmbeddedSource,
    Refusal::Charset,
    Refusal::Traditional,
];

/// Environment variables that show in a result, beside those of the compiler's search path for its own parts.
const ENVIRONMENT: [&str; 17] = [
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "OBJC_INCLUDE_PATH",
    "SOURCE_DATE_EPOCH",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "COLUMNS",
    "GCC_COLORS",
    "GCC_URLS",
    "TERM_URLS",
    "GCC_EXTRA_DIAGNOSTIC_OUTPUT",
    "GCC_COMPARE_DEBUG",
    "CL_CONFIG_FILE",
];

impl Plan {
    /// Decides whether and how an invocation is cached.
    pub(crate) fn of(question: &Question) -> Result<Self, Uncached> {
        let Question { invocation, analysis, .. } = question;
        match analysis.kind {
            Kind::Compile | Kind::Assemble => {}
            Kind::Link => return link::plan(invocation, analysis),
            Kind::Preprocess => return probe::plan(question),
            _ => return Err(Reason::NotACompile.into()),
        }
        let refuse = |refusal: Refusal| reason::objection(&refusal.into());
        let objected = analysis.objections.iter().find(|it| !IN_THE_KEY.contains(&it.reason));
        if let Some(refused) = objected {
            return Err(reason::objection(refused));
        }
        if let Some(refused) = environment::refused(&invocation.env) {
            return Err(reason::objection(&refused));
        }
        let [source] = analysis.sources.as_slice() else {
            return Err(refuse(Refusal::SeveralSources));
        };
        let special = |path: &Path| path == Path::new("-") || path.starts_with("/dev");
        let odd = special(&source.path) && source.path != Path::new(probe::NULL);
        if odd || source.path.starts_with("/proc") {
            return Err(refuse(Refusal::SourceNotAFile));
        }
        let work = match source.language {
            Language::C | Language::PreprocessedC | Language::AssemblyWithCpp => Work::Compile,
            Language::Cxx | Language::PreprocessedCxx => Work::CompileCxx,
            Language::Assembly => return Err(refuse(Refusal::Assembly)),
            _ => return Err(refuse(Refusal::Language)),
        };
        let object = analysis.output.clone().filter(|path| !special(path));
        let object = object.ok_or_else(|| refuse(Refusal::OutputNotAFile))?;
        if invocation.cwd.join(&object) == invocation.cwd.join(&source.path) {
            return Err(refuse(Refusal::OutputIsSource));
        }
        let mut outputs = vec![Output { label: "object", path: object, optional: false }];
        for side in &analysis.side_outputs {
            let (label, optional) = match side.kind {
                SideKind::Dependencies => continue,
                SideKind::CoverageNotes => ("gcno", false),
                SideKind::SplitDebugInfo => ("dwo", true),
                SideKind::StackUsage => ("su", false),
                SideKind::CallGraph => ("ci", false),
                _ => return Err(Reason::OddOutput.into()),
            };
            outputs.push(Output { label, path: side.path.clone(), optional });
        }
        let objects_to = |refusal| analysis.objections.iter().any(|it| it.reason == refusal);
        let coverage = objects_to(Refusal::Coverage);
        let others = &analysis.arguments.others;
        let sanitizes = any(others, |arg| arg.starts_with(b"-fsanitize"));
        let links_late = any(others, |arg| arg.starts_with(b"-flto"));
        let clang = analysis.compiler.family == Family::Clang;
        let debugs = !analysis.debug_info.is_none()
            || any(others, |arg| arg.starts_with(b"-g") && arg != b"-g0");
        let shows_positions = sanitizes
            || coverage
            || links_late
            || any(others, |arg| arg == b"-p" || arg == b"-pg")
            // By the names of the files that functions stand in.
            || any(others, |arg| arg.starts_with(b"-finstrument-functions-exclude-file-list"))
            || outputs.len() > 1;
        let mut sensitivity = Sensitivity::Meaning;
        if debugs || shows_positions {
            sensitivity = Sensitivity::Positions;
        }
        // clang's debug info has a checksum of each file, and its bitcode has offsets within assembly.
        let clang_bytes = clang && (!analysis.debug_info.is_none() || links_late);
        if coverage
            || clang_bytes
            || analysis.debug_info.has_macros()
            || objects_to(Refusal::EmbeddedSource)
            || objects_to(Refusal::Traditional)
            || analysis.kind == Kind::Assemble
            || any(others, looks_at_bytes)
        {
            sensitivity = Sensitivity::Bytes;
        }
        Ok(Self {
            source: source.path.clone(),
            language: source.language,
            work,
            dependencies: analysis.dependencies.clone(),
            names_directory: sensitivity != Sensitivity::Meaning,
            native: objects_to(Refusal::Native),
            shows_names: outputs.len() > 1 || coverage,
            only_debug_info: !shows_positions && sensitivity == Sensitivity::Positions,
            sensitivity,
            outputs,
        })
    }

    /// Whether all that it gives is what it prints.
    pub(crate) fn only_prints(&self) -> bool {
        self.outputs.is_empty()
    }

    /// Whether the compiler proper is C++'s.
    pub(crate) fn is_cxx(&self) -> bool {
        self.work == Work::CompileCxx
    }

    /// The object, as spelt.
    pub(crate) fn object(&self) -> &Path {
        self.outputs.first().map_or(Path::new(""), |output| &output.path)
    }

    /// Whether the source is what the compiler proper reads, without includes.
    pub(crate) fn is_preprocessed(&self) -> bool {
        self.language.is_preprocessed()
    }

    /// The part of every key that needs no file: what is asked of which compiler, and where.
    pub(crate) fn digest(
        &self,
        invocation: &Invocation,
        analysis: &Analysis,
        compiler: &[u8],
        base: &Base,
    ) -> Digest {
        if self.work == Work::Link {
            return link::digest(self, invocation, compiler, base);
        }
        let mut digest = Digest::new("farmbuild job 1");
        digest.bytes("source", &base.marked(self.source.as_os_str().as_bytes()));
        let args = analysis.arguments.others.iter();
        self.describe(digest, args, invocation, compiler, base)
    }

    /// Likewise of the compile of a text, whatever its source: what only says how the text is made is left out (`-I`, say).
    pub(crate) fn flags(
        &self,
        invocation: &Invocation,
        analysis: &Analysis,
        compiler: &[u8],
        base: &Base,
    ) -> Digest {
        let digest = Digest::new("farmbuild flags 2");
        let (args, names) = match &analysis.remote {
            Ok(plan) => (&plan.compile_args, Some([plan.input, plan.output])),
            Err(_) => (&analysis.arguments.others, None),
        };
        let is_name = |at| names.is_some_and(|names| names.contains(&at));
        let args = args.iter().enumerate().filter(|(at, _)| !is_name(*at)).map(|(_, arg)| arg);
        self.describe(digest, args, invocation, compiler, base)
    }

    fn describe<'a>(
        &self,
        mut digest: Digest,
        args: impl Iterator<Item = &'a OsString>,
        invocation: &'a Invocation,
        compiler: &[u8],
        base: &Base,
    ) -> Digest {
        digest.bytes("compiler", compiler);
        let name = invocation.argv.first().map(Path::new).and_then(Path::file_name);
        digest.bytes("name", name.unwrap_or_default().as_bytes());
        digest.bytes("language", format!("{:?}", self.language).as_bytes());
        let marked = |arg: &OsString| OsString::from_vec(base.marked(arg.as_bytes()));
        digest.list("args", args.map(marked));
        for (name, value) in variables(invocation) {
            digest.bytes(name, &base.marked(value.as_bytes()));
        }
        if self.names_directory {
            digest.bytes("directory", &base.marked(invocation.cwd.as_os_str().as_bytes()));
            // gcc writes the directory's name by which its caller knows it.
            let logical = variable(invocation, "PWD").unwrap_or_default();
            digest.bytes("PWD", &base.marked(logical.as_bytes()));
        }
        if self.shows_names {
            digest.list("argv", invocation.argv.iter().map(marked));
        }
        if self.native {
            digest.bytes("processor", &processor());
        }
        digest
    }
}

/// The variables of the environment that may show in a result, as far as they are set.
pub(crate) fn variables(invocation: &Invocation) -> Vec<(&'static str, OsString)> {
    let set = |name| Some((name, variable(invocation, name)?.to_owned()));
    ENVIRONMENT.into_iter().filter_map(set).collect()
}

/// One variable of a job's environment.
pub(crate) fn variable<'a>(invocation: &'a Invocation, name: &str) -> Option<&'a OsStr> {
    invocation.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
}

fn any(args: &[OsString], test: impl Fn(&[u8]) -> bool) -> bool {
    args.iter().any(|arg| test(arg.as_bytes()))
}

/// Whether an argument makes the compiler look at comments or unused macros, if only to warn.
fn looks_at_bytes(arg: &[u8]) -> bool {
    const EXACT: [&[u8]; 18] = [
        b"-Wimplicit-fallthrough=1",
        b"-Wleading-whitespace",
        b"-Wvariadic-macros",
        b"-Wc++-compat",
        b"-Wembedded-directive",
        b"-Wkeyword-macro",
        b"-ansi",
        b"-pedantic",
        b"-pedantic-errors",
        b"-Wpedantic",
        b"-Werror=pedantic",
        b"-Wunused-macros",
        b"-Werror=unused-macros",
        b"-Wtraditional",
        b"-Wc90-c99-compat",
        b"-Weverything",
        b"-fparse-all-comments",
        b"-fretain-comments-from-system-headers",
    ];
    EXACT.contains(&arg)
        || arg.starts_with(b"-Wdocumentation")
        || arg.starts_with(b"-Wa,-g")
        || arg.starts_with(b"-Wa,--g")
        || arg.starts_with(b"-Wleading-whitespace=")
        || arg.starts_with(b"-Wtrailing-whitespace")
        || arg.starts_with(b"-fdebug-macro")
        || arg.starts_with(b"-Xclang")
        || arg.starts_with(b"-Wp,")
        || arg.strip_prefix(b"-std=").is_some_and(|standard| {
            [&b"c8"[..], b"c90", b"gnu8", b"gnu90", b"iso9899"]
                .iter()
                .any(|it| standard.starts_with(it))
        })
}

/// What tells this machine's processor from others.
pub(crate) fn processor() -> Vec<u8> {
    let info = std::fs::read("/proc/cpuinfo").unwrap_or_default();
    let telling: [&[u8]; 7] =
        [b"vendor_id", b"cpu family", b"model", b"stepping", b"flags", b"Features", b"CPU "];
    let first = info.split(|&byte| byte == b'\n').take_while(|line| !line.is_empty());
    let lines = first.filter(|line| telling.iter().any(|it| line.starts_with(it)));
    lines.flat_map(|line| [line, b"\n"].concat()).collect()
}
