//! Puts the front, the small wrapper that is part of this program, into a file that masquerade directories can lead to.
//!
//! What it does is in `cli/front`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::made_once;

/// The front's bytes; none on a machine that it isn't written for.
const FRONT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/front"));
/// Like the program: whoever follows a link to see whether a wrapper is behind it knows the name.
const NAME: &str = "farmbuild";
/// The link from the front to the program.
const WHOLE: &str = "whole";

/// What links in masquerade directories are to lead to: a front for the program at `own`, below the runtime directory, or
/// `own` itself where there is no front or it can't be run there.
pub(crate) fn prepare(runtime: &Path, own: &Path) -> PathBuf {
    let front = in_place(runtime, own).unwrap_or_default();
    // Also no where the directory is mounted with `noexec`.
    match access(&front, Access::EXEC_OK) {
        Ok(()) => front,
        Err(_) => own.to_owned(),
    }
}

fn in_place(runtime: &Path, own: &Path) -> io::Result<PathBuf> {
    if FRONT.is_empty() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let directory = made_once::directory(&runtime.join("front"), &(FRONT, own), |directory| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o700);
        options.open(directory.join(NAME))?.write_all(FRONT)?;
        symlink(own, directory.join(WHOLE))
    })?;
    Ok(directory.join(NAME))
}

#[cfg(test)]
#[path = "../../front/message.rs"]
mod message;

#[cfg(test)]
mod tests {
    use std::ffi::{OsStr, OsString};
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    use farmbuild_core::protocol::frame;
    use farmbuild_core::protocol::message::{JobRequest, Reply, Request};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::message::{self, HELLO, PREFIX};
    use super::*;
    use crate::client::identity;

    #[test]
    fn it_is_made_once_beside_a_link_to_the_program() {
        let space = tempfile::tempdir().unwrap();
        let front = prepare(space.path(), Path::new("/bin/true"));
        assert_eq!(front.file_name(), Some(OsStr::new("farmbuild")));
        assert_eq!(fs::read(&front).unwrap(), FRONT);
        assert_eq!(fs::read_link(front.with_file_name(WHOLE)).unwrap(), Path::new("/bin/true"));
        assert_eq!(prepare(space.path(), Path::new("/bin/true")), front);
        assert_ne!(prepare(space.path(), Path::new("/bin/false")), front);
    }

    #[test]
    fn where_it_cannot_be_the_program_takes_its_place() {
        let space = tempfile::tempdir().unwrap();
        fs::write(space.path().join("front"), "in the way").unwrap();
        assert_eq!(prepare(space.path(), Path::new("/bin/true")), Path::new("/bin/true"));
    }

    #[test]
    fn it_says_the_hello_of_this_build() {
        assert_eq!(HELLO, identity().hello());
    }

    fn entry((name, value): &(Vec<u8>, Vec<u8>)) -> Vec<u8> {
        [name.as_slice(), b"=", value].concat()
    }

    fn string(bytes: &[u8]) -> OsString {
        OsStr::from_bytes(bytes).to_owned()
    }

    /// What it sends for a job, without the hello.
    fn request(
        arguments: &[Vec<u8>],
        environment: &[Vec<u8>],
        directory: &[u8],
        umask: u32,
        columns: Option<u16>,
    ) -> Vec<u8> {
        let job = message::Job {
            arguments: arguments.iter().map(Vec::as_slice),
            environment: environment.iter().map(Vec::as_slice),
            directory,
            umask,
            columns,
            null_input: arguments.contains(&b"-".to_vec()),
        };
        let mut buffer = vec![0; 1 << 20];
        message::request(&job, &mut buffer).unwrap()[HELLO.len()..].to_vec()
    }

    proptest! {
        #[test]
        fn what_it_sends_is_the_daemons_request(
            arguments in vec(prop_oneof![vec(1..=255_u8, 0..200), Just(b"-".to_vec())], 0..20),
            environment in vec(("[=A-Z][A-Z]{0,3}", vec(1..=255_u8, 0..200)), 0..20),
            directory in vec(1..=255_u8, 0..200),
            umask in 0..=0o7777_u32,
        ) {
            let environment: Vec<_> =
                environment.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect();
            let entries: Vec<_> = environment.iter().map(entry).collect();
            let job = JobRequest {
                program: OsString::new(),
                argv: arguments.iter().map(|it| string(it)).collect(),
                cwd: string(&directory),
                env: environment.iter().map(|(name, value)| (string(name), string(value))).collect(),
                umask,
                terminal: String::new(),
                null_input: arguments.contains(&b"-".to_vec()),
            };
            let expected = frame::encode(&Request::Masqueraded(job)).unwrap();
            prop_assert_eq!(request(&arguments, &entries, &directory, umask, None), expected);
        }

        #[test]
        fn it_reads_how_a_job_went(
            status in 0..=255_i32,
            stdout in vec(any::<u8>(), 0..300),
            stderr in vec(any::<u8>(), 0..300),
        ) {
            let reply = Reply::Done { status, stdout: stdout.clone(), stderr: stderr.clone() };
            let frame = frame::encode(&reply).unwrap();
            prop_assert_eq!(message::length_of_done(&frame[..PREFIX + 1]), Some(frame.len()));
            let done = message::done(&frame).unwrap();
            prop_assert_eq!(i32::from(done.status), status);
            prop_assert_eq!((done.stdout, done.stderr), (stdout.as_slice(), stderr.as_slice()));
        }

        #[test]
        fn no_answer_makes_it_stumble(frame in vec(any::<u8>(), 0..100)) {
            let _ = (message::length_of_done(&frame), message::done(&frame));
        }
    }

    #[test]
    fn it_takes_no_other_answer_for_the_jobs_end() {
        let others = [
            Reply::Said { stderr: b"x".to_vec() },
            Reply::RunHere { keep_open: false, extra: Vec::new() },
            Reply::RunAndTell { extra: Vec::new(), telling: Vec::new() },
            Reply::Failed("x".to_owned()),
        ];
        for reply in others {
            let frame = frame::encode(&reply).unwrap();
            assert_eq!(message::length_of_done(&frame[..PREFIX + 1]), None, "{reply:?}");
            assert_eq!(message::done(&frame), None, "{reply:?}");
        }
    }

    #[test]
    fn an_entry_that_is_no_variable_is_left_out_as_the_standard_library_does() {
        let entries = [b"A=1".to_vec(), b"nothing".to_vec(), b"=x=2".to_vec(), b"=".to_vec()];
        let sent = request(&[], &entries, b"/", 0, None);
        let Request::Masqueraded(job) = frame::read(&mut sent.as_slice()).unwrap() else {
            panic!("another request");
        };
        assert_eq!(job.env, [("A".into(), "1".into()), ("=x".into(), "2".into())]);
    }

    #[test]
    fn a_terminal_shows_by_its_width_and_its_looks() {
        let entries = [b"TERM=xterm".to_vec(), b"NO_COLOR=1".to_vec(), b"GCC_COLORS=\xff".to_vec()];
        for columns in [0, 7, 80, 65535] {
            let sent = request(&[], &entries, b"/", 0, Some(columns));
            let Request::Masqueraded(job) = frame::read(&mut sent.as_slice()).unwrap() else {
                panic!("another request");
            };
            let values = |name: &str| match name {
                "TERM" => "xterm",
                "NO_COLOR" => "1",
                _ => "",
            };
            assert_eq!(job.terminal, crate::wrapper::terminal_of(columns, values));
        }
    }
}
