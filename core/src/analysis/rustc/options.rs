//! The one walk over rustc's arguments.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::outputs::{self, CrateType, Emit};
use super::{RustcCompile, SearchKind, SearchPath, link};
use crate::analysis::refusal::{Refusal, Refused};

/// Options with a value, by their long names; what they do is settled in [`Walk::option`].
const LONG: [&str; 24] = [
    "cfg",
    "check-cfg",
    "crate-type",
    "crate-name",
    "edition",
    "emit",
    "print",
    "out-dir",
    "explain",
    "target",
    "warn",
    "allow",
    "deny",
    "forbid",
    "force-warn",
    "cap-lints",
    "codegen",
    "extern",
    "sysroot",
    "error-format",
    "json",
    "color",
    "diagnostic-width",
    "remap-path-prefix",
];
/// Short options with a value.
const SHORT: [(u8, &str); 9] = [
    (b'L', "L"),
    (b'l', "l"),
    (b'o', "o"),
    (b'W', "warn"),
    (b'A', "allow"),
    (b'D', "deny"),
    (b'F', "forbid"),
    (b'C', "codegen"),
    (b'Z', "Z"),
];
/// Of `-C`, those that show in the outputs and name no file.
const CODEGEN: [&str; 34] = [
    "code-model",
    "codegen-units",
    "collapse-macro-debuginfo",
    "control-flow-guard",
    "debug-assertions",
    "debuginfo",
    "default-linker-libraries",
    "dwarf-version",
    "embed-bitcode",
    "extra-filename",
    "force-frame-pointers",
    "force-unwind-tables",
    "inline-threshold",
    "instrument-coverage",
    "jump-tables",
    "link-dead-code",
    "link-self-contained",
    "linker-flavor",
    "lto",
    "metadata",
    "no-prepopulate-passes",
    "no-redzone",
    "no-stack-check",
    "no-vectorize-loops",
    "no-vectorize-slp",
    "opt-level",
    "overflow-checks",
    "panic",
    "prefer-dynamic",
    "relocation-model",
    "relro-level",
    "soft-float",
    "strip",
    "symbol-mangling-version",
];
/// Of those, the ones that choose what a link reads.
const CHOOSES_LINK_INPUTS: [&str; 7] = [
    "default-linker-libraries",
    "link-self-contained",
    "linker-flavor",
    "panic",
    "prefer-dynamic",
    "relocation-model",
    "target-feature",
];

/// Whether the arguments only ask something of rustc.
pub(super) fn asks(args: &[OsString]) -> bool {
    args.is_empty()
        || args.iter().any(|arg| {
            let arg = arg.as_bytes();
            let asking = [&b"--print"[..], b"--version", b"--help", b"--explain", b"-h"];
            let short =
                arg.len() > 1 && arg[0] == b'-' && arg[1..].iter().all(|it| b"vVhq".contains(it));
            asking.contains(&arg)
                || arg.starts_with(b"--print=")
                || short && arg != b"-v" && arg != b"-q"
        })
}

struct Walk {
    compile: RustcCompile,
    emits: Vec<(Emit, Option<PathBuf>)>,
    crate_name: Option<String>,
    extra: String,
    out_dir: Option<PathBuf>,
    sources: Vec<OsString>,
    test: bool,
    several_units: bool,
}

/// Reads the arguments behind `argv[0]`.
pub(super) fn read(args: &[OsString]) -> Result<RustcCompile, Refused> {
    let mut walk = Walk {
        compile: RustcCompile::default(),
        emits: Vec::new(),
        crate_name: None,
        extra: String::new(),
        out_dir: None,
        sources: Vec::new(),
        test: false,
        several_units: false,
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let blame = |reason: Refusal| Refused { reason, argument: Some(arg.clone()) };
        let (name, value) = match split(arg) {
            Word::Source => {
                walk.sources.push(arg.clone());
                continue;
            }
            Word::Flag => {
                walk.flag(arg).map_err(blame)?;
                continue;
            }
            Word::Option(name, Some(value)) => (name, value.to_owned()),
            Word::Option(name, None) => match rest.next() {
                Some(value) => (name, value.clone()),
                None => return Err(blame(Refusal::MissingArgument)),
            },
        };
        walk.option(name, &value).map_err(|reason| {
            let mut argument = arg.clone();
            if !argument.as_bytes().ends_with(value.as_bytes()) {
                argument.push(" ");
                argument.push(&value);
            }
            Refused { reason, argument: Some(argument) }
        })?;
    }
    walk.finish()
}

enum Word<'a> {
    Source,
    Flag,
    /// Its name, and its value if that is in the same word.
    Option(&'static str, Option<&'a OsStr>),
}

fn split(arg: &OsStr) -> Word<'_> {
    let bytes = arg.as_bytes();
    if let Some(long) = bytes.strip_prefix(b"--") {
        let at = long.iter().position(|&byte| byte == b'=');
        let name = &long[..at.unwrap_or(long.len())];
        let known = LONG.iter().find(|it| it.as_bytes() == name);
        let value = at.map(|at| OsStr::from_bytes(&long[at + 1..]));
        return known.map_or(Word::Flag, |name| Word::Option(name, value));
    }
    match bytes {
        b"-" => Word::Source,
        [b'-', letter, value @ ..] => match SHORT.iter().find(|(short, _)| short == letter) {
            Some((_, name)) => {
                Word::Option(name, (!value.is_empty()).then(|| OsStr::from_bytes(value)))
            }
            None => Word::Flag,
        },
        _ => Word::Source,
    }
}

impl Walk {
    fn flag(&mut self, arg: &OsStr) -> Result<(), Refusal> {
        match arg.as_bytes() {
            b"--test" => self.test = true,
            b"-g" | b"-O" => {}
            b"-v" | b"--verbose" => return Err(Refusal::Verbose),
            b"" => return Err(Refusal::EmptyArgument),
            _ => return Err(Refusal::UnknownOption),
        }
        self.ask(&[arg]);
        Ok(())
    }

    /// Notes an argument, or an option and its value, as one.
    fn ask(&mut self, words: &[&OsStr]) {
        self.compile.asked.push(words.join(OsStr::new(" ")));
    }

    fn option(&mut self, name: &'static str, value: &OsStr) -> Result<(), Refusal> {
        let text = || value.to_str().ok_or(Refusal::OddName);
        match name {
            "codegen" => return self.codegen(text()?),
            "Z" => return Err(Refusal::UnstableOption),
            "print" | "explain" => return Err(Refusal::Probe),
            "extern" => return self.external(value),
            "L" => {
                self.search(value);
                return Ok(());
            }
            "out-dir" => {
                self.out_dir = Some(value.into());
                return Ok(());
            }
            // Where it goes depends on what else is asked for.
            "o" => return Err(Refusal::OddName),
            "sysroot" => {
                self.compile.sysroot = Some(value.into());
                self.link_option("--sysroot", value);
                return Ok(());
            }
            "emit" => return self.emit(text()?),
            "target" => {
                self.compile.target = Some(value.to_owned());
                self.link_option("--target", value);
                // A file counts by its content, and by its name.
                let name = Path::new(value).file_name().unwrap_or_default().to_owned();
                self.ask(&["--target".as_ref(), &name]);
                return Ok(());
            }
            "crate-type" => {
                for name in text()?.split(',') {
                    let one = CrateType::named(name).ok_or(Refusal::UnknownOption)?;
                    if !self.compile.crate_types.contains(&one) {
                        self.compile.crate_types.push(one);
                    }
                }
            }
            "color" | "diagnostic-width" => {
                self.compile.looks.push(value.to_owned());
                return Ok(());
            }
            "crate-name" => self.crate_name = Some(text()?.to_owned()),
            // A verbatim name may be any file's.
            "l" if text()?.contains("verbatim") => return Err(Refusal::LinkArgument),
            "l" => {}
            "remap-path-prefix" => {
                let at = value.as_bytes().iter().rposition(|&byte| byte == b'=');
                let at = at.ok_or(Refusal::MissingArgument)?;
                let (from, to) = (&value.as_bytes()[..at], &value.as_bytes()[at + 1..]);
                let owned = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
                self.compile.remaps.push((owned(from), owned(to)));
            }
            _ => {}
        }
        self.ask(&[format!("--{name}").as_ref(), value]);
        Ok(())
    }

    fn link_option(&mut self, name: &str, value: &OsStr) {
        self.compile.link_options.extend([name.into(), value.to_owned()]);
    }

    /// `NAME`, `NAME=PATH`, or with options in front: `priv,noprelude:NAME=PATH`.
    fn external(&mut self, value: &OsStr) -> Result<(), Refusal> {
        let bytes = value.as_bytes();
        let at = bytes.iter().position(|&byte| byte == b'=');
        let name = OsStr::from_bytes(&bytes[..at.unwrap_or(bytes.len())]);
        match at.map(|at| &bytes[at + 1..]) {
            None => self.ask(&["--extern".as_ref(), name]),
            Some([]) => return Err(Refusal::MissingArgument),
            Some(path) => {
                self.ask(&["--extern with a file".as_ref(), name]);
                self.compile.externs.push(OsStr::from_bytes(path).into());
            }
        }
        Ok(())
    }

    fn search(&mut self, value: &OsStr) {
        let kinds: [(&[u8], SearchKind); 6] = [
            (b"dependency=", SearchKind::Dependencies),
            (b"crate=", SearchKind::Crates),
            (b"native=", SearchKind::Native),
            (b"framework=", SearchKind::Native),
            (b"all=", SearchKind::All),
            (b"", SearchKind::All),
        ];
        for (prefix, kind) in kinds {
            if let Some(directory) = value.as_bytes().strip_prefix(prefix) {
                let directory = OsStr::from_bytes(directory).into();
                self.compile.search.push(SearchPath { kind, directory });
                return;
            }
        }
    }

    fn emit(&mut self, value: &str) -> Result<(), Refusal> {
        for one in value.split(',') {
            let (name, path) = match one.split_once('=') {
                Some((name, path)) => (name, Some(PathBuf::from(path))),
                None => (one, None),
            };
            let emit = match name {
                "dep-info" => Emit::DepInfo,
                "metadata" => Emit::Metadata,
                "link" => Emit::Link,
                "obj" => Emit::Object,
                "asm" | "llvm-ir" | "llvm-bc" | "mir" => return Err(Refusal::Dump),
                _ => return Err(Refusal::UnknownOption),
            };
            if path.as_deref() == Some(Path::new("-"))
                || self.emits.iter().any(|(it, _)| *it == emit)
            {
                return Err(Refusal::OddName);
            }
            self.ask(&["--emit".as_ref(), name.as_ref()]);
            self.emits.push((emit, path));
        }
        Ok(())
    }

    fn codegen(&mut self, option: &str) -> Result<(), Refusal> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let name = name.replace('_', "-");
        let is_off = matches!(value, Some("n" | "no" | "off" | "false"));
        match name.as_str() {
            "incremental" => return Err(Refusal::Incremental),
            "save-temps" if !is_off => return Err(Refusal::SaveTemps),
            "profile-generate" | "profile-use" | "profile-sample-use" => {
                return Err(Refusal::Profile);
            }
            "split-debuginfo" if value != Some("off") => return Err(Refusal::SplitDebugInfo),
            "llvm-args" | "passes" => return Err(Refusal::FrontendOption),
            "remark" => return Err(Refusal::OptimizationRecord),
            "rpath" | "linker-plugin-lto" if !is_off => return Err(Refusal::LinkArgument),
            "linker" => {
                let linker = value.ok_or(Refusal::MissingArgument)?;
                self.compile.linker = Some(linker.into());
                self.link_option("-C", option.as_ref());
                return Ok(());
            }
            "link-arg" | "link-args" => {
                let value = value.ok_or(Refusal::MissingArgument)?;
                let words: Vec<_> = match name.as_str() {
                    "link-arg" => vec![value],
                    _ => value.split_ascii_whitespace().collect(),
                };
                if !words.iter().all(|word| link::is_followed(word.as_ref())) {
                    return Err(Refusal::LinkArgument);
                }
                // Libraries are of this crate, and may be made by its build script.
                if !words.iter().any(|word| word.starts_with("-l") || word.contains('/')) {
                    self.link_option("-C", option.as_ref());
                }
            }
            "target-cpu" => self.compile.native |= value == Some("native"),
            "target-feature" => {}
            "save-temps" | "split-debuginfo" | "rpath" | "linker-plugin-lto" => {}
            known if CODEGEN.contains(&known) => match known {
                "extra-filename" => value.unwrap_or_default().clone_into(&mut self.extra),
                "codegen-units" => self.several_units = value != Some("1"),
                _ => {}
            },
            _ => return Err(Refusal::UnknownOption),
        }
        if CHOOSES_LINK_INPUTS.contains(&name.as_str()) {
            self.link_option("-C", option.as_ref());
        }
        let value = value.map_or(String::new(), |value| format!("={value}"));
        self.ask(&["-C".as_ref(), format!("{name}{value}").as_ref()]);
        Ok(())
    }

    fn finish(self) -> Result<RustcCompile, Refused> {
        let Self { mut compile, mut emits, crate_name, extra, out_dir, sources, test, .. } = self;
        compile.source = match sources.as_slice() {
            [one] if one == "-" => return Err(Refusal::SourceOnStdin.into()),
            [one] if one.is_empty() => return Err(Refusal::EmptyArgument.into()),
            [one] => one.into(),
            [] => return Err(Refusal::NoSource.into()),
            _ => return Err(Refusal::SeveralSources.into()),
        };
        compile.asked.push(compile.source.clone().into());
        // Without it, an attribute in the source may say.
        compile.crate_name = crate_name.ok_or(Refusal::OddName)?;
        if test || compile.crate_types.is_empty() {
            compile.crate_types = vec![CrateType::Bin];
        }
        if emits.is_empty() {
            emits.push((Emit::Link, None));
        }
        let emits_link = emits.iter().any(|(it, _)| *it == Emit::Link);
        let emits_object = emits.iter().any(|(it, _)| *it == Emit::Object);
        if emits_object && self.several_units {
            return Err(Refusal::SeveralOutputs.into());
        }
        let explicit = emits.iter().any(|(it, path)| *it == Emit::Link && path.is_some());
        if explicit && compile.crate_types.len() > 1 {
            return Err(Refusal::SeveralOutputs.into());
        }
        compile.links = emits_link && compile.crate_types.iter().any(|it| it.is_linked());
        let foreign = |target: &OsString| !target.to_string_lossy().contains("linux");
        if compile.links && compile.target.as_ref().is_some_and(foreign) {
            return Err(Refusal::LinkTarget.into());
        }
        compile.out_dir = out_dir.unwrap_or_default();
        let (outputs, dep_info) = outputs::of(
            &emits,
            &compile.crate_types,
            &compile.crate_name,
            &extra,
            &compile.out_dir,
        );
        compile.outputs = outputs;
        compile.dep_info = dep_info;
        Ok(compile)
    }
}
