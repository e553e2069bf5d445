//! The decompressor: bounded memory whatever the stream says.
//!
//! Keeps only as much of its output as a match can reach back to, and writes the rest away as it goes. So a hostile
//! stream can make the output [`MAX_EXPANSION`] times as long as itself, but not make us hold it.

use std::io::{self, Write};

use super::{MAX_DISTANCE, MIDDLE_DISTANCE, NEAR_DISTANCE};

/// The most output bytes for one byte of a stream.
pub const MAX_EXPANSION: usize = 255;

/// Output is written when this much of it has come together.
const BATCH: usize = 256 * 1024;

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// It ends in the middle of an instruction or without the end marker.
    #[error("the compressed data ends too early")]
    Truncated,
    /// A match reaches back to before the output's start.
    #[error("the compressed data refers to what is not there")]
    Distance,
    /// There is more behind the end marker, this many bytes.
    #[error("{0} bytes follow the end of the compressed data")]
    TrailingBytes(usize),
}

/// Why a stream could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// The stream is no LZO1X.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The output could not be written.
    #[error("can't write what was decompressed: {0}")]
    Write(#[from] io::Error),
}

/// Decompresses `input` into `sink`, in pieces.
///
/// # Errors
/// [`DecompressError::Corrupt`] where the stream breaks the format (some output may have been written by then), and
/// [`DecompressError::Write`] where `sink` takes no more.
pub fn decompress(input: &[u8], sink: &mut impl Write) -> Result<(), DecompressError> {
    let mut input = Input(input);
    let mut output = Output { recent: Vec::new(), written: 0, sink };
    let mut literals = Literals::None;
    if let Some(&first @ 18..) = input.0.first() {
        input.byte()?;
        let count = usize::from(first - 17);
        output.literals(input.take(count)?)?;
        literals = if count < 4 { Literals::Few } else { Literals::Run };
    }
    loop {
        let opcode = usize::from(input.byte()?);
        let (distance, length, count) = match opcode {
            0..=15 => match literals {
                Literals::None => {
                    let count = 3 + input.length(opcode, 15)?;
                    output.literals(input.take(count)?)?;
                    literals = Literals::Run;
                    continue;
                }
                Literals::Few => {
                    let high = usize::from(input.byte()?);
                    ((high << 2) + (opcode >> 2) + 1, 2, opcode & 3)
                }
                Literals::Run => {
                    let high = usize::from(input.byte()?);
                    ((high << 2) + (opcode >> 2) + NEAR_DISTANCE + 1, 3, opcode & 3)
                }
            },
            16..=31 => {
                let length = 2 + input.length(opcode & 7, 7)?;
                let word = input.word()?;
                let distance = MIDDLE_DISTANCE + ((opcode & 8) << 11) + (word >> 2);
                if distance == MIDDLE_DISTANCE {
                    output.flush()?;
                    return match input.0.len() {
                        0 => Ok(()),
                        rest => Err(Corrupt::TrailingBytes(rest).into()),
                    };
                }
                (distance, length, word & 3)
            }
            32..=63 => {
                let length = 2 + input.length(opcode & 31, 31)?;
                let word = input.word()?;
                ((word >> 2) + 1, length, word & 3)
            }
            _ => {
                let high = usize::from(input.byte()?);
                ((high << 3) + (opcode >> 2 & 7) + 1, (opcode >> 5) + 1, opcode & 3)
            }
        };
        output.matched(distance, length)?;
        output.literals(input.take(count)?)?;
        literals = if count == 0 { Literals::None } else { Literals::Few };
    }
}

/// How many literals the last instruction copied: the meaning of opcodes below 16 depends on it.
#[derive(Clone, Copy)]
enum Literals {
    None,
    /// One to three.
    Few,
    /// Four or more.
    Run,
}

/// What is left of the stream.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    #[inline]
    fn byte(&mut self) -> Result<u8, Corrupt> {
        let (&byte, rest) = self.0.split_first().ok_or(Corrupt::Truncated)?;
        self.0 = rest;
        Ok(byte)
    }

    #[inline]
    fn word(&mut self) -> Result<usize, Corrupt> {
        let low = self.byte()?;
        let high = self.byte()?;
        Ok(usize::from(u16::from_le_bytes([low, high])))
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Corrupt::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A length: `short` itself, or if that is zero, `base` and 255 for each zero byte and the byte after them.
    #[inline]
    fn length(&mut self, short: usize, base: usize) -> Result<usize, Corrupt> {
        if short != 0 {
            return Ok(short);
        }
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        self.take(zeros)?;
        let last = usize::from(self.byte()?);
        // A buffer of 2^56 bytes would be needed to overflow this.
        Ok(base.saturating_add(zeros.saturating_mul(255)).saturating_add(last))
    }
}

/// The end of the output, and the way out for the rest.
struct Output<'a, W> {
    recent: Vec<u8>,
    /// How much of `recent` is already out.
    written: usize,
    sink: &'a mut W,
}

impl<W: Write> Output<'_, W> {
    #[inline]
    fn literals(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(BATCH) {
            self.recent.extend_from_slice(piece);
            self.make_room()?;
        }
        Ok(())
    }

    #[inline]
    fn matched(&mut self, distance: usize, mut length: usize) -> Result<(), DecompressError> {
        while length > 0 {
            let start = self.recent.len().checked_sub(distance).ok_or(Corrupt::Distance)?;
            let mut piece = length.min(BATCH);
            length -= piece;
            while piece > 0 {
                // A match may reach into itself: then it repeats what lies before it.
                let count = piece.min(self.recent.len() - start);
                self.recent.extend_from_within(start..start + count);
                piece -= count;
            }
            self.make_room()?;
        }
        Ok(())
    }

    #[inline]
    fn make_room(&mut self) -> io::Result<()> {
        if self.recent.len() < BATCH + MAX_DISTANCE {
            return Ok(());
        }
        self.flush()?;
        self.recent.drain(..self.recent.len() - MAX_DISTANCE);
        self.written = MAX_DISTANCE;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.write_all(&self.recent[self.written..])?;
        self.written = self.recent.len();
        Ok(())
    }
}
