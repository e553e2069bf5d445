//! Small compiles that tell one compiler from another: C, C++, assembly, and C for link-time optimisation.
//!
//! A canary is text that needs no preprocessing; what the compiler here makes of it is what every other one must make. Unlike
//! the canary that vets a host before a build (`farmbuild_core::pipeline`), it doesn't go the way of a job with debug info:
//! it is about the compiler alone.

use std::ffi::OsString;
use std::fs;

use bytes::Bytes;
use farmbuild_core::pipeline::CANARY;

use super::compiler::LocalCompiler;

/// What a canary tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    C,
    Cxx,
    Assembly,
    Lto,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::C, Self::Cxx, Self::Assembly, Self::Lto];

    /// Its name in tables and for scripts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cxx => "c++",
            Self::Assembly => "asm",
            Self::Lto => "lto",
        }
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::C | Self::Cxx => &["-O2"],
            // Assembly was optimised when it was made.
            Self::Assembly => &[],
            // The names of its sections are random without a seed.
            Self::Lto => &["-O2", "-flto", "-frandom-seed=farmbuild"],
        }
    }
}

/// The name that the source had, and of its directory, so that nothing of where it is compiled gets into the object: `-flto`
/// and `-g` keep that for relative names.
const ORIGIN: &str = "# 1 \"/farmbuild/canary\"\n# 1 \"/farmbuild//\"\n# 1 \"/farmbuild/canary\"\n";

const CXX: &str = "\
namespace {
struct shape { virtual ~shape() {} virtual double area() const = 0; };
template <int sides> struct regular : shape {
	explicit regular(double length) : length(length) {}
	double area() const override { return sides * length * length / 4; }
	double length;
};
}
double sum(int count)
{
	double all = 0;
	for (int i = 0; i < count; i++) {
		shape *one = i % 2 ? static_cast<shape *>(new regular<3>(i)) : new regular<4>(i);
		try {
			if (one->area() > 1000)
				throw i;
			all += one->area();
		} catch (int which) {
			all -= which;
		}
		delete one;
	}
	return all;
}
";

/// A canary, ready to be compiled anywhere.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    pub(crate) kind: Kind,
    /// The arguments behind the compiler's name.
    pub(crate) args: Vec<OsString>,
    /// Which of them is the input's name.
    pub(crate) input: usize,
    /// Which of them is the object's name.
    pub(crate) output: usize,
    pub(crate) text: Bytes,
    /// What the compiler here makes of it.
    pub(crate) object: Vec<u8>,
}

impl Canary {
    /// Makes a canary of a compiler, which is to be one for C++ if the kind is.
    pub(crate) async fn hatch(kind: Kind, compiler: &LocalCompiler) -> Result<Self, String> {
        let cannot = |error| format!("a canary can't be made here: {error}");
        let space =
            tempfile::Builder::new().prefix("farmbuild-canary-").tempdir().map_err(cannot)?;
        let (text, code) = match kind {
            Kind::Cxx => ("canary.ii", CXX),
            _ => ("canary.i", CANARY),
        };
        fs::write(space.path().join(text), format!("{ORIGIN}{code}")).map_err(cannot)?;
        if kind == Kind::Assembly {
            run(compiler, space.path(), &["-O2", "-S", text, "-o", "canary.s"]).await?;
            let assembly = fs::read_to_string(space.path().join("canary.s")).map_err(cannot)?;
            fs::write(space.path().join(text), inline(&assembly)).map_err(cannot)?;
        }
        let args = [kind.flags(), &["-c", text, "-o", "canary.o"]].concat();
        run(compiler, space.path(), &args).await?;
        let read = |name| fs::read(space.path().join(name)).map_err(cannot);
        Ok(Self {
            kind,
            input: args.len() - 3,
            output: args.len() - 1,
            args: args.iter().map(OsString::from).collect(),
            text: read(text)?.into(),
            object: read("canary.o")?,
        })
    }

    /// The name of the text's file.
    pub(crate) fn file_name(&self) -> &OsString {
        &self.args[self.input]
    }
}

/// Assembly as C has it, since distccd takes no other. It says each thing itself: the compiler only hands it on.
fn inline(assembly: &str) -> String {
    let mut text = format!("{ORIGIN}__asm__(\n");
    for line in assembly.lines() {
        let line = line.replace('\\', "\\\\").replace('"', "\\\"");
        text.push_str(&format!("\"{line}\\n\"\n"));
    }
    text + ");\n"
}

async fn run(
    compiler: &LocalCompiler,
    directory: &std::path::Path,
    args: &[&str],
) -> Result<(), String> {
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    let ran = compiler.run(directory, &args).await?;
    match ran.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&ran.stderr);
            let program = compiler.program().display();
            Err(format!("{program} refuses a canary: {}", said.lines().next().unwrap_or_default()))
        }
    }
}
