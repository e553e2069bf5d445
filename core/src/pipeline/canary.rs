//! Asks a host, by compiling a canary there, whether its compiler makes the bytes that the one here makes.
//!
//! The canary takes the way of any job: preprocessed here, compiled there, put right when it is back. What comes
//! out must equal the object of a plain compile here. The names that the compiler may have there are tried in order.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::crates::Crates;
use super::home::Home;
use super::naming::Names;
use super::recipes::Recipes;
use super::toolchain::Toolchain;
use crate::executor::{ExecError, Executor};
use crate::fidelity::{Language, Recipe};
use crate::job::{Invocation, Job, JobId, SourceText};
use crate::scheduler::{ToolchainKey, VetError, Vetter};

/// Code in which another version or another target of a compiler is likely to choose other instructions, in C.
pub const CANARY: &str = "\
struct node { struct node *next; unsigned long key; double weight; char name[13]; };
static const char *const words[] = { \"alpha\", \"beta\", \"gamma\" };
unsigned long find(struct node *node, unsigned long key)
{
	unsigned long hash = key * 2654435761UL;
	for (; node; node = node->next) {
		if (node->key == key && node->weight > 0.5)
			return hash % 97;
		hash ^= (hash << 5) + node->name[hash % 13];
	}
	return hash / 7;
}
double mean(const double *values, int count)
{
	double sum = 0;
	for (int i = 0; i < count; i++)
		sum += values[i] * i;
	return count ? sum / count : 0;
}
const char *word(int number)
{
	switch (number) {
	case 1: return words[0];
	case 5: return words[1];
	case 9: return words[2];
	default: return (const char *)0;
	}
}
";

/// What is added to a toolchain's name for jobs with side outputs, which not every host takes.
const WITH_SIDE_OUTPUTS: &str = " with side outputs";

/// A compiler of this machine as hosts are asked for it.
pub(super) struct Spec {
    pub(super) toolchain: Arc<Toolchain>,
    pub(super) invocation: Invocation,
    pub(super) language: Language,
    /// The names that it may have on a host, the likeliest first.
    pub(super) names: Vec<OsString>,
    canary: OnceCell<Result<Canary, String>>,
}

/// A canary, ready to be sent.
#[derive(Clone)]
struct Canary {
    args: Vec<OsString>,
    input: usize,
    output: usize,
    text: SourceText,
    recipe: Arc<Recipe>,
    /// What a plain compile here makes of it.
    object: Vec<u8>,
}

/// Vets hosts by canaries.
pub(super) struct Canaries {
    home: Arc<dyn Home>,
    recipes: Arc<Recipes>,
    names: Arc<Names>,
    specs: Mutex<HashMap<Arc<str>, Arc<Spec>>>,
    /// Those of Rust.
    crates: Arc<Crates>,
}

impl Canaries {
    pub(super) fn new(
        home: Arc<dyn Home>,
        recipes: Arc<Recipes>,
        names: Arc<Names>,
        crates: Arc<Crates>,
    ) -> Self {
        Self { home, recipes, names, specs: Mutex::default(), crates }
    }

    /// Makes a compiler of this machine known, and returns what stands for it in a [`Job`].
    pub(super) fn introduce(
        &self,
        toolchain: &Arc<Toolchain>,
        invocation: &Invocation,
        language: Language,
        names: Vec<OsString>,
    ) -> Arc<str> {
        let first =
            names.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let id: Arc<str> = format!("{first} {language:?} {}", toolchain.stamp.id()).into();
        let mut specs = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        specs.entry(Arc::clone(&id)).or_insert_with(|| {
            let (toolchain, invocation) = (Arc::clone(toolchain), invocation.clone());
            Arc::new(Spec { toolchain, invocation, language, names, canary: OnceCell::new() })
        });
        id
    }

    fn spec(&self, toolchain: &Arc<str>) -> Option<Arc<Spec>> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner).get(toolchain).cloned()
    }

    async fn hatch(&self, spec: &Spec) -> Result<Canary, String> {
        let find = |flags: &[&str]| {
            let flags = flags.iter().map(OsString::from).collect();
            let Spec { toolchain, invocation, language, .. } = spec;
            self.recipes.find(&self.home, toolchain, invocation, *language, flags)
        };
        // With debug info where that is exact, because then the whole way is tried.
        let (recipe, flags) = match find(&["-O2", "-g"]).await {
            Ok(recipe) if recipe.is_exact() => (recipe, &["-O2", "-g"][..]),
            _ => (find(&["-O2"]).await?, &["-O2"][..]),
        };
        let space = tempfile::Builder::new().prefix("farmbuild-canary-").tempdir();
        let space = space.map_err(|error| format!("can't make a temporary directory: {error}"))?;
        let source = format!("canary.{}", spec.language.source_extension());
        fs::write(space.path().join(&source), CANARY).map_err(|error| error.to_string())?;
        let invocation = Invocation { cwd: space.path().to_owned(), ..spec.invocation.clone() };
        let flags: Vec<OsString> = flags.iter().map(OsString::from).collect();

        let plain = with(&flags, ["-c", &source, "-o", "canary.o"]);
        self.quiet(&invocation, &plain).await?;
        let object = fs::read(space.path().join("canary.o")).map_err(|error| error.to_string())?;

        let mut preprocess = with(&flags, [source.as_str()]);
        preprocess.extend(recipe.preprocess_extra());
        let written = self.quiet(&invocation, &preprocess).await?;
        let finished = recipe.finish(written, source.as_ref(), &flags);
        let bytes = finished.map_err(|hazard| hazard.to_string())?;

        let lead = recipe.compile_lead();
        let (input, output) = (lead.len() + 1, lead.len() + 3);
        let mut args = with(&lead, ["-c", source.as_str(), "-o", "canary.o"]);
        args.extend(flags);
        args.extend(recipe.compile_extra(space.path()));
        let text = SourceText { bytes, lines: 0 };
        Ok(Canary { args, input, output, text, recipe, object })
    }

    /// Runs the local compiler, which must have nothing to say.
    async fn quiet(
        &self,
        invocation: &Invocation,
        args: &[OsString],
    ) -> Result<bytes::Bytes, String> {
        match self.home.run(invocation, args).await {
            Ok(ran) if ran.quietly() => Ok(ran.stdout),
            Ok(ran) => {
                Err(format!("the local compiler refuses a canary: {}", first_line(&ran.stderr)))
            }
            Err(error) => Err(format!("the local compiler can't be run: {error}")),
        }
    }

    /// Sends the canary under one name. `Ok(Some(_))`: it came back different, and how.
    async fn send(
        &self,
        executor: &dyn Executor,
        canary: &Canary,
        toolchain: &Arc<str>,
        name: &OsString,
    ) -> Result<Option<String>, ExecError> {
        let place = std::env::temp_dir().join("farmbuild-canary.o");
        let job = Job {
            id: JobId(0),
            compiler: name.clone(),
            toolchain: Arc::clone(toolchain),
            args: canary.args.clone(),
            input: canary.input,
            output: canary.output,
            text: canary.text.clone(),
            object: place,
            umask: 0o077,
            side_outputs: Vec::new(),
            directory_length: None,
            of_crate: None,
        };
        let outcome = executor.execute(Arc::new(job)).await?;
        let Some(mut staged) = outcome.object.filter(|_| outcome.status.success()) else {
            let said = if outcome.stderr.is_empty() { outcome.stdout } else { outcome.stderr };
            return Ok(Some(format!("it fails to compile a canary: {}", first_line(&said))));
        };
        let there = match staged.read_back() {
            Ok(bytes) => bytes,
            Err(source) => {
                return Err(ExecError::Output { path: staged.path().to_owned(), source });
            }
        };
        let there = match &canary.recipe.rewrite {
            Some(rewrite) => rewrite.apply(&there).unwrap_or(there),
            None => there,
        };
        if there == canary.object {
            return Ok(None);
        }
        Ok(Some(difference(&canary.object, &there)))
    }
}

impl Canaries {
    /// What the host calls the compiler that stands for `toolchain`, if it makes the same bytes there.
    pub(super) async fn ask(
        &self,
        executor: &dyn Executor,
        toolchain: &Arc<str>,
    ) -> Result<OsString, VetError> {
        let Some(spec) = self.spec(toolchain) else {
            return Err(VetError::Unfit("the job's compiler isn't known".to_owned()));
        };
        let canary = spec.canary.get_or_init(|| self.hatch(&spec)).await;
        let canary = canary.as_ref().map_err(|why| VetError::Unfit(why.clone()))?;
        let mut differ: Vec<String> = Vec::new();
        let mut refused = None;
        for name in &spec.names {
            match self.send(executor, canary, toolchain, name).await {
                Ok(None) => {
                    self.names.set(executor.host(), toolchain, name.clone());
                    return Ok(name.clone());
                }
                Ok(Some(how)) => {
                    differ.push(format!("its {} isn't the one here: {how}", name.display()))
                }
                // Some servers hang up on a name that they don't know: the next one may be right.
                Err(error @ (ExecError::Refused { .. } | ExecError::Broken { .. })) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        match (differ.is_empty(), refused) {
            // Not unfit: nothing was compared, and what makes a server refuse (a full disk, a restart) may pass soon.
            (true, Some(ExecError::Refused { host, detail })) => {
                let names: Vec<_> = spec.names.iter().map(|name| name.to_string_lossy()).collect();
                let detail = format!("it runs none of {}: {detail}", names.join(", "));
                Err(ExecError::Refused { host, detail }.into())
            }
            (true, Some(error)) => Err(error.into()),
            _ => Err(VetError::Unfit(differ.join("; "))),
        }
    }

    /// How a compiler that was introduced is started here.
    pub(super) fn invocation_of(&self, toolchain: &Arc<str>) -> Option<Invocation> {
        Some(self.spec(toolchain)?.invocation.clone())
    }

    /// The path here of a compiler that was introduced.
    pub(super) fn path_of(&self, toolchain: &str) -> Option<String> {
        let toolchain = toolchain.strip_suffix(WITH_SIDE_OUTPUTS).unwrap_or(toolchain);
        let spec = self.spec(&Arc::from(toolchain));
        let of_c = spec.map(|spec| spec.invocation.program.display().to_string());
        of_c.or_else(|| self.crates.canaries.path_of(toolchain))
    }
}

#[async_trait]
impl Vetter for Canaries {
    fn key(&self, job: &Job) -> ToolchainKey {
        match job.side_outputs.is_empty() || job.of_crate.is_some() {
            true => ToolchainKey(job.toolchain.to_string()),
            false => ToolchainKey(format!("{}{WITH_SIDE_OUTPUTS}", job.toolchain)),
        }
    }

    async fn vet(&self, executor: &dyn Executor, job: &Job) -> Result<(), VetError> {
        if job.of_crate.is_some() {
            return self.crates.canaries.ask(executor, &job.toolchain).await;
        }
        if !job.side_outputs.is_empty() && !executor.returns_side_outputs() {
            return Err(VetError::Unsuited("it gives back objects alone"));
        }
        self.ask(executor, &job.toolchain).await.map(drop)
    }
}

fn with<const N: usize>(flags: &[OsString], rest: [&str; N]) -> Vec<OsString> {
    flags.iter().cloned().chain(rest.iter().map(OsString::from)).collect()
}

pub(in crate::pipeline) fn first_line(said: &[u8]) -> String {
    const MOST: usize = 300;
    let line = said.split(|byte| *byte == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
    String::from_utf8_lossy(&line[..line.len().min(MOST)]).into_owned()
}

/// What tells two objects apart, for people: the compiler's own words where they differ.
fn difference(here: &[u8], there: &[u8]) -> String {
    use object::{Object, ObjectSection};
    let told = |bytes: &[u8]| {
        let file = object::File::parse(bytes).ok()?;
        let comment =
            file.section_by_name(".comment").and_then(|it| it.data().ok().map(<[u8]>::to_vec));
        let comment = comment.unwrap_or_default();
        let text = String::from_utf8_lossy(&comment).replace('\0', " ").trim().to_owned();
        Some((format!("{:?}", file.architecture()), text))
    };
    match (told(here), told(there)) {
        (Some((here, _)), Some((there, _))) if here != there => {
            format!("it compiles for {there}, not for {here}")
        }
        (Some((_, here)), Some((_, there))) if here != there => {
            format!("it is \"{there}\", not \"{here}\"")
        }
        (_, None) => "its object can't be understood".to_owned(),
        _ => "it says that it is the same version, but its objects differ".to_owned(),
    }
}
