//! A compiler as slow as a board, at next to no cost of CPU.
//!
//! A source that starts with the benchmark's mark takes time in proportion to its size and becomes an object that
//! depends on its text. Everything else (preprocessing, questions, a client's own trial compiles) goes to the
//! real compiler of the same name, so that a client that checks its boards finds them in order.
//!
//! Beside the program lie its settings: `pace` (nanoseconds per byte), `fixed.o` (the start of every object) and
//! `runs` (a byte is added for each marked source).

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use farmbuild_benches::source::MARK;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = words.next().map(PathBuf::from).unwrap_or_default();
    let args: Vec<OsString> = words.collect();
    let done = match marked_compile(&args) {
        Some((text, object)) => pretend(&text, Path::new(object)),
        None => Err(run_real(&name, &args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("board-compiler: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The text and the object's name, if this is the compile of a marked source.
fn marked_compile(args: &[OsString]) -> Option<(Vec<u8>, &OsString)> {
    args.iter().find(|arg| *arg == "-c")?;
    let object = args.get(args.iter().position(|arg| arg == "-o")? + 1)?;
    let source = args.iter().find(|arg| {
        let extension = Path::new(arg).extension();
        extension.is_some_and(|extension| extension == "i" || extension == "c")
    })?;
    let mut file = File::open(source).ok()?;
    let mut text = vec![0; 4096];
    let length = file.read(&mut text).ok()?;
    text.truncate(length);
    if !text.windows(MARK.len()).any(|window| window == MARK.as_bytes()) {
        return None;
    }
    file.read_to_end(&mut text).ok()?;
    Some((text, object))
}

fn pretend(text: &[u8], object: &Path) -> io::Result<()> {
    let program = std::env::current_exe()?;
    let beside = |name| program.with_file_name(name);
    OpenOptions::new().append(true).open(beside("runs"))?.write_all(b".")?;
    let pace: u64 = fs::read_to_string(beside("pace"))?
        .trim()
        .parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    thread::sleep(Duration::from_nanos(pace.saturating_mul(text.len() as u64)));
    let mut bytes = fs::read(beside("fixed.o"))?;
    bytes.extend_from_slice(&checksum(text).to_le_bytes());
    fs::write(object, bytes)
}

/// FNV-1a over all lines but line markers and directives, which tell where a text was preprocessed.
fn checksum(text: &[u8]) -> u64 {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// Becomes the real compiler; comes back only with the reason why it couldn't.
fn run_real(name: &Path, args: &[OsString]) -> io::Error {
    let base = name.file_name().unwrap_or(name.as_os_str());
    Command::new(Path::new("/usr/bin").join(base)).args(args).exec()
}
