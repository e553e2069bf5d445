//! One walk over a command line: what each argument adds to the whole.
//!
//! Decides nothing about the whole; see [`super::analyse`] for that.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::compiler::CompilerName;
use super::debug_info::DebugInfo;
use super::dependencies::DependencyOptions;
use super::language::Language;
use super::options::{self, Class, Row, Stop};
use super::refusal::{Refusal, Refused};
use super::side_output::{SideKind, SideOutput};
use super::stages;

/// A file that an invocation reads as its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name as spelt; `-` is standard input.
    pub path: PathBuf,
    /// What it holds, by `-x` or by its suffix.
    pub language: Language,
}

/// A `-D` or a `-U`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacroArgument {
    /// `-D`.
    pub defines: bool,
    /// What stands behind it: `NAME`, `NAME=VALUE`, `NAME(PARAMETERS)=VALUE`.
    pub text: OsString,
}

/// The arguments of one command line, response files replaced, without those that only name outputs and without the
/// sources: what a result depends on beside the files that are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `-D` and `-U`, in order.
    pub macros: Vec<MacroArgument>,
    /// All others, in order.
    pub others: Vec<OsString>,
}

/// What the arguments of one command line add up to.
pub(super) struct Scan<'a> {
    /// Whose command line this is.
    pub(super) compiler: &'a CompilerName,
    /// The last `-x`.
    language: Option<Language>,
    /// Warnings that need macros to be expanded at home.
    macro_warnings: BTreeSet<&'static str>,
    lto: Option<OsString>,
    pub(super) stop: Option<Stop>,
    pub(super) probe: bool,
    pub(super) verbose: bool,
    pub(super) libraries: bool,
    pub(super) sources: Vec<Source>,
    /// Every `-o`.
    pub(super) outputs: Vec<OsString>,
    pub(super) dependencies: DependencyOptions,
    pub(super) debug_info: DebugInfo,
    /// Options that make the compiler write a file whose name depends on the object's.
    pub(super) side_options: Vec<(SideKind, OsString)>,
    /// Files that are named outright.
    pub(super) side_outputs: Vec<SideOutput>,
    pub(super) forced_includes: Vec<PathBuf>,
    /// All but `-c`, `-S` and `-o`.
    pub(super) preprocess_args: Vec<OsString>,
    /// All that matter to code, without the source.
    pub(super) compile_args: Vec<OsString>,
    /// The same arguments once more, sorted by what a result depends on.
    pub(super) arguments: Arguments,
    /// The arguments that keep the invocation here.
    pub(super) refused: Vec<Refused>,
}

impl<'a> Scan<'a> {
    /// Walks over the arguments behind `argv[0]`, response files replaced.
    pub(super) fn of(compiler: &'a CompilerName, args: &[OsString]) -> Self {
        let mut scan = Self {
            compiler,
            language: None,
            macro_warnings: BTreeSet::new(),
            lto: None,
            stop: None,
            probe: false,
            verbose: false,
            libraries: false,
            sources: Vec::new(),
            outputs: Vec::new(),
            dependencies: DependencyOptions::default(),
            debug_info: DebugInfo::default(),
            side_options: Vec::new(),
            side_outputs: Vec::new(),
            forced_includes: Vec::new(),
            preprocess_args: Vec::with_capacity(args.len()),
            compile_args: Vec::with_capacity(args.len()),
            arguments: Arguments::default(),
            refused: Vec::new(),
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if arg == "-" || !arg.as_bytes().starts_with(b"-") {
                scan.source(arg);
                continue;
            }
            let Some(row) = options::find(arg) else {
                scan.refuse(Refusal::UnknownOption, arg);
                continue;
            };
            let next = if row.takes_next(arg) { rest.next() } else { None };
            if row.takes_next(arg) && next.is_none() {
                scan.refuse(Refusal::MissingArgument, arg);
                continue;
            }
            scan.option(row, arg, next);
        }
        scan
    }

    /// Why an argument keeps the invocation here.
    pub(super) fn refused(&self) -> Option<Refused> {
        let lto = self
            .lto
            .as_ref()
            .map(|option| Refused { reason: Refusal::Lto, argument: Some(option.clone()) });
        self.refused.first().cloned().or(lto)
    }

    /// Whether code is left to link time.
    pub(super) fn is_late(&self) -> bool {
        self.lto.is_some()
    }

    /// Whether text from gcc's `-fdirectives-only` would lose warnings that are asked for.
    pub(super) fn forbids_directives_only(&self) -> bool {
        !self.macro_warnings.is_empty()
    }

    fn source(&mut self, arg: &OsString) {
        if arg.is_empty() {
            return self.refuse(Refusal::EmptyArgument, arg);
        }
        let path = PathBuf::from(arg);
        let language =
            self.language.unwrap_or_else(|| Language::of_path(&path, self.compiler.driver));
        self.sources.push(Source { path, language });
        self.preprocess_args.push(arg.clone());
    }

    fn option(&mut self, row: &'static Row, arg: &OsString, next: Option<&OsString>) {
        let value = row.joined(arg).or(next.map(OsString::as_os_str));
        let words = || value.map(OsStr::as_bytes).unwrap_or_default().split(|&b| b == b',');
        let (mut preprocess, mut compile) = (true, true);
        let mut refusal = None;
        match row.class {
            Class::Both => refusal = file_in_value(row, value),
            Class::Preprocess => compile = false,
            Class::Include => {
                compile = false;
                self.forced_includes.extend(value.map(PathBuf::from));
            }
            Class::Link => compile = false,
            Class::Library => {
                compile = false;
                self.libraries = true;
            }
            Class::Stop(stop) => {
                (preprocess, compile) = (false, false);
                self.stop = self.stop.max(Some(stop));
            }
            Class::Probe => self.probe = true,
            Class::Verbose => {
                self.verbose = true;
                refusal = Some(Refusal::Verbose);
            }
            Class::Output => {
                (preprocess, compile) = (false, false);
                self.outputs.extend(value.map(OsStr::to_owned));
            }
            Class::Language => {
                compile = false;
                self.language = value.and_then(Language::of_name);
            }
            Class::Dependency(option) => {
                compile = false;
                self.dependencies.add(option, arg, value);
            }
            Class::Debug => self.debug_info.add(value.map(OsStr::as_bytes).unwrap_or_default()),
            Class::Processor => {
                let native = value.is_some_and(|value| value.as_bytes().starts_with(b"native"));
                refusal = native.then_some(Refusal::Native);
            }
            Class::Lto(on) => self.lto = on.then(|| arg.clone()),
            Class::MacroWarning(on) => {
                let name = row.spelling.rsplit(['=', 'W']).next().unwrap_or_default();
                let name = name.strip_prefix("no-").unwrap_or(name);
                if on {
                    self.macro_warnings.insert(name);
                } else {
                    self.macro_warnings.remove(name);
                }
            }
            Class::AssemblerWords => {
                let words: Vec<_> = words().collect();
                refusal = stages::assembler(&words, &mut self.side_outputs);
            }
            Class::AssemblerWord => {
                let word = value.map(OsStr::as_bytes).unwrap_or_default();
                refusal = stages::assembler(&[word], &mut self.side_outputs);
            }
            Class::PreprocessorWords => {
                compile = false;
                let words: Vec<_> = words().collect();
                let family = self.compiler.family;
                refusal = stages::preprocessor(&words, family, &mut self.dependencies).err();
            }
            Class::FrontendWord => refusal = value.and_then(stages::frontend),
            Class::LlvmOption => refusal = value.and_then(stages::llvm),
            Class::Side(kind, reason) => {
                self.debug_info.split |= kind == SideKind::SplitDebugInfo;
                self.side_options.push((kind, arg.clone()));
                refusal = Some(reason);
            }
            Class::Stay(reason) => refusal = Some(reason),
        }
        if let Some(reason) = refusal {
            self.refuse(reason, arg);
        }
        let both = [Some(arg), next].into_iter().flatten();
        match row.class {
            Class::Output | Class::Dependency(_) | Class::Stop(_) => {}
            Class::PreprocessorWords if names_dependency_file_alone(value) => {}
            Class::Preprocess if row.is_macro() => {
                let defines = row.is_definition();
                let text = value.map(OsStr::to_owned).unwrap_or_default();
                self.arguments.macros.push(MacroArgument { defines, text });
            }
            _ => self.arguments.others.extend(both.clone().cloned()),
        }
        if preprocess {
            self.preprocess_args.extend(both.clone().cloned());
        }
        if compile {
            self.compile_args.extend(both.cloned());
        }
    }

    fn refuse(&mut self, reason: Refusal, argument: &OsString) {
        self.refused.push(Refused { reason, argument: Some(argument.clone()) });
    }
}

/// `-Wp,-MD,FILE` and no more.
fn names_dependency_file_alone(value: Option<&OsStr>) -> bool {
    let words: Vec<_> = value.map_or(&b""[..], OsStr::as_bytes).split(|&b| b == b',').collect();
    matches!(words.as_slice(), [b"-MD" | b"-MMD", _])
}

/// An option that is known by its first letter only must not name a file: `-fsome-new-list=a/b`.
fn file_in_value(row: &Row, value: Option<&OsStr>) -> Option<Refusal> {
    if row.spelling != "-f" {
        return None;
    }
    let value = value?.as_bytes();
    let at = value.iter().position(|&b| b == b'=')?;
    let (name, value) = (&value[..at], &value[at + 1..]);
    // These name directories to be replaced in what the compiler writes; it doesn't read them.
    if name.ends_with(b"-prefix-map") || name.ends_with(b"-compilation-dir") {
        return None;
    }
    let named = [&b"file"[..], b"list", b"path", b"dir"].iter().any(|part| name.ends_with(part));
    (named || value.contains(&b'/')).then_some(Refusal::OptionNamesFile)
}
