//! The lines of a file without its comments and without the definitions that may be dropped.
//!
//! Is told where lines, comments and definitions are; doesn't look for them. The text that it makes is only hashed.
//! It holds marks, which no scanned file has, for what a comment's blanks don't show:
//! - that a line begins with a comment, in whose column gcc's `-Wmisleading-indentation` sees the line begin;
//! - that a comment joins two lines, which matters in a directive;
//! - that a line which is gone began left of its next one: to that warning it excuses the statement behind it.

use std::ops::Range;

use memchr::memchr_iter;

use super::indentation::{LEADING_COMMENT, goes_on, indent};
use super::{ContentHash, Doubt};

const GONE: u8 = 2;
const JOINED: u8 = 4;
const NO_NEWLINE: u8 = 3;

/// gcc gives up the columns of a long line and of those behind it, be it long by its comment.
const LONGEST_LINE: usize = 1000;

pub(super) struct Skeleton<'a> {
    text: &'a [u8],
    /// What is before this was copied or left out.
    copied: usize,
    /// Where the current line begins in `text`, and in `out`.
    line: usize,
    start: usize,
    out: Vec<u8>,
    /// How many lines are gone before a line that is kept.
    gaps: Vec<(u32, u32)>,
    gap: u32,
    lines: u32,
    /// Whether the current line has a comment; whether it continues its last one.
    commented: bool,
    spliced: bool,
    /// Whether the current line begins within a comment that is kept.
    veiled: bool,
    /// Where the last comment ends that is kept.
    kept: usize,
    /// How far the lines were indented that are gone since the last line that is kept.
    gone: Vec<&'a [u8]>,
    tentative: Option<Tentative<'a>>,
}

/// The state before a definition that may be dropped.
struct Tentative<'a> {
    out: usize,
    gaps: usize,
    gap: u32,
    lines: u32,
    gone: usize,
    physical: u32,
    indents: Vec<&'a [u8]>,
}

/// How a line ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It does.
    Newline,
    /// By a backslash.
    Splice,
    /// Within a comment that is kept, or one that joins what is around it.
    Held,
}

impl<'a> Skeleton<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            copied: 0,
            line: 0,
            start: 0,
            out: Vec::with_capacity(text.len() + text.len() / 8),
            gaps: Vec::new(),
            gap: 0,
            lines: 0,
            commented: false,
            spliced: false,
            veiled: false,
            kept: 0,
            gone: Vec::new(),
            tentative: None,
        }
    }

    /// How many lines were kept so far.
    pub(super) fn lines(&self) -> u32 {
        self.lines
    }

    /// Whether the current line continues its last one.
    pub(super) fn continues(&self) -> bool {
        self.spliced
    }

    /// Where the current line begins.
    pub(super) fn line_start(&self) -> usize {
        self.line
    }

    fn copy(&mut self, to: usize) {
        if let Some(piece) = self.text.get(self.copied..to) {
            self.out.extend_from_slice(piece);
        }
        self.copied = to;
    }

    /// Ends the line whose newline is at `at`.
    pub(super) fn end_line(&mut self, at: usize, end: End) -> Result<(), Doubt> {
        self.copy(at);
        // What `-fallthrough` ends with matters.
        let is_blank = |byte: &u8| matches!(*byte, b' ' | b'\t' | LEADING_COMMENT);
        while self.kept < at && self.out.len() > self.start && self.out.last().is_some_and(is_blank)
        {
            self.out.pop();
        }
        let changed = self.commented
            || self.tentative.is_some()
            || self.out.len() - self.start != at - self.line;
        if changed && at - self.line > LONGEST_LINE {
            return Err(Doubt::LongLine);
        }
        let indent = indent(&self.text[self.line..at]);
        let empty = self.out.len() == self.start;
        if let Some(tentative) = &mut self.tentative {
            tentative.physical += 1;
        }
        if empty && end != End::Held && !self.spliced {
            self.gap += 1;
            if indent.len() < at - self.line {
                self.gone.push(indent);
            }
        } else {
            match &mut self.tentative {
                Some(tentative) => tentative.indents.push(indent),
                None if !empty => self.settle(indent, self.gone.len(), false),
                None => {}
            }
            if self.gap > 0 {
                self.gaps.push((self.lines, self.gap));
                self.gap = 0;
            }
            self.out.push(b'\n');
            self.lines += 1;
        }
        self.start = self.out.len();
        self.copied = at + 1;
        self.line = at + 1;
        self.commented = false;
        self.veiled = false;
        self.spliced = end == End::Splice;
        Ok(())
    }

    /// Adds marks for the first `count` lines that are gone, if they began left of the current line, which is kept.
    fn settle(&mut self, indent: &[u8], count: usize, directive: bool) {
        if self.gone.is_empty() {
            return;
        }
        let within = !directive && (self.veiled || goes_on(&self.out[self.start..]));
        let mut marked: Vec<&[u8]> = Vec::new();
        for gone in self.gone.drain(..count) {
            // Byte by byte, since nobody knows how wide a tab is.
            if (within || !gone.starts_with(indent)) && !marked.contains(&gone) {
                marked.push(gone);
            }
        }
        // Which of them is first doesn't matter.
        marked.sort_unstable();
        for gone in marked {
            self.out.push(GONE);
            self.out.extend_from_slice(gone);
        }
    }

    /// Takes up a comment; `joins` if the same line of code goes on behind it.
    pub(super) fn comment(
        &mut self,
        at: Range<usize>,
        kept: bool,
        joins: bool,
    ) -> Result<(), Doubt> {
        self.commented = true;
        if kept {
            self.kept = at.end;
            self.veiled |= indent(&self.text[self.line..at.start]).len() == at.start - self.line;
        } else {
            self.copy(at.start);
        }
        let mut from = at.start;
        for newline in memchr_iter(b'\n', &self.text[at.clone()]) {
            let newline = at.start + newline;
            if !kept {
                self.copied = newline;
                if joins {
                    self.out.push(JOINED);
                }
            }
            self.end_line(newline, if kept || joins { End::Held } else { End::Newline })?;
            self.commented = true;
            self.veiled = kept;
            from = newline + 1;
        }
        if !kept {
            self.blank(from..at.end);
        }
        Ok(())
    }

    /// Writes blanks as wide as a piece of a comment.
    fn blank(&mut self, piece: Range<usize>) {
        let leads = self.out[self.start..].iter().all(|&byte| matches!(byte, b' ' | b'\t'));
        let text = &self.text[piece.clone()];
        self.copied = piece.end;
        let from = self.out.len();
        self.out.extend(text.iter().map(|&byte| if byte == b'\t' { byte } else { b' ' }));
        let first = text.iter().position(|&byte| !matches!(byte, b' ' | b'\t'));
        if let (true, Some(first)) = (leads, first) {
            self.out[from + first] = LEADING_COMMENT;
        }
    }

    /// Notes that the current line begins a definition that may be dropped.
    pub(super) fn begin_definition(&mut self) {
        self.tentative = Some(Tentative {
            out: self.start,
            gaps: self.gaps.len(),
            gap: self.gap,
            lines: self.lines,
            gone: self.gone.len(),
            physical: 0,
            indents: Vec::new(),
        });
    }

    /// What was kept of the definition.
    pub(super) fn definition(&self) -> Option<&[u8]> {
        self.tentative.as_ref().map(|tentative| &self.out[tentative.out..])
    }

    /// Ends a definition.
    pub(super) fn end_definition(&mut self, dropped: bool) {
        let Some(tentative) = self.tentative.take() else { return };
        if dropped {
            self.out.truncate(tentative.out);
            self.gaps.truncate(tentative.gaps);
            self.gap = tentative.gap + tentative.physical;
            self.lines = tentative.lines;
            self.gone.extend(tentative.indents);
        } else {
            let first = tentative.indents.first().copied().unwrap_or_default();
            self.settle(first, tentative.gone, true);
        }
        self.start = self.out.len();
    }

    /// The hash with all positions, and the one without lines that are gone.
    pub(super) fn finish(mut self) -> (ContentHash, ContentHash) {
        if self.text.last().is_some_and(|&byte| byte != b'\n') {
            self.out.push(NO_NEWLINE);
        }
        self.gaps.push((self.lines, self.gap));
        let flowing = ContentHash::of(&self.out);
        let mut layout = Vec::with_capacity(32 + 8 * self.gaps.len());
        layout.extend_from_slice(&flowing.0);
        for (line, count) in self.gaps {
            layout.extend_from_slice(&line.to_le_bytes());
            layout.extend_from_slice(&count.to_le_bytes());
        }
        (ContentHash::of(&layout), flowing)
    }
}
