//! What a job is on the wire: a line that says what follows, a line of words, and the inputs that the board lacks.
//!
//! The words are the name of the directory if that counts, each input's hash, form and name there, the names of what is to
//! come back, the compiler and its arguments, each ended by one byte that is in none of them. The shell there splits the
//! line at that byte and reads nothing else in it. Knows no host and no connection.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use farmbuild_core::job::Job;

use crate::content::{ContentHash, Form, Stored};
use crate::file_hash;

/// The object's name there, where no other file is named after it.
const OBJECT: &str = "object.o";

/// Where a room has the compiler of crates.
const RUSTC: &str = "/.farmbuild/rustc";

/// Sources below this size aren't worth a decompressor's start.
const WORTH_PACKING: usize = 32 * 1024;

/// Sources above this size are compressed on a thread that may block: below, that takes about a millisecond.
const PACK_INLINE: usize = 512 * 1024;

/// Bytes that may end a word: what no compiler's argument holds. Not `\x01` and `\x7f`, which bash uses itself.
const ENDS: [u8; 9] = [0x1f, 0x1e, 0x1d, 0x1c, 0x02, 0x03, 0x04, 0x05, 0x06];

/// Sources below this size aren't worth a name of 64 bytes and a look at it.
const WORTH_KEEPING: usize = 1024;

/// A job in its wire form.
#[derive(Debug)]
pub(crate) struct Request {
    /// Everything up to the inputs.
    pub(crate) head: Bytes,
    pub(crate) inputs: Vec<Input>,
    /// How many files are to come back.
    pub(crate) outputs: usize,
}

/// What a job reads.
#[derive(Debug)]
pub(crate) struct Input {
    /// What it is called in the board's store; `None` if it isn't kept there.
    pub(crate) hash: Option<ContentHash>,
    pub(crate) form: Form,
    /// The board is taken to have it.
    pub(crate) is_there: bool,
    /// Its bytes, unpacked.
    pub(crate) size: u64,
    /// Its name where the job runs.
    name: Vec<u8>,
    content: Content,
}

/// Where an input's bytes are.
#[derive(Debug)]
enum Content {
    Text(Bytes),
    /// A file of this content.
    File(PathBuf, ContentHash),
}

/// What a board can do with inputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    /// It can unpack them.
    pub(crate) unpacks: bool,
    /// What it has of those that it keeps, if it does.
    pub(crate) stored: Option<&'a Stored>,
}

impl Input {
    /// The job's source.
    async fn source(job: &Job, terms: Terms<'_>) -> Self {
        let (name, content) = (input_name(job), job.text.bytes.clone());
        let packed = terms.unpacks && content.len() >= WORTH_PACKING;
        let form = if packed { Form::Packed } else { Form::Plain };
        let stored = terms.stored.filter(|_| content.len() >= WORTH_KEEPING);
        let hash = match stored {
            Some(_) => Some(ContentHash::of_text(&content).await),
            None => None,
        };
        let is_there = hash.zip(stored).is_some_and(|(hash, stored)| stored.has(hash, form));
        let size = content.len() as u64;
        Self { hash, form, is_there, size, name, content: Content::Text(content) }
    }

    /// A file of a crate, at the place that it has here.
    fn file(path: PathBuf, hash: ContentHash, size: u64, terms: Terms<'_>) -> Self {
        let packed = terms.unpacks && size >= WORTH_PACKING as u64;
        let form = if packed { Form::Unpacked } else { Form::Plain };
        let is_there = terms.stored.is_some_and(|stored| stored.has(hash, form));
        let name = path.as_os_str().as_bytes().to_vec();
        let kept = terms.stored.map(|_| hash);
        Self { hash: kept, form, is_there, size, name, content: Content::File(path, hash) }
    }

    /// Its bytes as they travel.
    pub(crate) async fn wire(&self) -> Result<Bytes, (PathBuf, io::Error)> {
        let (content, path) = match &self.content {
            Content::Text(text) => (text.clone(), Path::new("")),
            Content::File(path, hash) => {
                let failed = |error| (path.clone(), error);
                let content = Bytes::from(tokio::fs::read(path).await.map_err(failed)?);
                if ContentHash::of_text(&content).await != *hash {
                    return Err(failed(io::Error::other("it was changed meanwhile")));
                }
                (content, path.as_path())
            }
        };
        match self.form {
            Form::Plain => Ok(content),
            Form::Packed | Form::Unpacked => {
                pack(content).await.map_err(|error| (path.to_owned(), error))
            }
        }
    }
}

/// Why a job has no wire form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Nothing is left to end a word with.
    #[error("its arguments hold every byte that could end one")]
    NoEnd,
    /// Outputs name the directory, and the name here is too short.
    #[error("no directory can have a name of {0} bytes there")]
    Directory(usize),
    /// A side output has a name that a board isn't given.
    #[error("{} isn't a name within the directory of the compile", .0.display())]
    Name(OsString),
    /// An input can't be read.
    #[error("can't read {}: {}", .0.display(), .1)]
    Input(PathBuf, io::Error),
}

impl Request {
    /// Writes a job down, with what a board lacks of it on the board's terms.
    pub(crate) async fn new(
        job: &Job,
        directory: Option<&Path>,
        terms: Terms<'_>,
    ) -> Result<Self, RequestError> {
        let (object, names) = outputs(job)?;
        let inputs = match &job.of_crate {
            None => vec![Input::source(job, terms).await],
            Some(files) => {
                let hashed = file_hash::of_all(files.inputs.clone()).await;
                let hashed = hashed.map_err(|(path, error)| RequestError::Input(path, error))?;
                let file = |(path, hash, size)| Input::file(path, hash, size, terms);
                hashed.into_iter().map(file).collect()
            }
        };
        let end = end_for(job, &names)?;
        let mut words = Vec::with_capacity(1024);
        let mut word = |bytes: &[u8]| {
            words.extend_from_slice(bytes);
            words.push(end);
        };
        word(directory.map_or(&b""[..], |directory| directory.as_os_str().as_bytes()));
        for input in &inputs {
            word(input.hash.map_or("-".to_owned(), |hash| hash.to_string()).as_bytes());
            word(input.form.letter().as_bytes());
            word(if input.is_there { b"-" } else { b"+" });
            word(&input.name);
        }
        names.iter().for_each(|name| word(name.as_bytes()));
        word(job.compiler.as_bytes());
        for (name, value) in job.of_crate.iter().flat_map(|it| &it.env) {
            word(&[name.as_bytes(), b"=", value.as_bytes()].concat());
        }
        if job.of_crate.is_some() {
            word(RUSTC.as_bytes());
        }
        for (index, argument) in job.args.iter().enumerate() {
            if let ([input], true) = (inputs.as_slice(), index == job.input) {
                word(&input.name);
            } else if index == job.output {
                word(object.as_bytes());
            } else {
                word(argument.as_bytes());
            }
        }
        let escaped = words.contains(&b'\n');
        if escaped {
            words = escape(&words);
        }
        let (outputs, escaped) = (names.len(), u8::from(escaped));
        let room = match &job.of_crate {
            None => "-".to_owned(),
            // Counted from one.
            Some(files) => files.early.as_ref().map_or(0, |early| early.output + 1).to_string(),
        };
        let mut head = format!("job {} {outputs} {escaped} {room} ", inputs.len()).into_bytes();
        head.extend([end, b'\n']);
        head.extend(words);
        head.push(b'\n');
        Ok(Self { head: head.into(), inputs, outputs })
    }
}

/// The object's name there, and the names of all that is to come back, the object's first.
fn outputs(job: &Job) -> Result<(&OsStr, Vec<&OsStr>), RequestError> {
    if job.of_crate.is_some() {
        let object = job.object.as_os_str();
        let names = std::iter::once(object);
        let names: Vec<_> =
            names.chain(job.side_outputs.iter().map(|it| it.there.as_os_str())).collect();
        return match names.iter().find(|name| !is_place(Path::new(name))) {
            Some(name) => Err(RequestError::Name((*name).to_owned())),
            None => Ok((object, names)),
        };
    }
    if job.side_outputs.is_empty() && job.directory_length.is_none() {
        let object = OsStr::new(OBJECT);
        return Ok((object, vec![object]));
    }
    let object = job.args.get(job.output).map_or(OsStr::new(""), OsString::as_os_str);
    let mut names = vec![object];
    names.extend(job.side_outputs.iter().map(|side| side.there.as_os_str()));
    match names.iter().find(|name| !stays_inside(Path::new(name))) {
        Some(name) => Err(RequestError::Name((*name).to_owned())),
        None => Ok((object, names)),
    }
}

/// A name of `length` bytes for the directory of a compile, that nobody else has; `None` if that is too short.
pub(crate) fn directory_name(length: usize) -> Option<PathBuf> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    // Seeded by the system each time.
    let mut number = RandomState::new().build_hasher().finish();
    let mut name = b"/tmp/fb".to_vec();
    for _ in 0..6 {
        // It fits: there are 36.
        name.push(LETTERS[(number % 36) as usize]);
        number /= 36;
    }
    // Two slashes at least, which tell where the name ends.
    if name.len() + 2 > length {
        return None;
    }
    name.resize(length, b'/');
    Some(OsString::from_vec(name).into())
}

/// Whether a name can't lead out of the directory that it starts from. Nor may it look like an option.
pub(crate) fn stays_inside(name: &Path) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    !name.as_os_str().is_empty()
        && name.components().all(plain)
        && !name.as_os_str().as_bytes().starts_with(b"-")
        && !name.as_os_str().as_bytes().ends_with(b"/")
}

/// Whether a name is that of a file at one place, whichever way it is read.
fn is_place(name: &Path) -> bool {
    name.is_absolute()
        && !name.as_os_str().as_bytes().ends_with(b"/")
        && name.components().all(|it| matches!(it, Component::RootDir | Component::Normal(_)))
}

/// A name that says the source's language as the job's own does.
fn input_name(job: &Job) -> Vec<u8> {
    let original = job.args.get(job.input).map(Path::new);
    let extension = original.and_then(Path::extension).unwrap_or_default().as_bytes();
    let plain = !extension.is_empty()
        && extension.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'+');
    if plain { [&b"source."[..], extension].concat() } else { b"source".to_vec() }
}

fn end_for(job: &Job, names: &[&OsStr]) -> Result<u8, RequestError> {
    let of_crate = job.of_crate.as_deref();
    let env = of_crate.into_iter().flat_map(|it| it.env.iter().flat_map(|(k, v)| [k, v]));
    let paths = of_crate.into_iter().flat_map(|it| it.inputs.iter().chain([&it.cwd]));
    let mut words: Vec<&OsStr> =
        job.args.iter().chain([&job.compiler]).chain(env).map(|it| it.as_os_str()).collect();
    words.extend(paths.map(|path| path.as_os_str()));
    let holds = |end: u8| {
        words.iter().any(|word| word.as_bytes().contains(&end))
            || names.iter().any(|name| name.as_bytes().contains(&end))
    };
    ENDS.into_iter().find(|end| !holds(*end)).ok_or(RequestError::NoEnd)
}

/// As `printf %b` takes it, on one line.
fn escape(words: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(words.len() + 16);
    for byte in words {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\0012"),
            other => escaped.push(*other),
        }
    }
    escaped
}

async fn pack(text: Bytes) -> io::Result<Bytes> {
    // The fastest level: the link is to be faster than without.
    let pack = |text: &[u8]| zstd::bulk::compress(text, 1).map(Bytes::from);
    if text.len() <= PACK_INLINE {
        return pack(&text);
    }
    tokio::task::spawn_blocking(move || pack(&text)).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use farmbuild_core::job::{JobId, SideFile, SourceText};

    use super::*;

    fn job(args: &[&[u8]], input: usize, output: usize) -> Job {
        Job {
            id: JobId(1),
            toolchain: "a compiler".into(),
            compiler: "gcc".into(),
            args: args.iter().map(|arg| OsString::from_vec(arg.to_vec())).collect(),
            input,
            output,
            text: SourceText { bytes: Bytes::from_static(b"int x;\n"), lines: 1 },
            object: "/nowhere/a.o".into(),
            umask: 0o022,
            side_outputs: Vec::new(),
            directory_length: None,
            of_crate: None,
        }
    }

    fn head(job: &Job) -> Result<String, RequestError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let terms = Terms { unpacks: true, stored: None };
        let request = runtime.block_on(Request::new(job, None, terms))?;
        Ok(request.head.escape_ascii().to_string())
    }

    #[test]
    fn a_job_is_written_as_the_document_says() {
        let job = job(&[b"-DA=a b", b"-c", b"x/a.c", b"-o", b"out/a.o"], 2, 4);
        assert_eq!(
            head(&job).unwrap(),
            r"job 1 1 0 - \x1f\n\x1f-\x1fu\x1f+\x1fsource.c\x1fobject.o\x1fgcc\x1f-DA=a b\x1f-c\x1fsource.c\x1f-o\x1fobject.o\x1f\n"
        );
    }

    #[test]
    fn side_outputs_are_named_and_keep_the_objects_own_name() {
        let mut job = job(&[b"-c", b"a.c", b"-o", b"out/a.o"], 1, 3);
        let side = |there: &str| vec![SideFile { there: there.into(), path: "/a.su".into() }];
        job.side_outputs = side("out/a.su");
        let words =
            " - u + source.c out/a.o out/a.su gcc -c source.c -o out/a.o ".replace(' ', "\\x1f");
        assert_eq!(head(&job).unwrap(), format!(r"job 1 2 0 - \x1f\n{words}\n"));
        for name in ["../a.su", "/a.su", "out/../../a.su", "-a.su", "", "a/", "./a.su"] {
            job.side_outputs = side(name);
            assert!(matches!(head(&job), Err(RequestError::Name(_))), "{name}");
        }
    }

    #[test]
    fn a_source_is_named_by_its_content_and_marked_if_it_is_there() {
        let mut job = job(&[b"-c", b"a.c", b"-o", b"a.o"], 1, 3);
        job.text.bytes = vec![b' '; WORTH_KEEPING].into();
        let (stored, hash) = (Stored::default(), ContentHash::of(&job.text.bytes));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for sign in ["+", "-"] {
            let terms = Terms { unpacks: true, stored: Some(&stored) };
            let request = runtime.block_on(Request::new(&job, None, terms)).unwrap();
            let head = request.head.escape_ascii().to_string();
            assert!(
                head.contains(&format!(r"\x1f{hash}\x1fu\x1f{sign}\x1fsource.c\x1f")),
                "{head}"
            );
            stored.add(hash, Form::Plain);
        }
    }

    #[test]
    fn an_argument_with_the_ending_byte_or_a_new_line_is_still_one_word() {
        let job = job(&[b"-DA=\x1f\\\n", b"-c", b"a.c", b"-o", b"a.o"], 2, 4);
        let head = head(&job).unwrap();
        assert!(head.starts_with(r"job 1 1 1 - \x1e\n\x1e-\x1e"), "{head}");
        assert!(head.contains(r"\x1e-DA=\x1f\\\\\\0012\x1e"), "{head}");
    }
}
