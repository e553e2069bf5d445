//! How a compile with given flags is split so that nothing differs, found out by trying.
//!
//! [`prove`] compiles a probe in the plain way and in the split way and compares the objects byte for byte. It starts
//! no process itself and remembers nothing: the caller runs the compiler, and keeps a recipe for as long as the
//! compiler and [`super::recipe_flags`] stay the same.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::{fs, io};

use bytes::Bytes;
use object::read::{File, Object, ObjectSection};

use super::compare::{Difference, compare};
use super::cut::{ProducerCut, RewriteError};
use super::hash::{FILLER_LENGTH, neutral_filler};
use super::hazard::Hazard;
use super::probe;
use super::prologue::{macro_maps, prologue};
use super::sides::{Side, Sides, beside, exchange, number_of};
use super::technique::{Family, Language, Technique};
use crate::job::CompilerStatus;

/// Runs the compiler in question on this machine.
pub trait RunCompiler {
    /// Runs it with `args` (all behind `argv[0]`) in `directory` and waits.
    ///
    /// # Errors
    /// If it can't be started.
    fn run(&self, directory: &Path, args: &[OsString]) -> io::Result<Ran>;
}

/// What a run of the compiler left.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How it ended.
    pub status: CompilerStatus,
    /// What it printed on standard output.
    pub stdout: Vec<u8>,
    /// What it printed on standard error.
    pub stderr: Vec<u8>,
}

/// What a recipe is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Whose compiler it is.
    pub family: Family,
    /// The language of the source.
    pub language: Language,
    /// The compile's flags, see [`super::recipe_flags`].
    pub flags: &'a [OsString],
}

/// A proven way to compile elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// How the text is made, and compiled.
    pub technique: Technique,
    /// What the object goes through when it is back; nothing if `None`.
    pub rewrite: Option<ProducerCut>,
    /// What differs all the same. `None`: the object is that of a plain local compile, byte for byte.
    pub caveat: Option<Caveat>,
    /// The flag whose text makes up for the technique's own flags, see `docs/fidelity.md`.
    ballast: Option<OsString>,
    /// Whether the compiler must be told the build's directory, which the text doesn't hold.
    names_directory: bool,
    language: Language,
    /// Flags of the compile that must be said in another way to count there.
    restated: Vec<OsString>,
    /// What the compile writes beside its object.
    pub sides: Sides,
}

impl Recipe {
    /// Whether the object is that of a plain local compile, byte for byte.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.caveat.is_none()
    }

    /// What to add to the compile's flags, in place of `-c`, to make the text here, on standard output. It isn't
    /// the text to send yet, see [`Self::finish`].
    #[must_use]
    pub fn preprocess_extra(&self) -> Vec<OsString> {
        self.technique.preprocess_flags().iter().map(OsString::from).collect()
    }

    /// The text to send, from what the first step wrote for `source` under `arguments` (its whole command line, without
    /// response files; the source as spelt there).
    ///
    /// # Errors
    /// [`Hazard::CommandLine`] if the text can't be completed: the job stays home.
    pub fn finish<S: AsRef<OsStr>>(
        &self,
        written: Bytes,
        source: &OsStr,
        arguments: &[S],
    ) -> Result<Bytes, Hazard> {
        if self.technique != Technique::RewrittenIncludes {
            return Ok(written);
        }
        // clang's debug info names `./a.c` as `a.c` for a source and as `./a.c` for preprocessed input.
        let has_exact_debug_info = self.names_directory && self.is_exact();
        if has_exact_debug_info && source.as_encoded_bytes().starts_with(b"./") {
            return Err(Hazard::CommandLine);
        }
        let mut text = prologue(source, arguments).ok_or(Hazard::CommandLine)?;
        text.extend(&written);
        Ok(text.into())
    }

    /// What to put before all of the compile's flags, and so before the input, to compile the text elsewhere.
    #[must_use]
    pub fn compile_lead(&self) -> Vec<OsString> {
        self.technique.compile_lead(self.language).iter().map(OsString::from).collect()
    }

    /// What to add to the compile's flags, beside `-c`, to compile the text of a build in `directory` elsewhere. Goes
    /// behind the build's own flags.
    #[must_use]
    pub fn compile_extra(&self, directory: &Path) -> Vec<OsString> {
        let mut flags: Vec<_> = self.technique.compile_flags().iter().map(OsString::from).collect();
        flags.extend(self.ballast.clone());
        flags.extend_from_slice(&self.restated);
        if self.names_directory {
            let mut flag = OsString::from("-fdebug-compilation-dir=");
            flag.push(directory);
            flags.push(flag);
        }
        flags
    }
}

impl Recipe {
    /// What the object goes through when it is back. Where debug info is apart, that is where our traces are.
    #[must_use]
    pub fn rewrite_of_object(&self) -> Option<&ProducerCut> {
        self.rewrite.as_ref().filter(|_| !self.sides.splits_debug_info())
    }
}

/// In what an object differs from that of a plain local compile; its code and data never do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("debug info differs in {}{}", .sections.join(", "), .why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default())]
pub struct Caveat {
    /// The sections of debug info that differ.
    pub sections: Vec<String>,
    /// Why the difference couldn't be taken back, where that was tried.
    pub why: Option<RewriteError>,
}

impl Caveat {
    /// The sections in which the producer's name stands, or is referred to.
    const OF_PRODUCER: [&str; 4] =
        [".debug_info", ".rel.debug_info", ".rela.debug_info", ".debug_str"];

    /// Whether only the compiler's name for itself and its flags differs, as far as the sections tell. A debugger shows
    /// the same then, in all but that.
    #[must_use]
    pub fn is_producer_alone(&self) -> bool {
        self.sections.iter().all(|section| Self::OF_PRODUCER.contains(&section.as_str()))
    }
}

/// Why there is no recipe: the job stays home.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FidelityError {
    /// The compiler couldn't be started.
    #[error("can't run the compiler: {0}")]
    Run(#[source] io::Error),
    /// A file of the probe couldn't be written or read.
    #[error("can't use {}: {source}", .path.display())]
    Scratch {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The compiler doesn't take the probe with these flags.
    #[error("the compiler refused {step}: {message}")]
    Rejected {
        /// What it was to do, such as "to preprocess a probe".
        step: &'static str,
        /// The first line of what it printed.
        message: String,
    },
    /// The flags leave a text that can't be completed.
    #[error(transparent)]
    Hazard(Hazard),
    /// No way to split a compile is known for this family.
    #[error("no way to split a compile is known for this compiler")]
    NoTechnique,
    /// The object differs in more than debug info.
    #[error("compiled elsewhere, {section} would differ")]
    CodeDiffers {
        /// The section or table.
        section: String,
    },
}

/// The flags that may carry free text: recorded in the producer, without a meaning unless a flag that begins with the
/// second text is there too.
const CARRIERS: [(&str, &str); 2] = [
    ("-finstrument-functions-exclude-file-list=", "-finstrument-functions"),
    ("-fprofile-exclude-files=", "-fprofile"),
];

/// Finds a way to compile elsewhere with these flags and proves it, in the empty directory `scratch`.
///
/// Tries the family's techniques in turn until one is exact; else the first one that leaves code and data alone. An
/// exact technique is found in four runs of the compiler on a probe, some 100 ms.
///
/// # Errors
/// [`FidelityError`] if there is no way that keeps code and data identical, or it couldn't be found out.
pub fn prove(
    runner: &dyn RunCompiler,
    scratch: &Path,
    question: &Question<'_>,
) -> Result<Recipe, FidelityError> {
    let trial = Trial::start(runner, scratch, question)?;
    let local = trial.compile_here()?;
    let mut best = None;
    for &technique in Technique::of(question.family) {
        match prove_technique(&trial, technique, &local) {
            Ok(recipe) if recipe.is_exact() => return Ok(recipe),
            tried @ Ok(_) if !matches!(best, Some(Ok(_))) => best = Some(tried),
            tried => best = best.or(Some(tried)),
        }
    }
    best.unwrap_or(Err(FidelityError::NoTechnique))
}

fn prove_technique(
    trial: &Trial<'_>,
    technique: Technique,
    local: &Made,
) -> Result<Recipe, FidelityError> {
    let question = trial.question;
    let mut recipe = Recipe {
        technique,
        rewrite: None,
        caveat: None,
        ballast: None,
        names_directory: false,
        language: question.language,
        restated: match technique {
            Technique::RewrittenIncludes => macro_maps(question.flags),
            _ => Vec::new(),
        },
        sides: trial.sides.clone(),
    };
    trial.preprocess(&recipe)?;
    let mut there = trial.compile_there(&recipe)?;
    let mut difference = local.compare(&there);
    if matches!(difference, Difference::DebugInfo(_)) && question.family == Family::Clang {
        recipe.names_directory = true;
        there = trial.compile_there(&recipe)?;
        difference = local.compare(&there);
    }
    let sections = match difference {
        Difference::None => return Ok(recipe),
        Difference::Code(section) => return Err(FidelityError::CodeDiffers { section }),
        Difference::DebugInfo(sections) => sections,
    };
    let mut why = None;
    if technique == Technique::DirectivesOnly {
        for (ballast, rewrite) in balance(&there, question.flags) {
            let balanced =
                Recipe { ballast: Some(ballast), rewrite: Some(rewrite.clone()), ..recipe.clone() };
            match trial.compile_there(&balanced).map(|made| made.finish(&balanced)) {
                Ok(Ok(made)) if made == *local => return Ok(balanced),
                Ok(Err(error)) => why = Some(error),
                // The next carrier may be one that this compiler knows.
                Ok(Ok(_)) | Err(_) => {}
            }
        }
    }
    Ok(Recipe { caveat: Some(Caveat { sections, why }), ..recipe })
}

/// The flags to try, with the cut that takes each of them and the technique's own flag out again, for a compiler whose
/// plain producer string is in what it `made`.
fn balance(made: &Made, flags: &[OsString]) -> Vec<(OsString, ProducerCut)> {
    let files = [&made.object].into_iter().chain(made.sides.iter().flatten());
    let Some(prefix) = files.into_iter().find_map(|it| producer_before(it, b" -fdirectives-only"))
    else {
        return Vec::new();
    };
    let in_use = |start: &str| {
        flags.iter().any(|flag| flag.as_encoded_bytes().starts_with(start.as_bytes()))
    };
    CARRIERS
        .iter()
        .filter(|(_, user)| !in_use(user))
        .filter_map(|(carrier, _)| {
            let insertion = format!(" -fdirectives-only {carrier}");
            let filler: [u8; FILLER_LENGTH] = neutral_filler(&prefix, insertion.as_bytes())?;
            let filler = String::from_utf8_lossy(&filler);
            let excess = format!("{insertion}{filler}").into_bytes();
            let cut = ProducerCut { prefix: prefix.clone(), excess };
            Some((OsString::from(format!("{carrier}{filler}")), cut))
        })
        .collect()
}

/// What stands before `flag` in the producer string of `object`.
fn producer_before(object: &[u8], flag: &[u8]) -> Option<Vec<u8>> {
    let file = File::parse(object).ok()?;
    let strings = file.section_by_name(".debug_str").or(file.section_by_name(".debug_str.dwo"));
    let strings = strings?.uncompressed_data().ok()?;
    strings.split(|&byte| byte == 0).filter(|string| string.starts_with(b"GNU ")).find_map(
        |string| {
            let at = memchr::memmem::find(string, flag)?;
            Some(string[..at].to_owned())
        },
    )
}

/// What a compile left: the object, and the files beside it.
#[derive(PartialEq, Eq)]
struct Made {
    object: Vec<u8>,
    sides: Vec<Option<Vec<u8>>>,
    kinds: Vec<Side>,
}

impl Made {
    /// Takes the number out that is another one each time.
    fn blank_number(&mut self) {
        let mut numbers = self.sides.iter().flatten().filter_map(|file| number_of(file));
        let Some(number) = numbers.next().filter(|number| *number != [0; 8]) else {
            return;
        };
        let files = [&mut self.object].into_iter().chain(self.sides.iter_mut().flatten());
        for file in files {
            while let Some(place) = memchr::memmem::find(file, &number) {
                file[place..place + number.len()].fill(0);
            }
        }
    }

    fn compare(&self, other: &Self) -> Difference {
        let difference = compare(&self.object, &other.object);
        let files = self.sides.iter().zip(&other.sides).zip(&self.kinds);
        let mut differ = files.filter(|((mine, theirs), _)| mine != theirs).map(|(_, kind)| *kind);
        match (difference, differ.next()) {
            (difference @ Difference::Code(_), _) | (difference, None) => difference,
            (Difference::None, Some(Side::DebugInfo)) => {
                Difference::DebugInfo(vec![".dwo".to_owned()])
            }
            (Difference::DebugInfo(mut sections), Some(Side::DebugInfo)) => {
                sections.push(".dwo".to_owned());
                Difference::DebugInfo(sections)
            }
            (_, Some(kind)) => Difference::Code(format!(".{}", kind.suffix())),
        }
    }

    /// The same as it is when a recipe is through with it.
    fn finish(mut self, recipe: &Recipe) -> Result<Self, RewriteError> {
        if let Some(rewrite) = recipe.rewrite_of_object() {
            self.object = rewrite.apply(&self.object)?;
        }
        for (bytes, kind) in self.sides.iter_mut().zip(&self.kinds) {
            if let (Some(bytes), Some(cut), Side::DebugInfo) = (bytes, &recipe.rewrite, kind) {
                *bytes = cut.apply(bytes)?;
            }
        }
        Ok(self)
    }
}

/// The files of a probe: `here`, where the build would be, and `there`, named as distccd names them.
struct Trial<'a> {
    runner: &'a dyn RunCompiler,
    question: &'a Question<'a>,
    here: std::path::PathBuf,
    there: std::path::PathBuf,
    source: String,
    text: std::path::PathBuf,
    sides: Sides,
}

impl<'a> Trial<'a> {
    fn start(
        runner: &'a dyn RunCompiler,
        scratch: &Path,
        question: &'a Question<'a>,
    ) -> Result<Self, FidelityError> {
        // Names of one length: see `sides`.
        let (here, there) = (scratch.join("here"), scratch.join("away"));
        for directory in [&here, &there] {
            fs::create_dir_all(directory).map_err(at(directory))?;
        }
        let sides = Sides::of(question.flags);
        let source = format!("probe.{}", question.language.source_extension());
        let text = there.join(format!("distccd_probe.{}", question.language.text_extension()));
        for (name, content) in [
            (probe::HEADER_NAME, probe::HEADER),
            (&source, &probe::source(question.language, question.flags)),
        ] {
            let path = here.join(name);
            fs::write(&path, content).map_err(at(&path))?;
        }
        Ok(Self { runner, question, here, there, source, text, sides })
    }

    /// With side outputs the object's own name counts.
    fn object_name(&self) -> &'static str {
        if self.sides.is_empty() { "probe.o" } else { "out/probe.o" }
    }

    fn compile_here(&self) -> Result<Made, FidelityError> {
        let name = self.object_name();
        let rest = ["-c", &self.source, "-o", name].map(OsString::from);
        self.make_out(&self.here)?;
        self.run("to compile a probe", &self.here, &[&[], &self.seed()], &rest)?;
        self.made(&self.here, Path::new(name))
    }

    /// Coverage has a stamp and split debug info a number, which are random unless a seed is given.
    fn seed(&self) -> Vec<OsString> {
        match self.sides.is_empty() {
            true => Vec::new(),
            false => vec!["-frandom-seed=farmbuild".into()],
        }
    }

    fn make_out(&self, directory: &Path) -> Result<(), FidelityError> {
        let out = directory.join("out");
        if self.sides.is_empty() { Ok(()) } else { fs::create_dir_all(&out).map_err(at(&out)) }
    }

    fn made(&self, directory: &Path, object: &Path) -> Result<Made, FidelityError> {
        let exchanged = |mut bytes: Vec<u8>| {
            if self.sides.names_directory() {
                // What is left is found by comparing.
                let _ = exchange(&mut bytes, self.there.as_os_str(), self.here.as_os_str());
            }
            bytes
        };
        let kinds = self.sides.kinds().to_vec();
        let read =
            |kind: &Side| fs::read(directory.join(beside(object, *kind))).ok().map(exchanged);
        let sides = kinds.iter().map(read).collect();
        let object = directory.join(object);
        let object = fs::read(&object).map_err(at(&object)).map(exchanged)?;
        let mut made = Made { object, sides, kinds };
        made.blank_number();
        Ok(made)
    }

    fn preprocess(&self, recipe: &Recipe) -> Result<(), FidelityError> {
        let rest = [OsStr::new(&self.source), OsStr::new("-o"), self.text.as_os_str()];
        let rest = rest.map(OsString::from);
        let extra = recipe.preprocess_extra();
        self.run("to preprocess a probe", &self.here, &[&[], &extra], &rest)?;
        let written = fs::read(&self.text).map_err(at(&self.text))?;
        let finished = recipe.finish(written.into(), OsStr::new(&self.source), self.question.flags);
        let text = finished.map_err(FidelityError::Hazard)?;
        fs::write(&self.text, text).map_err(at(&self.text))
    }

    fn compile_there(&self, recipe: &Recipe) -> Result<Made, FidelityError> {
        let object = match self.sides.is_empty() {
            true => self.there.join("distccd_probe.o"),
            false => Path::new(self.object_name()).to_owned(),
        };
        self.make_out(&self.there)?;
        let rest = [OsStr::new("-c"), self.text.as_os_str(), OsStr::new("-o"), object.as_os_str()];
        let rest = rest.map(OsString::from);
        let lead = recipe.compile_lead();
        let extra = [recipe.compile_extra(&self.here), self.seed()].concat();
        self.run("to compile a preprocessed probe", &self.there, &[&lead, &extra], &rest)?;
        self.made(&self.there, &object)
    }

    fn run(
        &self,
        step: &'static str,
        directory: &Path,
        [lead, extra]: &[&[OsString]; 2],
        rest: &[OsString],
    ) -> Result<(), FidelityError> {
        // No warnings: the probe isn't the user's code, and -Werror must not fail it.
        let quiet = [OsString::from("-w")];
        let args = [lead, self.question.flags, extra, &quiet, rest].concat();
        let ran = self.runner.run(directory, &args).map_err(FidelityError::Run)?;
        if ran.status.success() {
            return Ok(());
        }
        let message = ran.stderr.split(|&byte| byte == b'\n').next().unwrap_or_default();
        Err(FidelityError::Rejected {
            step,
            message: String::from_utf8_lossy(message).into_owned(),
        })
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FidelityError + '_ {
    move |source| FidelityError::Scratch { path: path.to_owned(), source }
}
