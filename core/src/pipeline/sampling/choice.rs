//! Which jobs are compiled twice: by chance, as the seed has it, so that no kind of job is left out for ever.

use std::hash::{BuildHasher, RandomState};

use crate::job::JobId;

/// Chooses jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chooser {
    seed: u64,
}

impl Default for Chooser {
    /// Chooses otherwise in each process.
    fn default() -> Self {
        Self::new(RandomState::new().hash_one(0))
    }
}

impl Chooser {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Whether a job is among the `share` of all.
    pub(super) fn chooses(self, share: f64, job: JobId) -> bool {
        // The finalizer of splitmix64 (Steele, Lea, Flood 2014): neighbours have nothing in common.
        let mut mixed = self.seed ^ job.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((mixed >> 11) as f64) < share * (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(seed: u64, share: f64) -> Vec<u64> {
        let chooser = Chooser::new(seed);
        (0..10_000).filter(|job| chooser.chooses(share, JobId(*job))).collect()
    }

    #[test]
    fn about_the_share_is_chosen() {
        for share in [0.01, 0.3, 0.9] {
            let part = chosen(7, share).len() as f64 / 10_000.0;
            assert!((part - share).abs() < 0.02, "{share}: {part}");
        }
    }

    #[test]
    fn none_and_all_are_exact() {
        assert!(chosen(7, 0.0).is_empty());
        assert_eq!(chosen(7, 1.0).len(), 10_000);
    }

    #[test]
    fn a_seed_chooses_the_same_jobs_each_time_and_another_one_others() {
        assert_eq!(chosen(7, 0.01), chosen(7, 0.01));
        assert_ne!(chosen(7, 0.01), chosen(8, 0.01));
    }
}
