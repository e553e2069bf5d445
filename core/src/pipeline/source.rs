//! From an analysed compile to the text and the arguments that travel.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::dependencies;
use super::home::Home;
use super::placing::{Finishing, replaceable};
use super::source_files::SourceFiles;
use super::stay::Stay;
use crate::analysis::{self, Analysis, DebugInfo, RemotePlan, SideKind};
use crate::fidelity::{self, Family, Language, Recipe, Side, Technique, beside};
use crate::job::{Invocation, SideFile, SourceText};
use crate::protocol::message::var;
use crate::staging::StagedFile;

/// A compile, split into preprocessing here and compiling elsewhere.
pub(super) struct Split<'a> {
    invocation: &'a Invocation,
    plan: &'a RemotePlan,
    /// The dependency file, as spelt.
    dependencies: Option<&'a Path>,
    family: Family,
    language: Language,
    /// The source is preprocessed text already.
    preprocessed: bool,
}

/// The text of a compile with all macros expanded (`-E`), and its dependency file, kept back.
pub(super) async fn expand(
    home: &dyn Home,
    invocation: &Invocation,
    analysis: &Analysis,
    plan: &RemotePlan,
) -> Result<(Bytes, Option<StagedFile>), Stay> {
    let dependencies = analysis.dependencies.as_ref().map(|file| file.path.as_path());
    let extra = vec![OsString::from("-E")];
    preprocess(home, invocation, plan, dependencies, extra).await
}

/// Runs the preprocessor; it must have nothing to say.
async fn preprocess(
    home: &dyn Home,
    invocation: &Invocation,
    plan: &RemotePlan,
    dependencies: Option<&Path>,
    extra: Vec<OsString>,
) -> Result<(Bytes, Option<StagedFile>), Stay> {
    let mut args = plan.preprocess_args.clone();
    let dependencies = match dependencies {
        // The compiler itself says why a file can't be written.
        Some(path) => dependencies::redirect(&mut args, path, &invocation.cwd, invocation.umask)
            .map_err(|_| Stay::PreprocessorSaid)?,
        None => None,
    };
    args.extend(extra);
    match home.run(invocation, &args).await {
        Ok(ran) if ran.quietly() => Ok((ran.stdout, dependencies)),
        _ => Err(Stay::PreprocessorSaid),
    }
}

impl<'a> Split<'a> {
    pub(super) fn new(
        invocation: &'a Invocation,
        analysis: &'a Analysis,
        plan: &'a RemotePlan,
        family: Family,
    ) -> Result<Self, Stay> {
        use analysis::Language as Source;
        let (language, preprocessed) = match plan.language {
            Source::C => (Language::C, false),
            Source::Cxx => (Language::Cxx, false),
            Source::PreprocessedC => (Language::C, true),
            Source::PreprocessedCxx => (Language::Cxx, true),
            _ => return Err(Stay::Refused(analysis::Refusal::Language.into())),
        };
        let has_precompiled = |header: &Path| {
            [".gch", ".pch"].iter().any(|suffix| {
                let mut name = header.as_os_str().to_owned();
                name.push(suffix);
                invocation.cwd.join(name).exists()
            })
        };
        if plan.forced_includes.iter().any(|header| has_precompiled(header)) {
            return Err(Stay::PrecompiledHeader);
        }
        let dependencies =
            analysis.side_outputs.iter().find(|it| it.kind == SideKind::Dependencies);
        let dependencies = dependencies.map(|it| it.path.as_path());
        Ok(Self { invocation, plan, dependencies, family, language, preprocessed })
    }

    pub(super) fn language(&self) -> Language {
        self.language
    }

    /// The arguments that decide about the recipe.
    pub(super) fn flags(&self) -> Vec<OsString> {
        let RemotePlan { compile_args, input, output, .. } = self.plan;
        let kept = compile_args.iter().enumerate().filter(|(index, arg)| {
            // `-o` stands before its name.
            index != input && index != output && index + 1 != *output && *arg != "-c"
        });
        let kept: Vec<_> = kept.map(|(_, arg)| arg).collect();
        fidelity::recipe_flags(&kept)
    }

    /// The text to send, and the dependency file to put in place with the object.
    pub(super) async fn text(
        &self,
        home: &dyn Home,
        recipe: &Recipe,
        debug_info: DebugInfo,
        files: &SourceFiles,
    ) -> Result<(SourceText, Option<StagedFile>), Stay> {
        let (bytes, dependencies) = if self.preprocessed {
            (self.read(debug_info)?, None)
        } else {
            self.preprocess(home, recipe).await?
        };
        self.look_out(&bytes, recipe, files, debug_info)?;
        let lines = memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Ok((SourceText { bytes, lines }, dependencies))
    }

    /// Refuses a text that would be understood in another way elsewhere, or lose a warning there.
    fn look_out(
        &self,
        text: &[u8],
        recipe: &Recipe,
        files: &SourceFiles,
        debug_info: DebugInfo,
    ) -> Result<(), Stay> {
        let technique = if self.preprocessed { Technique::PlainText } else { recipe.technique };
        let args = &self.plan.compile_args;
        if self.family == Family::Gcc
            && fidelity::warns_of_indentation(args)
            && fidelity::may_mislead(text)
        {
            return Err(Stay::LosesWarnings);
        }
        let quiet = self.preprocessed || args.iter().any(|arg| arg == "-w");
        if !quiet && !technique.keeps_warnings(self.family) {
            return Err(Stay::LosesWarnings);
        }
        let hazard = fidelity::hazards(text, technique)
            .filter(|hazard| !debug_info.is_none() || !hazard.spares_code())
            .or_else(|| match technique {
                Technique::DirectivesOnly => files.hazard(text, &self.invocation.cwd),
                // Nothing vanishes from what clang writes, or from plain text.
                Technique::PlainText | Technique::RewrittenIncludes | Technique::Bitcode => None,
            });
        hazard.map_or(Ok(()), |hazard| Err(Stay::Hazard(hazard)))
    }

    async fn preprocess(
        &self,
        home: &dyn Home,
        recipe: &Recipe,
    ) -> Result<(Bytes, Option<StagedFile>), Stay> {
        if self.plan.forbids_directives_only && recipe.technique == Technique::DirectivesOnly {
            return Err(Stay::LosesWarnings);
        }
        let extra = recipe.preprocess_extra();
        let (written, dependencies) =
            preprocess(home, self.invocation, self.plan, self.dependencies, extra).await?;
        let text = recipe.finish(written, self.source_name(), &self.plan.preprocess_args);
        Ok((text.map_err(Stay::Hazard)?, dependencies))
    }

    /// Reads a source that is preprocessed already. Elsewhere it has another name, which the object would show: so
    /// it must say its name itself, or it is made to.
    fn read(&self, debug_info: DebugInfo) -> Result<Bytes, Stay> {
        let name = self.source_name();
        let text = fs::read(self.invocation.cwd.join(name)).map_err(|_| Stay::PreprocessorSaid)?;
        let marked =
            text.strip_prefix(b"# ").and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit);
        if !debug_info.is_none() {
            // Debug info names the directory too, which the second marker holds if the text was made with `-g`.
            let second = text.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
            let tells = marked && second.ends_with(b"//\"");
            return if tells { Ok(text.into()) } else { Err(Stay::NoOrigin) };
        }
        if marked {
            return Ok(text.into());
        }
        let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\".contains(byte) || *byte == b' ';
        if !name.as_bytes().iter().all(plain) {
            return Err(Stay::NoOrigin);
        }
        let mut with_name = Vec::with_capacity(text.len() + name.len() + 8);
        with_name.extend(b"# 1 \"");
        with_name.extend(name.as_bytes());
        with_name.extend(b"\"\n");
        with_name.extend(text);
        Ok(with_name.into())
    }

    fn source_name(&self) -> &OsStr {
        self.plan.compile_args.get(self.plan.input).map_or(OsStr::new(""), |name| name)
    }

    /// What the outputs go through when they are back. Text that was preprocessed before needed no technique of ours.
    pub(super) fn finishing(&self, recipe: &Recipe) -> Finishing {
        Finishing {
            object: recipe.rewrite_of_object().cloned().filter(|_| !self.preprocessed),
            debug_info: recipe.rewrite.clone().filter(|_| !self.preprocessed),
            sides: recipe.sides.kinds().to_vec(),
            directory: recipe.sides.names_directory().then(|| self.directory()),
        }
    }

    /// What the compiler calls the directory that it runs in: what `PWD` says, if that is true.
    fn directory(&self) -> PathBuf {
        let Invocation { cwd, env, .. } = self.invocation;
        let same = |path: &Path| {
            let (one, other) = (fs::metadata(path).ok()?, fs::metadata(cwd).ok()?);
            Some(one.dev() == other.dev() && one.ino() == other.ino())
        };
        let said = var(env, "PWD").map(PathBuf::from).filter(|path| path.is_absolute());
        said.filter(|path| same(path) == Some(true)).unwrap_or_else(|| cwd.clone())
    }

    /// The files beside the object that are to come back.
    pub(super) fn side_files(
        &self,
        recipe: &Recipe,
        there: &OsStr,
        object: &Path,
    ) -> Result<Vec<SideFile>, Stay> {
        let file = |kind: &Side| {
            let path = replaceable(beside(object, *kind), self.invocation.umask)?;
            Ok(SideFile { there: beside(Path::new(there), *kind), path })
        };
        recipe.sides.kinds().iter().map(file).collect()
    }

    /// What people should know about objects of this recipe.
    pub(super) fn notice(&self, recipe: &Recipe) -> Option<String> {
        let caveat = recipe.caveat.as_ref().filter(|_| !self.preprocessed)?;
        Some(format!(
            "code is that of a plain local build, but {caveat}; `fidelity = \"strict\"` in the farm's [local] keeps such jobs home"
        ))
    }

    /// The arguments for the host, and where the names of input and output are among them.
    pub(super) fn args(&self, recipe: &Recipe) -> (Vec<OsString>, usize, usize) {
        let RemotePlan { compile_args, input, output, .. } = self.plan;
        let mut args = compile_args.clone();
        // Its extension tells the host what the text is. The name itself is for logs there.
        let stem = Path::new(self.source_name()).file_stem().and_then(OsStr::to_str);
        let readable = |c: char| c.is_ascii_alphanumeric() || "._+".contains(c);
        let stem = stem.filter(|stem| stem.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let stem =
            stem.filter(|stem| stem.chars().all(|c| readable(c) || c == '-')).unwrap_or("source");
        let extension = if self.preprocessed {
            self.language.text_extension()
        } else {
            self.language.source_extension()
        };
        args[*input] = format!("{stem}.{extension}").into();
        // What is written beside it has its name.
        if recipe.sides.is_empty() {
            args[*output] = format!("{stem}.o").into();
        }
        if self.preprocessed {
            return (args, *input, *output);
        }
        args.extend(recipe.compile_extra(&self.invocation.cwd));
        let lead = recipe.compile_lead();
        let (input, output) = (lead.len() + input, lead.len() + output);
        args.splice(0..0, lead);
        (args, input, output)
    }
}
