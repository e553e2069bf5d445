//! What a job looks like on its way to the server. Knows no socket.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bytes::Bytes;
use farmbuild_core::job::Job;

use crate::executor::Compression;
use crate::lzo;
use crate::packet::{Token, put};

/// Sources above this size are compressed on a thread that may block: below, that takes about a millisecond.
const COMPRESS_INLINE: usize = 256 * 1024;

/// The name that the object has in the request. The server puts its own in its place.
const OUTPUT_NAME: &[u8] = b"farmbuild.o";

/// A job in the protocol's form: two buffers that are sent one behind the other.
#[derive(Debug)]
pub(crate) struct Request {
    /// Everything up to the source.
    pub(crate) head: Bytes,
    /// The source, the job's own bytes unless they are compressed.
    pub(crate) source: Bytes,
}

/// The source, or an argument, is too long for the protocol's 32-bit lengths.
#[derive(Debug, thiserror::Error)]
#[error("the job is too big for distcc's protocol, which can't announce more than 4 GiB")]
pub(crate) struct TooBig;

impl Request {
    /// Writes a job down, compressed if `compression` says so.
    pub(crate) async fn new(job: &Job, compression: Compression) -> Result<Self, TooBig> {
        let source = match compression {
            Compression::None => job.text.bytes.clone(),
            Compression::Lzo => compressed(job.text.bytes.clone()).await,
        };
        let mut head = Vec::with_capacity(512);
        put(&mut head, Token::DIST, compression.version());
        put(&mut head, Token::ARGC, length(job.args.len() + 1)?);
        put_argument(&mut head, job.compiler.as_bytes())?;
        for (index, argument) in job.args.iter().enumerate() {
            if index == job.input {
                put_argument(&mut head, input_name(&job.args, argument))?;
            } else if index == job.output {
                put_argument(&mut head, OUTPUT_NAME)?;
            } else {
                put_argument(&mut head, argument.as_bytes())?;
            }
        }
        put(&mut head, Token::DOTI, length(source.len())?);
        Ok(Self { head: head.into(), source })
    }
}

fn length(length: usize) -> Result<u32, TooBig> {
    u32::try_from(length).map_err(|_| TooBig)
}

fn put_argument(head: &mut Vec<u8>, argument: &[u8]) -> Result<(), TooBig> {
    put(head, Token::ARGV, length(argument.len())?);
    head.extend_from_slice(argument);
    Ok(())
}

async fn compressed(text: Bytes) -> Bytes {
    // "If the uncompressed form is zero bytes, then it is not compressed": protocol-2.txt.
    if text.is_empty() {
        return text;
    }
    if text.len() <= COMPRESS_INLINE {
        return lzo::compress(&text).into();
    }
    let copy = text.clone();
    match tokio::task::spawn_blocking(move || lzo::compress(&copy)).await {
        Ok(packed) => packed.into(),
        // The runtime is going down; this future won't be asked again.
        Err(_) => lzo::compress(&text).into(),
    }
}

/// A name for the source that the server accepts, and from which it concludes the right language.
fn input_name(args: &[impl AsRef<OsStr>], original: &OsStr) -> &'static [u8] {
    let extension = Path::new(original).extension().map_or(&b""[..], OsStrExt::as_bytes);
    match extension {
        b"c" | b"i" => return b"farmbuild.i",
        b"cc" | b"cp" | b"cpp" | b"cxx" | b"c++" | b"C" | b"CPP" | b"ii" => return b"farmbuild.ii",
        b"m" | b"mi" => return b"farmbuild.mi",
        b"mm" | b"M" | b"mii" => return b"farmbuild.mii",
        _ => {}
    }
    // Any other name must come with `-x`, which decides on the server too.
    let languages = args.windows(2).filter(|pair| pair[0].as_ref() == "-x");
    match languages.last().map(|pair| pair[1].as_ref().as_bytes()) {
        Some(b"c++" | b"c++-cpp-output") => b"farmbuild.ii",
        Some(b"objective-c" | b"objective-c-cpp-output") => b"farmbuild.mi",
        Some(b"objective-c++" | b"objective-c++-cpp-output") => b"farmbuild.mii",
        _ => b"farmbuild.i",
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use farmbuild_core::job::{JobId, SourceText};

    use super::*;

    fn job(args: &[&[u8]], input: usize, output: usize, text: &'static [u8]) -> Job {
        Job {
            id: JobId(1),
            toolchain: "a compiler".into(),
            compiler: "gcc".into(),
            args: args.iter().map(|arg| OsString::from_vec(arg.to_vec())).collect(),
            input,
            output,
            text: SourceText { bytes: text.into(), lines: 0 },
            object: "/nowhere/a.o".into(),
            umask: 0o022,
            side_outputs: Vec::new(),
            directory_length: None,
            of_crate: None,
        }
    }

    fn request(job: &Job, compression: Compression) -> Request {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Request::new(job, compression)).unwrap()
    }

    #[test]
    fn a_job_is_written_as_the_document_says() {
        let job = job(&[b"-c", b"odd \xff dir/a.c", b"-o", b"out/a.o"], 1, 3, b"int x;\n");
        let request = request(&job, Compression::None);
        assert_eq!(
            request.head.escape_ascii().to_string(),
            "DIST00000001ARGC00000005ARGV00000003gccARGV00000002-cARGV0000000bfarmbuild.i\
             ARGV00000002-oARGV0000000bfarmbuild.oDOTI00000007"
        );
        assert_eq!(request.source, job.text.bytes);
    }

    #[test]
    fn uncompressed_source_is_not_copied() {
        let job = job(&[b"-c", b"a.c"], 1, 9, b"int x;\n");
        let request = request(&job, Compression::None);
        assert_eq!(request.source.as_ptr(), job.text.bytes.as_ptr());
    }

    #[test]
    fn an_empty_source_is_sent_empty_in_both_versions() {
        for compression in [Compression::None, Compression::Lzo] {
            let request = request(&job(&[b"-c", b"a.c"], 1, 9, b""), compression);
            assert!(request.head.ends_with(b"DOTI00000000"));
            assert!(request.source.is_empty());
        }
    }

    #[test]
    fn the_servers_language_follows_the_name_and_else_the_option() {
        for (args, name) in [
            (&["-c", "a.c"][..], "farmbuild.i"),
            (&["-c", "dir.cc/a.c"], "farmbuild.i"),
            (&["-c", "a.C"], "farmbuild.ii"),
            (&["-c", "a.c++"], "farmbuild.ii"),
            (&["-c", "a.ii"], "farmbuild.ii"),
            (&["-c", "a.m"], "farmbuild.mi"),
            (&["-c", "a.mm"], "farmbuild.mii"),
            (&["-x", "c++", "-c", "a.inc"], "farmbuild.ii"),
            (&["-x", "c", "-x", "c++", "-"], "farmbuild.ii"),
            (&["-x", "c", "-"], "farmbuild.i"),
            (&["-c", "noextension"], "farmbuild.i"),
        ] {
            let original = OsStr::new(args[args.len() - 1]);
            assert_eq!(input_name(args, original), name.as_bytes(), "{args:?}");
        }
    }
}
