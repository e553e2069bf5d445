//! Replies, good and bad, over a pipe in memory.

use std::fs;
use std::path::PathBuf;

use farmbuild_core::job::CompilerStatus;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::packet::put;

const SHORT: Duration = Duration::from_millis(200);

/// A reply in the protocol's form.
fn written(
    compression: Compression,
    wait: u32,
    stderr: &[u8],
    stdout: &[u8],
    object: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, Token::DONE, compression.version());
    put(&mut out, Token::STAT, wait);
    for (token, body) in [(Token::SERR, stderr), (Token::SOUT, stdout), (Token::DOTO, object)] {
        let body = match compression {
            Compression::Lzo if !body.is_empty() => lzo::compress(body),
            _ => body.to_vec(),
        };
        put(&mut out, token, u32::try_from(body.len()).unwrap());
        out.extend(body);
    }
    out
}

struct Reader {
    directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Reader {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        Self { directory: tempfile::tempdir().unwrap(), runtime }
    }

    fn object(&self) -> PathBuf {
        self.directory.path().join("a.o")
    }

    /// Reads what `bytes` say, after which the connection stays open or is closed.
    fn read(
        &self,
        compression: Compression,
        bytes: &[u8],
        stays_open: bool,
    ) -> Result<Reply, ReplyError> {
        self.runtime.block_on(async {
            let (mut server, client) = tokio::io::duplex(1 << 26);
            server.write_all(bytes).await.unwrap();
            let server = stays_open.then_some(server);
            let object = self.object();
            let expected = Expected { compression, patience: SHORT, object: &object, umask: 0o022 };
            let reply = read(&mut Incoming::new(client, SHORT), expected).await;
            drop(server);
            reply
        })
    }

    fn files(&self) -> usize {
        fs::read_dir(self.directory.path()).unwrap().count()
    }
}

const BOTH: [Compression; 2] = [Compression::None, Compression::Lzo];

#[test]
fn a_good_reply_is_read_whole() {
    for compression in BOTH {
        let reader = Reader::new();
        let object: Vec<u8> =
            (0..3 * PIECE as u32 + 17).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let bytes = written(compression, 0, b"a warning", b"some output", &object);
        let reply = reader.read(compression, &bytes, true).unwrap();
        assert_eq!(reply.verdict, Verdict::SUCCESS);
        assert_eq!(
            (&reply.stderr[..], &reply.stdout[..]),
            (&b"a warning"[..], &b"some output"[..])
        );
        reply.object.unwrap().commit().unwrap();
        assert!(fs::read(reader.object()).unwrap() == object);
    }
}

#[test]
fn a_failed_compile_has_its_status_and_no_object() {
    for compression in BOTH {
        let reader = Reader::new();
        let reply =
            reader.read(compression, &written(compression, 256, b"error", b"", b""), true).unwrap();
        assert_eq!(reply.verdict, Verdict::Compiled(CompilerStatus::Exited(1)));
        assert!(reply.object.is_none());
    }
}

#[test]
fn an_empty_object_after_success_is_the_hosts_fault() {
    let reader = Reader::new();
    let reply = reader.read(Compression::None, &written(Compression::None, 0, b"", b"", b""), true);
    assert!(matches!(reply.unwrap().verdict, Verdict::HostFault(_)));
}

#[test]
fn a_reply_in_the_other_version_is_refused() {
    let bytes = written(Compression::None, 0, b"", b"", b"object");
    let error = Reader::new().read(Compression::Lzo, &bytes, true).unwrap_err();
    assert!(matches!(error, ReplyError::Packet(PacketError::Version { sent: 2, found: 1 })));
}

#[test]
fn diagnostics_beyond_the_limit_are_refused_before_they_are_read() {
    let mut bytes = Vec::new();
    put(&mut bytes, Token::DONE, 1);
    put(&mut bytes, Token::STAT, 0);
    put(&mut bytes, Token::SERR, u32::MAX);
    let error = Reader::new().read(Compression::None, &bytes, true).unwrap_err();
    assert!(matches!(error, ReplyError::Packet(PacketError::TooLong { .. })));
}

#[test]
fn diagnostics_that_expand_beyond_the_limit_are_refused() {
    let bytes = written(Compression::Lzo, 256, &vec![b'x'; DIAGNOSTICS_LIMIT + 1], b"", b"");
    assert!(bytes.len() < DIAGNOSTICS_LIMIT / 100);
    let error = Reader::new().read(Compression::Lzo, &bytes, true).unwrap_err();
    assert!(matches!(error, ReplyError::Packet(PacketError::TooLong { .. })));
}

#[test]
fn a_reply_cut_anywhere_is_an_error_and_leaves_no_file() {
    for compression in BOTH {
        let reader = Reader::new();
        let bytes = written(compression, 0, b"warning", b"output", b"object");
        for length in 0..bytes.len() {
            match reader.read(compression, &bytes[..length], false).unwrap_err() {
                ReplyError::Unanswered(Failure::Closed) => assert_eq!(length, 0),
                ReplyError::Cut(Failure::Closed) => assert_ne!(length, 0),
                other => panic!("{length}: {other:?}"),
            }
            assert_eq!(reader.files(), 0);
        }
    }
}

#[test]
fn a_reply_that_stops_anywhere_is_a_stall() {
    let reader = Reader::new();
    let bytes = written(Compression::None, 0, b"warning", b"output", b"object");
    for length in 0..bytes.len() {
        let error = reader.read(Compression::None, &bytes[..length], true).unwrap_err();
        let stalled = matches!(
            error,
            ReplyError::Unanswered(Failure::Stalled(SHORT))
                | ReplyError::Cut(Failure::Stalled(SHORT))
        );
        assert!(stalled, "{length}: {error:?}");
    }
}

#[test]
fn an_object_that_cannot_be_written_is_our_own_fault() {
    let reader = Reader::new();
    fs::remove_dir(reader.directory.path()).unwrap();
    let bytes = written(Compression::None, 0, b"", b"", b"object");
    let error = reader.read(Compression::None, &bytes, true).unwrap_err();
    assert!(matches!(error, ReplyError::Output(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_an_answer_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..500), lzo in any::<bool>(), open in any::<bool>(),
    ) {
        let reader = Reader::new();
        let compression = BOTH[usize::from(lzo)];
        drop(reader.read(compression, &bytes, open));
        prop_assert_eq!(reader.files(), 0);
    }

    #[test]
    fn a_damaged_reply_is_an_answer_or_an_error(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), lzo in any::<bool>(), open in any::<bool>(),
    ) {
        let reader = Reader::new();
        let compression = BOTH[usize::from(lzo)];
        let mut bytes = written(compression, 0, b"a warning, a warning", b"output", &b"object".repeat(30));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        drop(reader.read(compression, &bytes, open));
        prop_assert_eq!(reader.files(), 0);
    }
}
