//! What is to be compiled again: few at a time, since each holds its text.

use std::collections::VecDeque;
use std::sync::Arc;

use super::content::Content;
use crate::job::SharedJob;
use crate::pipeline::placing::Finishing;
use crate::protocol::message::BuildId;

/// The most samples that wait, and the most bytes of text that they hold.
const MOST: usize = 32;
const MOST_BYTES: usize = 64 << 20;

/// A job whose result is to be compared.
pub(super) struct Sample {
    /// Who compiled it.
    pub(super) host: String,
    /// Which of that host's deliveries it is.
    pub(super) number: u64,
    pub(super) job: SharedJob,
    pub(super) finishing: Arc<Finishing>,
    /// What came of it, the object last.
    pub(super) contents: Vec<Content>,
    pub(super) build: Option<BuildId>,
    /// Local CPU is somebody else's to give out: only other hosts may compile it.
    pub(super) alone: bool,
}

/// Something to do.
pub(super) enum Work {
    /// Compile a job again and compare.
    Sample(Sample),
    /// Make again what this host made.
    Redo(String),
}

#[derive(Default)]
pub(super) struct Queue {
    /// Hosts all of whose work is in doubt.
    redo: VecDeque<String>,
    samples: VecDeque<Sample>,
    bytes: usize,
}

impl Queue {
    /// Adds a sample. Older ones give way if there is no room, since a host's last work says most of it; how many.
    pub(super) fn push(&mut self, sample: Sample) -> u64 {
        let size = sample.job.text.bytes.len();
        if size > MOST_BYTES {
            return 1;
        }
        let mut dropped = 0;
        while self.samples.len() >= MOST || self.bytes + size > MOST_BYTES {
            if self.pop_sample().is_none() {
                break;
            }
            dropped += 1;
        }
        self.bytes += size;
        self.samples.push_back(sample);
        dropped
    }

    /// Puts a sample back that was taken out, before all others: a host's samples are judged in their order, because one
    /// that is right speaks for what came before.
    pub(super) fn put_back(&mut self, sample: Sample) {
        self.bytes += sample.job.text.bytes.len();
        self.samples.push_front(sample);
    }

    /// Has made again what a host made, before any sample.
    pub(super) fn push_redo(&mut self, host: String) {
        if !self.redo.contains(&host) {
            self.redo.push_back(host);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Work> {
        match self.redo.pop_front() {
            Some(host) => Some(Work::Redo(host)),
            None => self.pop_sample().map(Work::Sample),
        }
    }

    pub(super) fn has_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    fn pop_sample(&mut self) -> Option<Sample> {
        let sample = self.samples.pop_front()?;
        self.bytes -= sample.job.text.bytes.len();
        Some(sample)
    }
}
