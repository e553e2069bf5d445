//! Runs a real compiler, and compiles one source in the plain way and in the way of a recipe.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmbuild_core::fidelity::{Family, Language, Question, Ran, Recipe, RunCompiler, prove};
use farmbuild_core::job::CompilerStatus;

/// A compiler on this machine, by its name on PATH or its whole path.
pub(crate) struct Compiler(pub(crate) PathBuf);

impl RunCompiler for Compiler {
    fn run(&self, directory: &Path, args: &[OsString]) -> io::Result<Ran> {
        let output = Command::new(&self.0).args(args).current_dir(directory).output()?;
        let status = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => CompilerStatus::Exited(code),
            (None, signal) => CompilerStatus::Signaled(signal.unwrap_or_default()),
        };
        Ok(Ran { status, stdout: output.stdout, stderr: output.stderr })
    }
}

/// One compiler with one set of flags, and its recipe.
pub(crate) struct Split {
    pub(crate) compiler: Compiler,
    pub(crate) language: Language,
    pub(crate) flags: Vec<OsString>,
    pub(crate) recipe: Recipe,
    scratch: tempfile::TempDir,
}

impl Split {
    pub(crate) fn new(compiler: &str, flags: &str) -> Self {
        let language = if compiler.contains("++") { Language::Cxx } else { Language::C };
        let family = if compiler.contains("clang") { Family::Clang } else { Family::Gcc };
        let compiler = Compiler(compiler.into());
        let flags: Vec<_> = flags.split_whitespace().map(OsString::from).collect();
        let scratch = tempfile::tempdir().unwrap();
        let question = Question { family, language, flags: &flags };
        let recipe = prove(&compiler, scratch.path(), &question)
            .unwrap_or_else(|error| panic!("{} {flags:?}: {error}", compiler.0.display()));
        Self { compiler, language, flags, recipe, scratch }
    }

    /// What the plain compile of `source` in `directory` writes and prints.
    pub(crate) fn here(
        &self,
        directory: &Path,
        more: &[OsString],
        source: &str,
    ) -> (Option<Vec<u8>>, Ran) {
        let object = self.scratch.path().join("plain.o");
        let ran = self.run(
            directory,
            [&[], &[]],
            more,
            &["-c".as_ref(), source.as_ref(), "-o".as_ref(), object.as_os_str()],
        );
        (taken(&object), ran)
    }

    /// The same in two steps, the second one as distccd runs it: in another directory, under a name of its own.
    pub(crate) fn split(
        &self,
        directory: &Path,
        more: &[OsString],
        source: &str,
    ) -> (Option<Vec<u8>>, [Ran; 2]) {
        self.split_with(directory, more, &[], source)
    }

    /// The same, with some flags in the second step as well.
    pub(crate) fn split_with(
        &self,
        directory: &Path,
        more: &[OsString],
        more_there: &[OsString],
        source: &str,
    ) -> (Option<Vec<u8>>, [Ran; 2]) {
        let host = tempfile::tempdir().unwrap();
        let text = host.path().join(format!("distccd_5f1e.{}", self.language.text_extension()));
        let object = host.path().join("distccd_77aa.o");
        let first = self.preprocess(directory, more, source, &text);
        let second = self.run(
            host.path(),
            [&self.recipe.compile_lead(), &self.recipe.compile_extra(directory)],
            more_there,
            &["-c".as_ref(), text.as_os_str(), "-o".as_ref(), object.as_os_str()],
        );
        (taken(&object), [first, second])
    }

    /// The object of the two steps, rewritten as the recipe says.
    pub(crate) fn split_object(
        &self,
        directory: &Path,
        more: &[OsString],
        source: &str,
    ) -> Vec<u8> {
        let (object, [first, second]) = self.split(directory, more, source);
        let object = object.unwrap_or_else(|| {
            let printed = [first.stderr, second.stderr].concat();
            panic!("{source}: {}", String::from_utf8_lossy(&printed))
        });
        self.rewritten(object)
    }

    /// An object of the two steps after the recipe's rewrite.
    pub(crate) fn rewritten(&self, object: Vec<u8>) -> Vec<u8> {
        match &self.recipe.rewrite {
            Some(rewrite) => rewrite.apply(&object).unwrap_or_else(|error| panic!("{error}")),
            None => object,
        }
    }

    /// The text of the first step.
    pub(crate) fn text(&self, directory: &Path, more: &[OsString], source: &str) -> Vec<u8> {
        let text = self.scratch.path().join("text.i");
        self.preprocess(directory, more, source, &text);
        fs::read(text).unwrap()
    }

    /// The first step; no text is left if it fails.
    fn preprocess(&self, directory: &Path, more: &[OsString], source: &str, text: &Path) -> Ran {
        let rest = [source.as_ref(), "-o".as_ref(), text.as_os_str()];
        let ran = self.run(directory, [&[], &self.recipe.preprocess_extra()], more, &rest);
        if let Ok(written) = fs::read(text) {
            let arguments = [&self.flags, more].concat();
            let finished = self.recipe.finish(written.into(), source.as_ref(), &arguments);
            fs::write(text, finished.unwrap()).unwrap();
        }
        ran
    }

    fn run(
        &self,
        directory: &Path,
        [lead, extra]: [&[OsString]; 2],
        more: &[OsString],
        rest: &[&std::ffi::OsStr],
    ) -> Ran {
        let rest: Vec<_> = rest.iter().map(OsString::from).collect();
        let args = [lead, &self.flags, more, extra, &rest].concat();
        self.compiler.run(directory, &args).unwrap()
    }
}

fn taken(object: &Path) -> Option<Vec<u8>> {
    let bytes = fs::read(object).ok();
    drop(fs::remove_file(object));
    bytes
}
