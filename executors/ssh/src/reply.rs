//! What a board answers to a job, each part checked as it arrives.
//!
//! One line with a status and sizes, then as many bytes. There is no name in it: which files there are was said in the
//! request, and where they belong is known here alone. Nothing that is announced is believed: room is made for what has
//! arrived, an output goes to its file piece by piece, and sizes have limits. Knows neither hosts nor processes.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use farmbuild_core::job::CompilerStatus;
use farmbuild_core::staging::StagedFile;
use tokio::io::AsyncRead;

use crate::lines::{Failure, Incoming};

/// The most bytes of standard output, and of standard error, that are held for one job. A reply with more is refused, not
/// cut: the job then runs at home, where everything is printed.
pub const DIAGNOSTICS_LIMIT: u64 = 32 * 1024 * 1024;

/// The most bytes of one output. A compile that makes more is for home.
pub const OUTPUT_LIMIT: u64 = 4 * 1024 * 1024 * 1024;

/// How much of an output is held before it is written.
const PIECE: u64 = 64 * 1024;

/// The line before the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The compiler ran.
    Done {
        status: CompilerStatus,
        stdout: u64,
        stderr: u64,
        /// Of each file that was asked for; `None` where there is none. Empty after a compile that failed.
        outputs: Vec<Option<u64>>,
    },
    /// Inputs aren't in the store any more: their places in the request.
    Lacks(Vec<usize>),
    /// An output is there while the compile goes on, of so many bytes.
    Early(u64),
    /// There is no such compiler.
    NoCompiler,
    /// A compile can't be given a room of its own.
    NoRoom,
    /// The session ends, for a reason that is a word and a text of the board's.
    Failed { word: String, text: String },
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("it sent \"{0}\" where an answer belongs")]
    NoAnswer(String),
    #[error("it sent the sizes of {found} files where {wanted} belong")]
    Count { wanted: usize, found: usize },
    #[error("it sent {what} of {size} bytes, and {limit} is the most")]
    TooLong { what: &'static str, size: u64, limit: u64 },
}

/// Reads the line of an answer to a request for `wanted` files, with so many inputs.
pub(crate) fn parse(line: &str, wanted: usize, inputs: usize) -> Result<Answer, AnswerError> {
    let odd = || {
        let shown: String = line.chars().take(60).collect();
        AnswerError::NoAnswer(shown.escape_debug().to_string())
    };
    let mut words = line.split(' ');
    match words.next() {
        Some("none") if words.next().is_none() => return Ok(Answer::NoCompiler),
        Some("fail") => {
            let rest = line.strip_prefix("fail ").ok_or_else(odd)?;
            let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let text = text.chars().take(400).collect::<String>().trim().escape_debug().to_string();
            return Ok(Answer::Failed { word: word.to_owned(), text });
        }
        Some("noroom") if words.next().is_none() => return Ok(Answer::NoRoom),
        Some("done" | "lack" | "early") => {}
        _ => return Err(odd()),
    }
    let number = |word: &str| {
        // `parse` takes a sign too.
        word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse::<u64>().ok()).flatten()
    };
    if line.starts_with("lack ") {
        // Counted from one, and in order, so that there is an end to them.
        let mut lacking: Vec<usize> = Vec::new();
        for word in words {
            let at = number(word).and_then(|at| usize::try_from(at).ok()?.checked_sub(1));
            let at = at.filter(|at| *at < inputs && lacking.last().is_none_or(|last| last < at));
            lacking.push(at.ok_or_else(odd)?);
        }
        return Ok(Answer::Lacks(lacking));
    }
    if let Some(size) = line.strip_prefix("early ") {
        return match number(size).ok_or_else(odd)? {
            size if size > OUTPUT_LIMIT => {
                Err(AnswerError::TooLong { what: "a file", size, limit: OUTPUT_LIMIT })
            }
            size => Ok(Answer::Early(size)),
        };
    }
    let code = words.next().and_then(number).filter(|code| *code < 256).ok_or_else(odd)?;
    let mut said = || words.next().and_then(number).ok_or_else(odd);
    let (stdout, stderr) = (said()?, said()?);
    let mut outputs = Vec::new();
    for word in words {
        outputs.push(match word {
            "-" => None,
            word => Some(number(word).ok_or_else(odd)?),
        });
    }
    for (what, size) in [("a standard output", stdout), ("a standard error", stderr)] {
        let limit = DIAGNOSTICS_LIMIT;
        if size > limit {
            return Err(AnswerError::TooLong { what, size, limit });
        }
    }
    if let Some(size) = outputs.iter().flatten().copied().find(|size| *size > OUTPUT_LIMIT) {
        return Err(AnswerError::TooLong { what: "a file", size, limit: OUTPUT_LIMIT });
    }
    let wanted = if code == 0 { wanted } else { 0 };
    if outputs.len() != wanted {
        return Err(AnswerError::Count { wanted, found: outputs.len() });
    }
    // It fits: it is below 256. A shell's status for a signal; no compiler exits with one like it.
    let code = code as i32;
    let status = if code > 128 {
        CompilerStatus::Signaled(code - 128)
    } else {
        CompilerStatus::Exited(code)
    };
    Ok(Answer::Done { status, stdout, stderr, outputs })
}

/// Why what was announced didn't arrive.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The connection failed.
    Cut(Failure),
    /// A file can't be written here.
    Output(io::Error),
}

/// What was printed, as long as it was announced.
pub(crate) async fn text<R: AsyncRead + Unpin>(
    incoming: &mut Incoming<R>,
    length: u64,
    patience: Duration,
) -> Result<Bytes, BodyError> {
    let mut text = Vec::new();
    copy(incoming, length, patience, &mut text).await?;
    Ok(text.into())
}

/// A file, as long as it was announced, on its way to `place`.
pub(crate) async fn file<R: AsyncRead + Unpin>(
    incoming: &mut Incoming<R>,
    length: u64,
    patience: Duration,
    (place, umask): (&Path, u32),
) -> Result<StagedFile, BodyError> {
    let mut staged = StagedFile::create(place, umask).map_err(BodyError::Output)?;
    copy(incoming, length, patience, staged.file()).await?;
    Ok(staged)
}

async fn copy<R: AsyncRead + Unpin>(
    incoming: &mut Incoming<R>,
    mut left: u64,
    patience: Duration,
    into: &mut (impl Write + Send),
) -> Result<(), BodyError> {
    // It fits: the constant is small.
    let mut piece = Vec::with_capacity(left.min(PIECE) as usize);
    while left > 0 {
        let count =
            incoming.piece(left.min(PIECE), patience, &mut piece).await.map_err(BodyError::Cut)?;
        left -= count as u64;
        // So little at a time only goes to memory.
        into.write_all(&piece).map_err(BodyError::Output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_is_read_as_the_document_says() {
        let done = |status, stdout, stderr, outputs: &[Option<u64>]| {
            Ok(Answer::Done { status, stdout, stderr, outputs: outputs.to_vec() })
        };
        let exited = CompilerStatus::Exited;
        assert_eq!(parse("done 0 0 12 3456 -", 2, 3), done(exited(0), 0, 12, &[Some(3456), None]));
        assert_eq!(parse("done 1 0 99", 2, 3), done(exited(1), 0, 99, &[]));
        assert_eq!(parse("done 139 0 0", 1, 3), done(CompilerStatus::Signaled(11), 0, 0, &[]));
        assert_eq!(parse("none", 1, 3), Ok(Answer::NoCompiler));
        assert_eq!(parse("lack 1 3", 1, 3), Ok(Answer::Lacks(vec![0, 2])));
        assert_eq!(parse("early 12", 1, 3), Ok(Answer::Early(12)));
        assert_eq!(parse("noroom", 1, 3), Ok(Answer::NoRoom));
        let failed = Answer::Failed { word: "place".to_owned(), text: "No\\u{7} space".to_owned() };
        assert_eq!(parse("fail place No\x07 space", 1, 3), Ok(failed));
    }

    #[test]
    fn what_is_no_answer_is_named() {
        for line in [
            "",
            "done",
            "done 0",
            "done 0 0 x",
            "done +0 0 0 1",
            "HTTP/1.1 400",
            "done 256 0 0",
            "failure",
            "lack",
            "early",
            "early -1",
            "early 1 2",
            "lack 0",
            "lack 4",
            "lack 2 2",
            "lack -1",
        ] {
            assert!(matches!(parse(line, 1, 3), Err(AnswerError::NoAnswer(_))), "{line}");
        }
        for line in ["done 0 0 0", "done 0 0 0 1 1", "done 1 0 0 1"] {
            assert!(matches!(parse(line, 1, 3), Err(AnswerError::Count { .. })), "{line}");
        }
    }

    #[test]
    fn ten_gibibytes_are_refused_before_a_byte_is_read() {
        for line in [
            "done 0 0 0 10737418240",
            "done 0 10737418240 0 1",
            "done 0 0 10737418240 1",
            "early 10737418240",
        ] {
            assert!(matches!(parse(line, 1, 3), Err(AnswerError::TooLong { .. })), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_understood_within_the_limits_or_refused(
            line in "(done |fail |none|lack |early )?[ -~0-9-]{0,60}", wanted in 1..4_usize,
        ) {
            let answer = parse(&line, wanted, 3);
            if let Ok(Answer::Early(size)) = answer {
                prop_assert!(size <= OUTPUT_LIMIT);
            }
            if let Ok(Answer::Lacks(lacking)) = &answer {
                prop_assert!(lacking.len() <= 3 && lacking.iter().all(|at| *at < 3));
            }
            if let Ok(Answer::Done { stdout, stderr, outputs, .. }) = answer {
                prop_assert!(stdout.max(stderr) <= DIAGNOSTICS_LIMIT);
                prop_assert!(outputs.is_empty() || outputs.len() == wanted);
                prop_assert!(outputs.iter().flatten().all(|size| *size <= OUTPUT_LIMIT));
            }
        }

        #[test]
        fn a_body_is_never_more_than_what_was_announced_and_never_less(
            sent in prop::collection::vec(any::<u8>(), 0..3000), announced in 0..3000_u64,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let mut incoming = Incoming::new(&sent[..]);
            let got = runtime.block_on(text(&mut incoming, announced, Duration::from_secs(5)));
            match got {
                Ok(got) => prop_assert_eq!(&got[..], &sent[..announced as usize]),
                Err(error) => {
                    prop_assert!(matches!(error, BodyError::Cut(Failure::Closed)));
                    prop_assert!((sent.len() as u64) < announced);
                }
            }
        }
    }
}
